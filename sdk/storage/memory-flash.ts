/** Flash in memory, for tests: it behaves as NOR flash does, and fails where it is told to. */
import { badArgument, EbalanceError } from "../core/model/errors";
import type { FlashPort } from "./flash-port";

/** Thrown in place of everything that follows a power cut. */
export class PowerCut extends Error {}

export class MemoryFlash implements FlashPort {
  readonly bytes: Uint8Array;
  /** Erases of each sector. */
  readonly erases: number[];
  /** Bytes programmed. */
  programmed = 0;
  /** Bytes of programs and erases until the power is cut; of the byte under way some bits have changed then, and some have not. */
  bytesLeft = Infinity;
  /** Asked at each program and erase whether it fails, as in a worn sector: half of a program is taken, and nothing of an erase. */
  fails: (sector: number) => boolean = () => false;
  /** Asked at each read. */
  isUnreadable: (sector: number) => boolean = () => false;

  /** @param bytes what was there before: the flash of a device that starts again */
  constructor(
    readonly sectorCount: number,
    bytes?: Uint8Array,
    readonly sectorBytes = 4096,
  ) {
    this.bytes = bytes ?? new Uint8Array(sectorCount * sectorBytes).fill(0xff);
    this.erases = new Array<number>(sectorCount).fill(0);
  }

  read(offset: number, out: Uint8Array, length: number): void {
    this.#check(offset, length);
    const sector = Math.floor(offset / this.sectorBytes);
    if (this.isUnreadable(sector)) this.#fail(sector);
    out.set(this.bytes.subarray(offset, offset + length));
  }

  program(offset: number, bytes: Uint8Array, length: number): void {
    this.#check(offset, length);
    const sector = Math.floor(offset / this.sectorBytes);
    const fails = this.fails(sector);
    for (let i = 0; i < (fails ? length / 2 : length); i++) {
      const before = this.bytes[offset + i]!;
      const after = before & bytes[i]!;
      this.#change(offset + i, after, before & (bytes[i]! | 0x5a));
      if (after !== bytes[i]) badArgument(`flash: byte ${offset + i} is ${before}, ${bytes[i]} cannot be programmed over it`);
      this.programmed++;
    }
    if (fails) this.#fail(sector);
  }

  erase(sector: number): void {
    this.#check(sector * this.sectorBytes, this.sectorBytes);
    if (this.fails(sector)) this.#fail(sector);
    this.erases[sector]!++;
    for (let i = sector * this.sectorBytes; i < (sector + 1) * this.sectorBytes; i++) this.#change(i, 0xff, this.bytes[i]! | 0x5a);
  }

  #fail(sector: number): never {
    throw new EbalanceError("storage-failed", "device", `flash: sector ${sector} has failed`);
  }

  #change(at: number, after: number, torn: number): void {
    const isCut = this.bytesLeft-- <= 0;
    this.bytes[at] = isCut ? torn : after;
    if (isCut) throw new PowerCut("power cut");
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes.length)) badArgument(`flash: ${length} bytes at ${offset} are not in ${this.bytes.length}`);
  }
}
