// SPDX-License-Identifier: Apache-2.0

/** Syntax beyond ES2021 that bundles for XS keep. */
export const xsSyntax: Readonly<Record<string, boolean>>;

export interface BundleOptions {
  readonly outfile: string;
  /** Specifiers that stay imports. */
  readonly external?: string[];
  readonly alias?: Record<string, string>;
}

export function bundle(entry: string | { contents: string; resolveDir: string }, options: BundleOptions): Promise<string>;
