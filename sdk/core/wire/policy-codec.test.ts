import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { granteeId, Names } from "../model/names";
import { policyFromText, type PolicyText } from "../model/policy";
import { NobleCrypto } from "../security/noble-crypto";
import * as cbor from "./cbor";
import { encodeCbor, type CborValue } from "./cbor-value";
import { hashPolicy, policyHashBytes, readPolicy, writePolicy } from "./policy-codec";

const crypto = new NobleCrypto((out) => randomFillSync(out));
const map = (sequence: CborValue, entries: CborValue, ...more: [number, CborValue][]) => new Map<number, CborValue>([[1, sequence], [2, entries], ...more]);
const one = [1, 0, [[0, 1]]];

function read(value: CborValue) {
  cbor.startReading(encodeCbor(value));
  const policy = readPolicy((index) => index + 100);
  cbor.readEnd();
  return policy;
}

const anyText: fc.Arbitrary<PolicyText> = fc.record({
  sequence: fc.integer({ min: 1, max: 0x7fffffff }),
  entries: fc.uniqueArray(
    fc.record({
      rights: fc.constantFrom("read" as const, "write" as const, "read-write" as const),
      minDelayS: fc.integer({ min: 0, max: 0x7fffffff }),
      grantees: fc.uniqueArray(fc.record({ stakeholder: fc.constantFrom("a", "b", "ü", "\u{1f50c}", "z".repeat(64)), service: fc.constantFrom("x", "y", "\ufffd") }), {
        minLength: 1,
        maxLength: 15,
        selector: (g) => `${g.stakeholder}/${g.service}`,
      }),
    }),
    { maxLength: 8, selector: (e) => `${e.rights}/${e.minDelayS}` },
  ),
});
const allNames = ["a", "b", "ü", "\u{1f50c}", "z".repeat(64), "x", "y", "\ufffd"];

describe("SP-2 policies on the wire", () => {
  test("a policy comes through a session whatever integers each end has for the names", () => {
    fc.assert(
      fc.property(anyText, fc.shuffledSubarray(allNames, { minLength: 8 }), fc.shuffledSubarray(allNames, { minLength: 8 }), (text, here, agreed) => {
        const sender = new Names();
        const receiver = new Names();
        here.forEach((name) => sender.id(name));
        const buffer = new Uint8Array(4096);
        cbor.startWriting(buffer);
        writePolicy(policyFromText(text, sender), (id) => agreed.indexOf(sender.text(id)));
        cbor.startReading(buffer, 0, cbor.writePosition());
        const got = readPolicy((index) => receiver.id(agreed[index]!));
        cbor.readEnd();
        expect(got).toEqual(policyFromText(text, receiver));
      }),
    );
  });

  test("the content hash is the same on every unit, and another for another policy", () => {
    fc.assert(
      fc.property(anyText, fc.shuffledSubarray(allNames, { minLength: 8 }), (text, order) => {
        const first = new Names();
        const second = new Names();
        order.forEach((name) => second.id(name));
        const hash = hashPolicy(policyFromText(text, first), first, crypto);
        expect(hash.length).toBe(policyHashBytes);
        expect(hashPolicy(policyFromText(text, second), second, crypto)).toEqual(hash);
        const other = { ...text, sequence: text.sequence === 1 ? 2 : text.sequence - 1 };
        expect(hashPolicy(policyFromText(other, second), second, crypto)).not.toEqual(hash);
      }),
    );
  });

  test("the largest policy with the longest names can be hashed", () => {
    const names = new Names();
    const grantees = Array.from({ length: 16 }, (_, i) => ({ stakeholder: String(i).padStart(64, "s"), service: String(i).padStart(64, "v") }));
    const entries = Array.from({ length: 8 }, (_, i) => ({ rights: "read-write" as const, minDelayS: 0x7ffffff0 + i, grantees }));
    expect(hashPolicy(policyFromText({ sequence: 0x7fffffff, entries }, names), names, crypto).length).toBe(policyHashBytes);
  });

  test("the layout of the format is read", () => {
    expect(read(map(7, [one, [3, 5, [[0, 1], [2, 0]]]]))).toEqual({
      sequence: 7,
      entries: [
        { rights: 1, minDelayS: 0, grantees: [granteeId(100, 101)] },
        { rights: 3, minDelayS: 5, grantees: [granteeId(100, 101), granteeId(102, 100)] },
      ],
    });
    expect(read(map(1, []))).toEqual({ sequence: 1, entries: [] });
  });

  test.each<[string, CborValue]>([
    ["sequence 0", map(0, [])],
    ["sequence above 2^31 - 1", map(2 ** 31, [])],
    ["no sequence", new Map<number, CborValue>([[2, []]])],
    ["a third field", map(1, [], [3, 2])],
    ["other keys", new Map<number, CborValue>([[1, 1], [3, []]])],
    ["a list", [1, []]],
    ["nine entries", map(1, Array.from({ length: 9 }, (_, i) => [1, i, [[0, 1]]]))],
    ["entries out of order by right", map(1, [[2, 0, [[0, 1]]], one])],
    ["entries out of order by delay", map(1, [[1, 5, [[0, 1]]], one])],
    ["the same entry twice", map(1, [one, one])],
    ["two entries of the same rights and delay", map(1, [one, [1, 0, [[0, 2]]]])],
    ["rights 0", map(1, [[0, 0, [[0, 1]]]])],
    ["rights 4", map(1, [[4, 0, [[0, 1]]]])],
    ["a negative delay", map(1, [[1, -1, [[0, 1]]]])],
    ["a delay above 2^31 - 1", map(1, [[1, 2 ** 31, [[0, 1]]]])],
    ["no grantee", map(1, [[1, 0, []]])],
    ["17 grantees", map(1, [[1, 0, Array.from({ length: 17 }, (_, i) => [0, i])]])],
    ["grantees out of order", map(1, [[1, 0, [[0, 2], [0, 1]]]])],
    ["stakeholders out of order", map(1, [[1, 0, [[1, 0], [0, 1]]]])],
    ["a grantee twice", map(1, [[1, 0, [[0, 1], [0, 1]]]])],
    ["a grantee of one name", map(1, [[1, 0, [[0]]]])],
    ["a grantee by text", map(1, [[1, 0, [["a", "b"]]]])],
    ["an entry of two", map(1, [[1, 0]])],
  ])("%s is refused", (_name, value) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
