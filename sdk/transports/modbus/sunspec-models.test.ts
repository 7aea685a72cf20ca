import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pointValue, stringValue, type PointType } from "./sunspec-models";

const value = (words: number[], type: PointType, scaleAt?: number) => pointValue(Uint16Array.from(words), scaleAt === undefined ? { at: 0, type } : { at: 0, type, scaleAt });

describe("points of SunSpec models", () => {
  test.each<[PointType, number[], number]>([
    ["int16", [0xfffb], -5],
    ["int16", [0x7fff], 32767],
    ["uint16", [0x8000], 32768],
    ["uint32", [0x0001, 0x0002], 65538],
    ["uint32", [0x8000, 0x0000], 2147483648],
    ["acc32", [0xffff, 0xffff], 4294967295],
    ["uint64", [0, 1, 0, 5], 4294967301],
    ["float32", [0x4366, 0x8000], 230.5],
    ["float32", [0xc000, 0x0000], -2],
  ])("%s %j is %d", (type, words, expected) => expect(value(words, type)).toBe(expected));

  test.each<[PointType, number[]]>([
    ["int16", [0x8000]],
    ["uint16", [0xffff]],
    ["uint32", [0xffff, 0xffff]],
    ["acc32", [0, 0]],
    ["uint64", [0xffff, 0xffff, 0xffff, 0xffff]],
    ["float32", [0x7fc0, 0x0000]],
  ])("%s %j says that it is not implemented", (type, words) => expect(value(words, type)).toBeUndefined());

  test.each([
    [2305, 0xffff, 230.5],
    [4998, 0xfffe, 49.98],
    [42, 1, 420],
    [1, 10, 1e10],
    [7, 0xfff6, 7e-10],
  ])("%d with the scale factor %d is %d, to the last digit", (raw, scale, expected) => expect(value([raw, scale], "uint16", 1)).toBe(expected));

  test.each([11, 0xfff5, 300, 0x8000])("a scale factor of %d cannot be", (scale) =>
    expect(() => value([1, scale], "uint16", 1)).toThrow(expect.objectContaining({ code: "malformed", fault: "peer" })));

  test("a point that is not implemented may have a scale factor that is neither", () => expect(value([0xffff, 0x8000], "uint16", 1)).toBeUndefined());

  test("a text ends at its first NUL, and brings nothing onto a screen that is not printable", () => {
    const text = (bytes: string) => stringValue(Uint16Array.from({ length: 4 }, (_, i) => (bytes.charCodeAt(2 * i) << 8) | bytes.charCodeAt(2 * i + 1)), { at: 0, length: 4 });
    expect(["Maker\0\0\0", " Maker  ", "12345678", "\x1b[2Jé\n\0x"].map(text)).toEqual(["Maker", "Maker", "12345678", "?[2J??"]);
  });

  test("whatever stands in the registers, there is a number, nothing, or the peer's mistake", () => {
    const types = fc.constantFrom<PointType>("int16", "uint16", "uint32", "acc32", "uint64", "float32");
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 5, maxLength: 5 }), types, (words, type) => {
        try {
          expect(["number", "undefined"]).toContain(typeof value(words, type, 4));
        } catch (error) {
          expect(error).toMatchObject({ code: "malformed" });
        }
      }),
    );
  });
});
