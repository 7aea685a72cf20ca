/** CRC-16 (polynomial 0x1021, from 0xffff, nothing reflected): finds what noise has done, and nothing that somebody meant. */

/** The CRC of bytes[start..end). */
export function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffff;
  for (let i = start; i < end; i++) {
    // Eight steps of the division at once, without a table.
    let step = (crc >> 8) ^ bytes[i]!;
    step ^= step >> 4;
    crc = ((crc << 8) ^ (step << 12) ^ (step << 5) ^ step) & 0xffff;
  }
  return crc;
}
