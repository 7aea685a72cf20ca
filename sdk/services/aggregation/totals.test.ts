/** Sums over two levels (IF-1): a home of two devices and the unit above it, in one process and on a clock of the test. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { DataInterface } from "../../client/data-interface";
import { UnitDriver } from "../../client/unit-driver";
import { Registry } from "../../core/model/registry";
import { standardVariables } from "../../core/model/standard-variables";
import { MemoryStore } from "../../storage/memory-store";
import { Totals } from "./totals";

const owner = "customer";
let nowMs = 0;
let timers: { atMs: number; callback: () => void }[] = [];
let log: string[] = [];
let driver: UnitDriver;
let home: DataInterface;
let totals: Totals;

const ports = {
  clock: { wallMs: () => 1_790_000_000_000 + nowMs, monotonicMs: () => nowMs, isSet: () => true },
  timers: {
    after: (ms: number, callback: () => void) => {
      const timer = { atMs: nowMs + ms, callback };
      timers.push(timer);
      return timer;
    },
    cancel: (timer: unknown) => void (timers = timers.filter((one) => one !== timer)),
  },
  log: (_level: string, line: string) => void log.push(line),
};

/** Lets time pass, promises coming to rest in between. */
async function pass(ms: number): Promise<void> {
  const untilMs = nowMs + ms;
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const due = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
    if (!due) break;
    timers = timers.filter((one) => one !== due);
    nowMs = Math.max(nowMs, due.atMs);
    due.callback();
  }
  nowMs = untilMs;
}

const measure = (device: string, value: number) => new DataInterface(driver.unit, { service: "metering", stakeholder: owner, device }).write({ variable: "activePower", device, owner, value });
const sum = async (functionName: "last" | "count" = "last") => {
  const asked = home.query({ variable: "activePower", device: "home", owner, function: functionName });
  await pass(0);
  const { result, readings } = await asked;
  return readings[0]?.value ?? result;
};

beforeEach(() => {
  [nowMs, timers, log] = [0, [], []];
  driver = new UnitDriver({ id: "home", registry: new Registry(standardVariables) }, { ...ports, crypto: new NodeCrypto(), store: new MemoryStore(100) }, ports.timers);
  for (const device of ["home", "meter", "inverter"]) driver.unit.enrol(device, owner);
  home = new DataInterface(driver.unit, { service: "totals", stakeholder: owner });
  totals = new Totals(home, { device: "home", owner }, [{ device: "meter", owner }, { device: "inverter", owner }], { variable: "activePower", everyMs: 1000 }, ports);
});
afterEach(() => {
  totals.close();
  driver.close();
});

describe("IF-1 what a unit's devices draw together", () => {
  test("is their sum with its sign, each period anew", async () => {
    void measure("meter", 1500.5);
    void measure("inverter", -4000);
    await pass(2000);
    expect(await sum()).toBe(-2499.5);
    void measure("inverter", -1000);
    void measure("meter", 1500);
    await pass(2000);
    expect(await sum()).toBe(500);
  });

  test("is not reported while a part is missing or stale, and the log names it once", async () => {
    void measure("meter", 100);
    await pass(1000);
    expect(log).toEqual([]);
    void measure("meter", 100);
    await pass(1000);
    void measure("meter", 100);
    await pass(2000);
    expect(await sum()).toBe("noData");
    expect(log).toEqual(["totals of home: no sum of activePower without inverter"]);
    void measure("meter", 200);
    void measure("inverter", 1);
    await pass(2000);
    expect(await sum()).toBe(201);
    await pass(10_000);
    const reported = await sum("count");
    await pass(60_000);
    expect(await sum("count")).toBe(reported);
    expect(log.slice(1)).toEqual(["totals of home: no sum of activePower without meter, inverter"]);
  });

  test("leaves no timer and no subscription behind", async () => {
    void measure("meter", 1);
    void measure("inverter", 1);
    await pass(3000);
    totals.close();
    await pass(5000);
    const before = await sum("count");
    await pass(60_000);
    expect(await sum("count")).toBe(before);
    expect(timers).toEqual([]);
  });

  test("a period that is none, and a sum of nothing, are refused", () => {
    const make = (parts: object[], everyMs: number) => () => new Totals(home, { device: "home", owner }, parts as never, { variable: "activePower", everyMs }, ports);
    expect(make([], 1000)).toThrow("there are no parts to sum");
    expect(make([{ device: "meter", owner }], 99)).toThrow("everyMs 99 is not from 100 to 86400000");
  });
});
