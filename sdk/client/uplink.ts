/** The way up: keeps a stream to the parent, and connects again after a pause when it is lost. */
import type { LogPort } from "../core/ports";
import { StreamLink, type ByteStream } from "../transports/stream-link";
import type { TimerHandle, TimerPort, UnitDriver } from "./driver";

/**
 * Makes a stream to the parent. `onOpen` is called once it can be written to, `onData` with what comes in, and once with null and the reason when
 * the stream has ended or could not be made. Neither is called before the connector has returned.
 */
export type StreamConnector = (onOpen: () => void, onData: (chunk: Uint8Array | null, reason?: string) => void) => ByteStream;

const firstRetryMs = 500;
const lastRetryMs = 30_000;

export class Uplink {
  #link: StreamLink | undefined;
  #retryMs = firstRetryMs;
  #timer: TimerHandle | undefined;
  #closed = false;
  #failures = 0;

  constructor(
    private readonly driver: UnitDriver,
    private readonly parent: string,
    private readonly connector: StreamConnector,
    private readonly timers: TimerPort,
    private readonly log: LogPort,
  ) {
    this.#connect();
  }

  /** The session over this link is open: the next loss is retried soon. */
  sessionOpened(): void {
    this.#failures = 0;
    this.#retryMs = firstRetryMs;
  }

  /** Gives the present stream up, because the parent does not answer, and makes another. */
  reconnect(reason: string): void {
    this.#link?.close(reason);
  }

  /** Ends the link for good. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#link?.close("closed");
  }

  #connect(): void {
    this.#timer = undefined;
    let link: StreamLink | undefined;
    const stream = this.connector(
      () => this.driver.unit.linkUp(link!, this.parent),
      (chunk, reason) => (chunk ? link!.push(chunk) : link!.close(reason ?? "ended")),
    );
    this.#link = link = new StreamLink(
      stream,
      (message, from) => this.driver.receive(from, message),
      (from, reason) => this.#lost(from, reason),
    );
  }

  /** The pause doubles with every failure, up to half a minute. */
  #lost(link: StreamLink, reason: string): void {
    this.driver.unit.linkLost(link);
    if (this.#closed) return;
    // The first failure is worth a warning; the same again and again is not.
    this.log(this.#failures++ ? "info" : "warning", `link to ${this.parent} over ${link.name} closed: ${reason}; trying again in ${this.#retryMs} ms`);
    this.#timer = this.timers.after(this.#retryMs, () => this.#connect());
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }
}
