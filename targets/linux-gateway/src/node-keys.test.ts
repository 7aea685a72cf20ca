/** Encryption, signatures, agreement and wrapped keys on node:crypto and on noble: what one makes the other takes. */
import { randomFillSync } from "node:crypto";
import { NobleFullCrypto, type AgreementUse, type KeyHandle, type KeyUse, type PrivateKeyUse, type SignatureUse } from "ebalance";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FullCrypto } from "../../../sdk/core/security/crypto-port";
import { aeads } from "../../../tests/conformance/crypto-cases";
import { NodeCrypto } from "./node-crypto";

const noble = new NobleFullCrypto((out) => randomFillSync(out));
const node = new NodeCrypto();
const ports: [string, FullCrypto][] = [["noble", noble], ["node", node]];
const pairs: [string, FullCrypto, FullCrypto][] = [["node to noble", node, noble], ["noble to node", noble, node]];
const badArgument = expect.objectContaining({ name: "EbalanceError", code: "bad-argument", fault: "caller" });

const signatures: readonly SignatureUse[] = ["es256", "ed25519"];
const agreements: readonly AgreementUse[] = ["ecdh-p256", "x25519"];
const some = (size: number, fill: number) => new Uint8Array(size).fill(fill);

/** A tag that the key makes: equal keys make equal tags. */
function tagUnder(port: FullCrypto, secret: KeyHandle): Uint8Array {
  const key = port.deriveKey(secret, some(0, 0), some(0, 0), "mac");
  const tag = new Uint8Array(32);
  port.mac(key, tag, 1, tag);
  return tag;
}

describe.each(pairs)("SP-3 from %s", (_name, from, to) => {
  test.each(aeads)("%s with keys of %i and nonces of %i bytes is decrypted, and no bit of it may change", (use, keyBytes, nonceBytes, tagBytes) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ maxLength: 60 }), fc.nat(), fc.nat(7), fc.nat(), (plain, additional, place, bit, cut) => {
        const [encrypting, decrypting] = [from, to].map((port) => port.importKey(some(keyBytes, 9), use));
        const nonce = some(nonceBytes, 4);
        const length = plain.length - (cut % (plain.length + 1));
        const sealed = new Uint8Array(length + tagBytes);
        from.encrypt(encrypting!, nonce, additional, plain, length, sealed);
        const opened = new Uint8Array(length);
        expect(to.decrypt(decrypting!, nonce, additional, sealed, sealed.length, opened)).toBe(true);
        expect(opened).toEqual(plain.slice(0, length));
        sealed[place % sealed.length]! ^= 1 << bit;
        const nothing = new Uint8Array(length);
        expect(to.decrypt(decrypting!, nonce, additional, sealed, sealed.length, nothing)).toBe(false);
        expect(nothing).toEqual(new Uint8Array(length));
      }),
      { numRuns: 40 },
    );
  });

  test.each(signatures)("a signature of %s is verified, under its key and over its data alone", (use) => {
    const signer = from.generateKey(use);
    const [verifier, stranger] = [from.publicKey(signer), to.publicKey(to.generateKey(use))].map((bytes) => to.importPublicKey(bytes, use));
    const data = Uint8Array.of(1, 2, 3, 4);
    const signature = new Uint8Array(64);
    from.sign(signer, data, 3, signature);
    expect([to.verify(verifier!, data, 3, signature), to.verify(verifier!, data, 4, signature), to.verify(stranger!, data, 3, signature)]).toEqual([true, false, false]);
    for (let i = 0; i < 64; i++) {
      const changed = signature.slice();
      changed[i]! ^= 1;
      expect(to.verify(verifier!, data, 3, changed)).toBe(false);
    }
    for (const size of [0, 63, 65]) expect(to.verify(verifier!, data, 3, new Uint8Array(size))).toBe(false);
  });

  test.each(agreements)("both ends of %s agree, and a third does not", (use) => {
    const [ours, theirs, third] = [from.generateKey(use), to.generateKey(use), to.generateKey(use)];
    const expected = tagUnder(from, from.agree(ours, to.publicKey(theirs)));
    expect(tagUnder(to, to.agree(theirs, from.publicKey(ours)))).toEqual(expected);
    expect(tagUnder(to, to.agree(third, from.publicKey(ours)))).not.toEqual(expected);
  });
});

