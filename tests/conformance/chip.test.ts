/** The conformance cases on the emulated chip: the engine, the cryptography and the code of a device, compiled for its processor. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { noChipReason } from "../../targets/xs-host/chip.mjs";
import { EXIT, runOnXs } from "../../targets/xs-host/run.mjs";
import { allCases, runCase } from "./all-cases";

const reason = await noChipReason();
const fuzzCount = 100;
const fuzzSeed = 20261123;
/** A world holds four units: each has the memory and the stack of one ESP32-C3, the cases as much again, and together they need more RAM than one chip has. */
const staticBytes = 5 * 94_208;
const ramBytes = 640 * 1024;
const stackSlots = 4 * 384;

interface Line {
  name: string;
  value?: unknown;
  error?: string;
}

async function runAll(): Promise<Line[]> {
  const folder = fileURLToPath(new URL("../../build/tests/chip", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const cases = await bundle(path("xs-cases.ts"), { outfile: `${folder}/conformance-cases.js` });
  const main = await bundle(path("xs-main.ts"), { outfile: `${folder}/conformance-main.js`, external: ["conformance"] });
  const preload = [{ file: cases, specifier: "conformance" }];
  const flash = mkdtempSync(`${tmpdir()}/ebalance-conformance-`);
  const memory = { ramBytes, staticBytes, stackSlots, flash: `${flash}/flash=32768` };
  const chip = await runOnXs({ target: "chip", fullCrypto: true, main, preload, ...memory, args: [String(fuzzCount), String(fuzzSeed), "native"], timeoutMs: 240_000 });
  rmSync(flash, { recursive: true });
  const lines = chip.lines.filter((line) => line.startsWith("{"));
  if (chip.code !== EXIT.ok) throw new Error(`the chip ended with ${chip.code} after ${lines.length} cases: ${chip.errors.slice(-400)}`);
  return lines.map((line) => JSON.parse(line) as Line);
}

describe.skipIf(reason)(`conformance on the emulated chip${reason ? ` (left out: ${reason})` : ""}`, () => {
  const lines = reason ? Promise.resolve([]) : runAll();
  for (const one of allCases) {
    test(one.name, { timeout: 300_000 }, async () => {
      const line = (await lines).find((found) => found.name === one.name);
      expect(line?.error).toBeUndefined();
      const onNode: unknown = runCase(one, { crypto: new NodeCrypto(), fuzzCount, fuzzSeed });
      expect(line?.value).toEqual(JSON.parse(JSON.stringify(onNode)));
    });
  }
});
