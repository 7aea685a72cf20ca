/** Builds with the vendor's own tools, those of the Moddable SDK in MODDABLE: a console program, and a device as far as the tools at hand go. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { fetchCryptoSource } from "../../targets/xs-host/build.mjs";
import { CRYPTO_FILES } from "../../targets/xs-host/compile.mjs";
import { root, tsupPath } from "../repository/run";
import { moddable, noModdableReason, tools } from "./tools.mjs";

const output = join(root, "build/moddable");

/** The SDK's own version. */
export const moddableVersion = noModdableReason ? "" : readFileSync(join(moddable, "tools/VERSION"), "utf8").trim();

/** Runs a program with the vendor's tools and our TypeScript in its path. @returns exit code and all that it wrote */
function run(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<{ code: number | null; text: string }> {
  const path = [tools, join(root, "node_modules/.bin"), process.env["PATH"]].join(":");
  const child = spawn(command, args, { cwd: root, env: { ...process.env, PATH: path, ...environment }, timeout: 300_000 });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return new Promise((resolve, reject) => child.on("error", reject).on("close", (code) => resolve({ code, text })));
}

async function mustRun(...call: Parameters<typeof run>): Promise<string> {
  const { code, text } = await run(...call);
  if (code !== 0) throw new Error(`${call[0]} ${call[1].join(" ")} ended with ${code}:\n${text.slice(-4000)}`);
  return text;
}

let sdkPromise: Promise<unknown> | undefined;
/** What the manifests name in `dist`; within one process only once. */
function buildSdk(): Promise<unknown> {
  return (sdkPromise ??= mustRun(process.execPath, [tsupPath, "--silent"]));
}

/** Where the vendor's tools keep what is up to date: compiling the engine takes a minute. */
function outputFolder(name: string): string {
  const folder = join(output, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** No bound: what is compared are results. */
const creation = { static: 0, chunk: { initial: 1 << 22, incremental: 1 << 20 }, heap: { initial: 1 << 17, incremental: 1 << 14 }, stack: 1 << 14, keys: { initial: 1024, incremental: 1024 } };

/** Runs the conformance cases in a console build, on mbedTLS through our native modules. @returns what they print */
export async function runConformance(fuzzCount: number, fuzzSeed: number): Promise<string[]> {
  await buildSdk();
  const folder = outputFolder("conformance");
  await bundle(join(root, "tests/conformance/xs-cases.ts"), { outfile: join(folder, "conformance.js") });
  await bundle(join(root, "tests/moddable/main.ts"), { outfile: join(folder, "main.js"), external: ["conformance", "ebalance/full-crypto", "ebalance/native"] });
  const mbedtls = await fetchCryptoSource();
  const manifest = {
    include: join(root, "targets/native/manifest-full-crypto.json"),
    creation,
    modules: {
      conformance: "./conformance",
      "*": ["./main", join(root, "tests/moddable/main.c"), join(root, "targets/native/crypto/random.c"), ...CRYPTO_FILES.map((name) => join(mbedtls, "library", `${name}.c`)), `${mbedtls}/include/`],
    },
    preload: ["conformance"],
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  await mustRun("mcconfig", ["-m", "-p", "x-cli-lin", "-o", folder, join(folder, "manifest.json")], { CC: 'gcc -w -DMBEDTLS_CONFIG_FILE=\\"mbedtls-config.h\\"' });
  const text = await mustRun(join(folder, "bin/lin/release/conformance"), [String(fuzzCount), String(fuzzSeed)]);
  return text.trim().split("\n");
}

/** What has become of a device's build. */
export interface DeviceBuild {
  /** Modules that were compiled to bytecode, by specifier. */
  readonly modules: readonly string[];
  /** What the vendor's linker says of preloaded modules: each is a place in RAM that a constant or a frozen object would not take. */
  readonly remarks: readonly string[];
  /** How far it went. */
  readonly reached: string;
}

/** The version that the manifests are for; a stand-in has none of its own. */
const idfVersion = "v6.0";

/** A folder with the include folders that the manifest names, and nothing in them, so that all but C can be built without the chip's SDK. */
function standInForIdf(folder: string): string {
  const { modules } = JSON.parse(readFileSync(join(root, "targets/esp32/manifest.json"), "utf8")) as { modules: { "*": string[] } };
  for (const path of modules["*"]) if (path.startsWith("$(IDF_PATH)/")) mkdirSync(path.replace("$(IDF_PATH)", folder), { recursive: true });
  return folder;
}

/**
 * Builds the sensor example for a device: every module to bytecode, then linked, which runs what is preloaded. With IDF_PATH, the chip's own SDK, C is compiled too.
 * @param platform as the vendor's tools name it: `esp32/esp32c3`
 */
export async function buildDevice(platform: string): Promise<DeviceBuild> {
  await buildSdk();
  rmSync(join(output, platform), { recursive: true, force: true });
  const folder = outputFolder(platform);
  const manifest = join(root, "examples/sensor/manifest.json");
  const idf = process.env["IDF_PATH"];
  const environment = { IDF_PATH: idf ?? standInForIdf(join(folder, "idf")) };
  await mustRun("mcconfig", ["-p", platform, "-o", folder, manifest], environment);
  const project = join(folder, "tmp", platform, "release/sensor");
  writeFileSync(join(project, "linked.mk"), "include makefile\nlinked: $(TMP_DIR)/mc.xs.c\n");
  // Without the configuration of the chip's SDK, which only C depends on.
  const text = await mustRun("make", ["-C", project, "-f", "linked.mk", `IDF_VERSION=${idfVersion}`, "SDKCONFIG_H=", "linked"], environment);
  if (idf) await mustRun("mcconfig", ["-m", "-p", platform, "-t", "build", "-o", folder, manifest]);
  const modules = readdirSync(join(project, "modules"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".xsb"));
  return {
    modules: modules.map((path) => path.replace(/\.xsb$/, "").replace(/^~\.([^/]+)\//, "$1:")).sort(),
    remarks: [...text.matchAll(/^### warning: (.*)$/gm)].map((match) => match[1]!),
    reached: `${modules.length} modules compiled to bytecode, linked and preloaded; ${idf ? "C compiled and linked" : "C was not compiled, because IDF_PATH is not set"}`,
  };
}