describe.each(ports)("SP-3 the %s port", (_name, port) => {
  test("has all of them", () => expect([...signatures, ...agreements].map((use) => port.supports(use))).toEqual([true, true, true, true]));

  test("the same private key has the same public one everywhere", () => {
    for (const use of [...signatures, ...agreements]) {
      const [a, b] = [noble, port].map((other) => other.publicKey(other.importPrivateKey(some(32, 5), use)));
      expect(a).toEqual(b);
    }
  });

  test("keys and nonces of a wrong length are refused by name and number", () => {
    for (const [use, size] of [["aes-gcm", 24], ["aes-ccm-64", 15], ["aes-ccm-128", 33], ["chacha20-poly1305", 16]] as [KeyUse, number][]) {
      expect(() => port.importKey(some(size, 1), use)).toThrow(`key of ${size} bytes: ${use}`);
    }
    const key = port.importKey(some(16, 1), "aes-gcm");
    const ccm = port.importKey(some(16, 1), "aes-ccm-64");
    const [data, out] = [some(8, 1), some(24, 0)];
    for (const size of [0, 11, 13]) expect(() => port.encrypt(key, some(size, 1), data, data, 8, out)).toThrow(badArgument);
    for (const size of [6, 14]) expect(() => port.encrypt(ccm, some(size, 1), data, data, 8, some(16, 0))).toThrow(badArgument);
    for (const [length, room] of [[9, 25], [-1, 15], [8, 23], [8, 25]]) expect(() => port.encrypt(key, some(12, 1), data, data, length!, some(room!, 0))).toThrow(badArgument);
    expect(() => port.decrypt(key, some(12, 1), data, out, 24, some(9, 0))).toThrow(badArgument);
    expect(port.decrypt(key, some(12, 1), data, data, 8, some(0, 0))).toBe(false);
  });

  test("a key has one use", () => {
    const mac = port.importKey(some(32, 1), "mac");
    const signer = port.generateKey("es256");
    const agreeing = port.generateKey("ecdh-p256");
    const verifier = port.importPublicKey(port.publicKey(signer), "es256");
    const signature = new Uint8Array(64);
    const data = some(4, 1);
    for (const wrong of [mac, agreeing, verifier]) expect(() => port.sign(wrong, data, 4, signature)).toThrow(badArgument);
    for (const wrong of [mac, signer, agreeing]) expect(() => port.verify(wrong, data, 4, signature)).toThrow(badArgument);
    for (const wrong of [mac, signer, verifier]) expect(() => port.agree(wrong, port.publicKey(agreeing))).toThrow(badArgument);
    for (const wrong of [mac, verifier]) expect(() => port.publicKey(wrong)).toThrow(badArgument);
    for (const wrong of [signer, agreeing]) expect(() => port.encrypt(wrong, some(12, 1), data, data, 4, some(20, 0))).toThrow(badArgument);
    expect(() => port.mac(signer, data, 4, some(8, 0))).toThrow(badArgument);
  });

  test("what is no private or public key is refused, and not shown", () => {
    const order = Uint8Array.from(Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex"));
    for (const bytes of [some(32, 0), order, some(32, 255), some(31, 1), some(33, 1)]) {
      expect(() => port.importPrivateKey(bytes, "es256")).toThrow(badArgument);
      expect(() => port.importPrivateKey(bytes, "es256")).toThrow(/^(?!.*[0-9a-f]{16})/);
    }
    const point = port.publicKey(port.generateKey("es256"));
    const off = point.slice();
    off[64]! ^= 1;
    const compressed = Uint8Array.of(2 + (point[64]! & 1), ...point.subarray(1, 33));
    for (const bytes of [off, compressed, some(65, 0), some(1, 0), some(64, 4)]) {
      expect(() => port.importPublicKey(bytes, "es256")).toThrow(badArgument);
      expect(() => port.agree(port.generateKey("ecdh-p256"), bytes)).toThrow(badArgument);
    }
  });

  test("keys of small order are refused: signatures under them are for all, and secrets known to all", () => {
    const orderEight = Uint8Array.from(Buffer.from("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "hex"));
    const identity = Uint8Array.of(1, ...some(31, 0));
    for (const bytes of [identity, orderEight, some(32, 0), some(32, 255)]) expect(() => port.importPublicKey(bytes, "ed25519")).toThrow(badArgument);
    for (const bytes of [some(32, 0), identity]) expect(() => port.agree(port.generateKey("x25519"), bytes)).toThrow(badArgument);
  });

  test("a use that is none is refused by name", () => {
    expect(() => port.generateKey("rsa" as PrivateKeyUse)).toThrow(/use rsa is none of es256/);
    expect(() => port.importKey(some(16, 1), "des" as KeyUse)).toThrow(/use des is none of mac/);
    expect(() => port.importPublicKey(some(32, 1), "x25519" as SignatureUse)).toThrow(badArgument);
    expect(port.supports("rsa" as PrivateKeyUse)).toBe(false);
  });
});
