/** What the tests of the ring share. */
import type { Value } from "../../core/model/registry";
import type { RingStore } from "./ring-store";

export const startMs = 1_790_000_000_000;
export interface Kept {
  value: Value;
  timeMs: number;
  policy: number;
}

export function samples(store: RingStore, series = 0, fromMs = -Infinity, toMs = Infinity): Kept[] {
  const kept: Kept[] = [];
  store.scan(series, fromMs, toMs, (value, timeMs, policy) => {
    kept.push({ value, timeMs, policy });
    return true;
  });
  return kept;
}
export const values = (store: RingStore, series = 0) => samples(store, series).map((sample) => sample.value);
export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
