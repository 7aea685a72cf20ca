/** The store port: where a unit keeps its time series. It knows nothing of policies but their index, and nothing of who asks. */
import type { PolicyText } from "../core/model/policy";
import type { Value } from "../core/model/registry";
import type { StatementStore } from "./statement-store";

/** Called for each sample; returning false ends the scan. */
export type SampleVisitor = (value: Value, timeMs: number, policy: number) => boolean;

/**
 * What became of a sample: `kept`; `known` where one of the same time and value is kept already; `tooOld` where the store is full of newer ones;
 * `failed` where it could not be kept.
 */
export type Appended = "kept" | "known" | "tooOld" | "failed";

/** What a unit must know of a series, besides its samples, to go on after a restart. */
export interface SeriesRecord {
  readonly variable: number;
  readonly device: string;
  readonly owner: string;
  /** Index of the policy in force. */
  readonly policy: number;
  /** Its sequence; 0 while it is the owner's default. */
  readonly policySequence: number;
  /** The longest delay of any policy that its samples ever had, in seconds. */
  readonly longestDelayS: number;
  /** Indexes of the policies that its samples ever had. */
  readonly policiesHad: readonly number[];
}

/** A policy that samples refer to by its index, and who brought it. */
export interface PolicyRecord {
  readonly owner: string;
  readonly policy: PolicyText;
}

/** What a store that survives a restart keeps besides samples. Whatever is kept here is on disk before the samples that are appended after it. */
export interface Catalogue {
  /** Set by whoever keeps policies here: calls `use` with those that it still has. Records of others need not be kept any longer. */
  users?: { policiesInUse(use: (policy: number) => void): void } | undefined;
  /** Keeps the record of a series (an index from 0, dense) in place of the one before. @returns false where it could not be kept */
  keepSeries(series: number, record: SeriesRecord): boolean;
  /** Keeps a policy under its index in place of the one before. @returns false where it could not be kept */
  keepPolicy(index: number, record: PolicyRecord): boolean;
  /** What was kept before the start: series by index; policies by index, undefined where there is none. */
  restore(): { readonly series: readonly SeriesRecord[]; readonly policies: readonly (PolicyRecord | undefined)[] };
}

/** What is asked of the samples of one series at once. */
export interface SampleQuery {
  readonly series: number;
  /** fromMs <= time < toMs */
  readonly fromMs: number;
  readonly toMs: number;
  /** least <= value <= greatest; values that are no numbers are left out. */
  readonly least: number;
  readonly greatest: number;
  /** Bit i: samples with policy i count, 0 to 31. */
  readonly policies: number;
}

interface Sample {
  readonly value: number;
  readonly timeMs: number;
  readonly policy: number;
}

/** The samples that counted, added up; the first of the least and of the greatest. */
export interface Summary {
  readonly count: number;
  readonly total: number;
  /** The first value, and the sum of the squares of the differences from it. */
  readonly pivot: number;
  readonly squares: number;
  readonly minimum: Sample;
  readonly maximum: Sample;
  readonly last: Sample;
  /** Samples of the series in the range of time, and those of them whose policy did not count. */
  readonly looked: number;
  readonly hidden: number;
}

export interface StorePort {
  /** Keeps a sample of a series (an index from 0, dense). */
  append(series: number, value: Value, timeMs: number, policy: number): Appended;
  /** Visits the samples of a series with fromMs <= time < toMs in order of time. */
  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void;
  /** The time of the newest sample of a series, -Infinity where there is none; without looking through them. */
  newestMs(series: number): number;
  /** Calls `use` with the index of every policy that a kept sample refers to (more than once is fine). */
  policiesInUse(use: (policy: number) => void): void;
  /** Gives up the oldest samples, for the policies that only they need. @returns false where there are none. Absent where that is not done. */
  giveWay?(): boolean;
  /** Adds samples up where they stand, which takes a device a fraction of visiting each. Absent where a store has no faster way. */
  summarise?(query: SampleQuery): Summary;
  /** What a replica proves its samples with; absent where a unit is none. */
  readonly statements?: StatementStore;
  /** Absent where nothing survives a restart. */
  readonly catalogue?: Catalogue;
  /** Why something could not be kept or read last, for the log; undefined while all was well. */
  readonly trouble?: Error | undefined;
}
