/**
 * The envelope of a session message: COSE_Mac0 (RFC 9052, section 6.2) with HMAC-SHA-256 truncated to 64 bits. It knows nothing of what the
 * payload says.
 *
 *     message = [protected: bstr .cbor {4: kid}, {}, payload: bstr, tag: bstr .size 8]
 *
 * The algorithm is a property of the key and stands in the external AAD, so a message cannot choose it. Layout: session-message.cddl.
 */
import { EbalanceError, malformed } from "../model/errors";
import type { CryptoPort, KeyHandle } from "../security/crypto-port";
import * as cbor from "./cbor";

/** Version of the wire format. It is in the AAD of every message and in the header of every frame. */
export const wireVersion = 1;
/** COSE algorithm HMAC 256/64. */
const hmac256Truncated64 = 4;
export const tagBytes = 8;
export const maxMessageBytes = 1024;
/** Room that the envelope takes around a payload. */
export const envelopeBytes = 40;
export const maxPayloadBytes = maxMessageBytes - envelopeBytes;
export const maxKid = 0xffff;

export type MessageKind = "open" | "session";

/** What a direction of a session needs to verify: its key, and the constant head of every MAC computed under it. */
export interface VerifyContext {
  readonly key: KeyHandle;
  /** The bytes of the Mac_structure before the payload. */
  readonly prefix: Uint8Array;
}

/** What it needs to seal. */
export interface MacContext extends VerifyContext {
  /** The bytes of the message before the payload: array head, protected header, empty map. */
  readonly head: Uint8Array;
}

/** @param receiver id of the unit that the messages are for: a message for one unit does not verify at another */
export function macContext(key: KeyHandle, kid: number, domain: string, receiver: string, kind: MessageKind): MacContext {
  const protectedHeader = kid < 0x100 ? Uint8Array.of(0xa1, 4, 0x41, kid) : Uint8Array.of(0xa1, 4, 0x42, kid >> 8, kid);
  const aad = encodeScope(domain, receiver, kind, hmac256Truncated64);
  const buffer = scratch();
  cbor.startWriting(buffer);
  cbor.writeHead(cbor.Major.array, 4);
  cbor.writeBytes(protectedHeader);
  cbor.writeHead(cbor.Major.map, 0);
  const head = buffer.slice(0, cbor.writePosition());
  cbor.startWriting(buffer);
  cbor.writeHead(cbor.Major.array, 4);
  cbor.writeText("MAC0");
  cbor.writeBytes(protectedHeader);
  cbor.writeBytes(aad);
  return { key, head, prefix: buffer.slice(0, cbor.writePosition()) };
}

/** What a key or a tag is bound to: `["ebalance", wire version, …parts]`. Without `encodeCbor`, whose scratch space a device has no room for. */
export function encodeScope(...parts: (string | number)[]): Uint8Array {
  const buffer = scratch();
  cbor.startWriting(buffer);
  cbor.writeHead(cbor.Major.array, 2 + parts.length);
  cbor.writeText("ebalance");
  cbor.writeInteger(wireVersion);
  for (const part of parts) {
    if (typeof part === "string") cbor.writeText(part);
    else cbor.writeInteger(part);
  }
  return buffer.slice(0, cbor.writePosition());
}

/** Scratch space of this module, made at first use because a preloaded module's own buffers are frozen, and as large as the largest message so far needed. */
let arena: Uint8Array | undefined;
let tag: Uint8Array | undefined;
const payloadAt = 256;
const firstPayloadBytes = 256;

function scratch(payloadBytes = firstPayloadBytes): Uint8Array {
  if (!arena || arena.length < payloadAt + payloadBytes) arena = new Uint8Array(payloadAt + payloadBytes);
  return arena;
}

/** Starts a payload: what is written with the CBOR writer from here to {@link seal} is the payload. */
export function startPayload(): void {
  cbor.startWriting(scratch(), payloadAt, payloadAt + maxMessageBytes);
}

