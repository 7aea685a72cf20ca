/**
 * The catalogue of a ring: series and policies in two sectors in turn. Records are added to one of them; when it is full, what is in force is copied to the other, whose head
 * is programmed last: a power cut leaves the old one or the new one, never half of either.
 */
import { utf8Length, utf8Text, writeUtf8 } from "../../core/model/utf8";
import { isStorageFailure, type FlashPort } from "../flash-port";
import type { Catalogue, PolicyRecord, SeriesRecord } from "../store-port";
import type { SampleCodec } from "./sample-record";
import { catalogueSectors, readHeader, sectorHeaderBytes, writeHeader } from "./sector";

const magic = 0x31_43_42_45; // "EBC1"
/** `length u16, kind u8, index u8`, the record as JSON, CRC-16. */
const headBytes = 4;
const crcBytes = 2;
const maxRecordBytes = 512;
const Kind = Object.freeze({ series: 1, policy: 2 });

export class RingCatalogue implements Catalogue {
  #sector = 0;
  #sequence = 0;
  /** Where the next record goes. */
  #at: number;
  readonly #buffer = new Uint8Array(maxRecordBytes);

  constructor(
    private readonly flash: FlashPort,
    private readonly codec: Pick<SampleCodec, "crc">,
  ) {
    this.#at = flash.sectorBytes;
    for (let sector = 0; sector < catalogueSectors; sector++) {
      const sequence = readHeader(flash, codec, sector, magic);
      if (sequence <= this.#sequence) continue;
      this.#sequence = sequence;
      this.#sector = sector;
    }
    if (this.#sequence) this.#at = this.#endOf(this.#sector);
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
    if (this.#sequence)
      this.#visit(this.#sector, (kind, index, length) => {
        const record = JSON.parse(utf8Text(this.#buffer, headBytes, length - crcBytes)!) as unknown;
        if (kind === Kind.series) series[index] = record as SeriesRecord;
        else policies[index] = record as PolicyRecord;
      });
    for (let i = 0; i < policies.length; i++) policies[i] ??= undefined;
    return { series, policies };
  }

  #keep(kind: number, index: number, record: SeriesRecord | PolicyRecord): boolean {
    const text = JSON.stringify(record);
    const length = headBytes + utf8Length(text) + crcBytes;
    if (length > maxRecordBytes || index > 255) return false;
    try {
      // First the other sector, where it is full: copying goes through the same buffer.
      if (this.#at + length > this.flash.sectorBytes) this.#compact();
      if (this.#at + length > this.flash.sectorBytes) return false;
      writeUtf8(text, this.#buffer, headBytes);
      this.#program(this.#sector, kind, index, length);
      return true;
    } catch (error) {
      if (isStorageFailure(error)) return false;
      throw error;
    }
  }

  /** Programs the record whose text stands in the buffer. */
  #program(sector: number, kind: number, index: number, length: number): void {
    const bytes = this.#buffer;
    const { flash } = this;
    bytes[0] = length & 0xff;
    bytes[1] = length >> 8;
    bytes[2] = kind;
    bytes[3] = index;
    const crc = this.codec.crc(bytes, 0, length - crcBytes);
    bytes[length - 2] = crc & 0xff;
    bytes[length - 1] = crc >> 8;
    const at = this.#at;
    // Until it is known to be there, nothing else may be written behind it.
    this.#at = flash.sectorBytes;
    flash.program(sector * flash.sectorBytes + at, bytes, length);
    this.#at = at + length;
  }

  /** Copies what is in force to the other sector. */
  #compact(): void {
    const from = this.#sector;
    const to = 1 - from;
    const newest = new Map<number, number>();
    if (this.#sequence) this.#visit(from, (kind, index, _length, at) => void newest.set(kind * 256 + index, at));
    this.flash.erase(to);
    this.#at = sectorHeaderBytes;
    for (const [key, at] of newest) this.#program(to, key >> 8, key & 0xff, this.#load(from, at));
    const end = this.#at;
    this.#at = this.flash.sectorBytes;
    writeHeader(this.flash, this.codec, to, magic, this.#sequence + 1);
    this.#sequence++;
    this.#sector = to;
    this.#at = end;
  }

  #endOf(sector: number): number {
    const { sectorBytes } = this.flash;
    const end = this.#visit(sector, () => {});
    if (end + headBytes > sectorBytes) return sectorBytes;
    this.flash.read(sector * sectorBytes + end, this.#buffer, headBytes);
    // Torn: nothing more is written here.
    return this.#buffer[0] === 0xff && this.#buffer[1] === 0xff ? end : sectorBytes;
  }

  /** Visits the intact records of a sector, each in the buffer. @returns where they end */
  #visit(sector: number, visit: (kind: number, index: number, length: number, at: number) => void): number {
    let at = sectorHeaderBytes;
    for (let length = this.#load(sector, at); length > 0; length = this.#load(sector, at)) {
      visit(this.#buffer[2]!, this.#buffer[3]!, length, at);
      at += length;
    }
    return at;
  }

  /** Reads the record at a place into the buffer. @returns its length, 0 where there is none or it is not intact */
  #load(sector: number, at: number): number {
    const { flash } = this;
    const bytes = this.#buffer;
    const start = sector * flash.sectorBytes;
    if (at + headBytes > flash.sectorBytes) return 0;
    flash.read(start + at, bytes, headBytes);
    const length = bytes[0]! | (bytes[1]! << 8);
    if (length < headBytes + crcBytes || length > maxRecordBytes || at + length > flash.sectorBytes) return 0;
    flash.read(start + at, bytes, length);
    return this.codec.crc(bytes, 0, length - crcBytes) === (bytes[length - 2]! | (bytes[length - 1]! << 8)) ? length : 0;
  }
}
