/**
 * The envelope of a session message that is encrypted: COSE_Encrypt0 (RFC 9052, section 5.2) with AES-CCM-16-64-128 (RFC 9053, section 4.2). It knows nothing of what the
 * plaintext says but its sequence.
 *
 *     message = [protected: bstr .cbor {4: kid, 6: partial IV}, {}, ciphertext: bstr]
 *
 * The partial IV is the sequence of the body. The nonce is that and nothing else, so a key must never see a sequence twice: it belongs to one direction of one opening, in which
 * sequences rise. As for Mac0 the algorithm is a property of the key and stands in the external AAD. Layout: session-message.cddl.
 */
import { EbalanceError, malformed } from "../model/errors";
import type { AeadPort, KeyHandle } from "../security/crypto-port";
import * as cbor from "./cbor";
import { maxSequence } from "./session-body";
import { encodeScope, maxMessageBytes, maxPayloadBytes, tagBytes, type Envelope, type MacContext, type VerifyContext } from "./session-message";

/** COSE algorithm AES-CCM-16-64-128. */
export const aesCcm16With64And128 = 10;
const nonceBytes = 13;
const mostIvBytes = 4;
/** Array of three, the text "Encrypt0": what an Enc_structure begins with. */
const structureHead: readonly number[] = Object.freeze([0x83, 0x68, 0x45, 0x6e, 0x63, 0x72, 0x79, 0x70, 0x74, 0x30]);

/**
 * What a direction needs to encrypt and decrypt. Its `head` is the protected header up to the partial IV, its `prefix` the external AAD as a byte string.
 * @param receiver id of the unit that the messages are for: a message for one unit is not decrypted at another
 */
export function encryptContext(key: KeyHandle, kid: number, domain: string, receiver: string): MacContext {
  const head = kid < 0x100 ? Uint8Array.of(0xa2, 4, 0x41, kid, 6) : Uint8Array.of(0xa2, 4, 0x42, kid >> 8, kid, 6);
  const aad = encodeScope(domain, receiver, "session", aesCcm16With64And128);
  const prefix = new Uint8Array(aad.length + 3);
  cbor.startWriting(prefix);
  cbor.writeBytes(aad);
  return { key, head, prefix: prefix.subarray(0, cbor.writePosition()) };
}

/** What is authenticated beside the ciphertext: the Enc_structure. @param header the protected header as a byte string */
function structureOf(header: Uint8Array, prefix: Uint8Array): Uint8Array {
  const structure = new Uint8Array(structureHead.length + header.length + prefix.length);
  structure.set(structureHead);
  structure.set(header, structureHead.length);
  structure.set(prefix, structureHead.length + header.length);
  return structure;
}

/** The sequence, after zeros. */
function nonceOf(sequence: number): Uint8Array {
  const nonce = new Uint8Array(nonceBytes);
  new DataView(nonce.buffer).setUint32(nonceBytes - mostIvBytes, sequence);
  return nonce;
}

/** Made at first use because a preloaded module's own buffers are frozen, and as large as the largest plaintext so far needed. */
let arena: Uint8Array | undefined;

/** Starts a plaintext: what is written with the CBOR writer from here to {@link encrypt} is the plaintext. */
export function startPlaintext(): void {
  cbor.startWriting((arena ??= new Uint8Array(256)), 0, maxMessageBytes);
}

/**
 * Ends the plaintext that {@link startPlaintext} began, encrypts it, and returns the message.
 * @param sequence that of the body; never before under this key
 * @throws EbalanceError `too-large`: then nothing was encrypted under the sequence
 */
export function encrypt(crypto: AeadPort, { key, head, prefix }: MacContext, sequence: number): Uint8Array {
  const plain = (arena = cbor.writtenBuffer());
  const length = cbor.writePosition();
  if (length > maxPayloadBytes) throw new EbalanceError("too-large", "caller", `payload of ${length} bytes, at most ${maxPayloadBytes}`);
  const nonce = nonceOf(sequence);
  const iv = nonce.subarray(nonceBytes - (sequence < 0x100 ? 1 : sequence < 0x10000 ? 2 : sequence < 0x1000000 ? 3 : mostIvBytes));
  const headerBytes = head.length + 1 + iv.length;
  const sealedBytes = length + tagBytes;
  const message = new Uint8Array(3 + headerBytes + (sealedBytes < 24 ? 1 : sealedBytes < 0x100 ? 2 : 3) + sealedBytes);
  cbor.startWriting(message);
  cbor.writeHead(cbor.Major.array, 3);
  cbor.writeHead(cbor.Major.bytes, headerBytes);
  cbor.writeRaw(head);
  cbor.writeBytes(iv);
  const header = message.subarray(1, cbor.writePosition());
  cbor.writeHead(cbor.Major.map, 0);
  cbor.writeHead(cbor.Major.bytes, sealedBytes);
  crypto.encrypt(key, nonce, structureOf(header, prefix), plain, length, message.subarray(cbor.writePosition()));
  return message;
}

