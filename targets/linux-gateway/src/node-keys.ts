/** Key pairs of node:crypto from and to the bytes that the crypto port speaks of. Errors of OpenSSL are put in words of ours: they never show a key. */
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { EbalanceError, isPrivateKey, isPublicKey, type PrivateKeyUse, type SignatureUse } from "ebalance";

/** DER of a key that ends with its bytes: SubjectPublicKeyInfo (RFC 5480, RFC 8410) and PKCS #8 with the curve. */
interface Encoding {
  readonly publicHead: Buffer;
  readonly privateHead: Buffer;
  readonly publicBytes: number;
}

const encoding = (publicBytes: number, publicHead: string, privateHead: string): Encoding => ({ publicBytes, publicHead: Buffer.from(publicHead, "hex"), privateHead: Buffer.from(privateHead, "hex") });

const p256 = encoding(65, "3059301306072a8648ce3d020106082a8648ce3d030107034200", "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420");
const encodings: Readonly<Record<PrivateKeyUse, Encoding>> = {
  es256: p256,
  "ecdh-p256": p256,
  ed25519: encoding(32, "302a300506032b6570032100", "302e020100300506032b657004220420"),
  x25519: encoding(32, "302a300506032b656e032100", "302e020100300506032b656e04220420"),
};
const privateBytes = 32;

function encodingOf(use: PrivateKeyUse): Encoding {
  return encodings[use] ?? badArgument(`use ${use} is none of ${Object.keys(encodings).join(", ")}`);
}

export function freshKey(use: PrivateKeyUse): KeyObject {
  if (use === "ed25519") return generateKeyPairSync("ed25519").privateKey;
  if (use === "x25519") return generateKeyPairSync("x25519").privateKey;
  encodingOf(use);
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

export function privateKeyOf(bytes: Uint8Array, use: PrivateKeyUse): KeyObject {
  const { privateHead } = encodingOf(use);
  if (bytes.length !== privateBytes) badArgument(`private key of ${bytes.length} bytes: ${use} takes ${privateBytes}`);
  // OpenSSL takes zero, and the order of the curve.
  if (!isPrivateKey(bytes, use)) badArgument("private key is not valid: it is no scalar of the curve");
  const der = Buffer.concat([privateHead, bytes]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return key;
}

/** The 32 bytes of a private key, to be wrapped; the caller overwrites them. */
export function privateKeyBytes(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ format: "jwk" }).d!, "base64url");
}

/** Of a private key its public one. */
export function publicBytes(key: KeyObject, use: PrivateKeyUse): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-encodingOf(use).publicBytes));
}

export function publicKeyOf(bytes: Uint8Array, use: PrivateKeyUse): KeyObject {
  const { publicHead, publicBytes: expected } = encodingOf(use);
  if (bytes.length !== expected || (expected === 65 && bytes[0] !== 4)) badArgument(`public key of ${bytes.length} bytes: ${use} takes ${expected === 65 ? "an uncompressed point of 65" : expected}`);
  // OpenSSL takes any bytes, and verifies forged signatures under a key of small order.
  if (use === "ed25519" && !isPublicKey(bytes, use)) badArgument("public key is not valid: no point of the curve, or of small order");
  try {
    return createPublicKey({ key: Buffer.concat([publicHead, bytes]), format: "der", type: "spki" });
  } catch {
    return badArgument("public key is not valid: it is no point of the curve");
  }
}

export function signatureOf(key: KeyObject, use: SignatureUse, data: Uint8Array): Uint8Array {
  return use === "es256" ? sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }) : sign(null, data, key);
}

export function verifies(key: KeyObject, use: SignatureUse, data: Uint8Array, signature: Uint8Array): boolean {
  return use === "es256" ? verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature) : verify(null, data, key, signature);
}

export function agreedSecret(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey }));
  } catch {
    return badArgument("public key is not valid: it leads to no secret");
  }
}

function badArgument(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}
