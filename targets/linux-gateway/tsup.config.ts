import { defineConfig } from "tsup";

/** `ebalance` stays an import, as every dependency does: there is one SDK in a program. */
export default defineConfig({
  entry: { index: "src/index.ts", bin: "src/bin.ts" },
  format: "esm",
  target: "node20",
  platform: "node",
  dts: true,
  clean: false,
  removeNodeProtocol: false,
  // An optional dependency is none that tsup leaves out by itself.
  external: ["better-sqlite3"],
  // The compiler finds the SDK's types in its sources: no build of it has to come first.
  tsconfig: "tsconfig.build.json",
});
