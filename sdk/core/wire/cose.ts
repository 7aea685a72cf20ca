/**
 * COSE (RFC 9052, RFC 9053) for what is not on a hot path: statements, credentials, encrypted session messages. Single-recipient structures alone: Sign1, Mac0, Encrypt0. Signatures and tags
 * cover the bytes as they were received; nothing is encoded again to be verified. The algorithm is a property of the key that the caller brings: what the message says of it must agree, it chooses nothing.
 */
import { badArgument, malformed } from "../model/errors";
import type { AeadPort, AeadUse, CryptoPort, KeyHandle, PublicKeyPort } from "../security/crypto-port";
import { decodeCbor, encodeCbor, type CborValue } from "./cbor-value";

/** Algorithms by their numbers in the COSE registry. */
export const CoseAlgorithm = Object.freeze({
  es256: -7,
  eddsa: -8,
  hmac256Truncated64: 4,
  hmac256: 5,
  a128gcm: 1,
  a256gcm: 3,
  aesCcm16With64And128: 10,
  aesCcm16With64And256: 11,
  aesCcm64With64And128: 12,
  aesCcm64With64And256: 13,
  chacha20Poly1305: 24,
  aesCcm16With128And128: 30,
  aesCcm16With128And256: 31,
  aesCcm64With128And128: 32,
  aesCcm64With128And256: 33,
} as const);

/** Header parameters that are understood. */
const Header = Object.freeze({ algorithm: 1, critical: 2, kid: 4, iv: 5 } as const);
const tagOf = Object.freeze({ sign1: 0xd2, mac0: 0xd1, encrypt0: 0xd0 } as const);
const contextOf = Object.freeze({ sign1: "Signature1", mac0: "MAC0", encrypt0: "Encrypt0" } as const);

export type CoseKind = keyof typeof tagOf;
type Headers = ReadonlyMap<number | string, CborValue>;

export interface CoseMessage {
  readonly kind: CoseKind;
  /** The protected header as it is covered: as it was received, but an empty map is no bytes (RFC 9052, section 3). */
  readonly protectedBytes: Uint8Array;
  readonly protectedHeaders: Headers;
  readonly unprotectedHeaders: Headers;
  /** Of Encrypt0 the ciphertext with its tag. */
  readonly payload: Uint8Array;
  /** Signature of Sign1, tag of Mac0; empty for Encrypt0. */
  readonly authenticator: Uint8Array;
}

/**
 * Takes a message apart, with or without its CBOR tag. Strict: deterministic CBOR, no parameter in both headers, no detached payload, nothing critical.
 * @throws EbalanceError `malformed`
 */
export function readCose(bytes: Uint8Array, kind: CoseKind): CoseMessage {
  const parts = decodeCbor(bytes[0] === tagOf[kind] ? bytes.subarray(1) : bytes);
  const count = kind === "encrypt0" ? 3 : 4;
  if (!Array.isArray(parts) || parts.length !== count) return malformed(`COSE ${kind} is not an array of ${count}`);
  const [protectedBytes, unprotectedHeaders, payload, authenticator = new Uint8Array(0)] = parts as CborValue[];
  if (!(protectedBytes instanceof Uint8Array)) return malformed("protected header is not bytes");
  if (!(unprotectedHeaders instanceof Map)) return malformed("unprotected header is not a map");
  if (!(payload instanceof Uint8Array) || !(authenticator instanceof Uint8Array)) return malformed("payload or authenticator is not bytes: detached content is not accepted");
  const protectedHeaders = protectedBytes.length ? decodeCbor(protectedBytes) : new Map<number, CborValue>();
  if (!(protectedHeaders instanceof Map)) return malformed("protected header is not a map");
  checkHeaders(protectedHeaders as Headers, unprotectedHeaders as Headers);
  return { kind, protectedBytes: protectedHeaders.size ? protectedBytes : new Uint8Array(0), protectedHeaders: protectedHeaders as Headers, unprotectedHeaders: unprotectedHeaders as Headers, payload, authenticator };
}

