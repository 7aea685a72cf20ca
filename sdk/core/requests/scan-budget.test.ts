/** No neighbour keeps the unit busy with questions. */
import { expect, test } from "vitest";
import { ScanBudget } from "./scan-budget";

test("a neighbour that asks for much waits, others and later questions do not", () => {
  const clock = { now: 5000, wallMs: () => 0, monotonicMs: () => clock.now, isSet: () => true };
  const budget = new ScanBudget(clock, 100_000);
  const [greedy, modest] = [{}, {}];
  let scans = 0;
  for (let i = 0; i < 120; i++) {
    if (!budget.allows(greedy)) continue;
    budget.spend(greedy, 99_000);
    scans++;
  }
  expect(scans).toBe(3);
  expect(budget.allows(modest)).toBe(true);
  // 97,000 samples too many: paid back at 100,000 a second.
  clock.now += 970;
  expect(budget.allows(greedy)).toBe(false);
  clock.now += 1;
  expect(budget.allows(greedy)).toBe(true);
  clock.now += 3_600_000;
  budget.spend(greedy, 200_000);
  expect(budget.allows(greedy)).toBe(false);
});
