// SPDX-License-Identifier: Apache-2.0
// Builds the test host: the XS engine, mbedTLS where it can be had, and our C.
//   node targets/xs-host/build.mjs [--json]
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError, makeFolder, run, tail } from "./cache.mjs";
import { CRYPTO_VERSION, fetchCryptoSource } from "./crypto-source.mjs";
import { ENGINE_VERSION, fetchEngineSource } from "./engine-source.mjs";

export { BuildError, fetchCryptoSource, fetchEngineSource };

const HERE = fileURLToPath(new URL(".", import.meta.url));
const CRYPTO = resolve(HERE, "../native/crypto");
const BUILD = resolve(HERE, "../../build/xs-host");

const OUR_FLAGS = ["-Wall", "-Wextra", "-Wno-clobbered", "-Wno-cast-function-type"];
const BASE_FLAGS = ["-std=gnu11", "-O2", "-g1", "-fno-common", "-D_GNU_SOURCE"];
const ENGINE_FLAGS = [
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="platform.h"',
  ...["mxMetering", "mxParse", "mxRun", "mxNoConsole", "mxBoundsCheck", "mxStringNormalize", "mxMinusZero"].map((name) => `-D${name}=1`),
];
/** Of the engine: all but snapshots and lockdown, which this host has no use for. */
const ENGINE_WITHOUT = ["xsSnapshot.c", "xsLockdown.c"];
const ENGINE_TEXT = ["modules/data/text/encoder/textencoder.c", "modules/data/text/decoder/textdecoder.c"];
/** Of mbedTLS: what the PSA interface needs for SHA-256, HMAC and HKDF. */
const CRYPTO_FILES = [
  "aes", "cipher", "cipher_wrap", "constant_time", "hkdf", "md", "platform", "platform_util",
  "psa_crypto", "psa_crypto_aead", "psa_crypto_cipher", "psa_crypto_client", "psa_crypto_driver_wrappers",
  "psa_crypto_ecp", "psa_crypto_hash", "psa_crypto_mac", "psa_crypto_rsa", "psa_crypto_slot_management", "sha256",
];

const PROBE = "#include <math.h>\n#include <stdint.h>\n#include <stdio.h>\n" +
  'int main(int argc, char** argv) { (void)argv; printf("%d", (int)sqrt(argc)); return 0; }\n';

/** Compiles, links and runs a program; slots are as on the chip only in a 32-bit build. */
async function probe(compiler, flags, folder) {
  const source = join(folder, "probe.c");
  const program = join(folder, "probe");
  writeFileSync(source, PROBE);
  const result = await run(compiler, [...flags, source, "-o", program, "-lm", "-lpthread"]);
  return result.code === 0 && (await run(program, [])).code === 0;
}

