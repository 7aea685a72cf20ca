/** The folder of a unit as the unit reads it: what is missing, wrong or old is named with its file and what to do. */
import { chmodSync, copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryState, type ClockPort } from "ebalance";
import { NodeCrypto } from "@ebalance/gateway";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../gateway/plan";
import { GridFolder } from "./grid-folder";
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
const read = (unit = "home", nowS = startS, state = new MemoryState()) => new UnitFolder(join(grid, "units", unit), unit, { crypto, clock: clockAt(nowS), state });

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
    ["has the root of another grid", () => otherRoot(), /unit\.cwt: the credential of unit home is signed by one that is not known here; make it anew/],
    ["has a stakeholder in place of the root", () => copyFileSync(file("customer.stakeholder.cwt"), file("root.cwt")), /root\.cwt: the credential of customer is none of a root/],
    ["has a policy that is none", () => writeFileSync(file("policy.json"), "{}"), /policy\.json: .*sequence/],
    ["has a revocation list that somebody else has made", () => writeFileSync(file("revocations.cbor"), readFileSync(file("unit.cwt"))), /revocations\.cbor: .*; make it anew/],
  ])("that %s is refused with its file", (_what, change, message) => {
    change();
    expect(() => read()).toThrow(message);
  });

  test("whose credential has expired is refused, and one that soon will is warned of", () => {
    expect(() => read("home", startS + 365 * day)).toThrow(/unit\.cwt: the credential of unit home expired at \d+ s; make it anew/);
    expect(read("home", startS + 345 * day).warnings).toEqual(["customer+display.delegation.cwt", "customer.stakeholder.cwt", "unit.cwt"].map(() => expect.stringMatching(/expires in 20 days; make it anew/) as string));
  });

  test.each<[string, () => void, RegExp]>([
    ["whose stakeholder is missing", () => rmSync(file("customer.stakeholder.cwt")), /display\.delegation\.cwt: the delegation to home is signed by one that is not known here/],
    ["that is half a file", () => writeFileSync(file("customer+display.delegation.cwt"), "half"), /display\.delegation\.cwt holds no credential/],
  ])("a delegation %s is warned of, and the unit can start", (_what, change, message) => {
    change();
    expect(read().warnings).toEqual([expect.stringMatching(message)]);
  });

  test("a delegation that has expired is not acted under", () => {
    new GridFolder(grid, { nowS: startS, days: 31 }).delegate({ stakeholder: "customer", unit: "home", service: "tariff", rights: 1 });
    expect(read().delegations.map(({ service }) => service).sort()).toEqual(["display", "tariff"]);
    const folder = read("home", startS + 32 * day);
    expect(folder.delegations.map(({ service }) => service)).toEqual(["display"]);
    expect(folder.warnings).toEqual([expect.stringMatching(/tariff\.delegation\.cwt: the delegation to home expired at/)]);
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
