import { randomFillSync } from "node:crypto";
import { NobleCrypto, type CryptoPort } from "ebalance";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "./node-crypto";

const noble = new NobleCrypto((out) => randomFillSync(out));
const node = new NodeCrypto();
const ports: [string, CryptoPort][] = [["noble", noble], ["node", node]];
const badArgument = expect.objectContaining({ name: "EbalanceError", code: "bad-argument", fault: "caller" });

const keyBytes = fc.uint8Array({ minLength: 16, maxLength: 64 });
const data = fc.uint8Array({ maxLength: 300 });

function tagOf(port: CryptoPort, key: Uint8Array, bytes: Uint8Array, length: number, size: number): Uint8Array {
  const handle = port.importKey(key, "mac");
  const tag = new Uint8Array(size);
  port.mac(handle, bytes, length, tag);
  port.destroyKey(handle);
  return tag;
}

describe("SP-3 the crypto ports agree", () => {
  test("on tags of every length, over any part of the data", () => {
    fc.assert(
      fc.property(keyBytes, data, fc.nat(), fc.integer({ min: 8, max: 32 }), (key, bytes, cut, size) => {
        const length = cut % (bytes.length + 1);
        const tag = tagOf(node, key, bytes, length, size);
        expect(tagOf(noble, key, bytes, length, size)).toEqual(tag);
        expect(tagOf(noble, key, bytes.slice(0, length), length, size)).toEqual(tag);
      }),
    );
  });

  test("on whether a tag is right, whichever byte of it was changed", () => {
    fc.assert(
      fc.property(keyBytes, data, fc.integer({ min: 8, max: 32 }), fc.nat(), fc.nat(7), (key, bytes, size, place, bit) => {
        const tag = tagOf(node, key, bytes, bytes.length, size);
        const wrong = tag.slice();
        wrong[place % size]! ^= 1 << bit;
        for (const [, port] of ports) {
          const handle = port.importKey(key, "mac");
          expect([port.verifyMac(handle, bytes, bytes.length, tag), port.verifyMac(handle, bytes, bytes.length, wrong)]).toEqual([true, false]);
        }
      }),
    );
  });

  test("on derived keys, for tags and for deriving further", () => {
    fc.assert(
      fc.property(keyBytes, fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 200 }), (secret, salt, info) => {
        const tags = ports.map(([, port]) => {
          const first = port.deriveKey(port.importKey(secret, "derive"), salt, info, "derive");
          const second = port.deriveKey(first, info, salt, "mac");
          const tag = new Uint8Array(32);
          port.mac(second, salt, salt.length, tag);
          return tag;
        });
        expect(tags[0]).toEqual(tags[1]);
      }),
    );
  });

  test("on hashes of any part of the data", () => {
    fc.assert(
      fc.property(data, fc.nat(), (bytes, cut) => {
        const hashes = ports.map(([, port]) => {
          const out = new Uint8Array(32);
          port.sha256(bytes, cut % (bytes.length + 1), out);
          return out;
        });
        expect(hashes[0]).toEqual(hashes[1]);
      }),
    );
  });
});

describe.each(ports)("SP-3 the %s port", (_name, port) => {
  const bytes = new Uint8Array(40).fill(3);
  const tag = new Uint8Array(8);

  test("refuses keys, lengths and tags that are out of bounds", () => {
    const mac = port.importKey(bytes, "mac");
    for (const size of [0, 15, 65]) expect(() => port.importKey(new Uint8Array(size), "mac")).toThrow(badArgument);
    for (const length of [-1, 41]) {
      expect(() => port.mac(mac, bytes, length, tag)).toThrow(badArgument);
      expect(() => port.verifyMac(mac, bytes, length, tag)).toThrow(badArgument);
      expect(() => port.sha256(bytes, length, new Uint8Array(32))).toThrow(badArgument);
    }
    for (const size of [0, 7, 33]) {
      expect(() => port.mac(mac, bytes, 40, new Uint8Array(size))).toThrow(badArgument);
      expect(() => port.verifyMac(mac, bytes, 40, new Uint8Array(size))).toThrow(badArgument);
    }
  });

  test("uses a key for its one use alone", () => {
    const mac = port.importKey(bytes, "mac");
    const derive = port.importKey(bytes, "derive");
    expect(() => port.deriveKey(mac, bytes, bytes, "mac")).toThrow(badArgument);
    expect(() => port.mac(derive, bytes, 40, tag)).toThrow(badArgument);
    expect(() => port.verifyMac(derive, bytes, 40, tag)).toThrow(badArgument);
  });

  test("forgets a destroyed key, also when it is destroyed twice, and no other", () => {
    const [gone, kept] = [port.importKey(bytes, "mac"), port.importKey(bytes, "mac")];
    port.destroyKey(gone);
    port.destroyKey(gone);
    expect(() => port.mac(gone, bytes, 40, tag)).toThrow(badArgument);
    expect(() => port.mac(kept, bytes, 40, tag)).not.toThrow();
    expect(() => port.mac({ keyId: 999_999 }, bytes, 40, tag)).toThrow(badArgument);
  });

  test("keeps its own copy of a key, and gives no byte of it back", () => {
    const mine = bytes.slice();
    const handle = port.importKey(mine, "mac");
    const before = new Uint8Array(32);
    port.mac(handle, bytes, 40, before);
    mine.fill(0);
    const after = new Uint8Array(32);
    port.mac(handle, bytes, 40, after);
    expect(after).toEqual(before);
    expect(Object.keys(handle)).toEqual(["keyId"]);
    expect(Object.isFrozen(handle)).toBe(true);
  });

  test("fills all of a buffer with random bytes, another time with others", () => {
    const [a, b] = [new Uint8Array(64), new Uint8Array(64)];
    port.random(a);
    port.random(b);
    expect(a).not.toEqual(b);
    expect(new Set(a).size).toBeGreaterThan(16);
  });
});
