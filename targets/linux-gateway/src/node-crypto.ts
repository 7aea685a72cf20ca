/** The crypto port on node:crypto. */
import { createHash, createHmac, createSecretKey, hkdfSync, randomFillSync, timingSafeEqual, type KeyObject } from "node:crypto";
import { EbalanceError, type CryptoPort, type KeyHandle, type KeyUse } from "ebalance";

interface Key {
  readonly object: KeyObject;
  readonly use: KeyUse;
}

export class NodeCrypto implements CryptoPort {
  readonly #keys = new Map<number, Key>();
  #lastId = 0;
  /** Room for one digest. */
  readonly #digest = Buffer.alloc(32);

  importKey(bytes: Uint8Array, use: KeyUse): KeyHandle {
    if (bytes.length < 16 || bytes.length > 64) badArgument(`key of ${bytes.length} bytes, from 16 to 64 are accepted`);
    this.#keys.set(++this.#lastId, { object: createSecretKey(bytes), use });
    return Object.freeze({ keyId: this.#lastId });
  }

  deriveKey(secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse): KeyHandle {
    return this.importKey(new Uint8Array(hkdfSync("sha256", this.#key(secret, "derive"), salt, info, 32)), use);
  }

  destroyKey(key: KeyHandle): void {
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
    out.set(createHash("sha256").update(data.subarray(0, length)).digest());
  }

  random(out: Uint8Array): void {
    randomFillSync(out);
  }

  #tag(key: KeyHandle, data: Uint8Array, length: number, tagLength: number): Uint8Array {
    checkLength(data, length);
    if (tagLength < 8 || tagLength > 32) badArgument(`tag of ${tagLength} bytes, from 8 to 32 are accepted`);
    // As text, since a buffer for each digest takes a quarter of the time of a tag.
    this.#digest.write(createHmac("sha256", this.#key(key, "mac")).update(data.subarray(0, length)).digest("binary"), "binary");
    return this.#digest.subarray(0, tagLength);
  }

  #key(handle: KeyHandle, use: KeyUse): KeyObject {
    const key = this.#keys.get(handle.keyId);
    if (!key || key.use !== use) return badArgument(`key ${handle.keyId} is not a key for ${use}`);
    return key.object;
  }
}

function checkLength(data: Uint8Array, length: number): void {
  if (length < 0 || length > data.length) badArgument(`length ${length} of ${data.length} bytes`);
}

function badArgument(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}
