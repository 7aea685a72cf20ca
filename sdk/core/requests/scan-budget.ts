/** How many samples the queries of each neighbour may look at: one of them must not keep the unit from everybody else. */
import type { ClockPort } from "../ports";
import type { Subscriber } from "./subscriptions";

/** Samples in a second, and at once after a quiet time. */
const samplesPerS = 100_000;
const most = 200_000;

export class ScanBudget {
  readonly #left = new WeakMap<Subscriber, { samples: number; atMs: number }>();

  constructor(private readonly clock: ClockPort) {}

  /** Whether a query may begin; how much it looks at is known only afterwards. */
  allows(subscriber: Subscriber): boolean {
    return this.#of(subscriber).samples > 0;
  }

  spend(subscriber: Subscriber, samples: number): void {
    this.#of(subscriber).samples -= samples;
  }

  #of(subscriber: Subscriber): { samples: number } {
    const atMs = this.clock.monotonicMs();
    let left = this.#left.get(subscriber);
    if (!left) this.#left.set(subscriber, (left = { samples: most, atMs }));
    left.samples = Math.min(most, left.samples + ((atMs - left.atMs) * samplesPerS) / 1000);
    left.atMs = atMs;
    return left;
  }
}
