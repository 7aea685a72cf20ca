/**
 * What statements say. On the wire names are indexes into the statement's own list of names, here they are ids of the table that stands beside them. Layout: statement.cddl; to CBOR:
 * statement-body-write.ts; from CBOR: statement-body-read.ts.
 */
import type { Condition, QueryFunctionCode, SeriesKey } from "../model/instance";
import type { NameId, NameTexts } from "../model/names";
import type { Policy } from "../model/policy";
import { maxTimeS, type Item } from "./session-body";

/** The first five are the requests of the data interface, by the same numbers as in a session. */
export const StatementKind = Object.freeze({ write: 1, query: 2, event: 3, periodic: 4, unsubscribe: 5, data: 20, policy: 21, checkpoint: 22, revocation: 23, open: 24, answer: 25 } as const);
export type StatementKindCode = (typeof StatementKind)[keyof typeof StatementKind];

/** An instance in a statement: it always comes with its policy, or the hash of one that the receiver knows. */
export interface StatementItem extends Item {
  readonly policy: Policy | Uint8Array;
}

interface Head {
  /** What the ids of this body stand for. */
  readonly names: NameTexts;
  /** Milliseconds since 1970, whole seconds; undefined where the signer's clock is not set. Requests, data and checkpoints have it. */
  readonly timeMs: number | undefined;
  /** The unit that it is for, or the root of the part of the grid; undefined: the whole domain. */
  readonly scope?: string | undefined;
  /** Seconds since 1970: not to be accepted any more from then on; undefined: never. Requests have it. */
  readonly expiresS?: number | undefined;
}
interface Numbered extends Head {
  /** Rises with each statement under one credential, from 1. */
  readonly sequence: number;
}
interface Asked extends Numbered {
  readonly timeMs: number;
  readonly scope: string;
  readonly expiresS: number;
  /** What the receiver has demanded, to tell a request from a replay where it has nothing else to tell it by. */
  readonly nonce?: Uint8Array | undefined;
}
interface Located extends Asked {
  readonly selector: SeriesKey;
  /** The unit that is asked for its own copy of the series; undefined: the series' home. */
  readonly at?: NameId | undefined;
}
export interface WriteStatement extends Asked {
  readonly kind: 1;
  readonly items: readonly StatementItem[];
}
export interface QueryStatement extends Located {
  readonly kind: 2;
  readonly condition: Condition;
  readonly function: QueryFunctionCode;
}
export interface EventStatement extends Located {
  readonly kind: 3;
  readonly condition: Condition;
}
export interface PeriodicStatement extends Located {
  readonly kind: 4;
  readonly periodMs: number;
}
export interface UnsubscribeStatement extends Asked {
  readonly kind: 5;
  /** The sequence of the request that is ended. */
  readonly id: number;
}
/** A request to another unit: its scope is that unit, it expires, and it is accepted once. */
export type RequestStatement = WriteStatement | QueryStatement | EventStatement | PeriodicStatement | UnsubscribeStatement;

/** Data that leave their home unit: 1 to {@link maxStatementItems} instances. */
export interface DataStatement extends Numbered {
  readonly kind: 20;
  readonly timeMs: number;
  readonly items: readonly StatementItem[];
}

/** What a request to another unit has brought, for the unit that asked and nobody else: so it is no datum that a copy could be made of. Without items: it is carried out. Values may be calculated, and policies are hashes. */
export interface AnswerStatement extends Numbered {
  readonly kind: 25;
  readonly timeMs: number;
  readonly scope: string;
  readonly items: readonly StatementItem[];
  /** The sequence of the request, or of the subscription. */
  readonly id: number;
}

/** The policy of a stakeholder's series from here on. */
export interface PolicyStatement extends Numbered {
  readonly kind: 21;
  /** Variable 0: all of the device. The owner is the stakeholder. */
  readonly selector: SeriesKey;
  readonly policy: Policy;
}

/** What a device says of one of its series in a closed stretch of time. */
export interface SeriesDigest {
  readonly variable: number;
  readonly device: NameId;
  readonly count: number;
  /** 32 bytes over its samples: see checkpoint.ts. */
  readonly digest: Uint8Array;
}
export interface CheckpointStatement extends Numbered {
  readonly kind: 22;
  readonly timeMs: number;
  /** From this second on, and before that one. */
  readonly fromS: number;
  readonly toS: number;
  /** Ascending by device and variable, at most {@link maxStatementItems}. */
  readonly series: readonly SeriesDigest[];
}

/** Credentials of lower epochs do not hold any more. A list raises least epochs, and what an earlier one has raised stays raised. */
export interface RevocationStatement extends Numbered {
  readonly kind: 23;
  readonly epochs: readonly LeastEpoch[];
}
export interface LeastEpoch {
  /** The unit, stakeholder or service. */
  readonly subject: NameId;
  /** 0 to 2^30 - 1 */
  readonly leastEpoch: number;
}

/** Opens the session of a delegation with the unit that is its scope: fresh by the transcript of the handshake. */
export interface OpenStatement extends Head {
  readonly kind: 24;
  readonly scope: string;
  /** SHA-256 of the handshake so far, 32 bytes. */
  readonly transcript: Uint8Array;
}

export type StatementBody = RequestStatement | DataStatement | AnswerStatement | PolicyStatement | CheckpointStatement | RevocationStatement | OpenStatement;

export function isRequest(body: StatementBody): body is RequestStatement {
  return body.kind <= StatementKind.unsubscribe;
}

export const maxStatementItems = 64;
/** Times of instances, in milliseconds since 1970, end in the year 2106. */
export const maxTimeMs = maxTimeS * 1000 + 999;
/** Names of a statement besides those of its signer, and entries of a list of revocations. */
export const maxStatementNames = 512;
export const maxBodyBytes = 8192;
/** Of an echo nonce. */
export const echoBytes = 8;
export const transcriptBytes = 32;
export const digestBytes = 32;

/**
 * The names that a statement's signer implies, which its list does not repeat: stakeholder, device and service of a delegation, or the stakeholder alone. The index of each is that on the wire.
 */
export type ImpliedNames = readonly [stakeholder: string, device?: string | undefined, service?: string | undefined];
/** Index of the first name of a statement's own list. */
export const firstOwnName = 3;