function checkHeaders(covered: Headers, bare: Headers): void {
  covered.forEach((_value, label) => {
    if (bare.has(label)) malformed(`header parameter ${label} stands in both headers`);
  });
  if (covered.has(Header.critical) || bare.has(Header.critical)) malformed("a header parameter is said to be critical: none is understood");
}

function header(message: CoseMessage, label: number): CborValue | undefined {
  return message.protectedHeaders.get(label) ?? message.unprotectedHeaders.get(label);
}

/** Which key the message says that it needs, or undefined. */
export function coseKid(message: CoseMessage): Uint8Array | undefined {
  const kid = header(message, Header.kid);
  return kid === undefined || kid instanceof Uint8Array ? kid : malformed("kid is not bytes");
}

/** A message that names no algorithm is taken to use the key's. */
function isForAlgorithm(message: CoseMessage, algorithm: number): boolean {
  const said = header(message, Header.algorithm);
  return said === undefined || said === algorithm;
}

/** The bytes that a signature or tag covers, or with which a ciphertext is authenticated. */
export function structureOf(kind: CoseKind, protectedBytes: Uint8Array, externalAad: Uint8Array, payload?: Uint8Array): Uint8Array {
  const parts: CborValue[] = [contextOf[kind], protectedBytes, externalAad];
  if (payload) parts.push(payload);
  const room = protectedBytes.length + externalAad.length + (payload?.length ?? 0) + 48;
  return encodeCbor(parts, new Uint8Array(room));
}

/** Whether a Sign1 is signed by the owner of `key`, whose algorithm is ES256 or EdDSA. */
export function verifySign1(crypto: PublicKeyPort, key: KeyHandle, algorithm: number, message: CoseMessage, externalAad: Uint8Array): boolean {
  if (message.kind !== "sign1" || !isForAlgorithm(message, algorithm)) return false;
  const signed = structureOf("sign1", message.protectedBytes, externalAad, message.payload);
  return crypto.verify(key, signed, signed.length, message.authenticator);
}

/** Whether the tag of a Mac0 was made under `key`. Its length is the algorithm's: a shorter tag is not one. */
export function verifyMac0(crypto: CryptoPort, key: KeyHandle, algorithm: number, message: CoseMessage, externalAad: Uint8Array): boolean {
  if (message.kind !== "mac0" || !isForAlgorithm(message, algorithm) || message.authenticator.length !== macBytes(algorithm)) return false;
  const covered = structureOf("mac0", message.protectedBytes, externalAad, message.payload);
  return crypto.verifyMac(key, covered, covered.length, message.authenticator);
}

/** @returns the plaintext of an Encrypt0, or undefined where it is not authentic under `key` */
export function decryptEncrypt0(crypto: AeadPort, key: KeyHandle, algorithm: number, message: CoseMessage, externalAad: Uint8Array): Uint8Array | undefined {
  const { nonceBytes, tagBytes } = aeadOf(algorithm);
  const iv = header(message, Header.iv);
  if (message.kind !== "encrypt0" || !isForAlgorithm(message, algorithm) || !(iv instanceof Uint8Array) || iv.length !== nonceBytes) return undefined;
  const { payload } = message;
  if (payload.length < tagBytes) return undefined;
  const plain = new Uint8Array(payload.length - tagBytes);
  return crypto.decrypt(key, iv, structureOf("encrypt0", message.protectedBytes, externalAad), payload, payload.length, plain) ? plain : undefined;
}

/** Headers of a message that we make: all of them protected but the nonce, which is authenticated by being used. */
export function protect(algorithm: number, kid: Uint8Array | undefined): Uint8Array {
  const headers = new Map<number, CborValue>([[Header.algorithm, algorithm]]);
  if (kid) headers.set(Header.kid, kid);
  return encodeCbor(headers);
}

function message(parts: CborValue[], bytes: number): Uint8Array {
  return encodeCbor(parts, new Uint8Array(bytes + 64));
}

