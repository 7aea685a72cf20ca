/** Reads deterministic CBOR from a buffer, and refuses everything else: see cbor.ts. */
import { malformed } from "../model/errors";
import { utf8Text } from "../model/utf8";
import { Major, twoTo32 } from "./cbor-major";
import { halfBits, halfValue } from "./half-float";

/** Most items are unsigned integers, and on XS a constant of the module is read faster than a property. */
const { uint } = Major;

let input: Uint8Array;
let next = 0;
let end = 0;
let argument = 0;

/** Starts reading `bytes` from `start`; nothing beyond `stop` is looked at. */
export function startReading(bytes: Uint8Array, start = 0, stop = bytes.length): void {
  input = bytes;
  next = start;
  end = stop;
}

/** Refuses whatever follows the last item. */
export function readEnd(): void {
  if (next !== end) malformed(`${end - next} bytes after the end of the message`);
}

/** How many bytes are left: no length or count can be above it. */
export function remaining(): number {
  return end - next;
}

/** The major type of the next item, or -1 at the end. */
export function peekMajor(): number {
  return next < end ? input[next]! >> 5 : -1;
}

function take(size: number): number {
  const start = next;
  if (size > end - start) malformed(`item of ${size} bytes at ${start} is cut off`);
  next = start + size;
  return start;
}

/** Reads the head of an item and returns its argument. Only the shortest form is accepted. */
export function readHead(major: number): number {
  if (next >= end) take(1);
  const info = input[next++]! ^ (major << 5);
  if (info < 24) return info;
  if (info > 31) malformed(`major type ${input[next - 1]! >> 5} at ${next - 1}, expected ${major}`);
  return readArgument(info);
}

function readArgument(info: number): number {
  if (info > 27) malformed(`additional information ${info} at ${next - 1} (indefinite length or reserved)`);
  const start = take(1 << (info - 24));
  if (info === 24) argument = input[start]!;
  else if (info === 25) argument = (input[start]! << 8) | input[start + 1]!;
  else if (info === 26) argument = read32(start);
  else argument = read32(start) * twoTo32 + read32(start + 4);
  if (argument > Number.MAX_SAFE_INTEGER) malformed(`integer at ${start} is beyond 2^53 - 1`);
  if (argument < (info === 24 ? 24 : info === 25 ? 0x100 : info === 26 ? 0x10000 : twoTo32)) malformed(`argument at ${start} is not in its shortest form`);
  return argument;
}

function read32(start: number): number {
  return ((input[start]! << 24) | (input[start + 1]! << 16) | (input[start + 2]! << 8) | input[start + 3]!) >>> 0;
}

/** Reads an unsigned integer of at most `max`. */
export function readUint(max: number): number {
  const value = readHead(uint);
  if (value > max) malformed(`integer ${value} is above ${max}`);
  return value;
}

/** Reads an integer between -(2^53 - 1) and 2^53 - 1. */
export function readInteger(): number {
  if (peekMajor() !== Major.negative) return readHead(Major.uint);
  const value = readHead(Major.negative);
  if (value === Number.MAX_SAFE_INTEGER) malformed("integer is below -(2^53 - 1)");
  return -1 - value;
}

/** Reads the head of an array or map of at most `max` entries; their number is returned. */
export function readLength(major: number, max: number): number {
  const length = readHead(major);
  if (length > max) malformed(`${length} entries, at most ${max} are accepted`);
  return length;
}

/** Where the next item begins. */
export function readPosition(): number {
  return next;
}

/** Passes over a byte string of at most `max` bytes; returns where its bytes begin. They end where the next item begins. */
export function readSpan(max: number): number {
  return take(readLength(Major.bytes, max));
}

/** Of Uint8Array itself: that of Node's Buffer gives a view. */
const copyOf = Uint8Array.prototype.slice;

/** Reads a byte string of at most `max` bytes as bytes of its own. */
export function readBytesCopy(max: number): Uint8Array {
  const length = readLength(Major.bytes, max);
  const start = take(length);
  return copyOf.call(input, start, start + length);
}

/** Reads a text of at most `max` bytes of valid UTF-8. */
export function readText(max: number): string {
  const length = readLength(Major.text, max);
  const start = take(length);
  return utf8Text(input, start, start + length) ?? malformed(`text at ${start} is not UTF-8`);
}

export function readBoolean(): boolean {
  const first = input[take(1)]!;
  if (first !== 0xf4 && first !== 0xf5) malformed(`byte ${first} at ${next - 1} is not a boolean`);
  return first === 0xf5;
}

/** Reads a null if one is next; says whether it was. */
export function readNull(): boolean {
  if (next >= end || input[next] !== 0xf6) return false;
  next++;
  return true;
}

/** Whether the next item is a float. */
export function nextIsFloat(): boolean {
  return next < end && input[next]! >= 0xf9 && input[next]! <= 0xfb;
}

/** Reads a float in its shortest form. */
export function readFloat(): number {
  const first = input[take(1)]!;
  if (first < 0xf9 || first > 0xfb) malformed(`byte ${first} at ${next - 1} is not a float`);
  const start = take(2 << (first - 0xf9));
  const view = new DataView(input.buffer, input.byteOffset);
  if (first === 0xf9) {
    const bits = view.getUint16(start);
    const value = halfValue(bits);
    if (value !== value && bits !== 0x7e00) malformed(`NaN at ${start} is not the half 7e00`);
    return value;
  }
  const value = first === 0xfa ? view.getFloat32(start) : view.getFloat64(start);
  if (halfBits(value) >= 0 || (first === 0xfb && Math.fround(value) === value)) malformed(`float at ${start} is not in its shortest form`);
  return value;
}
