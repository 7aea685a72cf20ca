/** How often something happens: over the last whole seconds. */

const windowS = 5;

export class Rate {
  /** Counts of the seconds before the current one, oldest first, and of the current one at the end. */
  readonly #seconds: number[] = [];
  #second: number | undefined;

  add(count: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#seconds[this.#seconds.length - 1]! += count;
  }

  perS(nowMs: number): number {
    if (this.#second === undefined) return 0;
    this.#advance(nowMs);
    const whole = this.#seconds.slice(0, -1);
    return whole.length ? whole.reduce((sum, count) => sum + count, 0) / whole.length : 0;
  }

  /** A clock that was set back begins anew. */
  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (this.#second === undefined || second < this.#second) this.#seconds.splice(0, Infinity, 0);
    else for (let passed = Math.min(second - this.#second, windowS + 1); passed > 0; passed--) this.#seconds.push(0);
    this.#second = second;
    this.#seconds.splice(0, this.#seconds.length - (windowS + 1));
  }
}
