import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Registry, type Value } from "../core/model/registry";
import { standardVariables } from "../core/model/standard-variables";
import { parseKeyFile } from "../core/security/key-file";
import { NobleCrypto } from "../core/security/noble-crypto";
import { ManagementUnit } from "../core/unit";
import { portableSeal, type SealPort } from "../core/wire/reading-message";
import { MemoryStore } from "../storage/memory-store";
import { StreamLink, type ByteStream } from "../transports/stream-link";
import { DataInterface } from "./data-interface";
import { overStreams } from "../transports/stream-link";
import { openDevice, type DeviceOptions, type DevicePlatform } from "./device";

const key = "0123456789abcdef".repeat(4);
const file = {
  type: "ebalance-session-key",
  version: 1,
  kid: 1,
  domain: "grid",
  initiator: "meter",
  responder: "home",
  owner: "customer",
  names: ["meter", "home", "customer", "sensor", "supplier", "billing"],
  sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }],
  policy: { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] },
  key,
};

/** As strict as the native one. */
function strictSeal(crypto: NobleCrypto): SealPort {
  const seal = portableSeal(crypto);
  return {
    ...seal,
    readingSealer: (context, template) => {
      const sealReading = seal.readingSealer(context, template);
      return (sequence, timeS, variable, value, offsetMs) => {
        if (!(Number.isInteger(timeS) && timeS >= 0 && timeS <= 0xffffffff && Number.isSafeInteger(offsetMs))) throw new RangeError("sealReading: no whole number in its range");
        return sealReading(sequence, timeS, variable, value, offsetMs);
      };
    },
  };
}

