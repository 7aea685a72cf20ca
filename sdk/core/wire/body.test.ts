import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Registry, type Value } from "../model/registry";
import { Result } from "../model/result";
import { standardVariables } from "../model/standard-variables";
import { condition, policyOf } from "../../../tests/vectors/random-bodies";
import * as cbor from "./cbor";
import { decodeCbor, encodeCbor, type CborValue } from "./cbor-value";
import { readBody, sequenceRead } from "./read-body";
import { maxSequence, Operation, type BodyContext, type Item, type SessionBody } from "./session-body";
import { writeBody } from "./write-body";

const registry = new Registry(standardVariables);
const nameCount = 20;
/** Wire index i is name i + 50 of the unit. */
const context: BodyContext = {
  registry,
  nameIds: Array.from({ length: nameCount }, (_, index) => index + 50),
  nameId(index) {
    if (index < nameCount) return index + 50;
    throw Object.assign(new Error(`name ${index}`), { code: "malformed" });
  },
  nameIndex: (id) => id - 50,
};
const malformed = expect.objectContaining({ code: "malformed" });

function bytesOf(body: SessionBody): Uint8Array {
  const buffer = new Uint8Array(8192);
  cbor.startWriting(buffer);
  writeBody(body, context);
  return buffer.slice(0, cbor.writePosition());
}

function bodyOf(bytes: Uint8Array): SessionBody {
  return readBody({ kid: 1, message: bytes, start: 0, end: bytes.length }, context);
}

const name = fc.integer({ min: 50, max: 50 + nameCount - 1 });
const sequence = fc.integer({ min: 1, max: maxSequence });
const source = fc.record({ device: name, service: name, stakeholder: name });
const selector = fc.record({ variable: fc.integer({ min: 0, max: 0xffff }), device: name, owner: name });
const policy = policyOf(name);
const itemPolicy = fc.oneof(fc.constant(undefined), fc.uint8Array({ minLength: 8, maxLength: 8 }), policy);

/** A variable with a value of its type: an integer is never written as a float, nor the other way round. */
const typed: fc.Arbitrary<{ variable: number; value: Value }> = fc.oneof(
  fc.record({ variable: fc.constantFrom(1, 3, 15), value: fc.maxSafeInteger() as fc.Arbitrary<Value> }),
  fc.record({ variable: fc.constant(32), value: fc.double({ noNaN: true }) as fc.Arbitrary<Value> }),
  fc.record({ variable: fc.constant(16), value: fc.boolean() as fc.Arbitrary<Value> }),
  fc.record({ variable: fc.constant(64), value: fc.string({ unit: "binary", maxLength: 30 }) as fc.Arbitrary<Value> }),
  fc.record({ variable: fc.constant(65), value: fc.uint8Array({ maxLength: 120 }) as fc.Arbitrary<Value> }),
);
const timeMs = fc.nat(0xffffffff).map((s) => s * 1000);

function items(messageTimeMs: number | undefined): fc.Arbitrary<Item[]> {
  const time = messageTimeMs === undefined ? fc.constant(0) : fc.integer({ min: -86_400_000, max: 86_400_000 }).map((offset) => messageTimeMs + offset);
  return fc.array(fc.record({ what: typed, timeMs: time, device: name, owner: name, policy: itemPolicy }), { minLength: 1, maxLength: 16 }).map((list) =>
    list.map(({ what, ...rest }) => ({ ...what, ...rest })),
  );
}

const anyBody: fc.Arbitrary<SessionBody> = fc.option(timeMs, { nil: undefined }).chain((time) => {
  const head = { sequence, timeMs: fc.constant(time) };
  return fc.oneof(
    fc.record({ ...head, op: fc.constant(Operation.write), source, items: items(time) }),
    fc.record({ ...head, op: fc.constant(Operation.query), source, selector, condition, function: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ ...head, op: fc.constant(Operation.event), source, selector, condition }),
    fc.record({ ...head, op: fc.constant(Operation.unsubscribe), source, id: sequence }),
    fc.record({ ...head, op: fc.constant(Operation.alive) }),
    fc.record({ ...head, op: fc.constant(Operation.notify), id: sequence, result: fc.nat(17).filter((code) => code !== Result.timeout && code !== Result.linkLost), items: fc.oneof(fc.constant([]), items(time)), retryAfterMs: fc.nat() }),
  ) as fc.Arbitrary<SessionBody>;
});

