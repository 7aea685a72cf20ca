/** A link over any stream of bytes: TCP, a serial line, a pipe. The platform hands in the stream. */
import type { LinkConnector, LinkPort } from "../core/ports";
import { frame, FrameReader } from "./stream-framing";

/** What a platform's stream offers. */
export interface ByteStream {
  /** Name for log lines. */
  readonly name: string;
  /** Takes all of the bytes or none. @returns false where they do not fit the stream's bounded queue now */
  write(bytes: Uint8Array): boolean;
  /** Ends the stream; may be called twice. */
  close(): void;
}

/** Messages refused in a row after which a link is closed. */
const maxRefusedInARow = 16;

export class StreamLink implements LinkPort {
  readonly name: string;
  readonly #reader: FrameReader;
  #closed = false;
  #refused = 0;

  /**
   * @param onMessage gets each message that comes in, and says whether it came from the peer of an open session; after 16 in a row that did not,
   * the link is closed
   * @param onClose told once, when the stream has ended or was closed for a reason
   */
  constructor(
    private readonly stream: ByteStream,
    onMessage: (message: Uint8Array, link: StreamLink) => boolean,
    private readonly onClose: (link: StreamLink, reason: string) => void,
  ) {
    this.name = stream.name;
    this.#reader = new FrameReader((message) => {
      if (this.#closed) return;
      this.#refused = onMessage(message, this) ? 0 : this.#refused + 1;
      if (this.#refused >= maxRefusedInARow) this.close(`${maxRefusedInARow} messages refused in a row`);
    });
  }

  send(message: Uint8Array): boolean {
    return !this.#closed && this.stream.write(frame(message));
  }

  /** The platform calls this with what came in. What is no frame closes the link. */
  push(chunk: Uint8Array): void {
    if (this.#closed) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.close((error as Error).message);
    }
  }

  /** Ends the link; the platform calls this too when the stream has ended. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stream.close();
    this.onClose(this, reason);
  }
}

/**
 * Makes a stream. `onOpen` is called once it can be written to, `onData` with what comes in, and once with null and the reason when the stream has
 * ended or could not be made. Neither is called before the connector has returned.
 */
export type StreamConnector = (onOpen: () => void, onData: (chunk: Uint8Array | null, reason?: string) => void) => ByteStream;

/** Links to a parent over streams that a platform makes. */
export function overStreams(connect: StreamConnector): LinkConnector {
  return (events) => {
    const stream = connect(
      () => events.up(),
      (chunk, reason) => (chunk ? link.push(chunk) : link.close(reason ?? "ended")),
    );
    const link: StreamLink = new StreamLink(
      stream,
      (message) => events.message(message),
      (_link, reason) => events.down(reason),
    );
    return link;
  };
}
