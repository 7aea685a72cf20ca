/** Flash in memory, for tests: it behaves as NOR flash does, and fails where it is told to. */
import { badArgument, EbalanceError } from "../core/model/errors";
import type { FlashPort } from "./flash-port";

/** Thrown in place of everything that follows a power cut. */
export class PowerCut extends Error {}

export class MemoryFlash implements FlashPort {
  readonly sectorBytes = 4096;
  readonly bytes: Uint8Array;
  /** Erases of each sector. */
  readonly erases: number[];
  /** Bytes programmed. */
  programmed = 0;
  /** Bytes of programs and erases until the power is cut. */
  bytesLeft = Infinity;
  /** Whether programming fails as a worn sector's does. */
  failing = false;

  /** @param bytes what was there before: the flash of a device that starts again */
  constructor(
    readonly sectorCount: number,
    bytes?: Uint8Array,
  ) {
    this.bytes = bytes ?? new Uint8Array(sectorCount * this.sectorBytes).fill(0xff);
    this.erases = new Array<number>(sectorCount).fill(0);
  }

  read(offset: number, out: Uint8Array, length: number): void {
    this.#check(offset, length);
    out.set(this.bytes.subarray(offset, offset + length));
  }

  program(offset: number, bytes: Uint8Array, length: number): void {
    this.#check(offset, length);
    if (this.failing) throw new EbalanceError("storage-failed", "device", `flash: ${length} bytes at ${offset} were not taken`);
    for (let i = 0; i < length; i++) {
      this.#spend();
      const before = this.bytes[offset + i]!;
      this.bytes[offset + i] = before & bytes[i]!;
      if ((before & bytes[i]!) !== bytes[i]) badArgument(`flash: byte ${offset + i} is ${before}, ${bytes[i]} cannot be programmed over it`);
      this.programmed++;
    }
  }

  erase(sector: number): void {
    this.#check(sector * this.sectorBytes, this.sectorBytes);
    this.erases[sector]!++;
    for (let i = 0; i < this.sectorBytes; i++) {
      this.#spend();
      this.bytes[sector * this.sectorBytes + i] = 0xff;
    }
  }

  #spend(): void {
    if (this.bytesLeft-- <= 0) throw new PowerCut("power cut");
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes.length)) badArgument(`flash: ${length} bytes at ${offset} are not in ${this.bytes.length}`);
  }
}
