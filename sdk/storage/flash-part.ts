/** Some sectors of a partition as a partition of their own: a ring and state records beside each other. */
import { badArgument } from "../core/model/errors";
import type { FlashPort } from "./flash-port";

/**
 * @param first sector where the part begins. The sample port of a ring looks at the whole partition: the part of a ring begins at 0
 * @param count sectors of the part
 * @throws EbalanceError `bad-argument` for sectors that are not there
 * @example
 * const ring = new RingStore(flashPart(flash, 0, flash.sectorCount - 4), samples);
 * const state = new FlashState(flashPart(flash, flash.sectorCount - 4, 4), log);
 */
export function flashPart(flash: FlashPort, first: number, count: number): FlashPort {
  if (!(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1 && first + count <= flash.sectorCount)) badArgument(`flash of ${flash.sectorCount} sectors has no part of ${count} from sector ${first}`);
  return new Part(flash, first, count);
}

/** A class, whose methods stand in flash: functions of its own would take a device RAM. */
class Part implements FlashPort {
  readonly sectorBytes: number;
  readonly #from: number;

  constructor(
    private readonly flash: FlashPort,
    private readonly first: number,
    readonly sectorCount: number,
  ) {
    this.sectorBytes = flash.sectorBytes;
    this.#from = first * flash.sectorBytes;
  }

  read(offset: number, out: Uint8Array, length: number): void {
    this.#check(offset, length);
    this.flash.read(this.#from + offset, out, length);
  }

  program(offset: number, bytes: Uint8Array, length: number): void {
    this.#check(offset, length);
    this.flash.program(this.#from + offset, bytes, length);
  }

  erase(sector: number): void {
    this.#check(sector * this.sectorBytes, this.sectorBytes);
    this.flash.erase(this.first + sector);
  }

  /** What lies beside it is another's. */
  #check(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.sectorCount * this.sectorBytes)) badArgument(`${length} bytes at ${offset} are not in a part of ${this.sectorCount} sectors`);
  }
}
