/**
 * The handshake between two units with certified keys, until joining is built: an agreement (ECDH) between the keys in the two unit credentials, fresh by a nonce of either side, in which each
 * proves the agreed secret by a MAC and itself by a signature: a statement of kind open under each delegation that it acts under in the session, or under its unit credential where it has none.
 * So a stolen agreement key alone opens nothing. There is no forward secrecy: who has an agreement key later derives the sessions that it recorded. Messages and keys: handshake.cddl.
 *
 * What both ends share is here; certified-initiator.ts and certified-responder.ts are the two ends.
 */
import { sameBytes } from "../model/bytes";
import { EbalanceError, malformed } from "../model/errors";
import { Names } from "../model/names";
import type { Registry } from "../model/registry";
import { utf8Length } from "../model/utf8";
import { decodeCbor, encodeRecord, type CborValue } from "../wire/cbor-value";
import { credentialIdBytes, type HandshakeRefusalName } from "../wire/handshake-message";
import { bodyOfStatement, parseStatement, signatureOf, signedBytes, signStatement, type ParsedStatement } from "../wire/statement";
import { StatementKind } from "../wire/statement-body";
import type { CertificateStore } from "./certificate-store";
import type { Credential, Delegation, UnitCredential } from "./credential";
import type { CryptoPort, KeyHandle, PublicKeyPort } from "./crypto-port";
import { sha256 } from "./handshake-keys";
import type { Protection, SessionConfig, SessionSource } from "./session-config";

/** One unit, as an end of handshakes. The keys stay the caller's. */
export interface HandshakeParty {
  readonly crypto: CryptoPort & PublicKeyPort;
  /** Holds the unit's own credentials too, those of its delegations and of their issuers. */
  readonly store: CertificateStore;
  readonly registry: Registry;
  readonly credential: UnitCredential;
  /** The private key of the credential. */
  readonly signingKey: KeyHandle;
  /** The private key of its agreement key, for "ecdh-p256". */
  readonly agreementKey: KeyHandle;
  /** The delegations under which the unit makes requests in its sessions, at most 8, each with its private key. */
  readonly delegations: readonly OwnDelegation[];
  /** Names that the sessions are to carry besides those of the units, owners and delegations: of the grantees of policies. At most 64. */
  readonly names?: readonly string[];
  /** Whether the sessions are to be encrypted; they are, too, where the other end wants it. Default "mac". */
  readonly protection?: Protection;
}

/** Whether a number is free for a session of this unit. */
export type IsFree = (kid: number) => boolean;

/** A delegation to this unit, and the private key of its `cnf` key (RFC 8747), for the use that the credential names. */
export interface OwnDelegation {
  readonly credential: Delegation;
  readonly key: KeyHandle;
}

/** Why the other end cannot be taken in, in a word that it may be told. */
export class NotAccepted extends Error {
  constructor(
    readonly reason: HandshakeRefusalName,
    message: string,
  ) {
    super(message);
  }
}

const maxNames = 64;
const maxStatements = 8;
const maxCredentials = 16;
const Field = Object.freeze({ names: 20, statements: 21, credentials: 24, protection: 28 } as const);
/** Of field protection: no other value is sent. */
const encrypt = 2;

/** What an open or an accept says. */
export interface HandshakeBody {
  readonly names: readonly string[];
  readonly statements: readonly Uint8Array[];
  /** Each a credential or the id of one. */
  readonly credentials: readonly Uint8Array[];
  /** What the sender asks for: the session is encrypted if either does. */
  readonly protection: Protection;
}

export function encodeBody({ names, statements, credentials, protection }: HandshakeBody): Uint8Array {
  const body = new Map<number, CborValue>([
    [Field.names, names],
    [Field.statements, statements],
    [Field.credentials, credentials],
  ]);
  if (protection === "encrypt") body.set(Field.protection, encrypt);
  return encodeRecord(body);
}

