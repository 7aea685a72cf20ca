import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8Length, utf8Text } from "./utf8";

const encoder = new TextEncoder();
const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
/** Bytes near the borders of UTF-8, which random bytes hardly ever meet. */
const border = fc.constantFrom(0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff);
const text = fc.string({ unit: "binary" });

describe("UTF-8", () => {
  test("bytes are read as the platform's strict decoder reads them, or refused like there", () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.array(border, { maxLength: 6 }).map((list) => Uint8Array.from(list)));
    fc.assert(
      fc.property(bytes, (some) => {
        expect(utf8Text(some)).toBe(decode(some));
      }),
      { numRuns: 5000 },
    );
  });

  test("every text comes back, and its length is that of its bytes", () => {
    fc.assert(
      fc.property(text, (some) => {
        const bytes = encoder.encode(some);
        expect([utf8Length(some), utf8Text(bytes)]).toEqual([bytes.length, some]);
      }),
    );
  });

  test("a text with a lone surrogate has no length", () => {
    const isLone = (some: string) => /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(some);
    const units = fc.array(fc.oneof(fc.constantFrom(0x41, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xfffd), fc.nat(0xffff)), { maxLength: 8 });
    fc.assert(
      fc.property(units, (codes) => {
        const some = String.fromCharCode(...codes);
        expect(utf8Length(some) === -1).toBe(isLone(some));
      }),
      { numRuns: 2000 },
    );
  });

  test("nothing outside of start and stop is looked at", () => {
    fc.assert(
      fc.property(text, fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (some, before, after) => {
        const inside = encoder.encode(some);
        const all = Uint8Array.from([...before, ...inside, ...after]);
        expect(utf8Text(all, before.length, before.length + inside.length)).toBe(some);
      }),
    );
    expect(utf8Text(Uint8Array.of(0xc3, 0xbc), 0, 1)).toBeUndefined();
  });
});
