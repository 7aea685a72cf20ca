/** AES-CCM (RFC 3610) of the CBC and CTR modes of @noble/ciphers, which has none itself. Constant-time only as far as AES in JavaScript is: a fallback. */
import { cbc, ctr } from "@noble/ciphers/aes.js";
import { badArgument } from "../model/errors";

const block = 16;

/** @returns ciphertext and tag */
export function encryptCcm(key: Uint8Array, tagBytes: number, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): Uint8Array {
  const tag = authenticate(key, tagBytes, nonce, additional, plain);
  const crypted = count(key, nonce, joined(tag, plain));
  return joined(crypted.subarray(block), crypted.subarray(0, tagBytes));
}

/** @returns the plaintext, or undefined if it is not authentic */
export function decryptCcm(key: Uint8Array, tagBytes: number, nonce: Uint8Array, additional: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const bodyBytes = sealed.length - tagBytes;
  const tag = new Uint8Array(block);
  tag.set(sealed.subarray(bodyBytes));
  const opened = count(key, nonce, joined(tag, sealed.subarray(0, bodyBytes)));
  const plain = opened.slice(block);
  const expected = authenticate(key, tagBytes, nonce, additional, plain);
  let difference = 0;
  for (let i = 0; i < tagBytes; i++) difference |= expected[i]! ^ opened[i]!;
  return difference === 0 ? plain : undefined;
}

/** The first block that is counted is for the tag, the others for the text. */
function count(key: Uint8Array, nonce: Uint8Array, data: Uint8Array): Uint8Array {
  const start = new Uint8Array(block);
  start[0] = 14 - nonce.length;
  start.set(nonce, 1);
  return ctr(key, start).encrypt(data);
}

/** The tag before it is encrypted, a whole block. */
function authenticate(key: Uint8Array, tagBytes: number, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): Uint8Array {
  const lengthBytes = 15 - nonce.length;
  if (plain.length >= 2 ** Math.min(8 * lengthBytes, 32)) badArgument(`${plain.length} bytes are too many for a nonce of ${nonce.length}`);
  const first = new Uint8Array(block);
  first[0] = (additional.length ? 64 : 0) + 8 * ((tagBytes - 2) / 2) + lengthBytes - 1;
  first.set(nonce, 1);
  new DataView(first.buffer).setUint16(14, plain.length & 0xffff);
  if (lengthBytes > 2) first[13] = plain.length >>> 16;
  if (lengthBytes > 3) first[12] = plain.length >>> 24;
  const blocks = joined(first, padded(additional.length ? joined(lengthOf(additional), additional) : additional), padded(plain));
  return cbc(key, new Uint8Array(block), { disablePadding: true }).encrypt(blocks).slice(-block);
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  if (length < 0xff00) return Uint8Array.of(length >>> 8, length);
  return Uint8Array.of(0xff, 0xfe, length >>> 24, length >>> 16, length >>> 8, length);
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / block) * block);
  whole.set(bytes);
  return whole;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
