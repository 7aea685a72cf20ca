/** Writes docs/sizing.md: what operations cost a device, in instructions and in time on two parts. */
import { writeFileSync } from "node:fs";
import { root } from "../../scripts/bundles.mjs";
import { encodeRecord, maxRecordBytes } from "../../sdk/storage/ring/sample-record";
import type { LeastRam, Operations } from "./measure";

/** Clock in MHz, and instructions that the part completes a cycle: code runs from flash through a cache, doubles are emulated. */
const parts = [
  { name: "ESP32-C3, 160 MHz", mhz: 160 },
  { name: "ESP32, 240 MHz", mhz: 240 },
];
/** What a real chip needs of the ideal time, at least and at most. */
const [best, worst] = [1.3, 2];

/** What the sample of a whole number takes of the ring's flash. */
const sampleBytes = encodeRecord(new Uint8Array(maxRecordBytes), 0, 0, 0, 2300);

const names: Readonly<Record<string, string>> = {
  reading: "a reading: checked, kept in the ring, matched against 8 subscriptions, for one of which it waits, sealed, sent in a frame",
  reading_answer: "the answer to it, taken",
  decision: "an access decision, 8 policies, 32 states: 32 of 80 granted and recorded, 32 too early, 8 under a new policy, 8 of somebody without a grant",
  decision_early: "of these, one too early, as of a subscriber whose delay has not passed",
  decision_anew: "of these, one under a new policy",
  decision_denied: "of these, one of somebody without a grant",
  open: "a set-point opened: window, tag, every byte of the body",
  query_1000: "a query over 1,000 samples in flash with a condition and a deviation, answered",
  garbage_collection: "one garbage collection of the sensor's heap",
};

function timeMs(instructions: number, mhz: number): string {
  const ideal = instructions / (mhz * 1000);
  return `${(ideal * best).toFixed(2)} to ${(ideal * worst).toFixed(2)}`;
}

function memoryRows(...devices: readonly LeastRam[]): string {
  const row = (what: string, of: (device: LeastRam) => number) => `| ${[what, ...devices.map((device) => of(device).toLocaleString("en"))].join(" | ")} |`;
  return [
    row("least static block of the script: slots, chunks, stack of 384 slots", ({ staticBytes }) => staticBytes),
    row("peak of the native heap beside it", ({ nativeBytes }) => nativeBytes),
    row("of the block, at most: slots", ({ run }) => run.memory["peakSlotBytes"]!),
    row("of the block, at most: chunks (texts, buffers, arrays)", ({ run }) => run.memory["peakChunkBytes"]!),
  ].join("\n");
}

export function writeSizing({ instructions, ramBytes }: Operations, figures: Readonly<Record<string, number>>, sensor: LeastRam, der: LeastRam): void {
  const rows = Object.entries(names).map(([operation, text]) => {
    const cost = instructions[operation]!;
    const ram = ramBytes[operation]?.toLocaleString("en") ?? "";
    return `| ${text} | ${cost.toLocaleString("en")} | ${ram} | ${operation === "reading" ? sampleBytes : ""} | ${parts.map(({ mhz }) => timeMs(cost, mhz)).join(" | ")} |`;
  });
  writeFileSync(
    root("docs/sizing.md"),
    `# What a device needs

Written by \`npm run bench -- device\`. Measured on an emulated RV32 chip (rv32imac, -Os, instructions counted exactly), not on silicon: see [firmware](firmware.md).

## Memory

A device with a session, two policies, eight subscriptions, an outbox of 64 readings and a ring in flash.

| bytes | sensor | DER controller |
| --- | --- | --- |
${memoryRows(sensor, der)}

The DER controller measures an inverter ten times a second and holds it to a set-point. The inverter that answers it stands on the same chip, and is in its figures.

| flash of a sensor | bytes |
| --- | --- |
| bytecode of SDK, board and example | ${figures["sensor_bytecode_bytes"]!.toLocaleString("en")} |
| engine, host and native modules | ${figures["xs_text_bytes"]!.toLocaleString("en")} |

## Operations

| operation | instructions | RAM | flash | ${parts.map(({ name }) => `ms on ${name}`).join(" | ")} |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

RAM is what an operation takes of the script's heap until the next collection, in bytes, what it keeps included. Flash is what it writes there; the bytecode is not divided
among operations.

Times assume that a chip needs ${best} to ${worst} times the ideal of one instruction a cycle: waits for flash, taken branches. The ESP32 has another instruction set (Xtensa), for which RV32 stands in.
Garbage collection is in the averages; the block of an ESP32-C3 (94,208 bytes) divided as \`targets/esp32\` asks for.
`,
  );
}
