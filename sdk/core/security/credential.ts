/**
 * Credentials: who has which key, signed by someone who may say so. A CWT (RFC 8392) each: claims in deterministic CBOR, in a COSE_Sign1 whose protected header names the algorithm and the
 * credential of the issuer. What is read here is well-formed and no more; whether it is to be trusted, a {@link CertificateStore} says. Layout: credential.cddl.
 */
import { sameBytes } from "../model/bytes";
import { badArgument, EbalanceError, malformed } from "../model/errors";
import { compareCodePoints } from "../model/utf8";
import { coseKid, CoseAlgorithm, makeSign1, protect, readCose, type CoseMessage } from "../wire/cose";
import { decodeClaims, encodeClaims, type Claims, type DelegationClaims, type RootClaims, type ServiceClaims, type StakeholderClaims, type UnitClaims } from "./claims";
import type { CryptoPort, KeyHandle, PublicKeyPort, SignatureUse } from "./crypto-port";
import { isLowS, toLowS } from "./low-s";

/** Bytes of the id of a credential. */
export const credentialIdBytes = 8;
const signatureBytes = 64;
/** No credential is longer: a unit with a thousand units below it names them all. */
export const maxCredentialBytes = 32_768;
/** Header, heads of byte strings and signature take less. */
const aroundClaimsBytes = 100;

interface Signed {
  /** The first 8 bytes of the hash: what names the credential in a message. */
  readonly id: Uint8Array;
  /** SHA-256 of the bytes. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  /** Id of the credential under which it is signed; of a root its own. */
  readonly issuerId: Uint8Array;
  readonly issuer: string;
}

export type RootCredential = RootClaims & Signed;
export type UnitCredential = UnitClaims & Signed;
export type StakeholderCredential = StakeholderClaims & Signed;
export type ServiceCredential = ServiceClaims & Signed;
/** The issuer is the stakeholder, the subject is the unit that acts. */
export type Delegation = DelegationClaims & Signed;
export type Credential = RootCredential | UnitCredential | StakeholderCredential | ServiceCredential | Delegation;

/** Who signs a credential. */
export interface Issuer {
  /** What the issuer's key signs with. */
  readonly use: SignatureUse;
  /** Id of the issuer's credential; of a root, which has none before, left out. */
  readonly id?: Uint8Array;
  readonly name: string;
}

/** The issuer whose credential this is. */
export function issuerOf({ key, id, subject }: Credential): Issuer {
  return { use: key.use, id, name: subject };
}

/** The COSE algorithm of a key. */
export function algorithmOf(use: SignatureUse): number {
  return use === "es256" ? CoseAlgorithm.es256 : CoseAlgorithm.eddsa;
}

/**
 * Takes a credential apart. Only its one form is accepted; nothing is verified.
 * @throws EbalanceError `malformed`
 */
export function parseCredential(bytes: Uint8Array, crypto: CryptoPort): Credential {
  if (bytes.length > maxCredentialBytes) return malformed(`credential of ${bytes.length} bytes, at most ${maxCredentialBytes} are accepted`);
  // Without the CBOR tag that readCose passes over.
  if (bytes[0] !== 0x84) return malformed("credential is not an array of 4");
  const message = readCose(bytes, "sign1");
  const issuerId = issuerIdOf(message);
  const { issuer, claims } = decodeClaims(message.payload);
  if ((claims.type === "root") !== (issuerId === undefined)) malformed("credential: a root has no issuer, all others have one");
  if (claims.type === "root" && issuer !== claims.subject) malformed("credential: a root is its own issuer");
  const hash = new Uint8Array(32);
  crypto.sha256(bytes, bytes.length, hash);
  const id = hash.slice(0, credentialIdBytes);
  return { ...claims, id, hash, bytes: bytes.slice(), issuerId: issuerId ?? id, issuer };
}

function issuerIdOf(message: CoseMessage): Uint8Array | undefined {
  const { protectedBytes, protectedHeaders, unprotectedHeaders, authenticator } = message;
  const id = coseKid(message);
  if (id && id.length !== credentialIdBytes) malformed(`credential: id of the issuer has ${id.length} bytes, not ${credentialIdBytes}`);
  const algorithm = protectedHeaders.get(1);
  if (algorithm !== CoseAlgorithm.es256 && algorithm !== CoseAlgorithm.eddsa) malformed("credential: the algorithm is neither ES256 nor EdDSA");
  if (unprotectedHeaders.size || !sameBytes(protectedBytes, protect(algorithm as number, id))) malformed("credential: the header holds something else than algorithm and issuer");
  if (authenticator.length !== signatureBytes) malformed(`credential: signature of ${authenticator.length} bytes, not ${signatureBytes}`);
  if (algorithm === CoseAlgorithm.es256 && !isLowS(authenticator)) malformed("credential: of the two signatures on P-256 that are equally valid, the one with the smaller s is accepted");
  return id;
}

/**
 * Makes a credential. Lists are sorted here.
 * @param issuerKey signs with `issuer.use`
 * @throws EbalanceError `bad-argument` for claims that no credential can have, `too-large` for those that make one that nobody accepts
 * @example
 * const root = makeCredential(crypto, rootKey, { use: "es256", name: "operator" }, { type: "root", subject: "operator", domain: "elm-street", key, epoch: 0, issuedS, expiresS: Infinity });
 */
export function makeCredential(crypto: CryptoPort & PublicKeyPort, issuerKey: KeyHandle, issuer: Issuer, claims: Claims): Uint8Array {
  const payload = encodeClaims(issuer.name, inOrder(claims), new Uint8Array(maxCredentialBytes - aroundClaimsBytes));
  const bytes = makeSign1(crypto, issuerKey, algorithmOf(issuer.use), issuer.id, payload, new Uint8Array(0));
  // It ends with the signature.
  if (issuer.use === "es256") toLowS(bytes.subarray(bytes.length - signatureBytes));
  try {
    parseCredential(bytes, crypto);
  } catch (error) {
    if (error instanceof EbalanceError && error.code === "malformed") badArgument(error.message);
    throw error;
  }
  return bytes;
}

function inOrder(claims: Claims): Claims {
  if (claims.type === "unit") return { ...claims, below: [...claims.below].sort(compareCodePoints) };
  if (claims.type !== "delegation") return claims;
  const { devices, variables } = claims;
  return { ...claims, ...(devices && { devices: [...devices].sort(compareCodePoints) }), ...(variables && { variables: [...variables].sort((a, b) => a - b) }) };
}

/**
 * Whether a delegation covers an access to a series. It says nothing of the policy of the series, which is asked as well.
 * @param right 1 read, 2 write
 */
export function covers({ rights, devices, variables }: Delegation, right: 1 | 2, series: { readonly variable: number; readonly device: string }): boolean {
  return (rights & right) !== 0 && (!devices || devices.includes(series.device)) && (!variables || variables.includes(series.variable));
}
