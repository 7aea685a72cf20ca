import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundleForNode, root } from "../scripts/bundles.mjs";
import { gateway, measureGateway } from "./gateway";
import { ingestFigures } from "./gateway/ingest";
import { between } from "./gateway/usage";

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

test("what is used between two moments, and the figures of rounds", () => {
  const used = (messages: number, wallMs: number, cpuMs: number, ranMs: number, wantedMs: number) => between({ messages: 5, wallMs: 100, cpuMs: 10, ranMs: 10, wantedMs: 20, rssMb: 1 }, { messages: 5 + messages, wallMs: 100 + wallMs, cpuMs: 10 + cpuMs, ranMs: 10 + ranMs, wantedMs: 20 + wantedMs, rssMb: 1 });
  expect(used(1000, 500, 100, 400, 490)).toEqual({ messages: 1000, perS: 2000, cpuUs: 100, cpu: 0.2, ran: 0.8, busy: 0.98 });
  const round = (readings: number, plain: number) => ({ gateway: used(readings, 1000, 100, 0, 0), plain: used(plain, 1000, 50, 0, 0) });
  const figures = ingestFigures({ rounds: [round(1000, 4000), round(2000, 4000), round(2500, 10_000)] } as never);
  expect(figures).toEqual({ ingest_ratio: 0.25, ingest_cpu_us: 37.5, ingest_per_s: 2000 });
});
