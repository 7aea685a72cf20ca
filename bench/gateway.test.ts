import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleForNode, root } from "../scripts/bundles.mjs";
import { gateway, measureGateway } from "./gateway";

// Bundles find better-sqlite3 from where they are: inside the repository.
mkdirSync(root("build"), { recursive: true });
const folder = mkdtempSync(root("build/bench-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bundle = (entry: string) => bundleForNode(entry, join(folder, `${basename(entry, ".ts")}.mjs`));

test("bench gateway measures real processes: every figure, or why it is missing", { timeout: 60_000 }, async () => {
  const { figures, missing, notes } = await measureGateway(bundle, { connections: 8, readings: 800, rounds: 1, units: 5, watched: 2, loadS: 2, samples: 4 });
  expect([...Object.keys(figures), ...Object.keys(missing)].sort()).toEqual(gateway.figures.map(({ name }) => name).sort());
  expect(missing).toMatchObject({ ram_per_device_kb: expect.any(String), dead_slave_ratio: expect.any(String) });
  for (const value of Object.values(figures)) expect(value).toBeGreaterThan(0);
  expect(figures.latency_p99_ms).toBeGreaterThanOrEqual(figures.latency_p50_ms!);
  expect(figures.units_1000_cpu).toBeLessThan(1);
  expect(notes.join("\n")).toMatch(/Where the gateway's time goes during ingest, by self time: .+ in \S+ \d+ %/);
});
