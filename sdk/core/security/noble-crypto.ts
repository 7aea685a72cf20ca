/**
 * The portable crypto port, on the audited JavaScript of @noble/hashes: the fallback where a platform has nothing faster. Its hash functions keep
 * scratch buffers at module level, so on XS it cannot stand in a preloaded module: it is no part of `ebalance/device`.
 */
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { badArgument } from "../model/errors";
import type { CryptoPort, KeyHandle, KeyUse } from "./crypto-port";
import { checkKeyBytes, checkLength, derivedKeyBytes } from "./key-bytes";

interface Key {
  readonly bytes: Uint8Array;
  readonly use: string;
}

export class NobleCrypto implements CryptoPort {
  readonly #keys = new Map<number, Key>();
  #lastId = 0;

  /** @param fillRandom the platform's cryptographic random source */
  constructor(private readonly fillRandom: (out: Uint8Array) => void) {}

  importKey(bytes: Uint8Array, use: KeyUse): KeyHandle {
    checkKeyBytes(bytes.length, use);
    return this.keep(bytes, use);
  }

  deriveKey(secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse): KeyHandle {
    return this.importKey(hkdf(sha256, this.#key(secret, "derive"), salt, info, derivedKeyBytes(use)), use);
  }

  destroyKey(key: KeyHandle): void {
    this.#keys.get(key.keyId)?.bytes.fill(0);
    this.#keys.delete(key.keyId);
  }

  mac(key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): void {
    tag.set(this.#tag(key, data, length, tag.length));
  }

  verifyMac(key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): boolean {
    const expected = this.#tag(key, data, length, tag.length);
    let difference = 0;
    for (let i = 0; i < tag.length; i++) difference |= expected[i]! ^ tag[i]!;
    return difference === 0;
  }

  sha256(data: Uint8Array, length: number, out: Uint8Array): void {
    checkLength(data, length);
    out.set(sha256(data.subarray(0, length)));
  }

  random(out: Uint8Array): void {
    this.fillRandom(out);
  }

  #tag(key: KeyHandle, data: Uint8Array, length: number, tagLength: number): Uint8Array {
    checkLength(data, length);
    if (tagLength < 8 || tagLength > 32) badArgument(`tag of ${tagLength} bytes, from 8 to 32 are accepted`);
    return hmac(sha256, this.#key(key, "mac"), data.subarray(0, length)).subarray(0, tagLength);
  }

  #key(handle: KeyHandle, use: KeyUse): Uint8Array {
    return this.keyFor(handle, use, (other) => other === use).bytes;
  }

  /** Keeps a copy of key bytes that were checked. */
  protected keep(bytes: Uint8Array, use: string): KeyHandle {
    this.#keys.set(++this.#lastId, { bytes: Uint8Array.from(bytes), use });
    return Object.freeze({ keyId: this.#lastId });
  }

  /** The key of a handle. @throws EbalanceError `bad-argument` if there is none, or if it is for something else than `purpose` */
  protected keyFor(handle: KeyHandle, purpose: string, isFor: (use: string) => boolean): Key {
    const key = this.#keys.get(handle.keyId);
    if (!key || !isFor(key.use)) return badArgument(`key ${handle.keyId} is not a key for ${purpose}`);
    return key;
  }
}
