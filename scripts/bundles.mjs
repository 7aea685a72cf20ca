// What is bundled from source for `npm start`, the tests and the bench: no build has to come first.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundle } from "../targets/xs-host/bundle.mjs";

const tree = fileURLToPath(new URL("..", import.meta.url));

/** A path of this tree; an absolute one stays. */
export const root = (path) => resolve(tree, path);

const sources = {
  ebalance: root("sdk/index.ts"),
  "ebalance/device": root("sdk/device.ts"),
  "ebalance/der": root("sdk/der.ts"),
  "ebalance/certified": root("sdk/certified.ts"),
  "ebalance/encryption": root("sdk/encryption.ts"),
  "@ebalance/gateway": root("targets/linux-gateway/src/index.ts"),
};

/** A program for Node with everything in it but what is `external`. */
export async function bundleForNode(entry, outfile, alias = {}, external = []) {
  const banner = { js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);' };
  await build({ entryPoints: [root(entry)], outfile, bundle: true, format: "esm", platform: "node", target: "node20", alias: { ...sources, ...alias }, banner, external: ["better-sqlite3", "serialport", ...external], logLevel: "silent" });
  return outfile;
}

/** An example that runs on Node in place of a device. */
export function bundleDeviceForNode(entry, outfile) {
  return bundleForNode(entry, outfile, { "ebalance:platform": root("targets/linux-gateway/src/device-platform.ts") });
}

/** The SDK for devices as one module, which XS preloads: it stands in flash. */
export function bundleSdkForXs(outfile) {
  return bundle(root("sdk/device.ts"), { outfile, shortNames: true });
}

/** What a DER controller needs besides: preloaded too. */
export function bundleDerForXs(outfile) {
  return bundle(root("sdk/der.ts"), { outfile, shortNames: true });
}

/** An example for XS: it imports the preloaded SDK. */
export function bundleDeviceForXs(entry, outfile) {
  return bundle(root(entry), {
    outfile,
    external: ["ebalance/device", "ebalance/der"],
    shortNames: true,
    alias: { "ebalance:platform": root("targets/xs-host/device-platform.ts") },
  });
}

/** The SDK for devices with credentials, in place of the one before. */
export function bundleCertifiedForXs(outfile) {
  return bundle(root("sdk/certified.ts"), { outfile, shortNames: true });
}

/** An example of a device with credentials for XS: what asks for `ebalance/device` gets it from `ebalance/certified`, which is preloaded. */
export function bundleCertifiedDeviceForXs(entry, outfile) {
  const platforms = { "ebalance:platform": root("targets/xs-host/device-platform.ts"), "ebalance:certified-platform": root("targets/xs-host/certified-platform.ts") };
  return bundle(root(entry), { outfile, external: ["ebalance/certified"], shortNames: true, alias: { ...platforms, "ebalance/device": "ebalance/certified" } });
}

/** What a board on a serial line needs besides: preloaded too. */
export function bundleBoardForXs(outfile) {
  return bundle(root("targets/xs-host/board.ts"), { outfile, external: ["ebalance/device"], shortNames: true });
}

/** An example for XS on a board: it imports the preloaded SDK and board, and what is `preloaded` besides. */
export function bundleExampleForBoard(entry, outfile, preloaded = []) {
  return bundle(root(entry), {
    outfile,
    external: ["ebalance/device", "ebalance/der", "ebalance/board", ...preloaded],
    alias: { "ebalance:platform": root("targets/board-platform.ts") },
  });
}