/** Which compiler, and whether it can make 32-bit programs. Asked anew in each process: gcc-multilib may come or go. */
async function findToolchain() {
  const compiler = process.env.CC || "gcc";
  const version = await run(compiler, ["--version"]);
  const folder = mkdtempSync(join(tmpdir(), "ebalance-probe-"));
  try {
    for (const machine of [["-m32"], []]) {
      if (version.code === 0 && (await probe(compiler, machine, folder))) return { compiler, version: version.stdout, machine };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  throw new BuildError("no-compiler", `no C compiler "${compiler}" that makes programs: apt-get install gcc libc6-dev (32-bit slots: gcc-multilib), or set CC`);
}

/** Compiles files to objects beside each other, as many at a time as there are cores. */
async function compileAll(toolchain, files, flags, folder, log) {
  const queue = [...files];
  async function work() {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const object = join(folder, `${basename(file, ".c")}.o`);
      const result = await run(toolchain.compiler, [...toolchain.machine, ...BASE_FLAGS, ...flags, "-c", file, "-o", object]);
      if (result.code !== 0) {
        queue.length = 0;
        throw new BuildError("build-failed", `${basename(file)} does not compile with ${toolchain.compiler}:\n${tail(result.stderr)}`);
      }
      if (result.stderr) log(result.stderr.trim());
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

function sourcesIn(folder, extension) {
  return readdirSync(folder).filter((name) => name.endsWith(extension)).sort().map((name) => join(folder, name));
}

function keyOf(...parts) {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

function contentOf(files) {
  return files.map((file) => [basename(file), readFileSync(file, "utf8")]);
}

/** The engine's objects change rarely and take most of the time, so they are kept apart. */
async function buildEngine(toolchain, log) {
  const key = keyOf(ENGINE_VERSION, toolchain, BASE_FLAGS, ENGINE_FLAGS, contentOf([join(HERE, "platform.h")]));
  const folder = join(BUILD, `engine-${key}`);
  const source = await fetchEngineSource({ log });
  const include = ["includes", "platforms", "sources"].map((name) => `-I${join(source, "xs", name)}`);
  const flags = [...ENGINE_FLAGS, ...include, `-I${HERE}`];
  await makeFolder(folder, async (temporary) => {
    log("compiling the XS engine");
    const files = sourcesIn(join(source, "xs/sources"), ".c").filter((file) => !ENGINE_WITHOUT.includes(basename(file)));
    await compileAll(toolchain, [...files, ...ENGINE_TEXT.map((file) => join(source, file))], [...flags, "-w"], temporary, log);
  });
  return { folder, flags };
}

async function buildCrypto(toolchain, source, log) {
  const key = keyOf(CRYPTO_VERSION, toolchain, BASE_FLAGS, CRYPTO_FILES, contentOf([join(CRYPTO, "mbedtls-config.h")]));
  const folder = join(BUILD, `mbedtls-${key}`);
  const flags = [`-I${join(source, "include")}`, `-I${CRYPTO}`, '-DMBEDTLS_CONFIG_FILE="mbedtls-config.h"'];
  await makeFolder(folder, async (temporary) => {
    log("compiling mbedTLS");
    const files = CRYPTO_FILES.map((name) => join(source, "library", `${name}.c`));
    await compileAll(toolchain, files, [...flags, `-I${join(source, "library")}`, "-w"], temporary, log);
  });
  return { folder, flags };
}

async function link(toolchain, folders, folder) {
  const objects = folders.flatMap((name) => sourcesIn(name, ".o"));
  const result = await run(toolchain.compiler, [...toolchain.machine, ...objects, "-o", join(folder, "ebalance-xs"), "-lm", "-lpthread"]);
  if (result.code !== 0) throw new BuildError("build-failed", `linking failed:\n${tail(result.stderr)}`);
}

async function buildProgram(toolchain, cryptoSource, folder, log) {
  const engine = await buildEngine(toolchain, log);
  const crypto = cryptoSource ? await buildCrypto(toolchain, cryptoSource, log) : undefined;
  await makeFolder(folder, async (temporary) => {
    log("compiling the host");
    const host = [...engine.flags, ...(crypto ? ["-DEBALANCE_CRYPTO=1", ...crypto.flags] : []), ...OUR_FLAGS];
    const files = [...sourcesIn(HERE, ".c"), ...(crypto ? sourcesIn(CRYPTO, ".c") : [])];
    await compileAll(toolchain, files, host, temporary, log);
    await link(toolchain, [temporary, engine.folder, ...(crypto ? [crypto.folder] : [])], temporary);
  });
}

async function cryptoSourceOrReason(log) {
  try {
    return { source: await fetchCryptoSource({ log }) };
  } catch (error) {
    if (error.code !== "crypto-unavailable") throw error;
    return { reason: error.message };
  }
}

async function build(log) {
  const toolchain = await findToolchain();
  mkdirSync(BUILD, { recursive: true });
  const ours = contentOf([HERE, CRYPTO].flatMap((folder) => [...sourcesIn(folder, ".c"), ...sourcesIn(folder, ".h")]));
  const folderFor = (crypto) =>
    join(BUILD, `host-${keyOf(ours, ENGINE_VERSION, CRYPTO_VERSION, toolchain, BASE_FLAGS, ENGINE_FLAGS, OUR_FLAGS, CRYPTO_FILES, crypto)}`);
  const notes = toolchain.machine.length > 0 ? [] : ["64-bit slots of 32 bytes, twice those of a chip: apt-get install gcc-multilib"];
  let crypto = "psa";
  if (!existsSync(folderFor("psa"))) {
    const { source, reason } = await cryptoSourceOrReason(log);
    if (reason) {
      crypto = "none";
      notes.push(`no native cryptography: ${reason}`);
    }
    await buildProgram(toolchain, source, folderFor(crypto), log);
  }
  return { path: join(folderFor(crypto), "ebalance-xs"), slotBytes: toolchain.machine.length > 0 ? 16 : 32, crypto, notes };
}

/** Builds what is not up to date; within one process only once. */
let hostPromise;
export function buildHost({ log = () => {} } = {}) {
  hostPromise ??= build(log);
  return hostPromise;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const json = process.argv.includes("--json");
  try {
    const host = await buildHost({ log: json ? undefined : (text) => console.log(text) });
    console.log(json ? JSON.stringify(host) : [host.path, `slots of ${host.slotBytes} bytes, crypto: ${host.crypto}`, ...host.notes].join("\n"));
  } catch (error) {
    console.error(json ? JSON.stringify({ code: error.code, message: error.message }) : error.message);
    process.exitCode = 1;
  }
}
