/** Counts what one peer sends in a second. */
import { maxMessagesPerS } from "./bounds";

const windowMs = 1000;

export class Rate {
  #startMs = -Infinity;
  #count = 0;

  /** Counts a message. @returns whether the peer has sent more than its share in this second */
  isOver(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#startMs >= windowMs) {
      this.#startMs = nowMs;
      this.#count = 0;
    }
    return ++this.#count > maxMessagesPerS;
  }

  /** Milliseconds until the next second begins. */
  restMs(): number {
    return Math.max(0, this.#startMs + windowMs - performance.now());
  }
}
