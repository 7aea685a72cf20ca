/** A stream of Node, a socket or a serial port, as the SDK takes it: its queue is bounded, and acknowledgements wait in it until the store has what they acknowledge. */
import type { Duplex } from "node:stream";
import type { ByteStream } from "ebalance";
import type { Durability } from "./store/durability";

export interface BoundedStreamOptions {
  /** Name for log lines. */
  readonly name: string;
  /** Bytes that may wait; beyond that the stream takes no more. */
  readonly maxQueuedBytes: number;
  readonly durability: Durability | undefined;
  /** Ends the stream; may be called twice. */
  readonly close: () => void;
}

export function boundedStream(stream: Duplex, { name, maxQueuedBytes, durability, close }: BoundedStreamOptions): ByteStream {
  let heldBytes = 0;
  const writeOnceKept = (bytes: Uint8Array) => {
    heldBytes += bytes.length;
    durability!.afterCommit((kept) => {
      heldBytes -= bytes.length;
      // What could not be kept must not be acknowledged: the peer asks again over another connection.
      if (!kept) close();
      else if (!stream.destroyed) stream.write(bytes);
    });
  };
  return {
    name,
    write(bytes) {
      if (stream.destroyed || stream.writableLength + heldBytes + bytes.length > maxQueuedBytes) return false;
      if (durability) writeOnceKept(bytes);
      else stream.write(bytes);
      return true;
    },
    close,
  };
}
