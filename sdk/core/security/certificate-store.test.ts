import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { expectError } from "../../../tests/conformance/case";
import { CredentialWorld, expiresS, issuedS, Member } from "../../../tests/conformance/credential-world";
import { EbalanceError } from "../model/errors";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { makeSign1, readCose } from "../wire/cose";
import { CertificateStore } from "./certificate-store";
import { encodeClaims, type Claims } from "./claims";
import { issuerOf, parseCredential } from "./credential";
import { NobleFullCrypto } from "./noble-full-crypto";

const ports = [
  ["node", new NodeCrypto()],
  ["noble", new NobleFullCrypto((out) => randomFillSync(out))],
] as const;

/** Ids are 8 bytes, and with enough work two credentials have the same: here those of twins have. */
class CollidingCrypto extends NodeCrypto {
  override sha256(data: Uint8Array, length: number, out: Uint8Array): void {
    super.sha256(data, length, out);
    if (Buffer.from(data.subarray(0, length)).includes("twin")) out.fill(7, 0, 8);
  }
}

test("SP-1 of two credentials with the same id a certificate store holds the first, and trusts and verifies nothing for the second", () => {
  const world = new CredentialWorld(new CollidingCrypto());
  const store = new CertificateStore(world.crypto, world.clock, world.root);
  const [first, second] = [world.home, world.meter].map(({ key }, i) => world.operator.signs({ type: "stakeholder", subject: `twin ${i + 1}`, key }));
  const [held, other] = [store.add(first!), parseCredential(second!, world.crypto)];
  expect(other.id).toEqual(held.id);
  expect(expectError(() => store.add(second!), "not-trusted")).toMatch(/twin 2 has the id of another/);
  const signature = new Uint8Array(64);
  world.crypto.sign(world.home.signing, new Uint8Array(1), 1, signature);
  expect([store.verify(held, new Uint8Array(1), 1, signature), store.verify(other, new Uint8Array(1), 1, signature)]).toEqual([true, false]);
  expect([store.refusal(held), store.refusal(other)]).toEqual([undefined, expect.stringMatching(/twin 2 is not known here/)]);
});

