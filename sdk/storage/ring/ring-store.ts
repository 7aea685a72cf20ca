/**
 * The store of a device: a ring of flash sectors. Each sample is a record of its own, programmed when it is appended, so what was acknowledged survives a power cut; when the
 * ring is full the oldest sector gives way. Sectors are used in strict turn, so they wear alike; their order is that of their sequences, never of clocks. What was torn by a
 * power cut ends its sector. Series and policies stand in two sectors of their own (catalogue.ts), and no sample is given that needs more of them than was found. A sector that
 * cannot be read at the start is passed over; until its turn comes, the policies that it may need are kept.
 */
import { badArgument, isStorageFailure } from "../../core/model/errors";
import type { Value } from "../../core/model/registry";
import type { FlashPort } from "../flash-port";
import { sameValue } from "../same-value";
import type { Appended, SampleQuery, SampleVisitor, StorePort, Summary } from "../store-port";
import { RingCatalogue } from "./catalogue";
import { Sum, Survey, surveyPlaces, type SamplePort } from "./sample-port";
import { changeMark, encodeRecord, endOfTimeMs, maxIndex, maxRecordBytes, recordTimeMs, recordValue, wholeBytes } from "./sample-record";
import { catalogueSectors, readHeader, sectorHeaderBytes, writeHeader } from "./sector";

/** Sectors of samples: with fewer, the one that gives way would be too large a part of all. */
const leastSectors = 3;
const magic = 0x32_53_42_45; // "EBS2"
const everyPolicy = 0xffffffff;
/** Of each sector: the second behind its latest sample (0: there is none), that of its earliest, and the policies that it may need. */
const spanPlaces = 3;

export class RingStore implements StorePort {
  readonly catalogue: RingCatalogue;
  // What an append needs stands first: the engine of a device looks for it in this order.
  /** Where the next record goes, and the end of the sector that is written; a sector that is full or torn has both there. */
  #at: number;
  #end: number;
  /** Changes of the catalogue that the sector which is written tells of. */
  #changes = 0;
  /** The earliest and latest time in the sector that is written, and the policies of its samples. */
  #fromMs = Infinity;
  #untilMs = -Infinity;
  #policies = 0;
  /** The latest time of each series that has one. */
  readonly #newestMs: number[] = [];
  /** Of all sectors but the one that is written. */
  readonly #spans: Uint32Array;
  readonly #record = new Uint8Array(maxRecordBytes);
  readonly #view = new DataView(this.#record.buffer);
  /** The sector that is written, and its sequence. */
  #head: number;
  #sequence = 0;
  trouble: Error | undefined;

  /**
   * @param samples of this flash: native on a device; `portableRing` has the other
   * @throws EbalanceError `bad-argument` for a partition that is too small
   */
  constructor(
    private readonly flash: FlashPort,
    private readonly samples: SamplePort,
  ) {
    const { sectorCount, sectorBytes } = flash;
    if (sectorCount < catalogueSectors + leastSectors) badArgument(`flash partition of ${sectorCount} sectors, ${catalogueSectors + leastSectors} at least`);
    this.#spans = new Uint32Array(sectorCount * spanPlaces);
    this.catalogue = new RingCatalogue(flash, samples, this);
    this.#head = sectorCount - 1;
    this.#at = this.#end = sectorCount * sectorBytes;
    this.#mount();
  }

  // ---- append -------------------------------------------------------------------------------------------------------------------------

