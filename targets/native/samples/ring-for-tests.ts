// SPDX-License-Identifier: Apache-2.0
// Test helper, run on Node and on XS: the same writes to a ring.
import type { RingStore } from "../../../sdk/storage/ring/ring-store";

export const startMs = 1_790_000_000_000;

/** Appends the numbers from one on until another; `say` hears of each that was acknowledged. */
export function fill(store: RingStore, from: number, to: number, say: (i: number) => void): void {
  if (!store.catalogue.restore().series.length)
    store.catalogue.keepSeries(0, { variable: 7, device: "sensor", owner: "customer", policy: 1, policySequence: 1, longestDelayS: 60, policiesHad: [1] });
  for (let i = from; i < to; i++) if (store.append(0, i, startMs + i, i & 3) === "kept") say(i);
}

/** The numbers that are kept. */
export function numbersOf(store: RingStore): number[] {
  const found: number[] = [];
  store.scan(0, -Infinity, Infinity, (value) => found.push(value as number) > 0);
  return found;
}
