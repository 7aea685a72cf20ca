/** `npm start` as a user runs it: real processes, a real engine where there is one, real readings. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { noHostReason } from "../../targets/xs-host/available";

const start = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));
const children: ChildProcess[] = [];

interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** Runs `npm start` with these options; `onLine` sees each line as it comes. */
function run(args: string[], onLine: (line: string, child: ChildProcess) => void = () => {}, environment = {}): Promise<Run> {
  const child = spawn(process.execPath, [start, ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: temporary, ...environment } });
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
const keyFolders = () => readdirSync(temporary).filter((name) => name.startsWith("ebalance-first-light-"));

afterAll(() => {
  children.forEach((child) => child.kill("SIGKILL"));
  rmSync(temporary, { recursive: true, force: true });
});

function expectWholeStory({ code, out, err }: Run, engine: RegExp): void {
  const lines = out.trim().split("\n");
  expect(lines, err).toHaveLength(1);
  const report = JSON.parse(lines[0]!) as { ok: boolean; devices: { name: string; engine: string }[]; steps: { step: string; ok: boolean; seen: string }[] };
  expect(report.steps.filter((step) => !step.ok)).toEqual([]);
  expect(report.steps).toHaveLength(6);
  expect(report.steps.map((step) => step.seen).join("|")).toMatch(/both sides authenticated\|\d+ loads.*%.*of the last minute\|tooEarly, [45]\.\d s are left\|denied\|.* % is above \d+ %/);
  expect(report.devices).toEqual([{ name: "sensor", engine: expect.stringMatching(engine) as string }]);
  expect([report.ok, code]).toEqual([true, 0]);
}

describe("first light", () => {
  test.skipIf(noHostReason)(`DI-1 DI-2 DI-4 DI-5 DI-8 CP-2 CP-3 MU-1 every step is seen with the sensor on XS${noHostReason ? ` (left out: ${noHostReason})` : ""}`, { timeout: 120_000 }, async () => {
    expectWholeStory(await run(["--seconds", "16", "--json"]), /^XS/);
  });

  test("every step is seen with the sensor on Node, and it says so", { timeout: 60_000 }, async () => {
    expectWholeStory(await run(["--node", "--seconds", "16", "--json"]), /^Node .*no XS/);
  });

  test("a run that is too short to see every step says so with exit code 1", { timeout: 60_000 }, async () => {
    const { code, out } = await run(["--node", "--seconds", "2"]);
    expect(out).toMatch(/not seen: the supplier asks for an average/);
    expect(code).toBe(1);
  });

  test("without a C compiler the sensor runs on Node, and that is said loudly", { timeout: 60_000 }, async () => {
    const { err } = await run(["--seconds", "2", "--json"], () => {}, { CC: join(temporary, "no-compiler") });
    expect(err).toMatch(/\*\*\* THE SENSOR RUNS ON NODE, NOT ON XS: no C compiler.*apt-get install gcc/);
    expect(err).toContain("the sensor runs on Node");
  });

  test.each(noHostReason ? [["Node", ["--node"]]] : [["XS", []], ["Node", ["--node"]]])("Ctrl-C leaves no process and no key file of a sensor on %s", { timeout: 60_000 }, async (_engine, options) => {
    let sensors: number[] = [];
    const { code } = await run(options as string[], (line, child) => {
      if (!line.includes("its readings arrive")) return;
      sensors = childrenOf(child.pid!);
      child.kill("SIGINT");
    });
    expect(code).toBe(130);
    expect(sensors.length).toBeGreaterThan(0);
    expect(sensors.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(keyFolders()).toEqual([]);
  });

  test("a reader that goes away leaves no process and no key file", { timeout: 60_000 }, async () => {
    let sensors: number[] = [];
    await run(["--node"], (line, child) => {
      if (!line.includes("its readings arrive")) return;
      sensors = childrenOf(child.pid!);
      child.stdout!.destroy();
    });
    expect(sensors.length).toBeGreaterThan(0);
    expect(sensors.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(keyFolders()).toEqual([]);
  });

  test("options that make no sense are refused with what would be accepted", async () => {
    const wrong = await run(["--seconds", "soon"]);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("--seconds soon is not a whole number from 1 to 86400")]);
    const help = await run(["--help"]);
    expect([help.code, help.out]).toEqual([0, expect.stringContaining("npm start -- --seconds 30 --json")]);
  });
});
