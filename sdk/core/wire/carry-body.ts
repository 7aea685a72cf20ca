/**
 * The bodies with which units take statements on to others (DI-10): apart from those of read-body.ts and write-body.ts, which stand on devices too. Layout: carry.cddl.
 */
import { malformed } from "../model/errors";
import { Result } from "../model/result";
import type { AeadPort, CryptoPort } from "../security/crypto-port";
import * as cbor from "./cbor";
import { encrypt, startPlaintext } from "./encrypted-message";
import type { SealPort } from "./reading-message";
import { maxHops, maxSequence, maxTimeS, Operation, type NotifyMessage, type SessionBody } from "./session-body";
import { echoBytes } from "./statement-body";
import { maxPayloadBytes, seal, startPayload, type Envelope, type MacContext } from "./session-message";

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
/** A notification that demands the request anew, with this nonce. */
export interface DemandNotify extends NotifyMessage {
  readonly nonce: Uint8Array;
}
interface Head {
  readonly sequence: number;
  readonly timeMs: number | undefined;
}
export type Carrying = CarryMessage | ForgetMessage | ProvenNotify | DemandNotify;
export type CarriedBody = Carrying & Head;

/** Whether a body is one of this file. */
export function isCarried(body: SessionBody | CarriedBody): body is CarriedBody {
  return body.op === carryOperation || "statement" in body || "nonce" in body;
}

/** Writes a body with the CBOR writer. */
export function writeCarried(body: CarriedBody): void {
  const statement = "statement" in body ? body.statement : undefined;
  const nonce = "nonce" in body ? body.nonce : undefined;
  const id = "id" in body ? body.id : 0;
  const hops = "hops" in body ? (body.hops ?? 0) : 0;
  cbor.writeHead(cbor.Major.map, 2 + (body.timeMs === undefined ? 0 : 1) + (id ? 1 : 0) + (hops ? 1 : 0) + (nonce ? 1 : 0) + (statement ? 1 : 0));
  writeEntry(1, body.op);
  writeEntry(3, body.sequence);
  if (body.timeMs !== undefined) writeEntry(4, body.timeMs / 1000);
  if (nonce) writeKeyed(8, nonce);
  if (id) writeEntry(9, id);
  if (hops) writeEntry(16, hops);
  if (statement) writeKeyed(19, statement);
}

function writeKeyed(key: number, bytes: Uint8Array): void {
  cbor.writeInteger(key);
  cbor.writeBytes(bytes);
}

function writeEntry(key: number, value: number): void {
  cbor.writeInteger(key);
  cbor.writeInteger(value);
}

/** Keys, bit 2^key. */
const [always, time, nonce, id, hops, statement] = [(1 << 1) | (1 << 3), 1 << 4, 1 << 8, 1 << 9, 1 << 16, 1 << 19];

/** Reads a body. @throws EbalanceError `malformed` naming what is wrong */
export function readCarried(bytes: Uint8Array, start: number, end: number): CarriedBody {
  cbor.startReading(bytes, start, end);
  const length = cbor.readLength(cbor.Major.map, 6);
  const values: number[] = [];
  let content: Uint8Array = new Uint8Array(0);
  let keys = 0;
  for (let i = 0; i < length; i++) {
    const key = cbor.readUint(19);
    if (keys >> key !== 0) malformed(`key ${key} is not above the one before it`);
    keys |= 1 << key;
    if (key === 8 || key === 19) content = readContent(key);
    else values[key] = readField(key);
  }
  cbor.readEnd();
  const head = { sequence: values[3]!, timeMs: values[4] === undefined ? undefined : values[4] * 1000 };
  const told = { op: Operation.notify, ...head, id: values[9]!, items: [], retryAfterMs: 0 } as const;
  const shape = keys & ~time;
  if (values[1] === Operation.notify && shape === (always | id | statement)) return { ...told, result: Result.done, statement: content };
  if (values[1] === Operation.notify && shape === (always | id | nonce)) return { ...told, result: Result.notTrusted, nonce: content };
  if (values[1] === carryOperation && shape === (always | id)) return { op: carryOperation, ...head, id: values[9]! };
  if (values[1] === carryOperation && (shape & ~hops) === (always | statement)) return { op: carryOperation, ...head, hops: values[16], statement: content };
  return malformed(`operation ${values[1]} with a statement has the wrong fields`);
}

/** A statement, or a nonce of its one length. */
function readContent(key: number): Uint8Array {
  const bytes = cbor.readBytesCopy(key === 8 ? echoBytes : maxCarriedBytes);
  return bytes.length === 0 || (key === 8 && bytes.length !== echoBytes) ? malformed(`key ${key} of ${bytes.length} bytes`) : bytes;
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

/**
 * A seal port that takes these bodies besides those that another takes.
 * @param crypto that of `inner`: where it encrypts, one that does too
 */
export function carryingSeal(inner: SealPort, crypto: CryptoPort): SealPort {
  const port = sendingSeal(inner, crypto);
  return { ...port, ...reading(inner), ...(port.encrypting && { encrypting: { ...port.encrypting, ...reading(inner.encrypting!) } }) };
}

/** The same for a unit that sends them, and takes none: a device. */
export function sendingSeal(inner: SealPort, crypto: CryptoPort): SealPort {
  const port = sending(inner, (context, body) => {
    startPayload();
    writeCarried(body);
    return seal(crypto, context);
  });
  const { encrypting } = inner;
  if (!encrypting) return port;
  const sealEncrypted = (context: MacContext, body: CarriedBody) => {
    startPlaintext();
    writeCarried(body);
    return encrypt(crypto as CryptoPort & AeadPort, context, body.sequence);
  };
  return { ...port, encrypting: sending(encrypting, sealEncrypted) };
}

function sending(inner: SealPort, sealCarried: (context: MacContext, body: CarriedBody) => Uint8Array): SealPort {
  return { ...inner, seal: (context, body, names) => (isCarried(body) ? sealCarried(context, body) : inner.seal(context, body, names)) };
}

function reading(inner: SealPort): Pick<SealPort, "read"> {
  return { read: (envelope, context) => inner.read(envelope, context) ?? carriedBody(envelope) };
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
