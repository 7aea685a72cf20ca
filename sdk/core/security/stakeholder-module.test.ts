import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { CredentialWorld, expiresS, issuedS } from "../../../tests/conformance/credential-world";
import { MemoryState } from "../../storage/memory-state";
import { Names } from "../model/names";
import { Registry } from "../model/registry";
import { encodeCbor } from "../wire/cbor-value";
import { CertificateStore } from "./certificate-store";
import type { Delegation, StakeholderCredential } from "./credential";
import type { KeyHandle } from "./crypto-port";
import { NobleFullCrypto } from "./noble-full-crypto";
import { ReplayWindows } from "./replay-windows";
import { StakeholderModule, type StakeholderPorts } from "./stakeholder-module";
import { StatementVerifier } from "./statement-verifier";

const badArgument = expect.objectContaining({ name: "EbalanceError", code: "bad-argument" });
const storageFailed = expect.objectContaining({ name: "EbalanceError", code: "storage-failed" });
const registry = new Registry({});

describe.each([
  ["node", new NodeCrypto()],
  ["noble", new NobleFullCrypto((out) => randomFillSync(out))],
] as const)("SP-1 the module of a stakeholder on %s", (_name, crypto) => {
  const world = new CredentialWorld(crypto);
  const { customer, supplier, meter } = world;
  const secret = () => crypto.importKey(new Uint8Array(32).fill(5), "mac");
  const moduleOf = (member = customer, more: Partial<StakeholderPorts> = {}, masking: ReadonlyMap<string, KeyHandle> = new Map()) =>
    new StakeholderModule({ crypto, registry, ...more }, member.credential as StakeholderCredential, { signing: member.signing, masking });
  const open = () => {
    const store = new CertificateStore(crypto, world.clock, world.root);
    store.add(customer.credential.bytes);
    return { store, module: moduleOf() };
  };
  const terms = { subject: "meter", key: meter.key, service: "metering", rights: 2, epoch: 1, issuedS, expiresS };

  test("delegates: the store takes what it gives, for the unit, service and rights that it says", () => {
    const { store, module } = open();
    const delegation = store.add(module.delegate({ ...terms, devices: ["meter"], variables: [3] })) as Delegation;
    expect(delegation).toMatchObject({ type: "delegation", issuer: "customer", subject: "meter", service: "metering", rights: 2, devices: ["meter"], variables: [3], domain: "elm-street" });
    expect(() => module.delegate({ ...terms, rights: 0 })).toThrow(badArgument);
  });

  test("certifies a service of its own: the store takes what it gives, for its domain and no other", () => {
    const { store, module } = open();
    const service = { subject: "billing", key: meter.key, epoch: 0, issuedS, expiresS };
    expect(store.add(module.certify(service))).toMatchObject({ type: "service", issuer: "customer", subject: "billing", domain: "elm-street" });
    expect(() => module.certify({ ...service, subject: "" })).toThrow(badArgument);
  });

  test("signs under its own credential, and verifies what others have signed", () => {
    const { store, module } = open();
    const verifier = new StatementVerifier(store, world.clock, crypto, new ReplayWindows(new MemoryState()), { unit: "home", above: [], registry });
    const names = new Names();
    const list = module.sign({ kind: 23, names, timeMs: world.nowMs, sequence: 1, epochs: [{ subject: names.id("meter"), leastEpoch: 2 }] });
    const other = moduleOf(supplier, { verifier });
    expect(other.verify(list).signer).toEqual(module.credential);
    expect(() => other.verify(list.slice(1))).toThrow(expect.objectContaining({ code: "malformed" }));
    expect(() => module.verify(list)).toThrow(badArgument);
    store.addRevocations(list);
    expect(() => store.add(module.delegate(terms))).toThrow(/revoked/);
  });

  test("SP-3 masks its values for a sum that only the holder of the keys can read, and never twice in an epoch", () => {
    const state = new MemoryState();
    const [one, other] = [moduleOf(customer, { state }, new Map([["customer", secret()]])), moduleOf(supplier, { state }, new Map([["supplier", secret()]]))];
    const holder = moduleOf(supplier, {}, new Map([["customer", secret()], ["supplier", secret()]]));
    const parts = [one.encrypt(-40, 5, 100), other.encrypt(42, 5, 100)];
    expect([holder.decrypt(one.add(parts, 2)!), one.add(parts, 3)]).toEqual([2, undefined]);
    expect(() => one.decrypt(one.add(parts, 2)!)).toThrow(expect.objectContaining({ code: "not-trusted" }));
    for (const epoch of [100, 99]) expect(() => one.encrypt(1, 5, epoch)).toThrow(badArgument);
    expect(one.encrypt(7, 6, 100).variable).toBe(6);
    expect(one.encrypt(7, 5, 101).epoch).toBe(101);
  });

  test("SP-3 after a restart no epoch is used that was used before, of no variable", () => {
    const state = new MemoryState();
    const start = (records = state.records) => moduleOf(customer, { state: new MemoryState(records) }, new Map([["customer", secret()]]));
    start().encrypt(1, 5, 100);
    const module = start();
    for (const variable of [5, 6]) expect(() => module.encrypt(1, variable, 100)).toThrow(badArgument);
    expect(module.encrypt(1, 6, 101).epoch).toBe(101);
    expect(() => start().encrypt(1, 5, 101)).toThrow(badArgument);
  });

  test("SP-3 hands out nothing where the epoch could not be kept, and starts with no record that is none", () => {
    const state = new MemoryState();
    const module = moduleOf(customer, { state }, new Map([["customer", secret()]]));
    state.fails = () => true;
    expect(() => module.encrypt(1, 5, 100)).toThrow(storageFailed);
    state.fails = () => false;
    expect(() => module.encrypt(0.5, 5, 100)).toThrow(badArgument);
    // Neither has used it.
    expect(module.encrypt(1, 5, 100).epoch).toBe(100);
    for (const record of [encodeCbor(5), Uint8Array.of(0xff)]) {
      state.keep("masks", record);
      expect(() => moduleOf(customer, { state }, new Map([["customer", secret()]])).encrypt(1, 5, 200)).toThrow(storageFailed);
    }
  });

  test("SP-3 masks nothing where the record of its epochs is damaged: with new keys it goes on once that is removed", () => {
    const state = new MemoryState();
    moduleOf(customer, { state }, new Map([["customer", secret()]])).encrypt(1, 5, 100);
    state.damaged.add("masks");
    const started = () => moduleOf(customer, { state }, new Map([["customer", secret()]]));
    for (const epoch of [100, 101]) expect(() => started().encrypt(1, 5, epoch)).toThrow(expect.objectContaining({ code: "storage-failed", message: expect.stringContaining("make new masking keys, then remove it") as string }));
    state.keep("masks", new Uint8Array(0));
    expect(started().encrypt(1, 5, 100).epoch).toBe(100);
  });

  test("SP-3 masks nothing without a key of its own, or without a place for its epochs", () => {
    expect(() => moduleOf(customer, { state: new MemoryState() }, new Map([["supplier", secret()]])).encrypt(1, 5, 1)).toThrow(badArgument);
    expect(() => moduleOf(customer, {}, new Map([["customer", secret()]])).encrypt(1, 5, 1)).toThrow(badArgument);
  });

  test("destroys its keys when it is closed", () => {
    const masking = secret();
    const module = moduleOf(new CredentialWorld(crypto).customer, { state: new MemoryState() }, new Map([["customer", masking]]));
    module.close();
    module.close();
    const closed = expect.objectContaining({ code: "closed" });
    expect(() => module.delegate(terms)).toThrow(closed);
    expect(() => module.certify(terms)).toThrow(closed);
    expect(() => module.encrypt(1, 5, 1)).toThrow(closed);
    expect(() => module.decrypt({ variable: 5, epoch: 1, contributors: [], bytes: new Uint8Array(8) })).toThrow(closed);
    expect(() => crypto.mac(masking, new Uint8Array(1), 1, new Uint8Array(8))).toThrow(badArgument);
  });
});
