/**
 * Messages over a stream of bytes: each frame is one byte of wire version, the length of the message in two bytes (big-endian), the message.
 * It knows nothing of what the messages say.
 */
import { EbalanceError } from "../core/model/errors";
import { maxMessageBytes, wireVersion } from "../core/wire/session-message";

const headerBytes = 3;

/** The frame of a message of 1 to {@link maxMessageBytes} bytes. */
export function frame(message: Uint8Array): Uint8Array {
  if (message.length < 1 || message.length > maxMessageBytes)
    throw new EbalanceError("too-large", "caller", `message of ${message.length} bytes, from 1 to ${maxMessageBytes} fit a frame`);
  const bytes = new Uint8Array(headerBytes + message.length);
  bytes[0] = wireVersion;
  bytes[1] = message.length >> 8;
  bytes[2] = message.length;
  bytes.set(message, headerBytes);
  return bytes;
}

/** Takes messages out of a stream that arrives in pieces of any size. Its buffer holds one frame and never grows. */
export class FrameReader {
  readonly #buffer = new Uint8Array(headerBytes + maxMessageBytes);
  #filled = 0;

  /** @param onMessage gets each message; the bytes are its own */
  constructor(private readonly onMessage: (message: Uint8Array) => void) {}

  /** @throws EbalanceError `malformed` for what is no frame of this wire version: the stream cannot be read any further */
  push(chunk: Uint8Array): void {
    let taken = 0;
    while (taken < chunk.length) {
      const wanted = this.#wanted();
      const size = Math.min(wanted - this.#filled, chunk.length - taken);
      this.#buffer.set(chunk.subarray(taken, taken + size), this.#filled);
      this.#filled += size;
      taken += size;
      this.#checkHeader();
      if (this.#filled > headerBytes && this.#filled === this.#wanted()) {
        const message = this.#buffer.slice(headerBytes, this.#filled);
        this.#filled = 0;
        this.onMessage(message);
      }
    }
  }

  /** How many bytes the header, or the whole frame once its length is known, takes. */
  #wanted(): number {
    return this.#filled < headerBytes ? headerBytes : headerBytes + this.#length();
  }

  #length(): number {
    return (this.#buffer[1]! << 8) | this.#buffer[2]!;
  }

  #checkHeader(): void {
    if (this.#filled > 0 && this.#buffer[0] !== wireVersion)
      throw new EbalanceError("malformed", "peer", `wire version ${this.#buffer[0]}, this unit speaks ${wireVersion}`);
    if (this.#filled < headerBytes) return;
    if (this.#length() < 1 || this.#length() > maxMessageBytes)
      throw new EbalanceError("malformed", "peer", `frame of ${this.#length()} bytes, from 1 to ${maxMessageBytes} are accepted`);
  }
}
