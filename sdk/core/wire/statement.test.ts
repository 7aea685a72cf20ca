import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { CredentialWorld } from "../../../tests/conformance/credential-world";
import { energy, registry, StatementWorld } from "../../../tests/conformance/statement-world";
import { policy as vectorPolicy } from "../../../tests/vectors/session-inputs";
import { Names } from "../model/names";
import { policyFromText } from "../model/policy";
import { parseCredential } from "../security/credential";
import * as cbor from "./cbor";
import { decodeCbor, encodeCbor, type CborValue } from "./cbor-value";
import { CoseAlgorithm, makeSign1 } from "./cose";
import { macContext, parseEnvelope, seal, startPayload, verify } from "./session-message";
import { bodyOfStatement, parseStatement, signStatement, statementHash } from "./statement";
import { StatementKind, type DataStatement, type StatementItem } from "./statement-body";

const malformed = expect.objectContaining({ code: "malformed" });
const crypto = new NodeCrypto();

/** What figures.md measures: the home's statement of the meter's readings, under the customer's delegation, with the policy inline. */
function readings(count: number): Uint8Array {
  const world = new CredentialWorld(crypto);
  const delegation = parseCredential(world.customer.signs({ type: "delegation", subject: "home", key: world.home.key }), crypto);
  const names = new Names();
  const policy = policyFromText(vectorPolicy, names);
  const timeMs = 1_789_992_734_000;
  const items: StatementItem[] = [];
  for (let i = 0; i < count; i++) {
    // A quarter of an hour apart, read when the meter came to it; 68 Wh each, more by day.
    const readMs = timeMs - (count - 1 - i) * 900_000 + ((i * 7919) % 1000);
    const value = 1_408_146 + i * 68 + Math.round(40 * Math.sin(i / 10));
    items.push({ variable: energy, value, timeMs: readMs, device: names.id("meter"), owner: names.id("customer"), policy });
  }
  const body: DataStatement = { kind: StatementKind.data, names, sequence: 1234, timeMs, items };
  return signStatement(crypto, world.home.signing, delegation, "vectors.example", body, registry);
}

test("CP-8 a statement of one reading with its policy takes 190 bytes at most, one of 64 readings 8 bytes a reading", () => {
  expect(readings(1).length).toBeLessThanOrEqual(190);
  expect(readings(64).length / 64).toBeLessThanOrEqual(8);
});

describe("SP-1 the envelope of a statement", () => {
  const world = new StatementWorld(crypto);
  const genuine = world.sign(world.data([world.item(5)]));
  const parts = decodeCbor(genuine) as [Uint8Array, Map<number, CborValue>, Uint8Array, Uint8Array];
  const headerOf = (...entries: [number, CborValue][]) => encodeCbor(new Map(entries));
  const id = world.metering.id;
  const put = (place: number, part: CborValue) => encodeCbor(parts.map((own, i) => (i === place ? part : own)), new Uint8Array(9000));

  test("is taken apart without being verified", () => {
    const { signerId, use, bytes, start, end } = parseStatement(genuine);
    expect([signerId, use, bytes.slice(start, end)]).toEqual([id, "es256", parts[2]]);
  });

  test.each<[string, Uint8Array]>([
    ["three parts", encodeCbor(parts.slice(0, 3))],
    ["five parts", encodeCbor([...parts, 0])],
    ["its CBOR tag", Uint8Array.of(0xd2, ...genuine)],
    ["a byte behind", Uint8Array.of(...genuine, 0)],
    ["unprotected headers", put(1, new Map([[4, id]]))],
    ["no algorithm", put(0, headerOf([4, id]))],
    ["no id", put(0, headerOf([1, -7]))],
    ["an id of 7 bytes", put(0, headerOf([1, -7], [4, id.slice(1)]))],
    ["an id of 9 bytes", put(0, headerOf([1, -7], [4, Uint8Array.of(0, ...id)]))],
    ["a content type besides", put(0, headerOf([1, -7], [3, 0], [4, id]))],
    ["the algorithm of a MAC", put(0, headerOf([1, 5], [4, id]))],
    ["ES384", put(0, headerOf([1, -35], [4, id]))],
    ["a detached payload", put(2, null)],
    ["no signature", put(3, new Uint8Array(0))],
    ["a signature cut by a byte", put(3, parts[3].slice(1))],
    ["a signature longer by a byte", put(3, Uint8Array.of(...parts[3], 0))],
    ["a signature in DER", put(3, Uint8Array.of(0x30, 0x44, 2, 0x20, ...parts[3].slice(0, 32), 2, 0x20, ...parts[3].slice(32)))],
    ["more than 8192 bytes", put(2, new Uint8Array(8192))],
  ])("with %s is refused", (_what, bytes) => {
    expect(() => parseStatement(bytes)).toThrow(malformed);
  });

  test("that is cut anywhere is refused", () => {
    for (let length = 0; length < genuine.length; length++) expect(() => parseStatement(genuine.slice(0, length))).toThrow(malformed);
  });

  test("another signature of the same statement is told apart by nothing that counts", () => {
    const again = world.sign(bodyOfStatement(parseStatement(genuine), world.metering, registry));
    expect(again).not.toEqual(genuine);
    expect(statementHash(parseStatement(again), crypto)).toEqual(statementHash(parseStatement(genuine), crypto));
    const other = world.sign(world.data([world.item(6)]));
    expect(statementHash(parseStatement(other), crypto)).not.toEqual(statementHash(parseStatement(genuine), crypto));
  });

  test("a credential is no statement, and a statement no credential", () => {
    const delegation = world.metering.bytes;
    expect(() => bodyOfStatement(parseStatement(delegation), world.customer.credential, registry)).toThrow(malformed);
    expect(() => world.verifier.verify(delegation)).toThrow(malformed);
    expect(() => parseCredential(genuine, crypto)).toThrow(malformed);
    expect(() => world.store.add(genuine)).toThrow(malformed);
  });

  test("a statement signed as a credential is not verified as one: what it is bound to stands in its external AAD", () => {
    const asCredential = makeSign1(crypto, world.meter.signing, CoseAlgorithm.es256, id, parts[2], new Uint8Array(0));
    expect(parseStatement(asCredential).signerId).toEqual(id);
    expect(() => world.verifier.verify(asCredential)).toThrow(expect.objectContaining({ code: "not-trusted" }));
  });

  test("a session message is no statement, and a statement no session message", () => {
    const key = crypto.importKey(new Uint8Array(32), "mac");
    const context = macContext(key, 7, "elm-street", "home", "session");
    startPayload();
    cbor.writeRaw(parts[2]);
    const message = seal(crypto, context);
    expect(verify(crypto, context, parseEnvelope(message))).toBe(true);
    expect(() => parseStatement(message)).toThrow(malformed);
    expect(() => parseEnvelope(genuine)).toThrow(malformed);
  });
});
