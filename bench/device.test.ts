/**
 * What every change costs a device: no figure grows by more than 3 % against `baseline.json` unless that file is changed with it, and no budget is exceeded that is not named there
 * as missed. Instructions are counted exactly, so a change is a change of the code.
 */
import { beforeAll, describe, expect, test } from "vitest";
import baseline from "./baseline.json";
import { figures, quickFigures } from "./device";
import { buildDer, buildSensor, measureOperations, nativeBytes, noChipReason, stackSlots } from "./device/measure";
import { derOrders, runDevice, sensorOrders } from "./device/ram";

const reason = await noChipReason();
const tolerance = 1.03;
const before: Readonly<Record<string, number>> = baseline.figures;
const missed: Readonly<Record<string, string>> = baseline.missed;
/** A figure that grew is measured with `npm run bench -- device` and written down in the same commit. */
const remedy = "npm run bench -- device, and bench/baseline.json in the same commit";
/** The native heap does not depend on the static block. */
const usualNativeBytes = 3600;
const stepBytes = 512;

test("the baseline names as missed the budgets that it exceeds, and no others", () => {
  const exceeded = figures.filter(({ name, target }) => target && before[name] !== undefined && before[name] > target.value).map(({ name }) => name);
  expect(Object.keys(missed).sort()).toEqual(exceeded.sort());
});

describe.skipIf(reason)(`MU-1 the cost of every change on the emulated chip${reason ? ` (left out: ${reason})` : ""}`, () => {
  let measured: Awaited<ReturnType<typeof quickFigures>>;
  beforeAll(async () => {
    measured = await quickFigures();
  }, 180_000);

  test.each(Object.keys(before).filter((name) => !name.endsWith("_min_ram_bytes")))("%s has not grown", (name) => {
    const value = measured.figures[name]!;
    expect(value, `${name} is ${value}, was ${before[name]}: ${remedy}`).toBeLessThanOrEqual(before[name]! * tolerance);
    const target = figures.find((figure) => figure.name === name)?.target;
    if (target && missed[name] === undefined) expect(value, `budget of ${name}`).toBeLessThanOrEqual(target.value);
  });

  test("the same program takes the same instructions in every run", { timeout: 60_000 }, async () => {
    expect((await measureOperations()).instructions).toEqual(measured.operations.instructions);
  });

  test.each([
    { name: "sensor_min_ram_bytes", build: () => buildSensor("bench/device/ram-program.ts"), orders: sensorOrders },
    { name: "der_min_ram_bytes", build: buildDer, orders: derOrders },
  ])("$name: it runs its scenario in the memory that it ran in before", { timeout: 120_000 }, async ({ name, build, orders }) => {
    const { path } = await build();
    const least = before[name]!;
    const staticBytes = Math.floor((least * tolerance - usualNativeBytes) / stepBytes) * stepBytes;
    const run = await runDevice(path, orders, staticBytes, stackSlots);
    expect(run, `with ${staticBytes} bytes: ${remedy}`).toMatchObject({ ok: true });
    expect(staticBytes + nativeBytes(run, staticBytes)).toBeLessThanOrEqual(least * tolerance);
  });

  test("with too little memory it ends with the exit code for that, and starts again", { timeout: 120_000 }, async () => {
    const { path } = await buildSensor("bench/device/ram-program.ts");
    expect((await runDevice(path, sensorOrders, 20_480, stackSlots)).code).toBe(70);
  });
});
