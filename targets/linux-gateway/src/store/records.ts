/** What the stores write: samples, statements and the records of the catalogue, as bytes. It knows nothing of files or databases. */
import type { KeptStatement, PolicyRecord, SeriesRecord, Value } from "ebalance";
import { DamagedStore } from "./quarantine";

export interface SampleEntry {
  readonly kind: "sample";
  readonly series: number;
  readonly value: Value;
  readonly timeMs: number;
  readonly policy: number;
}
export interface SeriesEntry {
  readonly kind: "series";
  readonly index: number;
  readonly record: SeriesRecord;
}
export interface PolicyEntry {
  readonly kind: "policy";
  readonly index: number;
  readonly record: PolicyRecord;
}
export interface StatementEntry extends KeptStatement {
  readonly kind: "statement";
}
export type CatalogueEntry = SeriesEntry | PolicyEntry;
export type Entry = SampleEntry | StatementEntry | CatalogueEntry;

export function isCatalogue(entry: Entry): entry is CatalogueEntry {
  return entry.kind === "series" || entry.kind === "policy";
}

/** The first byte of an entry. For samples it is the type of the value. */
const Tag = { number: 0, boolean: 1, text: 2, bytes: 3, series: 16, policy: 17, statement: 18, signer: 19 } as const;

/** A value as the stores write it: a number, or bytes, and how to read them. */
export interface StoredValue {
  readonly tag: number;
  readonly value: number | Uint8Array;
}

export function toStored(value: Value): StoredValue {
  if (typeof value === "number") return { tag: Tag.number, value };
  if (typeof value === "boolean") return { tag: Tag.boolean, value: value ? 1 : 0 };
  return typeof value === "string" ? { tag: Tag.text, value: Buffer.from(value) } : { tag: Tag.bytes, value };
}

/** @throws DamagedStore for what `toStored` never gives */
export function fromStored(tag: number, value: unknown): Value {
  if (typeof value === "number" && tag === Tag.number) return value;
  if (typeof value === "number" && tag === Tag.boolean) return value !== 0;
  if (!(value instanceof Uint8Array) || (tag !== Tag.text && tag !== Tag.bytes)) throw new DamagedStore(`a value of type ${tag} is stored as ${typeof value}`);
  return tag === Tag.text ? Buffer.from(value.buffer, value.byteOffset, value.length).toString() : new Uint8Array(value);
}

const noSigner = Buffer.alloc(0);

/** Gathers entries as bytes. The signer of statements stands before the first that has it. */
export class EntryWriter {
  #bytes = Buffer.allocUnsafe(16_384);
  #length = 0;
  /** Of the statements that follow. */
  #signer = noSigner;

  get length(): number {
    return this.#length;
  }

  /** What was gathered; valid until the next call. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#signer = noSigner;
  }

  write(entry: Entry): void {
    if (entry.kind === "sample") this.#writeSample(entry);
    else if (entry.kind === "statement") this.#writeStatement(entry);
    else this.#writeCatalogue(entry.kind === "series" ? Tag.series : Tag.policy, entry.index, Buffer.from(JSON.stringify(entry.record)));
  }

  #writeSample({ series, value: unstored, timeMs, policy }: SampleEntry): void {
    const { tag, value } = toStored(unstored);
    this.#reserve(29 + (typeof value === "number" ? 0 : value.length));
    const bytes = this.#bytes;
    let at = bytes.writeUInt8(tag, this.#length);
    at = bytes.writeUInt32LE(series, at);
    at = bytes.writeUInt32LE(policy, at);
    at = bytes.writeDoubleLE(timeMs, at);
    this.#length = typeof value === "number" ? bytes.writeDoubleLE(value, at) : this.#writeBytes(value, at);
  }

  #writeStatement({ series, fromMs, toMs, bytes: content, signer }: StatementEntry): void {
    this.#reserve(30 + signer.length + content.length);
    if (!this.#signer.equals(signer)) this.#length = this.#writeBytes(signer, this.#bytes.writeUInt8(Tag.signer, this.#length));
    this.#signer = Buffer.from(signer);
    let at = this.#bytes.writeUInt8(Tag.statement, this.#length);
    at = this.#bytes.writeUInt32LE(series, at);
    at = this.#bytes.writeDoubleLE(fromMs, at);
    at = this.#bytes.writeDoubleLE(toMs, at);
    this.#length = this.#writeBytes(content, at);
  }

  #writeCatalogue(tag: number, index: number, text: Uint8Array): void {
    this.#reserve(9 + text.length);
    const at = this.#bytes.writeUInt8(tag, this.#length);
    this.#length = this.#writeBytes(text, this.#bytes.writeUInt32LE(index, at));
  }

  #writeBytes(content: Uint8Array, start: number): number {
    const at = this.#bytes.writeUInt32LE(content.length, start);
    this.#bytes.set(content, at);
    return at + content.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + more));
    larger.set(this.bytes());
    this.#bytes = larger;
  }
}

/** The entries that bytes hold. @throws DamagedStore where they are not what an {@link EntryWriter} gathers */
export function readEntries(bytes: Uint8Array): Entry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Entry[] = [];
  try {
    let signer = new Uint8Array(0);
    for (let at = 0; at < buffer.length; ) {
      const tag = buffer.readUInt8(at);
      if (tag === Tag.signer) at += 5 + (signer = new Uint8Array(readBytes(buffer, at + 5))).length;
      else if (tag === Tag.statement) at = readStatement(buffer, at, signer, entries);
      else at = readEntry(buffer, at, entries);
    }
  } catch (error) {
    throw new DamagedStore(`entry ${entries.length + 1} cannot be read (${(error as Error).message})`);
  }
  return entries;
}

/** @returns where the next begins */
function readEntry(buffer: Buffer, at: number, entries: Entry[]): number {
  const tag = buffer.readUInt8(at);
  const index = buffer.readUInt32LE(at + 1);
  const isCatalogue = tag === Tag.series || tag === Tag.policy;
  const isNumber = tag === Tag.number || tag === Tag.boolean;
  const content = at + (isCatalogue ? 5 : 17) + (isNumber ? 0 : 4);
  const end = content + (isNumber ? 8 : buffer.readUInt32LE(content - 4));
  checkEnd(buffer, end);
  if (isCatalogue) {
    const record: unknown = JSON.parse(buffer.toString("utf8", content, end));
    entries.push({ kind: tag === Tag.series ? "series" : "policy", index, record } as CatalogueEntry);
  } else {
    const value = fromStored(tag, isNumber ? buffer.readDoubleLE(content) : buffer.subarray(content, end));
    entries.push({ kind: "sample", series: index, value, timeMs: buffer.readDoubleLE(at + 9), policy: buffer.readUInt32LE(at + 5) });
  }
  return end;
}

function readStatement(buffer: Buffer, at: number, signer: Uint8Array, entries: Entry[]): number {
  const bytes = new Uint8Array(readBytes(buffer, at + 25));
  entries.push({ kind: "statement", series: buffer.readUInt32LE(at + 1), fromMs: buffer.readDoubleLE(at + 5), toMs: buffer.readDoubleLE(at + 13), bytes, signer });
  return at + 25 + bytes.length;
}

/** Bytes whose length stands before them. */
function readBytes(buffer: Buffer, at: number): Uint8Array {
  const end = at + buffer.readUInt32LE(at - 4);
  checkEnd(buffer, end);
  return buffer.subarray(at, end);
}

function checkEnd(buffer: Buffer, end: number): void {
  if (end > buffer.length) throw new Error(`it ends at ${end} of ${buffer.length}`);
}
