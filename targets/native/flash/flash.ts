// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of flash.c: the flash port over native functions.
import { EbalanceError } from "../../../sdk/core/model/errors";
import type { FlashPort } from "../../../sdk/storage/flash-port";

/** The functions of flash.c as a script sees them; what is not 0 is an error of the platform. */
export interface NativeFlash {
  size(): number;
  read(offset: number, out: Uint8Array, length: number): number;
  program(offset: number, bytes: Uint8Array, length: number): number;
  erase(sector: number): number;
}

const sectorBytes = 4096;

/** A class, whose methods stand in flash: functions of its own would take a device RAM. */
class Partition implements FlashPort {
  readonly sectorBytes = sectorBytes;
  readonly sectorCount: number;

  constructor(
    private readonly native: NativeFlash,
    bytes: number,
  ) {
    this.sectorCount = bytes / sectorBytes;
  }

  read(offset: number, out: Uint8Array, length: number): void {
    const error = this.native.read(offset, out, length);
    if (error) failed("read", length, offset, error);
  }

  program(offset: number, bytes: Uint8Array, length: number): void {
    const error = this.native.program(offset, bytes, length);
    if (error) failed("program", length, offset, error);
  }

  erase(sector: number): void {
    const error = this.native.erase(sector);
    if (error) failed("erase", sectorBytes, sector * sectorBytes, error);
  }
}

/** Makes the flash port from native functions; undefined where the platform has no partition. */
export function createNativeFlash(native: NativeFlash): FlashPort | undefined {
  const bytes = native.size();
  return bytes === 0 ? undefined : new Partition(native, bytes);
}

function failed(what: string, length: number, offset: number, error: number): never {
  throw new EbalanceError("storage-failed", "device", `flash: ${what} of ${length} bytes at ${offset} failed (${error})`);
}
