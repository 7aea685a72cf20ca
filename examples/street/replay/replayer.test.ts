import { expect, test } from "vitest";
import { Replayer } from "./replayer";
import type { Point } from "./series";

const startMs = 1_700_000_000_000;

/** A replay on a clock that the test moves. */
function replay(points: readonly Point[], speed: number, onPoint: (value: number) => void = () => {}) {
  let nowMs = 0;
  const timers: { ms: number; dueMs: number; callback: () => void; cancelled: boolean }[] = [];
  const told: string[] = [];
  const ended: unknown[] = [];
  let left = 0;
  async function* source() {
    try {
      yield* points;
    } finally {
      left++;
    }
  }
  const replayer = new Replayer(source(), {
    clock: { wallMs: () => startMs + Math.floor(nowMs), monotonicMs: () => nowMs, isSet: () => true },
    timers: {
      after: (ms, callback) => timers[timers.push({ ms, dueMs: nowMs + ms, callback, cancelled: false }) - 1],
      cancel: (timer) => ((timer as (typeof timers)[number]).cancelled = true),
    },
    speed,
    onPoint: (value, timeMs) => {
      onPoint(value);
      told.push(`${nowMs}: ${value} of ${timeMs - startMs}`);
    },
    onEnd: (error) => ended.push(error),
  });
  /** Lets what the series has ready come through; nothing waits for time. */
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  /** Lets the timer that is due next go off, so many milliseconds late (or early). */
  const fire = async (lateMs = 0) => {
    await settle();
    const timer = timers.shift()!;
    nowMs = timer.dueMs + lateMs;
    timer.callback();
    await settle();
    return timer.ms;
  };
  return { replayer, timers, told, ended, settle, fire, left: () => left };
}
const points = (...timesS: number[]): Point[] => timesS.map((s, i) => ({ timeMs: 5_000_000 + s * 1000, value: i }));

test("the first point comes at once, each other one when it is due, and gaps keep their length", async () => {
  const { told, ended, fire, settle, left } = replay(points(0, 900, 1800, 7200), 900);
  await settle();
  expect(told).toEqual(["0: 0 of 0"]);
  for (let i = 0; i < 3; i++) await fire();
  expect(told).toEqual(["0: 0 of 0", "1000: 1 of 1000", "2000: 2 of 2000", "8000: 3 of 8000"]);
  expect([ended, left()]).toEqual([[undefined], 1]);
});

test("what comes late delays nothing that follows, and has the time at which it was due", async () => {
  const { told, fire } = replay(points(0, 1, 2, 3, 4), 1);
  expect([await fire(2300), await fire()]).toEqual([1000, 700]);
  expect(told).toEqual(["0: 0 of 0", "3300: 1 of 1000", "3300: 2 of 2000", "3300: 3 of 3000", "4000: 4 of 4000"]);
});

test("a timer that comes early is waited for again: no reading has a time in the future", async () => {
  const { told, fire } = replay(points(0, 1), 1);
  await fire(-0.4);
  expect(told).toHaveLength(1);
  expect(await fire()).toBe(1);
  expect(told[1]).toBe("1000.6: 1 of 1000");
});

test("a gap that is longer than a timer can hold is waited for in parts", async () => {
  const { told, fire } = replay(points(0, 3_000_000), 1);
  expect([await fire(), told.length]).toEqual([0x7fffffff, 1]);
  expect([await fire(), told.length]).toEqual([3_000_000_000 - 0x7fffffff, 2]);
});

test("close ends it: the timer is cancelled, the series is left, nothing more is told", async () => {
  const { replayer, timers, told, ended, settle, left } = replay(points(0, 1, 2), 1);
  await settle();
  replayer.close();
  replayer.close();
  await settle();
  expect([timers.map(({ cancelled }) => cancelled), told.length, ended, left()]).toEqual([[true], 1, [], 1]);
});

test("an error of the series or of whoever takes the points ends it, and is told once", async () => {
  const broken = replay(points(0), 1, () => {
    throw new Error("refused");
  });
  await broken.settle();
  expect([broken.ended, broken.left()]).toEqual([[new Error("refused")], 1]);
  const ended: unknown[] = [];
  async function* failing(): AsyncGenerator<Point> {
    yield* points(0);
    throw new Error("the disk is gone");
  }
  const clock = { wallMs: () => 0, monotonicMs: () => 0, isSet: () => true };
  const told: number[] = [];
  new Replayer(failing(), { clock, timers: { after: () => 0, cancel: () => {} }, speed: 1, onPoint: (value) => told.push(value), onEnd: (error) => ended.push(error) });
  await expect.poll(() => ended).toEqual([new Error("the disk is gone")]);
  expect(told).toEqual([0]);
});
