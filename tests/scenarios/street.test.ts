/** `npm start` as a user runs it: real processes, a real engine where there is one, and nothing left behind. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dataFolder } from "../../examples/street/replay/series-files";
import { root } from "../../scripts/bundles.mjs";
import { noHostReason } from "../../targets/xs-host/available";

const children: ChildProcess[] = [];

interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** Runs `npm start` with these options; `onLine` sees each line as it comes. */
function run(args: string[], onLine: (line: string, child: ChildProcess) => void = () => {}, environment = {}): Promise<Run> {
  const child = spawn(process.execPath, [root("scripts/start.mjs"), ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: temporary, ...environment } });
  children.push(child);
  const result: Run = { code: null, out: "", err: "" };
  const take = (key: "out" | "err") => (text: string) => {
    result[key] += text;
    for (const line of text.split("\n")) if (line) onLine(line, child);
  };
  child.stdout.setEncoding("utf8").on("data", take("out"));
  child.stderr.setEncoding("utf8").on("data", take("err"));
  return new Promise((resolve) => child.once("close", (code) => resolve({ ...result, code })));
}

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
}

/** The temporary folder of these runs alone: key files are looked for where nobody else has any. */
const temporary = mkdtempSync(join(tmpdir(), "ebalance-scenario-"));

afterAll(() => {
  children.forEach((child) => child.kill("SIGKILL"));
  rmSync(temporary, { recursive: true, force: true });
});

/** The processes of the street, once all of its units have joined. */
function onJoined(then: (child: ChildProcess) => void): { pids: number[]; onLine: (line: string, child: ChildProcess) => void } {
  const pids: number[] = [];
  const onLine = (line: string, child: ChildProcess) => {
    if (pids.length || !line.includes("both sides authenticated")) return;
    pids.push(...childrenOf(child.pid!));
    then(child);
  };
  return { pids, onLine };
}

/** Two homes, three devices and the inverters, and no key or process of them is left. */
async function expectNothingLeft(pids: readonly number[]): Promise<void> {
  expect(pids.length).toBeGreaterThanOrEqual(6);
  // The bundler's process ends of itself, a moment after its parent.
  await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 3000 }).toEqual([]);
  expect(readdirSync(temporary).filter((name) => name.startsWith("ebalance-street-"))).toEqual([]);
}

function expectWholeStory({ code, out, err }: Run, engine: RegExp): void {
  const lines = out.trim().split("\n");
  expect(lines, err).toHaveLength(1);
  const report = JSON.parse(lines[0]!) as { ok: boolean; devices: { name: string; engine: string }[]; steps: { step: string; ok: boolean; seen: string }[] };
  expect(report.steps.filter((step) => !step.ok)).toEqual([]);
  expect(report.steps.length).toBeGreaterThanOrEqual(11);
  const seen = report.steps.map((step) => step.seen).join("|");
  for (const part of [/both sides authenticated/, /tooEarly, \d\.\d s left/, /\|denied\|/, /\d+\.\d V at (der-1|inverter-2)/, /der-1 and inverter-2 may feed in freely/]) expect(seen).toMatch(part);
  expect(report.devices.map(({ name }) => name)).toEqual(["sensor-1", "der-1", "meter-2"]);
  for (const device of report.devices.slice(0, 2)) expect(device.engine).toMatch(engine);
  expect([report.ok, code]).toEqual([true, 0]);
}

const noDataReason = existsSync(`${dataFolder}/load`) && existsSync(`${dataFolder}/pv`) ? "" : `no load and pv in ${dataFolder}: set EBALANCE_DATA to the data folder`;

