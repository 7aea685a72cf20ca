/**
 * The record of one sample in flash, and the codec port that writes and reads it:
 *
 *     length u8, type u8, series u8, policy u8, time u48 (milliseconds since 1970), value, CRC-16 of all that stands before
 *
 * Little-endian. The value takes 4 bytes as a whole number of 32 bits, 8 as a double, 1 as a boolean; texts and bytes as many as they have. 0xff in place of a length: nothing
 * was written from here on.
 */
import type { Value } from "../../core/model/registry";
import type { SampleQuery } from "../store-port";
import { utf8Length, utf8Text, writeUtf8 } from "../../core/model/utf8";
import { crc16 } from "../../core/wire/crc-16";

export const RecordType = Object.freeze({ whole: 1, double: 2, boolean: 3, text: 4, bytes: 5 } as const);
export const headerBytes = 10;
export const crcBytes = 2;
const maxValueBytes = 120;
export const maxRecordBytes = headerBytes + maxValueBytes + crcBytes;
export const erased = 0xff;

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
  last: 10,
  lastMs: 11,
  lastPolicy: 12,
  /** Samples of the series in the range of time, and those of them whose policy does not count. */
  looked: 13,
  hidden: 14,
} as const);
export const sumPlaces = 15;

/** Reads and writes records in a buffer. Native in `targets/native/samples`; {@link portableSamples} is its twin. */
export interface SampleCodec {
  /** Writes the record of a whole number of 32 bits to the head of `out`. @returns its length */
  encodeWhole(out: Uint8Array, series: number, policy: number, timeMs: number, value: number): number;
  /** CRC-16 (polynomial 0x1021, from 0xffff) of bytes[start..end). */
  crc(bytes: Uint8Array, start: number, end: number): number;
  /** Begins to add up what a query asks for. */
  summing(query: SampleQuery): Summing;
}

export interface Summing {
  /** What was added up, in the places of {@link Sum}. */
  readonly sums: Float64Array;
  /**
   * Adds up the records that stand whole in bytes[0..end).
   * @returns where it stopped: at the first record that is cut off by `end`, is damaged or was never written
   */
  add(bytes: Uint8Array, end: number): number;
}

/** Length of the intact record at `at`, 0 where there is none: cut off, damaged or never written. */
export function recordLength(codec: Pick<SampleCodec, "crc">, bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return 0;
  const length = bytes[at]!;
  if (length === erased || length < headerBytes + crcBytes || at + length > end) return 0;
  const crcAt = at + length - crcBytes;
  return codec.crc(bytes, at, crcAt) === (bytes[crcAt]! | (bytes[crcAt + 1]! << 8)) ? length : 0;
}

/** Writes the record of any value. @returns its length, 0 for a value that is too long */
export function encodeRecord(codec: SampleCodec, out: Uint8Array, series: number, policy: number, timeMs: number, value: Value): number {
  if (((value as number) | 0) === value) return codec.encodeWhole(out, series, policy, timeMs, value as number);
  const view = new DataView(out.buffer, out.byteOffset);
  let size = 1;
  let type: number = RecordType.boolean;
  if (typeof value === "number") {
    type = RecordType.double;
    size = 8;
    view.setFloat64(headerBytes, value, true);
  } else if (typeof value === "boolean") out[headerBytes] = value ? 1 : 0;
  else {
    const isText = typeof value === "string";
    type = isText ? RecordType.text : RecordType.bytes;
    size = isText ? utf8Length(value) : value.length;
    if (size < 0 || size > maxValueBytes) return 0;
    if (isText) writeUtf8(value, out, headerBytes);
    else out.set(value, headerBytes);
  }
  return finishRecord(codec, out, type, size, series, policy, timeMs);
}

function finishRecord(codec: Pick<SampleCodec, "crc">, out: Uint8Array, type: number, size: number, series: number, policy: number, timeMs: number): number {
  const view = new DataView(out.buffer, out.byteOffset);
  const crcAt = headerBytes + size;
  out[0] = crcAt + crcBytes;
  out[1] = type;
  out[2] = series;
  out[3] = policy;
  view.setUint32(4, timeMs % 0x1_0000_0000, true);
  view.setUint16(8, timeMs / 0x1_0000_0000, true);
  view.setUint16(crcAt, codec.crc(out, 0, crcAt), true);
  return crcAt + crcBytes;
}

/** The time of the record at `at`. */
export function recordTimeMs(view: DataView, at: number): number {
  return view.getUint16(at + 8, true) * 0x1_0000_0000 + view.getUint32(at + 4, true);
}

/** The value of the record of that length at `at`; undefined for a type that this release does not know. */
export function recordValue(bytes: Uint8Array, view: DataView, at: number, length: number): Value | undefined {
  const valueAt = at + headerBytes;
  const end = at + length - crcBytes;
  switch (bytes[at + 1]) {
    case RecordType.whole:
      return view.getInt32(valueAt, true);
    case RecordType.double:
      return view.getFloat64(valueAt, true);
    case RecordType.boolean:
      return bytes[valueAt] === 1;
    case RecordType.text:
      return utf8Text(bytes, valueAt, end);
    case RecordType.bytes:
      return Uint8Array.prototype.slice.call(bytes, valueAt, end);
    default:
      return undefined;
  }
}

/** The codec in TypeScript. */
export const portableSamples: SampleCodec = Object.freeze({
  encodeWhole(out: Uint8Array, series: number, policy: number, timeMs: number, value: number): number {
    new DataView(out.buffer, out.byteOffset).setInt32(headerBytes, value, true);
    return finishRecord(portableSamples, out, RecordType.whole, 4, series, policy, timeMs);
  },
  crc: crc16,
  summing(query: SampleQuery): Summing {
    const sums = new Float64Array(sumPlaces);
    return {
      sums,
      add(bytes, end) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        let at = 0;
        for (let length = recordLength(portableSamples, bytes, at, end); length > 0; length = recordLength(portableSamples, bytes, at, end)) {
          if (bytes[at + 2] === query.series) addUp(bytes, view, at, query, sums);
          at += length;
        }
        return at;
      },
    };
  },
});

function addUp(bytes: Uint8Array, view: DataView, at: number, query: SampleQuery, sums: Float64Array): void {
  const timeMs = recordTimeMs(view, at);
  if (timeMs < query.fromMs || timeMs >= query.toMs) return;
  const policy = bytes[at + 3]!;
  sums[Sum.looked]!++;
  if (policy > 31 || ((query.policies >>> policy) & 1) === 0) {
    sums[Sum.hidden]!++;
    return;
  }
  const type = bytes[at + 1];
  const value = type === RecordType.whole ? view.getInt32(at + headerBytes, true) : type === RecordType.double ? view.getFloat64(at + headerBytes, true) : NaN;
  if (!(value >= query.least && value <= query.greatest)) return;
  const first = sums[Sum.count]!++ === 0;
  if (first) sums[Sum.pivot] = value;
  const difference = value - sums[Sum.pivot]!;
  sums[Sum.total]! += value;
  sums[Sum.squares]! += difference * difference;
  if (first || value < sums[Sum.minimum]!) put(sums, Sum.minimum, value, timeMs, policy);
  if (first || value > sums[Sum.maximum]!) put(sums, Sum.maximum, value, timeMs, policy);
  put(sums, Sum.last, value, timeMs, policy);
}

function put(sums: Float64Array, place: number, value: number, timeMs: number, policy: number): void {
  sums[place] = value;
  sums[place + 1] = timeMs;
  sums[place + 2] = policy;
}
