/** The messages of the certified handshake, to and from bytes. Layout, and what the tags cover: handshake.cddl. It knows nothing of keys. */
import { malformed } from "../model/errors";
import * as cbor from "./cbor";
import { maxKid, wireVersion } from "./session-message";
import { nonceBytes } from "./opening";

/** ECDH and ECDSA on P-256, SHA-256: the number of the cipher suite in EDHOC, which takes the place of this handshake. */
export const handshakeSuite = 2;
export const handshakeTagBytes = 16;
export const credentialIdBytes = 8;
/** Most bytes of a whole message. */
export const maxHandshakeBytes = 40_000;

export const HandshakeKind = Object.freeze({ part: 0, hello: 1, answer: 2, open: 3, accept: 4, refusal: 5, unknown: 6 } as const);

/** Why a hello or an open is not accepted. */
export const HandshakeRefusal = Object.freeze({ version: 1, suite: 2, unknownCredential: 3, notTrusted: 4, notParent: 5, held: 6, busy: 7 } as const);
export type HandshakeRefusalName = keyof typeof HandshakeRefusal;
const refusals = Object.freeze(["version", "suite", "unknownCredential", "notTrusted", "notParent", "held", "busy"] as const) as readonly HandshakeRefusalName[];

export interface Hello {
  readonly kind: typeof HandshakeKind.hello;
  readonly version: number;
  /** 0 where the version is another: nothing more is known of it. */
  readonly suite: number;
  readonly nonce: Uint8Array;
  /** The id of a credential, or the credential. */
  readonly credential: Uint8Array;
}
export interface Answer extends Omit<Hello, "kind"> {
  readonly kind: typeof HandshakeKind.answer;
  readonly kid: number;
  readonly tag: Uint8Array;
  /** The message without its last item. */
  readonly covered: Uint8Array;
}
/** An open or an accept. */
export interface Sealed {
  readonly kind: typeof HandshakeKind.open | typeof HandshakeKind.accept;
  readonly kid: number;
  readonly body: Uint8Array;
  readonly tag: Uint8Array;
  /** The message without its last item. */
  readonly covered: Uint8Array;
}
export interface HandshakeRefused {
  readonly kind: typeof HandshakeKind.refusal;
  readonly reason: HandshakeRefusalName;
  readonly nonce: Uint8Array;
}
export interface UnknownSession {
  readonly kind: typeof HandshakeKind.unknown;
  readonly kid: number;
}
export type HandshakeMessage = Hello | Answer | Sealed | HandshakeRefused | UnknownSession;

/** Whether a message of a link belongs to a handshake: a session message begins with bytes. */
export function isHandshake(message: Uint8Array): boolean {
  return message.length > 1 && message[0]! >> 5 === cbor.Major.array && message[1]! >> 5 === cbor.Major.uint;
}

/** Room of all messages: it is made for each, since handshakes are rare. */
function written(length: number, write: () => void): Uint8Array {
  const room = new Uint8Array(length);
  cbor.startWriting(room);
  write();
  return room.slice(0, cbor.writePosition());
}

export function writeHello(nonce: Uint8Array, credential: Uint8Array): Uint8Array {
  return written(credential.length + 32, () => {
    cbor.writeHead(cbor.Major.array, 5);
    for (const item of [HandshakeKind.hello, wireVersion, handshakeSuite]) cbor.writeInteger(item);
    cbor.writeBytes(nonce);
    cbor.writeBytes(credential);
  });
}

/** The answer without its tag: see {@link withTag}. */
export function writeAnswer(nonce: Uint8Array, kid: number, credential: Uint8Array): Uint8Array {
  return written(credential.length + 40, () => {
    cbor.writeHead(cbor.Major.array, 7);
    for (const item of [HandshakeKind.answer, wireVersion, handshakeSuite]) cbor.writeInteger(item);
    cbor.writeBytes(nonce);
    cbor.writeInteger(kid);
    cbor.writeBytes(credential);
  });
}

/** An open or an accept without its tag. */
export function writeSealed(kind: Sealed["kind"], kid: number, body: Uint8Array): Uint8Array {
  return written(body.length + 12, () => {
    cbor.writeHead(cbor.Major.array, 4);
    cbor.writeInteger(kind);
    cbor.writeInteger(kid);
    cbor.writeBytes(body);
  });
}

