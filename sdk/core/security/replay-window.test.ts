import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplayWindow } from "./replay-window";

/** What the window promises, without bits: new, and among the newest 32. */
class NaiveWindow {
  readonly #seen = new Set<number>();
  #highest = 0;

  accept(sequence: number): boolean {
    if (this.#seen.has(sequence) || sequence <= this.#highest - 32) return false;
    this.#seen.add(sequence);
    this.#highest = Math.max(this.#highest, sequence);
    return true;
  }
}

const agree = (sequences: readonly number[]) => {
  const window = new ReplayWindow();
  const naive = new NaiveWindow();
  expect(sequences.map((s) => window.accept(s))).toEqual(sequences.map((s) => naive.accept(s)));
};

describe("SP-1 the replay window", () => {
  test("decides like a set of all sequences ever seen, near its end and far from it", () => {
    const step = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: -36, max: 3 }) }, { weight: 2, arbitrary: fc.integer({ min: 28, max: 36 }) }, fc.integer({ min: -100, max: 1000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let highest = 40;
        const sequences = steps.map((by) => {
          const sequence = Math.max(1, highest + by);
          highest = Math.max(highest, sequence);
          return sequence;
        });
        agree(sequences);
      }),
      { numRuns: 2000 },
    );
  });

  test("works up to the last sequence, and over any gap", () => {
    const last = 0x3fffffff;
    fc.assert(fc.property(fc.array(fc.oneof(fc.integer({ min: last - 70, max: last }), fc.integer({ min: 1, max: last })), { maxLength: 100 }), agree));
  });

  test("messages that overtake each other by less than 32 are all taken, each once", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Array.from({ length: 32 }, (_, i) => i + 1), { minLength: 32 }), (order) => {
        const window = new ReplayWindow();
        expect([order.every((s) => window.accept(s)), order.some((s) => window.accept(s))]).toEqual([true, false]);
      }),
    );
  });
});
