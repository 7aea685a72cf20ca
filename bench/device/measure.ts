/** What a device costs: programs of this folder on the emulated chip. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleBoardForXs, bundleDerForXs, bundleExampleForBoard, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { buildChip, chipCommand, noChipReason, type ChipProgram } from "../../targets/xs-host/chip.mjs";
import { derOrders, runDevice, sensorOrders, type MeasuredDevice, type RamRun } from "./ram";

export { noChipReason };

const folder = root("build/bench/device");
/** An ESP32-C3 gives its script so many slots of stack. */
const stackSlots = 384;
/** The bench's home is in the same machine, and opens its session on the same stack. */
const operationsStackSlots = 700;
const operationsTimeoutMs = 120_000;

/** The program of a sensor: the SDK and the board preloaded, and an example. */
export async function buildSensor(entry: string): Promise<ChipProgram> {
  mkdirSync(folder, { recursive: true });
  const sdk = await bundleSdkForXs(join(folder, "device.js"));
  const board = await bundleBoardForXs(join(folder, "board.js"));
  const main = await bundleExampleForBoard(entry, join(folder, "main.js"));
  return buildChip({ main, preload: [{ file: sdk, specifier: "ebalance/device" }, { file: board, specifier: "ebalance/board" }] });
}

/** The sensor whose memory is measured. */
export async function measuredSensor(): Promise<MeasuredDevice> {
  const { path } = await buildSensor("bench/device/ram-program.ts");
  return { path, orders: sensorOrders, stackSlots };
}

/** The DER controller whose memory is measured, with an inverter that answers it. */
export async function measuredDer(): Promise<MeasuredDevice> {
  mkdirSync(folder, { recursive: true });
  const inverter = "ebalance/bench-inverter";
  const sdk = await bundleSdkForXs(join(folder, "device.js"));
  const board = await bundleBoardForXs(join(folder, "board.js"));
  const preload = [
    { file: sdk, specifier: "ebalance/device" },
    { file: board, specifier: "ebalance/board" },
    { file: await bundleDerForXs(join(folder, "der.js")), specifier: "ebalance/der" },
    { file: await bundle(root("bench/device/inverter.ts"), { outfile: join(folder, "inverter.js") }), specifier: inverter },
  ];
  const main = await bundleExampleForBoard("bench/device/der-ram-program.ts", join(folder, "der-main.js"), [inverter]);
  const { path } = await buildChip({ main, preload });
  return { path, orders: derOrders, stackSlots };
}

export interface Operations {
  /** Instructions of each operation. */
  readonly instructions: Readonly<Record<string, number>>;
  /** Bytes that some of them take of the heap until the next collection. */
  readonly ramBytes: Readonly<Record<string, number>>;
  /** Functions of a reading, the dearest first, with their share of all its instructions. */
  readonly profile: readonly { readonly name: string; readonly share: number }[];
}

/** Instructions of the named operations. Every run gives the same. */
export async function measureOperations(): Promise<Operations> {
  mkdirSync(folder, { recursive: true });
  const sdk = await bundle(root("bench/device/bench-sdk.ts"), { outfile: join(folder, "bench-sdk.js") });
  const main = await bundle(root("bench/device/operations-program.ts"), { outfile: join(folder, "operations.js"), external: ["./bench-sdk"] });
  const { path } = await buildChip({ main, preload: [{ file: sdk, specifier: "./bench-sdk" }] });
  const work = mkdtempSync(join(tmpdir(), "ebalance-operations-"));
  try {
    return read(await runToEnd(path, ["--budget", "device", "--stack", String(operationsStackSlots), "--flash", `${work}/flash=131072`]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export interface CryptoCosts {
  readonly instructions: Readonly<Record<string, number>>;
  /** Code and constants of a program that has all of it. */
  readonly textBytes: number;
  /** What C had of the heap at most. */
  readonly nativeBytes: number;
}

/** Instructions of signing, verifying, agreeing and encrypting. What computes with a secret is blinded by random numbers: it is not the same in every run, by some tenths of a per cent. */
export async function measureCrypto(): Promise<CryptoCosts> {
  mkdirSync(folder, { recursive: true });
  const main = await bundle(root("bench/device/crypto-program.ts"), { outfile: join(folder, "crypto.js") });
  const { path, textBytes } = await buildChip({ main, fullCrypto: true });
  const lines = await runToEnd(path, ["--budget", "device"]);
  const { memory } = JSON.parse(lines.find((line) => line.startsWith('{"memory"'))!) as { memory: { peakNativeHeapBytes: number; staticBytes: number } };
  return { instructions: read(lines).instructions, textBytes, nativeBytes: memory.peakNativeHeapBytes - memory.staticBytes };
}

async function runToEnd(path: string, given: readonly string[]): Promise<string[]> {
  const { command, args } = chipCommand(path, { args: given, serial: "null" });
  const chip = spawn(command, [...args], { stdio: ["ignore", "ignore", "pipe"], timeout: operationsTimeoutMs });
  let text = "";
  chip.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const code = await new Promise<number | null>((resolve, reject) => chip.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`the chip ended with ${code}: ${text.slice(-600)}`);
  return text.split("\n");
}

function read(lines: readonly string[]): Operations {
  const instructions: Record<string, number> = {};
  const ramBytes: Record<string, number> = {};
  const samples = new Map<string, number>();
  let all = 0;
  for (const line of lines) {
    const [, count, name] = /^(\d+) (.+)$/.exec(line) ?? [];
    if (count) samples.set(name!, (samples.get(name!) ?? 0) + Number(count));
    if (count) all += Number(count);
    if (!line.startsWith('{"operation"')) continue;
    const told = JSON.parse(line) as { operation: string; instructions: number; ramBytes?: number };
    instructions[told.operation] = told.instructions;
    if (told.ramBytes !== undefined) ramBytes[told.operation] = told.ramBytes;
  }
  const profile = [...samples].map(([name, count]) => ({ name, share: count / all })).sort((a, b) => b.share - a.share);
  return { instructions, ramBytes, profile };
}

/** Static blocks are tried in steps of this. */
const stepBytes = 512;

export interface LeastRam {
  readonly staticBytes: number;
  /** The peak of the native heap beside it: tables of the engine, keys, buffers of the serial line. */
  readonly nativeBytes: number;
  readonly run: RamRun;
}

/** The exit code of a chip whose script has too little memory. */
export const tooLittleMemory = 70;

/** The least static block with which a device runs its scenario, between two bounds of which the upper is known to do. */
export async function leastRam(device: MeasuredDevice, [low, high]: readonly [number, number], log: (text: string) => void): Promise<LeastRam> {
  let best: LeastRam | undefined;
  while (high - low > stepBytes) {
    const staticBytes = low + Math.ceil((high - low) / 2 / stepBytes) * stepBytes;
    const run = await runDevice(device, staticBytes);
    log(`  a static block of ${staticBytes} bytes: ${run.ok ? "enough" : "too little"}`);
    if (!run.ok && run.code !== tooLittleMemory) throw new Error(`with ${staticBytes} bytes the scenario came only to ${JSON.stringify(run)}`);
    if (run.ok) best = { staticBytes, nativeBytes: nativeBytes(run, staticBytes), run };
    if (run.ok) high = staticBytes;
    else low = staticBytes;
  }
  if (!best) throw new Error(`the device does not run its scenario with less than ${high} bytes`);
  return best;
}

/** The static block is taken from the same heap. */
export function nativeBytes({ memory }: RamRun, staticBytes: number): number {
  return memory["peakNativeHeapBytes"]! - staticBytes;
}
