/** The form of carry-v1.json, and what its messages are made from. Bytes are in hex. */
import { Result } from "../../sdk/core/model/result";
import { carryOperation } from "../../sdk/core/wire/carry-body";
import { Operation, type SessionBody } from "../../sdk/core/wire/session-body";
import { fromHex } from "../conformance/case";
import type { StatementFile } from "./signed-file";
import type { DerivedKey, EncryptedVector, MessageVector, RefusalVector, SessionInputs } from "./vector-file";

export interface CarryText {
  readonly op: "carry" | "notify" | "alive";
  readonly sequence: number;
  readonly timeMs?: number;
  readonly hops?: number;
  readonly id?: number;
  readonly nonce?: string;
  /** Name of a statement in statement-v1.json. */
  readonly statement?: string;
}

export interface CarryInputs extends Omit<SessionInputs, "bodies"> {
  readonly bodies: readonly { readonly name: string; readonly sender: string; readonly about: string; readonly body: CarryText }[];
}

export interface CarryFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly inputs: CarryInputs;
  readonly keys: { readonly open: DerivedKey; readonly toResponder: DerivedKey; readonly toInitiator: DerivedKey };
  /** The whole messages that open the session, of either protection. */
  readonly openings: { readonly open: string; readonly opened: string };
  readonly messages: readonly MessageVector[];
  /** The same bodies, where `protection` is `encrypt`. */
  readonly encrypted: { readonly keys: { readonly toResponder: DerivedKey; readonly toInitiator: DerivedKey }; readonly messages: readonly EncryptedVector[] };
  /** Of the first session. */
  readonly refusals: readonly RefusalVector[];
}

/** As the code has it. */
export function carriedFromText({ op, sequence, timeMs, hops, id, nonce, statement }: CarryText, statements: StatementFile["statements"]): SessionBody {
  const bytes = statement === undefined ? undefined : fromHex(statements.find(({ name }) => name === statement)!.message);
  const head = { sequence, timeMs };
  const told = { ...head, op: Operation.notify, id, items: [], retryAfterMs: 0 };
  const bodies = {
    alive: { ...head, op: Operation.alive },
    carry: bytes ? { ...head, op: carryOperation, hops, statement: bytes } : { ...head, op: carryOperation, id },
    notify: nonce === undefined ? { ...told, result: Result.done, ...(bytes && { statement: bytes }) } : { ...told, result: Result.notTrusted, nonce: fromHex(nonce) },
  };
  return bodies[op] as unknown as SessionBody;
}
