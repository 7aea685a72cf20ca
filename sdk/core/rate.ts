/** How much others may make a unit do: token buckets, one for all of them or one for each. */
import type { ClockPort } from "./ports";

export interface RateSettings {
  /** In the long run. */
  readonly perSecond: number;
  /** At once after a pause. */
  readonly burst: number;
}

/** One token bucket. */
export class Rate {
  /** When what was taken will have taken its time, on the monotonic clock. */
  #paidMs = -Infinity;

  constructor(
    private readonly clock: ClockPort,
    private readonly settings: RateSettings,
  ) {}

  get isFull(): boolean {
    return this.#paid() >= this.#paidMs;
  }

  /** @returns false where none is left; then none is taken */
  take(): boolean {
    const paidMs = Math.max(this.#paidMs, this.#paid()) + 1000 / this.settings.perSecond;
    if (paidMs > this.clock.monotonicMs()) return false;
    this.#paidMs = paidMs;
    return true;
  }

  /** Where the bucket stands that nobody has taken from. */
  #paid(): number {
    return this.clock.monotonicMs() - (this.settings.burst * 1000) / this.settings.perSecond;
  }
}

/** A token bucket for each of many. */
export class Rates {
  readonly #rates = new Map<string, Rate>();

  /** @param most buckets that are kept: above that, those that are full again are given up, or else the oldest */
  constructor(
    private readonly clock: ClockPort,
    private readonly settings: RateSettings,
    private readonly most = 2048,
  ) {}

  /** Takes a token of the bucket of `key`. @returns false where none is left */
  take(key: string): boolean {
    return (this.#rates.get(key) ?? this.#make(key)).take();
  }

  #make(key: string): Rate {
    if (this.#rates.size >= this.most) this.#giveUp();
    const rate = new Rate(this.clock, this.settings);
    this.#rates.set(key, rate);
    return rate;
  }

  #giveUp(): void {
    const before = this.#rates.size;
    this.#rates.forEach((rate, key) => rate.isFull && this.#rates.delete(key));
    if (this.#rates.size === before) this.#rates.delete(this.#rates.keys().next().value as string);
  }
}
