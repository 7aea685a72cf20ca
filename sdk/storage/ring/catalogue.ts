/**
 * The catalogue of a ring: series and policies in two sectors in turn. Records are added to one of them; when it is full, what is in force is copied to the other, whose head
 * is programmed last: a power cut leaves the old one or the new one, never half of either.
 *
 * Samples refer to series and policies by index, so an older catalogue would show them under other names and other policies. Therefore changes are counted, and the ring keeps
 * with its samples how many there had been. A catalogue that has fewer was damaged: it is given up, and with it what was kept under it ({@link RingCatalogue.giveUp}).
 */
import { utf8Length, utf8Text, writeUtf8 } from "../../core/model/utf8";
import { isStorageFailure, type FlashPort } from "../flash-port";
import type { Catalogue, PolicyRecord, SeriesRecord } from "../store-port";
import type { RingStore } from "./ring-store";
import type { SamplePort } from "./sample-port";
import { catalogueSectors, readHeader, sectorHeaderBytes, writeHeader } from "./sector";

const magic = 0x32_43_42_45; // "EBC2"
/** `length u16, kind u8, index u8`, the record as JSON, CRC-16. */
const headBytes = 4;
const crcBytes = 2;
const maxRecordBytes = 512;
const Kind = Object.freeze({ series: 1, policy: 2 });

export class RingCatalogue implements Catalogue {
  /** How many records were ever kept. */
  changes = 0;
  /** What was kept under fewer changes than this belongs to a catalogue that was lost. */
  since = 0;
  #sector = 0;
  #sequence = 0;
  /** Whether the sector holds what is in force. */
  #isLive = false;
  /** Where the next record goes. */
  #at: number;

  constructor(
    private readonly flash: FlashPort,
    private readonly samples: SamplePort,
    ring: RingStore,
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
    if (this.#isLive && !ring.isDone(() => (this.#at = this.#end()))) this.#loseAll();
  }

  #loseAll(): void {
    this.#isLive = false;
    this.#at = this.flash.sectorBytes;
    this.changes = this.since = 0;
  }

  /** Begins anew without what was kept, for a catalogue that has lost changes: so many there were. */
  giveUp(changes: number): void {
    this.#isLive = false;
    this.#at = this.flash.sectorBytes;
    this.changes = this.since = changes + 1;
  }

  keepSeries(index: number, record: SeriesRecord): boolean {
    return this.#keep(Kind.series, index, record);
  }

  /** False too for a policy whose record is longer than 506 bytes of JSON. */
  keepPolicy(index: number, record: PolicyRecord): boolean {
    return this.#keep(Kind.policy, index, record);
  }

  restore(): ReturnType<Catalogue["restore"]> {
    const series: SeriesRecord[] = [];
    const policies: (PolicyRecord | undefined)[] = [];
    this.#visit((bytes) => {
      const record = JSON.parse(utf8Text(bytes, headBytes, bytes.length - crcBytes)!) as unknown;
      if (bytes[2] === Kind.series) series[bytes[3]!] = record as SeriesRecord;
      else policies[bytes[3]!] = record as PolicyRecord;
    });
    for (let i = 0; i < policies.length; i++) policies[i] ??= undefined;
    return { series, policies };
  }

  #keep(kind: number, index: number, record: SeriesRecord | PolicyRecord): boolean {
    const text = JSON.stringify(record);
    const length = headBytes + utf8Length(text) + crcBytes;
    if (length > maxRecordBytes || index > 255) return false;
    const { sectorBytes } = this.flash;
    try {
      if (this.#at + length > sectorBytes) this.#compact();
      if (this.#at + length > sectorBytes) return false;
      const bytes = new Uint8Array(length);
      bytes[0] = length & 0xff;
      bytes[1] = length >> 8;
      bytes[2] = kind;
      bytes[3] = index;
      writeUtf8(text, bytes, headBytes);
      const crc = this.samples.crc(bytes, 0, length - crcBytes);
      bytes[length - 2] = crc & 0xff;
      bytes[length - 1] = crc >> 8;
      const at = this.#at;
      // Until it is known to be there, nothing else may be written behind it.
      this.#at = sectorBytes;
      this.flash.program(this.#sector * sectorBytes + at, bytes, length);
      this.#at = at + length;
      this.changes++;
      return true;
    } catch (error) {
      if (isStorageFailure(error)) return false;
      throw error;
    }
  }

  /** Copies what is in force to the other sector. */
  #compact(): void {
    const { flash, samples, changes, since } = this;
    const to = 1 - this.#sector;
    const newest = new Map<number, number>();
    this.#visit((bytes, at) => void newest.set(bytes[2]! * 256 + bytes[3]!, at));
    flash.erase(to);
    let end = sectorHeaderBytes;
    newest.forEach((at) => {
      const bytes = this.#load(at)!;
      flash.program(to * flash.sectorBytes + end, bytes, bytes.length);
      end += bytes.length;
    });
    // Each record counts as one change when it is read again.
    writeHeader(flash, samples, to, magic, { sequence: this.#sequence + 1, changes: changes - newest.size, since });
    this.#sequence++;
    this.#sector = to;
    this.#isLive = true;
    this.#at = end;
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
