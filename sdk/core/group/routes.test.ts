/** What a unit learns of units further down, and what it passes up: no more than either session permits. */
import { expect, test } from "vitest";
import { SeriesTable } from "../access/series-table";
import { Names, type NameId } from "../model/names";
import { Result } from "../model/result";
import type { Neighbour } from "../neighbour";
import { maxAnnounced, Operation, type Source } from "../wire/session-body";
import { Routes } from "./routes";

const source: Source = { device: 1, service: 2, stakeholder: 3 };

/** Stands for a unit one session away, whose session permits some units below; what is announced to it is noted. */
function neighbour(permitted: readonly NameId[], { isInitiator = false, isOpen = true } = {}) {
  const announced: (readonly NameId[])[] = [];
  const session = { isInitiator, isOpen, mayBeBelow: (unit: NameId) => permitted.includes(unit) };
  return { announced, it: { session, announce: (units: readonly NameId[]) => announced.push(units) } as unknown as Neighbour };
}

function routes({ capacity = 10, parent }: { capacity?: number; parent?: ReturnType<typeof neighbour> } = {}) {
  const series = new SeriesTable(10, new Names());
  const made = new Routes(-1, parent && 0, capacity, series, { withId: (unit) => (unit === 0 ? parent?.it : undefined) });
  const wayTo = (device: NameId) => made.wayOf({ op: Operation.query, source, selector: { variable: 3, device, owner: 9 }, condition: [], function: 1 }, undefined);
  return { made, series, wayTo };
}

test("SP-5 a unit is not taken from a neighbour whose session does not permit it: its way stays", () => {
  const [child, hostile] = [neighbour([11]), neighbour([12])];
  const parent = neighbour([11, 12, 13], { isInitiator: true });
  const { made, wayTo } = routes({ parent });
  made.learn([11], child.it);
  made.learn([11, 12, 13], hostile.it);
  expect([wayTo(11), wayTo(12), wayTo(13)]).toEqual([child.it, hostile.it, parent.it]);
  expect(parent.announced.flat()).toEqual([11, 12]);
});

test("DI-10 the newest announcement holds where both sessions permit the unit, and is not passed up again", () => {
  const [before, after] = [neighbour([11]), neighbour([11])];
  const parent = neighbour([11], { isInitiator: true });
  const { made, wayTo } = routes({ parent });
  made.learn([11], before.it);
  made.learn([11], after.it);
  expect(wayTo(11)).toBe(after.it);
  expect(parent.announced.flat()).toEqual([11]);
});

test("SP-5 the unit above announces nothing here", () => {
  const child = neighbour([11]);
  const parent = neighbour([11, 12], { isInitiator: true });
  const { made, series, wayTo } = routes({ parent });
  made.learn([11], child.it);
  series.enrol(12, 9);
  made.learn([11, 12], parent.it);
  expect([wayTo(11), wayTo(12)]).toEqual([child.it, "here"]);
});

test("no more units are known than there is room for; those that are known may move", () => {
  const all = [11, 12, 13];
  const [child, other] = [neighbour(all), neighbour(all)];
  const parent = neighbour(all, { isInitiator: true });
  const { made, wayTo } = routes({ capacity: 2, parent });
  made.learn(all, child.it);
  expect(all.map(wayTo)).toEqual([child.it, child.it, parent.it]);
  expect(parent.announced.flat()).toEqual([11, 12]);
  made.learn(all, other.it);
  expect(all.map(wayTo)).toEqual([other.it, other.it, parent.it]);
});

test("SP-5 only units that the session above permits are announced there, devices of this unit's included, in parts that fit", () => {
  const units = Array.from({ length: maxAnnounced + 6 }, (_, i) => 100 + i);
  const parent = neighbour([...units, 11], { isInitiator: true });
  const { made, series } = routes({ capacity: 100, parent });
  series.enrol(11, 9);
  series.enrol(12, 9);
  const child = neighbour([...units, 13]);
  made.learn([13, ...units], child.it);
  expect(parent.announced).toEqual([units.slice(0, maxAnnounced), units.slice(maxAnnounced)]);
  parent.announced.length = 0;
  made.announceAll();
  expect(parent.announced.flat()).toEqual([11, ...units]);
});

test("nothing is announced to a unit above whose session is not open", () => {
  const parent = neighbour([11], { isInitiator: true, isOpen: false });
  const { made } = routes({ parent });
  made.announce([11]);
  expect(parent.announced).toEqual([]);
});

test("DI-10 a request does not go back to where it came from", () => {
  const child = neighbour([11]);
  const parent = neighbour([11], { isInitiator: true });
  const { made } = routes({ parent });
  made.learn([11], child.it);
  const selector = { variable: 3, device: 11, owner: 9 };
  const query = { op: Operation.query, source, selector, condition: [], function: 1 } as const;
  expect(made.wayOf(query, child.it)).toBe(Result.unknownLocation);
  expect(made.wayOf(query, parent.it)).toBe(child.it);
});
