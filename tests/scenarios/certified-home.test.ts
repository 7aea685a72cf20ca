/**
 * A grid with credentials, as an integrator sets it up: a plan, `ebalance keys`, a folder for each unit, and processes that agree on their sessions, over TCP and MQTT. They are restarted,
 * revoked, expire, and come with the credentials of another grid.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GridFolder, openStore } from "@ebalance/gateway";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { CommandLine } from "../../examples/street/processes";
import { root } from "../../scripts/bundles.mjs";
import { patience, Programs, RealGrid, type GatewayProgram, type Program } from "./real-grid";

const plan = `
domain: elm-street
units:
  lv: { owner: operator, services: [grid] }
  home: { parent: lv, owner: customer, services: [display] }
  meter: { parent: home, owner: customer, services: [metering] }
`;
const none = { domain: "none", units: { top: { owner: "nobody" } } };
const total = (stakeholder: string, service: string, device: string) => ({ totals: { stakeholder, service, parts: [{ device, owner: "customer" }], variable: "activePower", everyS: 0.2 } });
const policies = { customer: { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] } };

const daySeconds = 86_400;

let command: CommandLine;
let meterProgram: CommandLine;
let grid: RealGrid;
let folder = "";
let said: (() => string)[] = [];

beforeAll(async () => {
  const programs = new Programs("certified-home");
  [command, meterProgram] = await Promise.all([programs.gateway(), programs.node("tests/scenarios/certified-meter.ts")]);
});

beforeEach(() => {
  grid = new RealGrid(none);
  folder = join(grid.folder, "grid");
  said = [];
  writeFileSync(join(grid.folder, "plan.yaml"), plan);
  keys(join(grid.folder, "plan.yaml"), "--credentials", "--out", folder);
});

afterEach(async () => {
  const everything = said.map((say) => say()).join("\n");
  const secrets = filesIn(folder).filter((file) => file.endsWith(".key.json")).flatMap((file) => readFileSync(file, "utf8").match(/[0-9a-f]{64}/g)!);
  // As text, and as a JavaScript array of its bytes.
  for (const secret of secrets) for (const form of [secret, Buffer.from(secret, "hex").join(","), Buffer.from(secret, "hex").toString("base64")]) expect(everything).not.toContain(form);
  await grid.close();
});

function keys(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command.command, [...command.args, "keys", ...args], { encoding: "utf8" });
  said.push(() => stdout + stderr);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).map((file) => join(path, file)).filter((file) => statSync(file).isFile());
}

const unitFolder = (unit: string, of = folder) => join(of, "units", unit);

async function gateway(config: { readonly unit: string; readonly [field: string]: unknown }, how = command): Promise<GatewayProgram> {
  const program = await grid.gateway(how, { credentials: { folder: unitFolder(config.unit) }, ...config });
  said.push(() => [...program.log, ...program.events.map((event) => JSON.stringify(event))].join("\n"));
  return program;
}

function meter(url: string, of = unitFolder("meter"), ...how: string[]): Program {
  const program = grid.program("meter", meterProgram, of, "meter", url, ...how);
  said.push(() => [...program.out, ...program.errors].join("\n"));
  return program;
}

const agreements = (lines: readonly string[]) => lines.filter((line) => line.includes("is agreed on")).length;

describe("SP-1 SP-5 units with credentials", () => {
  test("agree on sessions over TCP and MQTT, exchange data, and resume after each restart without a new handshake", async () => {
    const lv = await gateway({ unit: "lv", listen: [{ mqtt: {} }], services: [total("operator", "grid", "home")] });
    const home = await gateway({ unit: "home", listen: [{ tcp: {} }], parent: { url: lv.mqttUrl }, policies, services: [total("customer", "display", "meter")] });
    const url = `tcp://127.0.0.1:${home.port("tcp")}`;
    let device = meter(url);
    const summed = async () => {
      const before = lv.written("lv", "activePower").length;
      await vi.waitFor(() => expect(lv.written("lv", "activePower").slice(before)).toContain(230), patience);
    };
    await summed();
    expect([agreements(lv.log), agreements(home.log), agreements(device.errors)]).toEqual([1, 2, 1]);

    await home.kill();
    await home.start();
    await vi.waitFor(() => expect([home.openings("meter"), home.openings("lv")]).toEqual([2, 2]), patience);
    await lv.kill();
    await lv.start();
    const first = device.errors;
    await device.kill();
    device = meter(url);
    await vi.waitFor(() => expect([home.openings("meter"), home.openings("lv")]).toEqual([3, 3]), patience);
    await summed();
    expect([agreements(lv.log), agreements(home.log), agreements(first), agreements(device.errors)]).toEqual([1, 2, 1, 0]);
  }, 120_000);

  test("that are revoked are out at once and stay out, over restarts too, until they have fresh keys", async () => {
    const home = await gateway({ unit: "home", listen: [{ tcp: {} }] });
    const url = `tcp://127.0.0.1:${home.port("tcp")}`;
    const device = meter(url);
    await vi.waitFor(() => expect(home.written("meter", "activePower").length).toBeGreaterThan(0), patience);
    keys("revoke", "meter", "--out", folder);
    await vi.waitFor(() => expect(home.isOpen("meter")).toBe(false), patience);
    expect(home.log.join("\n")).toMatch(/revocation list 1 counts: meter below epoch 1\n.*session \d+ with meter ends/);
    await vi.waitFor(() => expect(device.errors).toContainEqual(expect.stringMatching(/handshake with home: refused: notTrusted/)), patience);
    await home.kill();
    await home.start();
    const refusals = device.errors.length;
    await vi.waitFor(() => expect(device.errors.slice(refusals).join()).toMatch(/refused: notTrusted/), patience);
    expect(home.isOpen("meter")).toBe(false);
    await device.stop();
    keys(join(grid.folder, "plan.yaml"), "--credentials", "--out", folder);
    meter(url);
    await vi.waitFor(() => expect(home.isOpen("meter")).toBe(true), patience);
  }, 120_000);

  test("are denied from the second on at which their delegation expires", async () => {
    const delegation = join(unitFolder("meter"), "customer+metering.delegation.cwt");
    rmSync(delegation);
    new GridFolder(folder, { nowS: Math.floor(Date.now() / 1000) - 31 * daySeconds + 2 * 3600, days: 31 }).delegate({ stakeholder: "customer", unit: "meter", service: "metering", rights: 2 });
    const home = await gateway({ unit: "home", listen: [{ tcp: {} }] }, { command: command.command, args: ["--import", root("tests/scenarios/jumping-clock.mjs"), ...command.args] });
    const device = meter(`tcp://127.0.0.1:${home.port("tcp")}`);
    await vi.waitFor(() => expect(home.written("meter", "activePower").length).toBeGreaterThan(0), patience);
    // Three hours pass at the home.
    home.signal("SIGUSR2");
    await vi.waitFor(() => expect(device.errors).toContainEqual(expect.stringMatching(/activePower was refused for good: denied/)), patience);
  }, 120_000);

  test("SP-2 sign checkpoints: a home whose disk was changed is noticed, by device, variable and time", async () => {
    const home = await gateway({ unit: "home", listen: [{ tcp: {} }], store: { folder: grid.store("home") } });
    meter(`tcp://127.0.0.1:${home.port("tcp")}`, unitFolder("meter"), "300", "8");
    const taken = () => home.of("checkpoint");
    await vi.waitFor(() => expect(taken().length).toBeGreaterThan(1), patience);
    expect(taken().map(({ device, owner, differences }) => ({ device, owner, differences }))).toEqual(taken().map(() => ({ device: "meter", owner: "customer", differences: [] })));

    // What the next one is about has begun.
    const written = home.written("meter", "activeEnergyImport").length;
    await vi.waitFor(() => expect(home.written("meter", "activeEnergyImport").length).toBeGreaterThan(written + 1), patience);
    await home.kill();
    const store = await openStore({ folder: grid.store("home"), log: () => {} });
    const index = store.catalogue.restore().series.findIndex(({ device }) => device === "meter");
    const madeUpMs = store.newestMs(index) + 1;
    store.append(index, 999_999, madeUpMs, 0);
    store.close();
    await home.start();
    const isAbout = ({ fromS, toS }: { fromS: number; toS: number }) => fromS * 1000 <= madeUpMs && madeUpMs < toS * 1000;
    await vi.waitFor(() => expect(taken().some(isAbout)).toBe(true), patience);
    const { differences } = taken().find(isAbout)!;
    expect(differences).toEqual([{ variable: 1, device: "meter", said: differences[0]!.said, held: differences[0]!.said + 1 }]);
    expect(home.log.filter((line) => /what is kept of meter from \S+ to \S+ is not what it has measured .*activeEnergyImport: it has \d+ samples, here are \d+/.test(line))).toHaveLength(1);
    await vi.waitFor(() => expect(taken().at(-1)!.differences).toEqual([]), patience);
  }, 120_000);

  test("of another grid are refused, whatever they call themselves", async () => {
    const other = join(grid.folder, "other");
    keys(join(grid.folder, "plan.yaml"), "--credentials", "--out", other);
    const home = await gateway({ unit: "home", listen: [{ tcp: {} }] });
    const stranger = meter(`tcp://127.0.0.1:${home.port("tcp")}`, unitFolder("meter", other));
    await vi.waitFor(() => expect(stranger.errors).toContainEqual(expect.stringMatching(/handshake with home: refused: notTrusted/)), patience);
    expect(home.openings("meter")).toBe(0);
    expect(home.log.join("\n")).toMatch(/signed by one that is not known here/);
  }, 120_000);

  test("whose keys others can read do not start, and check says so too", async () => {
    for (const unit of ["home", "meter"]) chmodSync(join(unitFolder(unit), "unit.key.json"), 0o644);
    const device = meter("tcp://127.0.0.1:1");
    await vi.waitFor(() => expect(device.ended).toBe("ended with exit code 1"), patience);
    expect(device.errors).toEqual([expect.stringMatching(/^key file .*meter\/unit\.key\.json has mode 644: others can read it; chmod 600 it$/)]);
    await expect(gateway({ unit: "home", listen: [{ tcp: {} }] })).rejects.toThrow(/ended with exit code 1: unit home: credentials\.folder: key file .*home\/unit\.key\.json has mode 644/);
    const { status, stderr } = spawnSync(command.command, [...command.args, "check", join(grid.folder, "home.yaml")], { encoding: "utf8" });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/credentials\.folder: .*chmod 600/)]);
  }, 60_000);
});