/** Puts the last item behind what it covers. */
export function withTag(covered: Uint8Array, tag: Uint8Array): Uint8Array {
  const message = new Uint8Array(covered.length + 1 + handshakeTagBytes);
  message.set(covered);
  message[covered.length] = 0x40 | handshakeTagBytes;
  message.set(tag, covered.length + 1);
  return message;
}

export function writeRefusal(reason: HandshakeRefusalName, nonce: Uint8Array): Uint8Array {
  return written(32, () => {
    cbor.writeHead(cbor.Major.array, 3);
    cbor.writeInteger(HandshakeKind.refusal);
    cbor.writeInteger(HandshakeRefusal[reason]);
    cbor.writeBytes(nonce);
  });
}

export function writeUnknown(kid: number): Uint8Array {
  return written(8, () => {
    cbor.writeHead(cbor.Major.array, 2);
    cbor.writeInteger(HandshakeKind.unknown);
    cbor.writeInteger(kid);
  });
}

/**
 * Takes a message apart; what it says is not verified.
 * @throws EbalanceError `malformed` for what is no message of the handshake
 */
export function readHandshake(message: Uint8Array): HandshakeMessage {
  if (message.length > maxHandshakeBytes) malformed(`handshake message of ${message.length} bytes, at most ${maxHandshakeBytes}`);
  cbor.startReading(message);
  const count = cbor.readLength(cbor.Major.array, 23);
  const kind = cbor.readUint(HandshakeKind.unknown);
  if (kind === HandshakeKind.hello) return readHello(count);
  const items = kind === HandshakeKind.answer ? 7 : kind === HandshakeKind.refusal ? 3 : kind === HandshakeKind.unknown ? 2 : 4;
  if (count !== items || kind === HandshakeKind.part) malformed(`handshake message ${kind} of ${count} items`);
  const read = kind === HandshakeKind.answer ? readAnswer(message) : kind === HandshakeKind.refusal ? readRefusal() : kind === HandshakeKind.unknown ? { kind, kid: readKid() } : readSealed(kind as Sealed["kind"], message);
  cbor.readEnd();
  return read;
}

function readHello(count: number): Hello {
  const kind = HandshakeKind.hello;
  const version = cbor.readUint(0xffff);
  // Of another version nothing more is known.
  if (version !== wireVersion) return { kind, version, suite: 0, nonce: new Uint8Array(nonceBytes), credential: new Uint8Array(0) };
  if (count !== 5) malformed(`hello of ${count} items`);
  const hello = { kind, version, suite: cbor.readUint(0xffff), nonce: readExactly(nonceBytes), credential: readCredential() };
  cbor.readEnd();
  return hello;
}

function readAnswer(message: Uint8Array): Answer {
  const version = cbor.readUint(0xffff);
  const suite = cbor.readUint(0xffff);
  const nonce = readExactly(nonceBytes);
  const kid = readKid();
  const credential = readCredential();
  const covered = message.subarray(0, cbor.readPosition());
  return { kind: HandshakeKind.answer, version, suite, nonce, kid, credential, covered, tag: readExactly(handshakeTagBytes) };
}

function readSealed(kind: Sealed["kind"], message: Uint8Array): Sealed {
  const kid = readKid();
  const body = cbor.readBytesCopy(maxHandshakeBytes);
  const covered = message.subarray(0, cbor.readPosition());
  return { kind, kid, body, covered, tag: readExactly(handshakeTagBytes) };
}

function readRefusal(): HandshakeRefused {
  const reason = refusals[cbor.readUint(refusals.length) - 1] ?? malformed("refusal has no reason");
  return { kind: HandshakeKind.refusal, reason, nonce: readExactly(nonceBytes) };
}

function readKid(): number {
  return cbor.readUint(maxKid) || malformed("kid is 0");
}

function readCredential(): Uint8Array {
  const credential = cbor.readBytesCopy(maxHandshakeBytes);
  return credential.length >= credentialIdBytes ? credential : malformed(`credential of ${credential.length} bytes`);
}

function readExactly(length: number): Uint8Array {
  const bytes = cbor.readBytesCopy(length);
  return bytes.length === length ? bytes : malformed(`${bytes.length} bytes, not ${length}`);
}
