/** The crypto port on node:crypto. */
import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, hkdfSync, randomFillSync, timingSafeEqual, type CipherGCMTypes, type KeyObject } from "node:crypto";
import { checkAeadLengths, checkKeyBytes, checkLength, derivedKeyBytes, EbalanceError, isWrappable, notUnwrapped, tagBytes, useBytes, wrapNonceBytes, wrappedParts, wrapTagBytes } from "ebalance";
import type { AeadPort, CryptoPort, KeyHandle, KeyUse, KeyWrapPort, PrivateKeyUse, PublicKeyPort, SignatureUse, WrappableUse } from "ebalance";
import { agreedSecret, freshKey, privateKeyBytes, privateKeyOf, publicBytes, publicKeyOf, signatureOf, verifies } from "./node-keys";

type Use = KeyUse | PrivateKeyUse | `verify-${SignatureUse}`;

interface Key {
  readonly object: KeyObject;
  readonly use: Use;
}

const signing: readonly string[] = ["es256", "ed25519"];
const agreeing: readonly string[] = ["ecdh-p256", "x25519"];

export class NodeCrypto implements CryptoPort, AeadPort, PublicKeyPort, KeyWrapPort {
  readonly #keys = new Map<number, Key>();
  #lastId = 0;
  /** Room for one digest. */
  readonly #digest = Buffer.alloc(32);

  importKey(bytes: Uint8Array, use: KeyUse): KeyHandle {
    checkKeyBytes(bytes.length, use);
    return this.#keep(createSecretKey(bytes), use);
  }

  deriveKey(secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse): KeyHandle {
    return this.importKey(new Uint8Array(hkdfSync("sha256", this.#key(secret, "derive"), salt, info, derivedKeyBytes(use))), use);
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

  encrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): void {
    const { object, use } = this.#keyFor(key, "encryption", (use) => use in tagBytes);
    checkAeadLengths(use, nonce, data, length, length + tagBytes[use]!, out);
    sealInto(out, cipherOf(use, object), object, nonce, additional, data.subarray(0, length));
  }

  decrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): boolean {
    const { object, use } = this.#keyFor(key, "encryption", (use) => use in tagBytes);
    checkAeadLengths(use, nonce, data, length, Math.max(0, length - tagBytes[use]!), out);
    return length >= tagBytes[use]! && openInto(out, cipherOf(use, object), object, nonce, additional, data.subarray(0, length));
  }

  supports(use: PrivateKeyUse): boolean {
    return signing.includes(use) || agreeing.includes(use);
  }

  generateKey(use: PrivateKeyUse): KeyHandle {
    return this.#keep(freshKey(use), use);
  }

  importPrivateKey(bytes: Uint8Array, use: PrivateKeyUse): KeyHandle {
    return this.#keep(privateKeyOf(bytes, use), use);
  }

  publicKey(key: KeyHandle): Uint8Array {
    const { object, use } = this.#keyFor(key, "a public key", (use) => this.supports(use as PrivateKeyUse));
    return publicBytes(object, use as PrivateKeyUse);
  }

  importPublicKey(bytes: Uint8Array, use: SignatureUse): KeyHandle {
    if (!signing.includes(use)) badArgument(`use ${use} is no signature`);
    return this.#keep(publicKeyOf(bytes, use), `verify-${use}`);
  }

  sign(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): void {
    const { object, use } = this.#keyFor(key, "signing", (use) => signing.includes(use));
    checkLength(data, length);
    if (signature.length !== 64) badArgument(`room for a signature of ${signature.length} bytes, it has 64`);
    signature.set(signatureOf(object, use as SignatureUse, data.subarray(0, length)));
  }

  verify(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): boolean {
    const { object, use } = this.#keyFor(key, "verifying", (use) => use.startsWith("verify-"));
    checkLength(data, length);
    return signature.length === 64 && verifies(object, use === "verify-es256" ? "es256" : "ed25519", data.subarray(0, length), signature);
  }

  agree(key: KeyHandle, peer: Uint8Array): KeyHandle {
    const { object, use } = this.#keyFor(key, "agreement", (use) => agreeing.includes(use));
    const secret = agreedSecret(object, publicKeyOf(peer, use as PrivateKeyUse));
    const handle = this.importKey(secret, "derive");
    secret.fill(0);
    return handle;
  }

  wrap(wrapping: KeyHandle, key: KeyHandle): Uint8Array {
    const wrapKey = this.#key(wrapping, "wrap");
    const { object, use } = this.#keyFor(key, "being wrapped", isWrappable);
    const bytes = object.type === "secret" ? object.export() : privateKeyBytes(object);
    const wrapped = new Uint8Array(wrapNonceBytes + bytes.length + wrapTagBytes);
    const { nonce, sealed } = wrappedParts(wrapped);
    this.random(nonce);
    sealInto(sealed, cipherOf("wrap", wrapKey), wrapKey, nonce, useBytes(use), bytes);
    bytes.fill(0);
    return wrapped;
  }

  unwrap(wrapping: KeyHandle, wrapped: Uint8Array, use: WrappableUse): KeyHandle {
    const wrapKey = this.#key(wrapping, "wrap");
    const { nonce, sealed } = wrappedParts(wrapped);
    const bytes = new Uint8Array(sealed.length - wrapTagBytes);
    if (!openInto(bytes, cipherOf("wrap", wrapKey), wrapKey, nonce, useBytes(use), sealed)) notUnwrapped();
    const handle = this.supports(use as PrivateKeyUse) ? this.importPrivateKey(bytes, use as PrivateKeyUse) : this.importKey(bytes, use as KeyUse);
    bytes.fill(0);
    return handle;
  }

  #tag(key: KeyHandle, data: Uint8Array, length: number, tagLength: number): Uint8Array {
    checkLength(data, length);
    if (tagLength < 8 || tagLength > 32) badArgument(`tag of ${tagLength} bytes, from 8 to 32 are accepted`);
    // As text, since a buffer for each digest takes a quarter of the time of a tag.
    this.#digest.write(createHmac("sha256", this.#key(key, "mac")).update(data.subarray(0, length)).digest("binary"), "binary");
    return this.#digest.subarray(0, tagLength);
  }

  #keep(object: KeyObject, use: Use): KeyHandle {
    this.#keys.set(++this.#lastId, { object, use });
    return Object.freeze({ keyId: this.#lastId });
  }

  #key(handle: KeyHandle, use: KeyUse): KeyObject {
    const key = this.#keys.get(handle.keyId);
    if (!key || key.use !== use) return badArgument(`key ${handle.keyId} is not a key for ${use}`);
    return key.object;
  }

  #keyFor(handle: KeyHandle, purpose: string, isFor: (use: string) => boolean): Key {
    const key = this.#keys.get(handle.keyId);
    if (!key || !isFor(key.use)) return badArgument(`key ${handle.keyId} is not a key for ${purpose}`);
    return key;
  }
}

