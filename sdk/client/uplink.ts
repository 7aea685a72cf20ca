/** The way up: keeps a link to the parent, and connects again after a pause when it is lost. */
import type { LinkConnector, LinkEvents, LinkPort, LogPort } from "../core/ports";
import type { LeafUnit } from "../core/leaf-unit";
import type { Driver, TimerHandle, TimerPort } from "./driver";

const firstRetryMs = 500;
const lastRetryMs = 30_000;

/** It hears the events of its link itself: there is one at a time, and the next is made once the last has told its end. */
export class Uplink implements LinkEvents {
  #link: LinkPort | undefined;
  #retryMs = firstRetryMs;
  #timer: TimerHandle | undefined;
  #closed = false;
  /** The link is up, and no session is open over it yet. */
  #isWaiting = false;
  /** Why the last link was lost, if no session was open since. */
  #told = "";

  constructor(
    private readonly driver: Driver<LeafUnit>,
    private readonly parent: string,
    private readonly connector: LinkConnector,
    private readonly timers: TimerPort,
    private readonly log: LogPort,
  ) {
    this.#connect();
  }

  /** The session over this link is open: the next loss is retried soon. */
  sessionOpened(): void {
    this.#isWaiting = false;
    this.#told = "";
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
    this.#link = this.connector(this);
  }

  up(): void {
    this.#isWaiting = true;
    this.driver.unit.linkUp(this.#link!, this.parent);
  }

  message(message: Uint8Array): boolean {
    return this.driver.receive(this.#link!, message);
  }

  /** The pause doubles with every failure, up to half a minute. */
  down(reason: string): void {
    const link = this.#link!;
    this.driver.unit.linkLost(link);
    if (this.#closed) return;
    const why = this.#isWaiting ? `${reason}, and no session was opened: the key is not known there, or another has this identity` : reason;
    // The first failure is worth a warning; the same again and again is not.
    this.log(why === this.#told ? "info" : "warning", `link to ${this.parent} over ${link.name} closed: ${why}; trying again in ${this.#retryMs} ms`);
    this.#told = why;
    this.#isWaiting = false;
    this.#timer = this.timers.after(this.#retryMs, () => this.#connect());
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }
}
