/** The least memory with which a device on the emulated chip runs its scenario, the other end of its serial line in this process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chipCommand } from "../../targets/xs-host/chip.mjs";
import { LineParent, type Heard, type Orders } from "./line-parent";
import { benchKeyFile } from "./key-file";

/** How long one run takes: the session opens, answers are held back until the outbox is full, and everything is handed over. */
const runMs = 10_000;

/** The lamp is the chip's: it says itself that it is on. */
export const sensorOrders: Orders = { written: [{ variable: "switchState", value: true }], counted: { field: 1, comparison: 3, operand: 10 } };

/** What feeds in consumes less than nothing. */
export const derOrders: Orders = {
  written: [
    { variable: "setPointTimeToLive", value: 600 },
    { variable: "powerLimitShare", value: 60 },
  ],
  obeyed: { variable: "powerLimitInForce", value: 60 },
  counted: { field: 1, comparison: 1, operand: -10 },
};

export interface RamRun {
  readonly ok: boolean;
  /** Exit code of the chip where it ended by itself. */
  readonly code: number | null;
  readonly heard: Heard;
  /** As the chip told it last. */
  readonly memory: Readonly<Record<string, number>>;
  readonly errors: string;
}

/** Runs the program `path` with a static block of so many bytes. */
export async function runDevice(path: string, orders: Orders, staticBytes: number, stackSlots: number): Promise<RamRun> {
  const folder = mkdtempSync(join(tmpdir(), "ebalance-ram-"));
  const line = join(folder, "line");
  writeFileSync(join(folder, "key.json"), JSON.stringify(benchKeyFile), { mode: 0o600 });
  const args = ["--static", staticBytes, "--stack", stackSlots, "--flash", `${folder}/flash=131072`, `${folder}/key.json`, "uart0", "metering"].map(String);
  const { command, args: all } = chipCommand(path, { args, serial: `unix:${line},server=on,wait=off` });
  const chip = spawn(command, [...all], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  let memory: Record<string, number> = {};
  const lines: string[] = [];
  // The emulator writes both of the chip's streams to its own standard error.
  createInterface({ input: chip.stderr }).on("line", (text) => {
    lines.push(text);
    if (text.startsWith("{")) memory = JSON.parse(text) as Record<string, number>;
    else if (text !== "light on") errors += `${text}\n`;
  });
  const ended = once(chip, "exit") as Promise<[number | null]>;
  try {
    while (!existsSync(line) && chip.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    const parent = new LineParent(line, orders);
    const code = await Promise.race([ended.then(([exit]) => exit), new Promise<null>((resolve) => setTimeout(() => resolve(null), runMs))]);
    parent.close();
    const { heard } = parent;
    heard.obeyed ||= lines.includes("light on");
    const ok = code === null && heard.accepted === 8 && heard.before > 0 && heard.after >= 64 && heard.counted > 0 && heard.obeyed && !errors.includes("not kept");
    return { ok, code, heard, memory, errors };
  } finally {
    chip.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
