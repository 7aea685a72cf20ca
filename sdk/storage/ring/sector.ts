/** Heads of sectors: `magic u32, sequence u32, zero u48, CRC-16`, programmed after the erase. A sector without an intact one holds nothing. */
import type { FlashPort } from "../flash-port";
import type { SampleCodec } from "./sample-record";

export const sectorHeaderBytes = 16;
/** The first sectors of the partition hold the catalogue, in turn. */
export const catalogueSectors = 2;
const crcAt = 14;

export function writeHeader(flash: FlashPort, codec: Pick<SampleCodec, "crc">, sector: number, magic: number, sequence: number): void {
  const bytes = new Uint8Array(sectorHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, sequence, true);
  view.setUint16(crcAt, codec.crc(bytes, 0, crcAt), true);
  flash.program(sector * flash.sectorBytes, bytes, sectorHeaderBytes);
}

/** @returns the sequence of the sector, 0 where its head is of another kind or not intact */
export function readHeader(flash: FlashPort, codec: Pick<SampleCodec, "crc">, sector: number, magic: number): number {
  const bytes = new Uint8Array(sectorHeaderBytes);
  const view = new DataView(bytes.buffer);
  flash.read(sector * flash.sectorBytes, bytes, sectorHeaderBytes);
  const isIntact = view.getUint32(0, true) === magic && view.getUint16(crcAt, true) === codec.crc(bytes, 0, crcAt);
  return isIntact ? view.getUint32(4, true) : 0;
}
