/** Keys that are kept wrapped, on node:crypto and on noble: what one wraps the other takes back. */
import { randomFillSync } from "node:crypto";
import { NobleFullCrypto, type AeadPort, type CryptoPort, type KeyHandle, type KeyUse, type KeyWrapPort, type PublicKeyPort, type PrivateKeyUse, type WrappableUse } from "ebalance";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "./node-crypto";

type WrappingCrypto = CryptoPort & AeadPort & PublicKeyPort & KeyWrapPort;
const noble = new NobleFullCrypto((out) => randomFillSync(out));
const node = new NodeCrypto();
const pairs: [string, WrappingCrypto, WrappingCrypto][] = [["node to noble", node, noble], ["noble to node", noble, node], ["node to node", node, node], ["noble to noble", noble, noble]];
const badArgument = expect.objectContaining({ name: "EbalanceError", code: "bad-argument", fault: "caller" });

const some = (size: number, fill: number) => new Uint8Array(size).fill(fill);
const secretUses: readonly [Exclude<KeyUse, "wrap" | "mac">, number][] = [["derive", 16], ["derive", 64], ["aes-ccm-64", 16], ["aes-ccm-128", 32], ["aes-gcm", 16], ["chacha20-poly1305", 32]];
const privateUses: readonly PrivateKeyUse[] = ["es256", "ecdh-p256", "ed25519", "x25519"];
const everyUse: readonly WrappableUse[] = [...new Set(secretUses.map(([use]) => use)), ...privateUses];

/** What a key of a use does: equal keys do the same. */
function deed(port: WrappingCrypto, key: KeyHandle, use: WrappableUse): Uint8Array {
  const out = new Uint8Array(32);
  if (use === "derive") port.mac(port.deriveKey(key, some(0, 0), some(0, 0), "mac"), some(4, 1), 4, out);
  else if (privateUses.includes(use as PrivateKeyUse)) return port.publicKey(key);
  else port.encrypt(key, some(12, 1), some(0, 0), some(32, 1), use === "aes-ccm-64" ? 24 : 16, out);
  return out;
}

describe.each(pairs)("SP-3 a wrapped key, %s", (_name, from, to) => {
  const bytes = some(32, 7);
  const [wrapping, unwrapping] = [from, to].map((port) => port.importKey(bytes, "wrap")) as [KeyHandle, KeyHandle];

  test.each(secretUses)("of %s with %i bytes comes back and does what it did", (use, size) => {
    const key = from.importKey(some(size, 5), use);
    const wrapped = from.wrap(wrapping, key);
    expect(wrapped).toHaveLength(size + 29);
    expect(deed(to, to.unwrap(unwrapping, wrapped, use), use)).toEqual(deed(from, key, use));
  });

  test.each(privateUses)("of %s comes back and does what it did", (use) => {
    const key = from.generateKey(use);
    expect(deed(to, to.unwrap(unwrapping, from.wrap(wrapping, key), use), use)).toEqual(deed(from, key, use));
  });

  test("never comes back for another use", () => {
    for (const use of everyUse) {
      const key = privateUses.includes(use as PrivateKeyUse) ? from.generateKey(use as PrivateKeyUse) : from.importKey(some(use.startsWith("aes") ? 16 : 32, 5), use as KeyUse);
      const wrapped = from.wrap(wrapping, key);
      for (const other of [...everyUse, "wrap", "mac", "verify-es256", ""]) if (other !== use) expect(() => to.unwrap(unwrapping, wrapped, other as WrappableUse)).toThrow(badArgument);
    }
  });

  test("with any bit changed, cut or lengthened, or under another key is refused, in the same words", () => {
    const wrapped = from.wrap(wrapping, from.importKey(some(32, 5), "derive"));
    const words = new Set<string>();
    const refused = (bytes: Uint8Array, under = unwrapping) => {
      try {
        to.unwrap(under, bytes, "derive");
        expect.unreachable();
      } catch (error) {
        expect(error).toEqual(badArgument);
        words.add((error as Error).message);
      }
    };
    for (let i = 0; i < 8 * wrapped.length; i++) refused(wrapped.map((byte, at) => (at === i >> 3 ? byte ^ (1 << (i & 7)) : byte)));
    for (let length = 0; length < wrapped.length; length++) refused(wrapped.subarray(0, length));
    refused(Uint8Array.of(...wrapped, 0));
    refused(wrapped, to.importKey(some(32, 8), "wrap"));
    expect(words.size).toBe(1);
  });

  test("looks different each time, and shows no byte of the key in its place", () => {
    const key = from.importKey(some(32, 5), "derive");
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) seen.add(Buffer.from(from.wrap(wrapping, key)).toString("hex"));
    expect(seen.size).toBe(50);
    for (const hex of seen) expect(hex).not.toContain("05050505");
  });
});

describe.each([["node", node], ["noble", noble]] as [string, WrappingCrypto][])("SP-3 the %s port", (_name, port) => {
  const wrapping = port.importKey(some(32, 7), "wrap");

  test("wraps under a key for that alone, which does nothing else and is never wrapped itself", () => {
    const secret = port.importKey(some(32, 1), "derive");
    for (const wrong of [secret, port.importKey(some(32, 7), "aes-ccm-128"), port.importKey(some(32, 7), "mac")]) {
      expect(() => port.wrap(wrong, secret)).toThrow(badArgument);
      expect(() => port.unwrap(wrong, port.wrap(wrapping, secret), "derive")).toThrow(badArgument);
    }
    for (const use of ["wrap", "mac"] as const) expect(() => port.wrap(wrapping, port.importKey(some(32, 1), use))).toThrow(badArgument);
    expect(() => port.wrap(wrapping, port.importPublicKey(port.publicKey(port.generateKey("es256")), "es256"))).toThrow(badArgument);
    expect(() => port.encrypt(wrapping, some(13, 1), some(0, 0), some(4, 1), 4, some(20, 0))).toThrow(badArgument);
    expect(() => port.decrypt(wrapping, some(13, 1), some(0, 0), some(20, 1), 20, some(4, 0))).toThrow(badArgument);
    expect(() => port.deriveKey(wrapping, some(0, 0), some(0, 0), "mac")).toThrow(badArgument);
    expect(() => port.mac(wrapping, some(4, 1), 4, some(8, 0))).toThrow(badArgument);
    for (const size of [16, 31, 33]) expect(() => port.importKey(some(size, 1), "wrap")).toThrow(`key of ${size} bytes: wrap takes 32`);
  });

  test("derives keys to wrap with, equal at both", () => {
    const [here, there] = [port, noble].map((each) => each.deriveKey(each.importKey(some(32, 3), "derive"), some(4, 1), some(4, 2), "wrap"));
    const wrapped = port.wrap(here!, port.importKey(some(32, 5), "derive"));
    expect(deed(noble, noble.unwrap(there!, wrapped, "derive"), "derive")).toEqual(deed(port, port.importKey(some(32, 5), "derive"), "derive"));
  });

  test("forgets a destroyed key, wrapped or wrapping", () => {
    const [under, key] = [port.importKey(some(32, 7), "wrap"), port.importKey(some(32, 5), "derive")];
    const wrapped = port.wrap(under, key);
    port.destroyKey(key);
    expect(() => port.wrap(under, key)).toThrow(badArgument);
    port.destroyKey(under);
    expect(() => port.unwrap(under, wrapped, "derive")).toThrow(badArgument);
  });

  test("takes anything as a wrapped key and refuses it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...everyUse), (bytes, use) => {
        expect(() => port.unwrap(wrapping, bytes, use)).toThrow(badArgument);
      }),
    );
  });
});
