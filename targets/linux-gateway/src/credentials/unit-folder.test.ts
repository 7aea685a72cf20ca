/** The folder of a unit as the unit reads it: what is missing, wrong or old is named with its file and what to do. */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryState, type ClockPort } from "ebalance";
import { NodeCrypto } from "@ebalance/gateway";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../gateway/plan";
import { GridFolder } from "./grid-folder";
import { openUnitFolder } from "./open-unit-folder";
import { plannedCredentials } from "./planned-credentials";
import { UnitFolder } from "./unit-folder";

const day = 86_400;
const startS = 1_800_000_000;
const plan: Plan = {
  domain: "elm-street",
  units: {
    lv: { owner: "operator", services: ["grid"] },
    home: { parent: "lv", owner: "customer", services: ["display"] },
    meter: { parent: "home", owner: "customer", services: ["metering"], policy: { sequence: 1, entries: [] } },
  },
};

let made = "";
let grid = "";
let crypto = new NodeCrypto();
beforeAll(() => {
  made = mkdtempSync(join(tmpdir(), "ebalance-made-"));
  new GridFolder(made, { nowS: startS }).plan(plannedCredentials(plan));
});
afterAll(() => rmSync(made, { recursive: true }));
beforeEach(() => {
  crypto = new NodeCrypto();
  grid = mkdtempSync(join(tmpdir(), "ebalance-grid-"));
  cpSync(made, grid, { recursive: true });
});
afterEach(() => rmSync(grid, { recursive: true }));

const file = (name: string, unit = "home") => join(grid, "units", unit, name);
const clockAt = (nowS: number): ClockPort => ({ wallMs: () => nowS * 1000, monotonicMs: () => 0, isSet: () => true });
const read = (unit = "home", nowS = startS, state = new MemoryState()) => new UnitFolder(join(grid, "units", unit), unit, { crypto, clock: clockAt(nowS), openState: () => state });

