/**
 * State records in flash, in two halves of a partition in turn. Records are added to one of them; when it is full, what is in force is copied to the other, whose head is programmed
 * last: a power cut leaves the old one or the new one, never half of either. Then the head of the old one is wiped, so that it can never come back.
 *
 * Half: head `magic u32, sequence u32, zero u16, CRC-16`; records `length u16, length of the name u8, name, content, CRC-16, mark 0`. The mark is programmed last: a record without it was cut
 * off by a power cut, one with it that is not intact is damaged. What older records say in place of a damaged one may have been revoked since: then nothing that was kept is given, and every record counts
 * as damaged until it is kept anew. The half stays as it is until the next one takes its place, in which each record that is missing still has one of its name behind "!".
 */
import { EbalanceError, isStorageFailure } from "../core/model/errors";
import { utf8Text, writeUtf8 } from "../core/model/utf8";
import type { LogPort, StateName, StatePort } from "../core/ports";
import { crc16 } from "../core/wire/crc-16";
import type { FlashPort } from "./flash-port";
import { checkState } from "./state-name";

const magic = 0x31_53_42_45; // "EBS1"
const headBytes = 12;
const nameAt = 3;
/** CRC and mark, after the content. */
const tailBytes = 3;
/** Before the name of a record that is damaged. */
const lost = "!";
/** Records that are missed where they are: all but those of single sessions. */
const lasting: readonly StateName[] = Object.freeze(["sessions", "sequences", "windows", "credentials", "revocations", "masks"]);
/** What is looked through at once. */
const chunkBytes = 256;

/**
 * @example
 * const state = new FlashState(partition, log);
 * const revocations = state.load("revocations");
 */
export class FlashState implements StatePort {
  readonly #halfBytes: number;
  /** The half that was begun last, and its number; 0: none was, -1: it could not be read yet. */
  #half = 0;
  #sequence = -1;
  /** Whether it holds what is in force. */
  #isLive = false;
  /** Whether there was one that is damaged, and no other has taken its place. */
  #isDamaged = false;
  /** Where the next record goes, from the start of the half. */
  #at: number;

  /** @param flash at least two sectors; of an odd number the last is not used */
  constructor(
    private readonly flash: FlashPort,
    private readonly log: LogPort,
  ) {
    this.#halfBytes = Math.floor(flash.sectorCount / 2) * flash.sectorBytes;
    this.#at = this.#halfBytes;
    if (!this.#halfBytes) throw new EbalanceError("bad-configuration", "caller", `flash of ${flash.sectorCount} sectors: state takes at least 2`);
    this.#tries(() => undefined);
  }

  load(name: StateName): Uint8Array | "damaged" | undefined {
    let found: Uint8Array | "damaged" | undefined = "damaged";
    this.#tries(() => (found = this.#load(name)));
    return found?.length ? found : undefined;
  }

  keep(name: StateName, bytes: Uint8Array): boolean {
    checkState(name, bytes);
    return this.#tries(() => {
      const before = this.#load(name);
      const isKept = before === "damaged" ? false : before ? before.length === bytes.length && before.every((byte, i) => byte === bytes[i]) : !bytes.length;
      if (isKept) return;
      const record = recordOf(name, bytes);
      if (this.#at + record.length > this.#halfBytes) this.#turn(name, bytes.length ? record : undefined);
      else this.#add(record);
    });
  }

  /** Flash that fails keeps no unit from going on. */
  #tries(action: () => void): boolean {
    try {
      if (this.#sequence < 0) this.#find();
      action();
      return true;
    } catch (error) {
      if (!isStorageFailure(error)) throw error;
      this.log("error", `state: ${(error as Error).message}`);
      return false;
    }
  }

  /** Finds the half in use, and the end of its records. */
  #find(): void {
    const [first, second] = [this.#sequenceOf(0), this.#sequenceOf(1)];
    const sequence = Math.max(first, second);
    const damaged = sequence ? -1 : [0, 1].findIndex((half) => this.#wasHead(half));
    this.#half = second > first || damaged === 1 ? 1 : 0;
    if (damaged >= 0) this.log("error", `state: the head of half ${damaged} is damaged: nothing of it is used`);
    if (first && second) this.#wipe(1 - this.#half);
    this.#isLive = sequence > 0;
    this.#isDamaged = damaged >= 0 || (this.#isLive && !this.#findEnd());
    if (this.#isDamaged) this.#isLive = false;
    this.#sequence = sequence;
  }

  /** @returns whether all records are intact */
  #findEnd(): boolean {
    let at = headBytes;
    for (let record = this.#read(at); record; record = this.#read(at)) at += record.length;
    if (this.#isBlank(at)) this.#at = at;
    else if (this.#isBroken(at)) {
      this.log("error", `state: damaged at ${at} of half ${this.#half}: nothing of it is used`);
      return false;
    }
    return true;
  }

  /** Whether there is what was programmed whole as a head, and not wiped since. */
  #wasHead(half: number): boolean {
    const last = this.#bytes(half, headBytes - 1, 1)[0]!;
    return last !== 0xff && this.#bytes(half, 0, headBytes).some((byte) => byte !== 0);
  }

  #sequenceOf(half: number): number {
    const head = this.#bytes(half, 0, headBytes);
    const view = new DataView(head.buffer);
    return view.getUint32(0, true) === magic && view.getUint16(10, true) === crc16(head, 0, 10) ? view.getUint32(4, true) : 0;
  }

  #bytes(half: number, at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.flash.read(half * this.#halfBytes + at, bytes, length);
    return bytes;
  }

