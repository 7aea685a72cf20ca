/** The crypto port on node:crypto. */
import { createSecretKey, hash, hkdfSync, randomFillSync, timingSafeEqual, type KeyObject } from "node:crypto";
import { EbalanceError, type CryptoPort, type KeyHandle, type KeyUse } from "ebalance";

/** Of SHA-256. */
const blockBytes = 64;
const digestBytes = 32;

type Key = { readonly use: "derive"; readonly object: KeyObject } | MacKey;

/**
 * A key for HMAC (RFC 2104) as the two blocks that begin its hashes. Hashing at once and taking the digests as text, which Node keeps without a buffer of their own, halves
 * what a tag costs with `createHmac`.
 */
interface MacKey {
  readonly use: "mac";
  readonly inner: Buffer;
  /** Room for the inner digest follows. */
  readonly outer: Buffer;
}

function macKey(bytes: Uint8Array): MacKey {
  const block = (pad: number, length: number) => {
    const buffer = Buffer.alloc(length).fill(pad, 0, blockBytes);
    bytes.forEach((byte, i) => (buffer[i]! ^= byte));
    return buffer;
  };
  return { use: "mac", inner: block(0x36, blockBytes), outer: block(0x5c, blockBytes + digestBytes) };
}

export class NodeCrypto implements CryptoPort {
  readonly #keys = new Map<number, Key>();
  #lastId = 0;
  readonly #digest = Buffer.alloc(digestBytes);
  /** An inner block and the data after it. */
  #message = Buffer.alloc(1024);

  importKey(bytes: Uint8Array, use: KeyUse): KeyHandle {
    if (bytes.length < 16 || bytes.length > 64) badArgument(`key of ${bytes.length} bytes, from 16 to 64 are accepted`);
    this.#keys.set(++this.#lastId, use === "mac" ? macKey(bytes) : { use, object: createSecretKey(bytes) });
    return Object.freeze({ keyId: this.#lastId });
  }

  deriveKey(secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse): KeyHandle {
    return this.importKey(new Uint8Array(hkdfSync("sha256", this.#key(secret, "derive").object, salt, info, 32)), use);
  }

  destroyKey(key: KeyHandle): void {
    const known = this.#keys.get(key.keyId);
    if (known?.use === "mac") [known.inner, known.outer].forEach((block) => block.fill(0));
    this.#keys.delete(key.keyId);
  }

  mac(key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): void {
    tag.set(this.#tag(key, data, length, tag.length));
  }

  verifyMac(key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): boolean {
    return timingSafeEqual(this.#tag(key, data, length, tag.length), tag);
  }

  sha256(data: Uint8Array, length: number, out: Uint8Array): void {
    checkLength(data, length);
    out.set(hash("sha256", data.subarray(0, length), "buffer"));
  }

  random(out: Uint8Array): void {
    randomFillSync(out);
  }

  #tag(key: KeyHandle, data: Uint8Array, length: number, tagLength: number): Uint8Array {
    checkLength(data, length);
    if (tagLength < 8 || tagLength > 32) badArgument(`tag of ${tagLength} bytes, from 8 to 32 are accepted`);
    const { inner, outer } = this.#key(key, "mac");
    const end = blockBytes + length;
    if (end > this.#message.length) this.#message = Buffer.alloc(end);
    this.#message.set(inner);
    this.#message.set(length === data.length ? data : data.subarray(0, length), blockBytes);
    outer.write(hash("sha256", this.#message.subarray(0, end), "binary"), blockBytes, "binary");
    this.#digest.write(hash("sha256", outer, "binary"), "binary");
    return this.#digest.subarray(0, tagLength);
  }

  #key<Use extends KeyUse>(handle: KeyHandle, use: Use): Key & { use: Use } {
    const key = this.#keys.get(handle.keyId);
    if (!key || key.use !== use) return badArgument(`key ${handle.keyId} is not a key for ${use}`);
    return key as Key & { use: Use };
  }
}

function checkLength(data: Uint8Array, length: number): void {
  if (length < 0 || length > data.length) badArgument(`length ${length} of ${data.length} bytes`);
}

function badArgument(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}
