/** Our CBOR against the published test vectors and against cbor-x, a second implementation. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
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
  "map key that is neither integer nor text": /major type [24567] at \d+, expected 0/,
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
  console.log(Object.entries(counts).map(([what, times]) => `${times} ${what}`).join(", "));
  return counts;
}

/** A float that is a whole number is read, and written again as an integer: its bytes do not come back. */
function holdsWholeFloat(value: CborValue): boolean {
  return typeof value === "number" && Number.isSafeInteger(value);
}

describe.skipIf(!present)(`CBOR vectors in ${folder}${present ? "" : " (not there: set EBALANCE_DATA to the data folder)"}`, () => {
  test("every file is judged", () => {
    expect(readdirSync(`${folder}/cbor`).sort()).toEqual(["appendix_a.json", "rfc8949_bad.json", "rfc8949_good.json"]);
  });

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

  /** What we make of bytes: a value, or why they are refused. */
  function ours(bytes: Uint8Array): { readonly value: CborValue } | { readonly refusal: string } {
    try {
      return { value: decodeCbor(bytes) };
    } catch (error) {
      if (error instanceof EbalanceError && error.code === "malformed") return { refusal: error.message };
      throw error;
    }
  }

  /** What we accept is one encoding of one value, the same to cbor-x. @returns whether it was accepted */
  function agree(bytes: Uint8Array): boolean {
    const read = ours(bytes);
    if ("refusal" in read) return false;
    expect(peerDecode(bytes), toHex(bytes)).toEqual(read.value);
    const again = encode(read.value);
    // Where there may be a float that is a whole number, it comes back as an integer.
    if (!toHex(bytes).match(/f9|fa|fb/)) expect(toHex(again)).toBe(toHex(bytes));
    expect(peerDecode(again), toHex(bytes)).toEqual(read.value);
    return true;
  }

  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const mutated = fc.tuple(anyValue, changes, fc.integer({ min: -3, max: 2 })).map(([value, flips, longer]) => {
    const good = encode(value);
    const bytes = new Uint8Array(Math.max(0, good.length + longer));
    bytes.set(good.subarray(0, bytes.length));
    for (const [at, byte] of flips) if (bytes.length) bytes[at % bytes.length] = byte;
    return bytes;
  });
  /** Heads of items, one after another: arrays, maps and tags around short things, in every length of head. */
  const heads = fc
    .array(fc.oneof(fc.nat(255).map((byte) => [byte]), fc.tuple(fc.nat(7), fc.nat(4)).map(([major, info]) => [(major << 5) | info]), fc.tuple(fc.nat(7), fc.nat(40)).map(([major, low]) => [(major << 5) | 24, low])), { maxLength: 12 })
    .map((parts) => Uint8Array.from(parts.flat()));
  /** What chance does not find: an array within arrays, a list of indefinite length, NaN with a payload. */
  const rare = fc.constantFrom("81".repeat(17) + "00", "9f01ff", "5f4101ff", "f97e01", "fa7fc00001").map(fromHex);

  test("changed, cut and longer bytes are refused as malformed, or are the value that cbor-x finds in them", () => {
    let accepted = 0;
    fc.assert(fc.property(mutated, (bytes) => void (accepted += Number(agree(bytes)))), runs);
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(runs.numRuns / 2);
  });

  test("random bytes and heads are refused as malformed, or are the value that cbor-x finds in them", () => {
    let accepted = 0;
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 24 }), heads), (bytes) => void (accepted += Number(agree(bytes)))), { ...runs, numRuns: 20_000 });
    expect(accepted).toBeGreaterThan(500);
  });

  test("what cbor-x takes and we refuse has a name", () => {
    const lax: Readonly<Record<string, RegExp>> = { ...refusals, "map keys out of order, or twice": /not above the one before it/, "text that is not UTF-8": /is not UTF-8/, "NaN with a payload": /is not the half 7e00/ };
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(fc.oneof(mutated, heads, rare), (bytes) => {
        const read = ours(bytes);
        if (!("refusal" in read)) return;
        try {
          peerDecode(bytes);
        } catch {
          return;
        }
        const name = Object.keys(lax).find((category) => lax[category]!.test(read.refusal)) ?? `not foreseen: ${read.refusal}: ${toHex(bytes)}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }),
      { ...runs, numRuns: 20_000 },
    );
    console.log(`cbor-x takes: ${[...counts].map(([what, times]) => `${times} with ${what}`).join(", ")}`);
    expect([...counts.keys()].sort()).toEqual(Object.keys(lax).sort());
  });
});
