/** The instances of kept statements, each verified again before anything of it is believed: what stands on a disk may have been changed. */
import { sameValue } from "../../storage/same-value";
import type { StatementStore } from "../../storage/statement-store";
import type { Value } from "../model/registry";
import type { CryptoPort } from "../security/crypto-port";
import { hashPolicy } from "../wire/policy-codec";
import { StatementKind, type DataStatement, type StatementItem } from "../wire/statement-body";
import type { Signatory } from "./signatory";

/** Statements whose signature is not verified again: of 64 instances each. */
const maxVerified = 128;

/** A statement that is as it was signed, and the hash of the one policy of its instances. */
interface Verified {
  readonly body: DataStatement;
  readonly policyHash: Uint8Array;
}

export class ProvenSamples {
  /** By the hash of all their bytes; undefined for those that are not genuine. The one that was needed last is the last. */
  readonly #verified = new Map<string, Verified | undefined>();

  /** @param onChanged told, once while it is remembered, of a statement that is not as it was signed */
  constructor(
    private readonly statements: StatementStore,
    private readonly signatory: Pick<Signatory, "readKept">,
    private readonly crypto: CryptoPort,
    private readonly onChanged: (series: number) => void,
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
        const verified = (one.verified ??= this.#verifiedOf(one.bytes, series) ?? false);
        if (verified && verified.body.items.some((item) => item.timeMs === timeMs && sameValue(item.value, value) && isOf(item, verified.body))) return verified.policyHash;
      }
      return undefined;
    };
  }

  #verifiedOf(bytes: Uint8Array, series: number): Verified | undefined {
    const key = this.#keyOf(bytes);
    const verified = this.#verified.has(key) ? this.#verified.get(key) : this.#verify(bytes, series);
    this.#verified.delete(key);
    this.#verified.set(key, verified);
    if (this.#verified.size > maxVerified) this.#verified.delete(this.#verified.keys().next().value as string);
    return verified;
  }

  #verify(bytes: Uint8Array, series: number): Verified | undefined {
    const body = this.signatory.readKept(bytes);
    if (body?.kind === StatementKind.data) {
      const { policy } = body.items[0]!;
      return { body, policyHash: policy instanceof Uint8Array ? policy : hashPolicy(policy, body.names, this.crypto) };
    }
    this.onChanged(series);
    return undefined;
  }

  #keyOf(bytes: Uint8Array): string {
    const hash = new Uint8Array(32);
    this.crypto.sha256(bytes, bytes.length, hash);
    return hash.join();
  }
}
