import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc16 } from "../../core/wire/crc-16";
import type { Value } from "../../core/model/registry";
import { MemoryFlash, PowerCut } from "../memory-flash";
import { portableRing } from "./portable-ring";
import { range, samples, startMs, values, type Kept } from "./ring-for-tests";
import type { RingStore } from "./ring-store";

const sectors = 6;

describe("CP-6 a ring of flash", () => {
  test("keeps values of every type with time and policy, over a restart too", () => {
    const flash = new MemoryFlash(sectors);
    const store = portableRing(flash);
    const list: Value[] = [0, -1, 2147483647, -2147483648, 2147483648, 0.5, -0.25, 9007199254740991, true, false, "", "üäö€\u{1f50c}", new Uint8Array(0), Uint8Array.of(1, 255), new Uint8Array(120)];
    list.forEach((value, i) => expect(store.append(i % 3, value, startMs + i, i)).toBe("kept"));
    expect(store.append(0, "x".repeat(121), startMs, 0)).toBe("failed");
    for (const timeMs of [-1, NaN, Infinity, 2 ** 32 * 1000]) expect(store.append(0, 1, timeMs, 0)).toBe("failed");
    expect([store.append(32, 1, startMs, 0), store.append(0, 1, startMs, 32)]).toEqual(["failed", "failed"]);
    for (const opened of [store, portableRing(new MemoryFlash(sectors, flash.bytes))])
      list.forEach((value, i) => expect(samples(opened, i % 3).find((sample) => sample.timeMs === startMs + i)).toEqual({ value, timeMs: startMs + i, policy: i }));
  });

  test("gives the range of time that is asked for, and ends where the visitor has enough", () => {
    const store = portableRing(new MemoryFlash(sectors));
    range(0, 700).forEach((i) => store.append(0, i, startMs + i * 1000, 1));
    expect(samples(store, 0, startMs + 100_000, startMs + 103_000).map((s) => s.value)).toEqual([100, 101, 102]);
    let seen = 0;
    store.scan(0, -Infinity, Infinity, () => ++seen < 5);
    expect([seen, store.newestMs(0), store.newestMs(1)]).toEqual([5, startMs + 699_000, -Infinity]);
  });

  test("finds each sample by its own time, also within the second in which one sector ends and the next begins", () => {
    const store = portableRing(new MemoryFlash(sectors));
    range(0, 1200).forEach((i) => store.append(0, i, startMs + i * 333, 1));
    const kept = values(store) as number[];
    expect(kept.length).toBeGreaterThan(600);
    for (const i of kept) expect(samples(store, 0, startMs + i * 333, startMs + i * 333 + 1).map((sample) => sample.value)).toEqual([i]);
  });

  test("takes no sector for one of its own whose head says that it is of another kind", () => {
    const flash = new MemoryFlash(sectors);
    range(0, 300).forEach((i) => portableRing(flash).append(0, i, startMs + i, 1));
    const view = new DataView(flash.bytes.buffer);
    for (let head = 2 * 4096; head < flash.bytes.length; head += 4096) {
      if (view.getUint32(head, true) === 0xffffffff) continue;
      view.setUint32(head, view.getUint32(0, true) + 1, true);
      view.setUint16(head + 18, crc16(flash.bytes, head, head + 18), true);
    }
    expect(values(portableRing(flash))).toEqual([]);
  });

  test("when it is full the oldest sector gives way, and sectors wear alike", () => {
    const flash = new MemoryFlash(sectors);
    const store = portableRing(flash);
    range(0, 5000).forEach((i) => store.append(0, i, startMs + i, 1));
    const kept = values(store);
    expect(kept).toEqual(range(5000 - kept.length, 5000));
    expect(kept.length).toBeGreaterThan(3 * 255);
    const ring = flash.erases.slice(2);
    expect(Math.max(...ring) - Math.min(...ring)).toBeLessThanOrEqual(1);
    expect(values(portableRing(new MemoryFlash(sectors, flash.bytes)))).toEqual(kept);
  });

  test("what is kept already is known, whatever came after it and over a restart too", () => {
    const flash = new MemoryFlash(sectors);
    const list: Value[] = [7, 0.5, 2 ** 40, true, "a", Uint8Array.of(1, 2)];
    const store = portableRing(flash);
    list.forEach((value, i) => store.append(0, value, startMs + i, 1));
    const again = (opened: RingStore) => list.map((value, i) => opened.append(0, value, startMs + i, 1));
    const known = list.map(() => "known");
    expect([again(store), store.append(1, 7, startMs, 1), store.append(0, 8, startMs + list.length - 1, 1)]).toEqual([known, "kept", "kept"]);
    const opened = portableRing(flash);
    expect([again(opened), opened.append(1, 7, startMs, 1), opened.append(0, 8, startMs + list.length - 1, 1)]).toEqual([known, "known", "known"]);
    expect(samples(store).length).toBe(list.length + 1);
  });

  test("SP-2 the policies in use are those of samples that are kept, and of no other", () => {
    const flash = new MemoryFlash(5);
    const store = portableRing(flash);
    range(0, 2000).forEach((i) => store.append(0, i, startMs + i, Math.floor(i / 100)));
    for (const opened of [store, portableRing(flash)]) {
      const used: number[] = [];
      opened.policiesInUse((policy) => used.push(policy));
      // In the oldest sector there may be one whose last sample is still kept.
      expect(used).toEqual([...new Set(samples(opened).map((sample) => sample.policy))]);
      expect(used.length).toBeLessThan(10);
    }
  });

  test("where the clock was set back, order is that of appending, and the last sample is that of the latest time", () => {
    const flash = new MemoryFlash(sectors);
    const store = portableRing(flash);
    [0, 10, 20, 5, 6].forEach((offset) => expect(store.append(0, offset, startMs + offset, 1)).toBe("kept"));
    for (const opened of [store, portableRing(flash)]) {
      expect([values(opened), opened.newestMs(0)]).toEqual([[0, 10, 20, 5, 6], startMs + 20]);
      expect(samples(opened, 0, startMs + 5, startMs + 11).map((sample) => sample.value)).toEqual([10, 5, 6]);
      expect(opened.summarise({ series: 0, fromMs: -Infinity, toMs: Infinity, least: -Infinity, greatest: Infinity, policies: 2 }).last.value).toBe(20);
    }
  });

  test("a visitor may write to the store", () => {
    const store = portableRing(new MemoryFlash(sectors));
    range(0, 300).forEach((i) => store.append(0, i, startMs + i, 1));
    store.scan(0, -Infinity, Infinity, (value, timeMs) => store.append(1, `copy of ${String(value)}`, timeMs, 1) === "kept");
    expect([values(store), values(store, 1).length]).toEqual([range(0, 300), 300]);
  });

  test("summarise says what visiting each sample would", () => {
    const sample = fc.record({ series: fc.integer({ min: 0, max: 1 }), value: fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.constant(true as const), fc.constant(0.5)), policy: fc.integer({ min: 0, max: 2 }) });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: -500, max: 500 }), (list, from, to, least) => {
        const store = portableRing(new MemoryFlash(sectors));
        list.forEach(({ series, value, policy }, i) => store.append(series, value, startMs + i, policy));
        const inRange = samples(store, 0, startMs + from, startMs + to);
        const seen = inRange.filter((s) => s.policy !== 1 && typeof s.value === "number" && s.value >= least && s.value <= 600) as (Kept & { value: number })[];
        const summary = store.summarise({ series: 0, fromMs: startMs + from, toMs: startMs + to, least, greatest: 600, policies: 0b101 });
        expect([summary.looked, summary.hidden, summary.count]).toEqual([inRange.length, inRange.filter((s) => s.policy === 1).length, seen.length]);
        if (!seen.length) return;
        expect(summary.total).toBe(seen.reduce((sum, s) => sum + s.value, 0));
        expect(summary.squares).toBe(seen.reduce((sum, s) => sum + (s.value - seen[0]!.value) ** 2, 0));
        const first = (pick: (...v: number[]) => number) => seen.find((s) => s.value === pick(...seen.map((one) => one.value)));
        expect([summary.minimum, summary.maximum, summary.last]).toEqual([first(Math.min), first(Math.max), seen.at(-1)]);
      }),
      { numRuns: 60 },
    );
  });
});

