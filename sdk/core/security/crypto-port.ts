/**
 * The crypto port: what the core asks of a platform's cryptography. Keys are handles; no call gives key bytes back.
 * Implementations: native C on the PSA Crypto API (`targets/native/crypto`), node:crypto (`targets/linux-gateway`),
 * and the portable fallback on noble (`noble-crypto.ts` beside this file).
 */

/** An opaque key: its bytes never leave the port. */
export interface KeyHandle {
  readonly keyId: number;
}

/** What a key may be used for: one use a key. */
export type KeyUse = "mac" | "derive";

export interface CryptoPort {
  /** Takes 16 to 64 key bytes in; the caller may overwrite them afterwards. */
  importKey(bytes: Uint8Array, use: KeyUse): KeyHandle;
  /** HKDF-SHA-256 (RFC 5869) of a "derive" key. The new key has 32 bytes and the given use. */
  deriveKey(secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse): KeyHandle;
  /** Forgets the key; its handle is invalid from here on. */
  destroyKey(key: KeyHandle): void;
  /** HMAC-SHA-256 over data[0..length), truncated to tag.length (8 to 32) bytes, written to tag. */
  mac(key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): void;
  /** True if tag (8 to 32 bytes) is the truncated HMAC of data[0..length). Compares in constant time. */
  verifyMac(key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array): boolean;
  /** SHA-256 of data[0..length), written to out (32 bytes). */
  sha256(data: Uint8Array, length: number, out: Uint8Array): void;
  /** Fills out from a cryptographic random source. */
  random(out: Uint8Array): void;
}
