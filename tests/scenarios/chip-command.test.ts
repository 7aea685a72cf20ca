/** `npm run chip`, as people call it: what it shows, what it refuses, and that it leaves nothing behind, whatever ends it. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { root } from "../../scripts/bundles.mjs";
import { buildChip, noChipReason } from "../../targets/xs-host/chip.mjs";

const reason = await noChipReason();
const patience = { timeout: 90_000, interval: 50 };

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "ebalance-command-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A folder with these files, outside of the tree. */
function example(files: Readonly<Record<string, string>>): string {
  const made = folder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
}

const sensorThat = (line: string) => `import { openDevice } from "ebalance/device";\nimport { platform } from "ebalance:platform";\nconst sensor = openDevice(platform);\n${line}\n`;

/** The command in a process of its own, with a place of its own for temporary files. */
class Command {
  readonly lines: string[] = [];
  readonly temporary = join(folder(), "tmp");
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[], command: readonly [string, ...string[]] = [process.execPath, root("scripts/chip.mjs")]) {
    mkdirSync(this.temporary);
    const [program, ...before] = command;
    this.child = spawn(program, [...before, ...args], { cwd: root("."), stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: this.temporary } });
    for (const stream of [this.child.stdout!, this.child.stderr!]) createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    this.ended = once(this.child, "close").then(([code]) => code as number | null);
    onTestFinished(async () => {
      this.child.kill();
      await this.ended;
    });
  }

  get text(): string {
    return this.lines.join("\n");
  }

  /** Ids of the processes that it has started: the place of its temporary files is on their command lines. */
  programs(named = ""): number[] {
    const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return ids.filter((id) => [this.temporary, named].every((part) => commandLine(id).includes(part))).map(Number);
  }

  /** Waits until readings are shown. */
  async shows(what: RegExp): Promise<void> {
    await expect.poll(() => this.text, patience).toMatch(what);
  }
}

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

