// SPDX-License-Identifier: Apache-2.0
// One JavaScript module that XS can run: no Node, no newer syntax than ES2021.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { forDevice, deviceModules, xsSyntax } from "./device-code.mjs";

/**
 * Bundles `entry` (a path, or `{ contents, resolveDir }` for text) into `outfile`.
 * Specifiers in `external` stay imports, for modules that are preloaded. With `shortNames` it is what stands in flash; without, a profile or a stack
 * names what it was called in its sources.
 */
export async function bundle(entry, { outfile, external = [], alias = {}, shortNames = false }) {
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
    plugins: [deviceModules],
    logLevel: "silent",
  });
  writeFileSync(outfile, await forDevice(readFileSync(outfile, "utf8"), { shortNames }));
  return outfile;
}
