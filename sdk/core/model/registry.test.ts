import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkValue, fromPhysical, Registry, stepsOf, toPhysical, type Value, type Variable, type VariableDefinition } from "./registry";
import { resultName } from "./result";
import { standardVariables } from "./standard-variables";

const good: VariableDefinition = { id: 1024, unit: "W", type: "integer", scale: 0.1, min: -1000, max: 1000, write: "device", about: "A test" };
const define = (change: object): Variable => new Registry({ x: { ...good, ...change } as VariableDefinition }).named("x");
const badArgument = (...parts: string[]) =>
  expect.objectContaining({ code: "bad-argument", fault: "caller", message: expect.stringMatching(new RegExp(parts.join(".*"))) as string });
const check = (variable: Variable, value: unknown) => resultName(checkValue(variable, value as Value));

/** Digits behind the decimal point of each scale. */
const scales = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6];
const unbounded = (scale: number) => define({ scale, min: -Number.MAX_VALUE, max: Number.MAX_VALUE });
/** What a person writes for so many steps: exact in decimals, rounded once to a double. */
const decimal = (steps: number, scale: number) => Number(`${steps}e${Math.round(Math.log10(scale))}`);

describe("DI-1 a definition that is wrong is refused by its variable and field", () => {
  test.each([
    ["id", { id: 0 }],
    ["id", { id: 65536 }],
    ["id", { id: 1.5 }],
    ["id", { id: NaN }],
    ["scale", { scale: undefined }],
    ["scale", { scale: 0.5 }],
    ["scale", { scale: 2 }],
    ["scale", { scale: 0 }],
    ["scale", { scale: -1 }],
    ["scale", { scale: 1e-7 }],
    ["scale", { scale: 1e7 }],
    ["scale", { scale: NaN }],
    ["range", { min: 2, max: 1 }],
    ["range", { min: undefined }],
    ["range", { max: undefined }],
    ["range", { min: NaN }],
    ["range", { type: "float", min: 2, max: 1 }],
    ["max", { type: "text", max: 121 }],
    ["max", { type: "bytes", max: -1 }],
    ["max", { type: "text", max: undefined }],
    ["max", { type: "text", max: 1.5 }],
    ["type", { type: "number" }],
    ["write", { write: "anyone" }],
  ])("%s in %j", (field, change) => {
    expect(() => define(change)).toThrow(badArgument("variable x", field));
  });

  test("an id that another variable has is refused naming both", () => {
    expect(() => new Registry({ first: good, second: good })).toThrow(badArgument("second", "id 1024", "first"));
  });

  test("a name that is not in the registry is refused by name, and found undefined where that is asked for", () => {
    const registry = new Registry(standardVariables);
    expect(() => registry.named("toString")).toThrow(badArgument("toString"));
    expect(registry.byName("constructor")).toBeUndefined();
    expect(registry.byId(999)).toBeUndefined();
    expect(registry.names()).toEqual(Object.keys(standardVariables));
  });
});

