/** Our CBOR against the published test vectors and against cbor-x, a second implementation. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Encoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EbalanceError } from "../../sdk/core/model/errors";
import { decodeCbor, encodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import { fromHex, toHex } from "../conformance/case";

const folder = process.env["EBALANCE_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const present = existsSync(`${folder}/cbor/appendix_a.json`);
/** `int64AsNumber` is missing in its types: without it, every integer of 64 bits becomes a BigInt. */
const options = { useRecords: false, mapsAsObjects: false, tagUint8Array: false, int64AsNumber: true };
const codec = new Encoder(options);

/** What valid CBOR may hold that this profile refuses, and what the refusal says. */
const refusals: Readonly<Record<string, RegExp>> = {
  tag: /tags are not accepted/,
  "indefinite length": /additional information 31/,
  "beyond 2^53": /beyond 2\^53 - 1/,
  "simple value or undefined": /byte (240|247|248) at \d+ is not a boolean/,
  "not shortest": /not in its shortest form/,
  "nested too deep": /nested deeper than 16/,
  "map key that is neither integer nor text": /major type [57] at \d+, expected 0/,
};

interface Vector {
  readonly hex: string;
  /** JSON of the value, where the source has one and JSON can hold it. */
  readonly json?: unknown;
}

/** What cbor-x makes of the bytes: of a copy, because it attaches a property to what it decodes. */
function peerDecode(bytes: Uint8Array): unknown {
  return codec.decode(bytes.slice());
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(`${folder}/cbor/${name}`, "utf8"));
}

function tests(name: string): Vector[] {
  return (read(name) as { tests: { encoded: string }[] }).tests.map(({ encoded }) => ({ hex: encoded }));
}

function appendix(): Vector[] {
  return (read("appendix_a.json") as { hex: string; decoded?: unknown }[]).map((v) => ("decoded" in v ? { hex: v.hex, json: v.decoded } : { hex: v.hex }));
}

function refusalOf(bytes: Uint8Array): string {
  try {
    decodeCbor(bytes);
  } catch (error) {
    if (error instanceof EbalanceError && error.code === "malformed") return error.message;
    throw error;
  }
  throw new Error("accepted");
}

/** Maps with text keys as JSON shows them. */
function asJson(value: CborValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, v]) => [key, asJson(v as CborValue)]));
  return Array.isArray(value) ? value.map(asJson) : value;
}

/** How many vectors were decoded as they must be, and how many were refused under each category. */
function tally(vectors: readonly Vector[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1);
  for (const { hex, json } of vectors) {
    const bytes = fromHex(hex);
    let value: CborValue;
    try {
      value = decodeCbor(bytes);
    } catch {
      const says = refusalOf(bytes);
      count(Object.keys(refusals).find((category) => refusals[category]!.test(says)) ?? `not foreseen: ${hex}: ${says}`);
      continue;
    }
    expect(value, hex).toEqual(peerDecode(bytes));
    if (json !== undefined) expect(asJson(value), hex).toEqual(json);
    if (!holdsWholeFloat(value)) expect(toHex(encodeCbor(value)), hex).toBe(hex);
    count("decoded");
  }
  return counts;
}

/** A float that is a whole number is read, and written again as an integer: its bytes do not come back. */
function holdsWholeFloat(value: CborValue): boolean {
  return typeof value === "number" && Number.isSafeInteger(value);
}

describe.skipIf(!present)(`CBOR vectors in ${folder}${present ? "" : " (not there: set EBALANCE_DATA to the data folder)"}`, () => {
  test("RFC 8949, not well-formed: every one is refused", () => {
    const bad = tests("rfc8949_bad.json");
    expect(bad.map(({ hex }) => refusalOf(fromHex(hex)))).toHaveLength(32);
  });

  test("RFC 8949, well-formed: decoded, or refused for a reason of the profile", () => {
    expect(tally(tests("rfc8949_good.json"))).toEqual({
      decoded: 43,
      "not shortest": 10,
      tag: 3,
      "nested too deep": 1,
      "map key that is neither integer nor text": 2,
    });
  });

  test("RFC 7049, appendix A: decoded, or refused for a reason of the profile", () => {
    expect(tally(appendix())).toEqual({
      decoded: 40,
      "not shortest": 4,
      tag: 5,
      "indefinite length": 8,
      "beyond 2^53": 2,
      "simple value or undefined": 3,
    });
  });
});

const text = fc.string({ unit: "binary", maxLength: 40 });
const key = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: 0, max: 30 }), text);
const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: "small" },
    fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double(), fc.float(), fc.integer({ min: -300, max: 300 })),
    fc.oneof(fc.boolean(), fc.constant(null), text, fc.uint8Array({ maxLength: 300 })),
    fc.array(tie("value"), { maxLength: 30 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 30 }).map((entries) => new Map(entries)),
  ),
}));
/** The same values in every run: a failure is seen by whoever runs the tests next. */
const runs = { numRuns: 3000, seed: 20260921 };

function encode(value: CborValue): Uint8Array {
  return encodeCbor(value, new Uint8Array(1 << 18));
}

describe("CBOR of random values", () => {
  test("what we encode, cbor-x and we decode to the same value, and encode again to the same bytes", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value);
        expect(peerDecode(bytes)).toEqual(value);
        expect(decodeCbor(bytes)).toEqual(value);
        expect(toHex(encode(decodeCbor(bytes)))).toBe(toHex(bytes));
      }),
      runs,
    );
  });

  test("changed, cut and longer bytes are refused as malformed, or are another value of the profile", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    let refused = 0;
    fc.assert(
      fc.property(anyValue, changes, fc.integer({ min: -3, max: 2 }), (value, flips, longer) => {
        const good = encode(value);
        const bytes = new Uint8Array(Math.max(0, good.length + longer));
        bytes.set(good.subarray(0, bytes.length));
        for (const [at, byte] of flips) if (bytes.length) bytes[at % bytes.length] = byte;
        let other: CborValue;
        try {
          other = decodeCbor(bytes);
        } catch (error) {
          refused++;
          return error instanceof EbalanceError && error.code === "malformed";
        }
        expect(decodeCbor(encode(other))).toEqual(other);
        return true;
      }),
      runs,
    );
    expect(refused).toBeGreaterThan(runs.numRuns / 2);
  });
});
