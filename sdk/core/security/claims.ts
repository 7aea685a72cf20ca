/** What a credential says, to and from the claims of a CWT (RFC 8392) with a key of proof of possession (RFC 8747). Layout: credential.cddl. */
import { sameBytes } from "../model/bytes";
import { malformed } from "../model/errors";
import { compareCodePoints, utf8Length } from "../model/utf8";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import type { SignatureUse } from "./crypto-port";

/** A key that signatures are verified with. */
export interface PublicKey {
  readonly use: SignatureUse;
  /** An uncompressed point of 65 bytes for "es256", 32 bytes for "ed25519". */
  readonly bytes: Uint8Array;
}

interface ClaimsOf<Type extends string> {
  readonly type: Type;
  /** Whom the credential is of: a name of 1 to 64 bytes, one name space for units, services and stakeholders. */
  readonly subject: string;
  /** The grid in which it counts: 1 to 64 bytes. */
  readonly domain: string;
  /** The subject's key. */
  readonly key: PublicKey;
  /** How often the subject has been enrolled anew, 0 to 2^30 - 1. A revocation list says the least that still counts. */
  readonly epoch: number;
  /** Seconds since 1970. */
  readonly issuedS: number;
  /** Seconds since 1970 from which on it does not count, above `issuedS`; Infinity: it does not expire. */
  readonly expiresS: number;
}

export type RootClaims = ClaimsOf<"root">;
export type StakeholderClaims = ClaimsOf<"stakeholder">;
/** A service with a key of its own. */
export type ServiceClaims = ClaimsOf<"service">;

export interface UnitClaims extends ClaimsOf<"unit"> {
  readonly role: "device" | "gateway";
  /** The stakeholder who owns the unit and what it measures. */
  readonly owner: string;
  /** The units it may join, in the order of preference. */
  readonly parents: readonly string[];
  /** The units that may be reached through it, sorted. */
  readonly below: readonly string[];
  /** For agreeing on secrets by ECDH: an uncompressed point of P-256, 65 bytes. */
  readonly agreementKey: Uint8Array;
}

/** A stakeholder lets a unit, the subject, act for it as a service. */
export interface DelegationClaims extends ClaimsOf<"delegation"> {
  readonly service: string;
  /** 1 read, 2 write, 3 both. */
  readonly rights: number;
  /** The devices whose series it may touch, sorted. Left out: all of the stakeholder's own and whatever others' policies grant it. */
  readonly devices?: readonly string[];
  /** Ids of the variables it may touch, sorted. Left out: all. */
  readonly variables?: readonly number[];
}

export type Claims = RootClaims | UnitClaims | StakeholderClaims | ServiceClaims | DelegationClaims;
export type CredentialType = Claims["type"];

/** Keys of the claims in the registry of CWT claims; `own` is one for private use. */
const Claim = Object.freeze({ issuer: 1, subject: 2, audience: 3, expires: 4, issued: 6, confirmation: 8, own: -65537 } as const);
/** Keys in the claim of our own. From 3 on by type. */
const Own = Object.freeze({ type: 1, epoch: 2, role: 3, owner: 4, parents: 5, below: 6, agreementKey: 7, service: 3, rights: 4, devices: 5, variables: 6 } as const);
/** Keys and values of a COSE_Key (RFC 9053, section 7). */
const Key = Object.freeze({ type: 1, curve: -1, x: -2, y: -3, okp: 1, ec2: 2, p256: 1, ed25519: 6 } as const);

/** Places are the numbers of the types, less one. */
const types: readonly CredentialType[] = Object.freeze(["root", "unit", "stakeholder", "service", "delegation"]);
const roles: readonly UnitClaims["role"][] = Object.freeze(["device", "gateway"]);

export const maxEpoch = 0x3fff_ffff;
/** The end of the year 9999. */
const maxTimeS = 253_402_300_799;
const maxVariable = 65_535;

type Fields = ReadonlyMap<number | string, CborValue>;

/** @param room scratch space that bounds the size */
export function encodeClaims(issuer: string, claims: Claims, room: Uint8Array): Uint8Array {
  const { subject, domain, key, issuedS, expiresS } = claims;
  const fields = new Map<number, CborValue>([
    [Claim.issuer, issuer],
    [Claim.subject, subject],
    [Claim.audience, domain],
  ]);
  if (expiresS !== Infinity) fields.set(Claim.expires, expiresS);
  fields.set(Claim.issued, issuedS);
  fields.set(Claim.confirmation, new Map([[1, coseKey(key)]]));
  fields.set(Claim.own, ownFields(claims));
  return encodeCbor(fields, room);
}

function coseKey({ use, bytes }: PublicKey): CborValue {
  if (use === "ed25519") return new Map<number, CborValue>([[Key.type, Key.okp], [Key.curve, Key.ed25519], [Key.x, bytes]]);
  return new Map<number, CborValue>([[Key.type, Key.ec2], [Key.curve, Key.p256], [Key.x, bytes.slice(1, 33)], [Key.y, bytes.slice(33)]]);
}