const powerCut = (error: unknown) => {
  if (!(error instanceof PowerCut)) throw error;
};

/** Appends numbers from 1 on until the power goes; gives the last that was acknowledged. */
function fill(flash: MemoryFlash, upTo: number): number {
  let acknowledged = 0;
  try {
    const store = portableRing(flash);
    const before = values(store).at(-1);
    acknowledged = typeof before === "number" ? before : 0;
    for (let i = acknowledged + 1; i <= upTo; i++) if (store.append(0, i, startMs + i, 1) === "kept") acknowledged = i;
  } catch (error) {
    powerCut(error);
  }
  return acknowledged;
}

/** Whether what is kept are the newest numbers without a gap, up to the last acknowledged or one more that was under way. */
function expectWhole(flash: MemoryFlash, acknowledged: number): number[] {
  const kept = values(portableRing(flash)) as number[];
  const last = kept.at(-1) ?? 0;
  if (last !== acknowledged && last !== acknowledged + 1) expect(last).toBe(acknowledged);
  if (kept.some((value, i) => value !== last - kept.length + 1 + i)) expect(kept).toEqual(range(last - kept.length + 1, last + 1));
  return kept;
}

/** Cuts the power at each byte of what a sample takes, for one sample after the other, and hands what is left to `check`. @returns the number of cuts */
function cutEverywhere(flash: MemoryFlash, count: number, check: (torn: MemoryFlash, acknowledged: number) => void): number {
  const { sectorCount, sectorBytes } = flash;
  let cuts = 0;
  for (let i = 1; i <= count; i++) {
    const before = flash.bytes.slice();
    const spent = () => flash.programmed + flash.erases.reduce((sum, n) => sum + n, 0) * sectorBytes;
    const start = spent();
    portableRing(flash).append(0, i, startMs + i, 1);
    for (let cut = 0; cut < spent() - start; cut++, cuts++) {
      const torn = new MemoryFlash(sectorCount, before.slice(), sectorBytes);
      torn.bytesLeft = cut;
      expect(() => portableRing(torn).append(0, i, startMs + i, 1)).toThrow(PowerCut);
      check(new MemoryFlash(sectorCount, torn.bytes, sectorBytes), i - 1);
    }
  }
  return cuts;
}

