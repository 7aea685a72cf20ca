import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NobleCrypto } from "../security/noble-crypto";
import * as cbor from "./cbor";
import { encodeCbor, type CborValue } from "./cbor-value";
import { macContext, maxMessageBytes, maxPayloadBytes, parseEnvelope, payloadOf, seal, startPayload, tagBytes, tagOf, verify } from "./session-message";

const crypto = new NobleCrypto((out) => randomFillSync(out));
const key = crypto.importKey(new Uint8Array(32).fill(1), "mac");
const malformed = expect.objectContaining({ code: "malformed", fault: "peer" });

function message(payload: Uint8Array, kid = 1, domain = "grid", receiver = "home", kind: "open" | "session" = "session"): Uint8Array {
  const context = macContext(key, kid, domain, receiver, kind);
  startPayload();
  cbor.writeRaw(payload);
  return seal(crypto, context);
}

const tag = new Uint8Array(tagBytes);
const header = (kid: CborValue): Uint8Array => encodeCbor(new Map([[4, kid]]));
const envelope = (...parts: CborValue[]) => encodeCbor(parts);
const withKid = (kid: CborValue) => envelope(header(kid), new Map(), Uint8Array.of(0), tag);

describe("SP-1 the envelope of a message", () => {
  test("what is sealed is parsed and verified, for every kid and size of payload", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: maxPayloadBytes, size: "max" }), fc.integer({ min: 1, max: 65535 }), (payload, kid) => {
        const bytes = message(payload, kid);
        const parsed = parseEnvelope(bytes);
        expect([parsed.kid, payloadOf(parsed), tagOf(parsed).length]).toEqual([kid, payload, tagBytes]);
        expect(verify(crypto, macContext(key, kid, "grid", "home", "session"), parsed)).toBe(true);
        expect(bytes.length).toBeLessThanOrEqual(maxMessageBytes);
      }),
    );
  });

  test("sizes around the borders of the length encoding and at the end are exact", () => {
    for (const size of [0, 1, 23, 24, 255, 256, maxPayloadBytes]) expect(payloadOf(parseEnvelope(message(new Uint8Array(size)))).length).toBe(size);
    expect(() => message(new Uint8Array(maxPayloadBytes + 1))).toThrow(expect.objectContaining({ code: "too-large", fault: "caller" }));
    expect(() => message(new Uint8Array(2000))).toThrow(expect.objectContaining({ code: "too-large" }));
  });

  test.each([
    ["domain", macContext(key, 1, "grid2", "home", "session")],
    ["receiver", macContext(key, 1, "grid", "meter", "session")],
    ["kind", macContext(key, 1, "grid", "home", "open")],
    ["kid", macContext(key, 2, "grid", "home", "session")],
    ["boundary between domain and receiver", macContext(key, 1, "gri", "dhome", "session")],
    ["key", macContext(crypto.importKey(new Uint8Array(32).fill(2), "mac"), 1, "grid", "home", "session")],
  ])("a message does not verify under another %s", (_what, context) => {
    expect(verify(crypto, context, parseEnvelope(message(Uint8Array.of(1, 2, 3))))).toBe(false);
  });

  test("any changed bit of payload or tag is found", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), fc.nat(7), (payload, place, bit) => {
        const bytes = message(payload);
        const from = bytes.length - tagBytes - 1 - payload.length;
        const changed = from + (place % (bytes.length - from));
        if (changed === bytes.length - tagBytes - 1) return; // the head of the tag: found by the parser
        bytes[changed]! ^= 1 << bit;
        expect(verify(crypto, macContext(key, 1, "grid", "home", "session"), parseEnvelope(bytes))).toBe(false);
      }),
    );
  });

  test("a kid of 1 to 65535 in one or two bytes is taken", () => {
    expect([Uint8Array.of(1), Uint8Array.of(255), Uint8Array.of(1, 0), Uint8Array.of(255, 255)].map((kid) => parseEnvelope(withKid(kid)).kid)).toEqual([1, 255, 256, 65535]);
  });

  test.each<[string, Uint8Array]>([
    ["an empty kid", withKid(new Uint8Array(0))],
    ["kid 0", withKid(Uint8Array.of(0))],
    ["a kid with a leading zero", withKid(Uint8Array.of(0, 7))],
    ["a kid of three bytes", withKid(Uint8Array.of(1, 0, 0))],
    ["a kid that is a number", withKid(7)],
    ["a kid that is text", withKid("a")],
    ["no kid", envelope(encodeCbor(new Map()), new Map(), Uint8Array.of(0), tag)],
    ["an algorithm in the header", envelope(encodeCbor(new Map<number, CborValue>([[1, 4], [4, Uint8Array.of(1)]])), new Map(), Uint8Array.of(0), tag)],
    ["an empty header", envelope(new Uint8Array(0), new Map(), Uint8Array.of(0), tag)],
    ["a header with something behind it", envelope(Uint8Array.from([...header(Uint8Array.of(1)), 0]), new Map(), Uint8Array.of(0), tag)],
    ["an unprotected kid", envelope(header(Uint8Array.of(1)), new Map([[4, Uint8Array.of(1)]]), Uint8Array.of(0), tag)],
    ["an unprotected header that is a list", envelope(header(Uint8Array.of(1)), [], Uint8Array.of(0), tag)],
    ["a detached payload", envelope(header(Uint8Array.of(1)), new Map(), null, tag)],
    ["a tag of 7 bytes", envelope(header(Uint8Array.of(1)), new Map(), Uint8Array.of(0), new Uint8Array(7))],
    ["a tag of 9 bytes", envelope(header(Uint8Array.of(1)), new Map(), Uint8Array.of(0), new Uint8Array(9))],
    ["no tag", envelope(header(Uint8Array.of(1)), new Map(), Uint8Array.of(0))],
    ["a fifth part", envelope(header(Uint8Array.of(1)), new Map(), Uint8Array.of(0), tag, 0)],
    ["a map", encodeCbor(new Map([[1, 2]]))],
    ["nothing", new Uint8Array(0)],
    ["a tagged message", Uint8Array.from([0xd1, ...withKid(Uint8Array.of(1))])],
    ["something behind the message", Uint8Array.from([...withKid(Uint8Array.of(1)), 0])],
    ["a payload above the bound", encodeCbor([header(Uint8Array.of(1)), new Map(), new Uint8Array(maxPayloadBytes + 1), tag])],
    ["1025 bytes", new Uint8Array(maxMessageBytes + 1)],
  ])("%s is refused before any cryptography", (_what, bytes) => {
    expect(() => parseEnvelope(bytes)).toThrow(malformed);
  });

  test("the bytes of a sealed message are its own: the next one does not change them", () => {
    const first = message(Uint8Array.of(1, 2, 3));
    const copy = first.slice();
    message(Uint8Array.of(9, 9, 9, 9));
    expect(first).toEqual(copy);
  });

  test("domain and receiver of 64 bytes each can be sealed and verified", () => {
    const context = macContext(key, 65535, "d".repeat(64), "r".repeat(64), "session");
    startPayload();
    cbor.writeRaw(new Uint8Array(maxPayloadBytes));
    expect(verify(crypto, context, parseEnvelope(seal(crypto, context)))).toBe(true);
  });
});
