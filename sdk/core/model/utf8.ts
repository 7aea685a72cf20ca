/** Length of a text in UTF-8 bytes, or -1 if it has a lone surrogate, which UTF-8 cannot hold. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point >= 0xd800 && point <= 0xdfff) return -1;
    if (point > 0xffff) i++;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}
