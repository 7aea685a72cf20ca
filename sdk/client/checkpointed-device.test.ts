/** A device that signs checkpoints, its home, and what may happen between them; on a clock of the test. */
import { afterEach, describe, expect, test } from "vitest";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { CheckpointWorld, type CheckpointWorldOptions } from "../../tests/conformance/checkpoint-world";
import { issuedS } from "../../tests/conformance/credential-world";
import { MemoryStore } from "../storage/memory-store";
import type { CertifiedDevicePlatform } from "./certified-device";
import { openCheckpointedDevice } from "./checkpointed-device";

let world: CheckpointWorld;
afterEach(() => world?.close());

function worldOf(options: CheckpointWorldOptions = {}): CheckpointWorld {
  world = new CheckpointWorld(new NodeCrypto(), options);
  world.pass(5);
  world.measure();
  return world;
}

const hourS = 3600;
/** The world begins a minute after an hour has: the first that is seen whole begins with the next. */
const firstS = issuedS + hourS;
const agreed = (hour: number) => ({ device: "meter", owner: "customer", fromS: firstS + hour * hourS, toS: firstS + (hour + 1) * hourS, differences: [] as unknown[] });

/** A store that loses, or changes, the sample with this value. */
class DishonestStore extends MemoryStore {
  constructor(private readonly meant: number, private readonly becomes: number | undefined) {
    super(4096);
  }

  override append(series: number, value: number, timeMs: number, policy: number) {
    if (value !== this.meant) return super.append(series, value, timeMs, policy);
    return this.becomes === undefined ? ("kept" as const) : super.append(series, this.becomes, timeMs, policy);
  }
}

describe("SP-2 a device with checkpoints", () => {
  test.each(["mac", "encrypt"] as const)("hands one in for each hour that it has seen whole, and the home holds what it says (%s)", (protection) => {
    worldOf({ protection }).pass(3 * hourS);
    expect(world.found).toEqual([agreed(0), agreed(1)]);
    expect(world.held(firstS, firstS + hourS)).toBe(360);
    expect(world.driver.unit.checkpointsOf("meter", 0, Infinity)).toHaveLength(2);
    expect(world.driver.unit.checkpointCounters).toEqual({ taken: 2, differing: 0, refused: 0 });
    expect(world.log).toEqual([]);
  });

  test.each<[string, number | undefined, number]>([["drops", undefined, 359], ["changes", 0, 360]])("shows where its home %s a reading that it has acknowledged", (_what, becomes, held) => {
    worldOf({ homeStore: new DishonestStore(500, becomes) as never }).pass(3 * hourS);
    expect(world.found).toEqual([{ ...agreed(0), differences: [{ variable: 1, device: "meter", said: 360, held }] }, agreed(1)]);
    expect(world.log).toEqual([expect.stringMatching(/^home error what is kept of meter from .* activeEnergyImport: it has 360 samples/)]);
  });

  test("says nothing before the clock is set, nor of the hour in which it was", () => {
    worldOf({ isSet: false }).pass(2 * hourS);
    world.isSet = true;
    world.pass(3 * hourS);
    expect(world.found.map(({ fromS }) => fromS)).toEqual([firstS + 2 * hourS, firstS + 3 * hourS].slice(0, world.found.length));
    expect(world.found.length).toBeGreaterThan(0);
    expect(world.found.every(({ differences }) => differences.length === 0)).toBe(true);
  });

  test("hands in after a lost link what the home has not acknowledged, and after the readings that it is about", () => {
    worldOf().pass(2 * hourS - 400);
    // Readings of the last minutes wait in the outbox when the hour ends.
    world.cut();
    world.pass(500);
    expect(world.found).toEqual([]);
    world.mend();
    world.pass(60);
    expect(world.found).toEqual([agreed(0)]);
    expect(world.log.filter((line) => !line.includes("link to home"))).toEqual([]);
  });

  test("sends it again where the answer was lost: the home takes it once", () => {
    worldOf().pass(2 * hourS - 90);
    let [sent, lost] = [0, 0];
    world.intercept = (to, { length }) => {
      if (to === "home" && length > 150) sent++;
      return to === "meter" && world.found.length === 1 && lost++ === 0;
    };
    world.pass(hourS - 100);
    expect(sent).toBe(2);
    expect(world.found).toEqual([agreed(0)]);
  });

  test("tells of readings that it has itself given up, while its home was out of reach", () => {
    worldOf().pass(2 * hourS - 1800);
    world.cut();
    world.pass(1000);
    world.mend();
    world.pass(1500);
    expect(world.found.map(({ differences }) => differences.map(({ said, held }) => [said, held > 300 && held < 360]))).toEqual([[[360, true]]]);
    expect(world.log.join("\n")).toMatch(/meter warning outbox is full/);
  });

  test("keeps eight while its home is out of reach: the oldest gives way", () => {
    worldOf().pass(hourS);
    world.cut();
    world.pass(11 * hourS);
    world.mend();
    world.pass(120);
    expect(world.found.map(({ fromS }) => (fromS - firstS) / hourS)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(world.log.filter((line) => line.includes("no checkpoint from")).length).toBe(3);
  });

  test("leaves out what its store does not hold whole, or not in order, rather than to say what is not so", () => {
    worldOf({ meterStore: new MemoryStore(300) }).pass(4 * hourS);
    expect(world.found).toEqual([]);
    world.close();
    // As the ring of a device does: what was measured earlier stands behind what was kept before.
    const disordered = new MemoryStore(4096);
    const { scan } = disordered;
    disordered.scan = (series, fromMs, toMs, visit) => {
      const samples: Parameters<typeof visit>[] = [];
      scan.call(disordered, series, fromMs, toMs, (...sample) => samples.push(sample) > 0);
      for (const sample of samples.sort(([a], [b]) => Number(a === 9) - Number(b === 9))) if (!visit(...sample)) return;
    };
    worldOf({ meterStore: disordered }).pass(hourS + 100);
    world.device.write("activeEnergyImport", 9, world.nowMs - 50_000);
    world.pass(2 * hourS);
    expect(world.found.map(({ fromS }) => fromS)).toEqual([firstS + hourS]);
  });

  test("begins anew where the clock is put forward or back", () => {
    worldOf().pass(hourS + 600);
    world.nowMs += 5 * hourS * 1000;
    world.pass(2 * hourS);
    world.nowMs -= 3 * hourS * 1000;
    world.pass(2 * hourS);
    expect(world.found.every(({ differences }) => differences.length === 0)).toBe(true);
  });

  test("needs a store and state, and a time in range", () => {
    const platform = { party: {} } as CertifiedDevicePlatform;
    expect(() => openCheckpointedDevice(platform)).toThrow(/need a platform with a store of what is measured and state that is kept over a restart/);
    for (const checkpointEveryS of [0, 1.5, 86_401, NaN]) expect(() => openCheckpointedDevice(platform, { checkpointEveryS })).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