/** @throws EbalanceError `malformed` */
export function decodeBody(bytes: Uint8Array): HandshakeBody {
  const body = decodeCbor(bytes);
  if (!(body instanceof Map)) return malformed("body of a handshake is not a map");
  const asked = body.get(Field.protection);
  if (body.size !== (asked === undefined ? 3 : 4) || (asked !== undefined && asked !== encrypt)) malformed("body of a handshake has a field that is none, or lacks one");
  const listOf = <Item>(field: number, least: number, most: number, isItem: (item: unknown) => boolean): readonly Item[] => {
    const list: unknown = body.get(field);
    return Array.isArray(list) && list.length >= least && list.length <= most && list.every(isItem) ? (list as Item[]) : malformed(`field ${field} of a handshake is missing, or is not as it has to be`);
  };
  const isName = (name: unknown) => typeof name === "string" && name !== "" && utf8Length(name) <= 64;
  const isBytes = (item: unknown) => item instanceof Uint8Array && item.length >= credentialIdBytes;
  const protection = asked === undefined ? "mac" : "encrypt";
  return { protection, names: listOf(Field.names, 0, maxNames, isName), statements: listOf(Field.statements, 1, maxStatements, isBytes), credentials: listOf(Field.credentials, 0, maxCredentials, isBytes) };
}

/** How a credential is named in a message. */
export function referTo({ id, bytes }: Credential, byValue: boolean): Uint8Array {
  return byValue ? bytes : id;
}

/** `th` of handshake.cddl. */
export function transcriptOf(crypto: CryptoPort, hello: Uint8Array, answer: Uint8Array, initiator: UnitCredential, responder: UnitCredential): Uint8Array {
  return sha256(crypto, hello, answer, initiator.hash, responder.hash);
}

/** What this end says once it has the keys: the delegations that it opens, each signed for this handshake. */
export function makeBody({ crypto, store, registry, credential, signingKey, delegations, names = [], protection = "mac" }: HandshakeParty, peer: UnitCredential, transcript: Uint8Array, byValue: boolean): Uint8Array {
  const signers: readonly { readonly credential: Delegation | UnitCredential; readonly key: KeyHandle }[] = delegations.length ? delegations : [{ credential, key: signingKey }];
  const body = { kind: StatementKind.open, names: new Names(), timeMs: undefined, scope: peer.subject, transcript };
  const statements = signers.map((signer) => signStatement(crypto, signer.key, signer.credential, store.domain, body, registry));
  const needed: Credential[] = [];
  for (const delegation of delegations)
    for (const one of [store.find(delegation.credential.issuerId), delegation.credential]) if (one && !needed.some(({ id }) => sameBytes(id, one.id))) needed.push(one);
  return encodeBody({ names, statements, credentials: needed.map((one) => referTo(one, byValue)), protection });
}

/**
 * The credential that a message names or brings.
 * @throws NotAccepted where it is not known, or does not hold
 */
export function takeCredential(store: CertificateStore, reference: Uint8Array): Credential {
  const credential = reference.length === credentialIdBytes ? store.find(reference) : added(store, reference);
  if (!credential) throw new NotAccepted("unknownCredential", "a credential that is not known here is named by its id");
  const problem = store.refusal(credential);
  if (problem !== undefined) throw new NotAccepted("notTrusted", problem);
  return credential;
}

function added(store: CertificateStore, bytes: Uint8Array): Credential {
  try {
    return store.add(bytes);
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    throw new NotAccepted("notTrusted", error.message);
  }
}

/** The credential of a unit, which is the newest of that unit that is known: one that was sold does not come back with an owner of before. @throws NotAccepted */
export function takeUnit(store: CertificateStore, reference: Uint8Array): UnitCredential {
  const credential = takeCredential(store, reference);
  if (credential.type !== "unit") return notTrusted(`the credential of ${credential.subject} is of a ${credential.type}, not of a unit`);
  const newest = store.unit(credential.subject) ?? credential;
  const isOlder = credential.epoch < newest.epoch || (credential.epoch === newest.epoch && credential.issuedS < newest.issuedS);
  return isOlder ? notTrusted(`the credential of ${credential.subject} is older than another of its that was seen: it is to use its newest`) : credential;
}

/**
 * Checks what the other end says once it has the keys, cheap things first.
 * @returns the delegations that it opens
 * @throws NotAccepted, EbalanceError `malformed`
 */
