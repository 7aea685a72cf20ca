import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { noCryptoReason, noHostReason, xsHost } from "../../targets/xs-host/available";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { runOnXs } from "../../targets/xs-host/run.mjs";
import { allCases, runCase } from "./all-cases";

const fuzzSeed = 20261123;
/** A world holds four units: each has the memory and the stack of one ESP32-C3, and no more. Where only 64-bit programs run, all is twice as large as on a chip. */
const slotBytes = xsHost?.slotBytes ?? 16;
const fourDevices = { staticBytes: 4 * 94_208 * (slotBytes / 16), stackSlots: 4 * 384 };

interface Line {
  name: string;
  value?: unknown;
  error?: string;
}

async function runAllOnXs(kind: string, fuzzCount: number): Promise<Line[]> {
  const folder = fileURLToPath(new URL("../../build/tests", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const native = kind === "native";
  const cases = native ? await bundle(path("xs-cases.ts"), { outfile: `${folder}/conformance-cases.js` }) : path("xs-cases.ts");
  const outfile = `${folder}/conformance-xs-${kind}.js`;
  const main = await bundle(path("xs-main.ts"), native ? { outfile, external: ["conformance"] } : { outfile, alias: { conformance: cases } });
  // Cryptography in JavaScript can neither be preloaded nor be had in a device's memory, nor in the time of a turn: it runs to compare results alone.
  const flash = mkdtempSync(`${tmpdir()}/ebalance-conformance-`);
  const memory = native ? { ...fourDevices, flash: `${flash}/flash=32768`, preload: [{ file: cases, specifier: "conformance" }] } : { budget: "none" as const, meter: 0 };
  const run = await runOnXs({ main, ...memory, args: [String(fuzzCount), String(fuzzSeed), kind], timeoutMs: 240_000 });
  rmSync(flash, { recursive: true });
  expect(run.errors).toBe("");
  expect(run.code).toBe(0);
  return run.lines.map((line) => JSON.parse(line) as Line);
}

describe.each([
  { kind: "native", memory: `the memory of an ESP32-C3 for each unit${slotBytes > 16 ? ", doubled for slots of 32 bytes" : ""}`, fuzzCount: 5000, reason: noCryptoReason },
  { kind: "portable", memory: "memory without a bound", fuzzCount: 200, reason: noHostReason },
])("conformance on XS", ({ kind, memory, fuzzCount, reason }) => {
  describe.skipIf(reason)(`with ${kind} cryptography in ${memory}${reason ? ` (left out: ${reason})` : ""}`, () => {
    const lines = reason ? Promise.resolve([]) : runAllOnXs(kind, fuzzCount);
    for (const one of allCases) {
      test(one.name, { timeout: 300_000 }, async () => {
        const line = (await lines).find((found) => found.name === one.name);
        expect(line?.error).toBeUndefined();
        const onNode: unknown = runCase(one, { crypto: new NodeCrypto(), fuzzCount, fuzzSeed });
        expect(line?.value).toEqual(JSON.parse(JSON.stringify(onNode)));
      });
    }
  });
});