function ownFields(claims: Claims): CborValue {
  const own = new Map<number, CborValue>([[Own.type, types.indexOf(claims.type) + 1], [Own.epoch, claims.epoch]]);
  if (claims.type === "unit") {
    own.set(Own.role, roles.indexOf(claims.role) + 1).set(Own.owner, claims.owner);
    own.set(Own.parents, claims.parents).set(Own.below, claims.below).set(Own.agreementKey, claims.agreementKey);
  } else if (claims.type === "delegation") {
    own.set(Own.service, claims.service).set(Own.rights, claims.rights);
    if (claims.devices) own.set(Own.devices, claims.devices);
    if (claims.variables) own.set(Own.variables, claims.variables);
  }
  return own;
}

/** @throws EbalanceError `malformed` for whatever {@link encodeClaims} would not have made */
export function decodeClaims(payload: Uint8Array): { readonly issuer: string; readonly claims: Claims } {
  const fields = asFields(decodeCbor(payload), "claims");
  const own = asFields(fields.get(Claim.own), "claim -65537");
  const issuer = text(fields.get(Claim.issuer), "issuer");
  const type = types[uint(own.get(Own.type), types.length, "type") - 1] ?? wrong("type");
  const issuedS = uint(fields.get(Claim.issued), maxTimeS, "time of issue");
  const expiresS = fields.has(Claim.expires) ? uint(fields.get(Claim.expires), maxTimeS, "expiry") : Infinity;
  if (expiresS <= issuedS) wrong("expiry");
  const head = {
    subject: text(fields.get(Claim.subject), "subject"),
    domain: text(fields.get(Claim.audience), "domain"),
    key: asKey(asFields(asFields(fields.get(Claim.confirmation), "confirmation").get(1), "key")),
    epoch: uint(own.get(Own.epoch), maxEpoch, "epoch"),
    issuedS,
    expiresS,
  };
  const claims: Claims = type === "unit" ? { type, ...head, ...unitFields(own) } : type === "delegation" ? { type, ...head, ...delegationFields(own) } : { type, ...head };
  // Whatever was passed over so far, unknown fields and numbers in another form, shows here.
  if (!sameBytes(encodeClaims(issuer, claims, new Uint8Array(payload.length)), payload)) malformed("claims are not in their only form");
  return { issuer, claims };
}

function unitFields(own: Fields): Omit<UnitClaims, keyof ClaimsOf<"unit">> {
  const agreementKey = bytes(own.get(Own.agreementKey), 65, "agreement key");
  return {
    role: roles[uint(own.get(Own.role), roles.length, "role") - 1] ?? wrong("role"),
    owner: text(own.get(Own.owner), "owner"),
    parents: unique(list(own.get(Own.parents), "parents").map((name) => text(name, "parents"))),
    below: sorted(list(own.get(Own.below), "below").map((name) => text(name, "below")), compareCodePoints, "below"),
    agreementKey: agreementKey[0] === 4 ? agreementKey : wrong("agreement key"),
  };
}

function delegationFields(own: Fields): Omit<DelegationClaims, keyof ClaimsOf<"delegation">> {
  const rights = uint(own.get(Own.rights), 3, "rights");
  const devices = own.get(Own.devices);
  const variables = own.get(Own.variables);
  return {
    service: text(own.get(Own.service), "service"),
    rights: rights || wrong("rights"),
    ...(devices === undefined ? {} : { devices: sorted(list(devices, "devices").map((name) => text(name, "devices")), compareCodePoints, "devices") }),
    ...(variables === undefined ? {} : { variables: sorted(list(variables, "variables").map((id) => uint(id, maxVariable, "variables")), (a, b) => a - b, "variables") }),
  };
}

function asKey(key: Fields): PublicKey {
  const x = bytes(key.get(Key.x), 32, "key");
  if (key.get(Key.type) === Key.okp && key.get(Key.curve) === Key.ed25519) return { use: "ed25519", bytes: x };
  if (key.get(Key.type) !== Key.ec2 || key.get(Key.curve) !== Key.p256) return wrong("key");
  return { use: "es256", bytes: Uint8Array.of(4, ...x, ...bytes(key.get(Key.y), 32, "key")) };
}

function asFields(value: CborValue | undefined, what: string): Fields {
  return value instanceof Map ? (value as Fields) : wrong(what);
}

/** A name of 1 to 64 bytes. */
export function text(value: unknown, what: string): string {
  return typeof value === "string" && value !== "" && utf8Length(value) <= 64 ? value : wrong(what);
}

export function uint(value: unknown, most: number, what: string): number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most ? value : wrong(what);
}

function bytes(value: unknown, length: number, what: string): Uint8Array {
  return value instanceof Uint8Array && value.length === length ? value : wrong(what);
}

export function list(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : wrong(what);
}

export function sorted<T>(values: readonly T[], compare: (a: T, b: T) => number, what: string): readonly T[] {
  for (let i = 1; i < values.length; i++) if (compare(values[i - 1]!, values[i]!) >= 0) wrong(`order of ${what}`);
  return values;
}

function unique(parents: readonly string[]): readonly string[] {
  return new Set(parents).size === parents.length ? parents : wrong("parents");
}

function wrong(what: string): never {
  return malformed(`credential: ${what} is missing, or is not as it has to be`);
}