export function checkBody({ store, registry, credential: { subject: self } }: HandshakeParty, peer: UnitCredential, transcript: Uint8Array, body: HandshakeBody): readonly Delegation[] {
  for (const reference of body.credentials) takeCredential(store, reference);
  const statements = body.statements.map(parseStatement);
  const signers = statements.map(({ signerId, use }) => {
    const signer = takeCredential(store, signerId);
    const isTheirs = signer.type === "delegation" ? signer.subject === peer.subject : sameBytes(signer.id, peer.id);
    return isTheirs && signer.key.use === use ? signer : notTrusted(`${peer.subject} opens a session in the name of ${signer.subject}`);
  });
  if (new Set(signers).size !== signers.length) malformed("a delegation is opened twice");
  for (let i = 0; i < signers.length; i++) checkOpen(store, registry, statements[i]!, signers[i]!, self, transcript);
  return signers.filter((signer): signer is Delegation => signer.type === "delegation");
}

function checkOpen(store: CertificateStore, registry: Registry, statement: ParsedStatement, signer: Credential, self: string, transcript: Uint8Array): void {
  const body = bodyOfStatement(statement, signer, registry);
  if (body.kind !== StatementKind.open || body.scope !== self || !sameBytes(body.transcript, transcript)) notTrusted(`a statement of ${signer.subject} is not of kind open for ${self} in this handshake`);
  const signed = signedBytes(statement, signer, store.domain, body.scope);
  if (!store.verify(signer, signed, signed.length, signatureOf(statement))) notTrusted(`a statement is not signed by ${signer.subject}`);
}

function notTrusted(message: string): never {
  throw new NotAccepted("notTrusted", message);
}

/** What one end has brought into a session. */
export interface Brought {
  readonly unit: UnitCredential;
  readonly delegations: readonly Delegation[];
  readonly names: readonly string[];
  readonly protection?: Protection | undefined;
}

/** What this end brings. */
export function ownPart({ credential, delegations, names = [], protection }: HandshakeParty): Brought {
  return { unit: credential, delegations: delegations.map((one) => one.credential), names, protection };
}

/** What the other end brings, checked. @throws as {@link checkBody} */
export function partOf(party: HandshakeParty, peer: UnitCredential, transcript: Uint8Array, bytes: Uint8Array): Brought {
  const body = decodeBody(bytes);
  return { unit: peer, delegations: checkBody(party, peer, transcript, body), names: body.names, protection: body.protection };
}

/** What both ends have agreed on. @throws EbalanceError `bad-argument` where the credentials do not fit together */
export function agreedSession(kid: number, initiator: Brought, responder: Brought): SessionConfig {
  const [lower, upper] = [initiator.unit.subject, responder.unit.subject];
  const below = initiator.unit.below.filter((unit) => unit !== lower && unit !== upper);
  const opened = [...initiator.delegations, ...responder.delegations];
  const isEncrypted = initiator.protection === "encrypt" || responder.protection === "encrypt";
  const sources: SessionSource[] = [];
  for (const { subject: device, service, issuer: stakeholder } of opened)
    if (!sources.some((source) => source.device === device && source.service === service && source.stakeholder === stakeholder)) sources.push({ device, service, stakeholder });
  const names = new Set([lower, upper, initiator.unit.owner, ...below, ...opened.flatMap(({ service, issuer }) => [service, issuer]), ...initiator.names, ...responder.names]);
  return { kid, domain: initiator.unit.domain, initiator: lower, responder: upper, owner: initiator.unit.owner, names: [...names], sources, ...(below.length ? { below } : {}), ...(isEncrypted ? { protection: "encrypt" } : {}) };
}

/** When the first of the credentials expires that a session rests on. */
export function earliestExpiryS(store: CertificateStore, initiator: Brought, responder: Brought): number {
  let expiresS = Infinity;
  for (const credential of [initiator.unit, responder.unit, ...initiator.delegations, ...responder.delegations]) {
    expiresS = Math.min(expiresS, credential.expiresS, store.root.expiresS, store.find(credential.issuerId)?.expiresS ?? Infinity);
  }
  return expiresS;
}
