/** examples/certified-home/home.mjs: a unit with credentials that a program has put together from the parts of the SDK, between a device and the gateway above it, as processes. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { CommandLine } from "../../examples/street/processes";
import { patience, Program, Programs, RealGrid } from "./real-grid";

const plan = `
domain: elm-street
units:
  lv: { owner: operator, services: [grid] }
  home: { parent: lv, owner: customer, services: [display] }
  meter-1: { parent: home, owner: customer, services: [metering] }
`;

let command: CommandLine;
let example: CommandLine;
let meterProgram: CommandLine;
let grid: RealGrid;

beforeAll(async () => {
  const programs = new Programs("embedded-unit");
  [command, example, meterProgram] = await Promise.all([programs.gateway(), programs.node("examples/certified-home/home.mjs"), programs.node("tests/scenarios/certified-meter.ts")]);
});

beforeEach(() => {
  grid = new RealGrid({ domain: "none", units: { top: { owner: "nobody" } } });
  writeFileSync(join(grid.folder, "plan.yaml"), plan);
  keys("plan.yaml", "--credentials", "--out", "grid");
  keys("provision", "home", "--out", "grid");
});

afterEach(() => grid.close());

function keys(...args: string[]): void {
  const { status, stderr } = spawnSync(command.command, [...command.args, "keys", ...args], { encoding: "utf8", cwd: grid.folder });
  expect([status, stderr]).toEqual([0, ""]);
}

const unitFolder = (unit: string) => join(grid.folder, "grid", "units", unit);

test("the example with credentials takes a device in, joins the unit above, and resumes both sessions when it has started again", async () => {
  const lv = await grid.gateway(command, { unit: "lv", credentials: { folder: unitFolder("lv") }, listen: [{ tcp: {} }] });
  const inFolder = (port: number): CommandLine => ({ command: "sh", args: ["-c", 'cd "$0" && exec "$@"', grid.folder, example.command, ...example.args, String(port), String(lv.port("tcp"))] });
  const says = ({ errors }: Program, text: string) => errors.some((line) => line.includes(text));
  const firstPort = (program: Program) => Number(/listening on port (\d+)/.exec(program.errors.join("\n"))?.[1]);

  let home = new Program("home", inFolder(0));
  await vi.waitFor(() => expect(firstPort(home)).toBeGreaterThan(0), patience);
  const port = firstPort(home);
  grid.program("meter", meterProgram, unitFolder("meter-1"), "meter-1", `tcp://127.0.0.1:${port}`);
  try {
    await vi.waitFor(() => expect(home.out.at(-1)).toMatch(/^\d{4}-\S+Z 230 W$/), patience);
    expect([says(home, "with meter-1 is agreed on"), says(home, "with lv is agreed on")]).toEqual([true, true]);
    await vi.waitFor(() => expect(lv.log.some((line) => line.includes("session with home is open"))).toBe(true), patience);
    home.signal("SIGINT");
    await vi.waitFor(() => expect(home.ended).toMatch(/code 0/), patience);

    home = new Program("home", inFolder(port));
    await vi.waitFor(() => expect(home.out.at(-1)).toMatch(/ 230 W$/), patience);
    await vi.waitFor(() => expect(says(home, "lv has joined")).toBe(true), patience);
    expect(says(home, "is agreed on")).toBe(false);
  } finally {
    await home.kill();
  }
}, 120_000);