describe.each(ports)("SP-1 a certificate store on %s", (_name, crypto) => {
  const world = new CredentialWorld(crypto);
  const { operator, customer, supplier, home, meter } = world;
  const opened = (...credentials: Uint8Array[]) => {
    const store = new CertificateStore(crypto, world.clock, world.root);
    for (const bytes of credentials) store.add(bytes);
    return store;
  };
  const usual = () => opened(customer.credential.bytes, supplier.credential.bytes, home.credential.bytes, meter.credential.bytes);

  test.each(["es256", "ed25519"] as const)("takes the credentials of a domain whose chain leads to its root, with %s", (use) => {
    const world = new CredentialWorld(crypto, use);
    const store = new CertificateStore(crypto, world.clock, world.root);
    store.add(world.customer.credential.bytes);
    store.add(world.meter.credential.bytes);
    const delegation = store.add(world.delegation);
    expect([store.domain, store.size, delegation.issuer, store.refusal(delegation)]).toEqual(["elm-street", 4, "customer", undefined]);
    expect(store.unit("meter")).toEqual(world.meter.credential);
    expect(store.stakeholder("customer")).toEqual(world.customer.credential);
    expect(store.delegations("meter")).toEqual([delegation]);
    expect(store.find(delegation.id)).toBe(delegation);
    expect(store.add(world.delegation)).toBe(delegation);
  });

  test("gives them back for keeping in an order in which another takes them in", () => {
    const store = usual();
    store.add(world.delegation);
    const kept: Uint8Array[] = [];
    store.forEach(({ bytes, type }) => type !== "root" && kept.push(bytes));
    expect(opened(...kept).delegations("meter")).toEqual(store.delegations("meter"));
  });

  test("knows the owner's signature from another's", () => {
    const store = usual();
    const delegation = store.add(world.delegation);
    const data = Uint8Array.of(1, 2, 3);
    const signature = new Uint8Array(64);
    crypto.sign(meter.signing, data, data.length, signature);
    expect([store.verify(delegation, data, 3, signature), store.verify(delegation, data, 2, signature), store.verify(customer.credential, data, 3, signature)]).toEqual([true, false, false]);
  });

  test("has no root that others have signed, or that is none", () => {
    const forged = new Member(crypto).signs({ type: "root", subject: "operator", key: operator.key }, { use: "es256", name: "operator" });
    expect(expectError(() => new CertificateStore(crypto, world.clock, forged), "not-trusted")).toMatch(/has not signed itself/);
    expect(expectError(() => new CertificateStore(crypto, world.clock, meter.credential.bytes), "not-trusted")).toMatch(/none of a root/);
  });

  describe("refuses an attacker's", () => {
    const mallory = new Member(crypto);
    const key = mallory.key;
    mallory.credential = supplier.credential;
    const rogue = new Member(crypto, "es256", supplier.signing);
    rogue.credential = supplier.credential;
    const other = new CredentialWorld(crypto);

    test.each<[string, () => Uint8Array, RegExp]>([
      ["unit credential signed by a stakeholder", () => rogue.signs({ type: "unit", subject: "meter", key }), /signed by a stakeholder, which may not/],
      ["stakeholder credential signed by a stakeholder", () => rogue.signs({ type: "stakeholder", subject: "customer", key }), /signed by a stakeholder, which may not/],
      ["delegation signed by the root", () => operator.signs({ type: "delegation", subject: "meter", key }), /signed by a root, which may not/],
      ["delegation signed by another stakeholder than it says", () => rogue.signs({ type: "delegation", subject: "meter", key }, { ...issuerOf(supplier.credential), name: "customer" }), /says that its issuer is customer, it is supplier/],
      ["delegation of a stakeholder without its key", () => mallory.signs({ type: "delegation", subject: "meter", key }, issuerOf(customer.credential)), /not signed by customer/],
      ["service that claims another stakeholder", () => rogue.signs({ type: "service", subject: "billing", key }, issuerOf(customer.credential)), /not signed by customer/],
      ["credential of another domain", () => operator.signs({ type: "unit", subject: "meter", domain: "oak-street", key }), /of domain oak-street, not elm-street/],
      ["credential of a root of the same name", () => other.meter.credential.bytes, /signed by one that is not known here/],
      ["second root", () => other.root, /signed by one that is not known here/],
      ["expired credential", () => operator.signs({ type: "unit", subject: "meter", key, expiresS: issuedS + 60 }), /expired/],
      ["credential from the future", () => operator.signs({ type: "unit", subject: "meter", key, issuedS: issuedS + 361 }), /does not hold before/],
    ])("%s", (_what, bytes, reason) => {
      const store = usual();
      expect(expectError(() => store.add(bytes()), "not-trusted")).toMatch(reason);
      expect(store.size).toBe(5);
    });

    test("chain that is longer than root, stakeholder, delegation", () => {
      const store = usual();
      meter.credential = store.add(world.delegation);
      const chained = meter.signs({ type: "delegation", subject: "lamp", key });
      const service = meter.signs({ type: "service", subject: "billing", key });
      meter.credential = store.unit("meter")!;
      for (const bytes of [chained, service]) expect(expectError(() => store.add(bytes), "not-trusted")).toMatch(/signed by a delegation, which may not/);
      // Nor does one lead to itself: an id is the hash of what names it.
      const loop = mallory.signs({ type: "stakeholder", subject: "mallory", key }, { use: "es256", id: new Uint8Array(8), name: "mallory" });
      expect(expectError(() => store.add(loop), "not-trusted")).toMatch(/not known here/);
    });

    test("credential that says another algorithm than its issuer's key has", () => {
      const { payload, protectedHeaders } = readCose(meter.credential.bytes, "sign1");
      const kid = protectedHeaders.get(4) as Uint8Array;
      const ed = crypto.generateKey("ed25519");
      for (const key of [ed, operator.signing]) {
        const bytes = makeSign1(crypto, key, -8, kid, payload, new Uint8Array(0));
        expect(expectError(() => opened().add(bytes), "not-trusted")).toMatch(/not signed by operator/);
      }
    });

    test("key: of small order, off the curve, and of zeros", () => {
      const store = usual();
      // The neutral element and a point of order 8 (RFC 8032 encoding), (0, 1) and a point of another curve on P-256.
      const identity = Uint8Array.of(1, ...new Uint8Array(31));
      const order8 = Uint8Array.from(Buffer.from("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "hex"));
      const offCurve = meter.key.bytes.slice();
      offCurve[64]! ^= 1;
      for (const bytes of [identity, order8, new Uint8Array(32)]) {
        expect(expectError(() => store.add(operator.signs({ type: "unit", subject: "meter", key: { use: "ed25519", bytes } })), "not-trusted")).toMatch(/a key that is no valid one/);
      }
      const points = [offCurve, Uint8Array.of(4, ...new Uint8Array(64))];
      for (const bytes of points) {
        expect(expectError(() => store.add(operator.signs({ type: "unit", subject: "meter", key: { use: "es256", bytes } })), "not-trusted")).toMatch(/a key that is no valid one/);
        expect(expectError(() => store.add(operator.signs({ type: "unit", subject: "meter", key, agreementKey: bytes })), "not-trusted")).toMatch(/a key that is no valid one/);
      }
    });

    test("bytes: whichever was changed, cut off or added, in a credential or in a chain", () => {
      const store = usual();
      const originals = [customer.credential.bytes, meter.credential.bytes, world.delegation];
      const changed = fc.record({ which: fc.nat(2), place: fc.nat(1000), xor: fc.integer({ min: 1, max: 255 }), cut: fc.boolean(), more: fc.uint8Array({ maxLength: 3 }) });
      fc.assert(
        fc.property(changed, ({ which, place, xor, cut, more }) => {
          const bytes = originals[which]!.slice();
          const at = place % bytes.length;
          bytes[at]! ^= xor;
          const given = cut ? bytes.slice(0, at) : Uint8Array.of(...bytes, ...more);
          const error = caught(() => store.add(given));
          expect(["malformed", "not-trusted"]).toContain((error as EbalanceError).code);
          expect(store.size).toBe(5);
        }),
        { numRuns: 300 },
      );
    });

    test("structure: whatever is signed by the root and is none of its forms", () => {
      const store = usual();
      const value: fc.Arbitrary<CborValue> = fc.oneof(fc.integer(), fc.string({ unit: "grapheme-ascii" }), fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 70 }), fc.constant(new Map()), fc.array(fc.integer(), { maxLength: 3 }));
      const given = { type: "unit", subject: "meter", domain: "elm-street", epoch: 1, issuedS, expiresS, key, role: "device", owner: "customer", parents: ["home"], below: [], agreementKey: meter.key.bytes } as const;
      const place = fc.constantFrom([1], [2], [3], [4], [6], [8], [-65537], [8, 1], [8, 1, 1], [8, 1, -1], [8, 1, -2], [8, 1, -3], ...[1, 2, 3, 4, 5, 6, 7, 8].map((field) => [-65537, field]), [5], [7], [99]);
      fc.assert(
        fc.property(place, value, (path, value) => {
          const payload = changedAt(encodeClaims("operator", given as Claims, new Uint8Array(4096)), path, value);
          const bytes = makeSign1(crypto, operator.signing, -7, operator.credential.id, payload, new Uint8Array(0));
          const error = caught(() => store.add(bytes));
          if (error) expect(["malformed", "not-trusted"]).toContain((error as EbalanceError).code);
          // Some values fit: another name, an epoch, an earlier time.
          else expect(path.length === 1 || path[0] === -65537).toBe(true);
        }),
        { numRuns: 300 },
      );
    });
  });
});

function caught(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    return error;
  }
}

/** A payload with another value at one place. */
function changedAt(payload: Uint8Array, path: readonly number[], value: CborValue): Uint8Array {
  const root = decode(payload);
  let map = root;
  for (const key of path.slice(0, -1)) map = map.get(key) as Map<number, CborValue>;
  map.set(path[path.length - 1]!, value);
  return encodeCbor(root);
}

const decode = (bytes: Uint8Array) => decodeCbor(bytes) as Map<number, CborValue>;
