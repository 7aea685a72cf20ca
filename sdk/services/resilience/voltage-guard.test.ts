import { randomFillSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DataInterface } from "../../client/data-interface";
import { NobleCrypto } from "../../core/security/noble-crypto";
import { portableSeal } from "../../core/wire/reading-message";
import { DerWorld } from "../../../tests/conformance/der-world";
import { VoltageGuard, type GuardAction, type GuardSettings } from "./voltage-guard";

const crypto = new NobleCrypto((out) => randomFillSync(out));

/** A home with a DER controller below, whose grid operator runs a guard; at 4 kW the inverter raises the voltage by 6 V above that of the grid. */
class Guarded {
  readonly world = new DerWorld({ crypto, seal: portableSeal(crypto) });
  readonly actions: GuardAction[] = [];
  gridV = 240;
  guard!: VoltageGuard;

  begin(settings: Partial<GuardSettings> = {}, service = "grid"): void {
    const data = new DataInterface(this.world.home, { service, stakeholder: "operator" });
    const ports = {
      clock: { wallMs: () => 1_790_000_000_000 + this.world.nowMs, monotonicMs: () => this.world.nowMs, isSet: () => true },
      timers: { after: (ms: number, callback: () => void) => this.world.after(ms, callback), cancel: (timer: unknown) => this.world.cancel(timer) },
      log: (_level: string, line: string) => void this.world.log.push(line),
    };
    const all = { timeToLiveS: 60, settleMs: 3000, holdMs: 10_000, ...settings };
    this.guard = new VoltageGuard(data, ports, [{ device: "inverter-1", owner: "customer" }], all, (action) => this.actions.push(action));
  }

