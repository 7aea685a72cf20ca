/** Whole values to and from deterministic CBOR, for what is not on a hot path: credentials, hashes of records, tools and tests. */
import { badArgument, EbalanceError, malformed } from "../model/errors";
import { compareCodePoints, utf8Length } from "../model/utf8";
import * as cbor from "./cbor";

/** Integers are numbers up to 2^53 - 1; a number with a fraction is a float; maps are Maps with integer or text keys. */
export type CborValue = number | string | boolean | null | Uint8Array | readonly CborValue[] | ReadonlyMap<number | string, CborValue>;

/** Arrays and maps may stand in each other this deep. */
export const maxDepth = 16;

const defaultBytes = 4096;
/** Made at first use, because a preloaded module's own buffers are frozen, and kept: making one costs more than filling it. */
let scratch: Uint8Array | undefined;

/**
 * Encodes a value in deterministic CBOR.
 * @param value see {@link CborValue}
 * @param buffer scratch space that bounds the size; the result is a copy
 * @throws EbalanceError `too-large` when it does not fit, `bad-argument` for what CBOR of this profile cannot hold
 * @example
 * encodeCbor(new Map([[1, "kWh"]])); // a1 01 63 6b 57 68
 */
export function encodeCbor(value: CborValue, buffer: Uint8Array = (scratch ??= new Uint8Array(defaultBytes))): Uint8Array {
  cbor.startWriting(buffer);
  writeValue(value, 0);
  return Uint8Array.prototype.slice.call(buffer, 0, cbor.writePosition());
}

/** Most bytes of a state record. */
const maxRecordBytes = 65_536;

/**
 * Encodes a state record: most fit into what is at hand, and a device has no room for the largest.
 * @throws EbalanceError `too-large` beyond 65,536 bytes
 */
export function encodeRecord(value: CborValue): Uint8Array {
  try {
    return encodeCbor(value);
  } catch (error) {
    if (!(error instanceof EbalanceError) || error.code !== "too-large") throw error;
    return encodeCbor(value, new Uint8Array(maxRecordBytes));
  }
}

function writeValue(value: CborValue, depth: number): void {
  if (depth > maxDepth) badArgument(`value is nested deeper than ${maxDepth}`);
  if (typeof value === "number") {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) cbor.writeInteger(value);
    else cbor.writeFloat(value);
  } else if (typeof value === "string") cbor.writeText(value);
  else if (typeof value === "boolean") cbor.writeBoolean(value);
  else if (value === null) cbor.writeNull();
  else if (value instanceof Uint8Array) cbor.writeBytes(value);
  else if (value instanceof Map) writeMap(value, depth);
  else if (Array.isArray(value)) {
    cbor.writeHead(cbor.Major.array, value.length);
    for (let i = 0; i < value.length; i++) writeValue(value[i], depth + 1);
  } else badArgument(`a ${typeof value} cannot be encoded`);
}

function writeMap(map: ReadonlyMap<number | string, CborValue>, depth: number): void {
  cbor.writeHead(cbor.Major.map, map.size);
  if (isSorted(map)) map.forEach((value, key) => writeEntry(key, value, depth));
  else for (const key of [...map.keys()].sort(compareKeys)) writeEntry(key, map.get(key)!, depth);
}

/** Most maps are made in the order of their keys: then nothing has to be sorted. */
function isSorted(map: ReadonlyMap<number | string, CborValue>): boolean {
  let previous: number | string | undefined;
  let sorted = true;
  map.forEach((_value, key) => {
    if (previous !== undefined && !isAbove(key, previous)) sorted = false;
    previous = key;
  });
  return sorted;
}

function writeEntry(key: number | string, value: CborValue, depth: number): void {
  writeKey(key);
  writeValue(value, depth + 1);
}

function writeKey(key: number | string): void {
  if (typeof key === "string") cbor.writeText(key);
  else if (Number.isSafeInteger(key)) cbor.writeInteger(key);
  else badArgument(`map key ${key} is not an integer`);
}

/** Whether a key comes after another in the order of the encoded bytes. The first line is what nearly all maps need. */
function isAbove(key: number | string, previous: number | string): boolean {
  if (typeof key === "number" && typeof previous === "number" && previous >= 0) return key > previous || key < 0;
  return compareKeys(previous, key) < 0;
}

/** Order of the encoded bytes: unsigned, negative, text by length and then by bytes (which is the order of code points). */
function compareKeys(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") {
    if (a >= 0 !== b >= 0) return a >= 0 ? -1 : 1;
    return Math.abs(a) - Math.abs(b);
  }
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  return utf8Length(a) - utf8Length(b) || compareCodePoints(a, b);
}

/**
 * Decodes one value. Accepts what {@link encodeCbor} produces, and a float that happens to be a whole number.
 * @throws EbalanceError `malformed` naming the position and what is wrong there
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  cbor.startReading(bytes);
  const value = readValue(0);
  cbor.readEnd();
  return value;
}

function readValue(depth: number): CborValue {
  if (depth > maxDepth) malformed(`nested deeper than ${maxDepth}`);
  const rest = cbor.remaining();
  switch (cbor.peekMajor()) {
    case cbor.Major.uint:
      return cbor.readHead(cbor.Major.uint);
    case cbor.Major.negative:
      return cbor.readInteger();
    case cbor.Major.bytes:
      return cbor.readBytesCopy(rest);
    case cbor.Major.text:
      return cbor.readText(rest);
    case cbor.Major.array:
      return readArray(cbor.readLength(cbor.Major.array, rest), depth);
    case cbor.Major.map:
      return readMap(cbor.readLength(cbor.Major.map, rest), depth);
    case cbor.Major.simple:
      return readSimple();
    case cbor.Major.tag:
      return malformed("tags are not accepted");
    default:
      return malformed("the message ends where a value should be");
  }
}

function readArray(length: number, depth: number): CborValue[] {
  const array: CborValue[] = [];
  for (let i = 0; i < length; i++) array.push(readValue(depth + 1));
  return array;
}

function readMap(length: number, depth: number): Map<number | string, CborValue> {
  const map = new Map<number | string, CborValue>();
  let previous: number | string | undefined;
  for (let i = 0; i < length; i++) {
    const key = cbor.peekMajor() === cbor.Major.text ? cbor.readText(cbor.remaining()) : cbor.readInteger();
    if (previous !== undefined && !isAbove(key, previous)) malformed(`map key ${key} is not above the one before it`);
    previous = key;
    map.set(key, readValue(depth + 1));
  }
  return map;
}

function readSimple(): CborValue {
  if (cbor.readNull()) return null;
  return cbor.nextIsFloat() ? cbor.readFloat() : cbor.readBoolean();
}
