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

/** Makes the flash port from native functions; undefined where the platform has no partition. */
export function createNativeFlash({ size, read, program, erase }: NativeFlash): FlashPort | undefined {
  const bytes = size();
  if (bytes === 0) return undefined;
  return {
    sectorBytes,
    sectorCount: bytes / sectorBytes,
    read(offset, out, length) {
      const error = read(offset, out, length);
      if (error) failed("read", length, offset, error);
    },
    program(offset, data, length) {
      const error = program(offset, data, length);
      if (error) failed("program", length, offset, error);
    },
    erase(sector) {
      const error = erase(sector);
      if (error) failed("erase", sectorBytes, sector * sectorBytes, error);
    },
  };
}

function failed(what: string, length: number, offset: number, error: number): never {
  throw new EbalanceError("storage-failed", "device", `flash: ${what} of ${length} bytes at ${offset} failed (${error})`);
}
