import { expect, test } from "vitest";
import { Rate, Rates } from "./rate";

const clockAt = () => {
  const clock = { now: 0, wallMs: () => 0, monotonicMs: () => clock.now, isSet: () => false };
  return clock;
};

test("a burst at once after a pause, and so many in a second in the long run", () => {
  const clock = clockAt();
  const rate = new Rate(clock, { perSecond: 10, burst: 4 });
  const took = () => Array.from({ length: 20 }, () => rate.take()).filter(Boolean).length;
  expect(took()).toBe(4);
  let inLongRun = 0;
  for (; clock.now < 10_000; clock.now += 50) inLongRun += took();
  expect(inLongRun).toBeGreaterThanOrEqual(98);
  expect(inLongRun).toBeLessThanOrEqual(100);
  clock.now += 60_000;
  expect(took()).toBe(4);
});

test("each has a bucket of its own, and above the most that are kept the full ones go, or else the oldest", () => {
  const clock = clockAt();
  const rates = new Rates(clock, { perSecond: 1, burst: 1 }, 2);
  expect([rates.take("a"), rates.take("a"), rates.take("b"), rates.take("b")]).toEqual([true, false, true, false]);
  expect([rates.take("c"), rates.take("b"), rates.take("a")]).toEqual([true, false, true]);
  clock.now = 500;
  expect([rates.take("c"), rates.take("a")]).toEqual([false, false]);
  clock.now = 1500;
  expect([rates.take("d"), rates.take("a"), rates.take("d")]).toEqual([true, true, false]);
});
