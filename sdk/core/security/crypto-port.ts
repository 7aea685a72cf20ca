/**
 * The crypto port: what the core asks of a platform's cryptography. Keys are handles; no call gives the bytes of a secret or private key back.
 * Implementations: native C on the PSA Crypto API (`targets/native/crypto`), node:crypto (`targets/linux-gateway`),
 * and the portable fallback on noble (`noble-crypto.ts` beside this file). A secure element fits behind it: only public keys leave it.
 *
 * In four interfaces, so that a device carries what it uses: {@link CryptoPort} is what every unit needs, {@link AeadPort} encrypts, {@link PublicKeyPort} signs,
 * verifies and agrees on secrets, {@link KeyWrapPort} lets keys be kept over a restart. Where they are implemented together, they know each other's handles.
 */

/** An opaque key: its bytes never leave the port. */
export interface KeyHandle {
  readonly keyId: number;
}

/**
 * Authenticated encryption. The algorithm, and with it the length of the tag, is a property of the key: AES-CCM with tags of 64 or 128 bits and AES-GCM
 * with keys of 16 or 32 bytes, ChaCha20-Poly1305 with keys of 32 (RFC 9053, section 4).
 */
export type AeadUse = "aes-ccm-64" | "aes-ccm-128" | "aes-gcm" | "chacha20-poly1305";

/** What a secret key may be used for: one use a key. */
export type KeyUse = "mac" | "derive" | "wrap" | AeadUse;

export interface CryptoPort {
  /** Takes key bytes in: 16 to 64 of them for "mac" and "derive", 32 for "wrap", else as {@link AeadUse} says. The caller may overwrite them afterwards. */
  importKey(bytes: Uint8Array, use: KeyUse): KeyHandle;
  /** HKDF-SHA-256 (RFC 5869) of a "derive" key. The new key has the given use and 32 bytes, for AES 16. */
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

/** Authenticated encryption with associated data (RFC 5116). Never twice with the same nonce under one key. */
export interface AeadPort {
  /**
   * Encrypts data[0..length); `out` has room for exactly that and the tag, which follows it.
   * @param nonce 12 bytes; for AES-CCM 7 to 13
   * @param additional is authenticated too, not encrypted
   */
  encrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): void;
  /**
   * Decrypts data[0..length), which ends with the tag, into `out`, which has room for exactly what was encrypted.
   * @returns false if it is not authentic: then `out` holds nothing of it
   */
  decrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): boolean;
}

/** Signatures: ECDSA on P-256 with SHA-256 (signatures of 64 bytes, r and s), Ed25519 (RFC 8032, verified as strictly as node:crypto does: no small-order key). */
export type SignatureUse = "es256" | "ed25519";
/** Agreement on a secret: ECDH on P-256, X25519 (RFC 7748). */
export type AgreementUse = "ecdh-p256" | "x25519";
export type PrivateKeyUse = SignatureUse | AgreementUse;

/** Public keys are bytes: an uncompressed point of 65 for P-256 (SEC 1, 2.3.3), 32 for Ed25519 and X25519. */
export interface PublicKeyPort {
  /** Whether this platform has it: not every one has Ed25519. A use that it has not is refused with `bad-argument`. */
  supports(use: PrivateKeyUse): boolean;
  /** A fresh private key. */
  generateKey(use: PrivateKeyUse): KeyHandle;
  /** Takes the 32 bytes of a private key in: a scalar, for Ed25519 a seed. @throws EbalanceError `bad-argument` if it is none */
  importPrivateKey(bytes: Uint8Array, use: PrivateKeyUse): KeyHandle;
  /** The public key that belongs to a private one. */
  publicKey(key: KeyHandle): Uint8Array;
  /** A key to verify with. @throws EbalanceError `bad-argument` if it is no point of the curve, or of small order */
  importPublicKey(bytes: Uint8Array, use: SignatureUse): KeyHandle;
  /** Signs data[0..length) into `signature` (64 bytes). */
  sign(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): void;
  /** Whether `signature` is one of data[0..length) by the owner of a key that came by importPublicKey. Of 64 bytes or it is none. */
  verify(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): boolean;
  /**
   * The secret that both ends of an agreement have, as a key for "derive".
   * @throws EbalanceError `bad-argument` if the peer's public key is no point of the curve, or the secret is zero
   */
  agree(key: KeyHandle, peer: Uint8Array): KeyHandle;
}

/**
 * What a key may be used for that is wrapped: everything but wrapping, and authenticating messages: those keys are derived from others, and a device has their bytes only as
 * hash states.
 */
export type WrappableUse = Exclude<KeyUse, "wrap" | "mac"> | PrivateKeyUse;

/**
 * Keys that are kept outside the port, encrypted under a key whose use is "wrap": it does nothing else. A wrapped key is 13 bytes of nonce, fresh from the random source at
 * each wrapping, and the key's own bytes (of a private key its 32), encrypted with AES-256-CCM and a tag of 128 bits; the name of its use, in ASCII, is authenticated with it.
 */
export interface KeyWrapPort {
  /** @returns 29 bytes more than the key has */
  wrap(wrapping: KeyHandle, key: KeyHandle): Uint8Array;
  /**
   * Takes a wrapped key back in; it comes back with the use that it had, or not at all.
   * @throws EbalanceError `bad-argument` if it was not wrapped under this key, had another use, or was changed
   */
  unwrap(wrapping: KeyHandle, wrapped: Uint8Array, use: WrappableUse): KeyHandle;
}

/** The whole crypto port. */
export type FullCrypto = CryptoPort & AeadPort & PublicKeyPort & KeyWrapPort;
