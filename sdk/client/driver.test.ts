import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Registry } from "../core/model/registry";
import { standardVariables } from "../core/model/standard-variables";
import { NobleCrypto } from "../core/security/noble-crypto";
import type { SessionConfig } from "../core/security/session-config";
import { Operation, type Request } from "../core/wire/session-body";
import { MemoryStore } from "../storage/memory-store";
import { overStreams, type ByteStream } from "../transports/stream-link";
import type { TimerPort } from "./driver";
import { UnitDriver } from "./unit-driver";
import { Uplink } from "./uplink";

/** Timers on a clock that moves when the test says so. */
class FakeTimers implements TimerPort {
  nowMs = 0;
  readonly set: { atMs: number; ms: number; callback: () => void }[] = [];
  made = 0;
  after(ms: number, callback: () => void) {
    this.made++;
    const timer = { atMs: this.nowMs + ms, ms, callback };
    this.set.push(timer);
    return timer;
  }
  cancel(timer: unknown): void {
    const index = this.set.indexOf(timer as (typeof this.set)[number]);
    if (index >= 0) this.set.splice(index, 1);
  }
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = this.set.filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.cancel(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = untilMs;
  }
}

const session: SessionConfig = { kid: 1, domain: "grid", initiator: "meter", responder: "home", owner: "customer", names: ["meter", "home", "customer", "sensor"], sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }] };

function driven(parent?: string) {
  const timers = new FakeTimers();
  const clock = { wallMs: () => 1_790_000_000_000 + timers.nowMs, monotonicMs: () => timers.nowMs, isSet: () => true };
  const crypto = new NobleCrypto((out) => randomFillSync(out));
  const log: string[] = [];
  const config = { id: parent ? "meter" : "home", registry: new Registry(standardVariables), ...(parent ? { parent } : {}) };
  const driver = new UnitDriver(config, { clock, crypto, store: new MemoryStore(), log: (_level, line) => log.push(line) }, timers);
  driver.unit.addSession(session, crypto.importKey(new Uint8Array(32).fill(1), "derive"));
  const { names } = driver.unit;
  if (!parent) driver.unit.enrol("meter", "customer");
  const source = { device: names.id("meter"), service: names.id("sensor"), stakeholder: names.id("customer") };
  const item = { variable: 3, value: 1, timeMs: 0, device: names.id("meter"), owner: names.id("customer"), policy: undefined };
  const write: Request = { op: Operation.write, source, items: [item] };
  return { timers, driver, log, write };
}

describe("a driven unit", () => {
  test("needs no timer while nothing is due, and one for any number of requests", () => {
    const { timers, driver, write } = driven();
    expect(timers.set).toEqual([]);
    let told = 0;
    for (let i = 0; i < 5; i++) driver.unit.request(write, () => told++);
    expect([timers.set.map((t) => t.ms), told]).toEqual([[0], 0]);
    timers.pass(0);
    expect([told, timers.set]).toEqual([5, []]);
  });

  test("is given the time that it asks for, and no more", () => {
    const { timers, driver, write } = driven("home");
    driver.unit.linkUp({ name: "test", send: () => true, close: () => {} }, "home");
    timers.pass(0);
    expect(timers.set.map((t) => t.ms)).toEqual([5000]);
    const told: number[] = [];
    driver.unit.request(write, (n) => told.push(n.result));
    timers.pass(0);
    expect([told.length, timers.set.map((t) => t.atMs)]).toEqual([1, [5000]]);
  });

  test("is not woken by what comes in and asks nothing of it, and says whether it was authentic", () => {
    const { timers, driver } = driven();
    expect(driver.receive({ name: "test", send: () => true, close: () => {} }, Uint8Array.of(1))).toBe(false);
    expect(timers.set).toEqual([]);
  });

  test("gets no tick after it was closed, whatever still comes in", () => {
    const { timers, driver, write } = driven();
    driver.unit.request(write, () => {});
    driver.close();
    expect(timers.set).toEqual([]);
    driver.receive({ name: "test", send: () => true, close: () => {} }, Uint8Array.of(1));
    driver.close();
    expect(timers.set).toEqual([]);
  });
});

