import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { issuedS } from "../../../tests/conformance/credential-world";
import { StatementWorld } from "../../../tests/conformance/statement-world";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { StatementKind } from "../wire/statement-body";
import { NobleFullCrypto } from "./noble-full-crypto";

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
});
