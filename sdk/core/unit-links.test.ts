/** Links that come and go, and what is owed to whoever waits: on two units and a clock of the test. */
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { sessionConfig } from "../../tests/conformance/world";
import { MemoryStore } from "../storage/memory-store";
import { LeafUnit } from "./leaf-unit";
import { Registry } from "./model/registry";
import { resultName } from "./model/result";
import { standardVariables } from "./model/standard-variables";
import type { LinkPort } from "./ports";
import { ManagementUnit, type UnitLimits } from "./unit";
import { Operation, type Request } from "./wire/session-body";

/** A meter and its home; messages wait in queues that the test hands over or lets go. */
function pair(limits: Partial<UnitLimits> = {}, variablesOfHome = standardVariables) {
  const clock = { now: 1_790_000_000_000, wallMs: () => clock.now, monotonicMs: () => clock.now, isSet: () => true };
  const crypto = new NodeCrypto();
  const ports = () => ({ clock, crypto, store: new MemoryStore(64), log: () => {}, wake: () => {} });
  const home = new ManagementUnit({ id: "home", registry: new Registry(variablesOfHome), limits }, ports());
  const meter = new LeafUnit({ id: "meter", registry: new Registry(standardVariables), limits, parent: "home" }, ports());
  for (const end of [home, meter]) end.addSession(sessionConfig(1, "meter", "customer", "sensor"), crypto.importKey(new Uint8Array(32).fill(1), "derive"));
  const up: Uint8Array[] = [];
  const down: Uint8Array[] = [];
  const closed: string[] = [];
  const link = (queue: Uint8Array[]): LinkPort => ({ name: "test", send: (message) => queue.push(message) > 0, close: (reason) => void closed.push(reason) });
  const links = { meter: link(up), home: link(down) };
  const run = () => {
    do {
      meter.tick();
      home.tick();
      for (const message of up.splice(0)) home.receive(links.home, message);
      for (const message of down.splice(0)) meter.receive(links.meter, message);
    } while (up.length + down.length > 0);
  };
  const pass = (ms: number) => {
    clock.now += ms;
    run();
  };
  const { names } = meter;
  const source = { device: names.id("meter"), service: names.id("sensor"), stakeholder: names.id("customer") };
  const series = { variable: 3, device: names.id("meter"), owner: names.id("customer") };
  const ask = (request: Request, timeoutMs?: number) => {
    const told: string[] = [];
    meter.request(request, (n) => told.push(n.instances.length ? `occurrence ${String(n.instances[0]!.value)}` : resultName(n.result)), timeoutMs);
    return told;
  };
  const event: Request = { op: Operation.event, source, selector: series, condition: [] };
  const write = (value: number): Request => ({ op: Operation.write, source, items: [{ ...series, value, timeMs: clock.now, policy: undefined }] });
  return { home, meter, links, up, down, closed, run, pass, ask, event, write, clock };
}

describe("DI-9 a session that is opened again", () => {
  test("ends the subscriptions of the old one: nobody is told twice, and none of their places stays taken", () => {
    const { meter, links, run, ask, event, write } = pair({ maxSubscriptions: 4 });
    meter.linkUp(links.meter, "home");
    run();
    for (let round = 0; round < 5; round++) {
      const told = Array.from({ length: 4 }, () => ask(event));
      run();
      expect(told).toEqual(Array(4).fill(["done"]));
      const written = ask(write(round));
      run();
      expect([written.length, told.map((t) => t.length)]).toEqual([1, [2, 2, 2, 2]]);
      meter.linkLost(links.meter);
      expect(told.map((t) => t.at(-1))).toEqual(Array(4).fill("linkLost"));
      meter.linkUp(links.meter, "home");
      run();
    }
  });

  test("tells at once whoever waited in the old one", () => {
    const { meter, links, run, ask, write, up } = pair();
    meter.linkUp(links.meter, "home");
    run();
    const told = ask(write(1));
    meter.tick();
    up.length = 0;
    meter.linkUp(links.meter, "home");
    run();
    expect(told).toEqual(["linkLost"]);
  });

  test("is opened again after 5 s without a sign of the peer under the new keys, and no more often", () => {
    const { meter, links, clock, up, run } = pair();
    meter.linkUp(links.meter, "home");
    let openings = 0;
    for (let s = 0; s < 60; s++) {
      openings += up.splice(0).length;
      clock.now += 1000;
      meter.tick();
    }
    expect(openings).toBe(12);
    run();
    const before = meter.counters.received;
    for (let s = 0; s < 14; s++) {
      clock.now += 1000;
      run();
    }
    expect(meter.counters.received).toBe(before);
  });
});

