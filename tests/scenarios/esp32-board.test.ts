/** The board of an ESP32 in the engine and the memory of one, where the vendor's modules are stand-ins, and a real gateway: what the board's own code does. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Plan } from "@ebalance/gateway";
import type { CommandLine } from "../../examples/street/processes";
import { bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { noCryptoReason, xsHost } from "../../targets/xs-host/available";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { EXIT, runOnXs, type RunOptions } from "../../targets/xs-host/run.mjs";
import { patience, Programs, RealGrid } from "./real-grid";

const plan: Plan = { domain: "board", units: { home: { owner: "customer" }, sensor: { parent: "home", owner: "customer", services: ["metering"] } } };

/** What targets/esp32 imports of the vendor, and what stands in for it. */
const standIns = {
  "embedded:io/digital": "Digital",
  "embedded:io/socket/tcp": "TCP",
  "embedded:network/interface/wifi": "WiFi",
  "embedded:storage/key-value": "keyValue",
  "mc/config": "config",
  sntp: "SNTP",
  time: "Time",
  timer: "Timer",
};

const folder = root("build/tests/esp32-board");

function made(name: string, entry: string, alias = {}): Promise<string> {
  const external = ["vendor", "ebalance/device", "ebalance/native", "ebalance/board", ...Object.keys(standIns)];
  return bundle(root(entry), { outfile: join(folder, `${name}.js`), external, alias });
}

function written(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** All but the example itself, as the manifests say. */
async function preloads(): Promise<NonNullable<RunOptions["preload"]>> {
  mkdirSync(folder, { recursive: true });
  return [
    { file: await made("vendor", "tests/scenarios/esp32-vendor.ts"), specifier: "vendor" },
    ...Object.entries(standIns).map(([specifier, name]) => ({ file: written(`${name}.js`, `export { ${name} as default } from "vendor";`), specifier })),
    { file: await bundleSdkForXs(join(folder, "device.js")), specifier: "ebalance/device" },
    { file: await made("native", "targets/native/moddable.ts"), specifier: "ebalance/native" },
    { file: await made("board", "targets/esp32/board.ts"), specifier: "ebalance/board" },
  ];
}

async function sensor(...options: readonly string[]): Promise<CommandLine> {
  const given = (await preloads()).flatMap(({ file, specifier }) => ["--preload", `${file}=${specifier}`]);
  const main = await made("main", "examples/sensor/main.ts", { "ebalance:platform": root("targets/board-platform.ts") });
  return { command: xsHost!.path, args: [...options, ...given, main] };
}

describe.skipIf(noCryptoReason)(`the board of an ESP32${noCryptoReason ? ` (left out: ${noCryptoReason})` : ""}`, () => {
  test.each(["device", "esp32"])("MU-1 CP-9 in the memory of --budget %s it joins the network at the second try, reports, sets its clock, keeps its samples in flash, and joins again", { timeout: 120_000 }, async (budget) => {
    const grid = new RealGrid(plan);
    onTestFinished(() => grid.close());
    const home = await grid.gateway(await new Programs("esp32-board").gateway(), {
      unit: "home",
      listen: [{ tcp: { port: 0 } }],
      store: { folder: grid.store("home") },
      units: [{ keyFile: grid.keyFile("sensor") }],
      policies: {},
    });
    const provisioned = { key: readFileSync(grid.keyFile("sensor"), "utf8"), service: "metering", parent: `127.0.0.1:${home.port("tcp")}`, ssid: "elm street", password: "secret" };
    const nvs = grid.writeSecret("nvs.json", JSON.stringify(provisioned));
    const flash = join(grid.folder, "flash");
    const board = grid.program("sensor", await sensor("--budget", budget, "--flash", `${flash}=131072`), nvs);
    const arrived = () => home.written("sensor", "processorLoad").length;

    await expect.poll(arrived, patience).toBeGreaterThan(5);
    expect(home.written("sensor", "processorLoad")[0]).toBe(42);
    expect(board.out.slice(0, 3)).toEqual(["Wi-Fi elm street secret", "Wi-Fi elm street secret", "asks time.example"]);
    await expect.poll(() => board.out, patience).toContain("clock set, right");

    await home.stop();
    await home.start();
    const before = arrived();
    await expect.poll(arrived, patience).toBeGreaterThan(before + 2);
    expect(board.ended).toBe("");
    expect(readFileSync(flash).some((byte) => byte !== 0xff)).toBe(true);
  });

  test("MU-1 its modules can be preloaded, and leave nothing in flash that is ever written", async () => {
    const { lines, errors } = await runOnXs({ preload: await preloads(), main: written("list.js", "host.print(host.frozen());") });
    expect(errors).toBe("");
    // Which is a constant of a stand-in.
    expect(lines.filter((line) => /^ebalance\/(native|board) /.test(line))).toEqual(["ebalance/board static Digital.Output"]);
  });

  test.each([
    ["ssid", { key: "{}", service: "metering", parent: "192.168.1.10:4712" }, "NVS has no text ssid in its namespace ebalance: provision the board"],
    ["a port", { key: "{}", service: "metering", parent: "192.168.1.10", ssid: "a" }, "parent 192.168.1.10 in NVS is not ADDRESS:PORT, as 192.168.1.10:4712"],
  ])("provisioned without %s it says so", async (_what, provisioned, message) => {
    const platform = await made("platform", "targets/board-platform.ts");
    const { code, errors } = await runOnXs({ preload: await preloads(), main: platform, args: [written("nvs.json", JSON.stringify(provisioned))] });
    expect([code, errors]).toEqual([EXIT.unhandled, expect.stringContaining(message)]);
  });
});
