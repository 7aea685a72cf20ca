/** The notifications of one subscription, to events or periodic, as an async iterator. */
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
  readonly #readers: ((result: IteratorResult<Reading>) => void)[] = [];
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
    let accept: (outcome: Outcome) => void;
    this.accepted = new Promise((resolve) => (accept = resolve));
    this.id = subscribe((outcome) => {
      if (!this.#outcome) {
        this.#outcome = outcome;
        accept(outcome);
      }
      this.#take(outcome);
    });
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
      const reader = this.#readers.shift();
      if (reader) reader({ value: reading, done: false });
      else if (this.#waiting.push(reading) > maxWaiting) {
        this.#waiting.shift();
        this.missed++;
      }
    }
  }

  #end(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Reading>> {
    const reading = this.#waiting.shift();
    if (reading) return Promise.resolve({ value: reading, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => void this.#readers.push(resolve));
  }

  /** Unsubscribes and ends the stream; leaving a `for await` loop calls it. */
  return(): Promise<IteratorResult<Reading>> {
    if (!this.#ended) {
      this.#end();
      this.#waiting.length = 0;
      void this.unsubscribe(this.id);
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