/** An uplink whose streams the test opens and ends. */
function uplink() {
  const { timers, driver, log } = driven("home");
  const streams: { open: () => void; data: (chunk: Uint8Array | null) => void; writes: number; closed: number }[] = [];
  const connect = (open: () => void, data: (chunk: Uint8Array | null) => void): ByteStream => {
    const stream = { open, data, writes: 0, closed: 0 };
    streams.push(stream);
    return { name: `stream ${streams.length}`, write: () => (stream.writes++, true), close: () => void stream.closed++ };
  };
  const made = new Uplink(driver, "home", overStreams(connect), timers, (level, line) => log.push(`${level} ${line}`));
  const last = () => streams[streams.length - 1]!;
  const pauses = () => log.filter((line) => line.includes("trying again")).map((line) => Number(/in (\d+) ms/.exec(line)![1]));
  return { timers, driver, uplink: made, streams, last, pauses, log };
}

describe("DI-9 the way up", () => {
  test("connects at once, and opens the session when the stream is there", () => {
    const { streams } = uplink();
    expect([streams.length, streams[0]!.writes]).toEqual([1, 0]);
    streams[0]!.open();
    expect(streams[0]!.writes).toBe(1);
  });

  test("connects again after a pause that doubles up to half a minute", () => {
    const { timers, streams, last, pauses } = uplink();
    const expected = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
    for (const pause of expected) {
      const before = streams.length;
      last().data(null);
      timers.pass(pause - 1);
      expect(streams.length).toBe(before);
      timers.pass(1);
      expect(streams.length).toBe(before + 1);
    }
    expect(pauses()).toEqual(expected);
  });

  test("a stream alone does not shorten the pause, an open session does", () => {
    const { timers, uplink: up, last, pauses } = uplink();
    for (let i = 0; i < 3; i++) {
      last().open();
      last().data(null);
      timers.pass(30_000);
    }
    up.sessionOpened();
    last().data(null);
    expect(pauses()).toEqual([500, 1000, 2000, 500]);
  });

  test("SP-5 a link over which no session is opened is lost with a hint, and the same again is no warning", () => {
    const { timers, uplink: up, last, log } = uplink();
    for (const opens of [true, false, false]) {
      last().open();
      if (opens) up.sessionOpened();
      last().data(null);
      timers.pass(30_000);
    }
    const hint = ", and no session was opened: the key is not known there, or another has this identity";
    expect(log.map((line) => line.replace(/; trying again.*/, ""))).toEqual(["", hint, hint].map((end, i) => `${i < 2 ? "warning" : "info"} link to home over stream ${i + 1} closed: ended${end}`));
  });

  test("a loss is retried once, however often and by whomever it is told, and the stream is closed", () => {
    const { timers, uplink: up, streams, last } = uplink();
    const first = last();
    first.open();
    up.reconnect("no answer");
    up.reconnect("no answer");
    first.data(null);
    expect(first.closed).toBe(1);
    timers.pass(500);
    expect(streams.length).toBe(2);
  });

  test("what is no frame ends the stream and names the reason", () => {
    const { last, log } = uplink();
    last().open();
    last().data(Uint8Array.of(9));
    expect(last().closed).toBe(1);
    expect(log.some((line) => line.includes("closed: wire version 9"))).toBe(true);
  });

  test("closed, it stays closed: a pause that runs is ended and none begins", () => {
    const waiting = uplink();
    waiting.last().data(null);
    waiting.uplink.close();
    waiting.timers.pass(60_000);
    const connected = uplink();
    connected.last().open();
    connected.uplink.close();
    connected.timers.pass(60_000);
    expect([waiting.streams.length, connected.streams.length, connected.last().closed]).toEqual([1, 1, 1]);
  });
});

describe("SP-1 what goes wrong while a message is taken", () => {
  test("ends its link, is logged, and is thrown at nobody", () => {
    const lines: string[] = [];
    const timers = new FakeTimers();
    const crypto = new NobleCrypto((target) => void randomFillSync(target));
    const clock = { wallMs: () => timers.nowMs, monotonicMs: () => timers.nowMs, isSet: () => true };
    const driver = new UnitDriver({ id: "home", registry: new Registry(standardVariables) }, { clock, crypto, store: new MemoryStore(4), log: (level, line) => void lines.push(`${level} ${line}`) }, timers);
    driver.door = {
      receive: () => {
        throw new RangeError("a fault of ours");
      },
    };
    const reasons: string[] = [];
    const link = { name: "cable", send: () => true, close: (reason: string) => void reasons.push(reason) };
    expect(driver.receive(link, Uint8Array.of(1))).toBe(false);
    expect([reasons, lines]).toEqual([["a message could not be taken: a fault of ours"], ["error cable: a message could not be taken: a fault of ours"]]);
    driver.close();
  });
});
