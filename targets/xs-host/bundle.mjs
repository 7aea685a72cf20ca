// SPDX-License-Identifier: Apache-2.0
// One JavaScript module that XS can run: no Node, no newer syntax than ES2021.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { withPlainNames } from "./private-names.mjs";

/**
 * What XS has beyond ES2021. Lowered by the bundler, private fields would become WeakMaps at module level, which a
 * preloaded module cannot write to: they become plain properties afterwards.
 */
export const xsSyntax = Object.freeze({
  "class-private-field": true,
  "class-private-accessor": true,
  "class-private-method": true,
  "class-private-brand-check": true,
  "class-field": true,
});

/**
 * Bundles `entry` (a path, or `{ contents, resolveDir }` for text) into `outfile`.
 * Specifiers in `external` stay imports, for modules that are preloaded.
 */
export async function bundle(entry, { outfile, external = [], alias = {} }) {
  const input =
    typeof entry === "string"
      ? { entryPoints: [entry] }
      : { stdin: { contents: entry.contents, resolveDir: entry.resolveDir, loader: "ts", sourcefile: "main.ts" } };
  await build({
    ...input,
    outfile,
    external,
    alias,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2021",
    supported: xsSyntax,
    mainFields: ["module", "main"],
    treeShaking: true,
    logLevel: "silent",
  });
  writeFileSync(outfile, withPlainNames(readFileSync(outfile, "utf8")));
  return outfile;
}