/** A platform whose time passes when the test says so, and whose stream leads to a home in the same process. */
function world(change: object = {}) {
  /** `saysMs`: what the clock of the device says instead. */
  const time: { ms: number; saysMs?: number | undefined } = { ms: 1_790_000_000_000 };
  const timers: { atMs: number; callback: () => void }[] = [];
  const log: string[] = [];
  const clock = { wallMs: () => time.ms, monotonicMs: () => time.ms, isSet: () => true };
  const crypto = new NobleCrypto((out) => randomFillSync(out));
  const imported: { use: string; bytes: Uint8Array }[] = [];
  const seen = Object.assign(Object.create(crypto) as NobleCrypto, {
    importKey: (bytes: Uint8Array, use: "mac" | "derive") => (imported.push({ use, bytes }), crypto.importKey(bytes, use)),
    deriveKey: crypto.deriveKey.bind(crypto), destroyKey: crypto.destroyKey.bind(crypto), mac: crypto.mac.bind(crypto),
    verifyMac: crypto.verifyMac.bind(crypto), sha256: crypto.sha256.bind(crypto), random: crypto.random.bind(crypto),
  });
  const home = new ManagementUnit({ id: "home", registry: new Registry(standardVariables) }, { clock, crypto, store: new MemoryStore(), log: () => {}, wake: () => {} });
  const { session, key } = parseKeyFile(JSON.stringify(file), "home.json");
  home.addSession(session, key.importInto(crypto, "derive"));
  /** Bytes on their way; what is handed over may bring more. */
  const wire: (() => void)[] = [];
  const connect = (onOpen: () => void, onData: (chunk: Uint8Array | null) => void): ByteStream => {
    const link = new StreamLink({ name: "to meter", write: (b) => wire.push(() => onData(b)) > 0, close: () => {} }, (message, from) => home.receive(from, message), () => {});
    wire.push(onOpen);
    return { name: "to home", write: (b) => wire.push(() => link.push(b)) > 0, close: () => home.linkLost(link) };
  };
  const platform: DevicePlatform = {
    clock: { ...clock, wallMs: () => time.saysMs ?? time.ms },
    crypto: seen,
    seal: strictSeal(crypto),
    log: (level, line) => log.push(`${level} ${line}`),
    timers: {
      after: (ms, callback) => timers[timers.push({ atMs: time.ms + ms, callback }) - 1],
      cancel: (timer) => void timers.splice(timers.indexOf(timer as (typeof timers)[number]), 1),
    },
    keyFile: { name: "meter.json", text: JSON.stringify({ ...file, ...change }) },
    service: "sensor",
    connect: overStreams(connect),
  };
  const pass = (ms: number) => {
    const untilMs = time.ms + ms;
    for (;;) {
      for (let step = wire.shift(); step; step = wire.shift()) step();
      const next = timers.filter((t) => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      timers.splice(timers.indexOf(next), 1);
      time.ms = Math.max(time.ms, next.atMs);
      next.callback();
    }
    time.ms = untilMs;
  };
  const open = (options?: DeviceOptions) => openDevice(platform, options);
  const billing = new DataInterface(home, { service: "billing", stakeholder: "supplier" });
  /** The device is started anew with another key file. */
  const restart = (other: object) => openDevice({ ...platform, keyFile: { name: "meter.json", text: JSON.stringify({ ...file, ...other }) } });
  /** What the supplier, or another, reads at the home. */
  const read = async (variable: string, name: "last" | "count" = "last", stakeholder = "supplier") => {
    const asked = (stakeholder === "supplier" ? billing : new DataInterface(home, { service: "billing", stakeholder })).query({ variable, device: "meter", owner: "customer", function: name });
    home.tick();
    const { result, readings } = await asked;
    return readings[0]?.value ?? result;
  };
  return { open, restart, pass, log, read, imported, time, home };
}

describe("MU-1 a device", () => {
  test("has the id of its key file, and what it writes arrives at its parent under its owner's policy", async () => {
    const { open, pass, read } = world();
    const device = open();
    expect(device.id).toBe("meter");
    device.write("temperature", 21.5);
    pass(0);
    expect(await read("temperature")).toBe(21.5);
  });

  test("DI-3 every variable of its first message comes under its owner's policy", async () => {
    const { open, pass, read } = world();
    const device = open();
    device.write("temperature", 21.5);
    device.write("humidity", 40);
    pass(0);
    expect([await read("temperature"), await read("humidity")]).toEqual([21.5, 40]);
  });

  test("DI-3 SP-2 a device with an older policy than its owner has put in force at home loses no reading, and that later one holds", async () => {
    const { open, pass, read, log, restart } = world({ policy: { sequence: 5, entries: [] } });
    open().write("temperature", 1);
    pass(1000);
    expect(await read("temperature")).toBe("denied");
    const device = restart({ policy: file.policy });
    for (let value = 2; value < 12; value++) {
      device.write("temperature", value);
      device.write("activePower", value);
      pass(1000);
    }
    expect([await read("temperature"), await read("activePower"), await read("activePower", "count")]).toEqual(["denied", 11, 10]);
    expect([await read("temperature", "count", "customer"), log.filter((line) => line.includes("refused"))]).toEqual([11, []]);
  });

  test("reports on schedule, first now", async () => {
    const { open, pass, read } = world();
    let value = 20;
    open().report("temperature", { everyMs: 1000, read: () => value++ });
    pass(0);
    expect([await read("temperature"), await read("temperature", "count")]).toEqual([20, 1]);
    pass(3000);
    expect([await read("temperature"), await read("temperature", "count")]).toEqual([23, 4]);
  });

  test("says once that there is nothing to read, and again only after there was something", async () => {
    const { open, pass, log, read } = world();
    const values = [undefined, undefined, 5, undefined, undefined];
    open().report("temperature", { everyMs: 1000, read: () => values.shift() });
    pass(4000);
    expect(log.filter((line) => line.includes("temperature"))).toEqual(Array(2).fill("info temperature: nothing to read here"));
    expect(await read("temperature", "count")).toBe(1);
  });

  test("logs a reading out of range, leaves it out and goes on", async () => {
    const { open, pass, log, read } = world();
    const values = [5000, NaN, 6];
    open().report("temperature", { everyMs: 1000, read: () => values.shift() });
    pass(3000);
    expect(log.filter((line) => line.startsWith("warning")).length).toBe(2);
    expect(log.some((line) => line.includes("temperature 5000 is outOfRange"))).toBe(true);
    expect(await read("temperature")).toBe(6);
  });

  test.each([9, 0, -1, NaN, Infinity, 0x80000000])("refuses a period of %d ms by its value and range", (everyMs) => {
    const { open } = world();
    expect(() => open().report("temperature", { everyMs, read: () => 1 })).toThrow(
      expect.objectContaining({ code: "bad-argument", message: `temperature: everyMs ${everyMs} is not from 10 to 2147483647` }),
    );
  });

  test("takes periods at both ends of the range, and refuses unknown variables and wrong values by name", () => {
    const { open } = world();
    const device = open();
    device.report("temperature", { everyMs: 10, read: () => 1 });
    device.report("temperature", { everyMs: 0x7fffffff, read: () => 1 });
    expect(() => device.report("nothing", { everyMs: 1000, read: () => 1 })).toThrow(expect.objectContaining({ code: "bad-argument", message: "variable nothing is not in the registry: see variables.json" }));
    const missing = undefined as unknown as () => Value;
    expect(() => device.report("temperature", { everyMs: 1000, read: missing })).toThrow(expect.objectContaining({ code: "bad-argument", message: "temperature: read is no function" }));
    expect(() => device.write("temperature", "warm" as Value)).toThrow(expect.objectContaining({ code: "bad-argument", message: expect.stringContaining("warm") as string }));
  });

  test("may have variables of its own instead of the SDK's", () => {
    const { open } = world();
    const device = open({ variables: { flow: { id: 1024, unit: "l/s", type: "integer", scale: 0.1, min: 0, max: 100, write: "device", about: "Flow" } } });
    expect(() => device.write("flow", 5)).not.toThrow();
    expect(() => device.write("temperature", 5)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });

  test.each([
    ["year 2200", 7_258_118_400_000],
    ["1969", -1000],
    ["a fraction of a millisecond", 1_790_000_010_000.25],
    ["the last time", 2 ** 51 - 1],
    ["the first time", 1 - 2 ** 51],
  ])("CP-8 a clock that says %s for a while disturbs nothing: nothing malformed is sent, and what is measured then and later arrives", async (_what, saysMs) => {
    const { open, pass, log, read, time, home } = world();
    const device = open();
    const write = (count: number) => {
      for (let i = 0; i < count; i++) {
        device.write("activePower", i);
        pass(1000);
      }
    };
    write(10);
    time.saysMs = saysMs;
    write(10);
    time.saysMs = undefined;
    write(10);
    pass(60_000);
    expect([await read("activePower", "count"), home.counters.refused.malformed]).toEqual([30, 0]);
    expect(log.filter((line) => !line.startsWith("info"))).toEqual([]);
  });

  test.each([NaN, Infinity, -Infinity, 2 ** 51])("MU-1 refuses %d as the time of a reading, and as what its clock says", async (wrong) => {
    const { open, pass, read, time } = world();
    const device = open();
    const refused = expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(`time ${wrong} of a reading`) as string }) as object;
    expect(() => device.write("activePower", 1, wrong)).toThrow(refused);
    time.saysMs = wrong;
    expect(() => device.write("activePower", 1)).toThrow(refused);
    time.saysMs = undefined;
    device.write("activePower", 5);
    pass(0);
    expect([await read("activePower"), await read("activePower", "count")]).toEqual([5, 1]);
  });

  test("SP-3 imports its key for deriving alone, and leaves no copy of it in memory", () => {
    const { open, imported } = world();
    open();
    expect(imported).toEqual([{ use: "derive", bytes: new Uint8Array(32) }]);
  });

  test.each<[string, object]>([
    ["type", { type: "other" }],
    ["key", { key: "00" }],
    ["kid", { kid: 0 }],
    ["owner", { owner: "stranger" }],
    ["names", { names: [...file.names, "meter"] }],
    ["names", { names: [...file.names, "ü".repeat(64)] }],
    ["initiator", { initiator: "home" }],
    ["source", { sources: [{ device: "pump", service: "sensor", stakeholder: "customer" }] }],
    ["domain", { domain: "ü".repeat(64) }],
    ["policy", { policy: { sequence: 0, entries: [] } }],
    ["policy", { policy: { sequence: 1, entries: [{ rights: "all", minDelayS: 0, grantees: [] }] } }],
    ["policy", { policy: { sequence: 1, entries: [null] } }],
  ])("SP-5 does not start with a key file whose %s is wrong, and says which file and what, never the key", (part, change) => {
    const { open } = world(change);
    let error: unknown;
    try {
      open();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "bad-configuration", fault: "caller", message: expect.stringMatching(new RegExp(`meter\\.json.*${part}`)) as string });
    expect((error as Error).message).not.toContain(key.slice(0, 8));
  });
});
