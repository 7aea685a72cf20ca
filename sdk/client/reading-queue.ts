/** Readings in order, in arrays of their own and not as objects: 18 bytes and a slot each, where an object takes ten slots. */
import type { Value } from "../core/model/registry";

export class ReadingQueue {
  readonly #variables: Uint16Array;
  readonly #times: Float64Array;
  readonly #values: Value[];
  #first = 0;
  /** How many there are. A field and not a getter, which on XS costs ten times as much. */
  length = 0;

  constructor(readonly capacity: number) {
    this.#variables = new Uint16Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#values = new Array<Value>(capacity).fill(0);
  }

  /** Adds one at the end. There must be room. */
  push(variable: number, value: Value, timeMs: number): void {
    let place = this.#first + this.length++;
    if (place >= this.capacity) place -= this.capacity;
    this.#variables[place] = variable;
    this.#values[place] = value;
    this.#times[place] = timeMs;
  }

  /** Takes `count` away at the front. */
  drop(count: number): void {
    for (let i = 0; i < count; i++) this.#values[this.#place(i)] = 0;
    this.#first = this.#place(count);
    this.length -= count;
  }

  /** Takes one away behind the first `index`. */
  dropAt(index: number): void {
    for (let i = index; i > 0; i--) {
      const [to, from] = [this.#place(i), this.#place(i - 1)];
      this.#variables[to] = this.#variables[from]!;
      this.#values[to] = this.#values[from]!;
      this.#times[to] = this.#times[from]!;
    }
    this.drop(1);
  }

  variable(index: number): number {
    return this.#variables[this.#place(index)]!;
  }

  value(index: number): Value {
    return this.#values[this.#place(index)]!;
  }

  timeMs(index: number): number {
    return this.#times[this.#place(index)]!;
  }

  #place(index: number): number {
    const place = this.#first + index;
    return place < this.capacity ? place : place - this.capacity;
  }
}
