import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PolicyText } from "../core/model/policy";
import { NobleCrypto } from "../core/security/noble-crypto";
import { crc16 } from "../core/wire/crc-16";
import { MemoryFlash } from "../storage/memory-flash";
import { portableRing } from "../storage/ring/portable-ring";
import type { RingStore } from "../storage/ring/ring-store";
import { openDevice } from "./device";

const startMs = 1_790_000_000_000;
const services = ["billing", "balancing", "grid", "maintenance"];
const file = {
  type: "ebalance-session-key", version: 1, kid: 1, domain: "grid", initiator: "meter", responder: "home", owner: "customer",
  names: ["meter", "home", "customer", "sensor", "supplier", ...services],
  sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }],
  key: "0123456789abcdef".repeat(4),
};

/** Each service in an entry of its own. */
const policyOf = (sequence: number, stakeholder = "supplier"): PolicyText => ({
  sequence,
  entries: services.map((service, i) => ({ rights: "read", minDelayS: i * 60 + sequence, grantees: [{ stakeholder, service }] })),
});

/** A start of the device, whose clock goes on by a second with each reading. */
function start(flash: MemoryFlash, policy: PolicyText, fromMs = startMs, store: RingStore = portableRing(flash), stakeholders: string[] = []) {
  const log: string[] = [];
  let nowMs = fromMs;
  const keyFile = { name: "meter.json", text: JSON.stringify({ ...file, policy, names: [...file.names, ...stakeholders] }) };
  const device = openDevice({
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs, isSet: () => true },
    crypto: new NobleCrypto((out) => randomFillSync(out)),
    log: (level, text) => log.push(`${level} ${text}`),
    timers: { after: () => 1, cancel: () => {} },
    keyFile, service: "sensor", store,
    connect: () => ({ name: "home", send: () => false, close: () => {} }),
  });
  const write = (count: number, ...variables: string[]) => {
    for (let i = 0; i < count; i++, nowMs += 1000) for (const variable of variables) device.write(variable, variable === "frequency" ? 50 : variable === "voltageL1" ? 230 : i % 20);
  };
  const kept = (sinceMs = fromMs) => {
    let count = 0;
    for (let series = 0; series < 16; series++) store.scan(series, sinceMs, Infinity, () => ++count > 0);
    return count;
  };
  return { device, log, write, kept };
}

const erasesOfCatalogue = (flash: MemoryFlash) => flash.erases[0]! + flash.erases[1]!;

