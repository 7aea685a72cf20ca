/**
 * The whole crypto port in JavaScript, on @noble/curves, @noble/ciphers and @noble/hashes: the fallback where a platform has nothing faster, and the second opinion
 * on what has. It needs BigInt. Verifying takes milliseconds, so gateways use node:crypto.
 */
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Cipher } from "@noble/ciphers/utils.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { badArgument } from "../model/errors";
import type { AeadPort, KeyHandle, KeyUse, KeyWrapPort, PrivateKeyUse, PublicKeyPort, SignatureUse, WrappableUse } from "./crypto-port";
import { checkAeadLengths, checkLength, tagBytes } from "./key-bytes";
import { decryptCcm, encryptCcm } from "./noble-ccm";
import { NobleCrypto } from "./noble-crypto";
import { isWrappable, notUnwrapped, useBytes, wrapNonceBytes, wrappedParts, wrapTagBytes } from "./wrapped-key";

/** One key algorithm: private keys and seeds of 32 bytes. */
interface Algorithm {
  readonly publicKey: (secret: Uint8Array) => Uint8Array;
  /** Absent where the key does not sign. */
  readonly sign?: (data: Uint8Array, secret: Uint8Array) => Uint8Array;
  readonly verify?: (signature: Uint8Array, data: Uint8Array, publicKey: Uint8Array) => boolean;
  /** Throws what is no public key to verify with. */
  readonly checkPublic?: (bytes: Uint8Array) => void;
  readonly agree?: (secret: Uint8Array, peer: Uint8Array) => Uint8Array;
}

const uncompressed = 4;

function pointOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 65 || bytes[0] !== uncompressed) throw new Error("no uncompressed point");
  p256.Point.fromBytes(bytes).assertValidity();
  return bytes;
}

const algorithms: Readonly<Record<PrivateKeyUse, Algorithm>> = {
  es256: {
    publicKey: (secret) => p256.getPublicKey(secret, false),
    sign: (data, secret) => p256.sign(data, secret, { lowS: false }),
    verify: (signature, data, publicKey) => p256.verify(signature, data, publicKey, { lowS: false }),
    checkPublic: pointOf,
  },
  "ecdh-p256": {
    publicKey: (secret) => p256.getPublicKey(secret, false),
    agree: (secret, peer) => p256.getSharedSecret(secret, pointOf(peer)).slice(1),
  },
  ed25519: {
    publicKey: (secret) => ed25519.getPublicKey(secret),
    sign: (data, secret) => ed25519.sign(data, secret),
    verify: (signature, data, publicKey) => ed25519.verify(signature, data, publicKey, { zip215: false }),
    checkPublic: (bytes) => {
      if (ed25519.Point.fromBytes(bytes, false).isSmallOrder()) throw new Error("of small order");
    },
  },
  x25519: {
    publicKey: (secret) => x25519.getPublicKey(secret),
    agree: (secret, peer) => x25519.getSharedSecret(secret, peer),
  },
};

/** Whether bytes are a private key. For implementations whose library takes anything, as OpenSSL does. */
export function isPrivateKey(bytes: Uint8Array, use: PrivateKeyUse): boolean {
  return bytes.length === 32 && holds(() => algorithmOf(use).publicKey(bytes));
}

/** Whether bytes are a public key to verify with: a point of the curve, for Ed25519 none of small order. */
export function isPublicKey(bytes: Uint8Array, use: SignatureUse): boolean {
  return holds(() => algorithmOf(use).checkPublic!(bytes));
}

function holds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