  /** @param timeMs whole milliseconds since 1970 */
  append(series: number, value: Value, timeMs: number, policy: number): Appended {
    if (series > maxIndex || policy > maxIndex || !(timeMs >= 0 && timeMs < endOfTimeMs)) return "failed";
    const newestMs = this.#newestMs[series] ?? -Infinity;
    const reason = timeMs <= newestMs ? this.#reasonAgainst(series, value, timeMs) : undefined;
    if (reason) return reason;
    // A sector that does not take it is left alone, and the next one tried.
    if (!this.#put(series, value, timeMs, policy) && !this.#put(series, value, timeMs, policy)) return "failed";
    if (timeMs > newestMs) this.#newestMs[series] = timeMs;
    if (timeMs < this.#fromMs) this.#fromMs = timeMs;
    if (timeMs > this.#untilMs) this.#untilMs = timeMs;
    this.#policies |= 1 << policy;
    return "kept";
  }

  /** Why a sample that is not the newest is not to be kept: it is kept already, or that cannot be read. */
  #reasonAgainst(series: number, value: Value, timeMs: number): "known" | "failed" | undefined {
    let isKnown = false;
    const isRead = this.isDone(() => {
      if (typeof value === "number") isKnown = this.summarise({ series, fromMs: timeMs, toMs: timeMs + 1, least: value, greatest: value, policies: everyPolicy }).count > 0;
      else this.scan(series, timeMs, timeMs + 1, (kept) => !(isKnown = sameValue(kept, value)));
    });
    return isKnown ? "known" : isRead ? undefined : "failed";
  }

  #put(series: number, value: Value, timeMs: number, policy: number): boolean {
    const isWhole = ((value as number) | 0) === value;
    const length = isWhole ? wholeBytes : encodeRecord(this.#record, series, policy, timeMs, value);
    if (length === 0) return false;
    if ((this.#at + length > this.#end || this.#changes !== this.catalogue.changes) && !this.#makeRoom(length)) return false;
    const at = this.#at;
    // Until it is known to be there, nothing else may be written behind it.
    this.#at = this.#end;
    if (!(isWhole ? this.samples.writeWhole(at, series, policy, timeMs, value as number) : this.#program(at, length))) return false;
    this.#at = at + length;
    return true;
  }

  /** Begins a sector where this one is full, and sees to it that the record stands behind word of all changes of the catalogue. */
  #makeRoom(length: number): boolean {
    const { changes } = this.catalogue;
    if (changes === this.#changes || this.#at + wholeBytes + length > this.#end) return this.#turn();
    const at = this.#at;
    this.#at = this.#end;
    if (!this.samples.writeWhole(at, changeMark, 0, changes, 0)) return false;
    this.#at = at + wholeBytes;
    this.#changes = changes;
    return true;
  }

  #program(at: number, length: number): boolean {
    return this.isDone(() => this.flash.program(at, this.#record, length));
  }

  /** Takes the next sector in use; what it held gives way. */
  #turn(): boolean {
    const { flash, samples } = this;
    const { changes } = this.catalogue;
    this.#keepSpan(this.#head, this.#fromMs, this.#untilMs, this.#policies);
    this.#fromMs = Infinity;
    this.#untilMs = -Infinity;
    this.#policies = 0;
    // Counted before it is known to succeed: so a sector's sequence tells its place, and one that kept what it had given up is known by it.
    const next = (this.#head = this.#after(this.#head));
    const sequence = ++this.#sequence;
    this.#at = this.#end = (next + 1) * flash.sectorBytes;
    const isBegun = this.isDone(() => {
      flash.erase(next);
      writeHeader(flash, samples, next, magic, { sequence, changes, since: 0 });
    });
    if (isBegun) this.#at = next * flash.sectorBytes + sectorHeaderBytes;
    this.#changes = changes;
    return isBegun;
  }

  /** Whether flash did as it was told; where it did not, that is the trouble. */
  isDone(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!isStorageFailure(error)) throw error;
      this.trouble = error as Error;
      return false;
    }
  }

  #after(sector: number): number {
    return sector + 1 < this.flash.sectorCount ? sector + 1 : catalogueSectors;
  }

  #keepSpan(sector: number, fromMs: number, untilMs: number, policies: number): void {
    this.#spans[sector * spanPlaces] = untilMs / 1000 + 1;
    this.#spans[sector * spanPlaces + 1] = fromMs / 1000;
    this.#spans[sector * spanPlaces + 2] = policies;
  }

  // ---- mount --------------------------------------------------------------------------------------------------------------------------

  /** Finds the sector that was written last, and looks once through all that is kept. */
  #mount(): void {
    const { sectorCount, sectorBytes } = this.flash;
    for (let sector = catalogueSectors; sector < sectorCount; sector++) {
      const sequence = this.#sequenceOf(sector);
      if (sequence <= this.#sequence) continue;
      this.#sequence = sequence;
      this.#head = sector;
    }
    // What cannot be read may have been written later: it is not begun anew in this turn.
    for (let i = catalogueSectors; i < sectorCount && this.#sequenceOf(this.#after(this.#head)) < 0; i++) {
      this.#head = this.#after(this.#head);
      this.#sequence++;
    }
    this.#at = this.#end = (this.#head + 1) * sectorBytes;
    const found = new Float64Array(surveyPlaces).fill(-Infinity);
    let changes = 0;
    for (let sector = catalogueSectors; sector < sectorCount; sector++)
      if (!this.isDone(() => (changes = Math.max(changes, this.#survey(sector, found))))) this.#note(sector, Infinity, -Infinity, everyPolicy);
    if (changes > this.catalogue.changes) this.giveUp(changes);
    else for (let series = 0; series <= maxIndex; series++) if (found[series]! >= 0) this.#newestMs[series] = found[series]!;
  }

  #header(sector: number): ReturnType<typeof readHeader> {
    return readHeader(this.flash, this.samples, sector, magic);
  }

  /** -1 where it cannot be read, 0 where there is none. */
  #sequenceOf(sector: number): number {
    let sequence = -1;
    this.isDone(() => (sequence = this.#header(sector)?.sequence ?? 0));
    return sequence;
  }

  /** Notes what stands in a sector. @returns the changes of the catalogue that it tells of */
  #survey(sector: number, found: Float64Array): number {
    const { sectorCount, sectorBytes } = this.flash;
    const header = this.#header(sector);
    const behind = this.#head - sector + (sector > this.#head ? sectorCount - catalogueSectors : 0);
    // One whose turn it was and that could not be erased holds what was given up.
    if (!header || header.sequence !== this.#sequence - behind || header.changes < this.catalogue.since) return 0;
    const end = (sector + 1) * sectorBytes;
    const stop = this.samples.survey(sector * sectorBytes + sectorHeaderBytes, end, found);
    const changes = Math.max(header.changes, found[Survey.changes]!);
    this.#note(sector, found[Survey.fromMs]!, found[Survey.untilMs]!, found[Survey.policies]!);
    if (sector === this.#head) this.#changes = changes;
    if (sector === this.#head && found[Survey.clean]) this.#at = stop;
    return changes;
  }

  #note(sector: number, fromMs: number, untilMs: number, policies: number): void {
    if (sector !== this.#head) return this.#keepSpan(sector, fromMs, untilMs, policies);
    this.#fromMs = fromMs;
    this.#untilMs = untilMs;
    this.#policies = policies;
  }

  /** The catalogue does not say any more whose samples these are and who may see them; there were so many changes of it. */
  giveUp(changes: number): void {
    this.#newestMs.length = 0;
    this.catalogue.giveUp(changes);
    this.#spans.fill(0);
    this.#note(this.#head, Infinity, -Infinity, 0);
    this.#at = this.#end;
  }

  // ---- read ---------------------------------------------------------------------------------------------------------------------------

  /** In the order in which they were appended, which is that of time unless the clock was set back. */
  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void {
    for (const sector of this.#sectors(fromMs, toMs)) if (!this.#scanSector(sector, series, fromMs, toMs, visit)) return;
  }

  #scanSector(sector: number, series: number, fromMs: number, toMs: number, visit: SampleVisitor): boolean {
    const { samples, flash } = this;
    const bytes = this.#record;
    const end = (sector + 1) * flash.sectorBytes;
    let next = sector * flash.sectorBytes + sectorHeaderBytes;
    for (let at = samples.find(next, end, series, bytes); at >= 0; at = samples.find(next, end, series, bytes)) {
      next = at + bytes[0]!;
      const timeMs = recordTimeMs(this.#view, 0);
      if (timeMs < fromMs || timeMs >= toMs) continue;
      const value = recordValue(bytes, this.#view, 0);
      if (value !== undefined && !visit(value, timeMs, bytes[3]!)) return false;
    }
    return true;
  }

  /** The sectors that may hold samples of a range of time, in the order in which they were written. */
  #sectors(fromMs: number, toMs: number): number[] {
    const spans = this.#spans;
    const head = this.#head;
    const { sectorCount } = this.flash;
    const fromS = Math.max(0, Math.floor(fromMs / 1000));
    const found: number[] = [];
    for (let sector = this.#after(head); sector !== head; sector = sector + 1 < sectorCount ? sector + 1 : catalogueSectors) {
      const place = sector * spanPlaces;
      if (spans[place]! > fromS && spans[place + 1]! * 1000 < toMs) found.push(sector);
    }
    if (this.#policies !== 0 && this.#fromMs < toMs && this.#untilMs >= fromMs) found.push(head);
    return found;
  }

  summarise(query: SampleQuery): Summary {
    const { fromMs, toMs } = query;
    const { sectorBytes } = this.flash;
    const summing = this.samples.summing(query);
    for (const sector of this.#sectors(fromMs, toMs)) summing.add(sector * sectorBytes + sectorHeaderBytes, (sector + 1) * sectorBytes);
    const { sums } = summing;
    return {
      count: sums[Sum.count]!,
      total: sums[Sum.total]!,
      pivot: sums[Sum.pivot]!,
      squares: sums[Sum.squares]!,
      minimum: sampleAt(sums, Sum.minimum),
      maximum: sampleAt(sums, Sum.maximum),
      last: sampleAt(sums, Sum.last),
      looked: sums[Sum.looked]!,
      hidden: sums[Sum.hidden]!,
    };
  }

  /** That of one which the ring has overwritten meanwhile, where a series has no newer sample. */
  newestMs(series: number): number {
    return this.#newestMs[series] ?? -Infinity;
  }

  /** Gives up the oldest samples. @returns false where there are none */
  giveWay(): boolean {
    if (this.#policiesKept() === 0) return false;
    this.#turn();
    return true;
  }

  #policiesKept(): number {
    let policies = this.#policies;
    for (let sector = catalogueSectors; sector < this.flash.sectorCount; sector++) if (sector !== this.#head) policies |= this.#spans[sector * spanPlaces + 2]!;
    return policies;
  }

  policiesInUse(use: (policy: number) => void): void {
    const policies = this.#policiesKept();
    for (let policy = 0; policy <= maxIndex; policy++) if ((policies >>> policy) & 1) use(policy);
  }
}

function sampleAt(sums: Float64Array, place: number): Summary["last"] {
  return { value: sums[place]!, timeMs: sums[place + 1]!, policy: sums[place + 2]! };
}
