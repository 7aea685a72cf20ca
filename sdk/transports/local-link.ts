/** Two units in one process: a pair of links whose messages wait in bounded queues until `pump` hands them over. */
import type { LinkPort } from "../core/ports";

const maxQueued = 64;

/** One end of the pair. */
class LocalEnd implements LinkPort {
  readonly queue: Uint8Array[] = [];
  #closed = false;
  constructor(readonly name: string) {}

  close(): void {
    this.#closed = true;
    this.queue.length = 0;
  }

  send(message: Uint8Array): boolean {
    if (this.#closed || this.queue.length >= maxQueued) return false;
    this.queue.push(message);
    return true;
  }
}

/** Whoever takes messages: a management unit. */
export interface MessageTaker {
  receive(link: LinkPort, message: Uint8Array): boolean;
}

export class LocalLinkPair {
  readonly #a: LocalEnd;
  readonly #b: LocalEnd;

  constructor(
    private readonly unitA: MessageTaker,
    private readonly unitB: MessageTaker,
  ) {
    this.#a = new LocalEnd("local a");
    this.#b = new LocalEnd("local b");
  }

  /** The link that unit A sends into. */
  get a(): LinkPort {
    return this.#a;
  }

  /** The link that unit B sends into. */
  get b(): LinkPort {
    return this.#b;
  }

  /** Hands over what waits, answers included, until nothing waits. @returns how many messages were handed over */
  pump(): number {
    let count = 0;
    for (;;) {
      const toB = this.#a.queue.shift();
      if (toB) this.unitB.receive(this.#b, toB);
      const toA = this.#b.queue.shift();
      if (toA) this.unitA.receive(this.#a, toA);
      if (!toA && !toB) return count;
      count += (toA ? 1 : 0) + (toB ? 1 : 0);
    }
  }
}
