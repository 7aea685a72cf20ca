import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../storage/memory-store";
import { Comparison, Field, QueryFunction, satisfies, type Condition, type QueryFunctionCode } from "../model/instance";
import { policyFromText, type PolicyText } from "../model/policy";
import { Registry, type Value } from "../model/registry";
import { resultName } from "../model/result";
import { standardVariables } from "../model/standard-variables";
import { NobleCrypto } from "../security/noble-crypto";
import { ManagementUnit, type UnitLimits } from "../unit";
import { Operation, type Item, type Request, type Source } from "../wire/session-body";

const startMs = 1_790_000_000_000;
const grant = (sequence: number, minDelayS: number, rights: "read" | "write" | "read-write" = "read", stakeholder = "supplier"): PolicyText => ({
  sequence,
  entries: [{ rights, minDelayS, grantees: [{ stakeholder, service: "billing" }] }],
});
const closed = (sequence: number): PolicyText => ({ sequence, entries: [] });

interface Told {
  readonly result: string;
  readonly values: Value[];
  readonly retryAfterMs: number;
}

/** A unit that carries out the requests of its own services, on a clock of the test's. */
class Home {
  nowMs = startMs;
  wakes = 0;
  readonly registry = new Registry(standardVariables);
  readonly unit: ManagementUnit;

  constructor(limits: Partial<UnitLimits> = {}) {
    const clock = { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs, isSet: () => true };
    const crypto = new NobleCrypto((out) => randomFillSync(out));
    this.unit = new ManagementUnit({ id: "home", registry: this.registry, limits }, { clock, crypto, store: new MemoryStore(), log: () => {}, wake: () => void this.wakes++ });
    this.unit.enrol("meter", "customer");
  }

  id(name: string): number {
    return this.unit.names.id(name);
  }

  source(service = "billing", stakeholder = "supplier", device = "home"): Source {
    return { device: this.id(device), service: this.id(service), stakeholder: this.id(stakeholder) };
  }

  item(value: Value, policy?: PolicyText | Uint8Array, variable = "activePower", timeMs = this.nowMs): Item {
    const given = policy === undefined || policy instanceof Uint8Array ? policy : policyFromText(policy, this.unit.names);
    return { variable: this.registry.byName(variable)?.id ?? 999, value, timeMs, device: this.id("meter"), owner: this.id("customer"), policy: given };
  }

  ask(request: Request): Told[] {
    const told: Told[] = [];
    this.unit.request(request, (n) => told.push({ result: resultName(n.result), values: n.instances.map((i) => i.value), retryAfterMs: n.retryAfterMs }));
    this.unit.tick();
    return told;
  }

  write(...items: Item[]): string {
    return this.ask({ op: Operation.write, source: this.source("sensor", "customer", "meter"), items })[0]!.result;
  }

  query(code: QueryFunctionCode = QueryFunction.last, condition: Condition = [], source = this.source(), variable = "activePower"): Told {
    const selector = { variable: this.registry.named(variable).id, device: this.id("meter"), owner: this.id("customer") };
    return this.ask({ op: Operation.query, source, selector, condition, function: code })[0]!;
  }

  owner(code: QueryFunctionCode, variable = "activePower"): Told {
    return this.query(code, [], this.source("screen", "customer"), variable);
  }

  event(condition: Condition = [], source = this.source(), variable = "activePower"): Told[] {
    const selector = { variable: this.registry.named(variable).id, device: this.id("meter"), owner: this.id("customer") };
    return this.ask({ op: Operation.event, source, selector, condition });
  }

  pass(ms: number): number {
    this.nowMs += ms;
    return this.unit.tick();
  }
}
const equals = (operand: number): Condition => [{ field: Field.value, comparison: Comparison.equal, operand }];

