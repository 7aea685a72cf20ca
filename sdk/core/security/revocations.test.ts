import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { expectError } from "../../../tests/conformance/case";
import { CredentialWorld, expiresS, issuedS, Member } from "../../../tests/conformance/credential-world";
import { MemoryState } from "../../storage/memory-state";
import { Names } from "../model/names";
import { encodeCbor, type CborValue } from "../wire/cbor-value";
import { signStatement } from "../wire/statement";
import { CertificateStore, type CertificateLimits } from "./certificate-store";
import { issuerOf, type Credential } from "./credential";
import type { SignatureUse } from "./crypto-port";

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

describe("SP-1 what a certificate store trusts in the course of time", () => {
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
    expect(expectError(() => store.addRevocations(list(customer, 1, { meter: 2 })), "not-trusted")).toMatch(/stakeholder customer expired/);
    const late = customer.signs({ type: "delegation", subject: "meter", service: "late", key: meter.key, expiresS: Infinity });
    expect(expectError(() => store.add(late), "not-trusted")).toMatch(/stakeholder customer expired/);
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
    expect(expectError(() => store.add(customer.credential.bytes), "not-trusted")).toMatch(/revoked: epoch 1, at least 2 counts/);
    expect(expectError(() => store.add(world.delegation), "not-trusted")).toMatch(/not known here/);
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

  test("a stakeholder that is named like the operator revokes what it has issued, and nothing that the root has", () => {
    const store = usual();
    const namesake = new Member(crypto);
    namesake.credential = store.add(operator.signs({ type: "stakeholder", subject: "operator", key: namesake.key }));
    store.add(namesake.signs({ type: "delegation", subject: "meter", key: meter.key }));
    store.addRevocations(list(namesake, 1, { meter: 2, customer: 2 }));
    expect([store.unit("meter")?.subject, store.stakeholder("customer")?.subject, store.delegations("meter")]).toEqual(["meter", "customer", []]);
    store.addRevocations(list(operator, 1, { customer: 2 }));
    expect([store.unit("meter")?.subject, store.stakeholder("customer")]).toEqual(["meter", undefined]);
  });

  test("an older list is refused, the same may come again, and epochs never fall", () => {
    const store = usual();
    store.addRevocations(list(operator, 7, { lamp: 5 }));
    store.addRevocations(list(operator, 7, { lamp: 5 }));
    expect(expectError(() => store.addRevocations(list(operator, 6, { lamp: 1 })), "not-trusted")).toMatch(/older than 7/);
    store.addRevocations(list(operator, 8, { lamp: 3 }));
    expect(expectError(() => store.add(operator.signs({ type: "unit", subject: "lamp", epoch: 4 })), "not-trusted")).toMatch(/at least 5 counts/);
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ["a unit", () => list(meter, 1, { customer: 9 }), /a unit cannot revoke/],
    ["one that only says it is the operator", () => list(Object.assign(new Member(crypto), { credential: operator.credential }), 1, { meter: 9 }), /not signed by operator/],
    ["a root that is not known here", () => list(new CredentialWorld(crypto).operator, 1, { meter: 9 }), /not known here/],
  ])("a list of %s is refused", (_what, bytes, reason) => {
    const store = usual();
    expect(expectError(() => store.addRevocations(bytes()), "not-trusted")).toMatch(reason);
    expect(store.unit("meter")?.subject).toBe("meter");
  });

  test("a list that was moved from another issuer is refused, and another statement is none", () => {
    const store = usual();
    // Under the credential of the supplier, with the signature of the customer's list.
    const [theirs, own] = [list(customer, 1, { meter: 2 }), list(supplier, 1, { meter: 2 })];
    own.set(theirs.subarray(theirs.length - 64), own.length - 64);
    expect(expectError(() => store.addRevocations(own), "not-trusted")).toMatch(/not signed by supplier/);
    expect(expectError(() => store.addRevocations(list(operator, 1, { meter: 2 }, "home")), "not-trusted")).toMatch(/no revocation list for the whole domain/);
    fc.assert(
      fc.property(fc.nat(theirs.length - 1), fc.integer({ min: 1, max: 255 }), (place, xor) => {
        const changed = theirs.slice();
        changed[place]! ^= xor;
        expect(() => store.addRevocations(changed)).toThrow(expect.objectContaining({ name: "EbalanceError", code: expect.stringMatching(/^(malformed|not-trusted)$/) as string }));
      }),
    );
  });

  test("what was revoked stays so after a restart, and a list older than before it is refused", () => {
    const state = new MemoryState();
    usual(state).addRevocations(list(operator, 7, { meter: 2, lamp: 3 }));
    const store = opened({}, new MemoryState(state.records));
    expect(expectError(() => store.add(meter.credential.bytes), "not-trusted")).toMatch(/at least 2 counts/);
    expect(expectError(() => store.addRevocations(list(operator, 6, { lamp: 1 })), "not-trusted")).toMatch(/older than 7/);
  });

  test("SP-1 stakeholders' lists leave room for the root's, all that counts is kept over a restart, and what has no room is refused", () => {
    const state = new MemoryState();
    const store = usual(state);
    const root = store.root;
    const long = (by: string, from: number, count: number) => Array.from({ length: count }, (_, i) => ({ subject: `${by}-${from + i}-`.padEnd(64, "x"), leastEpoch: 0x3fff_ffff }));
    const told: string[] = [];
    for (let i = 0; i < 40; i++) {
      const issuer = store.add(operator.signs({ type: "stakeholder", subject: `stakeholder-${i}`.padEnd(64, "x") }));
      try {
        store.takeRevocations({ issuer, sequence: 0x3fff_ffff, entries: long(`s${i}`, 0, i < 3 ? 64 : 1) });
        told.push("kept");
      } catch (error) {
        told.push((error as Error).message);
      }
    }
    for (let i = 0; told.at(-1) === "kept"; i++)
      try {
        store.takeRevocations({ issuer: store.add(operator.signs({ type: "stakeholder", subject: `other-${i}`.padEnd(64, "x") })), sequence: 0x3fff_ffff, entries: long(`o${i}`, 0, 1) });
      } catch (error) {
        told.push((error as Error).message);
      }
    expect(told.at(-1)).toMatch(/the lists of all stakeholders name 384 at most; have the root revoke it/);
    store.takeRevocations({ issuer: root, sequence: 0x3fff_fffe, entries: long("root", 0, 511) });
    store.takeRevocations({ issuer: root, sequence: 0x3fff_ffff, entries: [{ subject: "meter", leastEpoch: 2 }] });
    expect(expectError(() => opened({}, new MemoryState(state.records)).add(meter.credential.bytes), "not-trusted")).toMatch(/at least 2 counts/);
  });

  test("SP-1 another list with a sequence that was seen is refused, with the remedy, and the same one may come again", () => {
    const store = usual();
    store.addRevocations(list(operator, 5, { lamp: 3 }));
    store.addRevocations(list(operator, 5, { lamp: 3 }));
    expect(expectError(() => store.addRevocations(list(operator, 5, { meter: 2 })), "not-trusted")).toMatch(/sign it again with sequence 6 or more/);
    store.addRevocations(list(operator, 6, { meter: 2 }));
    expect(store.unit("meter")).toBe(undefined);
  });

  test("a state that was rolled back is caught up with by the next list", () => {
    const state = new MemoryState();
    usual(state).addRevocations(list(operator, 7, { lamp: 3 }));
    const old = new Map(state.records);
    opened({}, state).addRevocations(list(operator, 8, { lamp: 3, meter: 2 }));
    const store = usual(new MemoryState(old));
    expect(expectError(() => store.addRevocations(list(operator, 6, { lamp: 1 })), "not-trusted")).toMatch(/older than 7/);
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

  test("does not start with a damaged record of revocations as if it were the first start, and says what to do", () => {
    const state = new MemoryState();
    usual(state).addRevocations(list(operator, 7, { meter: 2 }));
    state.damaged.add("revocations");
    for (let start = 0; start < 2; start++) expect(() => opened({}, state)).toThrow(expect.objectContaining({ code: "storage-failed", message: expect.stringContaining("remove it and have the newest lists sent again") as string }));
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
    expect(expectError(() => opened({}, state).add(meter.credential.bytes), "not-trusted")).toMatch(/at least 2 counts/);
  });

  test("is bounded: no stakeholder fills it, and what does not hold any more makes room", () => {
    const store = opened({ maxCredentials: 6, maxOfStakeholder: 2, maxRevokedOfStakeholder: 2, maxBytes: 700 });
    for (const { credential } of [customer, supplier, meter]) store.add(credential.bytes);
    const delegation = (by: Member, service: string, expires = expiresS) => by.signs({ type: "delegation", subject: "meter", key: meter.key, service, expiresS: expires });
    for (const service of ["a", "b"]) store.add(delegation(customer, service, issuedS + 100));
    expect(expectError(() => store.add(delegation(customer, "c")), "too-large")).toMatch(/no room for another credential signed by customer/);
    store.add(delegation(supplier, "a"));
    expect(expectError(() => store.add(operator.signs({ type: "unit", subject: "lamp" })), "too-large")).toMatch(/no room/);
    world.nowMs = (issuedS + 200) * 1000;
    store.add(delegation(customer, "c"));
    store.add(operator.signs({ type: "unit", subject: "lamp" }));
    expect(store.size).toBe(7);
    world.nowMs = (issuedS + 60) * 1000;
    const below = Array.from({ length: 100 }, (_, i) => `unit-${i}`);
    expect(expectError(() => store.add(operator.signs({ type: "unit", subject: "home", below })), "malformed")).toMatch(/at most 700/);
    expect(expectError(() => store.addRevocations(list(supplier, 1, { a: 1, b: 1, c: 1 })), "too-large")).toMatch(/at most 2 are kept/);
  });

  test("SP-1 stakeholders together fill three quarters of it: there is room for what the root signs", () => {
    const store = opened({ maxCredentials: 8 });
    store.add(customer.credential.bytes);
    const add = (service: string) => store.add(customer.signs({ type: "delegation", subject: "meter", key: meter.key, service, expiresS }));
    for (const service of ["a", "b", "c", "d", "e", "f"]) add(service);
    expect(expectError(() => add("g"), "too-large")).toMatch(/no room for another credential signed by customer/);
    expect(store.add(meter.credential.bytes)).toBe(store.unit("meter"));
  });

  test("owns a key handle for each credential and gives each back", () => {
    const counting = new CountingCrypto();
    const store = opened({}, undefined, counting);
    for (const bytes of [customer.credential.bytes, meter.credential.bytes, world.delegation]) store.add(bytes);
    for (const bytes of [world.delegation, operator.signs({ type: "unit", subject: "x", key: { use: "ed25519", bytes: new Uint8Array(32) } })]) try {
        store.add(bytes);
      } catch {
        // Refused, or here already.
      }
    expectError(() => store.add(new Member(crypto).signs({ type: "unit", subject: "x" }, issuerOf(operator.credential))), "not-trusted");
    expect([counting.open.size, store.size]).toEqual([4, 4]);
    store.addRevocations(list(operator, 1, { customer: 2 }));
    expect([counting.open.size, store.size]).toEqual([2, 2]);
    store.close();
    store.close();
    expect([counting.open.size, store.unit("meter"), store.verify(meter.credential, new Uint8Array(1), 1, new Uint8Array(64))]).toEqual([0, undefined, false]);
    expect(expectError(() => store.add(meter.credential.bytes), "not-trusted")).toMatch(/not known here/);
    expect(() => new CertificateStore(counting, world.clock, new Member(crypto).signs({ type: "root", subject: "operator", key: operator.key }, { use: "es256", name: "operator" }))).toThrow();
    expect(counting.open.size).toBe(0);
  });
});
