/**
 * The store of a device: a ring of flash sectors. Each sample is a record of its own, programmed when it is appended, so what was acknowledged survives a power cut; when the
 * ring is full the oldest sector gives way. Sectors are used in strict turn, so they wear alike; their order is that of their sequences, never of clocks. What was torn by a
 * power cut ends its sector. Series and policies stand in two sectors of their own (catalogue.ts).
 */
import { badArgument } from "../../core/model/errors";
import type { Value } from "../../core/model/registry";
import { isStorageFailure, type FlashPort } from "../flash-port";
import type { Appended, Catalogue, SampleQuery, SampleVisitor, StorePort, Summary } from "../store-port";
import { RingCatalogue } from "./catalogue";
import { encodeRecord, maxRecordBytes, portableSamples, recordLength, recordTimeMs, recordValue, Sum, type SampleCodec, type Summing } from "./sample-record";
import { catalogueSectors, readHeader, sectorHeaderBytes, writeHeader } from "./sector";

/** Sectors of samples: with fewer, the one that gives way would be too large a part of all. */
const leastSectors = 3;
const magic = 0x31_53_42_45; // "EBS1"
const windowBytes = 512;
/** Indexes of series and policies are kept in a byte; a policy must fit a bit of {@link SampleQuery.policies}. */
const maxIndex = 31;

export class RingStore implements StorePort {
  readonly catalogue: Catalogue;
  readonly #first = catalogueSectors;
  readonly #window = new Uint8Array(windowBytes);
  readonly #view = new DataView(this.#window.buffer);
  readonly #record = new Uint8Array(maxRecordBytes);
  /** The earliest and latest time in each sector. */
  readonly #fromMs: Float64Array;
  readonly #untilMs: Float64Array;
  /** The latest time of each series. */
  readonly #newestMs: number[] = [];
  /** Bit i: a sample was kept under policy i. */
  #policies = 0;
  /** The sector that is written, its sequence, and where the next record goes; a sector that is full or torn has its end there. */
  #head: number;
  #sequence = 0;
  #at: number;

  /**
   * @param codec native where the platform has one
   * @throws EbalanceError `bad-argument` for a partition that is too small, `storage-failed`
   */
  constructor(
    private readonly flash: FlashPort,
    private readonly codec: SampleCodec = portableSamples,
  ) {
    const { sectorCount } = flash;
    if (sectorCount < catalogueSectors + leastSectors) badArgument(`flash partition of ${sectorCount} sectors, ${catalogueSectors + leastSectors} at least`);
    this.#fromMs = new Float64Array(sectorCount).fill(Infinity);
    this.#untilMs = new Float64Array(sectorCount).fill(-Infinity);
    this.catalogue = new RingCatalogue(flash, codec);
    this.#head = sectorCount - 1;
    this.#at = flash.sectorBytes;
    this.#mount();
  }

  // ---- append -------------------------------------------------------------------------------------------------------------------------

