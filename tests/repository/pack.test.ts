/**
 * The packages as users get them: packed, installed into an empty project, run and type-checked there. Needs the package registry or npm's cache
 * for the packages of @noble.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { root, run, runNode, temporaryFolder, tscPath } from "./run";

const folder = temporaryFolder();
const project = join(folder, "project");
const version = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;

const contents = {
  ebalance: [
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "THIRD-PARTY-NOTICES.md",
    "dist/certified.d.ts",
    "dist/certified.js",
    "dist/der.d.ts",
    "dist/der.js",
    "dist/device.d.ts",
    "dist/device.js",
    "dist/encryption.d.ts",
    "dist/encryption.js",
    "dist/full-crypto.d.ts",
    "dist/full-crypto.js",
    "dist/index.d.ts",
    "dist/index.js",
    "dist/native.d.ts",
    "dist/native.js",
    "docs/concepts.md",
    "docs/decisions/0001-fresh-keys-at-every-opening.md",
    "docs/decisions/0002-wire-refinements.md",
    "docs/decisions/0003-names-as-integers.md",
    "docs/decisions/0004-private-fields-are-not-lowered.md",
    "docs/decisions/0005-acknowledge-after-commit.md",
    "docs/decisions/0006-mqtt-identity-from-the-session-key.md",
    "docs/decisions/0007-aedes-beta.md",
    "docs/decisions/0008-hmac-with-kept-pads.md",
    "docs/decisions/0009-private-names-on-devices.md",
    "docs/decisions/0010-a-short-way-for-readings.md",
    "docs/decisions/0011-bodies-are-read-natively.md",
    "docs/decisions/0012-what-a-device-holds-in-ram.md",
    "docs/decisions/0015-samples-are-looked-through-in-flash.md",
    "docs/decisions/0016-aes-from-noble-ciphers.md",
    "docs/decisions/0017-one-session-key-for-the-delegations-of-a-pair.md",
    "docs/decisions/0018-epochs-belong-to-subjects.md",
    "docs/decisions/0019-statements-over-several-hops.md",
    "docs/decisions/0013-bytecode-of-a-device.md",
    "docs/decisions/0014-decisions-readings-and-queries.md",
    "docs/credentials.md",
    "docs/embedding.md",
    "docs/firmware.md",
    "docs/gateway.md",
    "docs/key-file.md",
    "docs/licences.md",
    "docs/performance.md",
    "docs/security.md",
    "docs/sizing.md",
    "docs/wire-format.md",
    "examples/certified-home/device.mjs",
    "examples/certified-home/home.mjs",
    "examples/certified-home/home.yaml",
    "examples/certified-home/plan.yaml",
    "examples/der-controller/main.ts",
    "examples/home-and-device/device.mjs",
    "examples/home-and-device/home.mjs",
    "examples/home-and-device/make-key.mjs",
    "examples/platform.d.ts",
    "examples/sensor/main.ts",
    "examples/sensor/manifest.json",
    "examples/two-units/main.mjs",
    "manifest.json",
    "package.json",
    "sdk/core/wire/carry.cddl",
    "sdk/core/wire/credential.cddl",
    "sdk/core/wire/handshake.cddl",
    "sdk/core/wire/session-message.cddl",
    "sdk/core/wire/statement.cddl",
    "targets/board-platform.ts",
    "targets/esp32/README.md",
    "targets/esp32/board.ts",
    "targets/esp32/flash-partition.c",
    "targets/esp32/manifest.json",
    "targets/esp32/moddable.d.ts",
    "targets/esp32/network.ts",
    "targets/esp32/partitions.csv",
    "targets/esp32/readings.c",
    "targets/esp32/sdkconfig/sdkconfig.defaults",
    "targets/native/crypto/aead.c",
    "targets/native/crypto/crypto.c",
    "targets/native/crypto/crypto.h",
    "targets/native/crypto/keys.c",
    "targets/native/crypto/keys.h",
    "targets/native/crypto/mbedtls-config.h",
    "targets/native/crypto/pairs.c",
    "targets/native/crypto/random.c",
    "targets/native/crypto/wrap.c",
    "targets/native/flash/flash-device.h",
    "targets/native/flash/flash.c",
    "targets/native/flash/flash.h",
    "targets/native/manifest-certified.json",
    "targets/native/manifest-encryption.json",
    "targets/native/manifest-full-crypto.json",
    "targets/native/manifest.json",
    "targets/native/samples/records.c",
    "targets/native/samples/records.h",
    "targets/native/samples/samples.c",
    "targets/native/samples/samples.h",
    "targets/native/samples/sum.c",
    "targets/native/samples/sum.h",
    "targets/native/seal/body-object.c",
    "targets/native/seal/body.c",
    "targets/native/seal/body.h",
    "targets/native/seal/seal.c",
    "targets/native/seal/seal.h",
    "targets/native/serial/serial-frame.c",
    "targets/native/serial/serial-frame.h",
    "targets/native/serial/serial-line.h",
    "targets/native/serial/serial.c",
    "targets/native/serial/serial.h",
  ],
  "@ebalance/gateway": ["LICENSE", "README.md", "dist/bin.d.ts", "dist/bin.js", "dist/chunk.js", "dist/index.d.ts", "dist/index.js", "package.json"],
} as const;
const names = ["ebalance", "@ebalance/gateway"] as const;
const tarball = (name: string) => `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;

/** Uses the types of both packages; what is wrong on purpose must be refused, so that a type that has become `any` is found. */
const typedProgram = `
import { DataInterface, LocalLinkPair, ManagementUnit, MemoryStore, Registry, standardVariables, UnitDriver, Uplink, type Outcome, type Reading } from "ebalance";
import { openDevice, type Device, type DevicePlatform } from "ebalance/device";
import { NodeCrypto, nodeTimers, stderrLog, systemClock, TcpServer, tcpConnector } from "@ebalance/gateway";

const ports = { clock: systemClock, crypto: new NodeCrypto(), store: new MemoryStore(10), log: stderrLog("home") };
const driver = new UnitDriver({ id: "home", registry: new Registry(standardVariables) }, ports, nodeTimers);
const unit: ManagementUnit = driver.unit;
export const pair = new LocalLinkPair(unit, unit);
export const uplink = new Uplink(driver, "home", tcpConnector("127.0.0.1", 1), nodeTimers, ports.log);
export const port: Promise<number> = new TcpServer(driver, ports.log).listen();

const services = new DataInterface(unit, { service: "billing", stakeholder: "supplier" });
export const outcome: Promise<Outcome> = services.query({ variable: "activePower", device: "home", owner: "customer", function: "average" });
export async function watch(): Promise<Reading | undefined> {
  for await (const reading of services.event({ variable: "activePower", device: "home", owner: "customer" })) return reading;
  return undefined;
}
export const device = (platform: DevicePlatform): Device => openDevice(platform);

// @ts-expect-error a store is counted in samples
new MemoryStore("many");
// @ts-expect-error there is no such function
void services.query({ variable: "activePower", device: "home", owner: "customer", function: "guess" });
// @ts-expect-error a port is a number
new TcpServer(driver, ports.log, { port: "any" });
`;

