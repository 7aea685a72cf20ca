import { expect, test } from "vitest";
import { security } from "./security";

test("every figure of the bench is measured, or it is said why not", () => {
  const { figures, missing } = security.run({ rounds: 1 });
  expect([...Object.keys(figures), ...Object.keys(missing)].sort()).toEqual(security.figures.map(({ name }) => name).sort());
  for (const [name, value] of Object.entries(figures)) expect(value, name).toBeGreaterThan(0);
  for (const why of Object.values(missing)) expect(why).toMatch(/later version/);
});
