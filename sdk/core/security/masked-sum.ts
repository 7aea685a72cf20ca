/**
 * Sums of values that whoever adds them up cannot see: the scheme of Castelluccia, Mykletun and Tsudik (ACM TOSN 5(3), 2009) modulo 2^64. A contributor adds to its value a mask that only it and the
 * holder of the keys can compute; the sum of what came carries the sum of the masks of those who are listed with it, which the key holder takes away. Who drops out is not listed.
 *
 * What it does not do: masked values can be changed on the way without being noticed, so every hop is authenticated and the list of contributors signed; and whoever adds and whoever holds the keys
 * must not work together, since the one has the values of each and the other its mask.
 */
import { badArgument, EbalanceError, malformed, notTrusted } from "../model/errors";
import { compareCodePoints } from "../model/utf8";
import { encodeCbor } from "../wire/cbor-value";
import type { CryptoPort, KeyHandle } from "./crypto-port";

/** A value under a mask, or a sum of them. */
export interface Masked {
  /** Id of the variable, 1 to 65535. */
  readonly variable: number;
  /** The stretch of time that the value is of, counted by all contributors alike: 1 to 2^53 - 1. */
  readonly epoch: number;
  /** Whose values are in it, sorted. */
  readonly contributors: readonly string[];
  /** 8 bytes, a number modulo 2^64 in network order. */
  readonly bytes: Uint8Array;
}

/** The key with which a contributor masks its values: use "mac". */
export type MaskingKeyOf = (contributor: string) => KeyHandle | undefined;

/** More than these a sum is not of. */
export const maxContributors = 4096;
const maskBytes = 8;
const twoTo32 = 0x1_0000_0000;

/** A number modulo 2^64 in two limbs of 32 bits: a device has no BigInt. */
interface Limbs {
  readonly high: number;
  readonly low: number;
}

/**
 * The key of a contributor, which it and the key holder derive alike.
 * @param secret what both have agreed on, with use "derive"
 */
export function maskingKey(crypto: CryptoPort, secret: KeyHandle, contributor: string): KeyHandle {
  return crypto.deriveKey(secret, new Uint8Array(0), encodeCbor(["ebalance", 1, "masked-sum", contributor]), "mac");
}

/**
 * Masks a value. Never twice with the same key, epoch and variable, or the difference of the two values shows: {@link StakeholderModule} sees to that.
 * @param value a whole number between -(2^53 - 1) and 2^53 - 1: fixed point, as a variable's scale says
 */
export function mask(crypto: CryptoPort, key: KeyHandle, contributor: string, variable: number, epoch: number, value: number): Masked {
  if (!Number.isSafeInteger(value)) badArgument(`value ${value} is not a whole number between -(2^53 - 1) and 2^53 - 1`);
  if (!isRound(variable, epoch)) badArgument(`variable ${variable} is not from 1 to 65535, or epoch ${epoch} not from 1 to 2^53 - 1`);
  const sum = plus(limbsOf(value), maskOf(crypto, key, variable, epoch));
  return { variable, epoch, contributors: [contributor], bytes: bytesOf(sum) };
}

/**
 * Adds masked values of one variable and epoch; needs no key. For an aggregator, who lets only one sum of a variable and epoch out: the difference of two would be the values of those in one of them.
 * @param least how many contributors there have to be, so that the sum does not say too much of each
 * @returns undefined where there are fewer
 * @throws EbalanceError `malformed` for parts that do not belong together, or with a contributor twice
 */
export function addMasked(parts: readonly Masked[], least: number): Masked | undefined {
  const [first] = parts;
  if (!first) return undefined;
  const { variable, epoch } = first;
  let sum: Limbs = { high: 0, low: 0 };
  let contributors: string[] = [];
  for (const part of parts) {
    if (part.variable !== variable || part.epoch !== epoch) malformed(`masked value of variable ${part.variable} and epoch ${part.epoch} among those of ${variable} and ${epoch}`);
    if (part.bytes.length !== maskBytes || part.contributors.length === 0) malformed(`masked value of ${part.bytes.length} bytes and ${part.contributors.length} contributors`);
    if (contributors.length + part.contributors.length > maxContributors) throw new EbalanceError("too-large", "peer", `masked sum of more than ${maxContributors} contributors`);
    contributors = contributors.concat(part.contributors);
    sum = plus(sum, limbsAt(part.bytes));
  }
  contributors.sort(compareCodePoints);
  if (contributors.some((name, i) => name === contributors[i - 1])) malformed("masked sum has a contributor twice");
  return contributors.length < least ? undefined : { variable, epoch, contributors, bytes: bytesOf(sum) };
}

/**
 * Takes the masks of the contributors off a sum.
 * @returns a whole number between -(2^53 - 1) and 2^53 - 1
 * @throws EbalanceError `not-trusted` for a contributor without a key here, or twice; `malformed` for a sum that is out of range: it was changed, or the list is not that of its contributors
 */
export function unmask(crypto: CryptoPort, keyOf: MaskingKeyOf, { variable, epoch, contributors, bytes }: Masked): number {
  if (bytes.length !== maskBytes || contributors.length > maxContributors || !isRound(variable, epoch)) malformed(`masked sum of ${bytes.length} bytes, ${contributors.length} contributors, variable ${variable} and epoch ${epoch}`);
  let sum = limbsAt(bytes);
  const seen = new Set<string>();
  for (const contributor of contributors) {
    const key = keyOf(contributor);
    if (!key || seen.has(contributor)) return notTrusted(`masked sum: contributor ${contributor} has no key here, or is named twice`);
    seen.add(contributor);
    sum = plus(sum, minus(maskOf(crypto, key, variable, epoch)));
  }
  const value = (sum.high | 0) * twoTo32 + sum.low;
  return Number.isSafeInteger(value) ? value : malformed("masked sum is beyond 2^53 - 1: it was changed, or not all who are named have contributed");
}

/** Other numbers would share a mask with one of these. */
function isRound(variable: number, epoch: number): boolean {
  return Number.isInteger(variable) && variable >= 1 && variable <= 0xffff && Number.isSafeInteger(epoch) && epoch >= 1;
}

/** HMAC-SHA-256 over epoch and variable, of which a number modulo 2^64 is taken. */
function maskOf(crypto: CryptoPort, key: KeyHandle, variable: number, epoch: number): Limbs {
  const input = new Uint8Array(10);
  const view = new DataView(input.buffer);
  view.setUint32(0, Math.floor(epoch / twoTo32));
  view.setUint32(4, epoch);
  view.setUint16(8, variable);
  const tag = new Uint8Array(maskBytes);
  crypto.mac(key, input, input.length, tag);
  return limbsAt(tag);
}

function limbsOf(value: number): Limbs {
  return { high: Math.floor(value / twoTo32) >>> 0, low: value >>> 0 };
}

function limbsAt(bytes: Uint8Array): Limbs {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { high: view.getUint32(0), low: view.getUint32(4) };
}

function bytesOf({ high, low }: Limbs): Uint8Array {
  const bytes = new Uint8Array(maskBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, high);
  view.setUint32(4, low);
  return bytes;
}

function plus(a: Limbs, b: Limbs): Limbs {
  const low = a.low + b.low;
  return { high: (a.high + b.high + (low >= twoTo32 ? 1 : 0)) >>> 0, low: low >>> 0 };
}

function minus({ high, low }: Limbs): Limbs {
  return plus({ high: ~high >>> 0, low: ~low >>> 0 }, { high: 0, low: 1 });
}
