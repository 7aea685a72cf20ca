// SPDX-License-Identifier: Apache-2.0

/** A host that is ready to run. */
export interface HostBuild {
  /** The program. */
  readonly path: string;
  /** 16 as on a chip, 32 where only 64-bit programs can be made. */
  readonly slotBytes: 16 | 32;
  readonly crypto: "psa" | "none";
  /** What differs from a chip for want of something on this machine, with the remedy. */
  readonly notes: readonly string[];
}

export class BuildError extends Error {
  readonly code: "no-compiler" | "engine-unavailable" | "crypto-unavailable" | "build-failed";
}

export interface BuildOptions {
  readonly log?: (text: string) => void;
}

/** @param options `sanitize`: with the compiler's sanitizers in our own C; by default where EBALANCE_SANITIZE is 1 */
export function buildHost(options?: BuildOptions & { readonly sanitize?: boolean }): Promise<HostBuild>;
export function fetchEngineSource(options?: BuildOptions): Promise<string>;
export function fetchCryptoSource(options?: BuildOptions): Promise<string>;