describe("DI-9 a session in which nothing comes", () => {
  /** Open, and a second passes at a time. */
  function idle() {
    const world = pair();
    const { meter, home, links, run, pass } = world;
    meter.linkUp(links.meter, "home");
    run();
    const seconds = (count: number, each = () => {}) => {
      for (let s = 0; s < count; s++) {
        pass(1000);
        each();
      }
    };
    return { ...world, seconds, sent: () => [home.counters.received, meter.counters.received] };
  }

  test("stays open as long as it is answered, for one message every half minute and its answer", () => {
    const { seconds, sent, closed, ask, write, run } = idle();
    const [toHome, toMeter] = sent() as [number, number];
    seconds(3600);
    expect(closed).toEqual([]);
    expect(sent()).toEqual([toHome + 120, toMeter + 120]);
    const told = ask(write(1));
    run();
    expect(told).toEqual(["occurrence 1"]);
  });

  test("is asked nothing where answers come anyway", () => {
    const { seconds, sent, ask, write } = idle();
    const [toHome] = sent() as [number, number];
    let writes = 0;
    seconds(600, () => ++writes % 14 || ask(write(writes)));
    expect(sent()[0]).toBe(toHome + Math.floor(600 / 14));
  });

  test.each([
    ["has forgotten it, as when it has started again", ({ home, links }: ReturnType<typeof pair>) => home.linkLost(links.home)],
    ["is not heard", ({ home }: ReturnType<typeof pair>) => void (home.receive = () => true)],
  ])("is dead after a minute at most where the peer %s: its link is closed, once", (_what, fault) => {
    const world = idle();
    const { seconds, closed, meter, links } = world;
    seconds(100);
    fault(world);
    seconds(40);
    expect(closed).toEqual([]);
    seconds(20);
    expect(closed).toEqual(["nothing was heard in the session for 45 s"]);
    meter.linkLost(links.meter);
    seconds(100);
    expect(closed.length).toBe(1);
  });

  test("lives on where one question gets lost", () => {
    const { seconds, closed, up, down, meter, clock } = idle();
    seconds(16);
    for (let s = 0; s < 28; s++) {
      clock.now += 1000;
      meter.tick();
      up.length = down.length = 0;
    }
    seconds(100);
    expect(closed).toEqual([]);
  });
});

describe("DI-9 bounds of what waits", () => {
  test("as many requests wait as the limit says, and one more is busy", () => {
    const { meter, links, run, ask, write, up } = pair({ maxPending: 3 });
    meter.linkUp(links.meter, "home");
    run();
    const waiting = [1, 2, 3].map((value) => ask(write(value)));
    meter.tick();
    const refused = ask(write(4));
    meter.tick();
    expect([waiting, refused, up.length]).toEqual([[[], [], []], ["busy"], 3]);
    run();
    expect(waiting).toEqual(Array(3).fill(["occurrence 1"]).map((_unused, i) => [`occurrence ${i + 1}`]));
  });

  test("a subscription that is accepted after its time-out is ended at the home too", () => {
    const { meter, links, run, ask, event, up, clock } = pair({ maxSubscriptions: 1 });
    meter.linkUp(links.meter, "home");
    run();
    const told = ask(event, 1000);
    meter.tick();
    const late = up.splice(0);
    clock.now += 1000;
    meter.tick();
    up.unshift(...late);
    run();
    const again = ask(event);
    run();
    expect([told, again]).toEqual([["timeout"], ["done"]]);
  });
});

describe("DI-2 a measurement is written", () => {
  const policy = { sequence: 1, entries: [{ rights: "write" as const, minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] };
  test.each([
    ["by its own device for its owner", "meter", "sensor", "customer", "done"],
    ["not by another device of the same owner", "pump", "sensor", "customer", "denied"],
    ["not by its device for somebody else, even one who may write", "meter", "grid", "operator", "denied"],
  ])("%s", (_what, device, service, stakeholder, result) => {
    const { home } = pair();
    home.enrol("pump", "customer");
    home.setDefaultPolicy("customer", policy);
    const { names } = home;
    const items = [{ variable: 3, device: names.id("meter"), owner: names.id("customer"), value: 1, timeMs: 0, policy: undefined }];
    const told: string[] = [];
    const source = { device: names.id(device), service: names.id(service), stakeholder: names.id(stakeholder) };
    home.request({ op: Operation.write, source, items }, (n) => told.push(resultName(n.result)));
    home.tick();
    expect(told).toEqual([result]);
  });
});

describe("DI-8 an answer that does not fit", () => {
  test("is told as malformed and counted, and the session goes on", () => {
    // A home to which any power is good.
    const { activePower, ...others } = standardVariables;
    const { meter, links, run, ask, write } = pair({}, { ...others, activePower: { ...activePower!, max: 1e12 } });
    meter.linkUp(links.meter, "home");
    run();
    const told = ask(write(1e12));
    run();
    expect(told).toEqual(["malformed"]);
    expect(meter.counters.refused.malformed).toBe(1);
    const honest = ask(write(5));
    run();
    expect(honest).toEqual(["occurrence 5"]);
  });
});

describe("CP-3 questions that cost much", () => {
  test.each<[string, Partial<UnitLimits>, number]>([
    ["a gateway", {}, 200_000],
    ["a device that sets its own limit", { maxScanned: 16_000 }, 32_000],
  ])("of one neighbour of %s are answered with busy beyond its share, and again once time has passed", (_what, limits, samplesAtOnce) => {
    const { meter, links, run, pass, ask, write, clock } = pair(limits);
    meter.linkUp(links.meter, "home");
    run();
    for (let i = 0; i < 64; i++) {
      clock.now += 1000;
      ask(write(i));
      run();
    }
    const average: Request = { ...write(0), op: Operation.query, selector: (write(0) as { items: readonly object[] }).items[0] as never, condition: [], function: 4 } as never;
    const once = () => {
      const told = ask(average);
      run();
      return told[0];
    };
    let answered = 0;
    while (once() === "occurrence 32") answered++;
    // One more where fractions of a millisecond are rounded.
    expect([samplesAtOnce / 64, samplesAtOnce / 64 + 1]).toContain(answered);
    expect(once()).toBe("busy");
    pass(10);
    expect(once()).toBe("occurrence 32");
  });
});
