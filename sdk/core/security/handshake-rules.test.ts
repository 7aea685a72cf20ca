/** What a handshake takes and rests on, piece by piece. */
import { describe, expect, test } from "vitest";
import { Grid, nodeCrypto, nowS } from "../../../tests/scenarios/certified-grid";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { decodeBody, earliestExpiryS, encodeBody, takeUnit } from "./certified-handshake";

describe("SP-1 what a handshake takes", () => {
  test("nobody greets with a credential that is none of a unit", () => {
    const grid = new Grid();
    const { store } = grid.party(nodeCrypto(), grid.unit("home"));
    expect(takeUnit(store, grid.unit("meter").bytes).subject).toBe("meter");
    expect(() => takeUnit(store, grid.stakeholder("customer").bytes)).toThrow("the credential of customer is of a stakeholder, not of a unit");
  });

  test.each([
    ["a field too many", (body: Map<number, CborValue>) => body.set(29, 1)],
    ["a protection that there is none of", (body: Map<number, CborValue>) => body.set(28, 1)],
    ["no statement", (body: Map<number, CborValue>) => body.set(21, [])],
    ["no credentials", (body: Map<number, CborValue>) => body.delete(24)],
    ["nine statements", (body: Map<number, CborValue>) => body.set(21, Array(9).fill(new Uint8Array(8)))],
    ["65 names", (body: Map<number, CborValue>) => body.set(20, Array.from({ length: 65 }, (_, i) => `name ${i}`))],
    ["a name without a letter", (body: Map<number, CborValue>) => body.set(20, [""])],
    ["a credential of 7 bytes", (body: Map<number, CborValue>) => body.set(24, [new Uint8Array(7)])],
  ])("a body with %s is malformed", (_what, change) => {
    const bytes = encodeBody({ names: ["customer"], statements: [new Uint8Array(8)], credentials: [], protection: "mac" });
    expect(decodeBody(bytes).names).toEqual(["customer"]);
    const body = decodeCbor(bytes) as Map<number, CborValue>;
    change(body);
    expect(() => decodeBody(encodeCbor(body, new Uint8Array(2048)))).toThrow(expect.objectContaining({ code: "malformed" }));
  });

  test.each([
    ["the unit below", 10, { meter: 10 }],
    ["the unit above", 20, { home: 20 }],
    ["a delegation", 30, { metering: 30 }],
    ["the stakeholder who has given one", 40, { customer: 40 }],
  ])("a session ends with the credential of %s", (_what, lasts, { meter = 100, home = 100, metering = 100, customer = 100 }: Partial<Record<"meter" | "home" | "metering" | "customer", number>>) => {
    const grid = new Grid();
    const stakeholder = grid.stakeholder("customer", { expiresS: nowS + customer });
    const delegation = grid.delegation(stakeholder, "meter", "metering", { expiresS: nowS + metering });
    const [below, above] = [grid.unit("meter", { expiresS: nowS + meter }), grid.unit("home", { expiresS: nowS + home })];
    const { store } = grid.party(nodeCrypto(), below, [[stakeholder, delegation]]);
    expect(earliestExpiryS(store, { unit: below, delegations: [delegation], names: [] }, { unit: above, delegations: [], names: [] })).toBe(nowS + lasts);
  });
});
