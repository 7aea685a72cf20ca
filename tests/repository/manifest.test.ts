/** The manifests for Moddable projects, without the vendor's tools: what they name exists, and XS can take and preload it. `npm run test:moddable` is the same with the tools. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Project, sourceOf, type Manifest } from "./moddable-manifests";
import { importsOf, isXsSyntax, madeAtLoad, writtenStatics } from "./module-checks";
import { root, runNode, temporaryFolder, tsupPath } from "./run";

const text = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(text("manifest.json")) as Manifest & { readonly modules: Record<string, string> };
const exported = (JSON.parse(text("package.json")) as { exports: Record<string, unknown> }).exports;
const sensor = new Project("examples/sensor/manifest.json");
const fullCrypto = new Project("targets/native/manifest-full-crypto.json");
const encryption = new Project("targets/native/manifest-encryption.json");
const certified = new Project("targets/native/manifest-certified.json");
const dist = join(temporaryFolder(), "dist");
/** What each module of the SDK is for. */
const purpose: Record<string, RegExp> = { "ebalance/device": /export \{[^}]*\bopenDevice\b/, "ebalance/der": /export \{[^}]*\bDerController\b/ };

beforeAll(() => {
  const built = runNode([tsupPath, "--no-dts", "--out-dir", dist], root);
  expect(built.code, built.all).toBe(0);
}, 60_000);

describe("the SDK", () => {
  test("what is preloaded is a module of the manifest, under the name that npm gives it", () => {
    expect(manifest.preload).toEqual(Object.keys(manifest.modules));
    for (const name of manifest.preload!) expect(exported).toHaveProperty([name.replace("ebalance", ".")], expect.objectContaining({ import: `${manifest.modules[name]}.js` }));
  });

  test.each(Object.entries(manifest.modules))("%s exports what it is for, and imports nothing", (name, path) => {
    const code = sourceOf(path.replace("./", ""), dist);
    expect(code).toMatch(purpose[name]!);
    expect(importsOf(code)).toEqual([]);
  });
});