describe("npm run chip refuses, and says what would be accepted", () => {
  const refused = (args: readonly string[]) => spawnSync(process.execPath, [root("scripts/chip.mjs"), ...args], { encoding: "utf8" });

  test.each([
    [[], "one example has to be named"],
    [["examples/sensor", "5"], "options stand behind --: npm run chip -- examples/sensor --seconds 5"],
    [["examples/sensr"], "no examples/sensr/main.ts"],
    [["/nowhere/sensor"], "no /nowhere/sensor/main.ts"],
    [["examples/sensor", "--second", "5"], "Unknown option '--second'\n"],
    [["examples/sensor", "--seconds", "0"], "--seconds 0 is not a whole number from 1 to 86400"],
    [["examples/sensor", "--cut-after", "soon"], "--cut-after soon is not a whole number from 0"],
    [["examples/sensor", "--flash", "examples"], "--flash examples: it is no file"],
  ])("%j", (args, message) => {
    const { status, stdout, stderr } = refused(args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).toContain("try: npm run chip -- --help");
  });

  test.each([
    ["of another size", Buffer.from('{ "name": "precious" }'), "it has 22 bytes, and the flash of this chip 131072"],
    ["of that size with something else in it", Buffer.alloc(131_072, "precious"), "what is in it is no flash of a chip"],
  ])("a file %s for the flash, and leaves it as it is", (_what, bytes, message) => {
    const file = join(folder(), "file");
    writeFileSync(file, bytes);
    const { status, stderr } = refused(["examples/sensor", "--flash", file]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });
});

describe.skipIf(reason)(`npm run chip${reason ? ` (left out: ${reason})` : ""}`, { timeout: 180_000 }, () => {
  // Engine and native modules are compiled once, outside of the time of a test.
  beforeAll(async () => {
    const made = mkdtempSync(join(tmpdir(), "ebalance-command-"));
    writeFileSync(join(made, "main.js"), "");
    await buildChip({ main: join(made, "main.js") });
    rmSync(made, { recursive: true });
  }, 600_000);

  test("a sensor that somebody has changed shows what it reports, and is asked about that; it ends by itself and says nothing of it", async () => {
    const changed = example({ "main.ts": sensorThat(`sensor.report("humidity", { everyMs: 1000, read: () => 42.5 });`) });
    const command = new Command(["run", "-s", "chip", "--", changed, "--seconds", "20", "--json"], ["npm"] as const);
    expect(await command.ended).toBe(0);
    const events = command.lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toContainEqual({ from: "gateway", reading: 42.5, variable: "humidity", unit: "%", timeMs: expect.any(Number) as number });
    expect(events).toContainEqual(expect.objectContaining({ asked: "sensor", variable: "humidity", result: "done" }));
    expect(command.text).not.toMatch(/terminating|unplugged|warning/);
    expect([command.programs(), readdirSync(command.temporary)]).toEqual([[], []]);
  });

  test("the sensor as text: time, who, what, value and unit; its flash is there for the next run", async () => {
    const flash = join(folder(), "flash");
    const command = new Command(["examples/sensor", "--flash", flash]);
    await command.shows(/^\d\d:\d\d:\d\d sensor processorLoad [\d.]+ %$/m);
    await command.shows(/^\d\d:\d\d:\d\d chip light on$/m);
    command.child.kill("SIGINT");
    expect(await command.ended).toBe(0);
    expect(command.text).not.toMatch(/terminating|unplugged/);
    const cut = new Command(["examples/sensor", "--flash", flash, "--cut-after", "100"]);
    expect([await cut.ended, cut.text]).toEqual([78, expect.stringMatching(/chip ebalance-xs: the power was cut/)]);
  });

  test.each([
    ["nobody reads any more", (command: Command) => command.child.stdout!.destroy()],
    ["its terminal is closed", (command: Command) => command.child.kill("SIGHUP")],
  ])("where %s it ends, with the emulator, the gateway and the folder with the key", async (_what, finish) => {
    const command = new Command(["examples/sensor"]);
    await command.shows(/sensor processorLoad/);
    expect(command.programs().length).toBeGreaterThan(1);
    finish(command);
    expect(await command.ended).toBe(0);
    expect([command.programs(), readdirSync(command.temporary)]).toEqual([[], []]);
  });

  test("a gateway that is gone is named, and the command fails", async () => {
    const command = new Command(["examples/sensor"]);
    await command.shows(/sensor processorLoad/);
    for (const id of command.programs("gateway.mjs")) process.kill(id, "SIGKILL");
    expect([await command.ended, command.lines.at(-1)]).toEqual([1, "the gateway has ended: SIGKILL"]);
    expect(command.programs()).toEqual([]);
  });

  test("an example with a gateway.ts has that one; where it makes no key file, what it said is shown", async () => {
    const own = example({ "main.ts": sensorThat(""), "gateway.ts": `console.error("no keys today");\nprocess.exit(3);\n` });
    const command = new Command([own]);
    expect([await command.ended, command.lines.at(-1)]).toEqual([1, "the gateway made no key file: no keys today"]);
  });

  test("what an example imports decides what its device has: a DER controller of any name gets its code, and hears what this board lacks", async () => {
    const controller = example({ "main.ts": readFileSync(root("examples/der-controller/main.ts"), "utf8") });
    const command = new Command([controller]);
    expect([await command.ended, command.text]).toEqual([2, expect.stringContaining("no streams on this board: it has a serial line and no network")]);
  });

  test("a board without a clock; and memory that is not there is refused before anything runs", async () => {
    const command = new Command(["examples/sensor", "--no-clock", "--json"]);
    await command.shows(/"asked":"sensor","variable":"processorLoad","result":"noData"/);
    command.child.kill("SIGTERM");
    expect(await command.ended).toBe(0);
    const greedy = new Command(["examples/sensor", "--static", "312000"]);
    expect([await greedy.ended, greedy.text]).toEqual([2, expect.stringMatching(/--static 312000 is more than the \d+ bytes that are left/)]);
    expect(readdirSync(greedy.temporary)).toEqual([]);
  });
});