function filesBelow(path: string, prefix = ""): string[] {
  return readdirSync(join(path, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = prefix + entry.name;
    return entry.isDirectory() ? filesBelow(path, `${name}/`) : [name];
  });
}

beforeAll(() => {
  const packed = runNode([join(root, "scripts/pack.mjs"), "--out", folder], root);
  expect(packed.code, packed.all).toBe(0);
  expect(packed.stdout.trim().split("\n")).toEqual(names.map((name) => join(folder, tarball(name))));
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty-project", private: true, type: "module" }));
  const tarballs = names.map((name) => join(folder, tarball(name)));
  const installed = run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs], project);
  expect(installed.code, installed.all).toBe(0);
}, 240_000);

const place = (name: string) => join(project, "node_modules", name);

describe.each(names)("%s", (name) => {

  test("contains what is published and nothing else", () => {
    // The code that both programs of the gateway share has a name of the bundler's.
    const files = filesBelow(place(name)).map((path) => path.replace(/chunk-\w+\.js$/, "chunk.js"));
    expect(files.sort()).toEqual([...contents[name]].sort());
  });

  test("names no place of the machine that packed it", () => {
    // Not in the middle of a path: a folder of a grid has a `root/` of its own.
    const homePlace = new RegExp(`(?<![\\w}])${homedir()}/`);
    for (const file of filesBelow(place(name))) {
      const text = readFileSync(join(place(name), file), "utf8");
      expect([root, folder, "ebalance-pack-"].filter((path) => text.includes(path)), file).toEqual([]);
      expect(text, file).not.toMatch(homePlace);
    }
  });

  test("says nothing of how it is developed and depends on exact versions", () => {
    const form = JSON.parse(readFileSync(join(place(name), "package.json"), "utf8")) as Record<string, unknown> & { dependencies: Record<string, string> };
    for (const key of ["scripts", "devDependencies", "workspaces"]) expect(form).not.toHaveProperty(key);
    for (const wanted of Object.values(form.dependencies)) expect(wanted).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  });
});

