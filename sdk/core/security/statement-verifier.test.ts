import { p256 } from "@noble/curves/nist.js";
import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { issuedS } from "../../../tests/conformance/credential-world";
import { StatementWorld } from "../../../tests/conformance/statement-world";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { parseStatement, statementHash } from "../wire/statement";
import { StatementKind, type StatementBody } from "../wire/statement-body";
import type { DelegationClaims } from "./claims";
import type { Credential } from "./credential";
import { NobleFullCrypto } from "./noble-full-crypto";
import { policyService } from "./statement-rules";

const notTrusted = (text: RegExp) => expect.objectContaining({ code: "not-trusted", message: expect.stringMatching(text) });

/** ECDSA: (r, n - s) is another signature of the same data under the same key. */
function malleated(statement: Uint8Array): Uint8Array {
  const other = statement.slice();
  const s = BigInt(`0x${Buffer.from(statement.slice(-32)).toString("hex")}`);
  other.set(Buffer.from((p256.Point.Fn.ORDER - s).toString(16).padStart(64, "0"), "hex"), statement.length - 32);
  return other;
}

/** A delegation of the customer to the meter that says something else than the usual one. */
function delegated(world: StatementWorld, claims: Partial<DelegationClaims>): Credential {
  return world.store.add(world.customer.signs({ type: "delegation", subject: "meter", key: world.meter.key, ...claims }));
}

