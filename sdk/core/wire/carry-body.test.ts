/** The bodies that take statements on: one encoding each, and nothing else is taken. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Result } from "../model/result";
import { carryOperation, maxCarriedBytes, readCarried, writeCarried, type CarriedBody } from "./carry-body";
import * as cbor from "./cbor";
import { encodeCbor, type CborValue } from "./cbor-value";
import { maxSequence, maxTimeS, Operation } from "./session-body";
import { maxPayloadBytes } from "./session-message";

function bytesOf(body: CarriedBody): Uint8Array {
  cbor.startWriting(new Uint8Array(2048));
  writeCarried(body);
  return cbor.writtenBuffer().slice(0, cbor.writePosition());
}
const bodyOf = (bytes: Uint8Array) => readCarried(bytes, 0, bytes.length);
const malformed = expect.objectContaining({ code: "malformed" });

const sequence = fc.integer({ min: 1, max: maxSequence });
const timeMs = fc.option(fc.integer({ min: 0, max: maxTimeS }).map((s) => s * 1000), { nil: undefined });
const statement = fc.uint8Array({ minLength: 1, maxLength: maxCarriedBytes });
const body: fc.Arbitrary<CarriedBody> = fc.oneof(
  fc.record({ op: fc.constant(carryOperation as 9), sequence, timeMs, statement, hops: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }) }),
  fc.record({ op: fc.constant(carryOperation as 9), sequence, timeMs, id: sequence }),
  fc.record({ op: fc.constant(Operation.notify), sequence, timeMs, id: sequence, result: fc.constant(Result.done), items: fc.constant([]), retryAfterMs: fc.constant(0), statement }),
  fc.record({ op: fc.constant(Operation.notify), sequence, timeMs, id: sequence, result: fc.constant(Result.notTrusted), items: fc.constant([]), retryAfterMs: fc.constant(0), nonce: fc.uint8Array({ minLength: 8, maxLength: 8 }) }),
);

describe("DI-10 bodies that take a statement on", () => {
  test("come back as they were written, and the largest fits into a message", () => {
    fc.assert(
      fc.property(body, (one) => {
        const bytes = bytesOf(one);
        expect(bodyOf(bytes)).toEqual(one);
        expect(bytes.length).toBeLessThanOrEqual(maxPayloadBytes);
      }),
    );
  });

  test("have one encoding: whatever is read is written as it came", () => {
    fc.assert(
      fc.property(body, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, change) => {
        const bytes = bytesOf(one);
        bytes[at % bytes.length]! ^= change;
        let read: CarriedBody;
        try {
          read = bodyOf(bytes);
        } catch (error) {
          expect(error).toEqual(malformed);
          return;
        }
        expect(bytesOf(read)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  const some = Uint8Array.of(1);
  test.each<[string, [number, CborValue][]]>([
    ["a carry without a sequence", [[1, 9], [19, some]]],
    ["a carry of nothing", [[1, 9], [3, 1]]],
    ["a carry that ends another at the same time", [[1, 9], [3, 1], [9, 1], [19, some]]],
    ["no bytes for a statement", [[1, 9], [3, 1], [19, new Uint8Array(0)]]],
    ["a statement that is too large", [[1, 9], [3, 1], [19, new Uint8Array(maxCarriedBytes + 1)]]],
    ["hops 0", [[1, 9], [3, 1], [16, 0], [19, some]]],
    ["hops 8", [[1, 9], [3, 1], [16, 8], [19, some]]],
    ["an answer with a result", [[1, 7], [3, 1], [9, 1], [11, 1], [19, some]]],
    ["an answer with items besides", [[1, 7], [3, 1], [5, []], [9, 1], [19, some]]],
    ["an answer to nothing", [[1, 7], [3, 1], [19, some]]],
    ["another operation with a statement", [[1, 1], [3, 1], [19, some]]],
    ["a nonce of another length", [[1, 7], [3, 1], [8, new Uint8Array(7)], [9, 1]]],
    ["sequence 0", [[1, 9], [3, 0], [19, some]]],
  ])("%s is refused", (_what, entries) => {
    const bytes = encodeCbor(new Map(entries));
    expect(() => bodyOf(bytes)).toThrow(malformed as Error);
  });
});
