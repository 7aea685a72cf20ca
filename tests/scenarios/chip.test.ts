/** A sensor on the emulated chip and a gateway, two processes joined by a serial line: what it does, and what it survives. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { bundleForNode, root } from "../../scripts/bundles.mjs";
import { buildSensor, noChipReason } from "../../bench/device/measure";
import { toPhysical } from "../../sdk/core/model/registry";
import { standardRegistry } from "../../sdk/core/model/standard-variables";
import { MemoryFlash } from "../../sdk/storage/memory-flash";
import { portableRing } from "../../sdk/storage/ring/portable-ring";
import { chipCommand } from "../../targets/xs-host/chip.mjs";
import { EXIT } from "../../targets/xs-host/run.mjs";

const reason = await noChipReason();
const load = standardRegistry.named("processorLoad");
/** How long something may take to be seen, on a busy machine. */
const patience = { timeout: 60_000, interval: 50 };

/** What a process has printed, line by line. */
class Running {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, [...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    this.ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

interface Event {
  readonly reading?: number;
  readonly timeMs?: number;
  readonly asked?: string;
  readonly result?: string;
  readonly samples?: number;
  readonly log?: string;
  readonly text?: string;
}

/** One bench top: a key, the flash of the sensor, and what runs now. */
class BenchTop {
  readonly folder = mkdtempSync(join(tmpdir(), "ebalance-bench-top-"));
  gateway: Running | undefined;
  chip: Running | undefined;

  /** Starts the chip, and a gateway at the other end of its line. */
  async start(options: readonly string[] = [], args: readonly string[] = []): Promise<void> {
    if (!this.gateway) await new Running(process.execPath, [gatewayProgram, this.folder]).ended;
    const given = ["--flash", `${this.folder}/flash=65536`, ...options, `${this.folder}/sensor.key.json`, "uart0", "metering", ...args];
    const { command, args: all } = chipCommand(sensorPath, { args: given, serial: "pty" });
    const chip = (this.chip = new Running(command, all));
    const line = () => chip.lines.map((text) => /redirected to (\S+)/.exec(text)?.[1]).find(Boolean);
    await expect.poll(line, patience).toBeDefined();
    this.gateway = new Running(process.execPath, [gatewayProgram, this.folder, line()!, "--json"]);
  }

  events(): Event[] {
    return (this.gateway?.lines ?? []).filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Event);
  }

  readings(): number {
    return this.arrived().length;
  }

  /** What the home has from this run of the chip: the sensor has acknowledged each by sending it. */
  arrived(): { timeMs: number; value: number }[] {
    return this.events().flatMap(({ reading, timeMs }) => (reading === undefined ? [] : [{ timeMs: timeMs!, value: reading }]));
  }

  /** Samples in the chip's flash, as the next start would find them. */
  kept(): { timeMs: number; value: number }[] {
    const bytes = new Uint8Array(readFileSync(`${this.folder}/flash`));
    const ring = portableRing(new MemoryFlash(bytes.length / 4096, bytes));
    const found: { timeMs: number; value: number }[] = [];
    ring.scan(ring.catalogue.restore().series.findIndex(({ variable }) => variable === load.id), -Infinity, Infinity, (value, timeMs) => found.push({ timeMs, value: toPhysical(load, value) as number }) > 0);
    return found;
  }

  /** What the sensor kept before this run, by its own word: all that it has but what it has sent since its start. */
  async keptBefore(): Promise<number> {
    const answer = () => this.events().findIndex((event) => event.asked && event.result === "done");
    await expect.poll(answer, patience).toBeGreaterThan(-1);
    const events = this.events().slice(0, answer() + 1);
    // A reading may be on flash and still on its way.
    return events.at(-1)!.samples! - events.filter((event) => event.reading !== undefined).length - 1;
  }

  /** Samples that the sensor itself says it has kept, at the last query that it has answered. */
  samples(): number | undefined {
    return this.events().filter((event) => event.asked && event.result === "done").at(-1)?.samples;
  }

  async stop(): Promise<void> {
    await this.chip?.kill();
    await this.gateway?.kill();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let gatewayProgram: string;
let sensorPath: string;

function benchTop(): BenchTop {
  const made = new BenchTop();
  onTestFinished(() => made.close());
  return made;
}

describe.skipIf(reason)(`a sensor on the emulated chip${reason ? ` (left out: ${reason})` : ""}`, () => {
  beforeAll(async () => {
    gatewayProgram = await bundleForNode("examples/sensor/gateway.ts", root("build/tests/chip-gateway.mjs"));
    sensorPath = (await buildSensor("examples/sensor/main.ts")).path;
  }, 180_000);

  test("MU-1 SP-7 sends authenticated readings, answers a query about what it has kept, and obeys a set-point", { timeout: 120_000 }, async () => {
    const top = benchTop();
    await top.start();
    await expect.poll(() => top.readings(), patience).toBeGreaterThan(3);
    await expect.poll(() => top.samples(), patience).toBeGreaterThan(3);
    await expect.poll(() => top.chip!.lines.filter((line) => line.startsWith("light")), patience).toEqual(["light on", "light off"]);
  });

  test("CP-6 starts again after the power was cut in the middle of a write, with all that it had acknowledged", { timeout: 180_000 }, async () => {
    const top = benchTop();
    // Mounting takes none; the first sector's erase and head, the catalogue's, then sixteen bytes a sample: this is within a sample's record.
    await top.start(["--cut-after", "8900"]);
    await expect.poll(() => top.readings(), patience).toBeGreaterThan(3);
    expect(await top.chip!.ended).toBe(EXIT.power);
    const before = top.arrived();
    await top.gateway!.kill();
    await top.start();
    expect(await top.keptBefore()).toBeGreaterThanOrEqual(before.length - 1);
    const after = top.arrived();
    expect(after.length).toBeGreaterThan(2);
    await top.stop();
    expect(top.kept()).toEqual(expect.arrayContaining([...before, ...after]));
  });

  test("MU-1 without a clock its readings arrive, stamped by the home; it keeps none itself, and says so", { timeout: 120_000 }, async () => {
    const top = benchTop();
    await top.start([], ["no-clock"]);
    await expect.poll(() => top.readings(), patience).toBeGreaterThan(3);
    await expect.poll(() => top.events().find((event) => event.asked)?.result, patience).toBe("noData");
  });

  test("CP-6 flash that takes nothing for a while costs only the sensor's own copy", { timeout: 120_000 }, async () => {
    const top = benchTop();
    await top.start(["--fail-flash", "12"]);
    await expect.poll(() => top.readings(), patience).toBeGreaterThan(5);
    expect(top.chip!.lines.filter((line) => line.includes("storageFailed")).length).toBeGreaterThan(0);
    await expect.poll(() => top.samples(), patience).toBeGreaterThan(0);
  });

  test("MU-1 with too little memory it ends with the exit code for that; with enough it goes on from its flash", { timeout: 180_000 }, async () => {
    const top = benchTop();
    await top.start();
    await expect.poll(() => top.readings(), patience).toBeGreaterThan(4);
    await top.stop();
    const before = top.arrived();
    await top.start(["--static", "20480"]);
    expect(await top.chip!.ended).toBe(EXIT.memory);
    await top.gateway!.kill();
    await top.start();
    expect(await top.keptBefore()).toBeGreaterThanOrEqual(before.length - 1);
    await top.stop();
    expect(top.kept()).toEqual(expect.arrayContaining(before));
  });
});
