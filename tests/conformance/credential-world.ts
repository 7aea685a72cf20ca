/** A small grid with credentials, for tests: an operator with two stakeholders, a home and a meter. Portable, so that the same runs on XS. */
import type { Claims, PublicKey } from "../../sdk/core/security/claims";
import { issuerOf, makeCredential, parseCredential, type Credential, type Issuer } from "../../sdk/core/security/credential";
import type { CryptoPort, KeyHandle, PublicKeyPort, SignatureUse } from "../../sdk/core/security/crypto-port";

export const issuedS = 1_800_000_000;
export const expiresS = issuedS + 86_400;

/** Claims without what is the same in most. */
type Given = Claims extends infer Each ? (Each extends Claims ? Pick<Each, "type" | "subject"> & Partial<Each> : never) : never;

/** Someone who has a signing key, and a credential for it. */
export class Member {
  readonly key: PublicKey;

  constructor(
    readonly crypto: CryptoPort & PublicKeyPort,
    readonly use: SignatureUse = "es256",
    readonly signing: KeyHandle = crypto.generateKey(use),
  ) {
    this.key = { use, bytes: crypto.publicKey(signing) };
  }

  credential!: Credential;

  /** Signs a credential of another, whatever it says. */
  signs(given: Given, issuer: Issuer = issuerOf(this.credential)): Uint8Array {
    const claims = { domain: "elm-street", key: this.key, epoch: 1, issuedS, expiresS, ...defaults(this.crypto, given.type), ...given } as Claims;
    return makeCredential(this.crypto, this.signing, issuer, claims);
  }
}

function defaults(crypto: CryptoPort & PublicKeyPort, type: Claims["type"]): object {
  if (type === "unit") return { role: "device", owner: "customer", parents: ["home"], below: [], agreementKey: somePoint(crypto) };
  return type === "delegation" ? { service: "metering", rights: 3 } : {};
}

/** The public part of a pair that nobody keeps. */
function somePoint(crypto: CryptoPort & PublicKeyPort): Uint8Array {
  const pair = crypto.generateKey("ecdh-p256");
  const bytes = crypto.publicKey(pair);
  crypto.destroyKey(pair);
  return bytes;
}

export class CredentialWorld {
  nowMs = (issuedS + 60) * 1000;
  monotonic = 0;
  isSet = true;
  readonly clock = { wallMs: () => this.nowMs, monotonicMs: () => this.monotonic, isSet: () => this.isSet };
  readonly operator: Member;
  readonly customer: Member;
  readonly supplier: Member;
  readonly home: Member;
  readonly meter: Member;
  /** Of the customer to the meter, for metering. */
  readonly delegation: Uint8Array;

  constructor(
    readonly crypto: CryptoPort & PublicKeyPort,
    use: SignatureUse = "es256",
  ) {
    this.operator = new Member(crypto, use);
    this.operator.credential = parseCredential(this.operator.signs({ type: "root", subject: "operator" }, { use, name: "operator" }), crypto);
    this.customer = this.#member({ type: "stakeholder", subject: "customer" }, use);
    this.supplier = this.#member({ type: "stakeholder", subject: "supplier" }, use);
    this.home = this.#member({ type: "unit", subject: "home", role: "gateway", parents: [], below: ["meter"] }, use);
    this.meter = this.#member({ type: "unit", subject: "meter" }, use);
    this.delegation = this.customer.signs({ type: "delegation", subject: "meter", key: this.meter.key });
  }

  get root(): Uint8Array {
    return this.operator.credential.bytes;
  }

  /** Destroys every key: a chip has room for few, and one case comes after another. */
  close(): void {
    for (const { signing } of [this.operator, this.customer, this.supplier, this.home, this.meter]) this.crypto.destroyKey(signing);
  }

  #member(given: Given, use: SignatureUse): Member {
    const member = new Member(this.crypto, use);
    member.credential = parseCredential(this.operator.signs({ ...given, key: member.key } as Given), this.crypto);
    return member;
  }
}
