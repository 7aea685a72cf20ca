/** Writes deterministic CBOR into a buffer: see cbor.ts. */
import { EbalanceError, badArgument } from "../model/errors";
import { utf8Length, writeUtf8 } from "../model/utf8";
import { Major, twoTo32 } from "./cbor-major";
import { halfBits } from "./half-float";

let out: Uint8Array;
let at = 0;
/** Where the buffer ends: asking it for its length costs a device as much as a call. */
let end = 0;
let most = 0;

/** Buffers grow to a multiple of this. */
const growthBytes = 256;

/** Starts writing into `buffer` at `offset`. Where it has no room for it all, what is written goes on in a larger one, of `mostBytes` at most. */
export function startWriting(buffer: Uint8Array, offset = 0, mostBytes = buffer.length): void {
  out = buffer;
  at = offset;
  end = buffer.length;
  most = mostBytes;
}

/** The buffer that is written: the one handed in, or a larger one in its place. */
export function writtenBuffer(): Uint8Array {
  return out;
}

/** Where the next byte goes. */
export function writePosition(): number {
  return at;
}

function reserve(size: number): void {
  if (at + size > end) grow(at + size);
}

function grow(least: number): void {
  if (least > most) throw new EbalanceError("too-large", "caller", `message needs more than ${most} bytes`);
  const larger = new Uint8Array(Math.min(Math.ceil(least / growthBytes) * growthBytes, most));
  larger.set(out);
  out = larger;
  end = larger.length;
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
  // Most are small.
  if (value >= 0 && value < 24 && at < end) out[at++] = value;
  else if (value >= 0) writeHead(Major.uint, value);
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
  at = writeUtf8(text, out, at);
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
