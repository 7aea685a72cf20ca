/** The store port: where a unit keeps its time series. It knows nothing of policies but their index, and nothing of who asks. */
import type { Value } from "../core/model/registry";

/** Called for each sample; returning false ends the scan. */
export type SampleVisitor = (value: Value, timeMs: number, policy: number) => boolean;

/**
 * What became of a sample: `kept`; `known` where one of the same time and value is kept already; `tooOld` where the store is full of newer ones;
 * `failed` where it could not be kept.
 */
export type Appended = "kept" | "known" | "tooOld" | "failed";

export interface StorePort {
  /** Keeps a sample of a series (an index from 0, dense). */
  append(series: number, value: Value, timeMs: number, policy: number): Appended;
  /** Visits the samples of a series with fromMs <= time < toMs in order of time. */
  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void;
  /** Calls `use` with the index of every policy that a kept sample refers to (more than once is fine). */
  policiesInUse(use: (policy: number) => void): void;
}
