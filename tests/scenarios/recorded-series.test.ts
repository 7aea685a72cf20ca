/** Recorded series as the readings of devices: each a process of its own on the broker of a home that is one too; what the home keeps is compared with the files. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Plan } from "@ebalance/gateway";
import type { CommandLine } from "../../examples/street/processes";
import { dataFolder, replayOptions } from "../../examples/street/replay/series-files";
import { kept, patience, Programs, RealGrid, type GatewayProgram, type Kept } from "./real-grid";

const device = { parent: "home", owner: "customer", services: ["metering"] };
const devices = ["meter", "roof", "state"];
const plan: Plan = { domain: "replay", units: { home: { owner: "customer" }, ...Object.fromEntries(devices.map((unit) => [unit, device])) } };

let gateway: CommandLine;
let meter: CommandLine;
beforeAll(async () => {
  const programs = new Programs("recorded-series");
  [gateway, meter] = await Promise.all([programs.gateway(), programs.node("examples/street/replay-meter.ts")]);
}, 60_000);

let grid: RealGrid;
let home: GatewayProgram;
beforeEach(async () => {
  grid = new RealGrid(plan);
  home = await grid.gateway(gateway, { unit: "home", store: { folder: grid.store("home") }, listen: [{ mqtt: {} }], units: devices.map((unit) => ({ keyFile: grid.keyFile(unit) })) });
});
afterEach(() => grid.close());

const replay = (unit: string, file: string, ...flags: string[]) => grid.program(unit, meter, grid.keyFile(unit), home.mqttUrl, "metering", JSON.stringify(replayOptions(file, ...flags)));
const valuesOf = (samples: readonly Kept[]) => samples.map(({ value }) => value);

/** One column of the rows of a file, as far as they can be read without knowing anything of CSV. */
function column(file: string, at: number, header: number): number[] {
  return readFileSync(join(dataFolder, file), "utf8").trim().split(/\r?\n/).slice(header).map((line) => Number(line.split(",")[at]));
}

const reason = existsSync(`${dataFolder}/load`) && existsSync(`${dataFolder}/pv`) ? "" : `no load and pv in ${dataFolder}: set EBALANCE_DATA to the data folder`;

describe.skipIf(reason)(`DI-1 series of others${reason ? ` (left out: ${reason})` : ""}`, () => {
  test("arrive at the home whole: each value, in order, at the pace that was asked for", { timeout: 60_000 }, async () => {
    const files = {
      meter: { name: "load/alpg_Electricity_Profile_15min_H1.csv", flags: ["--interval", "15m", "--speed", "45000"], variable: "activePower", values: column("load/alpg_Electricity_Profile_15min_H1.csv", 0, 0) },
      roof: { name: "pv/twenthe_2022_solarirradiation.csv", flags: ["--interval", "1h", "--speed", "180000", "--variable", "irradiance"], variable: "irradiance", values: column("pv/twenthe_2022_solarirradiation.csv", 0, 0) },
      state: { name: "load/vic_electricity_2012_2013.csv", flags: ["--column", "Demand", "--scale", "1e3", "--speed", "90000"], variable: "activePower", values: column("load/vic_electricity_2012_2013.csv", 1, 1).map((value) => value * 1000) },
    };
    for (const [unit, { name, flags }] of Object.entries(files)) replay(unit, join(dataFolder, name), ...flags);
    await expect.poll(() => Math.min(...Object.entries(files).map(([unit, { variable }]) => home.written(unit, variable).length)), patience).toBeGreaterThan(150);
    await home.stop();
    for (const [unit, { variable, values }] of Object.entries(files)) {
      const samples = await kept(grid.store("home"), unit, variable);
      expect(samples.length, unit).toBeGreaterThan(150);
      samples.forEach(({ value }, i) => expect(Math.abs((value as number) - values[i]!), `${unit} row ${i + 1}`).toBeLessThanOrEqual(0.5));
      // 15 minutes at 45,000 times their pace are 20 ms, and so it is for the others.
      samples.forEach(({ timeMs }, i) => expect(Math.abs(timeMs - samples[0]!.timeMs - 20 * i), `${unit} row ${i + 1}`).toBeLessThanOrEqual(1));
    }
  });
});

test("DI-1 of a file with gaps and nonsense what is good arrives, at its time; what is not is named with its line, and never kept", { timeout: 60_000 }, async () => {
  const rows = ["minute,W", "0,100", "15,lost", "30,300", "45,", "60,NaN", "75,1e12", "90,700", "soon,800", "105,900", "105,901", "60,902", '"120","1000"', "135,0x10", "180,1300", "195,=1+1", "210,1500"];
  const file = join(grid.folder, "broken.csv");
  writeFileSync(file, `\uFEFF${rows.join("\r\n")}\r\n`);
  const program = replay("meter", file, "--time", "minute", "--speed", "9000");
  await expect.poll(() => program.errors.join("\n"), patience).toContain("is at its end");
  await expect.poll(() => home.written("meter", "activePower").length, patience).toBe(7);
  await home.stop();
  const samples = await kept(grid.store("home"), "meter", "activePower");
  expect(valuesOf(samples)).toEqual([100, 300, 700, 900, 1000, 1300, 1500]);
  expect(samples.map(({ timeMs }) => timeMs - samples[0]!.timeMs)).toEqual([0, 200, 600, 700, 800, 1200, 1400]);
  const said = program.errors.join("\n");
  for (const [line, what] of [[3, 'not a number: "lost"'], [7, 'out of range: "1e12"'], [9, 'not a time: "soon"'], [11, "time stands still"], [12, "time runs backwards"]] as const)
    expect(said).toContain(`line ${line}: ${what}`);
  expect(program.ended).toBe("");
});
