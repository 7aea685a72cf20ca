/**
 * Deterministic CBOR (RFC 8949, section 4.2.1), the strict subset that ebalance speaks: shortest integers and lengths, map keys sorted
 * and unique, shortest floats, no indefinite lengths, no tags inside bodies, nothing after the last item.
 *
 * This is a hot module on devices: the writer and the reader are cursors at module level, because on XS a module variable costs half of a
 * property and a buffer position costs an allocation anywhere else. So neither is re-entrant: a message is written or read in one go.
 */
import { EbalanceError, badArgument, malformed } from "../model/errors";
import { utf8Length, utf8Text } from "../model/utf8";

export const Major = Object.freeze({ uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const);

const twoTo32 = 0x1_0000_0000;

// ---- writer -------------------------------------------------------------------------------------------------------------------------

let out: Uint8Array;
let at = 0;

/** Starts writing into `buffer` at `offset`. */
export function startWriting(buffer: Uint8Array, offset = 0): void {
  out = buffer;
  at = offset;
}

/** Where the next byte goes. */
export function writePosition(): number {
  return at;
}

function reserve(size: number): void {
  if (at + size > out.length) throw new EbalanceError("too-large", "caller", `message needs more than ${out.length} bytes`);
}

/** Writes the head of an item: its major type and its argument, an integer from 0 to 2^53 - 1, in the fewest bytes. */
export function writeHead(major: number, argument: number): void {
  const type = major << 5;
  if (argument < 24) {
    reserve(1);
    out[at++] = type | argument;
  } else if (argument < 0x100) {
    reserve(2);
    out[at++] = type | 24;
    out[at++] = argument;
  } else if (argument < 0x10000) {
    reserve(3);
    out[at++] = type | 25;
    out[at++] = argument >> 8;
    out[at++] = argument;
  } else if (argument < twoTo32) {
    reserve(5);
    out[at++] = type | 26;
    write32(argument);
  } else {
    reserve(9);
    out[at++] = type | 27;
    write32(Math.floor(argument / twoTo32));
    write32(argument >>> 0);
  }
}

function write32(value: number): void {
  out[at++] = value >>> 24;
  out[at++] = value >>> 16;
  out[at++] = value >>> 8;
  out[at++] = value;
}

/** Writes an integer between -(2^53 - 1) and 2^53 - 1. */
export function writeInteger(value: number): void {
  if (value >= 0) writeHead(Major.uint, value);
  else writeHead(Major.negative, -1 - value);
}

export function writeBytes(bytes: Uint8Array): void {
  writeHead(Major.bytes, bytes.length);
  writeRaw(bytes);
}

/** Writes what is CBOR already. */
export function writeRaw(encoded: Uint8Array): void {
  reserve(encoded.length);
  out.set(encoded, at);
  at += encoded.length;
}

/** Writes UTF-8 text. */
export function writeText(text: string): void {
  const length = utf8Length(text);
  if (length < 0) badArgument("text has a lone surrogate");
  writeHead(Major.text, length);
  reserve(length);
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    writeCodePoint(point);
  }
}

function writeCodePoint(point: number): void {
  if (point < 0x80) {
    out[at++] = point;
  } else if (point < 0x800) {
    out[at++] = 0xc0 | (point >> 6);
    out[at++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    out[at++] = 0xe0 | (point >> 12);
    out[at++] = 0x80 | ((point >> 6) & 0x3f);
    out[at++] = 0x80 | (point & 0x3f);
  } else {
    out[at++] = 0xf0 | (point >> 18);
    out[at++] = 0x80 | ((point >> 12) & 0x3f);
    out[at++] = 0x80 | ((point >> 6) & 0x3f);
    out[at++] = 0x80 | (point & 0x3f);
  }
}

export function writeBoolean(value: boolean): void {
  reserve(1);
  out[at++] = value ? 0xf5 : 0xf4;
}

export function writeNull(): void {
  reserve(1);
  out[at++] = 0xf6;
}

/** Writes a number as the shortest of the IEEE 754 half, single and double floats that keep it exactly. NaN is written as the half 7e00. */
export function writeFloat(value: number): void {
  const asHalf = halfBits(value);
  if (asHalf >= 0) {
    reserve(3);
    out[at++] = 0xf9;
    out[at++] = asHalf >> 8;
    out[at++] = asHalf;
    return;
  }
  const single = Math.fround(value) === value;
  reserve(single ? 5 : 9);
  const view = new DataView(out.buffer, out.byteOffset);
  out[at++] = single ? 0xfa : 0xfb;
  if (single) view.setFloat32(at, value);
  else view.setFloat64(at, value);
  at += single ? 4 : 8;
}

/** The bits of the half float that equals value, or -1 where there is none. */
function halfBits(value: number): number {
  if (value !== value) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  if (size === Infinity) return sign | 0x7c00;
  if (size > 65504 || size < 2 ** -24) return -1;
  let exponent = 0;
  while (size >= 2 ** (exponent + 1)) exponent++;
  while (size < 2 ** exponent && exponent > -14) exponent--;
  const steps = size / 2 ** (exponent - 10);
  if (steps !== Math.floor(steps)) return -1;
  return sign | (exponent === -14 && steps < 1024 ? steps : ((exponent + 15) << 10) | (steps - 1024));
}

// ---- reader -------------------------------------------------------------------------------------------------------------------------

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

/** Where the next item begins. */
export function readPosition(): number {
  return next;
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
  const first = input[take(1)]!;
  if (first >> 5 !== major) malformed(`major type ${first >> 5} at ${next - 1}, expected ${major}`);
  return readArgument(first & 31);
}

function readArgument(info: number): number {
  if (info < 24) return info;
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
  const value = readHead(Major.uint);
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

/** Reads a byte string of at most `max` bytes as a view of the input: copy it to keep it. */
export function readBytes(max: number): Uint8Array {
  const length = readLength(Major.bytes, max);
  const start = take(length);
  return input.subarray(start, start + length);
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

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const steps = bits & 1023;
  if (exponent === 31) return steps ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + steps) * 2 ** (exponent - 25) : steps * 2 ** -24);
}
