/** Attacks that once worked: each case is one that a joined peer, a stakeholder or the clock has tried. */
import { QueryFunction } from "../../sdk/core/model/instance";
import type { LinkPort } from "../../sdk/core/ports";
import { Operation } from "../../sdk/core/wire/session-body";
import { expectEqual, type Case } from "./case";
import { HostilePeer } from "./hostile-peer";
import { encodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import { startMs } from "./world";

const timeS = startMs / 1000;

/** A link that counts how often it was closed. */
function spyLink(name: string): LinkPort & { closed: number } {
  return { name, closed: 0, send: () => true, close() { this.closed++; } };
}

export const attackCases: Case[] = [
  {
    name: "SP-1 a peer cannot speak as the home, even where its key file lets the home speak to it",
    run({ open, crypto }) {
      const world = open({}, [{ device: "home", service: "sensor", stakeholder: "customer" }]);
      world.write("activePower", 777);
      const peer = new HostilePeer(world, crypto, 1);
      const asHome = peer.say(encodeCbor(new Map<number, CborValue>([[1, 2], [2, [0, 8, 4]], [3, 2], [4, timeS], [6, [3, 1, 4]], [7, []], [10, 1]])));
      peer.close();
      expectEqual(asHome[0]?.get(11), 1, "as the home: denied");
      expectEqual(world.home.counters.refused.foreignSource, 1, "counter");
      return null;
    },
  },
  {
    name: "CP-3 questions about what does not exist use nothing up",
    run({ open }) {
      const world = open({ maxAccessStates: 4 });
      world.write("activePower", 100);
      world.pass(5000);
      const results = new Set<string>();
      for (let i = 0; i < 200; i++) results.add(world.query(world.supplier, "billing", "supplier", QueryFunction.last, [], "frequency").result);
      expectEqual([...results], ["noData"], "absent series");
      expectEqual(world.query(world.supplier, "billing", "supplier").result, "done", "an honest query afterwards");
      return null;
    },
  },
  {
    name: "DI-5 a reader cannot use up the series by subscribing to what was never measured",
    run({ open }) {
      const world = open({ maxSeries: 1 });
      const { names } = world.supplier;
      const source = world.source(world.supplier, "billing", "supplier");
      const selector = { variable: 11, device: names.id("meter"), owner: names.id("customer") };
      expectEqual(world.ask(world.supplier, { op: Operation.event, source, selector, condition: [] }), [{ result: "noData" }], "subscription");
      expectEqual(world.write("activePower", 1).result, "done", "the meter's first write");
      return null;
    },
  },
  {
    name: "DI-5 a subscriber has at most half of the subscriptions",
    run({ open }) {
      const world = open({ maxSubscriptions: 10 });
      world.write("activePower", 1);
      const results = Array.from({ length: 6 }, () => world.event(world.supplier, "billing", "supplier", 50)[0]!.result);
      expectEqual(results, ["done", "done", "done", "done", "done", "busy"], "results");
      return null;
    },
  },
  {
    name: "SP-2 an owner has at most half of the policies",
    run({ open }) {
      const world = open({ maxPolicies: 20 }, [], 64);
      const policy = (sequence: number, minDelayS: number) => ({ sequence, entries: [{ rights: "read" as const, minDelayS, grantees: [{ stakeholder: "supplier", service: "billing" }] }] });
      const results: string[] = [];
      for (let i = 1; i <= 12; i++) results.push(world.write("activePower", i, policy(i, i)).result);
      expectEqual(results.indexOf("busy"), 9, "the default and nine more");
      world.home.setDefaultPolicy("supplier", policy(1, 99));
      return results;
    },
  },
  {
    name: "CP-3 one message does not write more often than the delay permits",
    run({ open }) {
      const world = open();
      const grant = { sequence: 3, entries: [{ rights: "write" as const, minDelayS: 10, grantees: [{ stakeholder: "operator", service: "grid" }] }] };
      world.write("powerLimit", 4000, grant);
      world.pass(10_000);
      const items = [1, 2, 3].map((value) => world.item(world.operator, "powerLimit", value));
      const told = world.ask(world.operator, { op: Operation.write, source: world.source(world.operator, "grid", "operator"), items });
      expectEqual(told, [{ result: "tooEarly", retryAfterMs: 10_000 }], "three at once");
      expectEqual(world.home.counters.instancesKept, 1, "instances kept");
      return null;
    },
  },
  {
    name: "CP-6 what is not kept is not acknowledged: a clock set back before a full store",
    run({ open }) {
      const world = open({}, [], 4);
      for (let i = 0; i < 4; i++) {
        world.write("activePower", i);
        world.pass(1000);
      }
      world.nowMs -= 200_000;
      expectEqual(world.write("activePower", 9).result, "storageFailed", "result");
      expectEqual(world.home.counters.instancesKept, 4, "instances kept");
      return null;
    },
  },
  {
    name: "DI-8 a write whose answer would not fit is answered without its instances",
    run({ open }) {
      const world = open();
      const items = Array.from({ length: 16 }, (_unused, i) => world.item(world.meter, "alarmText", `${i}`.padEnd(44, "!")));
      const told = world.ask(world.meter, { op: Operation.write, source: world.source(world.meter, "sensor", "customer"), items });
      expectEqual(told, [{ result: "done" }], "answer");
      expectEqual([world.home.counters.instancesKept, world.home.counters.notificationsLost], [16, 0], "kept, lost");
      return null;
    },
  },
  {
    name: "CP-9 a session has one link: messages over another are refused, and a new opening closes the old one",
    run({ open, crypto }) {
      const world = open();
      world.write("activePower", 1);
      const other = spyLink("other");
      let captured: Uint8Array | undefined;
      world.intercept = (message) => {
        captured = message;
        return true;
      };
      world.write("activePower", 2);
      world.intercept = undefined;
      expectEqual(world.home.receive(other, captured!), false, "over another link");
      expectEqual([world.home.counters.refused.foreignLink, world.home.counters.instancesKept], [1, 1], "refused, kept");
      const peer = new HostilePeer(world, crypto, 1);
      expectEqual(world.homeLink(0).send(new Uint8Array(1)), false, "the old link is closed");
      peer.close();
      return null;
    },
  },
  {
    name: "SP-1 a malformed message that is sent again is not taken for its sender",
    run({ open, crypto }) {
      const world = open();
      const peer = new HostilePeer(world, crypto, 1);
      const bad = encodeCbor(new Map<number, CborValue>([[1, 1], [2, [1, 8, 4]], [3, 2], [5, []]]));
      const first = peer.say(bad);
      expectEqual(first[0]?.get(11), 6, "answered once");
      expectEqual(world.home.receive(peer, peer.lastSaid!), false, "again");
      peer.close();
      return null;
    },
  },
  {
    name: "CP-8 refused messages do not fill the log",
    run({ open }) {
      const world = open();
      const before = world.log.length;
      for (let i = 0; i < 1000; i++) world.home.receive(world.homeLink(0), new Uint8Array(5));
      expectEqual(world.log.length - before, 10, "lines for 1000 messages");
      return null;
    },
  },
];