describe("DI-2 a write of several items takes effect whole or not at all", () => {
  test.each<[string, string, (home: Home) => Item]>([
    ["an unknown variable", "unknownVariable", (home) => home.item(1, undefined, "nothing")],
    ["a value out of range", "outOfRange", (home) => home.item(1e10)],
    ["a value of the wrong type", "wrongType", (home) => home.item("1")],
    ["a device that is not enrolled", "denied", (home) => ({ ...home.item(1), device: home.id("stranger") })],
    ["another owner", "denied", (home) => ({ ...home.item(1), owner: home.id("supplier") })],
    ["a time in the future", "badTime", (home) => home.item(1, undefined, "activePower", home.nowMs + 2001)],
    ["a policy hash that is not known", "unknownPolicy", (home) => home.item(1, new Uint8Array(8))],
    ["a stale policy", "stalePolicy", (home) => home.item(1, grant(4, 0), "voltageL1")],
  ])("%s among good ones: none is kept and no policy is taken", (_what, result, bad) => {
    const home = new Home();
    home.write(home.item(0, closed(5), "voltageL1"));
    expect(home.write(home.item(1, grant(9, 0)), bad(home), home.item(2))).toBe(result);
    expect(home.owner(QueryFunction.count).result).toBe("noData");
    expect([home.unit.counters.instancesKept, home.write(home.item(3)), home.query().result]).toEqual([1, "done", "denied"]);
  });

  test("DI-3 each item is kept under the policy that held when it came: an earlier one of the same write is not opened by a later policy", () => {
    const home = new Home();
    home.write(home.item(0, closed(1)));
    home.nowMs += 10;
    const before = home.item(1);
    home.nowMs += 10;
    expect(home.write(before, home.item(2, grant(2, 0)))).toBe("done");
    expect(home.query(QueryFunction.count).values).toEqual([1]);
    expect(home.query(QueryFunction.minimum).values).toEqual([2]);
  });

  test("DI-3 two policies in one write: the sequence in force never falls", () => {
    const home = new Home();
    home.write(home.item(1, closed(5)), home.item(2, grant(3, 0)));
    home.nowMs += 10;
    home.write(home.item(3));
    expect(home.query().result).toBe("denied");
  });

  test("SP-2 a policy by hash beside a new one, in a table without room for both: refused, or each kept under its own", () => {
    const home = new Home({ maxPolicies: 3 });
    let hash = new Uint8Array(0);
    const source = home.source("sensor", "customer", "meter");
    // The same reading again is not kept twice, so no sample refers to the policy that comes with it.
    home.write(home.item(0));
    home.unit.request({ op: Operation.write, source, items: [home.item(0, closed(1))] }, (n) => (hash = n.instances[0]!.policy as Uint8Array<ArrayBuffer>));
    home.unit.tick();
    home.write(home.item(0, grant(2, 0)));
    const told = home.write(home.item(5, hash, "voltageL1"), home.item(6, grant(4, 7), "voltageL2"));
    if (told === "done") expect(home.query(QueryFunction.last, [], home.source(), "voltageL1").result).toBe("denied");
    else expect(["busy", "unknownPolicy"]).toContain(told);
  });

  test("DI-5 a reading that is sent again because its answer was lost is no new instance and no second occurrence", () => {
    const home = new Home();
    home.write(home.item(0, grant(1, 0)));
    const told = home.event();
    const item = home.item(7);
    expect([home.write(item), home.write(item)]).toEqual(["done", "done"]);
    expect(told.map((t) => t.values)).toEqual([[], [7]]);
    expect(home.unit.counters.instancesKept).toBe(2);
  });
});

describe("DI-11 guessing values between accesses", () => {
  test.each([
    ["granted no reading any more", closed(2)],
    ["granted reading without a delay", grant(2, 0)],
  ])("whoever is %s cannot tell within the delay of the older samples whether a guess was right", (_what, next) => {
    const home = new Home();
    home.write(home.item(42, grant(1, 60)));
    home.pass(60_000);
    expect(home.query().result).toBe("done");
    home.write(home.item(0, next));
    home.pass(1000);
    const guess = (value: number) => {
      const old: Condition = [...equals(value), { field: Field.time, comparison: Comparison.below, operand: startMs + 1000 }];
      return home.query(QueryFunction.count, old);
    };
    expect(guess(41)).toEqual(guess(42));
  });

  test("a condition that nothing satisfies costs an access like one that is satisfied", () => {
    const home = new Home();
    home.write(home.item(42, grant(1, 60)));
    home.pass(60_000);
    expect(home.query(QueryFunction.count, equals(41)).result).toBe("noData");
    expect(home.query(QueryFunction.count, equals(42))).toMatchObject({ result: "tooEarly", retryAfterMs: 60_000 });
  });
});

describe("DI-3 defaults", () => {
  test("a default that the owner takes back holds for what is written next", () => {
    const home = new Home();
    home.unit.setDefaultPolicy("customer", grant(1, 0));
    home.write(home.item(1));
    home.unit.setDefaultPolicy("customer", closed(2));
    home.nowMs += 10;
    home.write(home.item(2));
    expect(home.query().values).toEqual([1]);
  });

  test("a default for which there is no room is refused", () => {
    const home = new Home({ maxPolicies: 2 });
    home.unit.setDefaultPolicy("customer", grant(1, 0));
    expect(() => home.unit.setDefaultPolicy("other", grant(1, 5))).toThrow(expect.objectContaining({ code: "bad-argument", message: "more than 2 policies in use, or the store has failed" }));
  });
});