describe("the sensor on ESP32 and ESP32-C3", () => {
  test("is made of the SDK, the native modules and the board", () => {
    expect([...sensor.manifests.keys()]).toEqual(["examples/sensor/manifest.json", "targets/esp32/manifest.json", "manifest.json", "targets/native/manifest.json"]);
  });

  test("includes what the vendor documents, by name: the vendor's tools look for it", () => {
    expect(sensor.vendorManifests).toEqual(["examples/manifest_base.json", "examples/manifest_net.json", "modules/io/digital/manifest.json", "modules/io/storage/manifest.json"].map((path) => `$(MODDABLE)/${path}`));
    expect([...sensor.vendorModules.keys()]).toEqual(["embedded:io/socket/tcp"]);
  });

  /** Of the vendor's manifests that are included, and of the vendor's tools. */
  const vendorSpecifiers = ["embedded:io/digital", "embedded:network/interface/wifi", "embedded:storage/key-value", "mc/config", "sntp", "time", "timer"];
  const known = [...sensor.modules.keys(), ...sensor.vendorModules.keys(), ...vendorSpecifiers];

  test.each([...new Map([...sensor.modules, ...encryption.modules, ...certified.modules])])("%s imports what the manifests have, is ES2021 with what XS has beyond it, and can be preloaded", async (specifier, path) => {
    const code = sourceOf(path, dist);
    const here = specifier.slice(0, specifier.lastIndexOf("/") + 1);
    expect(importsOf(code).filter((name) => !known.includes(name.replace("./", here)))).toEqual([]);
    expect(await isXsSyntax(code)).toBe(true);
    expect(madeAtLoad(code)).toEqual([]);
    expect(writtenStatics(code)).toEqual([]);
  });

  test("preloads all but what runs at the start", () => {
    const started = ["main", "ebalance:platform"];
    expect([...sensor.preload, ...started].sort()).toEqual([...sensor.modules.keys(), ...sensor.vendorModules.keys()].sort());
  });

  describe("C", () => {
    const nativeC = readdirSync(join(root, "targets/native"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".c")).map((path) => `targets/native/${path}`);
    /** Random bytes of the test hosts, and the serial line, for which the board has no UART driver. */
    const notOnBoard = ["targets/native/crypto/random.c", "targets/native/serial/serial.c", "targets/native/serial/serial-frame.c"];
    /** They need the chip's SDK and are not compiled here; all other C is, with the test hosts. */
    const needsChipSdk = ["targets/esp32/flash-partition.c", "targets/esp32/readings.c"];
    const cOf = ({ c }: Project) => c.filter((path) => path.endsWith(".c"));
    /** What encrypts, signs, agrees and wraps: no sensor carries it. */
    const ofFullCrypto = ["aead.c", "pairs.c", "wrap.c"].map((name) => `targets/native/crypto/${name}`);

    test("of every native module is there, and nothing else", () => {
      expect([...cOf(sensor), ...notOnBoard, ...ofFullCrypto].sort()).toEqual([...nativeC, ...needsChipSdk].sort());
    });

    test("of the whole crypto port is added to that of the native modules", () => {
      expect([...fullCrypto.manifests.keys()]).toEqual(["targets/native/manifest-full-crypto.json", "targets/native/manifest.json"]);
      expect([...cOf(fullCrypto), ...needsChipSdk].sort()).toEqual([...cOf(sensor), ...ofFullCrypto].sort());
      expect([...fullCrypto.modules.keys()]).toEqual(fullCrypto.preload);
    });

    test.each([
      ["targets/native/moddable.ts", sensor],
      ["targets/native/crypto/functions.ts", sensor],
      ["targets/esp32/board.ts", sensor],
      ["targets/native/moddable-full-crypto.ts", fullCrypto],
    ] as const)("has every function that %s binds", (path, project) => {
      const all = cOf(project).map(text).join("\n");
      const bound = [...text(path).matchAll(/native(?:<[^>]*>)?\("(\w+)"\)/g)].map((match) => match[1]!);
      expect(bound.length).toBeGreaterThan(0);
      expect(bound.filter((name) => !new RegExp(`^void ${name}\\(xsMachine`, "m").test(all))).toEqual([]);
    });
  });

  test.each([["device", "esp32/esp32c3"], ["esp32", "esp32"]])("the memory that tests run in as %s is the one that %s gets", (budget, platform) => {
    const { static: staticSize, chunk, heap, stack } = sensor.manifests.get("targets/esp32/manifest.json")!.platforms![platform]!.creation!;
    const row = new RegExp(`\\{ "${budget}", \\{([^}]*)\\}`).exec(text("targets/xs-host/engine/budget.c"))![1]!;
    const number = (name: string) => Number(new RegExp(`\\.${name} = (\\d+)`).exec(row)![1]);
    expect([staticSize, chunk.initial, chunk.incremental, heap.initial, heap.incremental, stack]).toEqual(["staticSize", "initialChunkSize", "incrementalChunkSize", "initialHeapCount", "incrementalHeapCount", "stackCount"].map(number));
  });

  test("the partitions fit a flash of 4 MB without a gap: settings, two images of one size, the ring", () => {
    const rows = text("targets/esp32/partitions.csv").split("\n").filter((line) => line && !line.startsWith("#")).map((line) => line.split(",").map((field) => field.trim()));
    const partitions = rows.map(([name, , , offset, size]) => ({ name, start: Number(offset), size: Number(size) }));
    partitions.slice(1).forEach(({ start }, i) => expect(start).toBe(partitions[i]!.start + partitions[i]!.size));
    const last = partitions.at(-1)!;
    expect(last.start + last.size).toBeLessThanOrEqual(4 * 2 ** 20);
    const named = (name: string) => partitions.find((one) => one.name === name)!;
    expect(named("ota_0").size).toBe(named("ota_1").size);
    for (const image of ["ota_0", "ota_1"]) expect(named(image).start % 0x10000).toBe(0);
    expect([named("ebalance").size / 4096, rows.map(([, , kind]) => kind)]).toEqual([32, ["nvs", "ota", "phy", "ota_0", "ota_1", "0x40"]]);
  });
});

describe("the checks find", () => {
  test.each([`import a from "a";`, `export * from "a";`, `const a = () => import("a");`])("the import in %s", (code) => expect(importsOf(code)).toHaveLength(1));
  test.each([`class A { static { f(); } }`, `const r = /a/v;`, `class A { static b = 1; }`])("newer syntax in %s", async (code) => expect(await isXsSyntax(code)).toBe(false));
  test.each([`const a = new Map();`, `var b = /* @__PURE__ */ new Uint8Array(4);`, `const c = { d: [new WeakMap()] };`, `class A { static b = new Set(); }`, `const r = /a/g;`])("what is made at load in %s", (code) =>
    expect(madeAtLoad(code)).toHaveLength(1),
  );
  test.each([`class A { static last = 0; } function f() { A.last = 1; }`, `const A = class { static count = 0; }; const f = () => A.count++;`])("the static that is written in %s", (code) => expect(writtenStatics(code)).toHaveLength(1));
  test.each([`const f = () => new Map();`, `class A { b = new Set(); #c = new Uint8Array(1); static least = 1; }`, `import type { A } from "a"; const r = /a/; f(A.least + 1);`])("nothing in %s", (code) =>
    expect([madeAtLoad(code), writtenStatics(code), importsOf(code)]).toEqual([[], [], []]),
  );
});
