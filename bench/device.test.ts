/**
 * What every change costs a device: no figure is more than 3 % away from `baseline.json` unless that file is changed with it, and no budget is exceeded that is not named there as missed.
 * Instructions are counted exactly, so a change is a change of the code. What became cheaper is written down too: else it could grow again unseen.
 */
import { beforeAll, describe, expect, test } from "vitest";
import baseline from "./baseline.json";
import { cryptoFigures, figures, quickFigures } from "./device";
import { measureCrypto, measuredDer, measuredSensor, measureOperations, nativeBytes, noChipReason, tooLittleMemory } from "./device/measure";
import { runDevice } from "./device/ram";

const reason = await noChipReason();
const tolerance = 1.03;
const before: Readonly<Record<string, number>> = baseline.figures;
const missed: Readonly<Record<string, string>> = baseline.missed;
/** A figure that changed is measured with `npm run bench -- device` and written down in the same commit. */
const remedy = "npm run bench -- device, and bench/baseline.json in the same commit";
const stepBytes = 512;
const isOfMemory = (name: string) => name.endsWith("_min_ram_bytes");
const targetOf = (name: string) => figures.find((figure) => figure.name === name)!.target?.value ?? Infinity;

test("the baseline has every figure", () => expect(Object.keys(before).sort()).toEqual(figures.map(({ name }) => name).sort()));

test("what it names as missed is what it exceeds", () => {
  expect(Object.keys(missed).sort()).toEqual(Object.keys(before).filter((name) => before[name]! > targetOf(name)).sort());
});

describe.skipIf(reason)(`MU-1 the cost of every change on the emulated chip${reason ? ` (left out: ${reason})` : ""}`, () => {
  let measured: Awaited<ReturnType<typeof quickFigures>>;
  beforeAll(async () => {
    measured = await quickFigures();
  }, 180_000);

  test.each(figures.filter(({ name }) => !isOfMemory(name)))("$name has not changed", ({ name }) => {
    const value = measured.figures[name]!;
    const what = `${name} is ${value}, was ${before[name]}: ${remedy}`;
    expect(value, what).toBeLessThanOrEqual(before[name]! * tolerance);
    expect(value, what).toBeGreaterThanOrEqual(before[name]! / tolerance);
    if (missed[name] === undefined) expect(value, `budget of ${name}`).toBeLessThanOrEqual(targetOf(name));
    else expect(value, `${name} is not missed any more: ${remedy}`).toBeGreaterThan(targetOf(name));
  });

  test("the same program takes the same instructions in every run", { timeout: 60_000 }, async () => {
    expect((await measureOperations()).instructions).toEqual(measured.operations.instructions);
  });

  test("SP-3 signing, verifying, agreeing and encrypting take no more instructions than the design reckons with", { timeout: 60_000 }, async () => {
    const { instructions } = await measureCrypto();
    const most: Readonly<Record<string, number>> = { sign: 18_800_000, verify: 38_500_000, agree: 18_800_000, encrypt: 40_000 };
    expect(cryptoFigures.map(({ name }) => name)).toEqual(Object.keys(most).map((name) => `${name}_instructions`));
    for (const [name, bound] of Object.entries(most)) {
      expect(instructions[name], name).toBeGreaterThan(0);
      expect(instructions[name], name).toBeLessThan(bound);
    }
  });

  test.each([
    { name: "sensor_min_ram_bytes", device: measuredSensor },
    { name: "der_min_ram_bytes", device: measuredDer },
  ])("$name: it runs its scenario in the memory that it ran in before, and not in less", { timeout: 180_000 }, async ({ name, device }) => {
    const one = await device();
    const least = before[name]!;
    // The native heap does not depend on the static block.
    const ample = await runDevice(one, Math.ceil((least * tolerance) / stepBytes) * stepBytes);
    const native = nativeBytes(ample, Math.ceil((least * tolerance) / stepBytes) * stepBytes);
    const run = await runDevice(one, Math.floor((least * tolerance - native) / stepBytes) * stepBytes);
    expect(run, `${name} has grown: ${remedy}`).toMatchObject({ ok: true });
    const less = await runDevice(one, Math.floor((least / tolerance - native) / stepBytes) * stepBytes);
    expect(less, `${name} is less now: ${remedy}`).toMatchObject({ code: tooLittleMemory });
  });
});