const example: Readonly<Record<string, SessionBody>> = {
  write: { op: 1, sequence: 3, timeMs: 5000, source: { device: 50, service: 51, stakeholder: 52 }, items: [{ variable: 3, value: 7, timeMs: 4990, device: 50, owner: 52, policy: undefined }] },
  query: { op: 2, sequence: 3, timeMs: 5000, source: { device: 50, service: 51, stakeholder: 52 }, selector: { variable: 3, device: 50, owner: 52 }, condition: [{ field: 1, comparison: 3, operand: 7 }], function: 1 },
  event: { op: 3, sequence: 3, timeMs: 5000, source: { device: 50, service: 51, stakeholder: 52 }, selector: { variable: 3, device: 50, owner: 52 }, condition: [] },
  unsubscribe: { op: 5, sequence: 3, timeMs: 5000, source: { device: 50, service: 51, stakeholder: 52 }, id: 9 },
  alive: { op: 6, sequence: 3, timeMs: 5000 },
  notify: { op: 7, sequence: 3, timeMs: 5000, id: 9, result: 2, items: [], retryAfterMs: 100 },
};
type Fields = Map<number, CborValue>;
const fieldsOf = (body: SessionBody): Fields => decodeCbor(bytesOf(body)) as Fields;
const optional = new Map([["write", [4]], ["query", [4]], ["event", [4]], ["unsubscribe", [4]], ["alive", [4]], ["notify", [4, 11, 12]]]);

