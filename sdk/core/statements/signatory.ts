/** What a unit signs statements with, and verifies others' by: its key, the delegations that it holds, and the credentials that it trusts. */
import type { RightCode } from "../model/policy";
import type { CertificateStore } from "../security/certificate-store";
import { covers, type Credential, type Delegation } from "../security/credential";
import type { CryptoPort, KeyHandle, PublicKeyPort } from "../security/crypto-port";
import type { SequenceReservation } from "../security/sequence-reservation";
import type { StatementVerifier, VerifiedStatement } from "../security/statement-verifier";
import type { ReadContext } from "../wire/session-body";
import { impliedNames, parseStatement, signStatement } from "../wire/statement";
import type { ImpliedNames, StatementBody } from "../wire/statement-body";
import { KeptSigners } from "./kept-signers";

/** What a unit signs with, and by what it judges others. */
export interface SignatoryParts {
  /** Id of the unit. */
  readonly unit: string;
  /** Its private key, whose public one the delegations to it name. */
  readonly key: KeyHandle;
  readonly crypto: CryptoPort & PublicKeyPort;
  readonly store: CertificateStore;
  readonly verifier: StatementVerifier;
  readonly sequences: SequenceReservation;
  readonly registry: ReadContext["registry"];
}

/** A series by the names that credentials use. */
export interface NamedSeries {
  readonly variable: number;
  readonly device: string;
}

/** A body that has no number yet. */
export type Unnumbered<Body> = Body extends { readonly sequence: number } ? Omit<Body, "sequence"> : never;

/**
 * Given to a unit among its ports (`UnitPorts.signatory`): with it the unit signs and verifies statements, without it there are none (SP-1).
 * @example
 * const verifier = new StatementVerifier(store, clock, crypto, new ReplayWindows(state), { unit: "home", above: ["lv-unit"], registry });
 * const signatory = new Signatory({ unit: "home", key: signingKey, crypto, store, verifier, sequences: new SequenceReservation(state), registry });
 * const driver = new UnitDriver({ id: "home", parent: "lv-unit", registry }, { clock, crypto, seal, store: new MemoryStore(4096), signatory, log }, timers);
 */
export class Signatory {
  /** Who has signed what this unit keeps. */
  readonly kept: KeptSigners;

  constructor(private readonly parts: SignatoryParts) {
    this.kept = new KeptSigners(parts.crypto, parts.store, parts.registry);
  }

  /**
   * A delegation to this unit that holds now and covers a right to all of the series.
   * @param service whom it has to let act; undefined: whichever
   */
  delegation(stakeholder: string, service: string | undefined, right: RightCode, series: readonly NamedSeries[]): Delegation | undefined {
    const { store, unit } = this.parts;
    return store.delegations(unit).find((one) => one.issuer === stakeholder && (service === undefined || one.service === service) && series.every((each) => covers(one, right, each)));
  }

  /**
   * @param again the sequence of a request that is signed anew: whoever has accepted one of the two refuses the other
   * @throws EbalanceError as `signStatement` and `SequenceReservation.next`
   */
  sign(delegation: Delegation, body: Unnumbered<StatementBody>, again?: number): { readonly bytes: Uint8Array; readonly sequence: number } {
    const { crypto, key, store, sequences, registry } = this.parts;
    const sequence = again ?? sequences.next(delegation.id);
    return { bytes: signStatement(crypto, key, delegation, store.domain, { ...body, sequence } as StatementBody, registry), sequence };
  }

  /** @throws EbalanceError as `StatementVerifier.verify` */
  verify(bytes: Uint8Array, from?: string): VerifiedStatement {
    return this.parts.verifier.verify(bytes, from);
  }

  /** Whether a credential under which something was asked still holds. */
  holds(signer: Credential): boolean {
    return this.parts.store.refusal(signer) === undefined;
  }

  /** The names that a signer implies, by the id of its credential; undefined where that is not known. */
  impliedNames(signerId: Uint8Array): ImpliedNames | undefined {
    const signer = this.parts.store.find(signerId);
    return signer && impliedNames(signer);
  }

  /** The nonce that a request has to repeat which `verify` has refused with `not-fresh`. */
  nonceFor(bytes: Uint8Array): Uint8Array {
    return this.parts.verifier.nonceFor(parseStatement(bytes).signerId);
  }

  /** Destroys the key of the nonces, and the public ones of what is kept. */
  close(): void {
    this.parts.verifier.close();
    this.kept.close();
  }
}
