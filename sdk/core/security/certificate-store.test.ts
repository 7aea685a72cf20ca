import { randomFillSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { CredentialWorld } from "../../../tests/conformance/credential-world";
import { CertificateStore } from "./certificate-store";
import { NobleFullCrypto } from "./noble-full-crypto";

describe.each([
  ["node", new NodeCrypto()],
  ["noble", new NobleFullCrypto((out) => randomFillSync(out))],
] as const)("SP-1 a certificate store on %s", (_name, crypto) => {
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
});
