import { describe, expect, test } from "vitest";
import { GroupCommit } from "./group-commit";
import { ManualTimers } from "./test-stores";

function group() {
  const timers = new ManualTimers();
  const state = { commits: 0, works: true };
  const log: string[] = [];
  const made = new GroupCommit(
    () => {
      state.commits++;
      return state.works;
    },
    timers,
    (_level, line) => log.push(line),
  );
  const told: string[] = [];
  const ask = (name: string) => made.afterCommit((kept) => told.push(`${name} ${kept}`));
  return { group: made, timers, state, told, ask, log };
}

describe("CP-6 group commit", () => {
  test("calls back at once where nothing waits, and sets no timer", () => {
    const { ask, told, timers } = group();
    ask("a");
    expect([told, timers.dueMs]).toEqual([["a true"], Infinity]);
  });

  test("after a quiet time the commit is made at once, and the next 5 ms later; each is told in order after its own", () => {
    const { group: g, timers, state, ask, told } = group();
    timers.nowMs = 1000;
    g.add();
    ask("a");
    g.add();
    ask("b");
    expect([timers.dueMs, told]).toEqual([1000, []]);
    timers.fire();
    expect([state.commits, told]).toEqual([1, ["a true", "b true"]]);
    timers.nowMs = 1002;
    g.add();
    ask("c");
    expect(timers.dueMs).toBe(1005);
    timers.fire();
    expect([state.commits, told]).toEqual([2, ["a true", "b true", "c true"]]);
  });

  test("512 records are committed without waiting, but nobody is told from inside the call that kept the last", () => {
    const { group: g, timers, state, ask, told } = group();
    g.add();
    timers.fire();
    for (let i = 0; i < 511; i++) g.add();
    ask("a");
    expect(state.commits).toBe(1);
    g.add();
    ask("b");
    expect([state.commits, told, timers.dueMs]).toEqual([2, [], timers.nowMs]);
    timers.fire();
    expect([state.commits, told]).toEqual([2, ["a true", "b true"]]);
  });

  test("a failed commit is told as such and tried again a second later, whatever comes meanwhile", () => {
    const { group: g, timers, state, ask, told } = group();
    state.works = false;
    g.add();
    ask("a");
    timers.fire();
    for (let i = 0; i < 2000; i++) g.add();
    ask("b");
    expect([state.commits, told, timers.dueMs]).toEqual([1, ["a false"], timers.nowMs + 1000]);
    state.works = true;
    timers.fire();
    expect([state.commits, told, timers.dueMs]).toEqual([2, ["a false", "b true"], Infinity]);
  });

  test("beyond 8192 nobody is let wait for a disk that takes nothing", () => {
    const { group: g, told, ask } = group();
    g.add();
    for (let i = 0; i < 8192; i++) ask("waits");
    expect(told).toEqual([]);
    ask("a");
    expect(told).toEqual(["a false"]);
  });

  test("who asks while others are told is told after them, and what is kept then waits for the next commit", () => {
    const { group: g, timers, told, ask } = group();
    g.add();
    g.afterCommit(() => {
      told.push("a");
      ask("c");
      g.add();
      ask("d");
    });
    ask("b");
    timers.fire();
    expect(told).toEqual(["a", "b true", "c true"]);
    timers.fire();
    expect(told).toEqual(["a", "b true", "c true", "d true"]);
  });

  test("an action that throws keeps nobody from being told", () => {
    const { group: g, timers, told, ask, log } = group();
    g.add();
    g.afterCommit(() => {
      throw new Error("broken");
    });
    ask("b");
    timers.fire();
    expect([told, log]).toEqual([["b true"], ["after a commit: broken"]]);
  });

  test("closed, it commits a last time, tells everybody and leaves no timer", () => {
    const { group: g, timers, state, told, ask } = group();
    state.works = false;
    g.add();
    ask("a");
    g.close();
    expect([state.commits, told, timers.dueMs]).toEqual([1, ["a false"], Infinity]);
  });
});
