/**
 * Statements: what anybody can verify who holds the credential of the signer and those above it. COSE_Sign1 (RFC 9052, section 4.2):
 *
 *     statement = [protected: bstr .cbor {1: alg, 4: kid = id of the signer's credential}, {}, payload: bstr .cbor body, signature: bstr .size 64]
 *
 * The signature covers, in the external AAD, the domain, the scope and the whole hash of the credential. It may be another one under the same key for the same statement (ECDSA gives (r, n - s) for
 * (r, s)), so nothing may be told apart by it: see {@link statementHash}. Layout: statement.cddl.
 */
import { EbalanceError, malformed } from "../model/errors";
import type { CryptoPort, KeyHandle, PublicKeyPort, SignatureUse } from "../security/crypto-port";
import * as cbor from "./cbor";
import { encodeCbor } from "./cbor-value";
import { CoseAlgorithm, makeSign1, structureOf } from "./cose";
import type { ReadContext } from "./session-body";
import { wireVersion } from "./session-message";
import type { ImpliedNames, StatementBody } from "./statement-body";
import { readStatementBody } from "./statement-body-read";
import { encodeStatementBody } from "./statement-body-write";

export const maxStatementBytes = 8192;
/** Length of the id of a credential. */
export const signerIdBytes = 8;
const signatureBytes = 64;
/** {1: alg, 4: kid}, both algorithms of one byte. */
const protectedAt = 2;
const protectedBytes = 5 + signerIdBytes;

/** What a statement needs of the credential under which it is signed. */
export interface StatementSigner {
  readonly type: "root" | "unit" | "stakeholder" | "service" | "delegation";
  /** The first 8 bytes of its hash. */
  readonly id: Uint8Array;
  readonly hash: Uint8Array;
  readonly issuer: string;
  readonly subject: string;
  /** Of a delegation. */
  readonly service?: string;
  readonly key: { readonly use: SignatureUse };
}

/** A statement taken apart: shape and sizes are right, nothing is verified. */
export interface ParsedStatement {
  /** Id of the credential under which it claims to be signed. */
  readonly signerId: Uint8Array;
  /** The kind of key that it claims to be signed with. */
  readonly use: SignatureUse;
  readonly bytes: Uint8Array;
  /** The payload is bytes[start..end), the signature the last 64 bytes. */
  readonly start: number;
  readonly end: number;
}

/** The names that a statement of this signer does not repeat. */
export function impliedNames({ type, issuer, subject, service }: StatementSigner): ImpliedNames {
  return type === "delegation" ? [issuer, subject, service] : [subject];
}

/** Takes a statement apart without any cryptography. @throws EbalanceError `malformed` */
export function parseStatement(bytes: Uint8Array): ParsedStatement {
  if (bytes.length > maxStatementBytes) malformed(`statement of ${bytes.length} bytes, at most ${maxStatementBytes}`);
  cbor.startReading(bytes);
  if (cbor.readLength(cbor.Major.array, 4) !== 4) malformed("statement is not an array of four");
  if (cbor.readSpan(protectedBytes) !== protectedAt || cbor.readPosition() !== protectedAt + protectedBytes) malformed("protected header is not {1: algorithm, 4: id of a credential}");
  if (cbor.readLength(cbor.Major.map, 0) !== 0) malformed("statement has unprotected headers");
  const start = cbor.readSpan(maxStatementBytes);
  const end = cbor.readPosition();
  const signatureAt = cbor.readSpan(signatureBytes);
  cbor.readEnd();
  if (bytes.length - signatureAt !== signatureBytes) malformed(`signature of ${bytes.length - signatureAt} bytes, not ${signatureBytes}`);
  const { use, signerId } = readHeader(bytes);
  return { signerId, use, bytes, start, end };
}

function readHeader(bytes: Uint8Array): { use: SignatureUse; signerId: Uint8Array } {
  cbor.startReading(bytes, protectedAt, protectedAt + protectedBytes);
  if (cbor.readLength(cbor.Major.map, 2) !== 2 || cbor.readUint(1) !== 1) malformed("protected header is not {1: algorithm, 4: id of a credential}");
  const algorithm = cbor.readInteger();
  const use = algorithm === CoseAlgorithm.es256 ? "es256" : algorithm === CoseAlgorithm.eddsa ? "ed25519" : malformed(`algorithm ${algorithm} is neither ES256 nor EdDSA`);
  if (cbor.readUint(4) !== 4) malformed("protected header has no kid");
  const signerId = cbor.readBytesCopy(signerIdBytes);
  cbor.readEnd();
  return { use, signerId };
}

/**
 * What a statement says, if it is one of this signer, which its signature has to show.
 * @param registry gives the types of values
 * @throws EbalanceError `malformed`
 */
export function bodyOfStatement({ bytes, start, end }: ParsedStatement, signer: StatementSigner, registry: ReadContext["registry"]): StatementBody {
  return readStatementBody(bytes, start, end, impliedNames(signer), registry);
}

/** The bytes that the signature of a statement covers. @param scope of its body */
export function signedBytes({ bytes, start, end }: ParsedStatement, signer: StatementSigner, domain: string, scope: string | undefined): Uint8Array {
  return structureOf("sign1", bytes.subarray(protectedAt, protectedAt + protectedBytes), scopeOf(signer, domain, scope), bytes.subarray(start, end));
}

export function signatureOf({ bytes }: ParsedStatement): Uint8Array {
  return bytes.subarray(bytes.length - signatureBytes);
}

/** What a signature is bound to besides the statement. */
function scopeOf(signer: StatementSigner, domain: string, scope = ""): Uint8Array {
  return encodeCbor(["ebalance", wireVersion, domain, scope, "statement", signer.hash]);
}

/**
 * Signs a statement.
 * @param key the private key of the credential
 * @param registry gives the types of values
 * @throws EbalanceError `bad-argument` for what no statement can say, `too-large`
 * @example
 * const names = new Names();
 * const selector = { variable: 0, device: names.id("meter"), owner: names.id("customer") };
 * signStatement(crypto, key, customer, "street.example", { kind: StatementKind.policy, names, sequence: 1, timeMs, selector, policy }, registry);
 */
export function signStatement(crypto: PublicKeyPort, key: KeyHandle, signer: StatementSigner, domain: string, body: StatementBody, registry: ReadContext["registry"]): Uint8Array {
  const payload = encodeStatementBody(body, impliedNames(signer), registry);
  const algorithm = signer.key.use === "es256" ? CoseAlgorithm.es256 : CoseAlgorithm.eddsa;
  const statement = makeSign1(crypto, key, algorithm, signer.id, payload, scopeOf(signer, domain, body.scope));
  if (statement.length > maxStatementBytes) throw new EbalanceError("too-large", "caller", `statement of ${statement.length} bytes, at most ${maxStatementBytes}`);
  return statement;
}

/** What tells a statement from all others: SHA-256 of all but its signature, of which there may be several. 32 bytes. */
export function statementHash({ bytes, end }: ParsedStatement, crypto: CryptoPort): Uint8Array {
  const hash = new Uint8Array(32);
  crypto.sha256(bytes, end, hash);
  return hash;
}
