// SPDX-License-Identifier: Apache-2.0
// What is compiled and how, the same for Linux and for the emulated chip: the XS engine, mbedTLS where it can be had, the native modules and our C.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError, makeFolder, run, tail } from "./cache.mjs";
import { CRYPTO_VERSION, fetchCryptoSource } from "./crypto-source.mjs";
import { ENGINE_VERSION, fetchEngineSource } from "./engine-source.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const NATIVE = resolve(HERE, "../native");
export const BUILD = resolve(HERE, "../../build/xs-host");

const OUR_FLAGS = ["-Wall", "-Wextra", "-Wno-clobbered", "-Wno-cast-function-type"];
const BASE_FLAGS = ["-std=gnu11", "-g1", "-fno-common", "-D_GNU_SOURCE"];
const ENGINE_FLAGS = [
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="platform.h"',
  ...["mxRun", "mxNoConsole", "mxBoundsCheck", "mxStringNormalize", "mxMinusZero"].map((name) => `-D${name}=1`),
];
/** Of the engine: all but snapshots and lockdown, which this host has no use for. */
const ENGINE_WITHOUT = ["xsSnapshot.c", "xsLockdown.c"];
const ENGINE_TEXT = ["modules/data/text/encoder/textencoder.c", "modules/data/text/decoder/textdecoder.c"];
/** Of mbedTLS: what the PSA interface needs for what mbedtls-config.h asks for. What that leaves out is an empty object. */
export const CRYPTO_FILES = [
  "aes", "asn1parse", "asn1write", "bignum", "ccm", "chacha20", "chachapoly", "cipher", "cipher_wrap", "constant_time", "ecdh", "ecdsa", "ecp", "ecp_curves",
  "gcm", "hkdf", "hmac_drbg", "md", "platform", "platform_util", "poly1305",
  "psa_crypto", "psa_crypto_aead", "psa_crypto_cipher", "psa_crypto_client", "psa_crypto_driver_wrappers",
  "psa_crypto_ecp", "psa_crypto_hash", "psa_crypto_mac", "psa_crypto_rsa", "psa_crypto_slot_management", "sha256",
];
/** Native modules that are left out where there is no mbedTLS. */
const NEEDS_CRYPTO = ["crypto", "seal"];

/** A native module of `targets/native` has a folder of its own. */
const nativeFolders = () => readdirSync(NATIVE, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(NATIVE, entry.name)).sort();

/**
 * A target: `name` is the folder with its own C (and its `platform.h`), `compiler` with the options of the machine, `flags` beyond those that all have, `cryptoFlags` those of mbedTLS
 * and of what is compiled with its headers.
 * @typedef {{ name: string, compiler: string, version: string, machine: string[], flags: string[], cryptoFlags: string[] }} Target
 */

/** Compiles files to objects beside each other, as many at a time as there are cores. */
async function compileAll(target, files, flags, folder, log) {
  const queue = [...files];
  async function work() {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const object = join(folder, `${basename(file, ".c")}.o`);
      const result = await run(target.compiler, [...target.machine, ...BASE_FLAGS, ...target.flags, ...flags, "-c", file, "-o", object]);
      if (result.code !== 0) {
        queue.length = 0;
        throw new BuildError("build-failed", `${basename(file)} does not compile with ${target.compiler}:\n${tail(result.stderr)}`);
      }
      if (result.stderr) log(result.stderr.trim());
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

export function sourcesIn(folder, ...extensions) {
  return readdirSync(folder).filter((name) => extensions.some((extension) => name.endsWith(extension))).sort().map((name) => join(folder, name));
}

function keyOf(...parts) {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

function contentOf(files) {
  return files.map((file) => [basename(file), readFileSync(file, "utf8")]);
}

/** The engine's objects change rarely and take most of the time, so they are kept apart. */
async function buildEngine(target, log) {
  const platform = join(HERE, target.name, "platform.h");
  const folder = join(BUILD, `engine-${target.name}-${keyOf(ENGINE_VERSION, { ...target, cryptoFlags: [] }, BASE_FLAGS, ENGINE_FLAGS, contentOf([platform]))}`);
  const source = await fetchEngineSource({ log });
  const include = ["includes", "platforms", "sources"].map((name) => `-I${join(source, "xs", name)}`);
  const flags = [...ENGINE_FLAGS, ...include, `-I${join(HERE, target.name)}`, `-I${join(HERE, "engine")}`];
  await makeFolder(folder, async (temporary) => {
    log(`compiling the XS engine for ${target.name}`);
    const files = sourcesIn(join(source, "xs/sources"), ".c").filter((file) => !ENGINE_WITHOUT.includes(basename(file)));
    await compileAll(target, [...files, ...ENGINE_TEXT.map((file) => join(source, file))], [...flags, "-w"], temporary, log);
  });
  return { folder, flags };
}

async function buildCrypto(target, source, log) {
  const config = join(NATIVE, "crypto");
  const folder = join(BUILD, `mbedtls-${target.name}-${keyOf(CRYPTO_VERSION, target, BASE_FLAGS, CRYPTO_FILES, contentOf([join(config, "mbedtls-config.h")]))}`);
  const flags = [`-I${join(source, "include")}`, `-I${config}`, '-DMBEDTLS_CONFIG_FILE="mbedtls-config.h"', ...target.cryptoFlags];
  await makeFolder(folder, async (temporary) => {
    log(`compiling mbedTLS for ${target.name}`);
    const files = CRYPTO_FILES.map((name) => join(source, "library", `${name}.c`));
    await compileAll(target, files, [...flags, `-I${join(source, "library")}`, "-w"], temporary, log);
  });
  return { folder, flags };
}

/** Key of everything that goes into a target's objects; `ownFlags` are for our own C alone. */
export function keyOfObjects(target, withCrypto, ownFlags = []) {
  const folders = [join(HERE, "engine"), join(HERE, target.name), ...nativeFolders()];
  const ours = contentOf(folders.flatMap((folder) => sourcesIn(folder, ".c", ".h")));
  return keyOf(ours, ENGINE_VERSION, CRYPTO_VERSION, target, BASE_FLAGS, ENGINE_FLAGS, [...OUR_FLAGS, ...ownFlags], CRYPTO_FILES, withCrypto);
}

/** Compiles all of a target; our objects go to `folder`. @returns the folders with the objects to be linked */
export async function compileTarget(target, cryptoSource, folder, log, ownFlags = []) {
  const engine = await buildEngine(target, log);
  const crypto = cryptoSource ? await buildCrypto(target, cryptoSource, log) : undefined;
  log(`compiling the host for ${target.name}`);
  const native = nativeFolders();
  const withCrypto = crypto ? ["-DEBALANCE_CRYPTO=1", ...crypto.flags] : [];
  const flags = [...engine.flags, ...native.map((name) => `-I${name}`), ...withCrypto, ...OUR_FLAGS, ...ownFlags];
  const own = [join(HERE, "engine"), join(HERE, target.name), ...native.filter((name) => crypto || !NEEDS_CRYPTO.includes(basename(name)))];
  await compileAll(target, own.flatMap((name) => sourcesIn(name, ".c")), flags, folder, log);
  return [folder, engine.folder, ...(crypto ? [crypto.folder] : [])];
}

export async function cryptoSourceOrReason(log) {
  try {
    return { source: await fetchCryptoSource({ log }) };
  } catch (error) {
    if (error.code !== "crypto-unavailable") throw error;
    return { reason: error.message };
  }
}