export class NobleFullCrypto extends NobleCrypto implements AeadPort, PublicKeyPort, KeyWrapPort {
  encrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): void {
    const { bytes, use } = this.keyFor(key, "encryption", (use) => use in tagBytes);
    const tag = tagBytes[use]!;
    checkAeadLengths(use, nonce, data, length, length + tag, out);
    const plain = data.slice(0, length);
    out.set(use.startsWith("aes-ccm") ? encryptCcm(bytes, tag, nonce, additional, plain) : cipherOf(use)(bytes, nonce, additional).encrypt(plain));
  }

  decrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): boolean {
    const { bytes, use } = this.keyFor(key, "encryption", (use) => use in tagBytes);
    const tag = tagBytes[use]!;
    checkAeadLengths(use, nonce, data, length, Math.max(0, length - tag), out);
    if (length < tag) return false;
    const plain = opened(use, bytes, nonce, additional, data.slice(0, length));
    if (plain) out.set(plain);
    return plain !== undefined;
  }

  supports(use: PrivateKeyUse): boolean {
    return use in algorithms;
  }

  generateKey(use: PrivateKeyUse): KeyHandle {
    const secret = new Uint8Array(32);
    do this.random(secret);
    while (use.endsWith("256") && !p256.utils.isValidSecretKey(secret));
    const handle = this.importPrivateKey(secret, use);
    secret.fill(0);
    return handle;
  }

  importPrivateKey(bytes: Uint8Array, use: PrivateKeyUse): KeyHandle {
    algorithmOf(use);
    if (bytes.length !== 32) badArgument(`private key of ${bytes.length} bytes: ${use} takes 32`);
    if (!isPrivateKey(bytes, use)) badArgument("private key is not valid: it is no scalar of the curve");
    return this.keep(bytes, use);
  }

  publicKey(key: KeyHandle): Uint8Array {
    const { bytes, use } = this.keyFor(key, "a public key", (use) => use in algorithms);
    return algorithmOf(use).publicKey(bytes);
  }

  importPublicKey(bytes: Uint8Array, use: SignatureUse): KeyHandle {
    if (!algorithmOf(use).checkPublic) badArgument(`use ${use} is no signature`);
    if (!isPublicKey(bytes, use)) badArgument("public key is not valid: no point of the curve, or of small order");
    return this.keep(bytes, `verify-${use}`);
  }

  sign(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): void {
    const { bytes, use } = this.keyFor(key, "signing", (use) => algorithms[use as PrivateKeyUse]?.sign !== undefined);
    checkLength(data, length);
    if (signature.length !== 64) badArgument(`room for a signature of ${signature.length} bytes, it has 64`);
    signature.set(algorithmOf(use).sign!(data.subarray(0, length), bytes));
  }

  verify(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): boolean {
    const { bytes, use } = this.keyFor(key, "verifying", (use) => use.startsWith("verify-"));
    checkLength(data, length);
    if (signature.length !== 64) return false;
    return algorithmOf(use.slice("verify-".length)).verify!(signature, data.subarray(0, length), bytes);
  }

  agree(key: KeyHandle, peer: Uint8Array): KeyHandle {
    const { bytes, use } = this.keyFor(key, "agreement", (use) => algorithms[use as PrivateKeyUse]?.agree !== undefined);
    const secret = agreedSecret(algorithmOf(use), bytes, peer);
    const handle = this.importKey(secret, "derive");
    secret.fill(0);
    return handle;
  }

  wrap(wrapping: KeyHandle, key: KeyHandle): Uint8Array {
    const { bytes: wrapKey } = this.keyFor(wrapping, "wrapping", (use) => use === "wrap");
    const { bytes, use } = this.keyFor(key, "being wrapped", isWrappable);
    const wrapped = new Uint8Array(wrapNonceBytes + bytes.length + wrapTagBytes);
    const { nonce, sealed } = wrappedParts(wrapped);
    this.random(nonce);
    sealed.set(encryptCcm(wrapKey, wrapTagBytes, nonce, useBytes(use), bytes));
    return wrapped;
  }

  unwrap(wrapping: KeyHandle, wrapped: Uint8Array, use: WrappableUse): KeyHandle {
    const { bytes: wrapKey } = this.keyFor(wrapping, "wrapping", (use) => use === "wrap");
    const { nonce, sealed } = wrappedParts(wrapped);
    const bytes = decryptCcm(wrapKey, wrapTagBytes, nonce, useBytes(use), sealed) ?? notUnwrapped();
    const handle = use in algorithms ? this.importPrivateKey(bytes, use as PrivateKeyUse) : this.importKey(bytes, use as KeyUse);
    bytes.fill(0);
    return handle;
  }
}

function algorithmOf(use: string): Algorithm {
  return algorithms[use as PrivateKeyUse] ?? badArgument(`use ${use} is none of ${Object.keys(algorithms).join(", ")}`);
}

/** What the library objects to, in our words: its own may show a value. */
function agreedSecret(algorithm: Algorithm, own: Uint8Array, peer: Uint8Array): Uint8Array {
  try {
    return algorithm.agree!(own, peer);
  } catch {
    return badArgument("public key is not valid: no point of the curve, or it leads to no secret");
  }
}

function cipherOf(use: string): (key: Uint8Array, nonce: Uint8Array, additional: Uint8Array) => Cipher {
  return use === "aes-gcm" ? gcm : chacha20poly1305;
}

function opened(use: string, key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (use.startsWith("aes-ccm")) return decryptCcm(key, tagBytes[use]!, nonce, additional, sealed);
  try {
    return cipherOf(use)(key, nonce, additional).decrypt(sealed);
  } catch {
    // All lengths have been checked: what is left is a tag that is wrong.
    return undefined;
  }
}
