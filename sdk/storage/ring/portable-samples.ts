/** The sample port in TypeScript, over any flash: the twin of the native one. */
import type { FlashPort } from "../flash-port";
import type { SampleQuery } from "../store-port";
import { isStorageFailure } from "../../core/model/errors";
import { crc16 } from "../../core/wire/crc-16";
import { Sum, sumPlaces, Survey, type SamplePort, type Summing } from "./sample-port";
import { changeMark, encodeRecord, erased, headerBytes, recordLength, RecordType, recordTimeMs, wholeBytes } from "./sample-record";

const windowBytes = 512;

export class PortableSamples implements SamplePort {
  readonly #window = new Uint8Array(windowBytes);
  readonly #view = new DataView(this.#window.buffer);
  readonly #record = new Uint8Array(wholeBytes);
  readonly crc = crc16;

  constructor(private readonly flash: FlashPort) {}

  writeWhole(at: number, series: number, policy: number, timeMs: number, value: number): boolean {
    encodeRecord(this.#record, series, policy, timeMs, value);
    try {
      this.flash.program(at, this.#record, wholeBytes);
      return true;
    } catch (error) {
      if (isStorageFailure(error)) return false;
      throw error;
    }
  }

  find(at: number, end: number, series: number, out: Uint8Array): number {
    let found = -1;
    this.#walk(at, end, (place, offset) => {
      if (this.#window[place + 2] !== series) return true;
      out.set(this.#window.subarray(place, place + this.#window[place]!));
      found = offset;
      return false;
    });
    return found;
  }

  survey(at: number, end: number, found: Float64Array): number {
    found[Survey.fromMs] = Infinity;
    found[Survey.untilMs] = -Infinity;
    found[Survey.policies] = 0;
    found[Survey.changes] = 0;
    const stop = this.#walk(at, end, (place) => {
      this.#note(place, found);
      return true;
    });
    found[Survey.clean] = this.#isErased(stop, end) ? 1 : 0;
    return stop;
  }

  #note(place: number, found: Float64Array): void {
    const timeMs = recordTimeMs(this.#view, place);
    const series = this.#window[place + 2]!;
    if (series === changeMark) found[Survey.changes] = Math.max(found[Survey.changes]!, timeMs);
    if (series >= Survey.fromMs) return;
    found[series] = Math.max(found[series]!, timeMs);
    found[Survey.fromMs] = Math.min(found[Survey.fromMs]!, timeMs);
    found[Survey.untilMs] = Math.max(found[Survey.untilMs]!, timeMs);
    found[Survey.policies] = (found[Survey.policies]! | (1 << this.#window[place + 3]!)) >>> 0;
  }

  summing(query: SampleQuery): Summing {
    const sums = new Float64Array(sumPlaces);
    const add = (place: number) => {
      if (this.#window[place + 2] === query.series) addUp(this.#window, this.#view, place, query, sums);
      return true;
    };
    return { sums, add: (at, end) => void this.#walk(at, end, add) };
  }

  /** Visits the intact records of a range, with their places in the window and in flash, until it is told to end. @returns where they end */
  #walk(at: number, end: number, visit: (place: number, offset: number) => boolean): number {
    let base = at;
    for (;;) {
      const size = Math.min(windowBytes, end - base);
      this.flash.read(base, this.#window, size);
      let place = 0;
      for (let length = recordLength(this.#window, 0, size); length > 0; length = recordLength(this.#window, place, size)) {
        if (!visit(place, base + place)) return base + place;
        place += length;
      }
      if (place === 0) return base;
      base += place;
    }
  }

  #isErased(at: number, end: number): boolean {
    for (let base = at; base < end; base += windowBytes) {
      const size = Math.min(windowBytes, end - base);
      this.flash.read(base, this.#window, size);
      for (let i = 0; i < size; i++) if (this.#window[i] !== erased) return false;
    }
    return true;
  }
}

function addUp(bytes: Uint8Array, view: DataView, at: number, query: SampleQuery, sums: Float64Array): void {
  const timeMs = recordTimeMs(view, at);
  if (timeMs < query.fromMs || timeMs >= query.toMs) return;
  const policy = bytes[at + 3]!;
  sums[Sum.looked]!++;
  if (policy > 31 || ((query.policies >>> policy) & 1) === 0) {
    sums[Sum.hidden]!++;
    return;
  }
  const type = bytes[at + 1];
  const value = type === RecordType.whole ? view.getInt32(at + headerBytes, true) : type === RecordType.double ? view.getFloat64(at + headerBytes, true) : NaN;
  if (!(value >= query.least && value <= query.greatest)) return;
  const first = sums[Sum.count]!++ === 0;
  if (first) sums[Sum.pivot] = value;
  const difference = value - sums[Sum.pivot]!;
  sums[Sum.total]! += value;
  sums[Sum.squares]! += difference * difference;
  if (first || value < sums[Sum.minimum]!) put(sums, Sum.minimum, value, timeMs, policy);
  if (first || value > sums[Sum.maximum]!) put(sums, Sum.maximum, value, timeMs, policy);
  if (first || timeMs >= sums[Sum.lastMs]!) put(sums, Sum.last, value, timeMs, policy);
}

function put(sums: Float64Array, place: number, value: number, timeMs: number, policy: number): void {
  sums[place] = value;
  sums[place + 1] = timeMs;
  sums[place + 2] = policy;
}
