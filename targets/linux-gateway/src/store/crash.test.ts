/** What kill -9 and a full disk do to a store: on real processes, under load. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleForNode, root } from "../../../../scripts/bundles.mjs";
import type { GatewayStore } from "./open-store";
import { engines, newFolder, removeFolders, samplesOf } from "./test-stores";
import { policyCount, policyRecord, sampleAt, seriesCount, seriesRecord } from "./written";

const kills = 20;
let writer: string;

beforeAll(async () => {
  mkdirSync(root("build/tests"), { recursive: true });
  writer = await bundleForNode("targets/linux-gateway/src/store/writer-process.ts", root("build/tests/store-writer.mjs"));
});
afterAll(removeFolders);

interface Acknowledged {
  samples: number;
  series: number;
  policies: number;
  lost: number;
}

/** Runs the writer until `enough` says so, then kills it. @returns what it had acknowledged by then */
async function write(folder: string, engine: string, first: number, enough: (acknowledged: Acknowledged, pid: number) => boolean, mostKilobytes?: number) {
  // Files that can grow no more stand for a disk that is full. There the load is lighter, so that it is the same file that it ends with.
  const command = `${mostKilobytes === undefined ? "" : `ulimit -S -f ${mostKilobytes}; `}exec "$0" "$@"`;
  const child = spawn("bash", ["-c", command, process.execPath, writer, folder, engine, String(first), mostKilobytes === undefined ? "0" : "2"], { stdio: ["ignore", "pipe", "pipe"] });
  const acknowledged: Acknowledged = { samples: first, series: 0, policies: 0, lost: 0 };
  let errors = "";
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, samples, series, policies] = line.split(" ");
    if (word === "lost") acknowledged.lost++;
    if (word === "kept") Object.assign(acknowledged, { samples: Number(samples), series: Number(series), policies: Number(policies) });
    if (enough(acknowledged, child.pid!)) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect([child.signalCode, child.exitCode], errors).toEqual(["SIGKILL", null]);
  return { ...acknowledged, errors };
}

/** Everything that was acknowledged is there, in order, as it was, and once. @returns the number of samples that are there */
function check(store: GatewayStore, { samples, series, policies }: Acknowledged): number {
  const found = Array.from({ length: seriesCount }, (_, i) => samplesOf(store, i));
  const kept = found.reduce((sum, one) => sum + one.length, 0);
  expect(kept).toBeGreaterThanOrEqual(samples);
  const expected = Array.from({ length: seriesCount }, (): unknown[] => []);
  for (let number = 0; number < kept; number++) {
    const { series: at, ...sample } = sampleAt(number);
    expected[at]!.push({ value: sample.value, timeMs: sample.timeMs, policy: sample.policy });
  }
  expect(found).toEqual(expected);
  const catalogue = store.catalogue.restore();
  expect(catalogue.series.length).toBeGreaterThanOrEqual(series);
  expect(catalogue.series).toEqual(catalogue.series.map((_, i) => seriesRecord(i)));
  expect(catalogue.policies.length).toBeGreaterThanOrEqual(Math.min(policies, policyCount));
  catalogue.policies.forEach((one, i) => expect(one).toEqual(policyRecord(i + Math.floor((one!.policy.sequence - 1) / policyCount) * policyCount)));
  return kept;
}

function largestFile(folder: string): number {
  return Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size));
}

for (const { name, file, reason, open } of engines)
  describe.skipIf(reason)(`CP-6 the worst that can happen: ${name}${reason && ` (left out: ${reason})`}`, () => {
    test(`killed ${kills} times under load, it has everything that was acknowledged, once`, async () => {
      const folder = newFolder();
      let first = 0;
      for (let i = 0; i < kills; i++) {
        const upTo = first + Math.floor(Math.random() * 4000);
        const acknowledged = await write(folder, name, first, ({ samples }) => samples > upTo);
        const { store, log } = open(folder, 1e7);
        first = check(store, acknowledged);
        store.close();
        // A frame that was being written is torn off: that is the only thing which may be reported.
        expect(log.filter((line) => !line.includes("torn off"))).toEqual([]);
      }
      expect(first).toBeGreaterThan(kills * 500);
    }, 120_000);

    test("where a file can grow no more, nothing is acknowledged that is not kept, and the log says why, once; with room again it goes on", async () => {
      const folder = newFolder();
      const stuck = await write(folder, name, 0, ({ lost }) => lost > 0, 400);
      expect(statSync(join(folder, file)).size).toBeLessThanOrEqual(400 * 1024);
      expect(stuck.samples).toBeGreaterThan(0);
      expect(stuck.errors.match(/error writer: store .*; tried again until it succeeds, and nothing is acknowledged meanwhile/g)).toHaveLength(1);
      const before = open(folder, 1e7);
      const first = check(before.store, stuck);
      before.store.close();

      let stuckAt = 0;
      const freed = await write(
        folder,
        name,
        first,
        ({ lost, samples }, pid) => {
          if (lost && !stuckAt) spawnSync("prlimit", ["--pid", String(pid), "--fsize=unlimited"]);
          if (lost) stuckAt ||= samples;
          return stuckAt > 0 && samples > stuckAt + 5000;
        },
        Math.ceil(largestFile(folder) / 1024) + 400,
      );
      expect(freed.errors).toContain("goes on");
      const after = open(folder, 1e7);
      check(after.store, freed);
      expect(after.log.filter((line) => !line.includes("torn off"))).toEqual([]);
      after.store.close();
    }, 60_000);

    test("a second process is refused by the name of the folder, and the first goes on", async () => {
      const folder = newFolder();
      const child = spawn(process.execPath, [writer, folder, name, "0", "0"], { stdio: ["ignore", "pipe", "inherit"] });
      await once(child.stdout, "data");
      const second = spawn(process.execPath, [writer, folder, name, "0", "0"], { stdio: ["ignore", "ignore", "pipe"] });
      let errors = "";
      second.stderr.on("data", (chunk) => (errors += String(chunk)));
      const [code] = (await once(second, "exit")) as [number];
      expect([code, errors]).toEqual([1, expect.stringContaining("another process uses it")]);
      expect(errors).toContain(folder);
      await once(child.stdout, "data");
      child.kill("SIGKILL");
      await once(child, "exit");
    }, 30_000);
  });
