/** UTF-8, which engines for small devices offer in different ways or not at all. XS of a device indexes texts by code points, where the standard says UTF-16 units: both work here. */

/** Length of a text in UTF-8 bytes, or -1 if it has a lone surrogate, which UTF-8 cannot hold. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point >= 0xd800 && point <= 0xdfff) return -1;
    if (point > 0xffff && isLowSurrogate(text, i + 1)) i++;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}

/** Writes a text without lone surrogates to `out` from `at` on, where there must be room. @returns where it ends */
export function writeUtf8(text: string, out: Uint8Array, at: number): number {
  let next = at;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff && isLowSurrogate(text, i + 1)) i++;
    next = writeCodePoint(point, out, next);
  }
  return next;
}

function writeCodePoint(point: number, out: Uint8Array, at: number): number {
  if (point < 0x80) {
    out[at] = point;
    return at + 1;
  }
  const more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  out[at] = ((0xf0 << (3 - more)) & 0xff) | (point >> (6 * more));
  for (let i = 1; i <= more; i++) out[at + i] = 0x80 | ((point >> (6 * (more - i))) & 0x3f);
  return at + 1 + more;
}

/** The text of the bytes from `start` to before `stop`, or undefined if they are not valid UTF-8. */
export function utf8Text(bytes: Uint8Array, start = 0, stop = bytes.length): string | undefined {
  let text = "";
  for (let i = start; i < stop; ) {
    const point = codePointAt(bytes, i, stop);
    if (point < 0) return undefined;
    i += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** The code point that begins at `start`, or -1 where none does. */
function codePointAt(bytes: Uint8Array, start: number, stop: number): number {
  const first = bytes[start]!;
  if (first < 0x80) return first;
  const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || start + more >= stop) return -1;
  let point = first & (0x3f >> more);
  for (let i = 1; i <= more; i++) {
    const byte = bytes[start + i]!;
    if (byte >> 6 !== 2) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  const least = more === 1 ? 0x80 : more === 2 ? 0x800 : 0x10000;
  return point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? -1 : point;
}

/** Order of two texts by code points, which is the order of their UTF-8 bytes. `<` is that of UTF-16 on one engine and another on the next. */
export function compareCodePoints(a: string, b: string): number {
  for (let i = 0; ; i++) {
    const x = a.codePointAt(i);
    const y = b.codePointAt(i);
    if (x === undefined || y === undefined) return (x ?? -1) - (y ?? -1);
    if (x !== y) return x - y;
    if (x > 0xffff && isLowSurrogate(a, i + 1)) i++;
  }
}

/** Whether a code point that begins before `i` takes this index too. */
function isLowSurrogate(text: string, i: number): boolean {
  const unit = text.charCodeAt(i);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
