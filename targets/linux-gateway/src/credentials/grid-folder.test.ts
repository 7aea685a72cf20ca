/** The folder of a grid: what it holds verifies up to the root, and is made anew where that is due and nowhere else. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateStore, readRevocations, type ClockPort, type Credential, type Delegation, type UnitCredential } from "ebalance";
import { NodeCrypto } from "@ebalance/gateway";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "../gateway/plan";
import { GridFolder } from "./grid-folder";
import { plannedCredentials } from "./planned-credentials";
import { shownFile } from "./show";

const day = 86_400;
const startS = 1_800_000_000;
const plan: Plan = {
  domain: "elm-street",
  units: {
    meter: { parent: "home", owner: "customer", services: ["metering"], policy: { sequence: 1, entries: [] } },
    home: { parent: "lv", owner: "customer", services: ["display"] },
    inverter: { parent: "home", owner: "customer", services: ["bridge"], bridged: true },
    lv: { owner: "operator", services: ["grid"] },
  },
  services: [{ unit: "lv", service: "billing", stakeholder: "supplier", rights: "read", devices: ["meter"] }],
};
const meterless: Plan = { ...plan, units: { home: plan.units["home"]!, lv: plan.units["lv"]! }, services: [] };

let folder = "";
const crypto = new NodeCrypto();
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ebalance-grid-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const make = (from: Plan = plan, nowS = startS) => {
  const grid = new GridFolder(folder, { nowS });
  grid.plan(plannedCredentials(from));
  return grid;
};
const doneTo = (grid: GridFolder) => Object.fromEntries(grid.noted.filter(({ action }) => action !== "kept").map(({ file, action }) => [file, action]));
const bytesOf = (file: string) => new Uint8Array(readFileSync(join(folder, file)));
const clockAt = (nowS: number): ClockPort => ({ wallMs: () => nowS * 1000, monotonicMs: () => 0, isSet: () => true });

/** Takes in what is in the folder of a unit, as it would. */
function storeOf(unit: string, nowS = startS): { store: CertificateStore; all: Credential[] } {
  const files = readdirSync(join(folder, "units", unit)).filter((file) => file.endsWith(".cwt"));
  const store = new CertificateStore(crypto, clockAt(nowS), bytesOf(`units/${unit}/root.cwt`));
  const order = ["stakeholder.cwt", "unit.cwt", "delegation.cwt"];
  const sorted = order.flatMap((end) => files.filter((file) => file.endsWith(end)));
  return { store, all: sorted.map((file) => store.add(bytesOf(`units/${unit}/${file}`))) };
}

