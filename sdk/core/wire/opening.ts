/** The two messages that open a session: `{1: 16, 13: nonce}`, answered by `{1: 17, 13: nonce, 14: nonce of the opening}`. */
import { malformed } from "../model/errors";
import * as cbor from "./cbor";
import type { Envelope } from "./session-message";

export const nonceBytes = 16;
const openOperation = 16;
const openedOperation = 17;

/** Writes an opening, or with `answered` the answer to one. */
export function writeOpening(nonce: Uint8Array, answered?: Uint8Array): void {
  cbor.writeHead(cbor.Major.map, answered ? 3 : 2);
  cbor.writeInteger(1);
  cbor.writeInteger(answered ? openedOperation : openOperation);
  cbor.writeInteger(13);
  cbor.writeBytes(nonce);
  if (!answered) return;
  cbor.writeInteger(14);
  cbor.writeBytes(answered);
}

/** An opening has operation 16 or 17. Read before anything is verified, only to know with which key to verify. */
export function isOpening({ message, start }: Envelope): boolean {
  const operation = message[start + 2];
  return (operation === openOperation || operation === openedOperation) && message[start + 1] === 1;
}

/** Whether an opening answers another, before anything is verified. */
export function isAnswer({ message, start }: Envelope): boolean {
  return message[start + 2] === openedOperation;
}

/** Reads `{1: 16, 13: nonce}` or `{1: 17, 13: nonce, 14: nonce}`. */
export function readOpening({ message, start, end }: Envelope): { nonce: Uint8Array; answered: Uint8Array | undefined } {
  cbor.startReading(message, start, end);
  const entries = cbor.readLength(cbor.Major.map, 3);
  if (cbor.readUint(1) !== 1) malformed("opening has no operation");
  const answers = cbor.readUint(openedOperation) === openedOperation;
  if (entries !== (answers ? 3 : 2)) malformed("opening has the wrong fields");
  const nonce = readNonce(13);
  const answered = answers ? readNonce(14) : undefined;
  cbor.readEnd();
  return { nonce, answered };
}

function readNonce(key: number): Uint8Array {
  if (cbor.readUint(14) !== key) malformed(`opening has no key ${key}`);
  const nonce = cbor.readBytesCopy(nonceBytes);
  return nonce.length === nonceBytes ? nonce : malformed(`nonce of ${nonce.length} bytes, not ${nonceBytes}`);
}
