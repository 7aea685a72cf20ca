/**
 * The bodies with which units take statements on to others (DI-10): apart from those of read-body.ts and write-body.ts, which stand on devices too. Layout: carry.cddl.
 */
import { malformed } from "../model/errors";
import { Result } from "../model/result";
import type { CryptoPort } from "../security/crypto-port";
import * as cbor from "./cbor";
import type { SealPort } from "./reading-message";
import { maxHops, maxSequence, maxTimeS, Operation, type NotifyMessage, type SessionBody } from "./session-body";
import { maxPayloadBytes, seal, startPayload, type Envelope } from "./session-message";

/** The operation beside {@link Operation}. */
export const carryOperation = 9;
/** What the other fields of a body may take. */
export const maxCarriedBytes = maxPayloadBytes - 24;

/** Takes a statement on. */
export interface CarryMessage {
  readonly op: typeof carryOperation;
  readonly statement: Uint8Array;
  /** How many units have passed it on; undefined: none. */
  readonly hops?: number | undefined;
}
/** Whoever sent a carry waits for nothing more of it. */
export interface ForgetMessage {
  readonly op: typeof carryOperation;
  readonly id: number;
}
/** A notification whose items stand in a statement. */
export interface ProvenNotify extends NotifyMessage {
  readonly statement: Uint8Array;
}
interface Head {
  readonly sequence: number;
  readonly timeMs: number | undefined;
}
export type CarriedBody = (CarryMessage | ForgetMessage | ProvenNotify) & Head;

/** Whether a body is one of this file. */
export function isCarried(body: SessionBody | CarriedBody): body is CarriedBody {
  return body.op === carryOperation || "statement" in body;
}

/** Writes a body with the CBOR writer. */
export function writeCarried(body: CarriedBody): void {
  const statement = "statement" in body ? body.statement : undefined;
  const id = "id" in body ? body.id : 0;
  const hops = "hops" in body ? (body.hops ?? 0) : 0;
  cbor.writeHead(cbor.Major.map, 2 + (body.timeMs === undefined ? 0 : 1) + (id ? 1 : 0) + (hops ? 1 : 0) + (statement ? 1 : 0));
  writeEntry(1, body.op);
  writeEntry(3, body.sequence);
  if (body.timeMs !== undefined) writeEntry(4, body.timeMs / 1000);
  if (id) writeEntry(9, id);
  if (hops) writeEntry(16, hops);
  if (!statement) return;
  cbor.writeInteger(19);
  cbor.writeBytes(statement);
}

function writeEntry(key: number, value: number): void {
  cbor.writeInteger(key);
  cbor.writeInteger(value);
}

/** Keys, bit 2^key: of a carry and what it may have besides, of its end, of an answer. */
const [always, id, hops, statement] = [(1 << 1) | (1 << 3), 1 << 9, 1 << 16, 1 << 19];

/** Reads a body. @throws EbalanceError `malformed` naming what is wrong */
export function readCarried(bytes: Uint8Array, start: number, end: number): CarriedBody {
  cbor.startReading(bytes, start, end);
  const length = cbor.readLength(cbor.Major.map, 6);
  const values: number[] = [];
  let carried: Uint8Array | undefined;
  let keys = 0;
  for (let i = 0; i < length; i++) {
    const key = cbor.readUint(19);
    if (keys >> key !== 0) malformed(`key ${key} is not above the one before it`);
    keys |= 1 << key;
    if (key === 19) carried = cbor.readBytesCopy(maxCarriedBytes);
    else values[key] = readField(key);
  }
  cbor.readEnd();
  if (carried?.length === 0) malformed("a statement of no bytes");
  const head = { sequence: values[3]!, timeMs: values[4] === undefined ? undefined : values[4] * 1000 };
  const shape = keys & ~(1 << 4);
  if (values[1] === Operation.notify && shape === (always | id | statement)) return { op: Operation.notify, ...head, id: values[9]!, result: Result.done, items: [], retryAfterMs: 0, statement: carried! };
  if (values[1] === carryOperation && shape === (always | id)) return { op: carryOperation, ...head, id: values[9]! };
  if (values[1] === carryOperation && (shape & ~hops) === (always | statement)) return { op: carryOperation, ...head, hops: values[16], statement: carried! };
  return malformed(`operation ${values[1]} with a statement has the wrong fields`);
}

function readField(key: number): number {
  switch (key) {
    case 1:
      return cbor.readUint(carryOperation);
    case 4:
      return cbor.readUint(maxTimeS);
    case 3:
    case 9:
    case 16: {
      const value = cbor.readUint(key === 16 ? maxHops : maxSequence);
      return value || malformed(`key ${key} is 0`);
    }
    default:
      return malformed(`key ${key} is unknown here`);
  }
}

/** A seal port that takes these bodies besides those that another takes. */
export function carryingSeal(inner: SealPort, crypto: CryptoPort): SealPort {
  return {
    readingSealer: (context, template) => inner.readingSealer(context, template),
    seal: (context, body, names) => {
      if (!isCarried(body)) return inner.seal(context, body, names);
      startPayload();
      writeCarried(body);
      return seal(crypto, context);
    },
    verify: (context, envelope) => inner.verify(context, envelope),
    parse: (message) => inner.parse(message),
    read: (envelope, context) => inner.read(envelope, context) ?? carriedBody(envelope),
  };
}

/** As {@link SealPort.read}. */
function carriedBody({ message, start, end }: Envelope): SessionBody | undefined {
  try {
    // The core of a unit with others below it tells them from those of a session by what they are.
    return readCarried(message, start, end) as SessionBody;
  } catch {
    return undefined;
  }
}
