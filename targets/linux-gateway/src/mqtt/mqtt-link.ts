/**
 * A link over MQTT: bounds what waits for the peer, counts what is refused, and holds back acknowledgements until the store has what they acknowledge. How a message
 * is published, and what closing means, is the transport's.
 */
import { maxMessageBytes, type LinkPort } from "ebalance";
import type { Durability } from "../store/durability";
import { maxQueuedBytes, maxRefusedInARow } from "./bounds";

export interface LinkTransport {
  /** Gives one message to the unit. @returns whether it came from the peer of an open session */
  receive(message: Uint8Array, link: MqttLink): boolean;
  /** Publishes one message to the peer; `done` is called when this process no longer holds it. */
  publish(message: Uint8Array, done: () => void): void;
  /** The link has ended; told once. */
  closed(link: MqttLink, reason: string): void;
}

export class MqttLink implements LinkPort {
  #closed = false;
  #authentic = false;
  #refused = 0;
  #queuedBytes = 0;
  #unacknowledged = 0;

  constructor(
    readonly name: string,
    private readonly transport: LinkTransport,
    private readonly durability: Durability | undefined,
  ) {}

  /** Whether a message of an open session has come over it. */
  get isAuthentic(): boolean {
    return this.#authentic;
  }

  /** Messages taken whose acknowledgement waits for the store. */
  get unacknowledged(): number {
    return this.#unacknowledged;
  }

  send(message: Uint8Array): boolean {
    const { length } = message;
    if (this.#closed || this.#queuedBytes + length > maxQueuedBytes) return false;
    this.#queuedBytes += length;
    this.#afterCommit((kept) => kept && this.transport.publish(message, () => (this.#queuedBytes -= length)));
    return true;
  }

  /**
   * Takes a message of the peer's. `settled` is called once what the unit has kept of it is on disk (true: it can be acknowledged), or could not be kept (false: the
   * link is closed, so that the peer sends it again).
   */
  take(message: Uint8Array, settled: (kept: boolean) => void): void {
    if (this.#closed) return settled(false);
    const fits = message.length >= 1 && message.length <= maxMessageBytes;
    // The payload is a piece of what the socket has read: a plain view of it, as the core takes no Buffer.
    if (fits && this.transport.receive(new Uint8Array(message.buffer, message.byteOffset, message.length), this)) this.#heard();
    else this.refuse();
    this.#unacknowledged++;
    this.#afterCommit((kept) => {
      this.#unacknowledged--;
      settled(kept);
    });
  }

  /** Counts what the peer may not do; after 16 in a row the link is closed. */
  refuse(): void {
    if (++this.#refused >= maxRefusedInARow) this.close(`${maxRefusedInARow} messages refused in a row`);
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.transport.closed(this, reason);
  }

  #heard(): void {
    this.#authentic = true;
    this.#refused = 0;
  }

  #afterCommit(action: (kept: boolean) => void): void {
    if (!this.durability) return action(!this.#closed);
    this.durability.afterCommit((kept) => {
      if (!kept) this.close("what came over it could not be kept on disk");
      action(kept && !this.#closed);
    });
  }
}
