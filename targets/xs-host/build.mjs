// SPDX-License-Identifier: Apache-2.0
// Builds the host for Linux.
//   node targets/xs-host/build.mjs [--sanitize] [--json]
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError, makeFolder, run, tail } from "./cache.mjs";
import { BUILD, compileTarget, cryptoSourceOrReason, keyOfObjects, sourcesIn } from "./compile.mjs";
import { fetchCryptoSource } from "./crypto-source.mjs";
import { fetchEngineSource } from "./engine-source.mjs";

export { BuildError, fetchCryptoSource, fetchEngineSource };

const PROBE = "#include <math.h>\n#include <stdint.h>\n#include <stdio.h>\n" +
  'int main(int argc, char** argv) { (void)argv; printf("%d", (int)sqrt(argc)); return 0; }\n';

/** Ends the run where C of ours reads or writes what is not its own, or does what C leaves undefined. */
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/** Compiles, links and runs a program; slots are as on the chip only in a 32-bit build. */
async function probe(compiler, flags, folder) {
  const source = join(folder, "probe.c");
  const program = join(folder, "probe");
  writeFileSync(source, PROBE);
  const result = await run(compiler, [...flags, source, "-o", program, "-lm", "-lpthread"]);
  return result.code === 0 && (await run(program, [])).code === 0;
}

/** Which compiler, and whether it can make 32-bit programs. Asked anew in each process: gcc-multilib may come or go. */
async function findTarget() {
  const compiler = process.env.CC || "gcc";
  const version = await run(compiler, ["--version"]);
  const folder = mkdtempSync(join(tmpdir(), "ebalance-probe-"));
  try {
    for (const machine of [["-m32"], []]) {
      if (version.code === 0 && (await probe(compiler, machine, folder))) return { name: "linux", compiler, version: version.stdout, machine, flags: ["-O2", "-DmxParse=1", "-DmxMetering=1"], cryptoFlags: [] };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  throw new BuildError("no-compiler", `no C compiler "${compiler}" that makes programs: apt-get install gcc libc6-dev (32-bit slots: gcc-multilib), or set CC`);
}

async function link(target, folders, folder, ownFlags) {
  const objects = folders.flatMap((name) => sourcesIn(name, ".o"));
  const result = await run(target.compiler, [...target.machine, ...ownFlags, ...objects, "-o", join(folder, "ebalance-xs"), "-lm", "-lpthread"]);
  if (result.code !== 0) throw new BuildError("build-failed", `linking failed:\n${tail(result.stderr)}`);
}

async function build(log, ownFlags) {
  const target = await findTarget();
  mkdirSync(BUILD, { recursive: true });
  const folderFor = (crypto) => join(BUILD, `host-${keyOfObjects(target, crypto, ownFlags)}`);
  const notes = target.machine.length > 0 ? [] : ["64-bit slots of 32 bytes, twice those of a chip: apt-get install gcc-multilib"];
  let crypto = "psa";
  if (!existsSync(folderFor("psa"))) {
    const { source, reason } = await cryptoSourceOrReason(log);
    if (reason) {
      crypto = "none";
      notes.push(`no native cryptography: ${reason}`);
    }
    await makeFolder(folderFor(crypto), async (temporary) => link(target, await compileTarget(target, source, temporary, log, ownFlags), temporary, ownFlags));
  }
  return { path: join(folderFor(crypto), "ebalance-xs"), slotBytes: target.machine.length > 0 ? 16 : 32, crypto, notes };
}

/** Builds what is not up to date; within one process only once. `sanitize` makes a host that is slow and finds what C does wrong. */
let hostPromise;
export function buildHost({ log = () => {}, sanitize = process.env.EBALANCE_SANITIZE === "1" } = {}) {
  hostPromise ??= build(log, sanitize ? SANITIZERS : []);
  return hostPromise;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const json = process.argv.includes("--json");
  try {
    const host = await buildHost({ log: json ? undefined : (text) => console.log(text), ...(process.argv.includes("--sanitize") ? { sanitize: true } : {}) });
    console.log(json ? JSON.stringify(host) : [host.path, `slots of ${host.slotBytes} bytes, crypto: ${host.crypto}`, ...host.notes].join("\n"));
  } catch (error) {
    console.error(json ? JSON.stringify({ code: error.code, message: error.message }) : error.message);
    process.exitCode = 1;
  }
}
