/** Readings in order, in arrays of numbers and not as objects: 18 bytes each, where an object takes ten slots. */
import type { Value } from "../core/model/registry";

export class ReadingQueue {
  readonly #variables: Uint16Array;
  /** Of each its time and its value, side by side: on a device an array more takes more than what it holds. */
  readonly #numbers: Float64Array;
  /** Values that are no numbers, by their places; NaN, which no reading is, stands there for them. Made when there is the first. */
  #others: Map<number, Value> | undefined;
  #first = 0;
  /** How many there are. A field and not a getter, which on XS costs ten times as much. */
  length = 0;

  constructor(readonly capacity: number) {
    this.#variables = new Uint16Array(capacity);
    this.#numbers = new Float64Array(2 * capacity);
  }

  /** Adds one at the end. There must be room. */
  push(variable: number, value: Value, timeMs: number): void {
    let place = this.#first + this.length++;
    if (place >= this.capacity) place -= this.capacity;
    this.#variables[place] = variable;
    this.#put(place, value, timeMs);
  }

  #put(place: number, value: Value, timeMs: number): void {
    const numbers = this.#numbers;
    numbers[2 * place] = timeMs;
    if (typeof value === "number") numbers[2 * place + 1] = value;
    else {
      numbers[2 * place + 1] = NaN;
      (this.#others ??= new Map<number, Value>()).set(place, value);
    }
  }

  /** Takes `count` away at the front. */
  drop(count: number): void {
    if (this.#others) for (let i = 0; i < count; i++) this.#others.delete(this.#place(i));
    this.#first = this.#place(count);
    this.length -= count;
  }

  /** Takes one away behind the first `index`. */
  dropAt(index: number): void {
    for (let i = index; i > 0; i--) {
      const [to, from] = [this.#place(i), this.#place(i - 1)];
      this.#variables[to] = this.#variables[from]!;
      this.#put(to, this.value(i - 1), this.timeMs(i - 1));
    }
    this.drop(1);
  }

  variable(index: number): number {
    return this.#variables[this.#place(index)]!;
  }

  value(index: number): Value {
    const place = this.#place(index);
    const number = this.#numbers[2 * place + 1]!;
    return number === number ? number : this.#others!.get(place)!;
  }

  timeMs(index: number): number {
    return this.#numbers[2 * this.#place(index)]!;
  }

  #place(index: number): number {
    const place = this.#first + index;
    return place < this.capacity ? place : place - this.capacity;
  }
}
