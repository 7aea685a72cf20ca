import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { CredentialWorld, expiresS, issuedS } from "../../../tests/conformance/credential-world";
import { compareCodePoints } from "../model/utf8";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { makeSign1, readCose } from "../wire/cose";
import { encodeClaims, type Claims, type UnitClaims } from "./claims";
import { covers, issuerOf, makeCredential, parseCredential, type Delegation } from "./credential";
import { NobleFullCrypto } from "./noble-full-crypto";

const crypto = new NodeCrypto();
const noble = new NobleFullCrypto((out) => randomFillSync(out));
const world = new CredentialWorld(crypto);
const { operator, customer, meter } = world;
const malformed = expect.objectContaining({ name: "EbalanceError", code: "malformed", fault: "peer" });
const badArgument = expect.objectContaining({ name: "EbalanceError", code: "bad-argument", fault: "caller" });
const nothing = new Uint8Array(0);
const key = meter.key;
const unit: UnitClaims = { type: "unit", subject: "meter", domain: "elm-street", key, epoch: 1, issuedS, expiresS, role: "device", owner: "customer", parents: ["home"], below: [], agreementKey: key.bytes };

const name = fc.string({ minLength: 1, maxLength: 16, unit: "binary" });
const names = fc.uniqueArray(name, { maxLength: 5 });
const head = fc.record({
  subject: name,
  domain: name,
  key: fc.constantFrom(key, { use: "ed25519", bytes: new Uint8Array(32).fill(7) } as const),
  epoch: fc.integer({ min: 0, max: 0x3fff_ffff }),
  issuedS: fc.integer({ min: 0, max: 253_402_300_798 }),
  expiresS: fc.constantFrom(Infinity, 253_402_300_799),
});
const claims: fc.Arbitrary<Claims> = fc.oneof(
  fc.tuple(head, fc.constantFrom("stakeholder", "service")).map(([given, type]) => ({ ...given, type }) as Claims),
  fc
    .tuple(head, fc.record({ role: fc.constantFrom("device", "gateway"), owner: name, parents: names, below: names }))
    .map(([given, own]) => ({ ...given, ...own, type: "unit", agreementKey: key.bytes }) as Claims),
  fc
    .tuple(head, fc.record({ service: name, rights: fc.integer({ min: 1, max: 3 }), devices: names, variables: fc.uniqueArray(fc.integer({ min: 0, max: 65535 })) }, { requiredKeys: ["service", "rights"] }))
    .map(([given, own]) => ({ ...given, ...own, type: "delegation" }) as Claims),
);