describe("npm start", () => {
  test.skipIf(noHostReason)(`DI-1 DI-4 DI-5 DI-6 CP-2 CP-3 MU-1 MU-5 GR-13 every step is seen, with sensor and DER controller on XS${noHostReason ? ` (left out: ${noHostReason})` : ""}`, { timeout: 120_000 }, async () => {
    expectWholeStory(await run(["--seconds", "45", "--json"]), /^XS/);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test.skipIf(noDataReason)(`every step is seen on Node, beside recorded series of others${noDataReason ? ` (left out: ${noDataReason})` : ""}`, { timeout: 120_000 }, async () => {
    const load = ["--replay", `${dataFolder}/load/alpg_Electricity_Profile_15min_H1.csv`, "--interval", "15m"];
    const state = ["--replay", `${dataFolder}/load/vic_electricity_2012_2013.csv`, "--column", "Demand", "--scale", "1e3"];
    const air = ["--replay", `${dataFolder}/pv/twenthe_2022_temperature.csv`, "--interval", "1h", "--variable", "temperature"];
    const told = await run(["--node", "--seconds", "45", "--json", ...load, ...state, ...air]);
    expectWholeStory(told, /^Node .*no XS/);
    // The first reading of each, as its home has kept it.
    for (const line of [/^reading +replay-1 activePower 274 W$/m, /^reading +replay-2 activePower 4382\.83 kW$/m, /^reading +replay-3 temperature 12\.1 °C$/m]) expect(told.err).toMatch(line);
    expect(told.err).toMatch(/^replay-3: .*twenthe_2022_temperature\.csv: \d+ rows read, \d+ good/m);
  });

  test("a run that is too short to see every step says so with exit code 1", { timeout: 60_000 }, async () => {
    const { code, out, err } = await run(["--node", "--seconds", "2"]);
    expect(err).toMatch(/not seen: the set-points are released/);
    expect([code, out.includes("{")]).toEqual([1, false]);
  });

  test("without a C compiler the devices run on Node, and that is said loudly", { timeout: 60_000 }, async () => {
    const { err } = await run(["--seconds", "1", "--json"], () => {}, { CC: join(temporary, "no-compiler") });
    expect(err).toMatch(/\*\*\* SENSOR AND DER CONTROLLER RUN ON NODE, NOT ON XS: no C compiler.*apt-get install gcc/);
  });

  test.each(noHostReason ? [["Node", ["--node"]]] : [["XS", []], ["Node", ["--node"]]])("Ctrl-C leaves no process and no key file of devices on %s", { timeout: 60_000 }, async (_engine, options) => {
    const { pids, onLine } = onJoined((child) => child.kill("SIGINT"));
    const { code } = await run(options as string[], onLine);
    expect(code).toBe(130);
    await expectNothingLeft(pids);
  });

  test("a reader that goes away leaves no process and no key file", { timeout: 60_000 }, async () => {
    const { pids, onLine } = onJoined((child) => child.stdout!.destroy());
    await run(["--node"], onLine);
    await expectNothingLeft(pids);
  });

  const file = join(temporary, "series.csv");
  test.each([
    ["a time that is none", ["--seconds", "soon"], "--seconds soon is not a whole number from 1 to 86400"],
    ["an unknown option", ["--nonsense"], "Unknown option '--nonsense'"],
    ["a column of no file", ["--column", "Demand"], "--column says how a file is replayed: give --replay FILE.csv too"],
    ["a file that is not there", ["--replay", join(temporary, "none.csv")], "none.csv: cannot be read (ENOENT): give the path of a CSV file"],
    ["a file without times, and no interval", ["--replay", file], "give --time COLUMN, or --interval 15m where the rows are 15 minutes apart"],
    ["a variable that is none", ["--replay", file, "--variable", "happiness"], "--variable happiness is not a number that devices report: activeEnergyImport"],
    ["a device that is there already", ["--replay", file, "--device", "home-1"], "--device home-1 is a unit of the street already; meter-2 may be replaced, or take a new id"],
  ])("%s is refused with what would be accepted", async (_what, args, message) => {
    writeFileSync(file, "1\n");
    const { code, out, err } = await run(args);
    expect([code, out, err]).toEqual([2, "", expect.stringContaining(message)]);
    expect(err).toMatch(/\ntry: npm start -- --help\n$/);
    expect(err).not.toContain(" at ");
    rmSync(file);
  });

  test("--help shows every option and how it is used", async () => {
    const help = await run(["--help"]);
    expect([help.code, help.out]).toEqual([0, expect.stringContaining("npm start -- --seconds 45 --json")]);
    for (const option of ["--replay", "--column", "--speed", "--node"]) expect(help.out).toContain(option);
  });
});