describe("bodies of session messages", () => {
  test("what is written is read as the same body", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        expect(bodyOf(bytesOf(body))).toEqual(body);
      }),
      { numRuns: 500 },
    );
  });

  test("two encodings of a body never differ: what is written is deterministic CBOR and comes out the same again", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const bytes = bytesOf(body);
        expect(bytesOf(bodyOf(bytes))).toEqual(bytes);
        expect(bytesOf({ ...body })).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  for (const [operation, body] of Object.entries(example)) {
    const fields = fieldsOf(body);
    for (const key of fields.keys()) {
      if (optional.get(operation)!.includes(key)) continue;
      test(`DI-12 a ${operation} without field ${key} is refused`, () => {
        const less = new Map(fields);
        less.delete(key);
        expect(() => bodyOf(encodeCbor(less))).toThrow(malformed);
      });
    }
    for (let key = 0; key <= 15; key++) {
      if (fields.has(key) || (operation === "notify" && key === 5)) continue;
      test(`DI-12 a ${operation} with a field ${key} is refused`, () => {
        const donor = Object.values(example).map(fieldsOf).find((other) => other.has(key));
        const more = new Map(fields).set(key, donor?.get(key) ?? 1);
        expect(() => bodyOf(encodeCbor(more))).toThrow(malformed);
      });
    }
    test(`a ${operation} that is cut or continued is refused`, () => {
      const bytes = bytesOf(body);
      for (let length = 0; length < bytes.length; length++) expect(() => bodyOf(bytes.slice(0, length))).toThrow(malformed);
      expect(() => bodyOf(Uint8Array.from([...bytes, 0]))).toThrow(malformed);
    });
  }

  const change = (operation: string, key: number, value: CborValue) => new Map(fieldsOf(example[operation]!)).set(key, value);
  const item = (fields: CborValue) => change("write", 5, [fields]);
  test.each<[string, Fields]>([
    ["operation 4", change("alive", 1, 4)],
    ["operation 0", change("alive", 1, 0)],
    ["sequence 0", change("alive", 3, 0)],
    ["a sequence above the last", change("alive", 3, maxSequence + 1)],
    ["a negative time", change("alive", 4, -1)],
    ["a time after 2106", change("alive", 4, 2 ** 32)],
    ["a source of two names", change("query", 2, [0, 1])],
    ["a source by text", change("query", 2, ["a", "b", "c"])],
    ["a name that was not agreed", change("query", 2, [0, 1, nameCount])],
    ["a variable above 65535", change("query", 6, [65536, 0, 1])],
    ["five terms", change("query", 7, Array(5).fill([1, 1, 0]) as CborValue)],
    ["a term on field 3", change("query", 7, [[3, 1, 0]])],
    ["a term on field 0", change("query", 7, [[0, 1, 0]])],
    ["comparison 6", change("query", 7, [[1, 6, 0]])],
    ["comparison 0", change("query", 7, [[1, 0, 0]])],
    ["an operand NaN", change("query", 7, [[1, 1, NaN]])],
    ["an operand that is text", change("query", 7, [[1, 1, "5"]])],
    ["function 0", change("query", 10, 0)],
    ["function 7", change("query", 10, 7)],
    ["a timeout, which nobody else can tell", change("notify", 11, 9)],
    ["result 20", change("notify", 11, 20)],
    ["result 0, which is left out", change("notify", 11, 0)],
    ["a retry after 0 ms, which is left out", change("notify", 12, 0)],
    ["id 0", change("unsubscribe", 9, 0)],
    ["no items", change("write", 5, [])],
    ["17 items", change("write", 5, Array(17).fill([3, 7, 0, 0, 2, null]) as CborValue)],
    ["an item of five", item([3, 7, 0, 0, 2])],
    ["an item of seven", item([3, 7, 0, 0, 2, null, 0])],
    ["a hash of 7 bytes", item([3, 7, 0, 0, 2, new Uint8Array(7)])],
    ["a hash of 9 bytes", item([3, 7, 0, 0, 2, new Uint8Array(9)])],
    ["a value null", item([3, null, 0, 0, 2, null])],
    ["a value that is a list", item([3, [7], 0, 0, 2, null])],
    ["a text of 257 bytes", item([64, "x".repeat(257), 0, 0, 2, null])],
    ["a time offset with a fraction", item([3, 7, 0.5, 0, 2, null])],
  ])("DI-12 %s is refused", (_name, fields) => {
    expect(() => bodyOf(encodeCbor(fields))).toThrow(malformed);
  });

  test("a whole operand as a float is refused: it has one encoding", () => {
    const whole = bytesOf(example["query"]!);
    const place = whole.length - 3; // [field, comparison, 7], key 10, function
    expect(whole[place]).toBe(7);
    const asFloat = Uint8Array.from([...whole.slice(0, place), 0xf9, 0x47, 0x00, ...whole.slice(place + 1)]);
    expect(() => bodyOf(asFloat)).toThrow(malformed);
  });

  test("DI-1 an integer written as a float, and a float written as an integer, become values that no variable accepts", () => {
    const valueOf = (variable: number, value: number, form: number[]) => {
      const bytes = Array.from(encodeCbor(item([variable, value, 0, 0, 2, null])));
      const place = bytes.length - 5;
      const body = bodyOf(Uint8Array.from([...bytes.slice(0, place), ...form, ...bytes.slice(place + 1)]));
      return body.op === Operation.write ? body.items[0]!.value : undefined;
    };
    expect(valueOf(3, 7, [0xf9, 0x47, 0x00])).toBeNaN();
    expect(valueOf(3, 7, [0x07])).toBe(7);
    expect(valueOf(32, 1, [0x01])).toBeNaN();
    expect(valueOf(32, 1, [0xf9, 0x3c, 0x00])).toBe(1);
  });

  test("the sequence of a body that turns out to be malformed is known once it was reached, and that of an earlier body is forgotten", () => {
    expect(() => bodyOf(encodeCbor(change("query", 10, 7)))).toThrow(malformed);
    expect(sequenceRead).toBe(3);
    expect(() => bodyOf(encodeCbor(change("query", 2, [0])))).toThrow(malformed);
    expect(sequenceRead).toBe(0);
  });

  test("more than 16 items are too large to be written", () => {
    const write = example["write"] as Extract<SessionBody, { op: 1 }>;
    expect(() => bytesOf({ ...write, items: Array<Item>(17).fill(write.items[0]!) })).toThrow(expect.objectContaining({ code: "too-large" }));
  });
});
