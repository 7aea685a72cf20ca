/** A small grid with certified units, for the tests of handshakes and of what they lead to. */
import { randomFillSync } from "node:crypto";
import { CertificateStore, issuerOf, makeCredential, NobleFullCrypto, parseCredential, Registry, standardVariables, type AeadPort, type ClockPort, type CryptoPort, type Delegation, type Issuer, type KeyHandle, type KeyWrapPort, type PublicKeyPort, type StakeholderCredential, type UnitCredential } from "ebalance";
import type { HandshakeParty, OwnDelegation } from "../../sdk/core/security/certified-handshake";
import type { DelegationClaims, UnitClaims } from "../../sdk/core/security/claims";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";

export type FullCrypto = CryptoPort & PublicKeyPort & AeadPort & KeyWrapPort;
export const registry = new Registry(standardVariables);
export const nowS = 1_790_000_000;

/** Counts the keys that a port holds, and its operations on key pairs. */
export function counting(port: FullCrypto): FullCrypto & { readonly held: Set<number>; publicKeyOperations: number } {
  const held = new Set<number>();
  const makes = ["importKey", "deriveKey", "importPrivateKey", "importPublicKey", "generateKey", "agree", "unwrap"];
  const ofKeyPairs = ["sign", "verify", "agree", "generateKey"];
  const counted: Record<string, unknown> = { held, publicKeyOperations: 0 };
  for (let of = port as object; of !== Object.prototype; of = Object.getPrototypeOf(of) as object)
    for (const name of Object.getOwnPropertyNames(of)) {
      if (name in counted || name === "constructor") continue;
      counted[name] = (...args: unknown[]) => {
        if (ofKeyPairs.includes(name)) (counted["publicKeyOperations"] as number)++;
        const result = (port as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);
        if (makes.includes(name)) held.add((result as KeyHandle).keyId);
        if (name === "destroyKey") held.delete((args[0] as KeyHandle).keyId);
        return result;
      };
    }
  return counted as unknown as ReturnType<typeof counting>;
}

export const nodeCrypto = (): ReturnType<typeof counting> => counting(new NodeCrypto());
export const nobleCrypto = (): ReturnType<typeof counting> => counting(new NobleFullCrypto((out) => randomFillSync(out)));

/** The operator's desk: all private keys are made here, and taken into the ports of units as bytes. */
export class Grid {
  readonly clock = { now: nowS * 1000, set: true };
  readonly clockPort: ClockPort = { wallMs: () => this.clock.now, monotonicMs: () => this.clock.now - nowS * 1000, isSet: () => this.clock.set };
  readonly #crypto = new NodeCrypto();
  readonly #seeds = new Map<string, Uint8Array>();
  readonly root: Uint8Array;
  readonly #root: Issuer;

  constructor(readonly domain = "elm-street") {
    this.root = makeCredential(this.#crypto, this.#key("operator"), { use: "es256", name: "operator" }, { type: "root", subject: "operator", ...this.#head("operator", {}) });
    this.#root = issuerOf(parseCredential(this.root, this.#crypto));
  }

  /** The bytes of a private key, made when it is first asked for. */
  seed(name: string): Uint8Array {
    const seed = this.#seeds.get(name) ?? randomFillSync(new Uint8Array(32));
    // Below the order of the curve.
    seed[0]! &= 0x7f;
    this.#seeds.set(name, seed);
    return seed;
  }

  #key(name: string, crypto: FullCrypto = this.#crypto): KeyHandle {
    return crypto.importPrivateKey(this.seed(name), "es256");
  }

  #head(name: string, { epoch = 0, issuedS = nowS - 100, expiresS = nowS + 90 * 86_400 }: { epoch?: number; issuedS?: number; expiresS?: number }) {
    return { domain: this.domain, key: { use: "es256" as const, bytes: this.#crypto.publicKey(this.#key(name)) }, epoch, issuedS, expiresS };
  }

  stakeholder(name: string, more: Partial<{ epoch: number; expiresS: number }> = {}): StakeholderCredential {
    return parseCredential(makeCredential(this.#crypto, this.#key("operator"), this.#root, { type: "stakeholder", subject: name, ...this.#head(name, more) }), this.#crypto) as StakeholderCredential;
  }

  unit(name: string, more: Partial<UnitClaims> = {}): UnitCredential {
    const agreementKey = this.#crypto.publicKey(this.#crypto.importPrivateKey(this.seed(`${name} agrees`), "ecdh-p256"));
    const claims: UnitClaims = { type: "unit", subject: name, ...this.#head(name, more), role: "gateway", owner: "customer", parents: [], below: [], agreementKey, ...more };
    return parseCredential(makeCredential(this.#crypto, this.#key("operator"), this.#root, claims), this.#crypto) as UnitCredential;
  }

  /** A delegation of a stakeholder to a unit, whose key it is bound to. */
  delegation(stakeholder: StakeholderCredential, unit: string, service: string, more: Partial<DelegationClaims> = {}): Delegation {
    const claims: DelegationClaims = { type: "delegation", subject: unit, ...this.#head(unit, more), service, rights: 3, ...more };
    return parseCredential(makeCredential(this.#crypto, this.#key(stakeholder.subject), issuerOf(stakeholder), claims), this.#crypto) as Delegation;
  }

  /** A unit with its credential and keys, and the delegations to it with those who gave them. */
  party(crypto: FullCrypto, credential: UnitCredential, given: readonly (readonly [StakeholderCredential, Delegation])[] = [], more: Partial<HandshakeParty> = {}): HandshakeParty {
    const store = new CertificateStore(crypto, this.clockPort, this.root);
    store.add(credential.bytes);
    const signingKey = this.#key(credential.subject, crypto);
    const delegations: OwnDelegation[] = given.map(([stakeholder, delegation]) => {
      store.add(stakeholder.bytes);
      return { credential: store.add(delegation.bytes) as Delegation, key: signingKey };
    });
    const agreementKey = crypto.importPrivateKey(this.seed(`${credential.subject} agrees`), "ecdh-p256");
    return { crypto, store, registry, credential, signingKey, agreementKey, delegations, ...more };
  }
}
