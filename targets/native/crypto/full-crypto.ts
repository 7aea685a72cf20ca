// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of aead.c, pairs.c and wrap.c: the whole crypto port over native functions. Apart from crypto.ts, so that a device that only authenticates carries
// neither this nor their C.
import { EbalanceError } from "../../../sdk/core/model/errors";
import type { FullCrypto, KeyHandle, KeyUse, PrivateKeyUse, SignatureUse, WrappableUse } from "../../../sdk/core/security/crypto-port";
import { createNativeCrypto, type NativeCrypto } from "./crypto";

/** The functions of aead.c, pairs.c and wrap.c as a script sees them. All arguments are checked natively; a use is its place in `uses`. */
export interface NativeFullCrypto {
  encrypt(keyId: number, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): void;
  decrypt(keyId: number, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): boolean;
  supports(use: number): boolean;
  generateKey(use: number): number;
  publicKey(keyId: number): ArrayBuffer;
  sign(keyId: number, data: Uint8Array, length: number, signature: Uint8Array): void;
  verify(keyId: number, data: Uint8Array, length: number, signature: Uint8Array): boolean;
  agree(keyId: number, peer: Uint8Array): number;
  wrap(wrappingId: number, keyId: number): ArrayBuffer;
  unwrap(wrappingId: number, wrapped: Uint8Array, use: number): number;
}

/** As keys.h numbers them. */
const secretUses = Object.freeze<readonly KeyUse[]>(["mac", "derive", "aes-ccm-64", "aes-ccm-128", "aes-gcm", "chacha20-poly1305", "wrap"]);
const privateUses = Object.freeze<readonly PrivateKeyUse[]>(["es256", "ecdh-p256", "x25519"]);
const firstPrivate = secretUses.length;
const verifyEs256 = firstPrivate + privateUses.length;

/** What the native side refuses is an argument: its errors of a script in the words of the SDK. */
function refused<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new EbalanceError("bad-argument", "caller", error.message);
    throw error;
  }
}

function secretUse(use: KeyUse): number {
  return named(secretUses, use);
}

function privateUse(use: PrivateKeyUse): number {
  return firstPrivate + named(privateUses, use);
}

function named(uses: readonly string[], use: string): number {
  const number = uses.indexOf(use);
  if (number < 0) throw new EbalanceError("bad-argument", "caller", `use ${use} is none of ${uses.join(", ")}`);
  return number;
}

function handle(action: () => number): KeyHandle {
  return Object.freeze({ keyId: refused(action) });
}

/**
 * Makes the whole crypto port from native functions. It signs with ECDSA as RFC 6979 has it, without randomness, and has no Ed25519.
 * @param full of the same native module as `native`: they know each other's keys
 */
export function createFullCrypto(native: NativeCrypto, full: NativeFullCrypto): FullCrypto {
  const { importKey, deriveKey } = native;
  const { encrypt, decrypt, supports, generateKey, publicKey, sign, verify, agree, wrap, unwrap } = full;
  return {
    ...createNativeCrypto(native),
    importKey: (bytes: Uint8Array, use: KeyUse) => handle(() => importKey(bytes, secretUse(use))),
    deriveKey: (secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse) => handle(() => deriveKey(secret.keyId, salt, info, secretUse(use))),
    encrypt: (key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array) =>
      refused(() => encrypt(key.keyId, nonce, additional, data, length, out)),
    decrypt: (key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array) =>
      refused(() => decrypt(key.keyId, nonce, additional, data, length, out)),
    supports: (use: PrivateKeyUse) => privateUses.includes(use) && supports(privateUse(use)),
    generateKey: (use: PrivateKeyUse) => handle(() => generateKey(privateUse(use))),
    importPrivateKey: (bytes: Uint8Array, use: PrivateKeyUse) => handle(() => importKey(bytes, privateUse(use))),
    publicKey: (key: KeyHandle) => new Uint8Array(refused(() => publicKey(key.keyId))),
    importPublicKey: (bytes: Uint8Array, use: SignatureUse) => handle(() => importKey(bytes, verifyEs256 + named(["es256"], use))),
    sign: (key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array) => refused(() => sign(key.keyId, data, length, signature)),
    verify: (key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array) => refused(() => verify(key.keyId, data, length, signature)),
    agree: (key: KeyHandle, peer: Uint8Array) => handle(() => agree(key.keyId, peer)),
    wrap: (wrapping: KeyHandle, key: KeyHandle) => new Uint8Array(refused(() => wrap(wrapping.keyId, key.keyId))),
    unwrap: (wrapping: KeyHandle, wrapped: Uint8Array, use: WrappableUse) =>
      handle(() => unwrap(wrapping.keyId, wrapped, privateUses.includes(use as PrivateKeyUse) ? privateUse(use as PrivateKeyUse) : secretUse(use as KeyUse))),
  };
}
