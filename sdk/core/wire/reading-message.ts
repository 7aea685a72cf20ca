/**
 * The session message that writes one whole number under a policy that the peer knows: what a sensor sends all day. All of it but five numbers stays the same from one to
 * the next, so it is made from a template. An answer with one whole number has the same layout. They are the same messages that `writeBody` and `seal` make.
 */
import type { CryptoPort, KeyHandle } from "../security/crypto-port";
import type { SessionIdentity } from "../security/session-config";
import * as cbor from "./cbor";
import { readBody } from "./read-body";
import { Operation, type BodyContext, type Item, type SessionBody, type Source } from "./session-body";
import { parseEnvelope, seal, startPayload, verify, type Envelope, type MacContext, type VerifyContext } from "./session-message";
import { writeBody, writeSource } from "./write-body";

/** What stays the same. */
export interface ReadingTemplate {
  /** CBOR before the sequence: the head of the map, the operation, the source, key 3. */
  readonly head: Uint8Array;
  /** CBOR after the time offset of the item: device, owner, policy hash. */
  readonly tail: Uint8Array;
}

/** Encodes and authenticates the message of a reading. */
export type SealReading = (sequence: number, timeS: number, variable: number, value: number, offsetMs: number) => Uint8Array;

/** Encodes and authenticates in one go, and verifies. Native in `targets/native/seal`; {@link portableSeal} is its twin. */
export interface SealPort {
  /**
   * Makes the function for one direction of a session and one template. Its parameters are all whole numbers: the sequence from 1 to 2^30 - 1, the time of the message in
   * seconds since 1970 from 0 to 2^32 - 1, the variable from 0 to 65535, value and offset (from the time of the message to that of the item, in milliseconds) between
   * -(2^53 - 1) and 2^53 - 1. It returns the whole message.
   */
  readingSealer(context: MacContext, template: ReadingTemplate): SealReading;
  /** Seals a body as {@link sealBody} does; undefined for one that it does not take. */
  seal(context: MacContext, body: SessionBody, names: BodyContext): Uint8Array | undefined;
  /** Whether the tag of an envelope was made under this context; in constant time. */
  verify(context: VerifyContext, envelope: Envelope): boolean;
  /** Takes an envelope apart as {@link parseEnvelope} does; undefined for what is none: it does not throw. */
  parse(message: Uint8Array): Envelope | undefined;
  /** Reads the body of an envelope as {@link readBody} does; undefined for one that it does not take, which may be good all the same: it does not throw. */
  read(envelope: Envelope, context: BodyContext): SessionBody | undefined;
  /** The port of sessions whose messages are encrypted. Left out: there can be none. */
  readonly encrypting?: SealPort;
  /** Derives the key of one direction of an opening for this port, and makes its context. Left out: it is one for Mac0. */
  deriveContext?(secret: KeyHandle, salt: Uint8Array, session: SessionIdentity, receiver: string): MacContext;
}

/** The seal port in TypeScript. */
export function portableSeal(crypto: CryptoPort): SealPort {
  return {
    readingSealer: (context, template) => (sequence, timeS, variable, value, offsetMs) => {
      startPayload();
      writeReading(template, sequence, timeS, variable, value, offsetMs);
      return seal(crypto, context);
    },
    seal: (context, body, names) => sealBody(crypto, context, body, names),
    verify: (context, envelope) => verify(crypto, context, envelope),
    parse: (message) => unlessRefused(() => parseEnvelope(message)),
    read: (envelope, context) => unlessRefused(() => readBody(envelope, context)),
  };
}

/** Writes the body that a template and five numbers make. */
export function writeReading({ head, tail }: ReadingTemplate, sequence: number, timeS: number, variable: number, value: number, offsetMs: number): void {
  cbor.writeRaw(head);
  cbor.writeInteger(sequence);
  cbor.writeInteger(4);
  cbor.writeInteger(timeS);
  cbor.writeInteger(5);
  cbor.writeHead(cbor.Major.array, 1);
  cbor.writeHead(cbor.Major.array, 6);
  cbor.writeInteger(variable);
  cbor.writeInteger(value);
  cbor.writeInteger(offsetMs);
  cbor.writeRaw(tail);
}

/** What `read` gives; undefined where it throws. */
export function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Encodes and authenticates any body. @throws EbalanceError `too-large` */
export function sealBody(crypto: CryptoPort, context: MacContext, body: SessionBody, names: BodyContext): Uint8Array {
  startPayload();
  writeBody(body, names);
  return seal(crypto, context);
}

/** Seals readings under the keys of one opening of a session; made by the session. */
export interface ReadingSealer {
  /** Sequence of the message that was sealed last. */
  readonly sequence: number;
  /** As {@link SealReading}; undefined once the session was opened anew, or must be. */
  seal(timeS: number, variable: number, value: number, offsetMs: number): Uint8Array | undefined;
}

/**
 * The template of the writes of one service, whose device and stakeholder are those of the series.
 * @param policy hash of a policy that the peer knows
 * @throws EbalanceError `bad-argument` for a name that was not agreed
 */
export function readingTemplate(context: BodyContext, source: Source, policy: Uint8Array): ReadingTemplate {
  const buffer = startTemplate(Operation.write);
  writeSource(source, context);
  cbor.writeInteger(3);
  const length = cbor.writePosition();
  cbor.writeInteger(context.nameIndex(source.device));
  cbor.writeInteger(context.nameIndex(source.stakeholder));
  cbor.writeBytes(policy);
  return { head: buffer.slice(0, length), tail: buffer.slice(length, cbor.writePosition()) };
}

/** An answer of one whole number under a policy that is named by its hash: a reading that is told. */
export type BriefAnswer = Answer & { readonly timeMs: number; readonly items: readonly [Item & { readonly value: number; readonly policy: Uint8Array }] };
type Answer = Extract<SessionBody, { readonly op: typeof Operation.notify }>;

export function isBrief(body: SessionBody, registry: BodyContext["registry"]): body is BriefAnswer {
  if (body.op !== Operation.notify || body.result || body.retryAfterMs || body.timeMs === undefined || body.items.length !== 1) return false;
  const { value, policy, variable } = body.items[0]!;
  return Number.isSafeInteger(value) && policy instanceof Uint8Array && registry.byId(variable)?.type !== "float";
}

/** The template of one answer. */
export function answerTemplate(context: BodyContext, { id, items: [{ device, owner, policy }] }: BriefAnswer): ReadingTemplate {
  const buffer = startTemplate(Operation.notify);
  cbor.writeInteger(3);
  const length = cbor.writePosition();
  cbor.writeInteger(context.nameIndex(device));
  cbor.writeInteger(context.nameIndex(owner));
  cbor.writeBytes(policy);
  cbor.writeInteger(9);
  cbor.writeInteger(id);
  return { head: buffer.subarray(0, length), tail: buffer.subarray(length, cbor.writePosition()) };
}

function startTemplate(op: SessionBody["op"]): Uint8Array {
  const buffer = new Uint8Array(64);
  cbor.startWriting(buffer);
  cbor.writeHead(cbor.Major.map, 5);
  cbor.writeInteger(1);
  cbor.writeInteger(op);
  return buffer;
}
