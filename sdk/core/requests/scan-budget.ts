/** How many samples the queries of each neighbour may look at: one of them must not keep the unit from everybody else. */
import type { ClockPort } from "../ports";
import type { Subscriber } from "./subscriptions";

/** After a quiet time as much may be looked at at once as in this time. */
const burstMs = 2000;

export class ScanBudget {
  /** When what a neighbour has looked at will have taken its time. */
  readonly #paidMs = new WeakMap<Subscriber, number>();

  constructor(
    private readonly clock: ClockPort,
    private readonly samplesPerS: number,
  ) {}

  /** Whether a query may begin; how much it looks at is known only afterwards. */
  allows(subscriber: Subscriber): boolean {
    return this.#paid(subscriber) < this.clock.monotonicMs();
  }

  spend(subscriber: Subscriber, samples: number): void {
    this.#paidMs.set(subscriber, this.#paid(subscriber) + (samples * 1000) / this.samplesPerS);
  }

  #paid(subscriber: Subscriber): number {
    return Math.max(this.#paidMs.get(subscriber) ?? -Infinity, this.clock.monotonicMs() - burstMs);
  }
}
