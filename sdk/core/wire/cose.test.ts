import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NobleFullCrypto } from "../security/noble-full-crypto";
import { encodeCbor, type CborValue } from "./cbor-value";
import { aeadOf, coseKid, CoseAlgorithm, decryptEncrypt0, makeEncrypt0, makeMac0, makeSign1, readCose, verifyMac0, verifySign1 } from "./cose";

const crypto = new NobleFullCrypto((out) => randomFillSync(out));
const malformed = expect.objectContaining({ name: "EbalanceError", code: "malformed" });
const payload = Uint8Array.of(1, 2, 3);
const aad = new TextEncoder().encode("scope");
const kid = Uint8Array.of(7);

const signer = crypto.generateKey("es256");
const verifier = crypto.importPublicKey(crypto.publicKey(signer), "es256");
const macKey = crypto.importKey(new Uint8Array(32).fill(1), "mac");
const aeadKey = crypto.importKey(new Uint8Array(16).fill(2), "aes-ccm-64");
const nonce = new Uint8Array(13).fill(3);
const ccm = CoseAlgorithm.aesCcm16With64And128;

const signed = makeSign1(crypto, signer, CoseAlgorithm.es256, kid, payload, aad);
const tagged = makeMac0(crypto, macKey, CoseAlgorithm.hmac256Truncated64, kid, payload, aad);
const encrypted = makeEncrypt0(crypto, aeadKey, ccm, kid, nonce, payload, aad);

/** Whether each of the three is accepted with these bytes and this scope. */
const accepts = {
  sign1: (bytes: Uint8Array, scope = aad, algorithm: number = CoseAlgorithm.es256) => verifySign1(crypto, verifier, algorithm, readCose(bytes, "sign1"), scope),
  mac0: (bytes: Uint8Array, scope = aad, algorithm: number = CoseAlgorithm.hmac256Truncated64) => verifyMac0(crypto, macKey, algorithm, readCose(bytes, "mac0"), scope),
  encrypt0: (bytes: Uint8Array, scope = aad, algorithm: number = ccm) => decryptEncrypt0(crypto, aeadKey, algorithm, readCose(bytes, "encrypt0"), scope) !== undefined,
};
const messages = { sign1: signed, mac0: tagged, encrypt0: encrypted };
const kinds = ["sign1", "mac0", "encrypt0"] as const;

describe("SP-3 COSE", () => {
  test.each(kinds)("a %s is accepted as it was made, with its CBOR tag too, and says whose key it needs", (kind) => {
    const withTag = Uint8Array.of({ sign1: 0xd2, mac0: 0xd1, encrypt0: 0xd0 }[kind], ...messages[kind]);
    expect([accepts[kind](messages[kind]), accepts[kind](withTag)]).toEqual([true, true]);
    expect(coseKid(readCose(messages[kind], kind))).toEqual(kid);
  });

  test("what was encrypted comes out, and is not to be read before", () => {
    expect(decryptEncrypt0(crypto, aeadKey, ccm, readCose(encrypted, "encrypt0"), aad)).toEqual(payload);
    expect(Buffer.from(encrypted).includes(Buffer.from(payload))).toBe(false);
  });

  test.each(kinds)("a %s of another scope is refused", (kind) => {
    expect(accepts[kind](messages[kind], new TextEncoder().encode("scopf"))).toBe(false);
    expect(accepts[kind](messages[kind], new Uint8Array(0))).toBe(false);
  });

  test.each(kinds)("a %s under an algorithm that is not the key's is refused, whatever it says itself", (kind) => {
    for (const other of Object.values(CoseAlgorithm)) {
      const isOfKind = { sign1: other < 0, mac0: other === 4 || other === 5, encrypt0: other > 0 && other !== 4 && other !== 5 }[kind];
      const own = { sign1: -7, mac0: 4, encrypt0: 10 }[kind];
      if (isOfKind && other !== own) expect(accepts[kind](messages[kind], aad, other)).toBe(false);
    }
  });

  test.each(kinds)("a %s of which any bit was changed is refused", (kind) => {
    const message = messages[kind];
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.nat(7), (place, bit) => {
        const changed = message.slice();
        changed[place]! ^= 1 << bit;
        let accepted = false;
        try {
          accepted = accepts[kind](changed);
        } catch (error) {
          expect(error).toEqual(malformed);
        }
        expect(accepted).toBe(false);
      }),
    );
  });

  test("nor is one that was cut, or that goes on", () => {
    for (const kind of kinds) {
      const message = messages[kind];
      for (let length = 0; length < message.length; length++) expect(() => readCose(message.subarray(0, length), kind)).toThrow(malformed);
      expect(() => readCose(Uint8Array.of(...message, 0), kind)).toThrow(malformed);
    }
  });

  const map = (...entries: [number, CborValue][]) => new Map<number, CborValue>(entries);
  const empty = new Uint8Array(0);
  const tag = new Uint8Array(8);

  test.each<[string, CborValue]>([
    ["a parameter in both headers", [encodeCbor(map([1, 4])), map([1, 4]), payload, tag]],
    ["a critical parameter", [encodeCbor(map([2, [42]], [42, 1])), map(), payload, tag]],
    ["a critical parameter in the open", [empty, map([2, [42]]), payload, tag]],
    ["no payload", [empty, map(), null, tag]],
    ["a payload that is text", [empty, map(), "abc", tag]],
    ["a protected header that is a list", [encodeCbor([1]), map(), payload, tag]],
    ["a header that is not bytes", [map(), map(), payload, tag]],
    ["an open header that is a list", [empty, [], payload, tag]],
    ["five parts", [empty, map(), payload, tag, tag]],
    ["no array", 7],
  ])("a message with %s is malformed", (_what, value) => expect(() => readCose(encodeCbor(value), "mac0")).toThrow(malformed));

  test("a shorter tag than the algorithm's is refused, though it is the head of the right one", () => {
    const long = makeMac0(crypto, macKey, CoseAlgorithm.hmac256, undefined, payload, aad);
    const parts = readCose(long, "mac0");
    const short = encodeCbor([parts.protectedBytes, map(), parts.payload, parts.authenticator.subarray(0, 8)]);
    expect([accepts.mac0(long, aad, CoseAlgorithm.hmac256), accepts.mac0(short, aad, CoseAlgorithm.hmac256), accepts.mac0(short)]).toEqual([true, false, false]);
  });

  test("one kind is not taken for another", () => {
    expect(() => readCose(encrypted, "mac0")).toThrow(malformed);
    expect(verifyMac0(crypto, macKey, CoseAlgorithm.hmac256Truncated64, readCose(signed, "sign1"), aad)).toBe(false);
  });

  test("an algorithm that does not encrypt is named", () => {
    for (const algorithm of [4, -7, 2, 14, 29, 34, 10.5]) expect(() => aeadOf(algorithm)).toThrow(`algorithm ${algorithm} does not encrypt`);
  });
});
