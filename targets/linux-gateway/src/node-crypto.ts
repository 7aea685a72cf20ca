/** The crypto port on node:crypto. */
import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, hkdfSync, randomFillSync, timingSafeEqual, type CipherGCMTypes, type KeyObject } from "node:crypto";
import { checkAeadLengths, checkKeyBytes, checkLength, derivedKeyBytes, EbalanceError, tagBytes, type AeadPort, type CryptoPort, type KeyHandle, type KeyUse, type PrivateKeyUse, type PublicKeyPort, type SignatureUse } from "ebalance";
import { agreedSecret, freshKey, privateKeyOf, publicBytes, publicKeyOf, signatureOf, verifies } from "./node-keys";

type Use = KeyUse | PrivateKeyUse | `verify-${SignatureUse}`;

interface Key {
  readonly object: KeyObject;
  readonly use: Use;
}

const signing: readonly string[] = ["es256", "ed25519"];
const agreeing: readonly string[] = ["ecdh-p256", "x25519"];

export class NodeCrypto implements CryptoPort, AeadPort, PublicKeyPort {
  readonly #keys = new Map<number, Key>();
  #lastId = 0;
  /** Room for one digest. */
  readonly #digest = Buffer.alloc(32);
  /** Empty, yet at an address: CCM takes no other empty text. */
  readonly #nothing = this.#digest.subarray(0, 0);

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
    const cipher = createCipheriv(cipherName(use, object), object, nonce, { authTagLength: tagBytes[use]! });
    cipher.setAAD(additional, { plaintextLength: length });
    out.set(cipher.update(length ? data.subarray(0, length) : this.#nothing));
    cipher.final();
    out.set(cipher.getAuthTag(), length);
  }

  decrypt(key: KeyHandle, nonce: Uint8Array, additional: Uint8Array, data: Uint8Array, length: number, out: Uint8Array): boolean {
    const { object, use } = this.#keyFor(key, "encryption", (use) => use in tagBytes);
    const bodyBytes = length - tagBytes[use]!;
    checkAeadLengths(use, nonce, data, length, Math.max(0, bodyBytes), out);
    if (bodyBytes < 0) return false;
    const decipher = createDecipheriv(cipherName(use, object), object, nonce, { authTagLength: tagBytes[use]! });
    decipher.setAuthTag(data.subarray(bodyBytes, length));
    decipher.setAAD(additional, { plaintextLength: bodyBytes });
    try {
      const plain = decipher.update(bodyBytes ? data.subarray(0, bodyBytes) : this.#nothing);
      decipher.final();
      out.set(plain);
      return true;
    } catch {
      // All lengths have been checked: what is left is a tag that is wrong.
      return false;
    }
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

/** CCM, GCM and ChaCha20-Poly1305 are called in one way, which Node's types have for GCM. */
function cipherName(use: string, key: KeyObject): CipherGCMTypes {
  const bits = 8 * key.symmetricKeySize!;
  return (use === "chacha20-poly1305" ? use : `aes-${bits}-${use === "aes-gcm" ? "gcm" : "ccm"}`) as CipherGCMTypes;
}

function badArgument(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}
