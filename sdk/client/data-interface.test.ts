import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PolicyText } from "../core/model/policy";
import { Registry } from "../core/model/registry";
import { standardVariables } from "../core/model/standard-variables";
import { NobleCrypto } from "../core/security/noble-crypto";
import { ManagementUnit, type UnitLimits } from "../core/unit";
import { MemoryStore } from "../storage/memory-store";
import { DataInterface, type WriteArguments } from "./data-interface";

const open: PolicyText = { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] };
const power = { variable: "activePower", device: "home", owner: "customer" };
const badArgument = (...parts: string[]) =>
  expect.objectContaining({ code: "bad-argument", fault: "caller", message: expect.stringMatching(new RegExp(parts.join(".*"))) as string });

function home(limits: Partial<UnitLimits> = {}) {
  const time = { ms: 1_790_000_000_000 };
  const clock = { wallMs: () => time.ms, monotonicMs: () => time.ms, isSet: () => true };
  const ports = { clock, crypto: new NobleCrypto((out) => randomFillSync(out)), store: new MemoryStore(), log: () => {}, wake: () => {} };
  const unit = new ManagementUnit({ id: "home", registry: new Registry(standardVariables), limits }, ports);
  unit.enrol("home", "customer");
  unit.setDefaultPolicy("customer", open);
  const owner = new DataInterface(unit, { service: "sensor", stakeholder: "customer" });
  const billing = new DataInterface(unit, { service: "billing", stakeholder: "supplier" });
  const settle = <T>(promise: Promise<T>): Promise<T> => {
    unit.tick();
    return promise;
  };
  return { time, unit, owner, billing, settle };
}

describe("DI-2 write", () => {
  test("takes and gives physical units, rounded to the variable's resolution, with unit, time, device, owner and policy", async () => {
    const { owner, settle, time } = home();
    const { result, readings, retryAfterMs } = await settle(owner.write({ ...power, value: 12.34, timeMs: time.ms - 500 }));
    expect([result, retryAfterMs]).toEqual(["done", 0]);
    expect(readings).toEqual([{ ...power, value: 12.3, unit: "W", timeMs: time.ms - 500, policyHash: expect.any(Uint8Array) as Uint8Array }]);
  });

  test("without a time is now; a policy may come with it, or by the hash that a reading told", async () => {
    const { owner, billing, settle, time } = home();
    const closed = await settle(owner.write({ ...power, value: 1, policy: { sequence: 2, entries: [] } }));
    expect(closed.readings[0]!.timeMs).toBe(time.ms);
    expect((await settle(billing.query(power))).result).toBe("denied");
    const policyHash = closed.readings[0]!.policyHash!;
    // Who names the policy by its hash knows all that an answer could say.
    expect(await settle(owner.write({ ...power, value: 2, policy: policyHash }))).toMatchObject({ result: "done", readings: [] });
    expect((await settle(owner.query(power))).readings[0]).toMatchObject({ value: 2, policyHash });
  });

  test("several at once give one outcome with all readings", async () => {
    const { owner, settle } = home();
    const voltage = { ...power, variable: "voltageL1" };
    const { readings } = await settle(owner.write({ ...power, value: 5 }, { ...voltage, value: 230.05 }));
    expect(readings.map((r) => [r.variable, r.value, r.unit])).toEqual([["activePower", 5, "W"], ["voltageL1", 230.05, "V"]]);
  });

  test.each<[string[], Partial<Record<keyof WriteArguments, unknown>>]>([
    [["variable nothing is not in the registry"], { variable: "nothing", value: 1 }],
    [["activePower 100000001", "outOfRange", "-100000000 to 100000000 W"], { value: 100000001 }],
    [["activePower NaN", "wrongType", "a number from"], { value: NaN }],
    [["activePower Infinity", "wrongType", "a number from"], { value: Infinity }],
    [["activePower undefined", "wrongType"], { value: undefined }],
    [['activePower "5"', "wrongType", "a number from"], { value: "5" }],
    [["switchState 1", "wrongType", "true or false"], { variable: "switchState", value: 1 }],
    [["deviceInfo of 121 bytes", "outOfRange", "at most 120 bytes"], { variable: "deviceInfo", value: new Uint8Array(121) }],
    [["alarmText", "outOfRange", "text of at most 120 bytes"], { variable: "alarmText", value: "ü".repeat(61) }],
    [["minDelayS -1"], { value: 1, policy: { sequence: 1, entries: [{ rights: "read", minDelayS: -1, grantees: [{ stakeholder: "a", service: "b" }] }] } }],
    [["policy.sequence 0"], { value: 1, policy: { sequence: 0, entries: [] } }],
    [['name ""'], { value: 1, device: "" }],
    [["timeMs NaN"], { value: 1, timeMs: NaN }],
    [["timeMs Infinity"], { value: 1, timeMs: Infinity }],
    [["timeMs"], { value: 1, timeMs: "today" }],
  ])("refuses at once, naming %j", (parts, change) => {
    const { owner } = home();
    expect(() => owner.write({ ...power, ...change } as WriteArguments)).toThrow(badArgument(...parts));
  });

  test("DI-10 of nothing, or of more than one message can carry, is refused alike on a unit with and without a parent", () => {
    const { owner } = home();
    const one = { ...power, value: 1 };
    expect(() => owner.write()).toThrow(badArgument("1 to 16"));
    expect(() => owner.write(...Array<WriteArguments>(17).fill(one))).toThrow(badArgument("17", "1 to 16"));
  });
});

