/**
 * The bodies of session messages as the core handles them. On the wire names are a session's small integers, here they are the unit's ids.
 * Layout: session-message.cddl; to CBOR: write-body.ts; from CBOR: read-body.ts.
 */
import type { Condition, QueryFunctionCode, SeriesKey } from "../model/instance";
import type { NameId } from "../model/names";
import type { Policy } from "../model/policy";
import type { Registry, Value } from "../model/registry";
import type { ResultCode } from "../model/result";

export const Operation = Object.freeze({ write: 1, query: 2, event: 3, periodic: 4, unsubscribe: 5, alive: 6, notify: 7, announce: 8 } as const);

/** Who asks: the device it comes from, the service that asks and the stakeholder it asks for (SP-1). */
export interface Source {
  readonly device: NameId;
  readonly service: NameId;
  readonly stakeholder: NameId;
}

/** An instance on the wire. */
export interface Item extends SeriesKey {
  readonly value: Value;
  readonly timeMs: number;
  /** The policy itself, its content hash, or undefined: the one in force. */
  readonly policy: Policy | Uint8Array | undefined;
}

interface Head {
  readonly sequence: number;
  /** Milliseconds since 1970, whole seconds; undefined where the sender's clock is not set. */
  readonly timeMs: number | undefined;
}
/** What all requests have. */
export interface Asked {
  readonly source: Source;
  /** How many units have passed the request on; undefined: none. */
  readonly hops?: number;
}
/** Where a series is looked at. */
interface Located {
  readonly selector: SeriesKey;
  /** The unit that is asked for its own copy of the series; undefined: the series' home. */
  readonly at?: NameId | undefined;
}
export type WriteRequest = Asked & { readonly op: 1; readonly items: readonly Item[] };
export type QueryRequest = Asked & Located & { readonly op: 2; readonly condition: Condition; readonly function: QueryFunctionCode };
export type EventRequest = Asked & Located & { readonly op: 3; readonly condition: Condition };
export type PeriodicRequest = Asked & Located & { readonly op: 4; readonly periodMs: number };
export type UnsubscribeRequest = Asked & { readonly op: 5; readonly id: number };
export type Request = WriteRequest | QueryRequest | EventRequest | PeriodicRequest | UnsubscribeRequest;
export type NotifyMessage = {
  readonly op: 7;
  /** The id of the request or subscription that this answers. */
  readonly id: number;
  readonly result: ResultCode;
  readonly items: readonly Item[];
  /** With `tooEarly`: time left until the delay has passed. */
  readonly retryAfterMs: number;
};
/** Says that the sender is there and holds the keys; the first message of each side. */
export type AliveMessage = { readonly op: 6 };
/** Says which units can be reached through the sender, besides itself. */
export type AnnounceMessage = { readonly op: 8; readonly units: readonly NameId[] };
export type SessionBody = (Request | NotifyMessage | AliveMessage | AnnounceMessage) & Head;

/** Whether a request stands until it ends: its outcome is followed by occurrences. */
export function isStanding(request: { readonly op: number }): boolean {
  return request.op === Operation.event || request.op === Operation.periodic;
}

/** The list of names that both ends of a session hold, and the registry that gives values their types. */
export interface BodyContext {
  /** Of it only what is public: types of a port must not depend on which bundle the class came with. */
  readonly registry: Pick<Registry, "byId">;
  /** The id of each name, in the order agreed. */
  readonly nameIds: readonly NameId[];
  /** @throws EbalanceError `malformed` for an index that was not agreed */
  nameId(index: number): NameId;
  /** @throws EbalanceError `bad-argument` for a name that was not agreed */
  nameIndex(id: NameId): number;
}

/** What reading needs of it, and what writing needs. */
export type ReadContext = Pick<BodyContext, "registry" | "nameId">;
export type WriteContext = Pick<BodyContext, "registry" | "nameIndex">;

export const maxItems = 16;
/** Units named in one announcement; more take several. */
export const maxAnnounced = 64;
/** A request is passed on by no more units than this: whatever goes round in a circle ends. */
export const maxHops = 7;
/** Longest period on the wire. */
export const maxPeriodMs = 0x7fffffff;
/** The largest sequence number and request id; before it is reached a session is opened anew. */
export const maxSequence = 0x3fffffff;
/** Times of messages, in seconds since 1970, end in the year 2106. */
export const maxTimeS = 0xffffffff;
