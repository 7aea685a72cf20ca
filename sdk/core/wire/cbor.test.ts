import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as cbor from "./cbor";
import { decodeCbor, encodeCbor, maxDepth, type CborValue } from "./cbor-value";

const view = new DataView(new ArrayBuffer(8));

/** The value of 16 bits as a half float, computed from a double with the same fields. */
function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : (sign * fraction) / 2 ** 24;
}

/** Every half float by value: the whole truth about what fits into 16 bits. */
const halves = new Map<number | string, number>();
const keyOf = (value: number) => (Object.is(value, -0) ? "-0" : value);
for (let bits = 0; bits < 0x10000; bits++) if (!Number.isNaN(halfValue(bits))) halves.set(keyOf(halfValue(bits)), bits);

function shortest(value: number): number[] {
  if (Number.isNaN(value)) return [0xf9, 0x7e, 0x00];
  const half = halves.get(keyOf(value));
  if (half !== undefined) return [0xf9, half >> 8, half & 255];
  const single = Math.fround(value) === value;
  if (single) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return [single ? 0xfa : 0xfb, ...Array.from({ length: single ? 4 : 8 }, (_, i) => view.getUint8(i))];
}

function written(value: number): number[] {
  const buffer = new Uint8Array(16);
  cbor.startWriting(buffer, 3);
  cbor.writeFloat(value);
  return Array.from(buffer.subarray(3, cbor.writePosition()));
}

function read(bytes: readonly number[]): number {
  cbor.startReading(Uint8Array.from(bytes));
  const value = cbor.readFloat();
  cbor.readEnd();
  return value;
}

const malformed = expect.objectContaining({ code: "malformed", fault: "peer" });
const anyFloat = fc.oneof(
  fc.double(),
  fc.float(),
  fc.nat(0xffff).map(halfValue),
  fc.nat(0xffff).map((bits) => halfValue(bits) + 2 ** -25),
  fc.nat(0xffff).map((bits) => halfValue(bits) * (1 + 2 ** -11)),
  fc.constantFrom(65504, 65505, 65519, 65520, 2 ** -24, 2 ** -25, 2 ** -14, 2 ** -14 - 2 ** -24, 5e-324, 3.4028234663852886e38, Number.MAX_VALUE, -0),
);

describe("CBOR floats", () => {
  test("each of the 65536 half floats is read and written as such, NaN in one form only", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const bytes = [0xf9, bits >> 8, bits & 255];
      const value = halfValue(bits);
      if (Number.isNaN(value) && bits !== 0x7e00) {
        expect(() => read(bytes)).toThrow(malformed);
      } else if (!Object.is(read(bytes), value) || String(written(value)) !== String(bytes)) expect([bits, read(bytes), written(value)]).toEqual([bits, value, bytes]);
    }
  });

  test("a float is written exactly and in the shortest of the three forms", () => {
    fc.assert(
      fc.property(anyFloat, (value) => {
        const bytes = written(value);
        expect(bytes).toEqual(shortest(value));
        expect(read(bytes)).toBe(value);
      }),
      { numRuns: 5000 },
    );
  });

  test("single and double floats that a shorter form could hold are refused", () => {
    fc.assert(
      fc.property(anyFloat, fc.boolean(), (value, double) => {
        if (double) view.setFloat64(0, value);
        else view.setFloat32(0, value);
        const bytes = [double ? 0xfb : 0xfa, ...Array.from({ length: double ? 8 : 4 }, (_, i) => view.getUint8(i))];
        const held = double ? value : Math.fround(value);
        if (String(shortest(held)) === String(bytes)) expect(read(bytes)).toBe(held);
        else expect(() => read(bytes)).toThrow(malformed);
      }),
      { numRuns: 2000 },
    );
  });

  test("floats are found at any place of a buffer that is a view itself", () => {
    const bytes = new Uint8Array(32).subarray(5, 20);
    cbor.startWriting(bytes, 2);
    cbor.writeFloat(1.1);
    cbor.startReading(bytes, 2, cbor.writePosition());
    expect(cbor.readFloat()).toBe(1.1);
  });
});

describe("CBOR values", () => {
  const leaf: fc.Arbitrary<CborValue> = fc.oneof(
    fc.maxSafeInteger(),
    fc.double({ noInteger: true }),
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 30 }),
  );
  const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.array(fc.tuple(fc.oneof(fc.maxSafeInteger(), fc.string({ unit: "binary", maxLength: 4 })), tie("value")), { maxLength: 5 }).map((pairs) => new Map(pairs)),
    ),
  }));

  test("what is encoded is decoded to the same", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encodeCbor(value);
        expect(encodeCbor(decodeCbor(bytes))).toEqual(bytes);
        expect(decodeCbor(bytes)).toEqual(value);
      }),
    );
  });

  test("a map has one encoding, in whatever order it was filled", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(fc.maxSafeInteger(), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 8 }), (keys) => {
        const forth = new Map(keys.map((key) => [key, 0] as const));
        const back = new Map([...keys].reverse().map((key) => [key, 0] as const));
        expect(encodeCbor(back)).toEqual(encodeCbor(forth));
      }),
    );
  });

  test("bytes that are accepted are the bytes that would be written", () => {
    const near = fc.tuple(anyValue, fc.nat(), fc.nat(255)).map(([value, place, byte]) => {
      const bytes = encodeCbor(value);
      bytes[place % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 12 })), (bytes) => {
        let value: CborValue;
        try {
          value = decodeCbor(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "malformed" });
          return;
        }
        // A whole number as a float is accepted by the general reader alone.
        const asFloat = Array.from(bytes).some((byte) => byte >= 0xf9 && byte <= 0xfb);
        if (!asFloat) expect(encodeCbor(value)).toEqual(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test("what is decoded is independent of the bytes that it came from", () => {
    const bytes = encodeCbor(["a", Uint8Array.of(1, 2)]);
    const value = decodeCbor(bytes);
    bytes.fill(0);
    expect(value).toEqual(["a", Uint8Array.of(1, 2)]);
  });

  test("a value that does not fit is too large, and one that CBOR does not have is a bad argument", () => {
    const nested = (depth: number): CborValue => (depth ? [nested(depth - 1)] : 0);
    expect(encodeCbor(nested(maxDepth)).length).toBe(maxDepth + 1);
    expect(() => encodeCbor(nested(maxDepth + 1))).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(() => encodeCbor("abcd", new Uint8Array(4))).toThrow(expect.objectContaining({ code: "too-large" }));
    for (const wrong of [undefined, () => 0, Symbol("a"), 5n, {}, "\ud800", new Map([[0.5, 1]])])
      expect(() => encodeCbor(wrong as CborValue)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