test("the gateway and the program share one SDK", () => {
  expect(filesBelow(join(project, "node_modules")).filter((path) => path.endsWith("ebalance/package.json"))).toEqual(["ebalance/package.json"]);
  const gateway = readFileSync(join(project, "node_modules/@ebalance/gateway/dist/index.js"), "utf8");
  expect(gateway).toContain('from "ebalance"');
  expect(gateway).not.toContain("extends Error");
});

test("MU-9 the command ebalance of the installed package makes keys and checks a configuration", () => {
  const ebalance = (...args: string[]) => run("npx", ["--no-install", "ebalance", ...args], project);
  writeFileSync(join(project, "plan.yaml"), "domain: d\nunits:\n  home: { owner: customer }\n  meter: { parent: home, owner: customer, services: [metering] }\n");
  writeFileSync(join(project, "home.yaml"), "unit: home\nstore: { folder: data }\nlisten: [{ tcp: {} }]\nunits: [{ keyFile: keys/meter.key.json }]\n");
  const keys = ebalance("keys", "plan.yaml", "--out", "keys");
  expect(keys.all).toMatch(/meter\.key\.json: new key/);
  expect(ebalance("check", "home.yaml").all).toMatch(/unit home, 1 ways in, 1 units below/);
  expect(ebalance("check", "plan.yaml").code).toBe(1);
});

test("the SDK for devices and the manifest can be imported by name", () => {
  const program = 'import { openDevice } from "ebalance/device"; import manifest from "ebalance/manifest.json" with { type: "json" }; console.log(typeof openDevice, manifest.preload[0]);';
  const { stdout, all } = runNode(["--input-type=module", "--eval", program], project);
  expect(stdout, all).toBe("function ebalance/device\n");
});

test("DI-2 DI-4 two units write and query in the installed project", () => {
  copyFileSync(join(root, "examples/two-units/main.mjs"), join(project, "main.mjs"));
  const { code, stdout, all } = runNode(["main.mjs"], project);
  expect(code, all).toBe(0);
  expect(stdout.match(/^write [\d.]+ W: done$/gm)).toHaveLength(3);
  // (230.5 + 412 + 198.5) / 3, in steps of 0.1 W.
  expect(stdout).toMatch(/^the supplier's average: done 280\.3 W$/m);
});

test.each([
  ["nodenext", "nodenext"],
  ["bundler", "esnext"],
])("a strict program and the sensor of the package compile with moduleResolution %s", (moduleResolution, module) => {
  const options = { strict: true, noEmit: true, target: "es2022", lib: ["es2022"], types: [], module, moduleResolution, skipLibCheck: false, exactOptionalPropertyTypes: true };
  writeFileSync(join(project, "program.ts"), typedProgram);
  copyFileSync(join(place("ebalance"), "examples/sensor/main.ts"), join(project, "sensor.ts"));
  const files = ["program.ts", "sensor.ts", "node_modules/ebalance/examples/platform.d.ts"];
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files }));
  const { code, all } = runNode([tscPath, "-p", "."], project);
  expect(code, all).toBe(0);
}, 60_000);
