/** The meter as a process of its own against a real home over TCP. */
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleForNode } from "../../scripts/bundles.mjs";
import { Home } from "../../tests/scenarios/home";
import { readCommandLine } from "./replay/replay-options";

const home = new Home();
const program = join(home.folder, "replay-meter.mjs");
const children: ChildProcess[] = [];
let port = 0;

beforeAll(async () => {
  await bundleForNode("examples/street/replay-meter.ts", program);
  port = await home.open();
});
afterAll(async () => {
  children.forEach((child) => child.kill("SIGKILL"));
  await home.close();
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  const run = { child, said: "", code: new Promise<number | null>((resolve) => child.once("close", resolve)) };
  child.stderr.setEncoding("utf8").on("data", (text: string) => (run.said += text));
  return run;
}

/** REPLAY for a file with this text. */
function replayOf(text: string, ...flags: string[]): string {
  const file = join(home.folder, "energy.csv");
  writeFileSync(file, text);
  return JSON.stringify(readCommandLine(["--replay", file, "--variable", "activeEnergyImport", ...flags], {}).replays[0]);
}

test("DI-1 a recorded series arrives at the home with the time of the replay; gaps and nonsense are said; SIGTERM ends it", { timeout: 30_000 }, async () => {
  const replay = replayOf("t,kWh\n0,0.1\n15,0.2\n30,lost\n45,0.4\n75,\n90,0.7\n", "--time", "t", "--scale", "1000", "--speed", "9000");
  const startedMs = Date.now();
  const meter = start(home.keyFile, `tcp://127.0.0.1:${port}`, "metering", replay);
  const readings = [];
  while (readings.length < 4) readings.push((await home.readings.next()).value!);
  expect(readings.map(({ value }) => value)).toEqual([100, 200, 400, 700]);
  const times = readings.map(({ timeMs }) => timeMs);
  expect(times.map((timeMs) => timeMs - times[0]!)).toEqual([0, 100, 300, 600]);
  expect(times[0]! >= startedMs && times[3]! <= Date.now()).toBe(true);
  await expect.poll(() => meter.said).toMatch(/energy\.csv is at its end: 6 rows read, 4 good, 1 without a value, 1 missing, 1 not a number \(first on line 4: "lost"\)/);
  expect(meter.said).toMatch(/warning replay: .*energy\.csv line 4: not a number: "lost"; passed over/);
  expect(meter.child.exitCode).toBe(null);
  meter.child.kill("SIGTERM");
  expect(await meter.code).toBe(0);
});

test.each([
  ["no replay", () => [home.keyFile, "tcp://127.0.0.1:1", "metering"], "usage: node replay-meter.mjs KEYFILE URL SERVICE REPLAY..."],
  ["a replay that is not JSON", () => [home.keyFile, "tcp://127.0.0.1:1", "metering", "a.csv"], "REPLAY a.csv is not JSON"],
  ["an address that is none", () => [home.keyFile, "127.0.0.1", "metering", replayOf("1\n", "--interval", "1s")], 'url "127.0.0.1" is not tcp://host:port'],
  ["a file without a good row", () => [home.keyFile, "tcp://127.0.0.1:1", "metering", replayOf("-1\n", "--interval", "1s")], "has no row that can be used (1 rows read, 0 good, 1 out of range"],
  ["a service that the key file does not name", () => [home.keyFile, "tcp://127.0.0.1:1", "billing", replayOf("1\n", "--interval", "1s")], "service billing of customer is not in the sources"],
])("%s ends it with a message", { timeout: 30_000 }, async (_what, args, message) => {
  const meter = start(...args());
  expect([await meter.code, meter.said]).toEqual([2, expect.stringContaining(message)]);
});
