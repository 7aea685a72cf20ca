import { describe, expect, test } from "vitest";
import { checkVoltageSteps, lowered, raised, voltageSteps } from "./voltage-steps";

describe("GR-13 a step of the limit", () => {
  test.each([
    [100, 253.05, 99],
    [100, 254, 90],
    [90, 254, 80],
    [100, 258, 50],
    [66.6, 254, 56],
    [5, 254, 0],
    [0, 260, 0],
    [100, 400, 0],
  ])("from %d %% at %d V is down to %d %%", (share, voltageV, next) => expect(lowered(share, voltageV, voltageSteps)).toBe(next));

  test("does not go below the least", () => {
    expect(lowered(50, 260, { ...voltageSteps, leastShare: 30 })).toBe(30);
    expect(lowered(20, 260, { ...voltageSteps, leastShare: 30 })).toBe(20);
  });

  test.each([
    [0, 10],
    [85, 95],
    [95, 100],
  ])("from %d %% is up to %d %%", (share, next) => expect(raised(share, voltageSteps)).toBe(next));

  test.each([
    [{ releaseV: 253 }, "releaseV 253 is not below limitV 253"],
    [{ voltsPerPercent: 0 }, "voltsPerPercent 0 is not above 0"],
    [{ leastShare: 101 }, "leastShare 101 is not from 0 to 100"],
    [{ raiseShare: 0 }, "raiseShare 0 is not above 0 and at most 100"],
  ])("refuses %j by name", (change, message) => {
    expect(() => checkVoltageSteps({ ...voltageSteps, ...change })).toThrow(expect.objectContaining({ code: "bad-argument", message }));
  });
});
