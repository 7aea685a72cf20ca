/** The data interface over two hops of real messages: write, query, event, notify and their refusals. */
import { Comparison, Field, QueryFunction, type Condition } from "../../sdk/core/model/instance";
import { Outbox } from "../../sdk/client/outbox";
import { policyFromText } from "../../sdk/core/model/policy";
import { Operation } from "../../sdk/core/wire/session-body";
import { expectEqual, type Case } from "./case";
import { readPolicy, startMs } from "./world";

export const dataInterfaceCases: Case[] = [
  {
    name: "DI-1 DI-2 DI-8 a write appends an instance and the writer is notified with it",
    run({ open }) {
      const world = open();
      expectEqual(world.write("activePower", 12345), { result: "done", value: 12345, timeMs: 0 }, "write");
      world.pass(1500);
      expectEqual(world.write("activePower", -20), { result: "done", value: -20, timeMs: 1500 }, "second write");
      world.pass(5000);
      const count = world.query(world.supplier, "billing", "supplier", QueryFunction.count);
      expectEqual(count.value, 1, "the grantee sees one sample in five seconds");
      expectEqual(world.home.counters.instancesKept, 2, "instances kept");
      return count;
    },
  },
  {
    name: "DI-1 a value outside type or range, an unknown variable and a time in the future are refused and nothing is kept",
    run({ open }) {
      const world = open();
      const before = world.home.counters.instancesKept;
      const told = [
        world.write("activePower", 1e9 * 10 + 1),
        world.write("activePower", "much"),
        world.write("switchState", 1),
        world.write("powerFactor", 2.5),
        world.write("temperature", -27316),
        world.write("alarmText", "x".repeat(120) + "!"),
        world.write("activePower", 5, undefined, world.nowMs + 60_000),
        world.query(world.supplier, "billing", "supplier", QueryFunction.last, [], "noSuchVariable"),
      ].map((t) => t.result);
      expectEqual(told, ["outOfRange", "wrongType", "wrongType", "outOfRange", "outOfRange", "outOfRange", "badTime", "unknownVariable"], "results");
      expectEqual(world.home.counters.instancesKept, before, "instances kept");
      return told;
    },
  },
  {
    name: "DI-4 last, minimum, maximum, average and count over a range of time and value",
    run({ open }) {
      const world = open();
      const granted = { sequence: 1, entries: [{ rights: "read" as const, minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] };
      for (let i = 0; i < 10; i++) {
        world.write("activePower", (i * 37) % 11, i === 0 ? granted : undefined);
        world.pass(1000);
      }
      const range: Condition = [
        { field: Field.time, comparison: Comparison.atLeast, operand: startMs + 2000 },
        { field: Field.time, comparison: Comparison.below, operand: startMs + 8000 },
      ];
      const above: Condition = [...range, { field: Field.value, comparison: Comparison.above, operand: 3.5 }];
      const ask = (condition: Condition) =>
        [QueryFunction.last, QueryFunction.minimum, QueryFunction.maximum, QueryFunction.average, QueryFunction.count].map((code) =>
          world.query(world.supplier, "billing", "supplier", code, condition),
        );
      // values: 0 4 8 1 5 9 2 6 10 3
      expectEqual(ask(range).map((t) => t.value), [6, 1, 9, 5, 6], "over the time");
      expectEqual(ask(above).map((t) => t.value), [6, 5, 9, 7, 4], "over time and value");
      const none = world.query(world.supplier, "billing", "supplier", QueryFunction.last, [{ field: Field.value, comparison: Comparison.above, operand: 99 }]);
      expectEqual(none, { result: "noData" }, "nothing matches");
      return [ask(range), ask(above)];
    },
  },
  {
    name: "CP-3 DI-11 a second access within the minimum delay is too early, and the clock on the wall cannot shorten it",
    run({ open }) {
      const world = open();
      world.write("activePower", 100);
      const ask = () => world.query(world.supplier, "billing", "supplier");
      expectEqual(ask(), { result: "tooEarly", retryAfterMs: 5000 }, "the boot counts as an access");
      world.pass(5000);
      expectEqual(ask(), { result: "done", value: 100, timeMs: 0 }, "first");
      world.pass(1999);
      expectEqual(ask(), { result: "tooEarly", retryAfterMs: 3001 }, "second");
      world.nowMs += 250_000;
      world.run();
      expectEqual(ask(), { result: "tooEarly", retryAfterMs: 3001 }, "after the wall clock was set forward");
      world.nowMs -= 500_000;
      world.pass(3001);
      expectEqual(ask().result, "done", "after the delay, with the wall clock set back");
      return world.home.counters.results;
    },
  },
  {
    name: "CP-3 whoever has no grant is denied, and denied looks the same where there is nothing",
    run({ open }) {
      const world = open();
      const absent = world.query(world.operator, "grid", "operator", QueryFunction.last);
      world.write("activePower", 100);
      world.pass(60_000);
      const present = world.query(world.operator, "grid", "operator", QueryFunction.last);
      const counted = world.query(world.operator, "grid", "operator", QueryFunction.count);
      expectEqual([absent, present, counted], [{ result: "denied" }, { result: "denied" }, { result: "denied" }], "denials");
      expectEqual(world.event(world.operator, "grid", "operator", 0), [{ result: "denied" }], "event");
      return absent;
    },
  },
  {
    name: "SP-1 a service that claims another stakeholder, or a session's peer another device, is denied",
    run({ open }) {
      const world = open();
      world.write("activePower", 100);
      world.pass(60_000);
      const claims = [
        world.query(world.operator, "billing", "supplier"),
        world.query(world.operator, "grid", "supplier"),
        world.query(world.operator, "grid", "customer"),
      ];
      const source = { ...world.source(world.operator, "grid", "operator"), device: world.operator.names.id("meter") };
      const item = world.item(world.operator, "activePower", 1);
      claims.push(world.ask(world.operator, { op: Operation.write, source, items: [item] })[0]!);
      expectEqual(claims.map((c) => c.result), ["denied", "denied", "denied", "denied"], "claims");
      expectEqual(world.home.counters.refused.foreignSource, 4, "counter");
      return claims;
    },
  },
  {
    name: "DI-2 a measurement is written by its device alone, and by nobody in another owner's name",
    run({ open }) {
      const world = open();
      const write = (variable: string) =>
        world.ask(world.operator, { op: Operation.write, source: world.source(world.operator, "grid", "operator"), items: [world.item(world.operator, variable, 5)] })[0]!;
      const item = { ...world.item(world.meter, "activePower", 5), owner: world.meter.names.id("operator") };
      const foreign = world.ask(world.meter, { op: Operation.write, source: world.source(world.meter, "sensor", "customer"), items: [item] })[0]!;
      const results = [write("activePower"), write("powerLimit"), foreign].map((t) => t.result);
      expectEqual(results, ["denied", "denied", "denied"], "results");
      expectEqual(world.home.counters.instancesKept, 0, "instances kept");
      return results;
    },
  },
  {
    name: "DI-2 DI-3 a set-point is written under a write grant, stamped by the home unit, and the grantee's policy is ignored",
    run({ open }) {
      const world = open();
      const grant = { sequence: 3, entries: [{ rights: "write" as const, minDelayS: 10, grantees: [{ stakeholder: "operator", service: "grid" }] }] };
      world.write("powerLimit", 4000, grant);
      world.pass(10_000);
      const source = world.source(world.operator, "grid", "operator");
      const mine = { sequence: 9, entries: [{ rights: "read-write" as const, minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] };
      const write = (value: number) =>
        world.ask(world.operator, { op: Operation.write, source, items: [world.item(world.operator, "powerLimit", value, mine, world.nowMs - 9000)] })[0]!;
      const told = [write(3000), write(2000)];
      world.pass(10_000);
      told.push(world.query(world.operator, "grid", "operator", QueryFunction.last, [], "powerLimit"));
      expectEqual(
        told,
        [{ result: "done", value: 3000, timeMs: 10_000 }, { result: "tooEarly", retryAfterMs: 10_000 }, { result: "denied" }],
        "write once, too early, and write does not imply read",
      );
      return told;
    },
  },
  {
    name: "DI-3 a policy holds from its instance on; older and equal sequences are refused; earlier instances keep theirs",
    run({ open }) {
      const world = open();
      const policy = (sequence: number, minDelayS: number) => ({ sequence, entries: [{ rights: "read" as const, minDelayS, grantees: [{ stakeholder: "supplier", service: "billing" }] }] });
      const none = { sequence: 4, entries: [] };
      const results = [
        world.write("activePower", 1, policy(2, 0)),
        world.write("activePower", 2, policy(1, 0)),
        world.write("activePower", 3, policy(2, 1)),
        world.write("activePower", 4, policy(2, 0)),
      ].map((t) => t.result);
      expectEqual(results, ["done", "stalePolicy", "stalePolicy", "done"], "sequences");
      world.pass(1000);
      world.write("activePower", 5, none);
      const ask = (code: 1 | 2 | 3 | 4 | 5) => world.query(world.supplier, "billing", "supplier", code);
      expectEqual([ask(QueryFunction.last).value, ask(QueryFunction.count).value], [4, 2], "what was granted stays granted, what came later is hidden");
      return results;
    },
  },
  {
    name: "SP-2 a policy is named by its content hash once it is known, and an unknown hash is refused",
    run({ open }) {
      const world = open();
      const source = world.source(world.meter, "sensor", "customer");
      let hash: Uint8Array | undefined;
      world.meter.request({ op: Operation.write, source, items: [world.item(world.meter, "activePower", 1, readPolicy)] }, (n) => {
        hash = n.instances[0]?.policy as Uint8Array;
      });
      world.run();
      expectEqual(hash?.length, 8, "hash");
      expectEqual(world.write("activePower", 2, hash).result, "done", "by hash");
      const other = hash!.slice();
      other[0] = other[0]! ^ 1;
      expectEqual(world.write("activePower", 3, other).result, "unknownPolicy", "by another hash");
      return Array.from(hash!);
    },
  },
  {
    name: "DI-5 DI-8 DI-11 an event notifies each match within the minimum delay's limits; the newest held back is not lost",
    run({ open }) {
      const world = open();
      world.write("activePower", 0);
      const told = world.event(world.supplier, "billing", "supplier", 50);
      world.pass(5000);
      for (const value of [60, 40, 70, 80, 10]) {
        world.write("activePower", value);
        world.pass(1000);
      }
      expectEqual(told, [{ result: "done" }, { result: "done", value: 60, timeMs: 5000 }, { result: "done", value: 80, timeMs: 8000 }], "occurrences");
      return told;
    },
  },
  {
    name: "DI-5 DI-11 a changed policy ends a standing subscription at the next delivery",
    run({ open }) {
      const world = open();
      world.write("activePower", 0);
      world.pass(5000);
      const told = world.event(world.supplier, "billing", "supplier", 50);
      world.write("activePower", 60, { sequence: 2, entries: [] });
      world.write("activePower", 61);
      expectEqual(told, [{ result: "done" }, { result: "denied" }], "told");
      return told;
    },
  },
  {
    name: "DI-7 only its subscriber ends a subscription",
    run({ open }) {
      const world = open();
      world.write("activePower", 0);
      world.pass(5000);
      const told: string[] = [];
      const { names } = world.supplier;
      const selector = { variable: 3, device: names.id("meter"), owner: names.id("customer") };
      const source = world.source(world.supplier, "billing", "supplier");
      const id = world.supplier.request({ op: Operation.event, source, selector, condition: [] }, (n) => told.push(n.instances.length ? "event" : "accepted"));
      world.run();
      const foreign = world.ask(world.operator, { op: Operation.unsubscribe, source: world.source(world.operator, "grid", "operator"), id });
      const wrong = world.ask(world.supplier, { op: Operation.unsubscribe, source, id: id + 7 });
      world.write("activePower", 1);
      const own = world.ask(world.supplier, { op: Operation.unsubscribe, source, id });
      world.pass(10_000);
      world.write("activePower", 2);
      expectEqual([foreign[0]!.result, wrong[0]!.result, own[0]!.result], ["unknownSubscription", "unknownSubscription", "done"], "unsubscribe");
      expectEqual(told, ["accepted", "event"], "told");
      return told;
    },
  },
  {
    name: "DI-9 a lost link and a silent peer are told by the requester's own unit",
    run({ open }) {
      const world = open();
      world.write("activePower", 0);
      const selector = { variable: 3, device: world.supplier.names.id("meter"), owner: world.supplier.names.id("customer") };
      const source = world.source(world.supplier, "billing", "supplier");
      const told: string[] = [];
      const ask = () => world.supplier.request({ op: Operation.query, source, selector, condition: [], function: 1 }, (n) => told.push(String(n.result)), 3000);
      ask();
      world.supplier.tick();
      world.monotonicMs += 3001;
      world.supplier.tick();
      ask();
      world.supplier.tick();
      world.supplier.linkLost(world.unitLink(1));
      ask();
      world.supplier.tick();
      expectEqual(told, ["9", "10", "10"], "timeout, link lost, no link");
      return told;
    },
  },
  {
    name: "DI-3 SP-2 MU-1 readings of a device whose policy is older than that in force at home are kept under the later one",
    run({ open }) {
      const world = open();
      const { meter, home } = world;
      expectEqual(world.write("activePower", 1, { sequence: 7, entries: [] }).result, "done", "the later policy");
      const clock = { wallMs: () => world.nowMs, monotonicMs: () => world.monotonicMs, isSet: () => true };
      const log: string[] = [];
      const outbox = new Outbox(meter, { service: "sensor", stakeholder: "customer" }, { clock, timers: { after: () => 1, cancel: () => {} }, log: (_level, line) => log.push(line) }, policyFromText(readPolicy, meter.names), undefined);
      outbox.linkChanged(true);
      for (let i = 0; i < 6; i++) {
        outbox.add(meter.registry.named(i % 2 ? "temperature" : "activePower"), i, world.nowMs);
        world.run();
        world.pass(10_000);
      }
      expectEqual([home.counters.instancesKept, log], [7, []], "kept, and told");
      const read = (variable: string) => world.query(world.supplier, "billing", "supplier", QueryFunction.count, [], variable);
      expectEqual([read("activePower").result, read("temperature").value], ["denied", 3], "the later policy holds for its variable alone");
      outbox.close();
      return home.counters.instancesKept;
    },
  },
];