describe("SP-1 a credential", () => {
  test("is read as it was made, whatever it says, alike on both crypto ports", () => {
    fc.assert(
      fc.property(claims, (given) => {
        const bytes = makeCredential(crypto, operator.signing, issuerOf(operator.credential), given);
        const read = parseCredential(bytes, noble);
        const expected: Record<string, unknown> = { ...given, issuer: "operator", issuerId: operator.credential.id, bytes };
        if (given.type === "unit") expected["below"] = [...given.below].sort(compareCodePoints);
        if (given.type === "delegation" && given.devices) expected["devices"] = [...given.devices].sort(compareCodePoints);
        if (given.type === "delegation" && given.variables) expected["variables"] = [...given.variables].sort((a, b) => a - b);
        expect(read).toMatchObject(expected);
        expect(Buffer.from(read.hash).toString("hex")).toMatch(new RegExp(`^${Buffer.from(read.id).toString("hex")}`));
        expect([read.id.length, read.hash.length]).toEqual([8, 32]);
      }),
    );
  });

  test("is small: a delegation has less than 260 bytes, a device's less than 330", () => {
    expect(world.delegation.length).toBeLessThan(260);
    expect(meter.credential.bytes.length).toBeLessThan(330);
  });

  test("is a copy: the message that it came in may be overwritten", () => {
    const message = world.delegation.slice();
    const read = parseCredential(message, crypto);
    message.fill(0);
    expect(read).toEqual(parseCredential(world.delegation, crypto));
  });

  const changed = (change: object) => () => makeCredential(crypto, operator.signing, issuerOf(operator.credential), { ...unit, ...change } as Claims);
  test.each<[string, () => Uint8Array]>([
    ["without a subject", changed({ subject: "" })],
    ["with a subject of 65 bytes", changed({ subject: "ü".repeat(32) + "x" })],
    ["without a domain", changed({ domain: "" })],
    ["with a negative epoch", changed({ epoch: -1 })],
    ["with an epoch of 2^30", changed({ epoch: 2 ** 30 })],
    ["with a part of an epoch", changed({ epoch: 0.5 })],
    ["that expires before it is issued", changed({ expiresS: issuedS })],
    ["issued before 1970", changed({ issuedS: -1 })],
    ["with a parent twice", changed({ parents: ["home", "home"] })],
    ["with a unit below it twice", changed({ below: ["lamp", "lamp"] })],
    ["with a compressed agreement key", changed({ agreementKey: key.bytes.slice(0, 33) })],
    ["with an agreement key that is no uncompressed point", changed({ agreementKey: Uint8Array.of(2, ...key.bytes.slice(1)) })],
    ["with a role there is none of", changed({ role: "root" })],
    ["of a delegation without rights", changed({ type: "delegation", service: "metering", rights: 0 })],
    ["of a delegation with rights there are none of", changed({ type: "delegation", service: "metering", rights: 4 })],
    ["of a delegation for a variable there is none of", changed({ type: "delegation", service: "metering", rights: 1, variables: [65536] })],
    ["of a root that another signs", changed({ type: "root" })],
    ["of a unit that nobody signs", () => makeCredential(crypto, operator.signing, { use: "es256", name: "operator" }, unit)],
    ["of a root under another name", () => makeCredential(crypto, operator.signing, { use: "es256", name: "operator" }, { type: "root", subject: "other", domain: "elm-street", key: operator.key, epoch: 0, issuedS, expiresS })],
  ])("%s is not made", (_what, make) => expect(make).toThrow(badArgument));

  const payload = encodeClaims("operator", unit, new Uint8Array(1024));
  const map = (...entries: [number, CborValue][]) => new Map<number, CborValue>(entries);
  const signed = (bytes: Uint8Array) => makeSign1(crypto, operator.signing, -7, operator.credential.id, bytes, nothing);
  const parts = readCose(meter.credential.bytes, "sign1");
  const message = (header: Map<number, CborValue>, open = map(), signature = parts.authenticator) => encodeCbor([encodeCbor(header), open, parts.payload, signature]);
  const { id } = operator.credential;
  const withFloat = () => {
    const bytes = Buffer.from(payload);
    // The epoch 1 as the half-precision float that is the same number.
    const at = bytes.indexOf(Buffer.from("01020201", "hex"));
    return Uint8Array.of(...bytes.subarray(0, at + 3), 0xf9, 0x3c, 0x00, ...bytes.subarray(at + 4));
  };

  test.each<[string, () => Uint8Array]>([
    ["a CBOR tag", () => Uint8Array.of(0xd2, ...meter.credential.bytes)],
    ["a claim that is not known", () => signed(encodeCbor((decodeCbor(payload) as Map<number, CborValue>).set(5, issuedS)))],
    ["a number in another form", () => signed(withFloat())],
    ["an open header", () => message(map([1, -7], [4, id]), map([3, 0]))],
    ["its issuer in the open header", () => message(map([1, -7]), map([4, id]))],
    ["a header that is not known", () => message(map([1, -7], [3, 0], [4, id]))],
    ["no algorithm", () => message(map([4, id]))],
    ["an algorithm for tags", () => message(map([1, 5], [4, id]))],
    ["an id of 9 bytes", () => message(map([1, -7], [4, Uint8Array.of(...id, 0)]))],
    ["a signature of 63 bytes", () => message(map([1, -7], [4, id]), map(), parts.authenticator.slice(1))],
    ["names below it that are not in order", () => signed(encodeClaims("operator", { ...unit, below: ["b", "a"] }, new Uint8Array(1024)))],
    ["more bytes than 32 kB", () => new Uint8Array(32_769)],
    ["nothing", () => nothing],
  ])("with %s is malformed", (_what, bytes) => expect(() => parseCredential(bytes(), crypto)).toThrow(malformed));

  test("has one signature: the other one that is valid on P-256 is malformed", () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    for (let i = 0; i < 20; i++) {
      const bytes = customer.signs({ type: "delegation", subject: "meter", epoch: i });
      const s = BigInt(`0x${Buffer.from(bytes.slice(-32)).toString("hex")}`);
      expect(s <= order / 2n).toBe(true);
      const other = bytes.slice();
      other.set(Buffer.from((order - s).toString(16).padStart(64, "0"), "hex"), bytes.length - 32);
      // It is valid: the signature alone would not tell.
      const { payload, protectedBytes } = readCose(other, "sign1");
      const covered = encodeCbor(["Signature1", protectedBytes, nothing, payload], new Uint8Array(1024));
      expect(crypto.verify(crypto.importPublicKey(customer.key.bytes, "es256"), covered, covered.length, other.slice(-64))).toBe(true);
      expect(() => parseCredential(other, crypto)).toThrow(malformed);
    }
  });

  test("of any bytes is one or malformed, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isPayload) => {
        expect(() => parseCredential(isPayload ? signed(bytes) : bytes, crypto)).toThrow(malformed);
      }),
    );
  });
});

describe("SP-2 a delegation", () => {
  const delegation = (given: Partial<Delegation>) => parseCredential(customer.signs({ type: "delegation", subject: "meter", ...given } as never), crypto) as Delegation;
  const at = (device: string, variable: number) => ({ device, variable });

  test.each<[string, Partial<Delegation>, 1 | 2, { device: string; variable: number }, boolean]>([
    ["without bounds covers all", {}, 2, at("meter", 5), true],
    ["for reading covers no write", { rights: 1 }, 2, at("meter", 5), false],
    ["for writing covers no read", { rights: 2 }, 1, at("meter", 5), false],
    ["for both covers reading", { rights: 3 }, 1, at("meter", 5), true],
    ["for one device covers no other", { devices: ["meter"] }, 1, at("lamp", 5), false],
    ["for some devices covers them", { devices: ["lamp", "meter"] }, 1, at("lamp", 5), true],
    ["for no device covers none", { devices: [] }, 1, at("lamp", 5), false],
    ["for one variable covers no other", { variables: [5] }, 1, at("meter", 6), false],
    ["for a device and a variable needs both", { devices: ["meter"], variables: [5] }, 1, at("lamp", 5), false],
  ])("%s", (_what, given, right, series, expected) => expect(covers(delegation(given), right, series)).toBe(expected));
});
