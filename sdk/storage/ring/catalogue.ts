/**
 * The catalogue of a ring: series and policies in two sectors in turn. Records are added to one of them; when it is full, what is in force is copied to the other, whose head
 * is programmed last: a power cut leaves the old one or the new one, never half of either.
 *
 * Samples refer to series and policies by index, so an older catalogue would show them under other names and other policies. Therefore changes are counted, and the ring keeps
 * with its samples how many there had been. A catalogue that has fewer was damaged: it is given up, and with it what was kept under it ({@link RingCatalogue.giveUp}).
 */
import { EbalanceError } from "../../core/model/errors";
import { utf8Length, utf8Text, writeUtf8 } from "../../core/model/utf8";
import type { FlashPort } from "../flash-port";
import type { Catalogue, PolicyRecord, SeriesRecord } from "../store-port";
import { checkNumber, policyText, readPolicy, readSeries, seriesText } from "./catalogue-record";
import type { RingStore } from "./ring-store";
import type { SamplePort } from "./sample-port";
import { maxIndex } from "./sample-record";
import { catalogueSectors, readHeader, sectorHeaderBytes, writeHeader } from "./sector";

const magic = 0x33_43_42_45; // "EBC3"
/** `length u16, kind u8, index u8`, the record as a text (catalogue-record.ts), CRC-16. */
const headBytes = 4;
const crcBytes = 2;
const maxRecordBytes = 1024;
const Kind = Object.freeze({ series: 1, policy: 2 });

export class RingCatalogue implements Catalogue {
  /** How many records were ever kept. */
  changes = 0;
  /** What was kept under fewer changes than this belongs to a catalogue that was lost. */
  since = 0;
  users: Catalogue["users"];
  #sector = 0;
  #sequence = 0;
  /** Whether the sector holds what is in force. */
  #isLive = false;
  /** Where the next record goes. */
  #at: number;

