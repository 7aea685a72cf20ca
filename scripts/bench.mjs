// `npm run bench`: bundles the benches from source and runs them.
import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { bundleForNode, root } from "./bundles.mjs";

mkdirSync(root("build/bench"), { recursive: true });
const main = await bundleForNode("bench/run.ts", root("build/bench/run.mjs"));
const bench = await import(pathToFileURL(main).href);
process.exitCode = bench.main(process.argv.slice(2), root("BENCHMARKS.md"));
