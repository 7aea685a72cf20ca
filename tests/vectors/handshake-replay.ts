/** Runs a handshake between two units of the vectors' street: with given randomness and signatures it gives the same bytes. */
import { CertifiedInitiator } from "../../sdk/core/security/certified-initiator";
import type { HandshakeParty } from "../../sdk/core/security/certified-handshake";
import { CertifiedResponder } from "../../sdk/core/security/certified-responder";
import type { Delegation, UnitCredential } from "../../sdk/core/security/credential";
import type { KeyHandle } from "../../sdk/core/security/crypto-port";
import type { Established } from "../../sdk/core/security/handshake";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { fromHex, toHex } from "../conformance/case";
import { Street } from "./statement-replay";

export interface EndInputs {
  readonly unit: string;
  /** Names of credentials in credential-v1.json: the delegations that it opens. */
  readonly delegations: readonly string[];
  /** Names that it wants to use in the session. */
  readonly names: readonly string[];
  /** It asks for encryption. */
  readonly protection?: "encrypt";
  /** Names of credentials that it has before, besides those that it needs for its own. */
  readonly known: readonly string[];
  /** What its random source gives, in turn. */
  readonly random: readonly string[];
  /** Its signatures, in turn; none: they are made. */
  readonly signatures: readonly string[];
}

/** Real cryptography, given randomness and, where there are any, signatures. */
class RepeatableCrypto extends NodeCrypto {
  readonly signatures: string[] = [];
  readonly #random: string[];
  readonly #given: string[];

  constructor({ random, signatures }: EndInputs) {
    super();
    this.#random = [...random];
    this.#given = [...signatures];
  }

  override random(out: Uint8Array): void {
    const given = this.#random.shift();
    if (given === undefined) super.random(out);
    else out.set(fromHex(given));
  }

  override sign(key: KeyHandle, data: Uint8Array, length: number, signature: Uint8Array): void {
    const given = this.#given.shift();
    if (given === undefined) super.sign(key, data, length, signature);
    else signature.set(fromHex(given));
    this.signatures.push(toHex(signature));
  }
}

export class HandshakeEnd {
  readonly crypto: RepeatableCrypto;
  readonly party: HandshakeParty;

  constructor(inputs: EndInputs) {
    const { unit, delegations, names, known, protection } = inputs;
    this.crypto = new RepeatableCrypto(inputs);
    const issuers = delegations.map((name) => (name.startsWith("billing") ? "supplier" : "customer"));
    const street = new Street([unit, ...issuers, ...delegations, ...known], this.crypto);
    const signingKey = street.key(unit);
    this.party = {
      crypto: this.crypto,
      store: street.store,
      registry: street.registry,
      credential: street.credential(unit) as UnitCredential,
      signingKey,
      agreementKey: street.key(`${unit} agreement`),
      delegations: delegations.map((name) => ({ credential: street.credential(name) as Delegation, key: signingKey })),
      names,
      ...(protection && { protection }),
    };
  }

  /** A tag under the secret of a session, which shows that it is the same as another. */
  tagUnder(secret: KeyHandle): string {
    const key = this.crypto.deriveKey(secret, new Uint8Array(0), new Uint8Array(0), "mac");
    const tag = new Uint8Array(32);
    this.crypto.mac(key, tag, 1, tag);
    return toHex(tag);
  }
}

export interface HandshakeRun {
  readonly hello: Uint8Array;
  readonly answer: Uint8Array;
  readonly open: Uint8Array;
  readonly accept: Uint8Array;
  readonly initiated: Established;
  readonly responded: Established;
}

/** @throws Error if it does not end as it should */
export function runHandshake(lower: HandshakeEnd, upper: HandshakeEnd): HandshakeRun {
  const initiator = new CertifiedInitiator(lower.party, upper.party.credential.subject, () => true);
  const responder = new CertifiedResponder(upper.party, () => true);
  const hello = initiator.start();
  const { send: answer } = responder.receive(hello);
  const { send: open } = initiator.receive(answer!);
  const { send: accept, done: responded } = responder.receive(open!);
  const { done: initiated, failed } = initiator.receive(accept!);
  if (!initiated || !responded) throw new Error(failed ?? "the handshake did not end");
  return { hello, answer: answer!, open: open!, accept: accept!, initiated, responded };
}
