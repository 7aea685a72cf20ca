/**
 * Messages over a serial line, where bytes are lost, changed and made up: a frame is
 *
 *     0x00, COBS(wire version u8, message, CRC-16 of both, big-endian), 0x00
 *
 * COBS (consistent overhead byte stuffing) takes every 0x00 out of what stands between the delimiters, for one byte in 254: wherever a reader comes in, the next 0x00 puts it
 * right, and the one at the head ends whatever noise stood before. The CRC keeps damage from being taken for an attack and costs little; what one time in 65,536 it does not find,
 * the tag of the message does. A frame without a message keeps the line alive. Native in `targets/native/serial`; this is its twin. It knows nothing of what the messages say.
 */
import { EbalanceError } from "../core/model/errors";
import { crc16 } from "../core/wire/crc-16";
import { maxMessageBytes, wireVersion } from "../core/wire/session-message";

const versionBytes = 1;
const crcBytes = 2;
const delimiter = 0;
/** A block of COBS: a code, and as many bytes as it says but one; after a full block stands no 0x00. */
const fullBlock = 0xff;

/** The frame of a message of at most {@link maxMessageBytes} bytes; one of none keeps the line alive. */
export function serialFrame(message: Uint8Array): Uint8Array {
  if (message.length > maxMessageBytes) throw new EbalanceError("too-large", "caller", `message of ${message.length} bytes, up to ${maxMessageBytes} fit a frame`);
  const crcAt = versionBytes + message.length;
  const content = new Uint8Array(crcAt + crcBytes);
  content[0] = wireVersion;
  content.set(message, versionBytes);
  const crc = crc16(content, 0, crcAt);
  content[crcAt] = crc >> 8;
  content[crcAt + 1] = crc;
  return stuffed(content);
}

/** Stuffs the bytes and sets a delimiter before and after. */
function stuffed(content: Uint8Array): Uint8Array {
  const codes = Math.floor(content.length / (fullBlock - 1)) + 1;
  const frame = new Uint8Array(1 + codes + content.length + 1);
  let codeAt = 1;
  let at = 2;
  for (let i = 0; i < content.length; i++) {
    const byte = content[i]!;
    if (byte !== delimiter) frame[at++] = byte;
    if (byte !== delimiter && at - codeAt < fullBlock) continue;
    frame[codeAt] = at - codeAt;
    codeAt = at++;
  }
  frame[codeAt] = at - codeAt;
  return frame.subarray(0, at + 1);
}

/** Takes messages out of what a line brings, in pieces of any size. Its buffer holds one frame and never grows; nothing that comes in can make it throw. */
export class SerialFrameReader {
  readonly #content = new Uint8Array(versionBytes + maxMessageBytes + crcBytes);
  #length = 0;
  /** Bytes until the next code. */
  #left = 0;
  /** A 0x00 stands before the next block. */
  #zero = false;
  #dropped = 0;

  /** @param onMessage gets each message, with no bytes where the frame only kept the line alive; the bytes are its own */
  constructor(private readonly onMessage: (message: Uint8Array) => void) {}

  /** Frames that were damaged, too long or of another wire version. */
  get dropped(): number {
    return this.#dropped;
  }

  push(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i++) this.#take(chunk[i]!);
  }

  #take(byte: number): void {
    if (byte === delimiter) return this.#end();
    if (this.#left > 0) {
      this.#left--;
      return this.#put(byte);
    }
    if (this.#zero) this.#put(delimiter);
    this.#left = byte - 1;
    this.#zero = byte !== fullBlock;
  }

  /** What is too long is counted and not kept. */
  #put(byte: number): void {
    if (this.#length < this.#content.length) this.#content[this.#length] = byte;
    this.#length++;
  }

  #end(): void {
    const isNothing = this.#length === 0 && this.#left === 0 && !this.#zero;
    const message = this.#left === 0 ? this.#message() : undefined;
    this.#length = this.#left = 0;
    this.#zero = false;
    if (message) this.onMessage(message);
    else if (!isNothing) this.#dropped++;
  }

  #message(): Uint8Array | undefined {
    const content = this.#content;
    const crcAt = this.#length - crcBytes;
    if (crcAt < versionBytes || this.#length > content.length) return undefined;
    if (crc16(content, 0, crcAt) !== ((content[crcAt]! << 8) | content[crcAt + 1]!) || content[0] !== wireVersion) return undefined;
    return content.slice(versionBytes, crcAt);
  }
}
