import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundsOf, Comparison, conditionFromText, Field, satisfies, type Condition, type ConditionText } from "./instance";

const same = (value: number) => value;
const number = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true }));
const optional = fc.option(number, { nil: undefined });

describe("DI-4 DI-5 conditions", () => {
  test("all bounds that are given hold together, times from inclusive to exclusive", () => {
    fc.assert(
      fc.property(fc.record({ valueAbove: optional, valueBelow: optional, fromMs: optional, toMs: optional }), number, number, (bounds, value, timeMs) => {
        const expected =
          (bounds.valueAbove === undefined || value > bounds.valueAbove) &&
          (bounds.valueBelow === undefined || value < bounds.valueBelow) &&
          (bounds.fromMs === undefined || timeMs >= bounds.fromMs) &&
          (bounds.toMs === undefined || timeMs < bounds.toMs);
        expect(satisfies(conditionFromText(bounds as ConditionText, same), value, timeMs)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("every comparison of the wire format compares as it says", () => {
    const codes = [Comparison.below, Comparison.atMost, Comparison.above, Comparison.atLeast, Comparison.equal];
    const holds = (left: number) => codes.map((comparison) => satisfies([{ field: Field.value, comparison, operand: 10 }], left, 0));
    expect(holds(9)).toEqual([true, true, false, false, false]);
    expect(holds(10)).toEqual([false, true, false, true, true]);
    expect(holds(11)).toEqual([false, false, true, true, false]);
  });

  test("nothing outside of its bounds satisfies a condition, and every whole number inside does", () => {
    const term = fc.record({ field: fc.constant(Field.value), comparison: fc.constantFrom(...Object.values(Comparison)), operand: number });
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), fc.integer({ min: -7, max: 7 }), number, (condition: Condition, whole, value) => {
        const within = (left: number, isWhole: boolean) => {
          const { least, greatest } = boundsOf(condition, Field.value, isWhole);
          return left >= least && left <= greatest;
        };
        expect(within(whole, true)).toBe(satisfies(condition, whole, 0));
        if (satisfies(condition, value, 0)) expect(within(value, false)).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(boundsOf([{ field: Field.value, comparison: Comparison.equal, operand: 3 }], Field.time, true)).toEqual({ least: -Infinity, greatest: Infinity });
  });

  test("an empty condition holds for everything", () => {
    expect(["a", true, 5, Uint8Array.of(1)].map((value) => satisfies([], value, 0))).toEqual([true, true, true, true]);
  });

  test("a value that is no number satisfies no term on the value, but terms on the time", () => {
    const onValue = conditionFromText({ valueBelow: 10 }, same);
    const onTime = conditionFromText({ toMs: 10 }, same);
    expect(["", "5", true, Uint8Array.of(1)].map((value) => [satisfies(onValue, value, 0), satisfies(onTime, value, 0)])).toEqual(Array(4).fill([false, true]));
  });

  test("bounds are converted to the unit's form, times are not", () => {
    expect(conditionFromText({ valueAbove: 2, fromMs: 7 }, (v) => v * 10)).toEqual([
      { field: Field.value, comparison: Comparison.above, operand: 20 },
      { field: Field.time, comparison: Comparison.atLeast, operand: 7 },
    ]);
  });

  test.each([
    ["valueAbove", NaN, "NaN"],
    ["valueBelow", "ten", "ten"],
    ["fromMs", NaN, "NaN"],
    ["toMs", "now", "now"],
    ["fromMs", null, "null"],
  ])("%s %s is refused by name and value", (name, operand, shown) => {
    const text = { [name]: operand } as unknown as ConditionText;
    expect(() => conditionFromText(text, same)).toThrow(expect.objectContaining({ code: "bad-argument", message: `condition.${name} ${shown} is not a number` }));
  });
});
