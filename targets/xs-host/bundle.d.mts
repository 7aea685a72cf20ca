// SPDX-License-Identifier: Apache-2.0

export interface BundleOptions {
  readonly outfile: string;
  /** Specifiers that stay imports. */
  readonly external?: string[];
  readonly alias?: Record<string, string>;
  /** As it stands in flash: what only the bundle itself can name has names of a letter or two. */
  readonly shortNames?: boolean;
}

export function bundle(entry: string | { contents: string; resolveDir: string }, options: BundleOptions): Promise<string>;
