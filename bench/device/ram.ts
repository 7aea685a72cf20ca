/** The least memory with which a device on the emulated chip runs its scenario, the other end of its serial line in this process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chipCommand } from "../../targets/xs-host/chip.mjs";
import { LineParent, type Heard, type Orders } from "./line-parent";
import { benchKeyFile, olderPolicy } from "./key-file";

/** Nothing of the scenario takes longer, on a slow machine either. */
const longestMs = 60_000;
/** What the chip does after the scenario's last step still counts. */
const afterMs = 1500;
/** A device's outbox holds 64 readings, of which 8 are under way when the answers stop. */
const leastHeld = 56;

/** A static block with which any device runs. */
const amplyBytes = 98_304;

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

/** A device that is measured. */
export interface MeasuredDevice {
  /** Its program. */
  readonly path: string;
  readonly orders: Orders;
  readonly stackSlots: number;
}

/** Runs a device in a static block of so many bytes. In its flash are samples under an older policy: so it has two. */
export async function runDevice(device: MeasuredDevice, staticBytes: number): Promise<RamRun> {
  const folder = mkdtempSync(join(tmpdir(), "ebalance-ram-"));
  try {
    const before = await run(device, folder, amplyBytes, olderPolicy, ({ before }) => before >= 8);
    if (before.heard.before < 8) throw new Error(`the device does not run with ${amplyBytes} bytes either: ${before.code} ${before.errors}`);
    const { code, heard, memory, errors } = await run(device, folder, staticBytes, benchKeyFile.policy, isDone);
    return { ok: code === null && isDone(heard) && !errors.includes("not kept"), code, heard, memory, errors };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The emulator makes the socket's file before it listens. */
function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket)).once("error", () => resolve(undefined));
  });
}

function isDone({ accepted, before, held, counted, obeyed }: Heard): boolean {
  return accepted === 8 && before > 0 && held >= leastHeld && counted > 0 && obeyed;
}

async function run({ path, orders, stackSlots }: MeasuredDevice, folder: string, staticBytes: number, policy: object, until: (heard: Heard) => boolean): Promise<Omit<RamRun, "ok">> {
  const line = join(folder, "line");
  rmSync(line, { force: true });
  writeFileSync(join(folder, "key.json"), JSON.stringify({ ...benchKeyFile, policy }), { mode: 0o600 });
  const args = ["--static", staticBytes, "--stack", stackSlots, "--flash", `${folder}/flash=131072`, `${folder}/key.json`, "uart0", "metering"].map(String);
  const { command, args: all } = chipCommand(path, { args, serial: `unix:${line},server=on,wait=off` });
  const chip = spawn(command, [...all], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  let memory: Record<string, number> = {};
  let parent: LineParent | undefined;
  // The emulator writes both of the chip's streams to its own standard error.
  createInterface({ input: chip.stderr }).on("line", (text) => {
    if (text.startsWith("{")) memory = JSON.parse(text) as Record<string, number>;
    else if (text !== "light on") errors += `${text}\n`;
    else parent!.heard.obeyed = true;
  });
  const ended = once(chip, "exit") as Promise<[number | null]>;
  let code: number | null | undefined;
  void ended.then(([exit]) => (code = exit));
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  try {
    let socket: Socket | undefined;
    while (!(socket = await connected(line)) && code === undefined) await wait(20);
    if (!socket) return { code: code ?? null, heard: { accepted: 0, before: 0, held: 0, counted: 0, obeyed: false }, memory, errors };
    parent = new LineParent(socket, orders);
    const started = performance.now();
    while (code === undefined && !until(parent.heard) && performance.now() - started < longestMs) await wait(50);
    if (code === undefined) await wait(afterMs);
    return { code: code ?? null, heard: parent.heard, memory, errors };
  } finally {
    parent?.close();
    chip.kill("SIGKILL");
    await ended;
  }
}
