/**
 * Heads of sectors, programmed after the erase: `magic u32, sequence u32, changes u32, since u32, zero u16, CRC-16`. A sector without an intact one holds nothing.
 * What the numbers count is said in catalogue.ts.
 */
import type { FlashPort } from "../flash-port";
import type { SamplePort } from "./sample-port";

export const sectorHeaderBytes = 20;
/** The first sectors of the partition hold the catalogue, in turn. */
export const catalogueSectors = 2;
const crcAt = 18;

export interface SectorHeader {
  /** Of the sectors of one kind the one with the greatest sequence was begun last. */
  readonly sequence: number;
  /** How often the catalogue had been changed. */
  readonly changes: number;
  /** In the catalogue: what was kept under fewer changes belongs to one that was lost. */
  readonly since: number;
}

export function writeHeader(flash: FlashPort, samples: SamplePort, sector: number, magic: number, { sequence, changes, since }: SectorHeader): void {
  const bytes = new Uint8Array(sectorHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, sequence, true);
  view.setUint32(8, changes, true);
  view.setUint32(12, since, true);
  view.setUint16(crcAt, samples.crc(bytes, 0, crcAt), true);
  flash.program(sector * flash.sectorBytes, bytes, sectorHeaderBytes);
}

/** The head of a sector; undefined where it is of another kind or not intact. */
export function readHeader(flash: FlashPort, samples: SamplePort, sector: number, magic: number): SectorHeader | undefined {
  const bytes = new Uint8Array(sectorHeaderBytes);
  const view = new DataView(bytes.buffer);
  flash.read(sector * flash.sectorBytes, bytes, sectorHeaderBytes);
  if (view.getUint32(0, true) !== magic || view.getUint16(crcAt, true) !== samples.crc(bytes, 0, crcAt)) return undefined;
  return { sequence: view.getUint32(4, true), changes: view.getUint32(8, true), since: view.getUint32(12, true) };
}
