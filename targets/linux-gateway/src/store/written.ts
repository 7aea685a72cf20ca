/** What the process that the tests kill writes: everything follows from a number, so that it can be checked later. */
import type { PolicyRecord, SeriesRecord, Value } from "ebalance";

export const seriesCount = 20;
export const policyCount = 200;

export function sampleAt(number: number): { series: number; value: Value; timeMs: number; policy: number } {
  const value = [number, number % 40 < 20, `sample ${number}`, Uint8Array.of(number & 255, (number >> 8) & 255, (number >> 16) & 255)][number % 4]!;
  return { series: number % seriesCount, value, timeMs: 1_790_000_000_000 + Math.floor(number / 40), policy: number % 7 };
}

export function seriesRecord(series: number): SeriesRecord {
  return { variable: series + 1, device: `meter ${series}`, owner: "customer", policy: 1, policySequence: series, longestDelayS: 5, policiesHad: [0, 1] };
}

export function policyRecord(number: number): PolicyRecord {
  return { owner: "customer", policy: { sequence: number + 1, entries: [] } };
}
