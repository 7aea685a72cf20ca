/**
 * The sample port: writes and reads the records of samples (sample-record.ts) where they stand in flash, so that a device looks through thousands of them without one call of a
 * script each. It knows nothing of sectors and their order. Native in `targets/native/samples`; `PortableSamples` is its twin.
 *
 * Places are offsets in the flash partition. A range ends early at the first record that is cut off, is damaged or was never written. What cannot be read is an
 * EbalanceError `storage-failed`.
 */
import type { SampleQuery } from "../store-port";

export interface SamplePort {
  /** Programs the record of a whole number of 32 bits. @returns false where the flash does not hold it afterwards */
  writeWhole(at: number, series: number, policy: number, timeMs: number, value: number): boolean;
  /** CRC-16 (polynomial 0x1021, from 0xffff) of bytes[start..end). */
  crc(bytes: Uint8Array, start: number, end: number): number;
  /** Copies the first record of a series in a range to the head of `out`. @returns where it stands, -1 where there is none */
  find(at: number, end: number, series: number, out: Uint8Array): number;
  /** Looks through a range once, and notes in the places of {@link Survey} what there is. @returns where the intact records end */
  survey(at: number, end: number, found: Float64Array): number;
  /** Begins to add up what a query asks for. */
  summing(query: SampleQuery): Summing;
}

export interface Summing {
  /** What was added up, in the places of {@link Sum}. */
  readonly sums: Float64Array;
  /** Adds up a range. */
  add(at: number, end: number): void;
}

/** Places of what a survey notes; the first 32 are the latest times of the series. */
export const Survey = Object.freeze({
  /** The earliest and latest time of any series. */
  fromMs: 32,
  untilMs: 33,
  /** Bit i: there is a sample under policy i. */
  policies: 34,
  /** The greatest number of changes of the catalogue that a record tells of. */
  changes: 35,
  /** 1 where nothing but 0xff stands behind the records, otherwise 0. */
  clean: 36,
} as const);
export const surveyPlaces = 37;

/** Places of what a query adds up. */
export const Sum = Object.freeze({
  count: 0,
  total: 1,
  /** The first value, and the squares of the differences from it: squares of large values would lose the small differences. */
  pivot: 2,
  squares: 3,
  minimum: 4,
  minimumMs: 5,
  minimumPolicy: 6,
  maximum: 7,
  maximumMs: 8,
  maximumPolicy: 9,
  /** The one of the latest time. */
  last: 10,
  lastMs: 11,
  lastPolicy: 12,
  /** Samples of the series in the range of time, and those of them whose policy does not count. */
  looked: 13,
  hidden: 14,
} as const);
export const sumPlaces = 15;
