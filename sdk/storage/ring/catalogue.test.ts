import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryFlash, PowerCut } from "../memory-flash";
import type { SeriesRecord } from "../store-port";
import { portableRing } from "./portable-ring";
import { range, samples, startMs, values } from "./ring-for-tests";

describe("CP-6 the catalogue of a ring", () => {
  const series = (sequence: number): SeriesRecord => ({ variable: 7, device: "sensor", owner: "customer", policy: sequence & 31, policySequence: sequence, longestDelayS: 60, policiesHad: [sequence & 31] });
  const policy = (sequence: number) => ({ owner: "customer", policy: { sequence, entries: [{ rights: "read" as const, minDelayS: 60, grantees: [{ stakeholder: "supplier", service: "billing" }] }] } });

  test("the newest record of each series and policy is there after a restart, however often they change", () => {
    const flash = new MemoryFlash(5);
    const store = portableRing(flash);
    for (let i = 1; i <= 200; i++) {
      expect(store.catalogue.keepPolicy(1 + (i % 2), policy(i))).toBe(true);
      expect(store.catalogue.keepSeries(i % 3, series(i))).toBe(true);
      // What samples are kept under is the same number after a restart.
      expect(portableRing(new MemoryFlash(5, flash.bytes)).catalogue.changes).toBe(store.catalogue.changes);
    }
    const kept = portableRing(new MemoryFlash(5, flash.bytes)).catalogue.restore();
    expect(kept).toEqual({ series: [series(198), series(199), series(200)], policies: [undefined, policy(200), policy(199)] });
  });

  test("power may go at every byte of a change: the record before it or the new one is there", () => {
    const flash = new MemoryFlash(5);
    const store = portableRing(flash);
    for (let i = 1; i <= 65; i++) store.catalogue.keepPolicy(1, policy(i));
    const erases = flash.erases[0]! + flash.erases[1]!;
    for (let i = 0; i < 14; i++) {
      const bytes = flash.bytes.slice();
      for (let cut = 0; cut < 4096 + 600; cut += i < 5 ? 7 : 1) {
        const torn = new MemoryFlash(5, bytes.slice());
        const opened = portableRing(torn);
        torn.bytesLeft = cut;
        let done = false;
        try {
          done = opened.catalogue.keepPolicy(1, policy(1000));
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        const sequence = portableRing(new MemoryFlash(5, torn.bytes)).catalogue.restore().policies[1]!.policy.sequence;
        expect(done ? [1000] : [65 + i, 1000]).toContain(sequence);
        if (done) break;
      }
      store.catalogue.keepPolicy(1, policy(66 + i));
    }
    expect(flash.erases[0]! + flash.erases[1]!).toBe(erases + 1);
  });

  test("with bits flipped anywhere, no sample is given under another series or an older policy than those it was kept under", { timeout: 60_000 }, () => {
    const change = fc.record({ index: fc.integer({ min: 0, max: 2 }), samples: fc.integer({ min: 0, max: 40 }) });
    const flips = fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 1, maxLength: 3 });
    let lost = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), flips, (changes, bits) => {
        const flash = new MemoryFlash(5);
        const store = portableRing(flash);
        // The value of a sample is the number of the change that its series and its policy were given last.
        changes.forEach(({ index, samples: count }, at) => {
          store.catalogue.keepPolicy(1 + index, policy(1 + at));
          store.catalogue.keepSeries(index, { ...series(1 + index), variable: 1 + at });
          for (let i = 0; i < count; i++) store.append(index, 1 + at, startMs + at * 1000 + i, 1 + index);
        });
        const written = flash.bytes.map((byte) => (byte === 0xff ? 0 : 1));
        for (const [inCatalogue, bit] of bits) {
          const places = [...written.keys()].filter((place) => written[place] && place < 8192 === inCatalogue);
          if (places.length) flash.bytes[places[bit % places.length]!]! ^= 1 << (bit & 7);
        }
        const again = portableRing(flash);
        const kept = again.catalogue.restore();
        for (let index = 0; index < 3; index++)
          for (const { value, policy: number } of samples(again, index)) {
            expect(kept.series[index]!.variable).toBeGreaterThanOrEqual(value as number);
            expect(kept.policies[number]!.policy.sequence).toBeGreaterThanOrEqual(value as number);
          }
        // Whatever was given up, it goes on, and what is kept now is there after the next start.
        if (!kept.series.length) lost++;
        expect([again.catalogue.keepPolicy(1, policy(1000)), again.catalogue.keepSeries(0, { ...series(1), variable: 1000 }), again.append(0, 1000, startMs + 1e9, 1)]).toEqual([true, true, "kept"]);
        const last = portableRing(flash);
        expect([last.catalogue.restore().series[0]!.variable, values(last).at(-1)]).toEqual([1000, 1000]);
        // What was given up stays away.
        if (!kept.series.length) expect([0, 1, 2].flatMap((index) => values(last, index))).toEqual([1000]);
      }),
      { numRuns: 400 },
    );
    expect(lost).toBeGreaterThan(20);
  });

  test("policies that nobody has any more are left out, and nothing is erased where that does not help", () => {
    const flash = new MemoryFlash(6);
    const { catalogue } = portableRing(flash);
    const long = (sequence: number) => ({ owner: "customer", policy: { sequence, entries: range(0, 4).map((i) => ({ rights: "read" as const, minDelayS: i, grantees: [{ stakeholder: "x".repeat(60), service: "y".repeat(60) }] })) } });
    let count = 0;
    while (count < 32 && catalogue.keepPolicy(count, long(1))) count++;
    expect([count, flash.erases.slice(0, 2)]).toEqual([6, [0, 1]]);
    for (let i = 0; i < 100; i++) expect(catalogue.keepPolicy(count, long(1))).toBe(false);
    expect(flash.erases.slice(0, 2)).toEqual([0, 1]);
    catalogue.users = { policiesInUse: (use) => [1, 4].forEach(use) };
    expect(catalogue.keepPolicy(2, long(2))).toBe(true);
    expect(portableRing(flash).catalogue.restore().policies.map((kept) => kept?.policy.sequence)).toEqual([undefined, 1, 2, undefined, 1]);
  });

  test("a record that is too long is refused", () => {
    const grantees = Array.from({ length: 16 }, (_, i) => ({ stakeholder: `stakeholder-${i}`.padEnd(60, "x"), service: "s".repeat(60) }));
    const long = { owner: "customer", policy: { sequence: 1, entries: [{ rights: "read" as const, minDelayS: 0, grantees }] } };
    expect(portableRing(new MemoryFlash(5)).catalogue.keepPolicy(1, long)).toBe(false);
  });
});