/** Ends the payload that {@link startPayload} began, authenticates it, and returns the message. */
export function seal(crypto: CryptoPort, context: MacContext): Uint8Array {
  const buffer = (arena = cbor.writtenBuffer());
  const length = cbor.writePosition() - payloadAt;
  if (length > maxPayloadBytes) throw new EbalanceError("too-large", "caller", `payload of ${length} bytes, at most ${maxPayloadBytes}`);
  const start = placePrefix(buffer, context, length);
  const computed = (tag ??= new Uint8Array(tagBytes));
  const structure = buffer.subarray(start, payloadAt + length);
  crypto.mac(context.key, structure, structure.length, computed);

  const { head, prefix } = context;
  const payload = buffer.subarray(start + prefix.length, payloadAt + length);
  const message = new Uint8Array(head.length + payload.length + 1 + tagBytes);
  message.set(head);
  message.set(payload, head.length);
  message[head.length + payload.length] = 0x40 | tagBytes;
  message.set(computed, head.length + payload.length + 1);
  return message;
}

/** Puts the prefix and the byte-string head of the payload right before it; returns where they begin. */
function placePrefix(buffer: Uint8Array, context: VerifyContext, length: number): number {
  const headLength = length < 24 ? 1 : length < 0x100 ? 2 : 3;
  const start = payloadAt - headLength - context.prefix.length;
  buffer.set(context.prefix, start);
  cbor.startWriting(buffer, payloadAt - headLength);
  cbor.writeHead(cbor.Major.bytes, length);
  return start;
}

/** A parsed envelope: where its parts stand in the message. No views of them, which on a device cost more than to read them. */
export interface Envelope {
  readonly kid: number;
  readonly message: Uint8Array;
  /** The payload is message[start..end), the tag the last {@link tagBytes} bytes. */
  readonly start: number;
  readonly end: number;
}

/** Takes an envelope apart without any cryptography. @throws EbalanceError `malformed` */
export function parseEnvelope(message: Uint8Array): Envelope {
  const { length } = message;
  if (length > maxMessageBytes) malformed(`message of ${length} bytes, at most ${maxMessageBytes}`);
  cbor.startReading(message);
  if (cbor.readLength(cbor.Major.array, 4) !== 4) malformed("message is not an array of four");
  const headerAt = cbor.readSpan(8);
  const headerEnd = cbor.readPosition();
  if (cbor.readLength(cbor.Major.map, 0) !== 0) malformed("message has unprotected headers");
  const start = cbor.readSpan(maxPayloadBytes);
  const end = cbor.readPosition();
  const tagAt = cbor.readSpan(tagBytes);
  cbor.readEnd();
  if (length - tagAt !== tagBytes) malformed(`tag of ${length - tagAt} bytes, not ${tagBytes}`);
  return { kid: readKid(message, headerAt, headerEnd), message, start, end };
}

function readKid(message: Uint8Array, start: number, end: number): number {
  cbor.startReading(message, start, end);
  if (cbor.readLength(cbor.Major.map, 1) !== 1 || cbor.readUint(4) !== 4) malformed("protected header is not {4: kid}");
  const at = cbor.readSpan(2);
  cbor.readEnd();
  if (at === end || message[at] === 0) malformed("kid is not 1 to 65535 in its shortest form");
  return end - at === 1 ? message[at]! : (message[at]! << 8) | message[at + 1]!;
}

/** Whether the tag of an envelope was made under this context. */
export function verify(crypto: CryptoPort, context: VerifyContext, envelope: Envelope): boolean {
  const payload = payloadOf(envelope);
  const buffer = scratch(payload.length);
  buffer.set(payload, payloadAt);
  const structure = buffer.subarray(placePrefix(buffer, context, payload.length), payloadAt + payload.length);
  return crypto.verifyMac(context.key, structure, structure.length, tagOf(envelope));
}

export function payloadOf({ message, start, end }: Envelope): Uint8Array {
  return message.subarray(start, end);
}

export function tagOf({ message }: Envelope): Uint8Array {
  return message.subarray(message.length - tagBytes);
}
