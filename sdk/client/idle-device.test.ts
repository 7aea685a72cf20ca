/** A device that only follows sends nothing of its own accord: it must find out all the same that its home is not there, or has forgotten it. On a clock of the test. */
import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Registry } from "../core/model/registry";
import { standardVariables } from "../core/model/standard-variables";
import type { LinkConnector, LinkPort } from "../core/ports";
import { parseKeyFile } from "../core/security/key-file";
import { NobleCrypto } from "../core/security/noble-crypto";
import { MemoryStore } from "../storage/memory-store";
import { overSerial, type SerialConnector } from "../transports/serial-link";
import { overStreams, StreamLink, type ByteStream } from "../transports/stream-link";
import { DataInterface } from "./data-interface";
import { openDevice } from "./device";
import { UnitDriver } from "./unit-driver";

const file = {
  type: "ebalance-session-key",
  version: 1,
  kid: 1,
  domain: "grid",
  initiator: "lamp",
  responder: "home",
  owner: "customer",
  names: ["lamp", "home", "customer", "switch", "operator", "grid"],
  sources: [{ device: "lamp", service: "switch", stakeholder: "customer" }],
  policy: { sequence: 1, entries: [{ rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] },
  key: "0123456789abcdef".repeat(4),
} as const;
const keyFile = { name: "lamp.json", text: JSON.stringify(file) };

/** A home that can lose its power, a lamp, and a way between them on which everything up can get lost. */
class World {
  isCut = false;
  /** What the program of the lamp was told. */
  readonly told: unknown[] = [];
  #nowMs = 1_790_000_000_000;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  readonly #wire: (() => void)[] = [];
  #home: UnitDriver | undefined;
  /** Where the home hears the way; undefined while it has no power. */
  #atHome: LinkPort | undefined;
  readonly #clock = { wallMs: () => this.#nowMs, monotonicMs: () => this.#nowMs, isSet: () => true };
  readonly #crypto = new NobleCrypto((out) => randomFillSync(out));
  readonly #timerPort = {
    after: (ms: number, callback: () => void) => this.#timers[this.#timers.push({ atMs: this.#nowMs + ms, callback }) - 1],
    cancel: (timer: unknown) => void (this.#timers = this.#timers.filter((one) => one !== timer)),
  };
  readonly #hearing: Partial<Record<"home" | "lamp", (message: Uint8Array) => void>> = {};

  constructor(readonly way: "serial line" | "TCP") {
    this.power();
    const connect = way === "TCP" ? overStreams((onOpen, onData) => this.#stream(onOpen, onData)) : this.#serial("lamp", "home");
    const device = openDevice({ clock: this.#clock, crypto: this.#crypto, timers: this.#timerPort, log: () => {}, keyFile, service: "switch", connect });
    device.follow(["switchState"], ({ value }) => this.told.push(value), (there) => this.told.push(there ? "home is there" : "home is gone"));
    this.pass(5);
  }

  /** One end of a line: what it sends gets lost while the way up is cut, and comes to whoever has the other end open. */
  #serial(end: "home" | "lamp", other: "home" | "lamp"): LinkConnector {
    const connect: SerialConnector = (onMessage) => {
      this.#hearing[end] = onMessage;
      const send = (message: Uint8Array) => (end === "lamp" && this.isCut) || this.#wire.push(() => this.#hearing[other]?.(message)) > 0;
      return { name: `line of ${end}`, dropped: 0, send, close: () => void (this.#hearing[end] === onMessage && delete this.#hearing[end]) };
    };
    return overSerial(connect, this.#timerPort, () => {});
  }

  /** A connection leads to the home that has power when it is made, and nobody says that this one has it no more. */
  #stream(onOpen: () => void, onData: (chunk: Uint8Array | null) => void): ByteStream {
    const home = this.#home;
    const there = () => home && home === this.#home;
    const stream = { name: "to lamp", write: (bytes: Uint8Array) => this.#wire.push(() => onData(bytes)) > 0, close: () => {} };
    const link: StreamLink = new StreamLink(stream, (message) => home!.receive(link, message), () => home!.unit.linkLost(link));
    this.#wire.push(home ? onOpen : () => onData(null));
    return { name: "to home", write: (bytes) => this.#wire.push(() => there() && !this.isCut && link.push(bytes)) > 0, close: () => {} };
  }

  power(): void {
    const { session, key } = parseKeyFile(keyFile.text, keyFile.name);
    const ports = { clock: this.#clock, crypto: this.#crypto, store: new MemoryStore(), log: () => {} };
    const home = (this.#home = new UnitDriver({ id: "home", registry: new Registry(standardVariables) }, ports, this.#timerPort));
    home.unit.addSession(session, key.importInto(this.#crypto, "derive"));
    home.unit.setDefaultPolicy("customer", file.policy as never);
    if (this.way === "serial line") this.#listen(home);
  }

  #listen(home: UnitDriver): void {
    const link: LinkPort = this.#serial("home", "lamp")({
      up: () => {},
      message: (message) => home.receive(link, message),
      down: () => {
        home.unit.linkLost(link);
        if (home === this.#home) this.#listen(home);
      },
    });
    this.#atHome = link;
  }

  /** Nothing is said to anybody. */
  powerCut(): void {
    const home = this.#home!;
    this.#home = undefined;
    this.#atHome?.close("power cut");
    home.close();
    this.#wire.length = 0;
  }

  async write(value: boolean): Promise<string> {
    const asked = new DataInterface(this.#home!.unit, { service: "grid", stakeholder: "operator" }).write({ variable: "switchState", device: "lamp", owner: "customer", value });
    this.pass(0.01);
    return (await asked).result;
  }

  pass(seconds: number): void {
    const untilMs = this.#nowMs + seconds * 1000;
    for (;;) {
      for (let step = this.#wire.shift(); step; step = this.#wire.shift()) step();
      const [next] = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timerPort.cancel(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

describe.each(["serial line", "TCP"] as const)("DI-9 MU-1 a device that only follows, over a %s", (way) => {
  test("hears again after its home has started again, and knows that it did not hear it", async () => {
    const world = new World(way);
    expect([await world.write(true), world.told.splice(0)]).toEqual(["done", ["home is there", true]]);
    world.pass(100);
    world.powerCut();
    world.pass(3);
    world.power();
    world.pass(1);
    expect(await world.write(false)).toBe("done");
    world.pass(62);
    expect(world.told.splice(0)).toEqual(["home is gone", false, "home is there"]);
    expect([await world.write(true), world.told]).toEqual(["done", [true]]);
  });

  test.each([[11], [61], [3600]])("hears again after the way up was cut for %d s", async (seconds) => {
    const world = new World(way);
    world.pass(100);
    world.isCut = true;
    world.pass(seconds);
    world.isCut = false;
    world.pass(1);
    expect(await world.write(true)).toBe("done");
    world.pass(62);
    expect(world.told.filter((told) => told === true)).toEqual([true]);
    expect([await world.write(false), world.told.at(-1)]).toEqual(["done", false]);
  });

  test("is told nothing in a quiet hour", () => {
    const world = new World(way);
    world.pass(3600);
    expect(world.told).toEqual(["home is there"]);
  });
});
