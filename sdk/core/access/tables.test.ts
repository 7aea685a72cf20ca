import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Names } from "../model/names";
import { denyAll, policyFromText } from "../model/policy";
import { NobleCrypto } from "../security/noble-crypto";
import { denyAllIndex, PolicyTable } from "./policy-table";
import { SeriesTable } from "./series-table";

const names = new Names();
const policy = (sequence: number) => policyFromText({ sequence, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "a", service: "b" }] }] }, names);

function policies(capacity: number) {
  const used = new Set<number>();
  const crypto = new NobleCrypto((out) => randomFillSync(out));
  const table = new PolicyTable(names, crypto, capacity, [{ policiesInUse: (use) => used.forEach((index) => use(index)) }]);
  /** Adds a policy that nothing refers to afterwards. */
  const passing = (sequence: number) => {
    const index = table.add(policy(sequence), 1);
    table.settle();
    return index;
  };
  return { table, used, passing };
}

describe("SP-2 the policy table", () => {
  test("starts with the policy that grants nothing, which never gives way", () => {
    const { table, passing } = policies(2);
    for (let i = 1; i < 10; i++) passing(i);
    expect(table.get(denyAllIndex)).toEqual(denyAll);
  });

  test("keeps a policy once, however often it is added, and finds it by its hash", () => {
    const { table } = policies(10);
    const index = table.add(policy(1), 1);
    expect([table.add(policy(1), 1), table.find(table.hash(index))]).toEqual([index, index]);
    expect(table.get(index)).toEqual(policy(1));
    expect(table.find(new Uint8Array(8))).toBe(-1);
  });

  test("makes room by letting go of what nothing refers to, and of nothing else", () => {
    const { table, used, passing } = policies(4);
    const inUse = passing(1);
    const hash = table.hash(inUse);
    used.add(inUse);
    const dropped = table.hash(passing(2));
    passing(3);
    expect(passing(4)).toBeGreaterThan(0);
    expect([table.find(hash), table.get(inUse).sequence, table.find(dropped)]).toEqual([inUse, 1, -1]);
  });

  test("is full when everything is in use, says so, and takes more when something is free again", () => {
    const { table, used, passing } = policies(3);
    const first = passing(1);
    used.add(first).add(passing(2));
    expect([passing(3), table.get(first).sequence]).toEqual([-1, 1]);
    used.delete(first);
    expect(passing(3)).toBe(first);
  });

  test("what was added for a request stays until the request is settled", () => {
    const { table } = policies(3);
    const held = table.add(policy(1), 1);
    expect([table.add(policy(2), 1) >= 0, table.add(policy(3), 1)]).toEqual([true, -1]);
    expect(table.get(held).sequence).toBe(1);
    table.settle();
    expect(table.add(policy(3), 1)).toBeGreaterThan(0);
  });

  test("what was found by its hash for a request stays until the request is settled", () => {
    const { table, passing } = policies(2);
    const hash = table.hash(passing(1)).slice();
    const found = table.find(hash);
    table.add(policy(2), 1);
    expect(table.find(hash)).toBe(found);
    expect(table.get(found).sequence).toBe(1);
  });

  test("an index that is in use means the same policy for ever, whatever else is added", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ sequence: fc.integer({ min: 1, max: 12 }), keep: fc.boolean(), forget: fc.option(fc.nat(11), { nil: undefined }) }), { maxLength: 60 }), (steps) => {
        const { table, used, passing } = policies(5);
        const expected = new Map<number, number>();
        for (const { sequence, keep, forget } of steps) {
          const index = passing(sequence);
          if (index > 0 && keep) {
            used.add(index);
            expected.set(index, sequence);
          }
          const gone = forget === undefined ? undefined : [...used][forget];
          if (gone !== undefined) {
            used.delete(gone);
            expected.delete(gone);
          }
          for (const [i, s] of expected) expect(table.get(i).sequence).toBe(s);
        }
      }),
    );
  });
});

describe("the series table", () => {
  const key = (variable: number, device = 1, owner = 2) => ({ variable, device, owner });

  test("DI-1 opens series of an enrolled device and its owner alone", () => {
    const table = new SeriesTable(10, new Names());
    table.enrol(1, 2);
    expect(table.open(key(3))).toMatchObject({ variable: 3, device: 1, owner: 2, index: 0, policy: denyAllIndex, policySequence: 0 });
    expect([table.open(key(3, 1, 9)), table.open(key(3, 9, 2)), table.all().length]).toEqual([undefined, undefined, 1]);
  });

  test("numbers its series densely, gives the same one again, and takes no more than its bound", () => {
    const table = new SeriesTable(2, new Names());
    table.enrol(1, 2);
    const [first, second] = [table.open(key(3)), table.open(key(4))];
    expect([first?.index, second?.index, table.open(key(5))]).toEqual([0, 1, undefined]);
    expect([table.open(key(3)), table.find(key(4)), table.find(key(5))]).toEqual([first, second, undefined]);
  });

  test("a preview makes nothing", () => {
    const table = new SeriesTable(1, new Names());
    table.enrol(1, 2);
    expect(table.preview(key(3)).index).toBe(0);
    expect([table.find(key(3)), table.all().length]).toEqual([undefined, 0]);
  });

  test("series with any ids are kept apart", () => {
    const id = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 32764, max: 32767 }));
    const anyKey = fc.record({ variable: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(65535)), device: id, owner: id });
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 30 }), (keys) => {
        const table = new SeriesTable(100, new Names());
        for (const k of keys) {
          table.enrol(k.device, k.owner);
          table.open(k);
        }
        const distinct = new Set(keys.map((k) => `${k.variable}/${k.device}/${k.owner}`));
        expect(table.all().length).toBe(distinct.size);
        for (const k of keys) expect(table.find(k)).toMatchObject(k);
      }),
    );
  });

  test("DI-3 the owner's default holds for new series, and one owner's default for no other", () => {
    const table = new SeriesTable(10, new Names());
    table.enrol(1, 2);
    table.enrol(5, 6);
    table.setDefaultPolicy(2, 7);
    expect([table.open(key(3))?.policy, table.open(key(3, 5, 6))?.policy]).toEqual([7, denyAllIndex]);
  });

  test("DI-3 a changed default holds for series that the owner never gave a policy", () => {
    const table = new SeriesTable(10, new Names());
    table.enrol(1, 2);
    table.setDefaultPolicy(2, 7);
    const series = table.open(key(3))!;
    const own = table.open(key(4))!;
    own.policy = 9;
    own.policySequence = 1;
    table.setDefaultPolicy(2, 8);
    expect([series.policy, own.policy]).toEqual([8, 9]);
  });

  test("names the policies in force and the defaults as in use", () => {
    const table = new SeriesTable(10, new Names());
    table.enrol(1, 2);
    Object.assign(table.open(key(3))!, { policy: 5, policySequence: 1 });
    table.setDefaultPolicy(2, 7);
    const used: number[] = [];
    table.policiesInUse((index) => used.push(index));
    expect(used.sort()).toEqual([5, 7]);
  });
});