describe("CP-6 power", () => {
  test("may go at every byte of a run that wraps the ring: nothing acknowledged is lost but what the ring overwrites, nothing is invented, and it goes on", { timeout: 240_000 }, () => {
    // Small sectors, so that each is begun many times; of 4096 bytes in the next test.
    let least = Infinity;
    const cuts = cutEverywhere(new MemoryFlash(6, undefined, 256), 1000, (torn, acknowledged) => {
      const kept = expectWhole(torn, acknowledged);
      // At least what the sectors that are not begun anew hold, less the one that is torn.
      if (acknowledged > 60) least = Math.min(least, kept.length);
      const next = (kept.at(-1) ?? 0) + 1;
      expect(portableRing(torn).append(0, next, startMs + next, 1)).toBe("kept");
      expectWhole(torn, next);
    });
    expect(cuts).toBeGreaterThan(30_000);
    expect(least).toBeGreaterThanOrEqual(2 * Math.floor((256 - 20) / 16));
  });

  test("may go at any byte with sectors of 4096 bytes", { timeout: 120_000 }, () => {
    const whole = new MemoryFlash(5);
    fill(whole, 1000);
    const total = whole.programmed + whole.erases.reduce((sum, n) => sum + n, 0) * whole.sectorBytes;
    for (let cut = 1; cut < total; cut += 97) {
      const flash = new MemoryFlash(5);
      flash.bytesLeft = cut;
      const acknowledged = fill(flash, 1000);
      expectWhole(new MemoryFlash(5, flash.bytes), acknowledged);
    }
  });

  test("may go again and again, at any time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 12 }), (cuts) => {
        let bytes: Uint8Array | undefined;
        for (const cut of cuts) {
          const flash = new MemoryFlash(5, bytes);
          flash.bytesLeft = cut;
          const acknowledged = fill(flash, 100_000);
          bytes = flash.bytes;
          expectWhole(new MemoryFlash(5, bytes), acknowledged);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("flipped bits are never given as data", () => {
    const flash = new MemoryFlash(5);
    fill(flash, 300);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: flash.bytes.length * 8 - 1 }), { minLength: 1, maxLength: 4 }), (bits) => {
        const bytes = flash.bytes.slice();
        for (const bit of bits) bytes[bit >> 3]! ^= 1 << (bit & 7);
        const kept = values(portableRing(new MemoryFlash(5, bytes))) as number[];
        expect(kept.every((value, i) => value >= 1 && value <= 300 && (i === 0 || value > kept[i - 1]!))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("a sector that takes nothing is passed over; where none does, it is said", () => {
    const flash = new MemoryFlash(8);
    const store = portableRing(flash);
    store.append(0, 1, startMs, 1);
    let failures = 1;
    flash.fails = () => failures-- > 0;
    expect(store.append(0, 2, startMs + 1, 1)).toBe("kept");
    failures = 10;
    expect(store.append(0, "3", startMs + 2, 1)).toBe("failed");
    failures = 0;
    expect(store.append(0, 4, startMs + 3, 1)).toBe("kept");
    expect(values(store)).toEqual([1, 2, 4]);
  });

  test("a sector that is stuck for good is passed over in every turn, and what it holds does not come back with a restart", () => {
    const flash = new MemoryFlash(7);
    const store = portableRing(flash);
    let i = 0;
    while (i < 1500) store.append(0, ++i, startMs + i, 1);
    flash.fails = (sector) => sector === 4;
    while (i < 4000) {
      expect(store.append(0, ++i, startMs + i, 1)).toBe("kept");
      if (i % 97) continue;
      const again = new MemoryFlash(7, flash.bytes);
      const kept = values(portableRing(again)) as number[];
      expect(kept).toEqual(values(store));
      expect(kept).toEqual(range(kept[0]!, i + 1));
    }
    const ring = flash.erases.slice(2).filter((_, sector) => sector !== 2);
    expect(Math.max(...ring) - Math.min(...ring)).toBeLessThanOrEqual(1);
  });
});

describe("CP-6 flash that cannot be read", () => {
  test("in one sector or the other, the rest is there at the start, the ring goes on, and the policies of what cannot be read are kept for when it can be", () => {
    const flash = new MemoryFlash(sectors);
    const store = portableRing(flash);
    store.catalogue.keepSeries(0, { variable: 7, device: "sensor", owner: "customer", policy: 1, policySequence: 1, longestDelayS: 60, policiesHad: [1] });
    range(0, 600).forEach((i) => store.append(0, i, startMs + i, Math.floor(i / 100)));
    for (const sector of [2, 3, 4]) {
      const again = new MemoryFlash(sectors, flash.bytes.slice());
      again.isUnreadable = (at) => at === sector;
      const opened = portableRing(again);
      const from = 254 * (sector - 2);
      expect(opened.trouble?.message).toContain(`sector ${sector}`);
      const kept = values(opened) as number[];
      expect(kept.length).toBeGreaterThan(90);
      expect(kept.filter((value) => value >= from + 3 && value < from + 250)).toEqual([]);
      const used: number[] = [];
      opened.policiesInUse((policy) => used.push(policy));
      expect(used).toEqual(expect.arrayContaining(range(0, 6)));
      range(600, 700).forEach((i) => expect(opened.append(0, i, startMs + i, 6)).toBe("kept"));
      again.isUnreadable = () => false;
      expect(values(portableRing(again))).toEqual(range(0, 700));
    }
  });

  test("the catalogue too: it begins anew, and the ring with it", () => {
    const flash = new MemoryFlash(sectors);
    const store = portableRing(flash);
    const record = { variable: 7, device: "sensor", owner: "customer", policy: 1, policySequence: 1, longestDelayS: 60, policiesHad: [1] };
    store.catalogue.keepSeries(0, record);
    const live = flash.bytes[0] === 0xff ? 1 : 0;
    store.append(0, 1, startMs, 1);
    flash.isUnreadable = (sector) => sector === live;
    const opened = portableRing(flash);
    expect([values(opened), opened.catalogue.restore().series, opened.trouble?.message]).toEqual([[], [], expect.stringContaining(`sector ${live}`)]);
    expect([opened.catalogue.keepSeries(0, record), opened.append(0, 2, startMs + 1, 1), values(opened)]).toEqual([true, "kept", [2]]);
    flash.isUnreadable = () => false;
    const last = portableRing(flash);
    expect([values(last), last.catalogue.restore().series]).toEqual([[2], [record]]);
  });

  test("all of it: the device starts, and keeps nothing", () => {
    const flash = new MemoryFlash(sectors);
    portableRing(flash).append(0, 1, startMs, 1);
    flash.isUnreadable = () => true;
    const opened = portableRing(flash);
    expect([values(opened), opened.trouble instanceof Error]).toEqual([[], true]);
  });
});
