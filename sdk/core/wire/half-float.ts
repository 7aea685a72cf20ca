/** IEEE 754 half floats, which the engines do not have. */

/** The bits of the half float that equals value, or -1 where there is none. */
export function halfBits(value: number): number {
  if (value !== value) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  if (size === Infinity) return sign | 0x7c00;
  if (size > 65504 || size < 2 ** -24) return -1;
  let exponent = 0;
  while (size >= 2 ** (exponent + 1)) exponent++;
  while (size < 2 ** exponent && exponent > -14) exponent--;
  const steps = size / 2 ** (exponent - 10);
  if (steps !== Math.floor(steps)) return -1;
  return sign | (exponent === -14 && steps < 1024 ? steps : ((exponent + 15) << 10) | (steps - 1024));
}

/** The number that the bits of a half float stand for. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const steps = bits & 1023;
  if (exponent === 31) return steps ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + steps) * 2 ** (exponent - 25) : steps * 2 ** -24);
}
