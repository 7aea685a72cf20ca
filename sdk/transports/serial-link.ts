/**
 * A link over a serial line (UART, RS-485 between two units, USB), at either end. A line neither connects nor ends when its other end does: short frames that keep it alive say
 * who is there. The platform hands in the line.
 */
import type { TimerHandle, TimerPort } from "../client/driver";
import type { LinkConnector, LinkEvents, LinkPort, LogPort } from "../core/ports";
import { serialFrame, SerialFrameReader } from "./serial-framing";
import type { StreamConnector } from "./stream-link";

/** What a platform's serial line offers: messages in frames of `serial-framing.ts`. */
export interface SerialLine {
  /** Name for log lines. */
  readonly name: string;
  /** Frames that came damaged, too long or of another wire version since the line was opened. */
  readonly dropped: number;
  /** Sends one message whole, or one of no bytes to keep the line alive; also before the line is open. @returns false where it does not fit the line's bounded queue now */
  send(message: Uint8Array): boolean;
  /** Ends the line; may be called twice. */
  close(): void;
}

/**
 * Opens a line. `onMessage` gets each message, of no bytes where a frame only keeps the line alive, and once null and the reason when the line is gone (unplugged) or could not be
 * opened. It is not called before the connector has returned.
 */
export type SerialConnector = (onMessage: (message: Uint8Array | null, reason?: string) => void) => SerialLine;

/** An end that has sent nothing for this time says that it is there. */
const keepAliveMs = 2000;
/** Periods without a frame after which the other end is gone: three may be lost. */
const goneAfter = 4;
/** Periods of waiting for the other end after which the log says so. */
const quietAfter = 15;

class SerialLink implements LinkPort {
  readonly name: string;
  readonly #line: SerialLine;
  #timer: TimerHandle;
  #closed = false;
  #up = false;
  /** Something was sent in this period. */
  #sent = false;
  /** Periods that have begun since a frame came. */
  #silent = 0;
  /** The log is told of dropped frames at 1, 10, 100 … */
  #tellDropped = 1;

  constructor(
    connect: SerialConnector,
    private readonly timers: TimerPort,
    private readonly log: LogPort,
    private readonly events: LinkEvents,
  ) {
    this.#line = connect((message, reason) => (message ? this.#take(message) : this.close(reason ?? "ended")));
    this.name = this.#line.name;
    this.#period();
  }

  send(message: Uint8Array): boolean {
    const sent = !this.#closed && this.#line.send(message);
    if (sent) this.#sent = true;
    return sent;
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.timers.cancel(this.#timer);
    this.#line.close();
    this.events.down(reason);
  }

  #sendAlive(): void {
    this.send(new Uint8Array(0));
  }

  #take(message: Uint8Array): void {
    if (this.#closed) return;
    this.#silent = 0;
    if (!this.#up) {
      this.#up = true;
      // The other end may be waiting too: it need not wait for the end of the period.
      this.#sendAlive();
      this.events.up();
    }
    if (message.length > 0 && !this.#closed) this.events.message(message);
  }

  #period(): void {
    this.#timer = this.timers.after(keepAliveMs, () => this.#period());
    if (!this.#sent) this.#sendAlive();
    this.#sent = false;
    this.#silent++;
    this.#tell();
    if (this.#up && this.#silent > goneAfter) this.close(`silent for ${(goneAfter * keepAliveMs) / 1000} s`);
  }

  #tell(): void {
    const { dropped } = this.#line;
    if (dropped >= this.#tellDropped) {
      this.log("info", `${this.name}: ${dropped} frames dropped: noise, another baud rate, or somebody else on the line`);
      while (dropped >= this.#tellDropped) this.#tellDropped *= 10;
    }
    if (!this.#up && this.#silent === quietAfter)
      this.log("warning", `${this.name}: nothing heard for ${(quietAfter * keepAliveMs) / 1000} s: is the other end on, its baud rate the same, RX wired to TX?`);
  }
}

/**
 * Links over serial lines that a platform opens. A link is up once the other end is heard, and down when it is silent for 8 s or the line is gone.
 * @param log of the platform: a line that stays quiet or noisy is worth a word
 */
export function overSerial(connect: SerialConnector, timers: TimerPort, log: LogPort): LinkConnector {
  return (events) => new SerialLink(connect, timers, log, events);
}

/** A serial line over bytes that a platform reads and writes, where it has no frames of its own. Before it is open, writes wait in its bounded queue. */
export function framed(connect: StreamConnector): SerialConnector {
  return (onMessage) => {
    const reader = new SerialFrameReader(onMessage);
    const stream = connect(
      () => {},
      (chunk, reason) => (chunk ? reader.push(chunk) : onMessage(null, reason)),
    );
    return {
      name: stream.name,
      get dropped() {
        return reader.dropped;
      },
      send: (message) => stream.write(serialFrame(message)),
      close: () => stream.close(),
    };
  };
}
