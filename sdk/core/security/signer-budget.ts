/**
 * How many signatures a unit verifies for each signer and each neighbour that brings its statements: whoever sends statements in somebody's name, genuine or not, has so much of its time and no more, and
 * takes nothing from what others bring of that signer.
 */
import type { ClockPort } from "../ports";

export interface BudgetSettings {
  /** Signatures verified for one credential, as one neighbour brings them, in a second, in the long run. */
  readonly perSecond: number;
  /** And at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** More than the signers that a store of credentials has. */
const maxBuckets = 2048;

/** A token bucket for each credential and neighbour. */
export class SignerBudget {
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    private readonly clock: ClockPort,
    private readonly settings: BudgetSettings,
  ) {}

  /** Takes a token of a credential that is known. @param from whoever brings the statement; "" is this unit. @returns false where none is left */
  take(signerId: Uint8Array, from: string): boolean {
    const key = `${from} ${signerId.join()}`;
    const nowMs = this.clock.monotonicMs();
    const bucket = this.#buckets.get(key) ?? this.#make(key, nowMs);
    bucket.tokens = this.#tokens(bucket, nowMs);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #tokens({ tokens, atMs }: Bucket, nowMs: number): number {
    const { perSecond, burst } = this.settings;
    return Math.min(burst, tokens + ((nowMs - atMs) / 1000) * perSecond);
  }

  #make(key: string, nowMs: number): Bucket {
    if (this.#buckets.size >= maxBuckets) this.#giveUp(nowMs);
    const bucket = { tokens: this.settings.burst, atMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  /** Gives up what is full again, or else the oldest. */
  #giveUp(nowMs: number): void {
    const before = this.#buckets.size;
    this.#buckets.forEach((bucket, key) => this.#tokens(bucket, nowMs) >= this.settings.burst && this.#buckets.delete(key));
    if (this.#buckets.size === before) this.#buckets.delete(this.#buckets.keys().next().value as string);
  }
}
