/** The occurrences of one event subscription as an async iterator. */
import type { Outcome, Reading, Requested } from "./data-interface";

/** Occurrences that wait for a slow reader; beyond that the oldest is given up and counted. */
const maxWaiting = 256;

export class EventStream implements AsyncIterableIterator<Reading> {
  /** The id of the subscription. */
  readonly id: number;
  /** Resolves once: how the subscription was taken. */
  readonly accepted: Promise<Outcome>;
  /** Occurrences given up because the reader was too slow. */
  missed = 0;
  readonly #waiting: Reading[] = [];
  #reader: ((result: IteratorResult<Reading>) => void) | undefined;
  #outcome: Outcome | undefined;
  #ended = false;

  /**
   * @param subscribe makes the request; its notifications go to the callback
   * @param unsubscribe ends the subscription with this id
   */
  constructor(
    subscribe: (notify: (outcome: Outcome) => void) => number,
    private readonly unsubscribe: (id: number) => Requested<Outcome>,
  ) {
    let id = 0;
    this.accepted = new Promise((resolve) => {
      id = subscribe((outcome) => {
        if (!this.#outcome) {
          this.#outcome = outcome;
          resolve(outcome);
        }
        this.#take(outcome);
      });
    });
    this.id = id;
  }

  /** Why the stream ended, once it has: the result of the last notification. */
  get endedWith(): Outcome | undefined {
    return this.#ended ? this.#outcome : undefined;
  }

  #take(outcome: Outcome): void {
    if (this.#ended) return;
    if (outcome.result !== "done") {
      this.#outcome = outcome;
      return this.#end();
    }
    for (const reading of outcome.readings) {
      if (this.#reader) this.#answer({ value: reading, done: false });
      else if (this.#waiting.push(reading) > maxWaiting) {
        this.#waiting.shift();
        this.missed++;
      }
    }
  }

  #end(): void {
    this.#ended = true;
    this.#answer({ value: undefined, done: true });
  }

  #answer(result: IteratorResult<Reading>): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(result);
  }

  next(): Promise<IteratorResult<Reading>> {
    const reading = this.#waiting.shift();
    if (reading) return Promise.resolve({ value: reading, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.#answer({ value: undefined, done: true });
      this.#reader = resolve;
    });
  }

  /** Unsubscribes and ends the stream; leaving a `for await` loop calls it. */
  return(): Promise<IteratorResult<Reading>> {
    if (!this.#ended) {
      this.#end();
      void this.unsubscribe(this.id);
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