describe.each([
  ["node", new NodeCrypto()],
  ["noble", new NobleFullCrypto((out) => randomFillSync(out))],
] as const)("SP-1 statements on %s", (_name, crypto) => {
  const worldOf = () => new StatementWorld(crypto);

  test.each(["es256", "ed25519"] as const)("what a signer may say is accepted, with who said it, under %s", (use) => {
    const world = new StatementWorld(crypto, use);
    const data = world.verifier.verify(world.sign(world.data([world.item(5), world.item(9)])));
    expect(data.source).toEqual({ device: "meter", service: "metering", stakeholder: "customer" });
    expect(data.body.kind === StatementKind.data && data.body.items.map((i) => [i.value, data.body.names.text(i.owner)])).toEqual([[5, "customer"], [9, "customer"]]);
    const policy = world.verifier.verify(world.sign(world.policyStatement(), world.customer.credential, world.customer));
    expect([policy.source, policy.signer.subject]).toEqual([undefined, "customer"]);
  });

  describe("SP-2 what a relay does to a statement is found out", () => {
    const tampered: [string, (body: Map<number, CborValue>) => void][] = [
      ["the policy stripped", (body) => (body.get(5) as CborValue[][])[0]!.splice(5, 1, null)],
      ["the policy weakened: no delay any more", (body) => ((((body.get(5) as CborValue[][])[0]![5] as Map<number, CborValue>).get(2) as CborValue[][])[0]![1] = 0)],
      ["the policy replaced by an older one", (body) => (((body.get(5) as CborValue[][])[0]![5] as Map<number, CborValue>).set(1, 2))],
      ["the policy replaced by a hash", (body) => (body.get(5) as CborValue[][])[0]!.splice(5, 1, new Uint8Array(8))],
      ["another owner", (body) => ((body.get(5) as CborValue[][])[0]![4] = 2)],
      ["another device", (body) => ((body.get(5) as CborValue[][])[0]![3] = 4)],
      ["another time of the instance", (body) => ((body.get(5) as CborValue[][])[0]![2] = -5000)],
      ["another time of the statement", (body) => body.set(4, (body.get(4) as number) - 1)],
      ["another sequence", (body) => body.set(3, 77)],
      ["another value", (body) => ((body.get(5) as CborValue[][])[0]![1] = 6)],
      ["a later expiry", (body) => body.set(22, issuedS + 9000)],
    ];
    test.each(tampered)("%s", (_what, change) => {
      const world = worldOf();
      const genuine = world.sign(world.data([world.item(5)], { expiresS: issuedS + 600 }));
      const parts = decodeCbor(genuine) as CborValue[];
      const body = decodeCbor(parts[2] as Uint8Array) as Map<number, CborValue>;
      change(body);
      parts[2] = encodeCbor(body);
      expect(() => world.verifier.verify(encodeCbor(parts))).toThrow(expect.objectContaining({ code: expect.stringMatching(/malformed|not-trusted/) }));
      expect(world.verifier.verify(genuine).source?.device).toBe("meter");
    });
  });

  describe("signatures", () => {
    test("no bit of a statement can be changed", () => {
      const world = worldOf();
      const genuine = world.sign(world.data([world.item(5)]));
      const verifier = world.verifierOf({ budget: { perSecond: 1, burst: 10_000 } });
      const step = crypto instanceof NodeCrypto ? 1 : 23;
      for (let bit = 0; bit < genuine.length * 8; bit += step) {
        const changed = genuine.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => verifier.verify(changed), `bit ${bit}`).toThrow(expect.objectContaining({ code: expect.stringMatching(/malformed|not-trusted/) }));
      }
      verifier.verify(genuine);
    });

    test("another of the same statement is accepted, as RFC 9053 has it, and tells nothing apart", () => {
      const world = worldOf();
      const genuine = world.sign(world.data([world.item(5)]));
      const other = malleated(genuine);
      expect(other).not.toEqual(genuine);
      expect(world.verifier.verify(other).source?.device).toBe("meter");
      expect(statementHash(parseStatement(other), crypto)).toEqual(statementHash(parseStatement(genuine), crypto));
    });

    test.each([
      ["zero", new Uint8Array(64)],
      ["r = 0", new Uint8Array(64).fill(1, 32)],
      ["s = 0", new Uint8Array(64).fill(1, 0, 32)],
      ["the order of the group twice", Buffer.from(p256.Point.Fn.ORDER.toString(16).repeat(2), "hex")],
      ["of ones alone", new Uint8Array(64).fill(255)],
    ])("%s is none", (_what, signature) => {
      const world = worldOf();
      const forged = world.sign(world.data([world.item(5)]));
      forged.set(signature, forged.length - 64);
      expect(() => world.verifier.verify(forged)).toThrow(notTrusted(/not signed by meter/));
    });

    test("the algorithm is the key's: a statement cannot choose another", () => {
      const world = worldOf();
      const changed = world.sign(world.data([world.item(5)]));
      expect(changed[4]).toBe(0x26);
      changed[4] = 0x27;
      expect(() => world.verifier.verify(changed)).toThrow(notTrusted(/signed with ed25519, the key of meter is for es256/));
    });

    test("a statement of another domain, or under another delegation to the same key, is not verified", () => {
      const world = worldOf();
      const data = world.data([world.item(5)]);
      expect(() => world.verifier.verify(world.sign(data, world.metering, world.meter, "oak-street"))).toThrow(notTrusted(/not signed/));
      const display = delegated(world, { service: "display" });
      const moved = world.sign(data);
      moved.set(display.id, 7);
      expect(() => world.verifier.verify(moved)).toThrow(notTrusted(/not signed/));
    });
  });

  describe("whoever signs", () => {
    const refused: [string, RegExp, (world: StatementWorld) => [StatementBody, Credential?, StatementWorld["meter"]?]][] = [
      ["with the key of another", /not signed by meter/, (w) => [w.data([w.item(5)]), w.metering, w.home]],
      ["under a delegation to read alone, data", /does not cover the right 2/, (w) => [w.data([w.item(5)]), delegated(w, { rights: 1 })]],
      ["under a delegation to write alone, a query", /does not cover the right 1/, (w) => [query(w), delegated(w, { rights: 2 })]],
      ["beyond the devices of a delegation", /does not cover the right 2 to variable 3 of meter/, (w) => [w.data([w.item(5)]), delegated(w, { devices: ["lamp"] })]],
      ["beyond the variables of a delegation", /does not cover/, (w) => [w.data([w.item(5)]), delegated(w, { variables: [1] })]],
      ["beyond them in the second item", /does not cover/, (w) => [w.data([w.item(5), w.item(5, { variable: 4 })]), delegated(w, { variables: [3] })]],
      ["another device in the second item", /does not cover the right 2 to variable 3 of lamp/, (w) => [w.data([w.item(5), w.item(5, { device: w.names.id("lamp") })]), delegated(w, { devices: ["meter"] })]],
      ["another owner in the second item", /of supplier under a signature for customer/, (w) => [w.data([w.item(5), w.item(5, { owner: w.names.id("supplier") })])]],
      ["data of another owner", /of supplier under a signature for customer/, (w) => [w.data([w.item(5, { owner: w.names.id("supplier") })])]],
      ["data of somebody else's device", /owner of meter is customer, not supplier/, (w) => [w.data([w.item(5, { owner: w.names.id("supplier") })]), ofSupplier(w)]],
      ["data from the future of their statement", /instance of/, (w) => [w.data([w.item(5, { timeMs: w.timeMs + 1000 })])]],
      ["a policy under a delegation for metering", /signs no policies/, (w) => [w.policyStatement()]],
      ["a policy under a delegation for policies of one variable, of all variables", /variable 0/, (w) => [w.policyStatement(), delegated(w, { service: policyService, variables: [3] })]],
      ["a policy of another's series", /owner of meter is customer, not supplier/, (w) => [w.policyStatement({ selector: { variable: 0, device: w.names.id("meter"), owner: w.names.id("supplier") } }), w.supplier.credential, w.supplier]],
      ["data with the key of a stakeholder itself", /a stakeholder signs no statement of kind 20/, (w) => [w.data([w.item(5)]), w.customer.credential, w.customer]],
      ["data with the key of a unit", /a unit signs no statement/, (w) => [w.data([w.item(5)], { names: w.names }), w.meter.credential]],
      ["under a delegation to read alone, a write", /does not cover the right 2 to variable 16 of lamp/, (w) => [w.write(), delegated(w, { rights: 1 })]],
      ["a checkpoint beyond the variables of a delegation", /does not cover the right 2 to variable 3 of meter/, (w) => [checkpoint(w), delegated(w, { variables: [1] })]],
      ["a checkpoint of somebody else's device", /owner of meter is customer, not supplier/, (w) => [checkpoint(w), ofSupplier(w)]],
      ["a list of revocations under a delegation", /revokes nothing/, (w) => [revocation(w)]],
    ];
    test.each(refused)("%s: is refused", (_what, message, make) => {
      const world = worldOf();
      const [body, signer, by] = make(world);
      const bytes = world.sign(body, signer, by);
      expect(() => world.verifier.verify(bytes)).toThrow(notTrusted(message));
    });

    test("what a delegation for policies, the operator and a stakeholder may say is accepted", () => {
      const world = worldOf();
      expect(world.verifier.verify(world.sign(world.policyStatement(), delegated(world, { service: policyService }))).source?.service).toBe(policyService);
      for (const member of [world.operator, world.customer]) expect(world.verifier.verify(world.sign(revocation(world), member.credential, member)).source).toBeUndefined();
    });
  });

  describe("credentials that do not hold", () => {
    const sign = (world: StatementWorld, signer: Credential = world.metering) => world.sign(world.data([world.item(5)]), signer);

    test("a signer that is not known here", () => {
      const world = worldOf();
      const elsewhere = worldOf();
      expect(() => world.verifier.verify(sign(elsewhere))).toThrow(notTrusted(/not known here/));
    });

    test("an expired delegation, also for statements of before", () => {
      const world = worldOf();
      const short = delegated(world, { expiresS: issuedS + 600 });
      const bytes = sign(world, short);
      world.verifier.verify(bytes);
      world.nowMs = (issuedS + 600) * 1000;
      expect(() => world.verifier.verify(bytes)).toThrow(notTrusted(/expired/));
      expect(() => world.verifier.verify(sign(world, short))).toThrow(notTrusted(/expired/));
    });

    test("a delegation of a revoked epoch, also where the clock is not set", () => {
      const world = worldOf();
      const bytes = sign(world);
      world.verifier.verify(bytes);
      world.isSet = false;
      const issuer = world.store.find(world.customer.credential.id)!;
      world.store.takeRevocations({ issuer, sequence: 1, entries: [{ subject: "meter", leastEpoch: 2 }] });
      expect(() => world.verifier.verify(bytes)).toThrow(notTrusted(/revoked|not known here/));
    });
  });

  describe("scope and time", () => {
    test("data for the domain, for this unit or what lies below one above it are accepted, for others not", () => {
      const world = worldOf();
      const verify = (scope?: string) => world.verifier.verify(world.sign(world.data([world.item(5)], { scope }))).body.scope;
      expect([verify(), verify("home"), verify("station")]).toEqual([undefined, "home", "station"]);
      expect(() => verify("other-station")).toThrow(notTrusted(/for other-station, not for home/));
    });

    test("an expired statement, and one of the future, is refused where the clock is set", () => {
      const world = worldOf();
      const expiring = world.sign(world.data([world.item(5)], { expiresS: issuedS + 61 }));
      world.verifier.verify(expiring);
      world.nowMs += 1000;
      expect(() => world.verifier.verify(expiring)).toThrow(notTrusted(/expired/));
      const within = world.sign(world.data([world.item(5)], { timeMs: world.timeMs + 300_000 }));
      const beyond = world.sign(world.data([world.item(5)], { timeMs: world.timeMs + 301_000 }));
      world.verifier.verify(within);
      expect(() => world.verifier.verify(beyond)).toThrow(notTrusted(/to come/));
    });
  });

  test("a signer's statements are verified as often as the budget says, genuine or not, and those of others go on", () => {
    const world = worldOf();
    const verifier = world.verifierOf({ budget: { perSecond: 2, burst: 3 } });
    const forged = world.sign(world.data([world.item(5)]), world.metering, world.home);
    for (let i = 0; i < 3; i++) expect(() => verifier.verify(forged)).toThrow(notTrusted(/not signed/));
    expect(() => verifier.verify(forged)).toThrow(notTrusted(/more statements of meter/));
    verifier.verify(world.sign(world.policyStatement(), world.customer.credential, world.customer));
    world.monotonic += 500;
    verifier.verify(world.sign(world.data([world.item(5)])));
    expect(() => verifier.verify(forged)).toThrow(notTrusted(/more statements/));
  });

  test("what a neighbour has forged in a signer's name takes nothing from what another brings of that signer", () => {
    const world = worldOf();
    const verifier = world.verifierOf({ budget: { perSecond: 2, burst: 3 } });
    const forged = world.sign(world.data([world.item(5)]), world.metering, world.home);
    for (let i = 0; i < 3; i++) expect(() => verifier.verify(forged, "liar")).toThrow(notTrusted(/not signed/));
    expect(() => verifier.verify(forged, "liar")).toThrow(notTrusted(/more statements of meter/));
    verifier.verify(world.sign(world.data([world.item(5)])), "station");
  });
});

function query(world: StatementWorld): StatementBody {
  const { names, timeMs } = world;
  const selector = { variable: 3, device: names.id("meter"), owner: names.id("customer") };
  return { kind: StatementKind.query, names, timeMs, sequence: 1, scope: "home", expiresS: issuedS + 900, selector, condition: [], function: 1 };
}

function checkpoint({ names, timeMs }: StatementWorld): StatementBody {
  const series = [{ variable: 3, device: names.id("meter"), count: 0, digest: new Uint8Array(32) }];
  return { kind: StatementKind.checkpoint, names, timeMs, sequence: 1, fromS: issuedS - 3600, toS: issuedS, series };
}

function revocation({ names, timeMs }: StatementWorld): StatementBody {
  return { kind: StatementKind.revocation, names, timeMs, sequence: 1, epochs: [{ subject: names.id("meter"), leastEpoch: 2 }] };
}

function ofSupplier(world: StatementWorld): Credential {
  return world.store.add(world.supplier.signs({ type: "delegation", subject: "meter", key: world.meter.key }));
}