/** A signed message, without a CBOR tag. @param algorithm that of the key: ES256 or EdDSA */
export function makeSign1(crypto: PublicKeyPort, key: KeyHandle, algorithm: number, kid: Uint8Array | undefined, payload: Uint8Array, externalAad: Uint8Array): Uint8Array {
  const protectedBytes = protect(algorithm, kid);
  const signed = structureOf("sign1", protectedBytes, externalAad, payload);
  const signature = new Uint8Array(64);
  crypto.sign(key, signed, signed.length, signature);
  return message([protectedBytes, new Map(), payload, signature], protectedBytes.length + payload.length + signature.length);
}

/** An authenticated message, without a CBOR tag. */
export function makeMac0(crypto: CryptoPort, key: KeyHandle, algorithm: number, kid: Uint8Array | undefined, payload: Uint8Array, externalAad: Uint8Array): Uint8Array {
  const protectedBytes = protect(algorithm, kid);
  const covered = structureOf("mac0", protectedBytes, externalAad, payload);
  const tag = new Uint8Array(macBytes(algorithm));
  crypto.mac(key, covered, covered.length, tag);
  return message([protectedBytes, new Map(), payload, tag], protectedBytes.length + payload.length + tag.length);
}

/** An encrypted message, without a CBOR tag. @param nonce never used before under this key */
export function makeEncrypt0(crypto: AeadPort, key: KeyHandle, algorithm: number, kid: Uint8Array | undefined, nonce: Uint8Array, plain: Uint8Array, externalAad: Uint8Array): Uint8Array {
  const { nonceBytes, tagBytes } = aeadOf(algorithm);
  if (nonce.length !== nonceBytes) badArgument(`nonce of ${nonce.length} bytes: algorithm ${algorithm} takes ${nonceBytes}`);
  const protectedBytes = protect(algorithm, kid);
  const payload = new Uint8Array(plain.length + tagBytes);
  crypto.encrypt(key, nonce, structureOf("encrypt0", protectedBytes, externalAad), plain, plain.length, payload);
  return message([protectedBytes, new Map([[Header.iv, nonce]]), payload], protectedBytes.length + nonce.length + payload.length);
}

function macBytes(algorithm: number): number {
  if (algorithm === CoseAlgorithm.hmac256) return 32;
  return algorithm === CoseAlgorithm.hmac256Truncated64 ? 8 : badArgument(`algorithm ${algorithm} is none for a Mac0: 4 and 5 are`);
}

/** What an algorithm number says of a key and its use. */
export interface AeadAlgorithm {
  readonly use: AeadUse;
  readonly keyBytes: number;
  readonly nonceBytes: number;
  readonly tagBytes: number;
}

/** @throws EbalanceError `bad-argument` for an algorithm that does not encrypt, or that is not supported */
export function aeadOf(algorithm: number): AeadAlgorithm {
  if (algorithm === CoseAlgorithm.a128gcm || algorithm === CoseAlgorithm.a256gcm) return { use: "aes-gcm", keyBytes: algorithm === CoseAlgorithm.a128gcm ? 16 : 32, nonceBytes: 12, tagBytes: 16 };
  if (algorithm === CoseAlgorithm.chacha20Poly1305) return { use: "chacha20-poly1305", keyBytes: 32, nonceBytes: 12, tagBytes: 16 };
  const isLong = algorithm >= CoseAlgorithm.aesCcm16With128And128;
  const place = algorithm - (isLong ? CoseAlgorithm.aesCcm16With128And128 : CoseAlgorithm.aesCcm16With64And128);
  if (!(place >= 0 && place < 4 && Number.isInteger(place))) return badArgument(`algorithm ${algorithm} does not encrypt, or is not supported`);
  return { use: isLong ? "aes-ccm-128" : "aes-ccm-64", keyBytes: place % 2 ? 32 : 16, nonceBytes: place < 2 ? 13 : 7, tagBytes: isLong ? 16 : 8 };
}