  /** The record at a place of the half in use; undefined where there is no whole one. */
  #read(at: number): Uint8Array | undefined {
    const length = this.#lengthAt(at);
    if (length <= nameAt + tailBytes || at + length > this.#halfBytes) return undefined;
    const bytes = this.#bytes(this.#half, at, length);
    const end = length - tailBytes;
    return bytes[length - 1] !== 0xff && crc16(bytes, 0, end) === (bytes[end]! | (bytes[end + 1]! << 8)) ? bytes : undefined;
  }

  #lengthAt(at: number): number {
    if (at + nameAt > this.#halfBytes) return 0;
    const bytes = this.#bytes(this.#half, at, 2);
    return bytes[0]! | (bytes[1]! << 8);
  }

  /** Whether nothing was programmed from a place on. */
  #isBlank(from: number): boolean {
    for (let at = from; at < this.#halfBytes; at += chunkBytes) {
      const bytes = this.#bytes(this.#half, at, Math.min(chunkBytes, this.#halfBytes - at));
      if (!bytes.every((byte) => byte === 0xff)) return false;
    }
    return true;
  }

  /** Whether what is not whole at a place was marked as whole, or is not the last. */
  #isBroken(at: number): boolean {
    const end = at + this.#lengthAt(at);
    return end <= this.#halfBytes && !this.#isBlank(end - 1);
  }

  #load(name: StateName): Uint8Array | "damaged" | undefined {
    let found: Uint8Array | "damaged" | undefined = this.#isDamaged ? "damaged" : undefined;
    this.#visit((record, itsName) => {
      if (itsName === name) found = record.slice(nameAt + name.length, record.length - tailBytes);
      else if (itsName === lost + name) found = "damaged";
    });
    return found;
  }

  #visit(visit: (record: Uint8Array, name: string) => void): void {
    if (!this.#isLive) return;
    let at = headBytes;
    for (let record = this.#read(at); record; record = this.#read(at)) {
      visit(record, utf8Text(record, nameAt, nameAt + record[2]!) ?? "");
      at += record.length;
    }
  }

  #add(record: Uint8Array): void {
    const at = this.#at;
    // Until it is known to be there, nothing else may be written behind it.
    this.#at = this.#halfBytes;
    this.#program(this.#half, at, record);
    this.#at = at + record.length;
  }

  #program(half: number, at: number, record: Uint8Array): void {
    const start = half * this.#halfBytes + at;
    const marked = record.length - 1;
    this.flash.program(start, record, marked);
    this.flash.program(start + marked, record.subarray(marked), 1);
  }

  /** Writes what is in force to the other half, with a record in place of the one of its name. */
  #turn(name: StateName, record: Uint8Array | undefined): void {
    const inForce = new Map<string, Uint8Array>();
    const take = (itsName: string, bytes: Uint8Array | undefined) => {
      inForce.delete(lost + itsName);
      if (bytes && (bytes.length > nameAt + bytes[2]! + tailBytes || itsName.startsWith(lost))) inForce.set(itsName, bytes);
      else inForce.delete(itsName);
    };
    if (this.#isDamaged) for (const one of lasting) take(lost + one, recordOf(lost + one, new Uint8Array(0)));
    this.#visit((bytes, itsName) => take(itsName, bytes));
    take(name, record);
    const records = Array.from(inForce.values());
    const size = records.reduce((sum, { length }) => sum + length, headBytes);
    if (size > this.#halfBytes) throw new EbalanceError("storage-failed", "device", `${size} bytes of state do not fit into ${this.#halfBytes}`);
    const to = 1 - this.#half;
    const sectors = this.#halfBytes / this.flash.sectorBytes;
    for (let sector = 0; sector < sectors; sector++) this.flash.erase(to * sectors + sector);
    let at = headBytes;
    for (const bytes of records) {
      this.#program(to, at, bytes);
      at += bytes.length;
    }
    this.#programHead(to, this.#sequence + 1);
    if (this.#isLive || this.#isDamaged) this.#wipe(this.#half);
    this.#isLive = true;
    this.#isDamaged = false;
    this.#half = to;
    this.#sequence++;
    this.#at = at;
  }

  #programHead(half: number, sequence: number): void {
    const head = new Uint8Array(headBytes);
    const view = new DataView(head.buffer);
    view.setUint32(0, magic, true);
    view.setUint32(4, sequence, true);
    view.setUint16(10, crc16(head, 0, 10), true);
    this.flash.program(half * this.#halfBytes, head, headBytes);
  }

  /** Nothing of a half counts any more. */
  #wipe(half: number): void {
    this.flash.program(half * this.#halfBytes, new Uint8Array(headBytes), headBytes);
  }
}

function recordOf(name: string, bytes: Uint8Array): Uint8Array {
  const length = nameAt + name.length + bytes.length + tailBytes;
  if (length > 0xffff) throw new EbalanceError("storage-failed", "device", `state ${name}: ${bytes.length} bytes, a record of flash has fewer than 65,536`);
  const record = new Uint8Array(length);
  record[0] = length;
  record[1] = length >> 8;
  record[2] = name.length;
  writeUtf8(name, record, nameAt);
  record.set(bytes, nameAt + name.length);
  const end = length - tailBytes;
  const crc = crc16(record, 0, end);
  record[end] = crc;
  record[end + 1] = crc >> 8;
  return record;
}
