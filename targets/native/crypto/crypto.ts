// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of crypto.c: the crypto port over native functions.
import type { CryptoPort, KeyHandle, KeyUse } from "../../../sdk/core/security/crypto-port";

/** The functions of crypto.c as a script sees them. All arguments are checked natively; uses: 0 mac, 1 derive. */
export interface NativeCrypto {
  /** 16 to 64 bytes in; returns a key id. */
  importKey(bytes: Uint8Array, use: number): number;
  deriveKey(keyId: number, salt: Uint8Array, info: Uint8Array, use: number): number;
  destroyKey(keyId: number): void;
  mac(keyId: number, data: Uint8Array, length: number, tag: Uint8Array): void;
  verifyMac(keyId: number, data: Uint8Array, length: number, tag: Uint8Array): boolean;
  sha256(data: Uint8Array, length: number, out: Uint8Array): void;
  random(out: Uint8Array): void;
}

/** Anything but the two known uses becomes a number the native side refuses. */
function useNumber(use: KeyUse): number {
  return use === "mac" ? 0 : use === "derive" ? 1 : -1;
}

/**
 * Makes the crypto port from native functions. The functions are bound to
 * constants once: on XS, calling through an object costs three times as much.
 */
export function createNativeCrypto(native: NativeCrypto): CryptoPort {
  const { importKey, deriveKey, destroyKey, mac, verifyMac, sha256, random } = native;
  return {
    importKey: (bytes: Uint8Array, use: KeyUse): KeyHandle =>
      Object.freeze({ keyId: importKey(bytes, useNumber(use)) }),
    deriveKey: (secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse): KeyHandle =>
      Object.freeze({ keyId: deriveKey(secret.keyId, salt, info, useNumber(use)) }),
    destroyKey: (key: KeyHandle): void => destroyKey(key.keyId),
    mac: (key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): void =>
      mac(key.keyId, data, length, tag),
    verifyMac: (key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): boolean =>
      verifyMac(key.keyId, data, length, tag),
    sha256,
    random,
  };
}
