// SPDX-License-Identifier: Apache-2.0
import type { Plugin } from "esbuild";

/** Syntax beyond ES2021 that bundles for XS keep. */
export const xsSyntax: Readonly<Record<string, boolean>>;

/** For the bundler: the SDK's modules as a device gets them. */
export const deviceModules: Plugin;

/** A module's text with an index in every loop over the elements of something, which must be an array. */
export function withIndexLoops(code: string): string;

/** A bundle as a device gets it; with `shortNames` as it stands in flash. */
export function forDevice(code: string, options?: { readonly shortNames?: boolean }): Promise<string>;
