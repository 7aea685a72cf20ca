/** Messages of the handshake that are longer than one that a link takes go in parts: `[0, index, count, bytes]`. */
import { badArgument, malformed } from "../model/errors";
import * as cbor from "./cbor";
import { HandshakeKind, maxHandshakeBytes } from "./handshake-message";
import { maxMessageBytes } from "./session-message";

const partBytes = 1000;
const maxParts = maxHandshakeBytes / partBytes;
const headBytes = 9;

/** The messages of a link that carry a message of the handshake. @throws EbalanceError `bad-argument` for one that is too long to be sent */
export function inParts(message: Uint8Array): Uint8Array[] {
  if (message.length <= maxMessageBytes) return [message];
  if (message.length > maxHandshakeBytes) badArgument(`handshake message of ${message.length} bytes, at most ${maxHandshakeBytes}: fewer delegations, or have the other end know the credentials beforehand`);
  const count = Math.ceil(message.length / partBytes);
  const parts: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const bytes = message.subarray(index * partBytes, (index + 1) * partBytes);
    const part = new Uint8Array(bytes.length + headBytes);
    cbor.startWriting(part);
    cbor.writeHead(cbor.Major.array, 4);
    for (const item of [HandshakeKind.part, index, count]) cbor.writeInteger(item);
    cbor.writeBytes(bytes);
    parts.push(part.slice(0, cbor.writePosition()));
  }
  return parts;
}

/** Puts together what comes over one link in parts, in their order. It holds one message. */
export class PartReader {
  #bytes = new Uint8Array(0);
  #next = 0;
  #count = 0;

  /**
   * @returns the message that is whole now: the one handed in where it is no part; undefined where more parts are to come
   * @throws EbalanceError `malformed` for a part that does not follow the one before
   */
  push(message: Uint8Array): Uint8Array | undefined {
    if (message[1] !== HandshakeKind.part) return message;
    cbor.startReading(message);
    if (cbor.readLength(cbor.Major.array, 4) !== 4) malformed("part is not an array of four");
    cbor.readUint(HandshakeKind.part);
    const index = cbor.readUint(maxParts - 1);
    const count = cbor.readUint(maxParts);
    const bytes = cbor.readBytesCopy(partBytes);
    cbor.readEnd();
    const isLast = index === count - 1;
    if (count < 2 || index >= count || bytes.length === 0 || (!isLast && bytes.length !== partBytes)) malformed(`part ${index} of ${count} with ${bytes.length} bytes`);
    if (index === 0) this.#begin(count);
    if (index !== this.#next || count !== this.#count) {
      this.#begin(0);
      malformed(`part ${index} of ${count} does not follow the one before`);
    }
    const whole = new Uint8Array(this.#bytes.length + bytes.length);
    whole.set(this.#bytes);
    whole.set(bytes, this.#bytes.length);
    this.#bytes = whole;
    this.#next++;
    if (!isLast) return undefined;
    this.#begin(0);
    return whole[1] === HandshakeKind.part ? malformed("a part in parts") : whole;
  }

  #begin(count: number): void {
    this.#bytes = new Uint8Array(0);
    this.#next = 0;
    this.#count = count;
  }
}