  append(series: number, value: Value, timeMs: number, policy: number): Appended {
    if (series > maxIndex || policy > maxIndex) return "failed";
    const length = encodeRecord(this.codec, this.#record, series, policy, timeMs, value);
    // A sector that does not take it is left alone, and the next one tried.
    if (!length || !(this.#put(length) || this.#put(length))) return "failed";
    this.#note(this.#head, series, timeMs, policy);
    return "kept";
  }

  #put(length: number): boolean {
    const { flash } = this;
    try {
      if (this.#at + length > flash.sectorBytes) this.#turn();
      const at = this.#at;
      // Until it is known to be there, nothing else may be written behind it.
      this.#at = flash.sectorBytes;
      flash.program(this.#head * flash.sectorBytes + at, this.#record, length);
      this.#at = at + length;
      return true;
    } catch (error) {
      if (isStorageFailure(error)) return false;
      throw error;
    }
  }

  /** Takes the next sector in use; what it held gives way. */
  #turn(): void {
    const next = this.#after(this.#head);
    this.#head = next;
    this.#at = this.flash.sectorBytes;
    this.#fromMs[next] = Infinity;
    this.#untilMs[next] = -Infinity;
    this.flash.erase(next);
    writeHeader(this.flash, this.codec, next, magic, this.#sequence + 1);
    this.#sequence++;
    this.#at = sectorHeaderBytes;
  }

  #after(sector: number): number {
    return sector + 1 < this.flash.sectorCount ? sector + 1 : this.#first;
  }

  #note(sector: number, series: number, timeMs: number, policy: number): void {
    if (timeMs < this.#fromMs[sector]!) this.#fromMs[sector] = timeMs;
    if (timeMs > this.#untilMs[sector]!) this.#untilMs[sector] = timeMs;
    while (this.#newestMs.length <= series) this.#newestMs.push(-Infinity);
    if (timeMs > this.#newestMs[series]!) this.#newestMs[series] = timeMs;
    this.#policies |= 1 << policy;
  }

  // ---- mount --------------------------------------------------------------------------------------------------------------------------

  /** Finds the newest sector, and looks once through all that is kept. */
  #mount(): void {
    const { sectorCount, sectorBytes } = this.flash;
    for (let sector = this.#first; sector < sectorCount; sector++) {
      const sequence = readHeader(this.flash, this.codec, sector, magic);
      if (sequence === 0) continue;
      const end = this.#walk(sector, (at) => this.#note(sector, this.#window[at + 2]!, recordTimeMs(this.#view, at), this.#window[at + 3]! & maxIndex));
      if (sequence < this.#sequence) continue;
      this.#sequence = sequence;
      this.#head = sector;
      this.#at = this.#isErased(sector, end) ? end : sectorBytes;
    }
  }

  /** Visits the intact records of a sector, whose places are in the window. @returns where they end */
  #walk(sector: number, visit: (at: number, length: number) => boolean | void): number {
    const { flash, codec } = this;
    const bytes = this.#window;
    for (let base = sectorHeaderBytes; ; ) {
      const size = Math.min(windowBytes, flash.sectorBytes - base);
      flash.read(sector * flash.sectorBytes + base, bytes, size);
      let at = 0;
      for (let length = recordLength(codec, bytes, at, size); length > 0; length = recordLength(codec, bytes, at, size)) {
        if (visit(at, length) === false) return -1;
        at += length;
      }
      base += at;
      if (at === 0) return base;
    }
  }

  #isErased(sector: number, from: number): boolean {
    const { flash } = this;
    for (let base = from; base < flash.sectorBytes; base += windowBytes) {
      const size = Math.min(windowBytes, flash.sectorBytes - base);
      flash.read(sector * flash.sectorBytes + base, this.#window, size);
      for (let i = 0; i < size; i++) if (this.#window[i] !== 0xff) return false;
    }
    return true;
  }

  // ---- read ---------------------------------------------------------------------------------------------------------------------------

  /** In the order in which they were appended, which is that of time unless the clock was set back. */
  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void {
    const bytes = this.#window;
    const each = (at: number, length: number): boolean => {
      if (bytes[at + 2] !== series) return true;
      const timeMs = recordTimeMs(this.#view, at);
      if (timeMs < fromMs || timeMs >= toMs) return true;
      const value = recordValue(bytes, this.#view, at, length);
      return value === undefined || visit(value, timeMs, bytes[at + 3]!);
    };
    let sector = this.#head;
    do {
      sector = this.#after(sector);
      if (this.#holds(sector, fromMs, toMs) && this.#walk(sector, each) < 0) return;
    } while (sector !== this.#head);
  }

  #holds(sector: number, fromMs: number, toMs: number): boolean {
    return this.#fromMs[sector]! < toMs && this.#untilMs[sector]! >= fromMs;
  }

  summarise(query: SampleQuery): Summary {
    const summing = this.codec.summing(query);
    let sector = this.#head;
    do {
      sector = this.#after(sector);
      if (this.#holds(sector, query.fromMs, query.toMs)) this.#addUp(sector, summing);
    } while (sector !== this.#head);
    const { sums } = summing;
    return {
      count: sums[Sum.count]!,
      total: sums[Sum.total]!,
      pivot: sums[Sum.pivot]!,
      squares: sums[Sum.squares]!,
      minimum: this.#sample(sums, Sum.minimum),
      maximum: this.#sample(sums, Sum.maximum),
      last: this.#sample(sums, Sum.last),
      looked: sums[Sum.looked]!,
      hidden: sums[Sum.hidden]!,
    };
  }

  #sample(sums: Float64Array, place: number): Summary["last"] {
    return { value: sums[place]!, timeMs: sums[place + 1]!, policy: sums[place + 2]! };
  }

  #addUp(sector: number, summing: Summing): void {
    const { flash } = this;
    const window = this.#window;
    const end = (sector + 1) * flash.sectorBytes;
    let at = sector * flash.sectorBytes + sectorHeaderBytes;
    for (let taken = 1; taken > 0; at += taken) {
      const size = end - at < windowBytes ? end - at : windowBytes;
      flash.read(at, window, size);
      taken = summing.add(window, size);
    }
  }

  newestMs(series: number): number {
    return this.#newestMs[series] ?? -Infinity;
  }

  policiesInUse(use: (policy: number) => void): void {
    for (let policy = 0; policy <= maxIndex; policy++) if ((this.#policies >>> policy) & 1) use(policy);
  }
}
