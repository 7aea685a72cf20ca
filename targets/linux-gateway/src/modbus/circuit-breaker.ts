/** Keeps a partner that does not answer from costing everybody else its timeouts. Knows only the time and what came of each request. */

const silentInARow = 3;
const firstPauseMs = 5000;
const lastPauseMs = 60_000;

export class CircuitBreaker {
  #silent = 0;
  #openUntilMs = -Infinity;
  #pauseMs = firstPauseMs;

  /** @param nowMs a clock that never runs backwards */
  constructor(private readonly nowMs: () => number) {}

  /** Milliseconds for which the partner is not to be asked; 0 when it may be. */
  get pauseLeftMs(): number {
    return Math.max(0, this.#openUntilMs - this.nowMs());
  }

  answered(): void {
    this.#silent = 0;
    this.#pauseMs = firstPauseMs;
  }

  /** After the third time in a row there is a pause; from then on one request tries it, and each that stays without an answer doubles the pause. */
  silent(): void {
    if (++this.#silent < silentInARow) return;
    this.#openUntilMs = this.nowMs() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, lastPauseMs);
  }
}