describe("SP-5 the folder of a unit", () => {
  test("says who the unit is, under what it acts, and who is below it", () => {
    const folder = read();
    expect(folder.credential).toMatchObject({ subject: "home", parents: ["lv"], below: ["meter"] });
    expect(folder.delegations.map(({ issuer, service }) => [issuer, service])).toEqual([["customer", "display"]]);
    expect(folder.children.map(({ subject }) => subject)).toEqual(["meter"]);
    expect(folder.warnings).toEqual([]);
    expect(read("meter").policy).toEqual({ sequence: 1, entries: [] });
    folder.close();
    expect(() => crypto.publicKey(folder.key("es256"))).toThrow(/is not a key/);
  });

  test("warns of a credential that devices below would not accept", () => {
    const desk = new GridFolder(grid, { nowS: startS });
    const below = ["meter", ...Array.from({ length: 60 }, (_, i) => `meter-of-elm-street-${i}`)];
    desk.unit({ unit: "home", role: "gateway", owner: "customer", parents: ["lv"], below });
    expect(read().warnings).toEqual([expect.stringMatching(/^a credential in .*home has 1\d\d\d bytes: devices below that accept at most 1024 cannot join; make it anew with ebalance keys, with fewer/)]);
    desk.close();
    writeFileSync(file("unit.cwt"), new Uint8Array(32_769));
    expect(() => read()).toThrow(/unit\.cwt has 32769 bytes, at most 32768 are read; make it anew with ebalance keys, with fewer/);
  });

  test("gives a unit and the one above it the same password for a broker, and nobody else", () => {
    const [client] = read("home").clients;
    expect(client).toEqual({ id: "meter", password: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(read("meter").accountAt("home").password()).toBe(client!.password);
    expect(read("home").accountAt("lv").password()).not.toBe(client!.password);
    rmSync(file("home.unit.cwt", "meter"));
    expect(() => read("meter").accountAt("home").password()).toThrow(/home\.unit\.cwt is not there, or does not hold: without it meter has no password at the broker of home/);
  });

  test("says which unit above is joined: the first that the credential names, or the one that is wanted", () => {
    expect(read("meter").parent(undefined)).toBe("home");
    expect(() => read("meter").parent("lv")).toThrow(/the credential of meter in .* names only home, not lv; correct the plan/);
    expect(() => read("lv").parent(undefined)).toThrow(/names no unit above/);
  });

  test.each<[string, () => void, RegExp]>([
    ["has no root", () => rmSync(file("root.cwt")), /root\.cwt is not there; make it anew with ebalance keys/],
    ["has no credential", () => rmSync(file("unit.cwt")), /unit\.cwt is not there/],
    ["has the credential of another unit", () => copyFileSync(file("unit.cwt", "lv"), file("unit.cwt")), /unit\.cwt is of lv, not of the unit home; the folder of home belongs here$/],
    ["has the keys of another unit", () => copyFileSync(file("unit.key.json", "lv"), file("unit.key.json")), /unit\.key\.json: of is lv, not home/],
    ["has keys that are not the credential's", () => writeFileSync(file("unit.key.json"), readFileSync(file("unit.key.json", "lv"), "utf8").replace('"lv"', '"home"')), /do not belong together; copy the folder of the unit again, all of it$/],
    ["has keys that others can read", () => chmodSync(file("unit.key.json"), 0o644), /unit\.key\.json has mode 644: others can read it; chmod 600 it/],
    ["has keys of a stakeholder", () => writeFileSync(file("unit.key.json"), readFileSync(join(grid, "stakeholders/customer/stakeholder.key.json"), "utf8").replace('"customer"', '"home"')), /ecdh-p256 is missing; make it anew/],
    ["has the root of another grid", () => otherRoot(), /unit\.cwt is signed by another root than that of elm-street in root\.cwt: a folder is of one grid; copy it again, all of it$/],
    ["has a stakeholder in place of the root", () => copyFileSync(file("customer.stakeholder.cwt"), file("root.cwt")), /root\.cwt: the credential of customer is none of a root/],
    ["has a policy that is none", () => writeFileSync(file("policy.json"), "{}"), /policy\.json: .*sequence/],
    ["has a revocation list that somebody else has made", () => writeFileSync(file("revocations.cbor"), readFileSync(file("unit.cwt"))), /revocations\.cbor: .*; make it anew/],
  ])("that %s is refused with its file", (_what, change, message) => {
    change();
    expect(() => read()).toThrow(message);
  });

  test("whose credential has expired is refused, and one that soon will is warned of", () => {
    expect(() => read("home", startS + 365 * day)).toThrow(/unit\.cwt expired at 2028-01-15T08:00:00\.000Z; make it anew/);
    expect(read("home", startS + 345 * day).warnings).toEqual(["customer+display.delegation.cwt", "customer.stakeholder.cwt", "unit.cwt"].map(() => expect.stringMatching(/expires at 2028-01-15T08:00:00\.000Z, in 20 days; make it anew/) as string));
  });

  test.each<[string, () => void, RegExp]>([
    ["whose stakeholder is missing", () => rmSync(file("customer.stakeholder.cwt")), /display\.delegation\.cwt does not count: the delegation to home is signed by one that is not known here; make it anew/],
    ["that is cut off", () => writeFileSync(file("customer+display.delegation.cwt"), readFileSync(file("customer+display.delegation.cwt")).subarray(0, 100)), /display\.delegation\.cwt holds no credential: its 100 bytes have been cut off or changed; put it aside/],
  ])("a delegation %s is warned of, and the unit can start", (_what, change, message) => {
    change();
    expect(read().warnings).toEqual([expect.stringMatching(message)]);
  });

  test("that is not there, or is another folder of the grid, is said to be that", () => {
    const refusalOf = (path: string) => () => new UnitFolder(join(grid, path), "home", { crypto, clock: clockAt(startS) });
    expect(refusalOf("units/house")).toThrow(/units\/house is not there; ebalance keys makes the folder of home as units\/home in the folder of the grid$/);
    expect(refusalOf(".")).toThrow(`${grid} is the folder of a whole grid; ${join(grid, "units/home")} belongs here`);
    expect(refusalOf("stakeholders/customer")).toThrow(/is the folder of a stakeholder, whose key is on no unit; units\/home in the folder of the grid belongs here$/);
    expect(refusalOf("root/root.cwt")).toThrow(/is no folder/);
  });

  test.each(["house", "meter"])("gets no folder for state where it is that of no unit, or of another one: %s", (name) => {
    const options = { crypto, log: () => {} };
    expect(() => openUnitFolder(join(grid, "units", name), "home", options)).toThrow(expect.objectContaining({ code: "bad-configuration" }));
    expect(existsSync(join(grid, "units", name, "state"))).toBe(false);
    // Its credential is of 2027: the clock is behind, which is said after the folder is known to be its own.
    expect(() => openUnitFolder(join(grid, "units/home"), "home", options)).toThrow(/set the clock/);
    expect(existsSync(join(grid, "units/home/state"))).toBe(true);
  });

  test("is not to be made anew where the clock is behind: that is said", () => {
    expect(() => read("home", startS - day)).toThrow(/unit\.cwt was issued at 2027-01-15T08:00:00\.000Z, and the clock of this machine says 2027-01-14T08:00:00\.000Z: set the clock$/);
    // A clock that is not set is behind of nothing.
    expect(new UnitFolder(join(grid, "units/home"), "home", { crypto, clock: { ...clockAt(startS - day), isSet: () => false } }).warnings).toEqual([]);
  });

  test("a stakeholder that is revoked is said to be, and that its delegations stand under it", () => {
    new GridFolder(grid, { nowS: startS }).revoke(["customer"]);
    expect(read().warnings).toEqual([
      expect.stringMatching(/customer\.stakeholder\.cwt does not count: the credential of stakeholder customer is revoked: epoch 0, at least 1 counts; make it anew/),
      expect.stringMatching(/customer\+display\.delegation\.cwt stands under customer\.stakeholder\.cwt, which does not count itself$/),
    ]);
  });

  test("a delegation that has expired is not acted under", () => {
    new GridFolder(grid, { nowS: startS, days: 31 }).delegate({ stakeholder: "customer", unit: "home", service: "tariff", rights: 1 });
    expect(read().delegations.map(({ service }) => service).sort()).toEqual(["display", "tariff"]);
    const folder = read("home", startS + 32 * day);
    expect(folder.delegations.map(({ service }) => service)).toEqual(["display"]);
    expect(folder.warnings).toEqual([expect.stringMatching(/tariff\.delegation\.cwt expired at 2027-02-15T08:00:00\.000Z; make it anew/)]);
  });

  test("a revocation list counts at once, and an older one put in its place does not take it back", () => {
    const state = new MemoryState();
    const folder = read("home", startS, state);
    new GridFolder(grid, { nowS: startS }).revoke(["meter"]);
    const first = readFileSync(file("revocations.cbor"));
    folder.takeRevocations();
    expect(folder.children).toEqual([]);
    new GridFolder(grid, { nowS: startS }).revoke(["customer"]);
    folder.takeRevocations();
    writeFileSync(file("revocations.cbor"), first);
    expect(() => folder.takeRevocations()).toThrow(/revocations\.cbor: revocation list 1 of elm-street is older than 2, which was seen/);
    expect(() => read("home", startS, state)).toThrow(/is older than 2/);
  });
});

function otherRoot(): void {
  const other = mkdtempSync(join(tmpdir(), "ebalance-other-"));
  new GridFolder(other, { nowS: startS }).root("elm-street");
  copyFileSync(join(other, "root/root.cwt"), file("root.cwt"));
  rmSync(other, { recursive: true });
}