interface NodeCipher {
  readonly name: CipherGCMTypes;
  readonly authTagLength: number;
}

/** CCM, GCM and ChaCha20-Poly1305 are called in one way, which Node's types have for GCM. */
function cipherOf(use: string, key: KeyObject): NodeCipher {
  const name = use === "chacha20-poly1305" ? use : `aes-${8 * key.symmetricKeySize!}-${use === "aes-gcm" ? "gcm" : "ccm"}`;
  return { name: name as CipherGCMTypes, authTagLength: tagBytes[use] ?? wrapTagBytes };
}

/** Empty, yet at an address: CCM takes no other empty text. */
const nothing = Buffer.alloc(1).subarray(0, 0);

function sealInto(out: Uint8Array, { name, authTagLength }: NodeCipher, key: KeyObject, nonce: Uint8Array, additional: Uint8Array, plain: Uint8Array): void {
  const cipher = createCipheriv(name, key, nonce, { authTagLength });
  cipher.setAAD(additional, { plaintextLength: plain.length });
  out.set(cipher.update(plain.length ? plain : nothing));
  cipher.final();
  out.set(cipher.getAuthTag(), plain.length);
}

function openInto(out: Uint8Array, { name, authTagLength }: NodeCipher, key: KeyObject, nonce: Uint8Array, additional: Uint8Array, sealed: Uint8Array): boolean {
  const bodyBytes = sealed.length - authTagLength;
  const decipher = createDecipheriv(name, key, nonce, { authTagLength });
  decipher.setAuthTag(sealed.subarray(bodyBytes));
  decipher.setAAD(additional, { plaintextLength: bodyBytes });
  try {
    const plain = decipher.update(bodyBytes ? sealed.subarray(0, bodyBytes) : nothing);
    decipher.final();
    out.set(plain);
    return true;
  } catch {
    // All lengths have been checked: what is left is a tag that is wrong.
    return false;
  }
}

function badArgument(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}