describe("SP-5 the folder of a grid", () => {
  test("has for each unit what it needs, trusted up to the root, and no key of anybody else's", () => {
    make();
    expect(readdirSync(join(folder, "units")).sort()).toEqual(["home", "lv", "meter"]);
    expect(readdirSync(join(folder, "units/home")).sort()).toEqual(
      ["customer+bridge.delegation.cwt", "customer+display.delegation.cwt", "customer.stakeholder.cwt", "lv.unit.cwt", "meter.unit.cwt", "root.cwt", "unit.cwt", "unit.key.json"].sort(),
    );
    const { store, all } = storeOf("home");
    expect(store.domain).toBe("elm-street");
    expect(store.unit("home")).toMatchObject({ role: "gateway", owner: "customer", parents: ["lv"], below: ["inverter", "meter"] } satisfies Partial<UnitCredential>);
    expect(store.delegations("home").map(({ service, devices }) => [service, devices])).toEqual([["bridge", ["inverter"]], ["display", undefined]]);
    expect(all).toHaveLength(6);
    expect(storeOf("lv").store.delegations("lv").find(({ service }) => service === "billing")).toMatchObject({ issuer: "supplier", rights: 1, devices: ["meter"] } satisfies Partial<Delegation>);
  });

  test("has private keys that their owner alone can read, each in one place", () => {
    make();
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".key.json"));
    expect(files.sort()).toEqual(["root/root.key.json", "stakeholders/customer/stakeholder.key.json", "stakeholders/operator/stakeholder.key.json", "stakeholders/supplier/stakeholder.key.json", "units/home/unit.key.json", "units/lv/unit.key.json", "units/meter/unit.key.json"]);
    for (const file of files) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    for (const one of ["root", "units", "units/home", "stakeholders"]) expect(statSync(join(folder, one)).mode & 0o777).toBe(0o700);
    const keys = files.flatMap((file) => readFileSync(join(folder, file), "utf8").match(/[0-9a-f]{64}/g) ?? []);
    expect(new Set(keys).size).toBe(keys.length);
    const others = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => /\.(cwt|cbor)$/.test(file));
    for (const file of others) for (const key of keys) expect(readFileSync(join(folder, file)).toString("hex")).not.toContain(key);
  });

  test("stays as it is, byte for byte, when nothing has changed", () => {
    make();
    const before = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => [file, statSync(join(folder, file)).isFile() ? readFileSync(join(folder, file), "hex") : ""]);
    expect(doneTo(make(plan, startS + 30 * day))).toEqual({});
    expect(readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => [file, statSync(join(folder, file)).isFile() ? readFileSync(join(folder, file), "hex") : ""])).toEqual(before);
  });

  test("gets what a change of the plan asks for, and keys stay", () => {
    make(meterless);
    const key = readFileSync(join(folder, "units/home/unit.key.json"), "utf8");
    const done = doneTo(make());
    expect(done).toMatchObject({ "units/home/unit.cwt": "changed", "units/lv/unit.cwt": "changed", "units/meter/unit.cwt": "new", "units/home/meter.unit.cwt": "new", "units/lv/home.unit.cwt": "changed" });
    expect(Object.keys(done)).not.toContain("units/home/customer+display.delegation.cwt");
    expect(readFileSync(join(folder, "units/home/unit.key.json"), "utf8")).toBe(key);
    storeOf("home");
  });

  test("says what is not in the plan any more and counts on, and what a plan cannot say with credentials", () => {
    make();
    expect(make(meterless).warnings.map((warning) => warning.slice(folder.length + 1).split(", and counts")[0])).toEqual([
      "units/home/customer+bridge.delegation.cwt is not in the plan",
      "units/lv/supplier+billing.delegation.cwt is not in the plan",
      "units/meter/unit.cwt is not in the plan",
      "units/meter/customer+metering.delegation.cwt is not in the plan",
    ]);
    expect(make({ ...plan, units: { ...plan.units, meter: { ...plan.units["meter"]!, protection: "encrypt" } } }).warnings).toEqual([expect.stringMatching(/protection of meter counts for session key files alone/)]);
  });

  test("is not made from a plan whose services name devices that there are not", () => {
    const services = [{ unit: "lv", service: "billing", stakeholder: "supplier", devices: ["metr"] }];
    expect(() => plannedCredentials({ ...plan, services } as Plan)).toThrow(/devices of billing for supplier name metr, which is no unit of the plan/);
  });

  test("is renewed in its last 30 days, but for the root", () => {
    make();
    const late = startS + 336 * day;
    const grid = make(plan, late);
    expect(doneTo(grid)).toMatchObject({ "stakeholders/customer/stakeholder.cwt": "renewed", "units/home/unit.cwt": "renewed", "units/home/customer+display.delegation.cwt": "changed", "units/home/customer.stakeholder.cwt": "changed" });
    expect(Object.keys(doneTo(grid)).filter((file) => /root|key/.test(file))).toEqual([]);
    expect(storeOf("home", late + 300 * day).store.delegations("home")).toHaveLength(2);
    expect(grid.warnings).toEqual([]);
    expect(make(plan, startS + 3300 * day).warnings).toEqual([expect.stringMatching(/root\/root\.cwt expires soon, and everything under it/)]);
  });

  test("nothing that is issued holds longer than what it stands under", () => {
    new GridFolder(folder, { nowS: startS }).root("elm-street", "elm-street", 400);
    make();
    make(plan, startS + 390 * day);
    expect(shownFile(join(folder, "units/home/unit.cwt"), crypto, startS)).toMatchObject({ expires: new Date(1000 * (startS + 400 * day)).toISOString() });
    expect(doneTo(make(plan, startS + 391 * day))).toEqual({});
  });

  test("has no credential that others would refuse for its length: it says which, what is accepted and what to do", () => {
    const under = (count: number): Plan => ({ ...plan, units: { ...meterless.units, ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`meter-of-elm-street-${i}`, { parent: "home", owner: "customer" }])) }, services: [] });
    expect(make(under(20)).warnings).toEqual([]);
    const [warning, ...more] = make(under(60)).warnings;
    expect([warning, more]).toEqual([expect.stringMatching(/units\/home\/unit\.cwt has 1\d\d\d bytes, a device as meter-of-elm-street-\d+ accepts at most 1024, and does not join unless it runs a gateway; make it anew with ebalance keys, with fewer/), []]);
    expect(() => make(under(1500))).toThrow(/^unit (home|lv): a credential of more than 32768 bytes, which nobody accepts; make it anew with ebalance keys, with fewer units, devices or variables in it$/);
    const grid = make(under(60));
    const devices = Array.from({ length: 50 }, (_, i) => `meter-of-elm-street-${i}`).sort();
    grid.delegate({ stakeholder: "customer", service: "sums", unit: "meter-of-elm-street-0", rights: 1, devices });
    expect(grid.warnings.at(-1)).toMatch(/customer\+sums\.delegation\.cwt has \d+ bytes, a device as meter-of-elm-street-0 accepts at most 1024/);
    expect(() => grid.provision("meter-of-elm-street-0")).toThrow(/customer\+sums\.delegation\.cwt has \d+ bytes, a device accepts at most 1024; make it anew/);
    grid.provision("meter-of-elm-street-1");
  });

  test("that holds no grid gets no keys: neither a slip in its name nor a root that is not there leaves anything behind", () => {
    const grid = () => new GridFolder(join(folder, "gird"), { nowS: startS });
    const unit = { unit: "home", owner: "customer", role: "gateway", parents: [], below: [] } as const;
    for (const act of [() => grid().stakeholder("customer"), () => grid().service("billing"), () => grid().unit(unit), () => grid().provision("home"), () => grid().revoke(["home"])])
      expect(act).toThrow(/gird\/root\/root\.cwt is not there: make it first, with ebalance keys root, or name the folder of the grid in place of .*gird$/);
    expect(existsSync(join(folder, "gird"))).toBe(false);
    make();
    expect(() => new GridFolder(folder, { nowS: startS }).service("billing", "nobody")).toThrow(/stakeholders\/nobody\/stakeholder\.cwt is not there/);
    expect(existsSync(join(folder, "services"))).toBe(false);
    expect(() => new GridFolder(folder, { nowS: startS }).provision("nobody")).toThrow(/units\/nobody\/unit\.cwt is not there: make it first/);
  });

  test("is not written into while the clock is behind: what is issued would seem older than what it stands under", () => {
    make();
    expect(() => make(meterless, startS - day)).toThrow(/root\.cwt was issued at 2027-01-15T08:00:00\.000Z, and the clock of this machine says 2027-01-14T08:00:00\.000Z: set the clock$/);
    expect(doneTo(make(plan, startS - 200))).toEqual({});
  });

  test("of another domain is not written into", () => {
    make();
    expect(() => make({ ...plan, domain: "oak-street" })).toThrow(/root\.cwt is of the domain elm-street, not of oak-street; each grid has a folder of its own$/);
  });

  test("a key file that others can read, or somebody else's, is refused before anything is signed", () => {
    make();
    chmodSync(join(folder, "root/root.key.json"), 0o644);
    expect(() => make(meterless)).toThrow(/root\.key\.json has mode 644: others can read it; chmod 600 it/);
    chmodSync(join(folder, "root/root.key.json"), 0o600);
    writeFileSync(join(folder, "units/home/unit.key.json"), readFileSync(join(folder, "units/lv/unit.key.json")));
    expect(() => make()).toThrow(/units\/home\/unit\.key\.json: of is lv, not home/);
  });

  test("a key in place of another is noticed: it would sign what nobody trusts", () => {
    make();
    writeFileSync(join(folder, "root/root.key.json"), readFileSync(join(folder, "stakeholders/customer/stakeholder.key.json"), "utf8").replace('"customer"', '"elm-street"'));
    expect(() => make()).toThrow(/root\.key\.json is not the key of .*root\.cwt; put the right one in its place/);
  });

  test("damage is named, and nothing is written over it", () => {
    make();
    writeFileSync(join(folder, "units/home/unit.cwt"), "half a fi");
    expect(() => make()).toThrow(/units\/home\/unit\.cwt holds no credential: .*put it aside/);
    expect(readFileSync(join(folder, "units/home/unit.cwt"), "utf8")).toBe("half a fi");
  });

  test("what was interrupted is finished by the next run", () => {
    make();
    rmSync(join(folder, "units/home/unit.cwt"));
    writeFileSync(join(folder, "units/home/unit.cwt.new"), "half");
    const key = readFileSync(join(folder, "units/home/unit.key.json"), "utf8");
    expect(doneTo(make())).toMatchObject({ "units/home/unit.cwt": "new" });
    expect(readFileSync(join(folder, "units/home/unit.key.json"), "utf8")).toBe(key);
    expect(existsSync(join(folder, "units/home/unit.cwt.new"))).toBe(false);
    storeOf("home");
  });

  test("revokes a unit everywhere, and lets it come back with fresh keys and nothing of before", () => {
    make();
    const old = storeOf("home").store.unit("meter")!;
    const before = readFileSync(join(folder, "units/meter/unit.key.json"), "utf8");
    new GridFolder(folder, { nowS: startS + 1 }).revoke(["meter"]);
    for (const place of ["root", "units/home", "units/lv", "units/meter"]) expect(shownFile(join(folder, place, "revocations.cbor"), crypto, startS)).toMatchObject({ sequence: 1, revoked: ["meter below epoch 1"] });
    const { store } = storeOf("home");
    store.takeRevocations(readRevocations(bytesOf("units/home/revocations.cbor"), store));
    expect(store.unit("meter")).toBeUndefined();
    expect(() => store.add(old.bytes)).toThrow(/meter is revoked: epoch 0, at least 1 counts/);
    expect(doneTo(make(plan, startS + 2))).toEqual({
      "units/meter/unit.key.json": "changed",
      "units/meter/unit.cwt": "changed",
      "units/home/meter.unit.cwt": "changed",
      "units/meter/customer+metering.delegation.cwt": "changed",
    });
    expect(readFileSync(join(folder, "units/meter/unit.key.json"), "utf8")).not.toBe(before);
    expect(store.add(bytesOf("units/meter/unit.cwt"))).toMatchObject({ epoch: 1 });
    expect(store.add(bytesOf("units/meter/customer+metering.delegation.cwt"))).toMatchObject({ epoch: 1 });
    expect(doneTo(make(plan, startS + 3))).toEqual({});
  });

  test("revokes a stakeholder with all its delegations; a list names all that was revoked before, and rises", () => {
    make();
    new GridFolder(folder, { nowS: startS }).revoke(["meter"]);
    new GridFolder(folder, { nowS: startS }).revoke(["customer", "meter"]);
    const { store } = storeOf("home");
    const list = readRevocations(bytesOf("root/revocations.cbor"), store);
    expect(list).toMatchObject({ sequence: 2, entries: [{ subject: "customer", leastEpoch: 1 }, { subject: "meter", leastEpoch: 1 }] });
    store.takeRevocations(list);
    expect(store.delegations("home")).toEqual([]);
    make();
    expect(storeOf("home").store.delegations("home")).toHaveLength(2);
  });

  test("revokes nobody by a slip", () => {
    make();
    expect(() => new GridFolder(folder, { nowS: startS }).revoke(["metre"])).toThrow(/nothing in .* is issued to metre/);
    expect(existsSync(join(folder, "root/revocations.cbor"))).toBe(false);
  });

  test("no name leads out of it", () => {
    const grid = new GridFolder(folder, { nowS: startS });
    grid.root("elm-street");
    for (const unit of ["../../outside", "..", ".hidden", "a/b"]) grid.unit({ unit, owner: "customer", role: "device", parents: [], below: [] });
    expect(readdirSync(folder).sort()).toEqual(["root", "units"]);
    expect(readdirSync(join(folder, "units")).sort()).toEqual(["%2E.", "%2E.%2F..%2Foutside", "%2Ehidden", "a%2Fb"]);
  });

  test("one name for a unit and a stakeholder is refused: a revocation would mean both", () =>
    expect(() => plannedCredentials({ domain: "d", units: { customer: { owner: "customer" } } })).toThrow(/customer is a unit and a stakeholder/));
});
