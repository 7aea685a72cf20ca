/** The instances of kept statements, each verified again before anything of it is believed: what stands on a disk may have been changed. */
import { sameValue } from "../../storage/same-value";
import type { StatementStore } from "../../storage/statement-store";
import { EbalanceError, malformed } from "../model/errors";
import type { Value } from "../model/registry";
import type { CryptoPort } from "../security/crypto-port";
import { hashPolicy } from "../wire/policy-codec";
import { StatementKind, type DataStatement, type StatementItem } from "../wire/statement-body";
import type { KeptBody, KeptSigners, Proof } from "./kept-signers";

/** Statements whose signature is not verified again: of 64 instances each. */
const maxVerified = 128;

/** A statement that is as it was signed, and the hash of the one policy of its instances. */
interface Verified extends KeptBody {
  readonly body: DataStatement;
  readonly policyHash: Uint8Array;
}

export class ProvenSamples {
  /** By the hash of all their bytes; undefined for those that prove nothing. The one that was needed last is the last. */
  readonly #verified = new Map<string, Verified | undefined>();

  /** Why statements of a series proved nothing, as it was told last. */
  readonly #told = new Map<number, string>();

  /** @param onRefused told, once for each series and reason in a row, why a statement proves nothing */
  constructor(
    private readonly statements: StatementStore,
    private readonly signers: Pick<KeptSigners, "read" | "holds">,
    private readonly crypto: CryptoPort,
    private readonly onRefused: (series: number, why: string) => void,
  ) {}

  /**
   * Makes a function that gives the hash of the policy under which a statement proves a sample; undefined for one that none proves. Samples are to be asked for in order of time.
   * @param isOf whether an instance of a statement is one of the series
   */
  provers(series: number, fromMs: number, toMs: number, isOf: (item: StatementItem, body: DataStatement) => boolean): (value: Value, timeMs: number) => Uint8Array | undefined {
    const kept = this.statements.of(series, fromMs, toMs).map((one) => ({ ...one, verified: undefined as Verified | false | undefined }));
    let first = 0;
    return (value, timeMs) => {
      // In order of their ends: those that ended before this time are not needed any more.
      while (first < kept.length && kept[first]!.toMs <= timeMs) first++;
      for (let i = first; i < kept.length; i++) {
        const one = kept[i]!;
        if (one.fromMs > timeMs) continue;
        const verified = (one.verified ??= this.#verifiedOf(one, series) ?? false);
        if (verified && verified.body.items.some((item) => item.timeMs === timeMs && sameValue(item.value, value) && isOf(item, verified.body))) return verified.policyHash;
      }
      return undefined;
    };
  }

  #verifiedOf(proof: Proof, series: number): Verified | undefined {
    const key = this.#keyOf(proof.bytes);
    const known = this.#verified.get(key);
    const isKnown = known ? this.signers.holds(known) : this.#verified.has(key);
    const verified = isKnown ? known : this.#verify(proof, series);
    this.#verified.delete(key);
    this.#verified.set(key, verified);
    if (this.#verified.size > maxVerified) this.#verified.delete(this.#verified.keys().next().value as string);
    return verified;
  }

  #verify(proof: Proof, series: number): Verified | undefined {
    try {
      const { body, signer } = this.signers.read(proof);
      if (body.kind !== StatementKind.data) return malformed("it is no statement of data");
      const { policy } = body.items[0]!;
      return { body, signer, policyHash: policy instanceof Uint8Array ? policy : hashPolicy(policy, body.names, this.crypto) };
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      if (this.#told.get(series) !== error.message) this.onRefused(series, error.message);
      this.#told.set(series, error.message);
      return undefined;
    }
  }

  #keyOf(bytes: Uint8Array): string {
    const hash = new Uint8Array(32);
    this.crypto.sha256(bytes, bytes.length, hash);
    return hash.join();
  }
}
