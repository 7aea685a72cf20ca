import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { noCryptoReason, noHostReason } from "../../targets/xs-host/available";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { runOnXs } from "../../targets/xs-host/run.mjs";
import { allCases, runCase } from "./all-cases";

const fuzzSeed = 20261123;

interface Line {
  name: string;
  value?: unknown;
  error?: string;
}

async function runAllOnXs(kind: string, fuzzCount: number): Promise<Line[]> {
  const folder = fileURLToPath(new URL("../../build/tests", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const outfile = `${folder}/conformance-xs-${kind}.js`;
  const main = await bundle(fileURLToPath(new URL("xs-main.ts", import.meta.url)), { outfile });
  const run = await runOnXs({ main, budget: "none", args: [String(fuzzCount), String(fuzzSeed), kind], timeoutMs: 240_000 });
  expect(run.errors).toBe("");
  expect(run.code).toBe(0);
  return run.lines.map((line) => JSON.parse(line) as Line);
}

describe.each([
  { kind: "native", fuzzCount: 5000, reason: noCryptoReason },
  { kind: "portable", fuzzCount: 200, reason: noHostReason },
])("conformance on XS", ({ kind, fuzzCount, reason }) => {
  describe.skipIf(reason)(`with ${kind} cryptography${reason ? ` (left out: ${reason})` : ""}`, () => {
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
