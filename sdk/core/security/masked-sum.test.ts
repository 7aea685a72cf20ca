import { createHmac, randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { addMasked, mask, maskingKey, maxContributors, unmask, type Masked } from "./masked-sum";
import { NobleFullCrypto } from "./noble-full-crypto";

const node = new NodeCrypto();
const malformed = expect.objectContaining({ name: "EbalanceError", code: "malformed" });
const notTrusted = expect.objectContaining({ name: "EbalanceError", code: "not-trusted" });
const badArgument = expect.objectContaining({ name: "EbalanceError", code: "bad-argument" });
const keys = new Map(Array.from({ length: 20 }, (_, i) => [`meter-${i}`, node.importKey(new Uint8Array(32).fill(i + 1), "mac")]));
const masked = (contributor: string, value: number, variable = 5, epoch = 7) => mask(node, keys.get(contributor)!, contributor, variable, epoch, value);
const sum = (parts: readonly Masked[], least = 1) => addMasked(parts, least)!;
const plain = (total: Masked) => unmask(node, (name) => keys.get(name), total);
const value = fc.integer({ min: -(2 ** 48), max: 2 ** 48 });

describe("SP-3 masked sums", () => {
  test("the key holder gets the sum, whoever has contributed and however it was added up", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.nat(20), (values, cut) => {
        const parts = values.map((value, i) => masked(`meter-${i}`, value));
        const total = values.reduce((a, b) => a + b, 0);
        expect(plain(sum(parts))).toBe(total);
        const halves = [parts.slice(0, cut), parts.slice(cut)].filter((half) => half.length).map((half) => sum(half));
        expect(plain(sum(halves))).toBe(total);
      }),
    );
  });

  test("values reach from -(2^53 - 1) to 2^53 - 1, and no further", () => {
    for (const edge of [0, 1, -1, 2 ** 31, -(2 ** 32), 2 ** 32 - 1, 2 ** 53 - 1, -(2 ** 53 - 1)]) expect(plain(masked("meter-1", edge))).toBe(edge);
    for (const wrong of [2 ** 53, -(2 ** 53), 0.5, NaN, Infinity]) expect(() => masked("meter-1", wrong)).toThrow(badArgument);
    expect(() => plain(sum([masked("meter-1", 2 ** 53 - 1), masked("meter-2", 1)]))).toThrow(malformed);
  });

  test("the mask is HMAC-SHA-256 over epoch and variable, on every port", () => {
    const input = Buffer.alloc(10);
    input.writeBigUInt64BE(2n ** 40n + 9n, 0);
    input.writeUInt16BE(515, 8);
    const expected = createHmac("sha256", Buffer.alloc(32, 2)).update(input).digest().readBigUInt64BE(0) + 1000n;
    const noble = new NobleFullCrypto((out) => randomFillSync(out));
    const others = [masked("meter-1", 1000, 515, 2 ** 40 + 9), mask(noble, noble.importKey(new Uint8Array(32).fill(2), "mac"), "meter-1", 515, 2 ** 40 + 9, 1000)];
    for (const { bytes } of others) expect(Buffer.from(bytes).readBigUInt64BE(0)).toBe(BigInt.asUintN(64, expected));
  });

  test("who drops out is not listed, and its mask stays on nothing", () => {
    const parts = [1, 2, 4, 8].map((value, i) => masked(`meter-${i}`, value));
    const total = sum(parts.filter((_, i) => i !== 2));
    expect(total.contributors).toEqual(["meter-0", "meter-1", "meter-3"]);
    expect(plain(total)).toBe(11);
  });

  test("an aggregator lets no sum out of fewer than the least number of contributors", () => {
    const parts = [masked("meter-0", 1), masked("meter-1", 2)];
    expect([addMasked(parts, 3), addMasked([], 0), addMasked(parts, 2)?.contributors.length]).toEqual([undefined, undefined, 2]);
    // Two sums of one are not two contributors.
    expect(() => addMasked([parts[0]!, parts[0]!], 2)).toThrow(malformed);
  });

  test.each<[string, (part: Masked) => Masked]>([
    ["another variable", (part) => ({ ...part, variable: 6 })],
    ["another epoch", (part) => ({ ...part, epoch: 8 })],
    ["7 bytes", (part) => ({ ...part, bytes: part.bytes.slice(1) })],
    ["nobody's", (part) => ({ ...part, contributors: [] })],
    ["a contributor's who is in it", (part) => ({ ...part, contributors: ["meter-1", "meter-0"] })],
  ])("a part that is of %s is refused", (_what, change) => expect(() => addMasked([masked("meter-0", 1), change(masked("meter-1", 2))], 1)).toThrow(malformed));

  test("is bounded", () => {
    const names = Array.from({ length: maxContributors + 1 }, (_, i) => `unit-${i}`);
    expect(() => addMasked([{ ...masked("meter-0", 1), contributors: names }], 1)).toThrow(expect.objectContaining({ code: "too-large" }));
    expect(() => plain({ ...masked("meter-0", 1), contributors: names })).toThrow(malformed);
  });

  test("a sum with a contributor who is not known, or named twice, is refused", () => {
    expect(() => plain({ ...masked("meter-0", 1), contributors: ["stranger"] })).toThrow(notTrusted);
    expect(() => plain({ ...masked("meter-0", 1), contributors: ["meter-0", "meter-0"] })).toThrow(notTrusted);
  });

  test("a list of contributors that is not that of the sum shows, nearly always: the rest of a mask is a number of 64 bits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 18 }), fc.integer({ min: 1, max: 2 ** 52 }), (count, epoch) => {
        const parts = Array.from({ length: count }, (_, i) => masked(`meter-${i}`, i, 5, epoch));
        try {
          expect(Math.abs(plain({ ...sum(parts), contributors: Array.from({ length: count + 1 }, (_, i) => `meter-${i}`) }))).toBeGreaterThan(2 ** 20);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
      }),
    );
  });

  test.each([[0, 1], [65536, 1], [1.5, 1], [1, 0], [1, 2 ** 53], [1, 1.5], [-1, 1]])("variable %d in epoch %d, which would share a mask with others, has none", (variable, epoch) => {
    expect(() => masked("meter-0", 1, variable, epoch)).toThrow(badArgument);
    expect(() => plain({ ...masked("meter-0", 1), variable, epoch })).toThrow(malformed);
  });

  test("both ends derive the same key of a contributor from what they have agreed on, another of each", () => {
    const [one, other] = [node.generateKey("ecdh-p256"), node.generateKey("ecdh-p256")];
    const there = maskingKey(node, node.agree(one, node.publicKey(other)), "meter-0");
    const secret = node.agree(other, node.publicKey(one));
    const part = mask(node, there, "meter-0", 5, 7, 42);
    expect(unmask(node, (name) => maskingKey(node, secret, name), part)).toBe(42);
    const [mine, yours] = ["meter-0", "meter-1"].map((name) => mask(node, maskingKey(node, secret, name), "meter-0", 5, 7, 42).bytes);
    expect(mine).not.toEqual(yours);
  });
});
