import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { CredentialWorld, expiresS, issuedS, Member } from "../../../tests/conformance/credential-world";
import { MemoryState } from "../../storage/memory-state";
import { EbalanceError } from "../model/errors";
import { Names } from "../model/names";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { makeSign1, readCose } from "../wire/cose";
import { signStatement } from "../wire/statement";
import { CertificateStore, type CertificateLimits } from "./certificate-store";
import { encodeClaims, type Claims } from "./claims";
import { issuerOf, type Credential } from "./credential";
import type { SignatureUse } from "./crypto-port";
import { NobleFullCrypto } from "./noble-full-crypto";

const ports = [
  ["node", new NodeCrypto()],
  ["noble", new NobleFullCrypto((out) => randomFillSync(out))],
] as const;

/** Counts handles, to see that none is lost. */
class CountingCrypto extends NodeCrypto {
  readonly open = new Set<number>();

  override importPublicKey(bytes: Uint8Array, use: SignatureUse) {
    const key = super.importPublicKey(bytes, use);
    this.open.add(key.keyId);
    return key;
  }

  override destroyKey(key: { readonly keyId: number }): void {
    this.open.delete(key.keyId);
    super.destroyKey(key);
  }
}

/** The reason of a refusal; it is never of another kind. */
function reasonOf(action: () => unknown, code = "not-trusted"): string {
  try {
    action();
  } catch (error) {
    expect(error).toMatchObject({ name: "EbalanceError", code, fault: "peer" });
    return (error as Error).message;
  }
  throw new Error("it was accepted");
}

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
    expect(reasonOf(() => new CertificateStore(crypto, world.clock, forged))).toMatch(/has not signed itself/);
    expect(reasonOf(() => new CertificateStore(crypto, world.clock, meter.credential.bytes))).toMatch(/none of a root/);
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
      expect(reasonOf(() => store.add(bytes()))).toMatch(reason);
      expect(store.size).toBe(5);
    });

    test("chain that is longer than root, stakeholder, delegation", () => {
      const store = usual();
      meter.credential = store.add(world.delegation);
      const chained = meter.signs({ type: "delegation", subject: "lamp", key });
      const service = meter.signs({ type: "service", subject: "billing", key });
      meter.credential = store.unit("meter")!;
      for (const bytes of [chained, service]) expect(reasonOf(() => store.add(bytes))).toMatch(/signed by a delegation, which may not/);
      // Nor does one lead to itself: an id is the hash of what names it.
      const loop = mallory.signs({ type: "stakeholder", subject: "mallory", key }, { use: "es256", id: new Uint8Array(8), name: "mallory" });
      expect(reasonOf(() => store.add(loop))).toMatch(/not known here/);
    });

    test("credential that says another algorithm than its issuer's key has", () => {
      const { payload, protectedHeaders } = readCose(meter.credential.bytes, "sign1");
      const kid = protectedHeaders.get(4) as Uint8Array;
      const ed = crypto.generateKey("ed25519");
      for (const key of [ed, operator.signing]) {
        const bytes = makeSign1(crypto, key, -8, kid, payload, new Uint8Array(0));
        expect(reasonOf(() => opened().add(bytes))).toMatch(/not signed by operator/);
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
        expect(reasonOf(() => store.add(operator.signs({ type: "unit", subject: "meter", key: { use: "ed25519", bytes } })))).toMatch(/a key that is no valid one/);
      }
      const points = [offCurve, Uint8Array.of(4, ...new Uint8Array(64))];
      for (const bytes of points) {
        expect(reasonOf(() => store.add(operator.signs({ type: "unit", subject: "meter", key: { use: "es256", bytes } })))).toMatch(/a key that is no valid one/);
        expect(reasonOf(() => store.add(operator.signs({ type: "unit", subject: "meter", key, agreementKey: bytes })))).toMatch(/a key that is no valid one/);
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

describe("SP-1 a certificate store", () => {
  const crypto = new NodeCrypto();
  const world = new CredentialWorld(crypto);
  const { operator, customer, supplier, meter } = world;
  const opened = (limits: Partial<CertificateLimits> = {}, state?: MemoryState, port = crypto) => new CertificateStore(port, world.clock, world.root, limits, state);
  const usual = (state?: MemoryState) => {
    const store = opened({}, state);
    for (const { credential } of [customer, supplier, meter]) store.add(credential.bytes);
    return store;
  };
  const list = (by: Member, sequence: number, epochs: Record<string, number>, scope?: string) => {
    const names = new Names();
    const entries = Object.entries(epochs).map(([subject, leastEpoch]) => ({ subject: names.id(subject), leastEpoch }));
    return signStatement(crypto, by.signing, by.credential, "elm-street", { kind: 23, names, timeMs: world.nowMs, sequence, epochs: entries, scope }, { byId: () => undefined });
  };

  test("stops trusting a credential when it or one above it expires, and a unit without a clock never does", () => {
    const store = usual();
    const delegation = store.add(world.delegation);
    const long = store.add(customer.signs({ type: "delegation", subject: "meter", service: "display", key: meter.key, expiresS: Infinity })) as Credential;
    world.nowMs = expiresS * 1000 - 1;
    expect([store.refusal(delegation), store.refusal(long)]).toEqual([undefined, undefined]);
    world.nowMs = expiresS * 1000;
    expect(store.refusal(delegation)).toMatch(/the delegation to meter expired/);
    expect(store.refusal(long)).toMatch(/the credential of stakeholder customer expired/);
    expect([store.unit("meter"), store.stakeholder("customer"), store.delegations("meter")]).toEqual([undefined, undefined, []]);
    world.isSet = false;
    expect([store.refusal(delegation), store.refusal(long), store.delegations("meter").length]).toEqual([undefined, undefined, 2]);
    world.isSet = true;
    world.nowMs = (issuedS + 60) * 1000;
  });

  test("tolerates clocks that differ by 300 seconds", () => {
    const store = usual();
    expect(store.add(operator.signs({ type: "unit", subject: "lamp", issuedS: issuedS + 360 })).subject).toBe("lamp");
  });

  test("takes the newest credential of a unit: that of the highest epoch, then the one issued last", () => {
    const store = opened();
    const given = [[2, 10], [2, 20], [1, 30]] as const;
    for (const [epoch, later] of given) store.add(operator.signs({ type: "unit", subject: "lamp", epoch, issuedS: issuedS + later }));
    expect(store.unit("lamp")).toMatchObject({ epoch: 2, issuedS: issuedS + 20 });
  });

  test("gives up what a list revokes, with all below it, by date or not, and does not take it again", () => {
    const store = usual();
    const delegation = store.add(world.delegation);
    world.isSet = false;
    store.addRevocations(list(operator, 1, { customer: 2 }));
    expect([store.size, store.find(delegation.id), store.stakeholder("customer")]).toEqual([3, undefined, undefined]);
    expect(store.refusal(delegation)).toMatch(/not known here/);
    expect(reasonOf(() => store.add(customer.credential.bytes))).toMatch(/revoked: epoch 1, at least 2 counts/);
    expect(reasonOf(() => store.add(world.delegation))).toMatch(/not known here/);
    world.isSet = true;
    // Enrolled anew, it counts.
    expect(store.add(operator.signs({ type: "stakeholder", subject: "customer", epoch: 2 })).epoch).toBe(2);
  });

  test("a stolen device: one list of the root ends its credential and whatever was delegated to it", () => {
    const store = usual();
    store.add(world.delegation);
    store.addRevocations(list(operator, 1, { meter: 2 }));
    expect([store.unit("meter"), store.delegations("meter")]).toEqual([undefined, []]);
  });

  test("a stakeholder revokes what it has issued, and nothing of others", () => {
    const store = usual();
    store.add(world.delegation);
    store.addRevocations(list(supplier, 5, { meter: 9, customer: 9 }));
    expect([store.unit("meter")?.subject, store.stakeholder("customer")?.subject, store.delegations("meter").length]).toEqual(["meter", "customer", 1]);
    store.addRevocations(list(customer, 1, { meter: 2 }));
    expect([store.unit("meter")?.subject, store.delegations("meter").length]).toEqual(["meter", 0]);
  });

  test("an older list is refused, the same may come again, and epochs never fall", () => {
    const store = usual();
    store.addRevocations(list(operator, 7, { lamp: 5 }));
    store.addRevocations(list(operator, 7, { lamp: 5 }));
    expect(reasonOf(() => store.addRevocations(list(operator, 6, { lamp: 1 })))).toMatch(/older than 7/);
    store.addRevocations(list(operator, 8, { lamp: 3 }));
    expect(reasonOf(() => store.add(operator.signs({ type: "unit", subject: "lamp", epoch: 4 })))).toMatch(/at least 5 counts/);
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ["a unit", () => list(meter, 1, { customer: 9 }), /a unit cannot revoke/],
    ["one that only says it is the operator", () => list(Object.assign(new Member(crypto), { credential: operator.credential }), 1, { meter: 9 }), /not signed by operator/],
    ["a root that is not known here", () => list(new CredentialWorld(crypto).operator, 1, { meter: 9 }), /not known here/],
  ])("a list of %s is refused", (_what, bytes, reason) => {
    const store = usual();
    expect(reasonOf(() => store.addRevocations(bytes()))).toMatch(reason);
    expect(store.unit("meter")?.subject).toBe("meter");
  });

  test("a list that was moved from another issuer is refused, and another statement is none", () => {
    const store = usual();
    // Under the credential of the supplier, with the signature of the customer's list.
    const [theirs, own] = [list(customer, 1, { meter: 2 }), list(supplier, 1, { meter: 2 })];
    own.set(theirs.subarray(theirs.length - 64), own.length - 64);
    expect(reasonOf(() => store.addRevocations(own))).toMatch(/not signed by supplier/);
    expect(reasonOf(() => store.addRevocations(list(operator, 1, { meter: 2 }, "home")))).toMatch(/no revocation list for the whole domain/);
    fc.assert(
      fc.property(fc.nat(theirs.length - 1), fc.integer({ min: 1, max: 255 }), (place, xor) => {
        const changed = theirs.slice();
        changed[place]! ^= xor;
        expect(["malformed", "not-trusted"]).toContain((caught(() => store.addRevocations(changed)) as EbalanceError).code);
      }),
    );
  });

  test("what was revoked stays so after a restart, and a list older than before it is refused", () => {
    const state = new MemoryState();
    usual(state).addRevocations(list(operator, 7, { meter: 2, lamp: 3 }));
    const store = opened({}, new MemoryState(state.records));
    expect(reasonOf(() => store.add(meter.credential.bytes))).toMatch(/at least 2 counts/);
    expect(reasonOf(() => store.addRevocations(list(operator, 6, { lamp: 1 })))).toMatch(/older than 7/);
  });

  test("a state that was rolled back is caught up with by the next list", () => {
    const state = new MemoryState();
    usual(state).addRevocations(list(operator, 7, { lamp: 3 }));
    const old = new Map(state.records);
    opened({}, state).addRevocations(list(operator, 8, { lamp: 3, meter: 2 }));
    const store = usual(new MemoryState(old));
    expect(reasonOf(() => store.addRevocations(list(operator, 6, { lamp: 1 })))).toMatch(/older than 7/);
    store.addRevocations(list(operator, 8, { lamp: 3, meter: 2 }));
    expect(store.unit("meter")).toBe(undefined);
  });

  test("does not start with a record of revocations that is none, rather than trust what is revoked", () => {
    for (const value of [5, [5], [["", -1, new Map()]], [["", 1, new Map([["meter", "2"]])]], [["", 1, 7]]] as CborValue[]) {
      const state = new MemoryState();
      state.keep("revocations", encodeCbor(value));
      expect(() => opened({}, state)).toThrow(expect.objectContaining({ code: "storage-failed" }));
    }
  });

  test("a list that cannot be kept counts all the same, is said to be lost after a restart, and is kept when it comes again", () => {
    const state = new MemoryState();
    const store = usual(state);
    const bytes = list(operator, 1, { meter: 2 });
    state.fails = () => true;
    expect(() => store.addRevocations(bytes)).toThrow(expect.objectContaining({ code: "storage-failed" }));
    expect([store.unit("meter"), state.load("revocations")]).toEqual([undefined, undefined]);
    state.fails = () => false;
    store.addRevocations(bytes);
    expect(reasonOf(() => opened({}, state).add(meter.credential.bytes))).toMatch(/at least 2 counts/);
  });

  test("is bounded: no stakeholder fills it, and what does not hold any more makes room", () => {
    const store = opened({ maxCredentials: 6, maxOfStakeholder: 2, maxRevokedOfStakeholder: 2, maxBytes: 700 });
    for (const { credential } of [customer, supplier, meter]) store.add(credential.bytes);
    const delegation = (by: Member, service: string, expires = expiresS) => by.signs({ type: "delegation", subject: "meter", key: meter.key, service, expiresS: expires });
    for (const service of ["a", "b"]) store.add(delegation(customer, service, issuedS + 100));
    expect(reasonOf(() => store.add(delegation(customer, "c")), "too-large")).toMatch(/no room for another credential signed by customer/);
    store.add(delegation(supplier, "a"));
    expect(reasonOf(() => store.add(operator.signs({ type: "unit", subject: "lamp" })), "too-large")).toMatch(/no room/);
    world.nowMs = (issuedS + 200) * 1000;
    store.add(delegation(customer, "c"));
    store.add(operator.signs({ type: "unit", subject: "lamp" }));
    expect(store.size).toBe(7);
    world.nowMs = (issuedS + 60) * 1000;
    const below = Array.from({ length: 100 }, (_, i) => `unit-${i}`);
    expect(reasonOf(() => store.add(operator.signs({ type: "unit", subject: "home", below })), "malformed")).toMatch(/at most 700/);
    expect(reasonOf(() => store.addRevocations(list(supplier, 1, { a: 1, b: 1, c: 1 })), "too-large")).toMatch(/at most 2 are kept/);
  });

  test("owns a key handle for each credential and gives each back", () => {
    const counting = new CountingCrypto();
    const store = opened({}, undefined, counting);
    for (const bytes of [customer.credential.bytes, meter.credential.bytes, world.delegation]) store.add(bytes);
    for (const bytes of [world.delegation, operator.signs({ type: "unit", subject: "x", key: { use: "ed25519", bytes: new Uint8Array(32) } })]) caught(() => store.add(bytes));
    caught(() => store.add(new Member(crypto).signs({ type: "unit", subject: "x" }, issuerOf(operator.credential))));
    expect([counting.open.size, store.size]).toEqual([4, 4]);
    store.addRevocations(list(operator, 1, { customer: 2 }));
    expect([counting.open.size, store.size]).toEqual([2, 2]);
    store.close();
    store.close();
    expect([counting.open.size, store.unit("meter"), store.verify(meter.credential, new Uint8Array(1), 1, new Uint8Array(64))]).toEqual([0, undefined, false]);
    expect(reasonOf(() => store.add(meter.credential.bytes))).toMatch(/not known here/);
    expect(() => new CertificateStore(counting, world.clock, new Member(crypto).signs({ type: "root", subject: "operator", key: operator.key }, { use: "es256", name: "operator" }))).toThrow();
    expect(counting.open.size).toBe(0);
  });
});