describe("DI-4 query", () => {
  test("last by default; every function by name; bounds in physical units", async () => {
    const { owner, billing, settle, time } = home();
    for (const value of [1.5, 4.5, 3]) {
      await settle(owner.write({ ...power, value }));
      time.ms += 1000;
    }
    const ask = async (query: object) => (await settle(billing.query({ ...power, ...query }))).readings[0]?.value;
    expect([await ask({}), await ask({ function: "minimum" }), await ask({ function: "maximum" }), await ask({ function: "average" }), await ask({ function: "count" })]).toEqual([3, 1.5, 4.5, 3, 3]);
    expect(await ask({ condition: { valueAbove: 2, valueBelow: 4 } })).toBe(3);
    expect(await ask({ condition: { toMs: time.ms - 1000 } })).toBe(4.5);
    expect(await ask({ condition: { fromMs: time.ms } })).toBeUndefined();
  });

  test("a reading is not above itself: bounds of decimals are exact", async () => {
    const { owner, billing, settle } = home();
    const voltage = { ...power, variable: "voltageL1" };
    for (const value of [0.07, 0.28, 0.29, 0.57, 0.58, 1.1, 230.05]) {
      await settle(owner.write({ ...voltage, value }));
      const within = async (condition: object) => (await settle(billing.query({ ...voltage, condition: { ...condition, valueAbove: value, valueBelow: value + 1 } }))).result;
      expect([value, await within({})]).toEqual([value, "noData"]);
    }
  });

  test("what is wrong with the arguments is named at once", () => {
    const { billing } = home();
    const ask = (change: object) => () => billing.query({ ...power, ...change });
    expect(ask({ variable: "nothing" })).toThrow(badArgument("nothing"));
    expect(ask({ function: "median" })).toThrow(badArgument("median", "last, minimum, maximum, average, count"));
    expect(ask({ function: "toString" })).toThrow(badArgument("toString", "last, minimum, maximum, average, count"));
    expect(ask({ condition: { valueAbove: NaN } })).toThrow(badArgument("condition.valueAbove NaN"));
    expect(ask({ condition: { fromMs: "yesterday" } })).toThrow(badArgument("condition.fromMs yesterday"));
    expect(ask({ device: "x".repeat(65) })).toThrow(badArgument("1 to 64 bytes"));
  });
});

describe("DI-9 every call returns at once", () => {
  test("with an id of its own that rises, before the outcome is there", async () => {
    const { owner, billing, unit } = home();
    const order: string[] = [];
    const write = owner.write({ ...power, value: 1 });
    const query = billing.query(power);
    const outcomes = Promise.all([write.then(() => order.push("write")), query.then(() => order.push("query"))]);
    order.push("returned");
    expect(query.id).toBe(write.id + 1);
    unit.tick();
    await outcomes;
    expect(order).toEqual(["returned", "write", "query"]);
  });

  test("one too many at once is a rejected promise with the bound", async () => {
    const { owner } = home({ maxPending: 1 });
    void owner.write({ ...power, value: 1 });
    await expect(owner.write({ ...power, value: 2 })).rejects.toMatchObject({ code: "too-large", message: "more than 1 requests at once" });
  });

  test("on a unit that is closed it fails as closed, and nobody waits for ever", async () => {
    const { owner, billing, unit } = home();
    unit.close();
    const closed = expect.objectContaining({ code: "closed", fault: "caller" }) as unknown;
    const outcomeOf = (call: () => unknown) => Promise.race([Promise.resolve().then(call), new Promise((resolve) => setImmediate(resolve, "still waiting"))]).catch((error: unknown) => error);
    expect(await outcomeOf(() => owner.write({ ...power, value: 1 }))).toEqual(closed);
    expect(await outcomeOf(() => billing.query(power))).toEqual(closed);
    expect(await outcomeOf(() => billing.event(power).next())).toEqual(closed);
  });

  test("an event for which there is no room fails, and nobody waits for ever", async () => {
    const { owner, billing } = home({ maxPending: 1 });
    void owner.write({ ...power, value: 1 });
    const failure = await Promise.resolve()
      .then(async () => {
        const stream = billing.event(power);
        await stream.accepted.catch(() => undefined);
        return Promise.race([stream.next(), new Promise((resolve) => setImmediate(resolve, "still waiting"))]);
      })
      .catch((error: unknown) => error);
    expect(failure).not.toBe("still waiting");
  });
});

describe("DI-5 DI-7 event", () => {
  test("gives each new reading that satisfies the condition until the loop is left, and then unsubscribes", async () => {
    const { owner, billing, settle, unit } = home();
    await settle(owner.write({ ...power, value: 0 }));
    const events = billing.event({ ...power, condition: { valueAbove: 2 } });
    unit.tick();
    expect((await events.accepted).result).toBe("done");
    for (const value of [1, 2.5, 2, 3]) await settle(owner.write({ ...power, value }));
    expect([(await events.next()).value, (await events.next()).value]).toMatchObject([{ value: 2.5, unit: "W" }, { value: 3 }]);
    const before = unit.counters.results.done!;
    await events.return();
    unit.tick();
    expect(unit.counters.results).toEqual({ done: before + 1 });
    await settle(owner.write({ ...power, value: 4 }));
    expect([(await events.next()).done, unit.counters.results]).toEqual([true, { done: before + 2 }]);
  });
});
