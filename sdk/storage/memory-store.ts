/** A store in memory: a ring of the newest samples for each series. Nothing survives a restart. */
import { badArgument } from "../core/model/errors";
import type { Value } from "../core/model/registry";
import { MemoryStatements } from "./memory-statements";
import { sameValue } from "./same-value";
import type { Appended, SampleVisitor, StorePort } from "./store-port";

interface Ring {
  readonly values: Value[];
  readonly timesMs: number[];
  readonly policies: number[];
  /** Where the oldest sample stands once the ring is full. */
  first: number;
}

export class MemoryStore implements StorePort {
  readonly statements: MemoryStatements;
  readonly #rings: Ring[] = [];
  readonly #capacity: number;

  /** @param samplesPerSeries how many samples each series keeps, 1 to 10,000,000; the oldest gives way */
  constructor(samplesPerSeries = 1024) {
    if (!Number.isInteger(samplesPerSeries) || samplesPerSeries < 1 || samplesPerSeries > 1e7)
      badArgument(`samplesPerSeries ${samplesPerSeries} is not a whole number from 1 to 10000000`);
    this.#capacity = samplesPerSeries;
    this.statements = new MemoryStatements(samplesPerSeries);
  }

  append(series: number, value: Value, timeMs: number, policy: number): Appended {
    while (this.#rings.length <= series) this.#rings.push({ values: [], timesMs: [], policies: [], first: 0 });
    const ring = this.#rings[series]!;
    let place = this.#lowerBound(ring, timeMs);
    for (; place < ring.values.length && this.#time(ring, place) === timeMs; place++)
      if (sameValue(ring.values[this.#slot(ring, place)]!, value)) return "known";
    if (place === 0 && ring.values.length === this.#capacity) return "tooOld";
    const isFull = ring.values.length === this.#capacity;
    this.#insert(ring, place, value, timeMs, policy);
    if (isFull) this.statements.giveUpBefore(series, this.#time(ring, 0));
    return "kept";
  }

  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void {
    const ring = this.#rings[series];
    if (!ring) return;
    for (let i = this.#lowerBound(ring, fromMs); i < ring.values.length && this.#time(ring, i) < toMs; i++) {
      const slot = this.#slot(ring, i);
      if (!visit(ring.values[slot]!, ring.timesMs[slot]!, ring.policies[slot]!)) return;
    }
  }

  newestMs(series: number): number {
    const ring = this.#rings[series];
    return ring?.values.length ? this.#time(ring, ring.values.length - 1) : -Infinity;
  }

  policiesInUse(use: (policy: number) => void): void {
    for (const ring of this.#rings) for (const policy of ring.policies) use(policy);
  }

  #slot(ring: Ring, i: number): number {
    const slot = ring.first + i;
    return slot < ring.values.length ? slot : slot - ring.values.length;
  }

  #time(ring: Ring, i: number): number {
    return ring.timesMs[this.#slot(ring, i)]!;
  }

  /** The place of the first sample at or after a time. New samples are the newest as a rule, so the end is looked at first. */
  #lowerBound(ring: Ring, timeMs: number): number {
    let high = ring.values.length;
    if (high === 0 || this.#time(ring, high - 1) < timeMs) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#time(ring, middle) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Puts a sample at a place in the order of time; a full ring gives up its oldest. */
  #insert(ring: Ring, place: number, value: Value, timeMs: number, policy: number): void {
    let target = place;
    if (ring.values.length < this.#capacity) {
      ring.values.push(value);
      ring.timesMs.push(timeMs);
      ring.policies.push(policy);
    } else {
      ring.first = (ring.first + 1) % this.#capacity;
      target--;
    }
    for (let i = ring.values.length - 1; i > target; i--) this.#copy(ring, this.#slot(ring, i - 1), this.#slot(ring, i));
    const slot = this.#slot(ring, target);
    ring.values[slot] = value;
    ring.timesMs[slot] = timeMs;
    ring.policies[slot] = policy;
  }

  #copy(ring: Ring, from: number, to: number): void {
    ring.values[to] = ring.values[from]!;
    ring.timesMs[to] = ring.timesMs[from]!;
    ring.policies[to] = ring.policies[from]!;
  }
}
