import { expect, test } from "vitest";
import { CircuitBreaker } from "./circuit-breaker";

test("after three silent requests in a row there is a pause; it doubles up to a minute with each further one, and an answer ends it all", () => {
  let nowMs = 1000;
  const breaker = new CircuitBreaker(() => nowMs);
  breaker.silent();
  breaker.silent();
  breaker.answered();
  breaker.silent();
  breaker.silent();
  expect(breaker.pauseLeftMs).toBe(0);
  for (const pauseMs of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    breaker.silent();
    expect(breaker.pauseLeftMs).toBe(pauseMs);
    nowMs += pauseMs - 1;
    expect(breaker.pauseLeftMs).toBe(1);
    nowMs += 1;
    expect(breaker.pauseLeftMs).toBe(0);
  }
  breaker.answered();
  for (let i = 0; i < 3; i++) breaker.silent();
  expect(breaker.pauseLeftMs).toBe(5000);
});
