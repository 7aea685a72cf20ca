// SPDX-License-Identifier: Apache-2.0

export interface BundleOptions {
  readonly outfile: string;
  /** Specifiers that stay imports. */
  readonly external?: string[];
  readonly alias?: Record<string, string>;
}

export function bundle(entry: string | { contents: string; resolveDir: string }, options: BundleOptions): Promise<string>;
