// `npm run bench`: bundles the benches from source and runs them.
import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { stop } from "esbuild";
import { bundleForNode, root } from "./bundles.mjs";

mkdirSync(root("build/bench"), { recursive: true });
// What builds the emulated chip finds its files beside itself, so it stays where it is.
const bundle = (entry) => bundleForNode(entry, root(`build/${entry.replace(/\.ts$/, ".mjs")}`), {}, ["../../scripts/*", "../../targets/*.mjs"]);
const bench = await import(pathToFileURL(await bundle("bench/run.ts")).href);
process.exitCode = await bench.main(process.argv.slice(2), root("BENCHMARKS.md"), bundle);
await stop(); // esbuild's own process
