/**
 * The flash port: a partition of NOR flash. An erase sets a whole sector to 0xff, programming turns ones into zeros, and power may go at any byte. It knows nothing of what
 * is kept. Implementations: `targets/native/flash`, and {@link MemoryFlash} for tests.
 */
export interface FlashPort {
  /** Bytes of a sector, the least that can be erased: 4096 on the chips that are supported. */
  readonly sectorBytes: number;
  readonly sectorCount: number;
  /** Reads `length` bytes from `offset` into the head of `out`. @throws EbalanceError `storage-failed` */
  read(offset: number, out: Uint8Array, length: number): void;
  /** Programs the first `length` bytes at `offset`. @throws EbalanceError `storage-failed` where the flash does not hold them afterwards */
  program(offset: number, bytes: Uint8Array, length: number): void;
  /** Sets a sector to 0xff. @throws EbalanceError `storage-failed` */
  erase(sector: number): void;
}