describe("DI-5 events", () => {
  test("what the delay holds back is delivered when it ends, the newest only, and the unit asks for the time it needs", () => {
    const home = new Home();
    home.write(home.item(0, grant(1, 10)));
    const told = home.event();
    home.write(home.item(1));
    home.pass(4000);
    home.write(home.item(2));
    expect(home.pass(1000)).toBe(5000);
    expect(told.length).toBe(1);
    expect(home.pass(5000)).toBe(Infinity);
    expect(told[1]!.values).toEqual([2]);
    home.write(home.item(3));
    expect([home.pass(9999), told.length]).toEqual([1, 2]);
    home.pass(1);
    expect(told[2]!.values).toEqual([3]);
  });

  test("of many subscriptions each is told what satisfies its condition and nothing else", () => {
    const operand = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ min: -2, max: 2, noNaN: true }));
    const term = fc.record({ field: fc.constantFrom(Field.value, Field.time), comparison: fc.constantFrom(...Object.values(Comparison)), operand });
    const conditions = fc.array(fc.array(term, { maxLength: 3 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(conditions, fc.array(fc.integer({ min: -1, max: 1 }), { maxLength: 6 }), fc.constantFrom("activePower", "powerFactor"), (given: Condition[], values, variable) => {
        const home = new Home({ maxSubscriptions: 12 });
        home.write(home.item(0, grant(1, 0), variable));
        const atMs = (condition: Condition) => condition.map((one) => (one.field === Field.time ? { ...one, operand: one.operand + home.nowMs } : one));
        const asked = given.map(atMs);
        const told = asked.map((condition) => home.event(condition, home.source(), variable));
        const firstMs = home.nowMs + 1;
        for (const value of values) {
          home.pass(1);
          home.write(home.item(value, undefined, variable));
        }
        const expected = asked.map((condition) => values.filter((value, i) => satisfies(condition, value, firstMs + i)));
        expect(told.map((notifications) => notifications.slice(1).flatMap((one) => one.values))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  test("what is held back for one subscription is not what another waits for, and a policy without delay ends the waiting", () => {
    const home = new Home();
    const both = (sequence: number, minDelayS: number): PolicyText => ({
      sequence,
      entries: [{ rights: "read", minDelayS, grantees: ["supplier", "operator"].map((stakeholder) => ({ stakeholder, service: "billing" })) }],
    });
    home.write(home.item(0, both(1, 10)));
    const [ones, all] = [home.event(equals(1)), home.event([], home.source("billing", "operator"))];
    home.write(home.item(1));
    home.write(home.item(2));
    home.pass(10_000);
    expect([ones, all].map((told) => told.slice(1).map((one) => one.values))).toEqual([[[1]], [[2]]]);
    home.write(home.item(1));
    home.pass(1000);
    home.write(home.item(1, both(2, 0)));
    expect([ones.length, all.length]).toEqual([3, 3]);
    home.pass(1000);
    home.write(home.item(1, closed(3)));
    expect([ones, all].map((told) => told[3]!.result)).toEqual(["denied", "denied"]);
  });

  test("CP-3 queries and events of one grantee share one delay", () => {
    const home = new Home();
    home.write(home.item(0, grant(1, 10)));
    const told = home.event();
    home.pass(10_000);
    expect(home.query().result).toBe("done");
    home.write(home.item(1));
    expect([told.length, home.pass(9999), told.length]).toEqual([1, 1, 1]);
    home.pass(1);
    expect([told[1]!.values, home.query()]).toMatchObject([[1], { result: "tooEarly", retryAfterMs: 10_000 }]);
  });

  test("an occurrence for whose delivery there is no room waits a second and is not lost", () => {
    const home = new Home({ maxAccessStates: 1 });
    home.write(home.item(0, { sequence: 1, entries: [{ rights: "read", minDelayS: 3, grantees: ["supplier", "operator"].map((stakeholder) => ({ stakeholder, service: "billing" })) }] }));
    home.pass(3000);
    const told = home.event();
    expect(home.query(QueryFunction.last, [], home.source("billing", "operator")).result).toBe("done");
    home.write(home.item(1));
    expect([told.length, home.pass(999)]).toEqual([1, 1]);
    home.pass(2001);
    expect(told[1]!.values).toEqual([1]);
  });

  test("no more are taken than the bound; one that ended makes room", () => {
    const home = new Home({ maxSubscriptions: 2 });
    home.write(home.item(0, grant(1, 0)));
    const ids: number[] = [];
    const subscribe = () => {
      let result = "";
      const selector = { variable: 3, device: home.id("meter"), owner: home.id("customer") };
      ids.push(home.unit.request({ op: Operation.event, source: home.source(), selector, condition: [] }, (n) => (result ||= resultName(n.result))));
      home.unit.tick();
      return result;
    };
    expect([subscribe(), subscribe(), subscribe()]).toEqual(["done", "done", "busy"]);
    const end = (id: number, stakeholder = "supplier") => home.ask({ op: Operation.unsubscribe, source: home.source("billing", stakeholder), id })[0]!.result;
    expect([end(ids[0]!, "operator"), end(ids[2]!), end(ids[0]!), end(ids[0]!)]).toEqual(["unknownSubscription", "unknownSubscription", "done", "unknownSubscription"]);
    expect(subscribe()).toBe("done");
  });

  test("a series without room for it has no data for whoever has a grant, and is denied for anybody else", () => {
    const home = new Home({ maxSeries: 1 });
    home.unit.setDefaultPolicy("customer", grant(1, 0));
    home.write(home.item(1, undefined, "voltageL1"));
    expect([home.event()[0]!.result, home.event([], home.source("billing", "operator"))[0]!.result]).toEqual(["noData", "denied"]);
  });
});

describe("DI-6 periodic subscriptions", () => {
  test("keep to their schedule when the unit is looked after late; of several periods that have passed one is told", () => {
    const home = new Home();
    home.write(home.item(7, grant(1, 0)));
    const selector = { variable: 3, device: home.id("meter"), owner: home.id("customer") };
    const told = home.ask({ op: Operation.periodic, source: home.source(), selector, periodMs: 1000 });
    const first = told.length;
    expect([home.pass(1300), told.length]).toEqual([700, first + 1]);
    expect([home.pass(900), told.length]).toEqual([800, first + 2]);
    expect([home.pass(799), told.length]).toEqual([1, first + 2]);
    expect([home.pass(1), told.length]).toEqual([1000, first + 3]);
    expect([home.pass(5400), told.length]).toEqual([1000, first + 4]);
    expect(told.at(-1)!.values).toEqual([7]);
  });
});

describe("DI-9 requests of a unit's own services", () => {
  test("are split-phase: nothing is told before the call has returned, ids rise, and the unit asks to be woken", () => {
    const home = new Home();
    const order: string[] = [];
    const request: Request = { op: Operation.write, source: home.source("sensor", "customer", "meter"), items: [home.item(1)] };
    const ids = [1, 2].map(() => home.unit.request(request, () => order.push("told")));
    order.push("returned");
    expect([home.wakes, order]).toEqual([1, ["returned"]]);
    home.unit.tick();
    expect([order, ids[1]]).toEqual([["returned", "told", "told"], ids[0]! + 1]);
  });

  test("are bounded: one too many at once is refused with the bound, and the others are carried out", () => {
    const home = new Home({ maxPending: 3 });
    let told = 0;
    const request: Request = { op: Operation.write, source: home.source("sensor", "customer", "meter"), items: [home.item(1)] };
    for (let i = 0; i < 3; i++) home.unit.request(request, () => told++);
    expect(() => home.unit.request(request, () => told++)).toThrow(expect.objectContaining({ code: "too-large", message: "more than 3 requests at once" }));
    home.unit.tick();
    expect([told, home.write(home.item(2))]).toEqual([3, "done"]);
  });

  test("are told when the unit is closed before it came to them", () => {
    const home = new Home();
    const told: string[] = [];
    home.unit.request({ op: Operation.write, source: home.source("sensor", "customer", "meter"), items: [home.item(1)] }, (n) => told.push(resultName(n.result)));
    home.unit.close();
    expect(told.length).toBe(1);
  });

  test("a standing subscription of a unit's own service ends when the unit is closed", () => {
    const home = new Home();
    home.write(home.item(1, grant(1, 0)));
    const told = home.event();
    home.unit.close();
    expect(told.map((t) => t.result)).toEqual(["done", expect.not.stringMatching(/^done$/)]);
  });
});

describe("the clock and the order of set-points", () => {
  test("IF-3 the set-point that came last is the last, even where the clock was set back in between", () => {
    const home = new Home();
    home.unit.setDefaultPolicy("customer", grant(1, 0, "read-write"));
    const limit = (value: number) => home.ask({ op: Operation.write, source: home.source(), items: [home.item(value, undefined, "powerLimit", 0)] })[0]!.result;
    const last = () => home.query(QueryFunction.last, [], home.source(), "powerLimit").values[0];
    home.nowMs += 250_000;
    expect([limit(600), limit(500)]).toEqual(["done", "done"]);
    home.nowMs -= 250_000;
    for (const value of [100, 600, 100]) {
      expect(limit(value)).toBe("done");
      expect(last()).toBe(value);
    }
    home.nowMs += 1_000_000;
    expect(limit(700)).toBe("done");
    expect(last()).toBe(700);
  });
});