  /** Lets time pass in steps in which promises come to rest. */
  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < 10 * seconds; i++) {
      const { inverter } = this.world;
      inverter.voltageV = this.gridV + (6 * Math.min(inverter.availableW, 50 * inverter.share)) / 4000;
      this.world.pass(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  get kinds(): string[] {
    return this.actions.map(({ kind, limitShare }) => `${kind} ${limitShare}`);
  }
}

let street: Guarded;
beforeEach(() => {
  street = new Guarded();
  street.world.control();
});
afterEach(() => {
  street.guard.close();
  street.world.close();
});

describe("GR-13 a guard of the voltage", () => {
  test("lowers the limit until the voltage is within its limit, renews it, raises it step by step and releases", async () => {
    street.begin({ raiseShare: 20 });
    await street.pass(5);
    expect(street.kinds).toEqual([]);
    street.gridV = 249;
    await street.pass(30);
    expect(street.kinds[0]).toBe("lower 80");
    expect(street.actions[0]).toMatchObject({ device: "inverter-1", voltageV: 255, result: "done" });
    expect(street.world.inverter.voltageV).toBeLessThanOrEqual(253);
    const lowest = street.actions.at(-1)!.limitShare;
    await street.pass(60);
    expect(street.kinds.filter((kind) => kind.startsWith("renew")).length).toBeGreaterThanOrEqual(2);
    expect(street.world.inverter.share).toBe(lowest);
    street.gridV = 240;
    await street.pass(60);
    const raises = street.kinds.filter((kind) => /^(raise|release)/.test(kind));
    expect(raises.length).toBeGreaterThanOrEqual(2);
    expect(raises.at(-1)).toBe("release 100");
    expect(street.world.inverter.share).toBe(100);
    expect(street.world.last("controllerState")).toBe(1);
    const { length } = street.actions;
    await street.pass(60);
    expect(street.actions).toHaveLength(length);
  });

  test("gives the device time to follow: what is above the limit meanwhile lowers it no further, what still is afterwards does", async () => {
    street.begin({ settleMs: 5000 });
    street.gridV = 249;
    const readings = () => street.world.home.counters.instancesKept;
    await expect.poll(() => street.pass(0.1).then(() => street.kinds), { interval: 0 }).toEqual(["lower 80"]);
    const before = readings();
    await street.pass(4);
    expect(readings()).toBeGreaterThan(before + 4);
    expect(street.kinds).toEqual(["lower 80"]);
    await street.pass(3);
    expect(street.kinds).toHaveLength(2);
  });

  test("does not raise a limit between the two thresholds, nor without a measurement", async () => {
    street.begin();
    street.gridV = 249;
    await street.pass(30);
    const held = street.world.inverter.share;
    await street.pass(60);
    expect(street.world.inverter.share).toBe(held);
    street.gridV = 240;
    street.world.inverter.fault = "silent";
    await street.pass(11);
    street.actions.length = 0;
    await street.pass(60);
    expect(new Set(street.actions.map(({ kind }) => kind))).toEqual(new Set(["renew"]));
  });

  test("takes over a set-point from before its restart, and releases it", async () => {
    street.begin();
    street.gridV = 249;
    await street.pass(10);
    street.guard.close();
    street.gridV = 240;
    street.actions.length = 0;
    await street.pass(3);
    street.begin({ raiseShare: 50 });
    await street.pass(60);
    expect(street.kinds[0]).toMatch(/^adopt \d+$/);
    expect(street.kinds.at(-1)).toBe("release 100");
    expect(street.world.inverter.share).toBe(100);
  });

  test("takes it over too where the policy lets it ask only now and then", async () => {
    street.world.setPoint(30, 600);
    const data = new DataInterface(street.world.home, { service: "slow", stakeholder: "operator" });
    void data.query({ device: "inverter-1", owner: "customer", variable: "powerLimitShare" });
    await street.pass(1);
    street.begin({ raiseShare: 70 }, "slow");
    await street.pass(60);
    expect(street.kinds[0]).toBe("adopt 30");
    expect(street.kinds.at(-1)).toBe("release 100");
    expect(street.world.inverter.share).toBe(100);
  });

  test("asks no more what there is to take over when it is closed", async () => {
    street.world.setPoint(30, 600);
    const data = new DataInterface(street.world.home, { service: "slow", stakeholder: "operator" });
    void data.query({ device: "inverter-1", owner: "customer", variable: "powerLimitShare" });
    await street.pass(1);
    street.begin({}, "slow");
    await street.pass(1);
    street.guard.close();
    await street.pass(20);
    expect(street.actions).toEqual([]);
  });

  test("subscribes again until there is something to subscribe to", async () => {
    street.guard?.close();
    street.world.close();
    street = new Guarded();
    street.begin();
    await street.pass(5);
    street.world.control();
    street.gridV = 249;
    await street.pass(30);
    expect(street.kinds[0]).toBe("lower 80");
  });

  test("says that its writes are denied, and goes on trying without haste", async () => {
    street.begin({}, "watch");
    street.gridV = 249;
    await street.pass(60);
    expect(new Set(street.kinds.map((kind) => kind.split(" ")[0]))).toEqual(new Set(["refused"]));
    expect(street.actions.length).toBeLessThan(8);
    expect(street.actions[0]).toMatchObject({ result: "denied" });
    expect(street.world.inverter.share).toBe(100);
  });

  test("writes again what came too early for the policy", async () => {
    street.begin({ timeToLiveS: 9 }, "slow");
    street.gridV = 251;
    await street.pass(60);
    expect(street.actions.some(({ result }) => result === "tooEarly")).toBe(true);
    expect(street.world.inverter.voltageV).toBeLessThanOrEqual(253);
    expect(street.world.last("controllerState")).toBe(2);
  });

  test("asks for nothing any more when it is closed", async () => {
    street.begin();
    street.gridV = 249;
    await street.pass(10);
    street.guard.close();
    const { length } = street.actions;
    await street.pass(70);
    expect(street.actions).toHaveLength(length);
    expect(street.world.inverter.share).toBe(40);
  });

  test.each([
    [{ timeToLiveS: 2 }, "timeToLiveS 2 is not from 3 to 86400"],
    [{ holdMs: 0 }, "settleMs 3000 and holdMs 0 are not times"],
    [{ limitV: 100 }, "releaseV 250 is not below limitV 100"],
  ])("refuses %j by name", (change, message) => {
    street.begin();
    expect(() => street.begin(change)).toThrow(expect.objectContaining({ code: "bad-argument", message }));
  });
});
