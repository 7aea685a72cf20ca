/** Statements in memory, beside a {@link MemoryStore}. Nothing survives a restart. */
import { bytesKey } from "../core/model/bytes";
import { sameValue } from "./same-value";
import type { KeptStatement, StatementStore } from "./statement-store";

/**
 * The statements of a `MemoryStore`, which makes one for itself; a store of your own can have one for tests.
 * @example
 * const statements = new MemoryStatements(4096);
 */
export class MemoryStatements implements StatementStore {
  /** By series, in order of their ends. */
  readonly #kept: KeptStatement[][] = [];
  /** By its bytes, and how many statements have it. */
  readonly #signers = new Map<string, { readonly bytes: Uint8Array; count: number }>();

  /** @param capacity most statements of a series: no more than it has samples */
  constructor(private readonly capacity: number) {}

  keep(statement: KeptStatement): "kept" | "known" | "failed" {
    const { series, fromMs, toMs, bytes, signer } = statement;
    while (this.#kept.length <= series) this.#kept.push([]);
    const kept = this.#kept[series]!;
    if (kept.some((one) => isSame(one, statement))) return "known";
    if (kept.length >= this.capacity) return "failed";
    let place = kept.length;
    while (place > 0 && kept[place - 1]!.toMs > toMs) place--;
    kept.splice(place, 0, { series, fromMs, toMs, bytes: bytes.slice(), signer: this.#keepSigner(signer) });
    return "kept";
  }

  #keepSigner(bytes: Uint8Array): Uint8Array {
    const key = bytesKey(bytes);
    const signer = this.#signers.get(key) ?? { bytes: bytes.slice(), count: 0 };
    signer.count++;
    this.#signers.set(key, signer);
    return signer.bytes;
  }

  of(series: number, fromMs: number, toMs: number): readonly KeptStatement[] {
    return (this.#kept[series] ?? []).filter((one) => one.toMs > fromMs && one.fromMs < toMs);
  }

  /** Gives up the statements of a series whose samples are all older than a time. */
  giveUpBefore(series: number, oldestMs: number): void {
    const kept = this.#kept[series];
    while (kept?.length && kept[0]!.toMs <= oldestMs) this.#giveUpSigner(kept.shift()!);
  }

  #giveUpSigner({ signer }: KeptStatement): void {
    const key = bytesKey(signer);
    if (--this.#signers.get(key)!.count === 0) this.#signers.delete(key);
  }

  /** All that is kept. */
  all(): readonly KeptStatement[] {
    return this.#kept.flat();
  }
}

function isSame(a: KeptStatement, b: KeptStatement): boolean {
  return a.fromMs === b.fromMs && a.toMs === b.toMs && sameValue(a.bytes, b.bytes);
}