describe("CP-6 what a device keeps of its readings", () => {
  test("goes on being kept however often the owner changes the policy, and the catalogue is seldom erased", () => {
    const flash = new MemoryFlash(32);
    const variables = ["processorLoad", "temperature", "humidity", "irradiance", "voltageL1", "frequency"];
    for (let change = 1; change <= 20; change++) {
      const { write, kept, log, device } = start(flash, policyOf(change), startMs + change * 1_000_000);
      write(600, ...variables);
      expect([change, kept(), log.filter((line) => line.includes("kept"))]).toEqual([change, 3600, []]);
      device.close();
    }
    expect(erasesOfCatalogue(flash)).toBeLessThan(10);
  });

  test("where samples of too many policies are kept, the oldest give way to those of a new one", () => {
    const flash = new MemoryFlash(32);
    for (let change = 1; change <= 12; change++) {
      const { write, kept, log, device } = start(flash, policyOf(change), startMs + change * 1_000_000);
      write(5, "temperature");
      expect([change, kept(), log.filter((line) => line.includes("kept"))]).toEqual([change, 5, []]);
      device.close();
    }
    expect(Math.max(...flash.erases)).toBeLessThanOrEqual(2);
  });

  test("under a policy that is too long for flash is a configuration that is not usable", () => {
    const stakeholders = Array.from({ length: 12 }, (_, i) => `operator-of-a-grid-${i}`.padEnd(60, "x"));
    const entries = [{ rights: "read" as const, minDelayS: 0, grantees: stakeholders.map((stakeholder) => ({ stakeholder, service: "billing" })) }];
    const flash = new MemoryFlash(8);
    expect(() => start(flash, { sequence: 1, entries: [{ ...entries[0]!, grantees: entries[0]!.grantees.slice(0, 11) }] }, startMs, undefined, stakeholders)).not.toThrow();
    expect(() => start(flash, { sequence: 2, entries: [...entries, { ...entries[0]!, minDelayS: 60 }] }, startMs, undefined, stakeholders)).toThrow(/^a record of \d+ bytes, flash keeps at most 1024/);
    // What was kept under the one before stays.
    expect(start(flash, policyOf(3)).log).toEqual([]);
  });

  test("fails with a word about why, and only for what flash has done", () => {
    const flash = new MemoryFlash(8);
    const store = portableRing(flash);
    flash.fails = () => true;
    const { log, write } = start(flash, policyOf(1), startMs, store);
    write(1, "temperature");
    expect(log.filter((line) => line.includes("kept"))).toEqual([expect.stringMatching(/^warning a reading of temperature was not kept here \(number 1\): storageFailed \(flash: sector \d has failed\)/)]);
    flash.fails = () => false;
    store.catalogue.keepPolicy = () => {
      throw new TypeError("a mistake");
    };
    expect(() => start(flash, policyOf(1), startMs, store)).toThrow(TypeError);
  });

  test("is passed over with a word in the log where flash cannot be read at the start", () => {
    const flash = new MemoryFlash(8);
    start(flash, policyOf(1)).write(600, "temperature");
    flash.isUnreadable = (sector) => sector === 3;
    const { log, write, kept } = start(flash, policyOf(1), startMs + 1_000_000);
    write(10, "temperature");
    expect([log, kept()]).toEqual([["warning store: flash: sector 3 has failed"], 10]);
  });

  test("is given up with a catalogue that this release cannot take up, and the device starts and keeps anew", () => {
    const record = (kind: number, index: number, text: string) => {
      const bytes = Uint8Array.of(text.length + 6, (text.length + 6) >> 8, kind, index, ...new TextEncoder().encode(text), 0, 0);
      const crc = crc16(bytes, 0, bytes.length - 2);
      bytes.set([crc & 0xff, crc >> 8], bytes.length - 2);
      return bytes;
    };
    const series = (change: Partial<Record<number, unknown>>) => JSON.stringify(Object.values({ 0: 5, 1: "meter", 2: "customer", 3: 1, 4: 0, 5: 0, 6: [1], ...change }));
    const foreign: [kind: number, index: number, text: string][] = [
      [1, 0, "{"], [1, 1, "null"], [2, 3, "5"], [2, 3, "{}"], [2, 3, "[]"], [1, 5, series({})], [1, 40, series({})], [3, 0, "[]"], [1, 1, series({ 1: "" })], [1, 1, series({ 3: 32 })], [1, 1, series({ 6: [1.5] })],
      [1, 1, series({ 6: "no" })], [2, 200, '["customer",1,[]]'], [2, 3, '["customer",-1,[]]'], [2, 3, '["customer",1,[["all",0,[["a","b"]]]]]'], [2, 3, '["customer",1,[["read",0,[["a"]]]]]'],
    ];
    for (const [kind, index, text] of foreign) {
      const flash = new MemoryFlash(8);
      start(flash, policyOf(1)).write(5, "temperature");
      const sector = flash.bytes[0] === 0xff ? 1 : 0;
      let at = sector * 4096 + 20;
      while (flash.bytes[at] !== 0xff) at += flash.bytes[at]! | (flash.bytes[at + 1]! << 8);
      flash.bytes.set(record(kind, index, text), at);
      const { log, write, kept } = start(flash, policyOf(2), startMs + 1_000_000);
      write(3, "temperature");
      expect([text, kept(0), log]).toEqual([text, 3, [expect.stringMatching(/^warning store: catalogue: /)]]);
      const again = start(flash, policyOf(2), startMs + 2_000_000);
      expect([text, again.kept(0), again.log]).toEqual([text, 3, []]);
    }
  });
});
