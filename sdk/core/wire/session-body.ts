/**
 * The bodies of session messages as the core handles them. On the wire names are a session's small integers, here they are the unit's ids.
 * Layout: session-message.cddl; to CBOR: write-body.ts; from CBOR: read-body.ts.
 */
import type { Condition, QueryFunctionCode, SeriesKey } from "../model/instance";
import type { NameId } from "../model/names";
import type { Policy } from "../model/policy";
import type { Registry, Value } from "../model/registry";
import type { ResultCode } from "../model/result";

export const Operation = Object.freeze({ write: 1, query: 2, event: 3, unsubscribe: 5, alive: 6, notify: 7 } as const);

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
export type WriteRequest = { readonly op: 1; readonly source: Source; readonly items: readonly Item[] };
export type QueryRequest = {
  readonly op: 2;
  readonly source: Source;
  readonly selector: SeriesKey;
  readonly condition: Condition;
  readonly function: QueryFunctionCode;
};
export type EventRequest = { readonly op: 3; readonly source: Source; readonly selector: SeriesKey; readonly condition: Condition };
export type UnsubscribeRequest = { readonly op: 5; readonly source: Source; readonly id: number };
export type Request = WriteRequest | QueryRequest | EventRequest | UnsubscribeRequest;
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
export type SessionBody = (Request | NotifyMessage | AliveMessage) & Head;

/** The list of names that both ends of a session hold, and the registry that gives values their types. */
export interface BodyContext {
  readonly registry: Registry;
  /** @throws EbalanceError `malformed` for an index that was not agreed */
  nameId(index: number): NameId;
  /** @throws EbalanceError `bad-argument` for a name that was not agreed */
  nameIndex(id: NameId): number;
}

export const maxItems = 16;
/** The largest sequence number and request id; before it is reached a session is opened anew. */
export const maxSequence = 0x3fffffff;