/** A parsed envelope. Until it is decrypted its payload is empty, so that nothing reads ciphertext as a body; from then on `message` is the plaintext. */
export class EncryptedEnvelope implements Envelope {
  start = 0;
  end = 0;

  /**
   * @param sequence the partial IV
   * @param headerEnd where the protected header ends
   * @param sealedAt where the ciphertext begins
   */
  constructor(
    readonly kid: number,
    readonly sequence: number,
    public message: Uint8Array,
    readonly headerEnd: number,
    readonly sealedAt: number,
  ) {}
}

/** Whether a message has the first byte of an Encrypt0, an array of three. */
export function looksEncrypted(message: Uint8Array): boolean {
  return message[0] === structureHead[0];
}

/** Takes an envelope apart without any cryptography. @throws EbalanceError `malformed` */
export function parseEncrypted(message: Uint8Array): EncryptedEnvelope {
  const { length } = message;
  if (length > maxMessageBytes) malformed(`message of ${length} bytes, at most ${maxMessageBytes}`);
  cbor.startReading(message);
  if (cbor.readLength(cbor.Major.array, 3) !== 3) malformed("message is not an array of three");
  const headerAt = cbor.readSpan(11);
  const headerEnd = cbor.readPosition();
  if (cbor.readLength(cbor.Major.map, 0) !== 0) malformed("message has unprotected headers");
  const sealedAt = cbor.readSpan(maxPayloadBytes + tagBytes);
  cbor.readEnd();
  if (length - sealedAt < tagBytes) malformed(`ciphertext of ${length - sealedAt} bytes is shorter than its tag`);
  cbor.startReading(message, headerAt, headerEnd);
  if (cbor.readLength(cbor.Major.map, 2) !== 2 || cbor.readUint(4) !== 4) malformed("protected header is not {4: kid, 6: partial IV}");
  const kid = readNumber(message, 2);
  if (cbor.readUint(6) !== 6) malformed("protected header is not {4: kid, 6: partial IV}");
  const sequence = readNumber(message, mostIvBytes);
  cbor.readEnd();
  if (sequence > maxSequence) malformed(`partial IV ${sequence} is above ${maxSequence}`);
  return new EncryptedEnvelope(kid, sequence, message, headerEnd, sealedAt);
}

/** A number above zero as a byte string of its fewest bytes. */
function readNumber(message: Uint8Array, mostBytes: number): number {
  const at = cbor.readSpan(mostBytes);
  const end = cbor.readPosition();
  if (at === end || message[at] === 0) malformed("kid or partial IV is zero or not in its shortest form");
  let number = 0;
  for (let i = at; i < end; i++) number = number * 0x100 + message[i]!;
  return number;
}

/** Whether an envelope is authentic under this context and has the body of its sequence; then its payload is the plaintext. */
export function decrypt(crypto: AeadPort, { key, prefix }: VerifyContext, envelope: EncryptedEnvelope): boolean {
  const { message, sequence, headerEnd, sealedAt } = envelope;
  const sealed = message.subarray(sealedAt);
  const plain = new Uint8Array(sealed.length - tagBytes);
  if (!crypto.decrypt(key, nonceOf(sequence), structureOf(message.subarray(1, headerEnd), prefix), sealed, sealed.length, plain)) return false;
  if (sequenceOf(plain) !== sequence) return false;
  envelope.message = plain;
  envelope.end = plain.length;
  return true;
}

/** The sequence of a body, `{1: operation, ? 2: source, 3: sequence, …}`; 0 where it is not there. */
function sequenceOf(plain: Uint8Array): number {
  try {
    cbor.startReading(plain);
    cbor.readHead(cbor.Major.map);
    const first = cbor.readUint(1);
    cbor.readHead(cbor.Major.uint);
    let key = cbor.readUint(3);
    if (key === 2) {
      for (let left = cbor.readLength(cbor.Major.array, 3); left > 0; left--) cbor.readHead(cbor.Major.uint);
      key = cbor.readUint(3);
    }
    return first === 1 && key === 3 ? cbor.readUint(maxSequence) : 0;
  } catch {
    return 0;
  }
}
