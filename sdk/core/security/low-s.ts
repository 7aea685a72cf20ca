/**
 * ECDSA has two signatures for whoever has one: (r, s), and (r, n - s), n being the order of the curve. Where the bytes of what is signed name it, as with credentials, one of the two is chosen:
 * the one with the smaller s.
 */

/** The order of P-256 (FIPS 186-5; SEC 2, section 2.4.2), in words of 32 bits. */
const order: readonly number[] = Object.freeze([0xffffffff, 0x00000000, 0xffffffff, 0xffffffff, 0xbce6faad, 0xa7179e84, 0xf3b9cac2, 0xfc632551]);
const scalarBytes = 32;

/** The scalar n - s. */
function negated(s: Uint8Array): Uint8Array {
  const out = new Uint8Array(scalarBytes);
  let borrow = 0;
  for (let i = scalarBytes - 1; i >= 0; i--) {
    const difference = ((order[i >> 2]! >>> (24 - 8 * (i & 3))) & 0xff) - s[i]! - borrow;
    out[i] = difference;
    borrow = difference < 0 ? 1 : 0;
  }
  return out;
}

/** Whether a signature on P-256 is the one with the smaller s. */
export function isLowS(signature: Uint8Array): boolean {
  const s = signature.subarray(scalarBytes);
  const other = negated(s);
  for (let i = 0; i < scalarBytes; i++) if (s[i] !== other[i]) return s[i]! < other[i]!;
  return true;
}

/** Makes a signature on P-256 the one with the smaller s. */
export function toLowS(signature: Uint8Array): void {
  if (!isLowS(signature)) signature.set(negated(signature.subarray(scalarBytes)), scalarBytes);
}
