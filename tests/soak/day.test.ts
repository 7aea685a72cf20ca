/** A day of a sensor on XS in the memory of an ESP32-C3: nothing grows. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/bundles.mjs";
import { noCryptoReason } from "../../targets/xs-host/available";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { runOnXs } from "../../targets/xs-host/run.mjs";

interface Hour {
  readonly hour: number;
  readonly slotBytes: number;
  readonly chunkBytes: number;
  readonly timers: number;
  readonly seconds: number;
  readonly readings: number;
  readonly told: number;
  readonly deviations: number;
  readonly obeyed: number;
  readonly problems: Readonly<Record<string, number>>;
}

describe.skipIf(noCryptoReason)(`a sensor for a day${noCryptoReason ? ` (left out: ${noCryptoReason})` : ""}`, () => {
  test("MU-1 at a sample a second with queries, set-points and a link that is lost, its live heap does not grow, no queue is over its bound and no more is lost than it says", { timeout: 600_000 }, async () => {
    const folder = root("build/tests/soak");
    mkdirSync(folder, { recursive: true });
    const work = mkdtempSync(join(tmpdir(), "ebalance-soak-"));
    try {
      const sdk = await bundle(root("bench/device/bench-sdk.ts"), { outfile: `${folder}/sdk.js` });
      const main = await bundle(root("tests/soak/day-program.ts"), { outfile: `${folder}/day.js`, external: ["../../bench/device/bench-sdk", "./bench-sdk"] });
      const preload = [{ file: sdk, specifier: "../../bench/device/bench-sdk" }, { file: sdk, specifier: "./bench-sdk" }];
      // The home is in the same machine, and opens its session on the same stack.
      const run = await runOnXs({ main, preload, stackSlots: 700, flash: `${work}/flash=65536`, args: ["24"], timeoutMs: 540_000 });
      expect([run.code, run.errors]).toEqual([0, ""]);
      const hours = run.lines.map((line) => JSON.parse(line) as Hour);
      expect(hours.length).toBe(24);
      const [first, last] = [hours[0]!, hours[23]!];
      // While the link is gone for 300 seconds the newest 64 readings wait, and the log says how many were given up; in 40 seconds none is.
      expect(last.seconds + 1 - last.readings).toBe(300 - 64);
      expect(last.problems).toEqual({
        "link to home over bench closed: lost; trying again in 500 ms": 24,
        "outbox is full: 1 readings given up": 1,
        "outbox is full: 100 readings given up": 1,
        "outbox is full: 200 readings given up": 1,
      });
      expect([last.deviations, last.obeyed]).toEqual([24 * 5, 24 * 6]);
      // 49 readings of 5,000 are above what is subscribed to; those without a link reach nobody.
      expect(last.told - last.deviations).toBeGreaterThan(800);
      expect(last.told - last.deviations).toBeLessThanOrEqual((last.seconds / 5000) * 49);
      expect(last.timers).toBeLessThanOrEqual(first.timers);
      for (const { slotBytes, chunkBytes } of hours) expect(slotBytes + chunkBytes).toBeLessThanOrEqual(first.slotBytes + first.chunkBytes + 512);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});