  constructor(
    private readonly flash: FlashPort,
    private readonly samples: SamplePort,
    private readonly ring: RingStore,
  ) {
    this.#at = flash.sectorBytes;
    for (let sector = 0; sector < catalogueSectors; sector++) {
      let header: ReturnType<typeof readHeader>;
      ring.isDone(() => (header = readHeader(flash, samples, sector, magic)));
      if (!header || header.sequence <= this.#sequence) continue;
      this.#isLive = true;
      this.#sequence = header.sequence;
      this.#sector = sector;
      this.changes = header.changes;
      this.since = header.since;
    }
    if (!this.#isLive || ring.isDone(() => (this.#at = this.#end()))) return;
    this.#isLive = false;
    this.changes = this.since = 0;
  }

  /** Begins anew without what was kept, for a catalogue that has lost changes: so many there were. */
  giveUp(changes: number): void {
    this.#isLive = false;
    this.#at = this.flash.sectorBytes;
    this.changes = this.since = changes + 1;
  }

  keepSeries(index: number, record: SeriesRecord): boolean {
    return this.#keep(Kind.series, index, seriesText(record));
  }

  keepPolicy(index: number, record: PolicyRecord): boolean {
    return this.#keep(Kind.policy, index, policyText(record));
  }

  /** What this release cannot take up, or flash does not give, is given up with all samples. */
  restore(): ReturnType<Catalogue["restore"]> {
    let kept: ReturnType<Catalogue["restore"]> = { series: [], policies: [] };
    if (!this.ring.isDone(() => (kept = this.#restored()))) this.ring.giveUp(this.changes);
    return kept;
  }

  #restored(): ReturnType<Catalogue["restore"]> {
    const series: SeriesRecord[] = [];
    const policies: (PolicyRecord | undefined)[] = [];
    this.#visit((bytes) => {
      const index = bytes[3]!;
      try {
        checkNumber(index, maxIndex);
        const text = utf8Text(bytes, headBytes, bytes.length - crcBytes)!;
        if (bytes[2] === Kind.series) series[index] = readSeries(text);
        else policies[index] = readPolicy(text);
      } catch {
        failed(`record ${bytes[2]}.${index} is of another release`);
      }
    });
    for (let i = 0; i < series.length; i++) if (!series[i]) failed(`series ${i} is missing`);
    for (let i = 0; i < policies.length; i++) policies[i] ??= undefined;
    return { series, policies };
  }

  #keep(kind: number, index: number, text: string): boolean {
    const length = headBytes + utf8Length(text) + crcBytes;
    if (length > maxRecordBytes) this.ring.trouble = new EbalanceError("bad-configuration", "caller", `a record of ${length} bytes, flash keeps at most ${maxRecordBytes}: fewer grantees or shorter names`);
    if (length > maxRecordBytes || index > maxIndex) return false;
    const bytes = new Uint8Array(length);
    bytes[0] = length & 0xff;
    bytes[1] = length >> 8;
    bytes[2] = kind;
    bytes[3] = index;
    writeUtf8(text, bytes, headBytes);
    const crc = this.samples.crc(bytes, 0, length - crcBytes);
    bytes[length - 2] = crc & 0xff;
    bytes[length - 1] = crc >> 8;
    return this.ring.isDone(() => this.#add(bytes));
  }

  #add(record: Uint8Array): void {
    const { flash } = this;
    const at = this.#at;
    if (at + record.length > flash.sectorBytes) return this.#turn(record);
    // Until it is known to be there, nothing else may be written behind it.
    this.#at = flash.sectorBytes;
    flash.program(this.#sector * flash.sectorBytes + at, record, record.length);
    this.#at = at + record.length;
    this.changes++;
  }

  /** Writes what is in force to the other sector, the record in place of the one before. Where that is too much, the oldest samples give way with the policies that only they had. */
  #turn(record: Uint8Array): void {
    const { flash, samples, since } = this;
    let places: number[] | undefined;
    while (!(places = this.#placesBeside(record))) if (!this.ring.giveWay()) failed("full: fewer series or grantees");
    const to = 1 - this.#sector;
    flash.erase(to);
    let end = sectorHeaderBytes;
    for (let i = 0; i <= places.length; i++) {
      const bytes = i < places.length ? this.#load(places[i]!)! : record;
      flash.program(to * flash.sectorBytes + end, bytes, bytes.length);
      end += bytes.length;
    }
    // Each record counts as one change when it is read again.
    writeHeader(flash, samples, to, magic, { sequence: this.#sequence + 1, changes: this.changes - places.length, since });
    this.changes++;
    this.#sequence++;
    this.#sector = to;
    this.#isLive = true;
    this.#at = end;
  }

  /** Where what is in force besides a record stands; undefined where a sector does not hold both. */
  #placesBeside(record: Uint8Array): number[] | undefined {
    let inUse = this.users ? 0 : -1;
    this.users?.policiesInUse((policy) => (inUse |= 1 << policy));
    const newest = new Map<number, number>();
    this.#visit((bytes, at) => {
      if (bytes[2] === Kind.series || (inUse >>> bytes[3]!) & 1) newest.set(keyOf(bytes), at);
    });
    newest.delete(keyOf(record));
    const places = Array.from(newest.values());
    const size = places.reduce((sum, at) => sum + this.#load(at)!.length, sectorHeaderBytes + record.length);
    return size > this.flash.sectorBytes ? undefined : places;
  }

  /** Counts the changes up to the end of what is kept. @returns where the next record goes */
  #end(): number {
    const { sectorBytes } = this.flash;
    const end = this.#visit(() => void this.changes++);
    if (end + headBytes > sectorBytes) return sectorBytes;
    const bytes = new Uint8Array(headBytes);
    this.flash.read(this.#sector * sectorBytes + end, bytes, headBytes);
    // Torn: nothing more is written here.
    return bytes.every((byte) => byte === 0xff) ? end : sectorBytes;
  }

  /** Visits the intact records. @returns where they end */
  #visit(visit: (bytes: Uint8Array, at: number) => void): number {
    let at = sectorHeaderBytes;
    for (let bytes = this.#load(at); bytes; bytes = this.#load(at)) {
      visit(bytes, at);
      at += bytes.length;
    }
    return at;
  }

  /** The record at a place; undefined where there is none or it is not intact. */
  #load(at: number): Uint8Array | undefined {
    const { flash } = this;
    const start = this.#sector * flash.sectorBytes;
    if (!this.#isLive || at + headBytes > flash.sectorBytes) return undefined;
    const head = new Uint8Array(headBytes);
    flash.read(start + at, head, headBytes);
    const length = head[0]! | (head[1]! << 8);
    if (length < headBytes + crcBytes || length > maxRecordBytes || at + length > flash.sectorBytes) return undefined;
    const bytes = new Uint8Array(length);
    flash.read(start + at, bytes, length);
    return this.samples.crc(bytes, 0, length - crcBytes) === (bytes[length - 2]! | (bytes[length - 1]! << 8)) ? bytes : undefined;
  }
}

function keyOf(record: Uint8Array): number {
  return record[2]! * 256 + record[3]!;
}

function failed(reason: string): never {
  throw new EbalanceError("storage-failed", "device", `catalogue: ${reason}`);
}
