/**
 * The record of one sample in flash:
 *
 *     length u8, type u8, series u8, policy u8, time u48 (milliseconds since 1970), value, CRC-16 of all that stands before
 *
 * Little-endian. The value takes 4 bytes as a whole number of 32 bits, 8 as a double, 1 as a boolean; texts and bytes as many as they have. 0xff in place of a length: nothing
 * was written from here on. A record of series 255 is no sample: its time is the number of changes of the catalogue that the samples behind it were kept under.
 */
import type { Value } from "../../core/model/registry";
import { utf8Length, utf8Text, writeUtf8 } from "../../core/model/utf8";
import { crc16 } from "../../core/wire/crc-16";

export const RecordType = Object.freeze({ whole: 1, double: 2, boolean: 3, text: 4, bytes: 5 } as const);
export const headerBytes = 10;
export const crcBytes = 2;
/** Length of the record of a whole number. */
export const wholeBytes = headerBytes + 4 + crcBytes;
const maxValueBytes = 120;
export const maxRecordBytes = headerBytes + maxValueBytes + crcBytes;
export const erased = 0xff;
/** In place of a series: a change of the catalogue. */
export const changeMark = 255;
/** Indexes of series and policies: a policy must fit a bit of the policies of a query. */
export const maxIndex = 31;
/** Times are below this: the second behind each fits 32 bits. */
export const endOfTimeMs = (2 ** 32 - 1) * 1000;

/** Bytes of the value by type; 0: any number. */
const valueSizes: readonly number[] = Object.freeze([0, 4, 8, 1]);

/** Length of the intact record at `at`, 0 where there is none: cut off by `end`, damaged, never written or too short for its type. */
export function recordLength(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return 0;
  const length = bytes[at]!;
  if (length < headerBytes + crcBytes || length > maxRecordBytes || at + length > end) return 0;
  const crcAt = at + length - crcBytes;
  const size = valueSizes[bytes[at + 1]!] ?? 0;
  if (size > 0 && crcAt !== at + headerBytes + size) return 0;
  return crc16(bytes, at, crcAt) === (bytes[crcAt]! | (bytes[crcAt + 1]! << 8)) ? length : 0;
}

/** Writes the record of any value to the head of `out`. @returns its length, 0 for a value that is too long */
export function encodeRecord(out: Uint8Array, series: number, policy: number, timeMs: number, value: Value): number {
  const view = new DataView(out.buffer, out.byteOffset);
  if (((value as number) | 0) === value) {
    view.setInt32(headerBytes, value as number, true);
    return finishRecord(out, view, RecordType.whole, 4, series, policy, timeMs);
  }
  if (typeof value === "number") {
    view.setFloat64(headerBytes, value, true);
    return finishRecord(out, view, RecordType.double, 8, series, policy, timeMs);
  }
  if (typeof value === "boolean") {
    out[headerBytes] = value ? 1 : 0;
    return finishRecord(out, view, RecordType.boolean, 1, series, policy, timeMs);
  }
  const isText = typeof value === "string";
  const size = isText ? utf8Length(value) : value.length;
  if (size < 0 || size > maxValueBytes) return 0;
  if (isText) writeUtf8(value, out, headerBytes);
  else out.set(value, headerBytes);
  return finishRecord(out, view, isText ? RecordType.text : RecordType.bytes, size, series, policy, timeMs);
}

function finishRecord(out: Uint8Array, view: DataView, type: number, size: number, series: number, policy: number, timeMs: number): number {
  const crcAt = headerBytes + size;
  out[0] = crcAt + crcBytes;
  out[1] = type;
  out[2] = series;
  out[3] = policy;
  view.setUint32(4, timeMs % 0x1_0000_0000, true);
  view.setUint16(8, timeMs / 0x1_0000_0000, true);
  view.setUint16(crcAt, crc16(out, 0, crcAt), true);
  return crcAt + crcBytes;
}

/** The time of the record at `at`. */
export function recordTimeMs(view: DataView, at: number): number {
  return view.getUint16(at + 8, true) * 0x1_0000_0000 + view.getUint32(at + 4, true);
}

/** The value of the record at `at`; undefined for a type that this release does not know. */
export function recordValue(bytes: Uint8Array, view: DataView, at: number): Value | undefined {
  const valueAt = at + headerBytes;
  const end = at + bytes[at]! - crcBytes;
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
