/** Key files from a plan: both ends of every session agree, and say what may pass and nothing more. */
import { parseKeyFile } from "ebalance";
import { describe, expect, test } from "vitest";
import { keyFilesOf, type Plan } from "./plan";

const plan: Plan = {
  domain: "elm-street",
  units: {
    lv: { owner: "operator", services: ["grid"] },
    "home-1": { parent: "lv", owner: "customer-1", services: ["hub"] },
    "home-2": { parent: "lv", owner: "customer-2" },
    "meter-1": { parent: "home-1", owner: "customer-1", services: ["metering"], policy: { sequence: 1, entries: [{ rights: "read", minDelayS: 60, grantees: [{ stakeholder: "aggregator", service: "balancing" }] }] } },
    "display-1": { parent: "home-1", owner: "customer-1", services: ["display"], asks: ["inverter-2"] },
    "inverter-2": { parent: "home-2", owner: "customer-2", services: ["bridge"], bridged: true },
  },
  services: [{ unit: "lv", service: "billing", stakeholder: "supplier" }],
};
const sessions = (from: Plan = plan) => new Map(keyFilesOf(from).map(({ session }) => [session.initiator, session]));

describe("SP-5 key files of a plan", () => {
  test("there is one for each unit that has a parent and keys of its own", () => {
    expect(keyFilesOf(plan).map(({ fileName }) => fileName)).toEqual(["home-1.key.json", "home-2.key.json", "meter-1.key.json", "display-1.key.json"]);
    const kids = keyFilesOf(plan).map(({ session }) => session.kid);
    expect(new Set(kids).size).toBe(4);
  });

  test("MU-5 each can be read back, with a key of its own and the policy of its unit", () => {
    const planned = keyFilesOf(plan);
    const files = planned.map(({ text, fileName }) => parseKeyFile(text, fileName));
    expect(new Set(planned.map(({ text }) => (JSON.parse(text) as { key: string }).key)).size).toBe(4);
    expect(files[2]!.policy).toEqual(plan.units["meter-1"]!.policy);
  });

  test("a unit passes on the requests of what is below it, its parent those of all others", () => {
    const { sources, below } = sessions().get("home-1")!;
    expect(below).toEqual(["meter-1", "display-1"]);
    expect(sources).toContainEqual({ device: "meter-1", service: "metering", stakeholder: "customer-1", via: "home-1" });
    expect(sources).toContainEqual({ device: "inverter-2", service: "bridge", stakeholder: "customer-2", via: "lv" });
    expect(sources).toContainEqual({ device: "lv", service: "billing", stakeholder: "supplier" });
    expect(sources).toContainEqual({ device: "home-1", service: "hub", stakeholder: "customer-1" });
  });

  test("a device holds the names that it needs and no others", () => {
    const meter = sessions().get("meter-1")!;
    expect(meter.names).toEqual(["aggregator", "balancing", "customer-1", "home-1", "meter-1", "metering"]);
    expect(meter.sources).toEqual([{ device: "meter-1", service: "metering", stakeholder: "customer-1" }]);
    expect(sessions().get("display-1")!.names).toEqual(["customer-1", "customer-2", "display", "display-1", "home-1", "inverter-2"]);
  });

  test("SP-1 a unit's messages are encrypted where the plan says so", () => {
    const shared: Plan = { ...plan, units: { ...plan.units, "meter-1": { ...plan.units["meter-1"]!, protection: "encrypt" } } };
    expect([...sessions(shared).values()].map(({ protection }) => protection)).toEqual([undefined, undefined, "encrypt", undefined]);
  });

  test("the key and kid of a file that is there stay, whatever is added to the plan", () => {
    const before = new Map(keyFilesOf(plan).map(({ fileName, text }) => [fileName, text]));
    const more: Plan = { ...plan, units: { "meter-0": { parent: "home-1", owner: "customer-1" }, ...plan.units } };
    for (const { fileName, text, session } of keyFilesOf(more, (name) => before.get(name))) {
      const old = before.get(fileName);
      if (!old) expect([...before.keys()].map((name) => parseKeyFile(before.get(name)!, name).session.kid)).not.toContain(session.kid);
      else expect([JSON.parse(text).key, JSON.parse(text).kid]).toEqual([JSON.parse(old).key, JSON.parse(old).kid]);
    }
  });

  const changed = (units: Plan["units"], services: Plan["services"] = []): Plan => ({ domain: "d", units, services });
  test.each([
    ["no top", changed({ a: { parent: "b", owner: "o" }, b: { parent: "a", owner: "o" } }), /units: 0 have no parent/],
    ["two tops", changed({ a: { owner: "o" }, b: { owner: "o" } }), /units: 2 have no parent \(a, b\)/],
    ["a circle", changed({ top: { owner: "o" }, a: { parent: "b", owner: "o" }, b: { parent: "a", owner: "o" } }), /units.a.parent: a is below b is below a/],
    ["an unknown parent", changed({ top: { owner: "o" }, a: { parent: "tip", owner: "o" } }), /units.a.parent: tip is not a unit/],
    ["a service of an unknown unit", changed({ top: { owner: "o" } }, [{ unit: "tap", service: "s", stakeholder: "o" }]), /services.0.unit: tap is not a unit/],
    ["a field with a typo", { ...changed({ top: { owner: "o" } }), unitz: {} } as unknown as Plan, /unitz/],
    ["something below a bridged device", changed({ top: { owner: "o" }, a: { parent: "top", owner: "o", bridged: true }, b: { parent: "a", owner: "o" } }), /a is a bridged device/],
  ])("%s is refused, and the place is named", (_what, wrong, message) => {
    expect(() => keyFilesOf(wrong)).toThrow(message);
  });
});

test("SP-1 the services of a unit that asks a device may ask the device itself; others may not", () => {
  const asked = (asks: string[]): Plan => ({
    domain: "test",
    units: { home: { owner: "customer", services: ["display"], asks }, meter: { parent: "home", owner: "customer", services: ["metering"] }, other: { parent: "home", owner: "customer" } },
    services: [{ unit: "home", service: "grid", stakeholder: "operator" }],
  });
  const sources = (asks: string[], unit: string) => sessions(asked(asks)).get(unit)!.sources.map(({ device, service }) => `${device}/${service}`);
  expect([sources([], "meter"), sources(["meter"], "meter"), sources(["meter"], "other")]).toEqual([["meter/metering"], ["home/display", "meter/metering", "home/grid"], []]);
});
