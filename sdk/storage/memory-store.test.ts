import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Value } from "../core/model/registry";
import { MemoryStore } from "./memory-store";

interface Sample {
  readonly value: Value;
  readonly timeMs: number;
  readonly policy: number;
}
const equal = (a: Value, b: Value) => (a instanceof Uint8Array && b instanceof Uint8Array ? String(a) === String(b) : a === b);

/** What the store promises, as a list that is sorted anew each time. */
class NaiveStore {
  #samples: Sample[] = [];
  constructor(private readonly capacity: number) {}

  append(value: Value, timeMs: number, policy: number): string {
    if (this.#samples.some((s) => s.timeMs === timeMs && equal(s.value, value))) return "known";
    const place = this.#samples.filter((s) => s.timeMs <= timeMs).length;
    if (place === 0 && this.#samples.length === this.capacity) return "tooOld";
    this.#samples.splice(place, 0, { value, timeMs, policy });
    if (this.#samples.length > this.capacity) this.#samples.shift();
    return "kept";
  }

  scan(fromMs: number, toMs: number): Sample[] {
    return this.#samples.filter((s) => s.timeMs >= fromMs && s.timeMs < toMs);
  }
}

function scan(store: MemoryStore, series: number, fromMs = -Infinity, toMs = Infinity): Sample[] {
  const found: Sample[] = [];
  store.scan(series, fromMs, toMs, (value, timeMs, policy) => found.push({ value, timeMs, policy }) > 0);
  return found;
}

const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom<Value>("a", "b", true, false), fc.uint8Array({ minLength: 1, maxLength: 2, max: 1 }));
const append = fc.record({ series: fc.nat(2), value, timeMs: fc.integer({ min: 0, max: 30 }), policy: fc.nat(3) });

describe("CP-6 the store in memory", () => {
  test("keeps, orders and gives back like a sorted list of bounded length", () => {
    fc.assert(
      fc.property(fc.array(append, { maxLength: 120 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: -1, max: 31 }), fc.integer({ min: -1, max: 31 }), (appends, capacity, from, to) => {
        const store = new MemoryStore(capacity);
        const naive = [0, 1, 2].map(() => new NaiveStore(capacity));
        for (const { series, value: v, timeMs, policy } of appends) {
          expect(store.append(series, v, timeMs, policy)).toBe(naive[series]!.append(v, timeMs, policy));
        }
        for (let series = 0; series < 3; series++) {
          expect(scan(store, series)).toEqual(naive[series]!.scan(-Infinity, Infinity));
          expect(scan(store, series, from, to)).toEqual(naive[series]!.scan(from, to));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("a scan ends where the visitor says so", () => {
    const store = new MemoryStore();
    for (let i = 0; i < 10; i++) store.append(0, i, i, 0);
    const seen: Value[] = [];
    store.scan(0, 2, 9, (v) => seen.push(v) < 3);
    expect(seen).toEqual([2, 3, 4]);
  });

  test("a series that nothing was written to has no samples, nor has one beyond the last", () => {
    const store = new MemoryStore();
    store.append(2, 1, 1, 0);
    expect([scan(store, 0), scan(store, 5)]).toEqual([[], []]);
  });

  test("SP-2 the policies in use are those of the samples that are kept, and of no other", () => {
    const store = new MemoryStore(2);
    [1, 2, 3, 4].forEach((policy) => store.append(0, 0, policy, policy));
    store.append(1, 0, 0, 9);
    const used = new Set<number>();
    store.policiesInUse((policy) => used.add(policy));
    expect([...used].sort()).toEqual([3, 4, 9]);
  });

  test.each([0, -1, 1.5, NaN, 1e7 + 1, Infinity])("a capacity of %d is refused by its value", (capacity) => {
    expect(() => new MemoryStore(capacity)).toThrow(expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(`samplesPerSeries ${capacity}`) as string }));
  });
});
