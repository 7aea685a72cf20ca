/** The statement port: where a replica keeps the statements that its samples came in, so that each can be proven later. It knows nothing of what they say. */

/** A statement about one series, as it was received. */
export interface KeptStatement {
  /** As in the store of the samples. */
  readonly series: number;
  /** Its samples: fromMs <= time < toMs */
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: Uint8Array;
  /** What its signer is known by: kept once for all statements of one signer, and gone with the last of them. */
  readonly signer: Uint8Array;
}

/**
 * Beside a store of samples, and part of it: what is kept in both before one commit is acknowledged with it or not at all. Statements go when the samples of their time have gone.
 */
export interface StatementStore {
  /** Keeps a statement. @returns `known` where the same is kept already, `failed` where it could not be kept */
  keep(statement: KeptStatement): "kept" | "known" | "failed";
  /** The statements of a series with samples in fromMs <= time < toMs, in order of their ends; of one end in the order in which they came. */
  of(series: number, fromMs: number, toMs: number): readonly KeptStatement[];
}
