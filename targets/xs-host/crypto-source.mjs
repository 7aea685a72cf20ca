// SPDX-License-Identifier: Apache-2.0
// mbedTLS for the test host, from this machine's own Debian archive: the source
// package, found through a private copy of the machine's package sources. Needs
// no root and leaves the machine's own apt state alone.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, join } from "node:path";
import { BuildError, cacheFolder, hashFile, makeFolder, run, tail } from "./cache.mjs";

export const CRYPTO_VERSION = "2.28.3";
const CRYPTO_SHA512 =
  "62ba9937060b4089e6bd75c4495949fd4a51700dbe8b66e3efef58e1d2321143" +
  "da0ef0800c4d7188064b872555ad65c36b21a706149dde81d821ba38d678d3ef";
const ARCHIVE = `mbedtls_${CRYPTO_VERSION}.orig.tar.gz`;

/** One-line form: `deb [options] uri suite components`. */
export function sourceLines(text) {
  return text
    .split("\n")
    .filter((line) => /^\s*deb\s/.test(line))
    .map((line) => line.trim().replace(/^deb\s/, "deb-src ").replace(/\barch=\S*?(?=[\s\]])/, "").replace(/\[\s*\]/, ""))
    .join("\n");
}

/** Stanza form; comments and the restriction to architectures do not matter for sources. */
export function sourceStanzas(text) {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .split(/\n\s*\n/)
    .filter((stanza) => /^Types:.*\bdeb\b(?!-)/m.test(stanza) && !/^Enabled:\s*no\b/im.test(stanza))
    .map((stanza) => stanza.replace(/^Types:.*$/m, "Types: deb-src").replace(/^Architectures:.*\n?/m, "").trim())
    .join("\n\n");
}

function copySources(etc, parts) {
  const folder = join(etc, "sources.list.d");
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  let found = 0;
  for (const file of [join(etc, "sources.list"), ...files]) {
    const form = file.endsWith(".sources") ? sourceStanzas : file.endsWith(".list") ? sourceLines : undefined;
    if (!form || !existsSync(file)) continue;
    const text = form(readFileSync(file, "utf8"));
    if (text) writeFileSync(join(parts, basename(file)), `${text}\n`);
    if (text) found += 1;
  }
  if (found === 0) throw new BuildError("crypto-unavailable", "this machine has no Debian package sources");
}

/** Options that keep every file apt reads or writes inside `folder`. */
function aptOptions(folder) {
  const at = (name) => join(folder, name);
  for (const name of ["parts", "lists/partial", "cache/archives/partial", "state"]) mkdirSync(at(name), { recursive: true });
  const options = {
    "Dir::Etc::SourceList": "/dev/null",
    "Dir::Etc::SourceParts": at("parts"),
    "Dir::State": at("state"),
    "Dir::State::Lists": at("lists"),
    "Dir::Cache": at("cache"),
    "APT::Sandbox::User": userInfo().username,
    "Acquire::http::Timeout": "20",
    "Acquire::https::Timeout": "20",
    "Acquire::Languages": "none",
  };
  return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

async function findVersion(options, updated) {
  const shown = await run("apt-cache", [...options, "showsrc", "mbedtls"]);
  const versions = [...shown.stdout.matchAll(/^Version: (\S+)/gm)].map((match) => match[1]);
  const version = versions.find((text) => text.replace(/^\d+:/, "").replace(/-[^-]*$/, "") === CRYPTO_VERSION);
  if (version) return version;
  if (updated.code !== 0) throw new BuildError("crypto-unavailable", `apt-get update failed: ${tail(updated.stderr, 3)}`);
  const offered = versions.length > 0 ? `offers mbedtls ${versions.join(", ")}` : "offers no source of mbedtls";
  throw new BuildError("crypto-unavailable", `this machine's package archive ${offered}, needed is ${CRYPTO_VERSION}`);
}

async function download(folder, log) {
  const apt = join(folder, "apt");
  const options = aptOptions(apt);
  copySources("/etc/apt", join(apt, "parts"));
  log("looking for the source of mbedtls");
  // One unreachable archive is no reason to stop: what counts is whether the source is found.
  const updated = await run("apt-get", [...options, "-q", "update"]);
  if (updated.code === -1) throw new BuildError("crypto-unavailable", "apt-get is not on this machine");
  const version = await findVersion(options, updated);
  const got = await run("apt-get", [...options, "-q", "source", "--download-only", `mbedtls=${version}`], { cwd: folder });
  if (got.code !== 0) throw new BuildError("crypto-unavailable", `apt-get source mbedtls failed: ${tail(got.stderr, 3)}`);
}

async function fill(folder, log) {
  const kept = join(cacheFolder(), ARCHIVE);
  if (existsSync(kept)) copyFileSync(kept, join(folder, ARCHIVE));
  else await download(folder, log);
  const archive = join(folder, ARCHIVE);
  if (!existsSync(archive) || hashFile("sha512", archive) !== CRYPTO_SHA512) {
    throw new BuildError("crypto-unavailable", `${ARCHIVE} is not the archive that was reviewed (sha512 differs); nothing was used`);
  }
  mkdirSync(join(folder, "source"));
  const result = await run("tar", ["xzf", archive, "-C", join(folder, "source"), "--strip-components=1", "--no-same-owner"]);
  if (result.code !== 0) throw new BuildError("crypto-unavailable", `cannot unpack ${ARCHIVE}: ${tail(result.stderr)}`);
  rmSync(join(folder, "apt"), { recursive: true, force: true });
}

/**
 * The folder with the sources of mbedTLS, downloaded on first use. An archive of
 * the right name in the cache folder is used instead of downloading.
 */
export async function fetchCryptoSource({ log = () => {} } = {}) {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  const folder = join(cache, `mbedtls-${CRYPTO_VERSION}-${CRYPTO_SHA512.slice(0, 12)}`);
  await makeFolder(folder, (temporary) => fill(temporary, log));
  return join(folder, "source");
}
