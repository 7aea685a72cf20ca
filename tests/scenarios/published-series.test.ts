/**
 * A series that its home publishes: a meter, its home, the low-voltage unit and the top, each a process with the folder that `ebalance keys` has made. A service at the top asks its copy. Home and
 * low-voltage unit lose power again and again.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCredential, parseStatement, Registry, standardVariables, type Delegation } from "ebalance";
import { NodeCrypto, openStore } from "@ebalance/gateway";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { CommandLine } from "../../examples/street/processes";
import { bodyOfStatement } from "../../sdk/core/wire/statement";
import type { DataStatement } from "../../sdk/core/wire/statement-body";
import { from, kept, patience, Programs, RealGrid, type GatewayProgram } from "./real-grid";

const plan = `
domain: elm-street
units:
  top: { owner: operator }
  lv: { parent: top, owner: operator }
  home: { parent: lv, owner: customer, services: [display] }
  meter: { parent: home, owner: customer, services: [metering] }
services:
  - { unit: top, service: billing, stakeholder: supplier }
`;
const series = { variable: "activeEnergyImport", device: "meter", owner: "customer" };
const replicas = [{ device: "meter", owner: "customer", home: "home" }];
const policies = { customer: { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] } };
const powerCuts = 5;

interface Asked {
  readonly atCopy: number | string;
  readonly atHome: number | string;
  readonly toStranger: number | string;
}

let command: CommandLine;
let asking: CommandLine;
let meterProgram: CommandLine;
let grid: RealGrid;

beforeAll(async () => {
  const programs = new Programs("published-series");
  [command, asking, meterProgram] = await Promise.all([programs.gateway(), programs.node("tests/scenarios/asking-copy.ts"), programs.node("tests/scenarios/certified-meter.ts")]);
});

afterEach(() => grid.close());

const unitFolder = (unit: string) => join(grid.folder, "grid", "units", unit);

/** What a stakeholder's statements are verified with goes from the unit that signs them to those that take them. */
function hand(stakeholder: string, by: string, to: readonly string[]): void {
  const proofs = readdirSync(unitFolder(by)).filter((name) => name.startsWith(stakeholder) && name.endsWith(".cwt"));
  expect(proofs).toHaveLength(2);
  for (const unit of to) for (const name of proofs) copyFileSync(join(unitFolder(by), name), join(unitFolder(unit), name));
}

function makeFolders(): void {
  const file = join(grid.folder, "plan.yaml");
  writeFileSync(file, plan);
  const { status, stderr } = spawnSync(command.command, [...command.args, "keys", file, "--credentials", "--out", join(grid.folder, "grid")], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  hand("customer", "home", ["lv", "top"]);
  hand("supplier", "top", ["home"]);
}

/** The values that the kept statements of a unit that has ended prove, of each statement. */
async function proven(unit: string): Promise<number[][]> {
  const folder = unitFolder("home");
  const name = readdirSync(folder).find((file) => file.startsWith("customer") && file.endsWith(".delegation.cwt"))!;
  const signer = parseCredential(Uint8Array.from(readFileSync(join(folder, name))), new NodeCrypto()) as Delegation;
  const store = await openStore({ folder: grid.store(unit), log: () => {} });
  try {
    const statements = store.catalogue.restore().series.flatMap((_record, index) => [...store.statements.of(index, -Infinity, Infinity)]);
    return statements.map(({ bytes }) => (bodyOfStatement(parseStatement(bytes), signer, new Registry(standardVariables)) as DataStatement).items.map(({ value }) => value as number));
  } finally {
    store.close();
  }
}

describe("SP-1 SP-2 PF-7 a series that its home publishes over several units", () => {
  test("is served by the copy at the top to whom its owner permits it; power cuts on the way lose and double nothing", async () => {
    grid = new RealGrid({ domain: "none", units: { top: { owner: "nobody" } } });
    makeFolders();
    const gateway = (how: CommandLine, unit: string, more: object, protection?: string): Promise<GatewayProgram> =>
      grid.gateway(how, { unit, credentials: { folder: unitFolder(unit), ...(protection ? { protection } : {}) }, store: { folder: grid.store(unit) }, listen: [{ tcp: {} }], ...more });
    const parent = (of: GatewayProgram) => ({ parent: { url: `tcp://127.0.0.1:${of.port("tcp")}` } });
    const top = await gateway(asking, "top", { replicas });
    const lv = await gateway(command, "lv", { replicas, ...parent(top) });
    const home = await gateway(command, "home", { policies, publish: [series], publishEveryS: 1, ...parent(lv) }, "encrypt");
    const meter = grid.program("meter", meterProgram, unitFolder("meter"), "meter", `tcp://127.0.0.1:${home.port("tcp")}`, "200");
    const asked = () => top.events.filter((event) => (event.type as string) === "asked") as unknown as Asked[];
    const newest = () => Number(asked().at(-1)?.atCopy) || 0;

    await vi.waitFor(() => expect(newest()).toBeGreaterThan(0), patience);
    for (let cut = 0; cut < powerCuts; cut++) {
      const before = newest();
      await Promise.all([home.kill(), lv.kill()]);
      await Promise.all([home.start(), lv.start()]);
      await vi.waitFor(() => expect(newest()).toBeGreaterThan(before), patience);
    }
    await meter.kill();
    await vi.waitFor(() => expect(asked().at(-1)).toEqual({ type: "asked", atCopy: asked().at(-1)!.atHome, atHome: expect.any(Number), toStranger: "denied" }), patience);
    const count = newest();
    for (const gateway of [home, lv, top]) await gateway.kill();

    expect(new Set(asked().map(({ toStranger }) => toStranger))).toEqual(new Set(["denied"]));
    const all = from(1, count);
    for (const unit of ["home", "lv", "top"]) {
      expect((await kept(grid.store(unit), "meter", series.variable)).map(({ value }) => value)).toEqual(all);
      expect((await proven(unit)).flat().sort((a, b) => a - b)).toEqual(all);
    }
  }, 240_000);
});