describe("DI-1 values in physical units", () => {
  test.each(scales)("scale %d: every whole number of steps comes back from physical units", (scale) => {
    const variable = unbounded(scale);
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 46), max: 2 ** 46 }), (steps) => {
        expect(fromPhysical(variable, toPhysical(variable, steps))).toBe(steps + 0);
      }),
    );
  });

  test.each(scales)("scale %d: a decimal becomes its steps, and is given back as it was written", (scale) => {
    const variable = unbounded(scale);
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (steps) => {
        expect(fromPhysical(variable, decimal(steps, scale))).toBe(steps + 0);
        expect(toPhysical(variable, steps)).toBe(decimal(steps, scale));
      }),
    );
  });

  test("a counter keeps every whole number up to 2^53 - 1", () => {
    const energy = new Registry(standardVariables).named("activeEnergyImport");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value) => {
        expect(fromPhysical(energy, toPhysical(energy, value))).toBe(value);
        expect(check(energy, value)).toBe("done");
      }),
    );
  });

  test("a value between two steps is rounded, and nothing is rounded to -0", () => {
    const power = define({});
    expect(fromPhysical(power, 1.26)).toBe(13);
    expect(Object.is(fromPhysical(power, -0.01), 0)).toBe(true);
    expect(Object.is(fromPhysical(power, -0), 0)).toBe(true);
  });

  test("the bound of a condition on a value that is a whole number of steps is exactly that number", () => {
    fc.assert(
      fc.property(fc.constantFrom(...scales), fc.integer({ min: -1e6, max: 1e6 }), (scale, steps) => {
        expect(stepsOf(unbounded(scale), decimal(steps, scale))).toBe(steps + 0);
      }),
    );
  });

  test("both ends of a range are in the range, whatever the scale", () => {
    fc.assert(
      fc.property(fc.constantFrom(...scales), fc.integer({ min: -1e6, max: 1e6 }), fc.nat(1e6), (scale, low, width) => {
        const variable = define({ scale, min: decimal(low, scale), max: decimal(low + width, scale) });
        expect([low, low + width].map((steps) => check(variable, steps + 0))).toEqual(["done", "done"]);
        expect([low - 1, low + width + 1].map((steps) => check(variable, steps))).toEqual(["outOfRange", "outOfRange"]);
      }),
    );
  });

  test("floats, booleans, texts and bytes are not converted", () => {
    const float = define({ type: "float" });
    const bytes = Uint8Array.of(1);
    expect(fromPhysical(float, 0.123)).toBe(0.123);
    expect(toPhysical(float, 0.123)).toBe(0.123);
    expect(fromPhysical(define({}), "12")).toBe("12");
    expect(fromPhysical(define({ type: "bytes", max: 4 }), bytes)).toBe(bytes);
  });
});

describe("DI-1 what is not of the type or range is refused", () => {
  test("integer: whole numbers in steps only", () => {
    const variable = define({});
    expect([-10_000, 0, 10_000, -0].map((v) => check(variable, v))).toEqual(["done", "done", "done", "done"]);
    expect([10_001, -10_001, 0.5, 2 ** 53].map((v) => check(variable, v))).toEqual(Array(4).fill("outOfRange"));
    expect([NaN, Infinity, -Infinity, "1", true, null, undefined, Uint8Array.of(1), {}].map((v) => check(variable, v))).toEqual(Array(9).fill("wrongType"));
  });

  test("float: any number of the range, never NaN", () => {
    const variable = define({ type: "float", min: -1, max: 1 });
    expect([-1, 1, 0.1, -0, 5e-324].map((v) => check(variable, v))).toEqual(Array(5).fill("done"));
    expect([1.0000000000000002, -1.1, Infinity, -Infinity].map((v) => check(variable, v))).toEqual(Array(4).fill("outOfRange"));
    expect([NaN, "1", false].map((v) => check(variable, v))).toEqual(Array(3).fill("wrongType"));
  });

  test("boolean: true and false only", () => {
    const variable = define({ type: "boolean" });
    expect([true, false, 0, 1, "true", null].map((v) => check(variable, v))).toEqual(["done", "done", "wrongType", "wrongType", "wrongType", "wrongType"]);
  });

  test("text: the bound counts bytes of UTF-8, and a lone surrogate is no text", () => {
    const variable = define({ type: "text", max: 4 });
    expect(["", "abcd", "üü", "€a", "\u{1f50c}"].map((v) => check(variable, v))).toEqual(Array(5).fill("done"));
    expect(["abcde", "üüa", "€€", "\u{1f50c}a"].map((v) => check(variable, v))).toEqual(Array(4).fill("outOfRange"));
    expect(["\ud800", "a\udc00", 5, Uint8Array.of(65)].map((v) => check(variable, v))).toEqual(Array(4).fill("wrongType"));
  });

  test("bytes: a Uint8Array of at most the bound", () => {
    const variable = define({ type: "bytes", max: 2 });
    expect([new Uint8Array(0), new Uint8Array(2), new Uint8Array(3), [1], "ab"].map((v) => check(variable, v))).toEqual([
      "done", "done", "outOfRange", "wrongType", "wrongType",
    ]);
  });
});

test("every variable of the SDK accepts both ends of its own range", () => {
  const registry = new Registry(standardVariables);
  for (const name of registry.names()) {
    const variable = registry.named(name);
    if (variable.type !== "integer" && variable.type !== "float") continue;
    expect([name, check(variable, fromPhysical(variable, variable.min!)), check(variable, fromPhysical(variable, variable.max!))]).toEqual([name, "done", "done"]);
  }
});
