import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForNode } from "../../../../scripts/bundles.mjs";
import { ModbusBus } from "./jsmodbus-registers";

const folder = mkdtempSync(join(tmpdir(), "ebalance-simulator-"));
const program = join(folder, "simulator.mjs");
beforeAll(async () => void (await bundleForNode("targets/linux-gateway/src/modbus/simulator-main.ts", program)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args]);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string;
  return { child, next, say: (command: unknown) => void child.stdin.write(`${typeof command === "string" ? command : JSON.stringify(command)}\n`) };
}

async function complaint(child: ChildProcessWithoutNullStreams): Promise<string> {
  let text = "";
  for await (const chunk of child.stderr.setEncoding("utf8")) text += chunk as string;
  return text;
}

describe("the simulator as a program", () => {
  test("says where it listens, obeys commands, reports, and ends when its standard input does", async () => {
    const { child, next, say } = start("--json", "--unit", "1:5000", "--unit", "7:3000", "--ramp-ms", "0", "--rise", "2", "--report-ms", "20");
    const { port } = JSON.parse(await next()) as { port: number };
    say({ unit: 7, availableW: 2500 });
    say({ baseV: 235 });
    const state = async () => JSON.parse(await next()) as { unit: number };
    await expect.poll(state, { interval: 0 }).toEqual({ unit: 7, powerW: 2500, voltageV: 240 });
    const bus = new ModbusBus({ port });
    const registers = await new Promise((done) => bus.unit(7).read(40_000, 2, done));
    expect(registers).toEqual({ values: Uint16Array.of(0x5375, 0x6e53) });
    bus.close();
    child.stdin.end();
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  test("says which command it does not understand, and goes on", async () => {
    const { child, next, say } = start();
    expect(await next()).toMatch(/^inverters listen on 127\.0\.0\.1 port \d+$/);
    const complaints = complaint(child);
    for (const command of ["not JSON", { unit: 3, availableW: 1 }, { unit: 1, availableW: -5 }, { unit: 1, silent: true }]) say(command);
    child.stdin.end();
    expect(await once(child, "exit")).toEqual([0, null]);
    expect((await complaints).trimEnd().split("\n")).toEqual([
      expect.stringContaining("command not JSON: Unexpected token"),
      'command {"unit":3,"availableW":1}: there is no unit 3, only 1',
      expect.stringContaining('command {"unit":1,"availableW":-5}: availableW '),
    ]);
  });

  test.each([
    [["--unit", "0:5000"], "--unit ID:NOMINAL_W, id 0 is not from 1 to 247"],
    [["--unit", "1"], "--unit ID:NOMINAL_W, nominal power  is not from 10 to 300000"],
    [["--port", "70000"], "--port 70000 is not from 0 to 65535"],
    [["--wrong"], "--wrong"],
  ])("%j is bad usage, and says how it should be", async (args, words) => {
    const { child } = start(...args);
    const text = complaint(child);
    expect(await once(child, "exit")).toEqual([2, null]);
    expect(await text).toContain(words);
  });
});
