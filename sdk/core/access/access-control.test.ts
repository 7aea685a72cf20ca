import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { granteeId } from "../model/names";
import { Right, type Policy, type RightCode } from "../model/policy";
import { resultName } from "../model/result";
import { AccessControl, requesterOf, type Requester } from "./access-control";
import { Names } from "../model/names";
import { SeriesTable, type Series } from "./series-table";

const [customer, supplier, operator] = [1, 2, 3];
const billing = 10;
const requester = (stakeholder: number, service = billing): Requester => requesterOf({ device: 0, service, stakeholder });
const grant = (rights: number, minDelayS: number, ...stakeholders: number[]): Policy => ({
  sequence: 1,
  entries: [{ rights, minDelayS, grantees: stakeholders.map((s) => granteeId(s, billing)) }],
});

function gate(capacity = 100) {
  const world = { nowMs: 1_000_000 };
  const table = new SeriesTable(10, new Names());
  for (let device = 20; device < 30; device++) table.enrol(device, customer);
  const access = new AccessControl({ monotonicMs: () => world.nowMs }, capacity, table);
  const series = (device = 20): Series => table.open({ variable: 3, device, owner: customer })!;
  const ask = (on: Series, policy: Policy, right: RightCode, who: Requester) => resultName(access.decide(on, policy, right, who));
  /** Decides, and notes the access where it may be. */
  const use = (on: Series, delayS: number, who: Requester, right: RightCode = Right.read) => {
    const result = ask(on, grant(3, delayS, who.stakeholder), right, who);
    if (result === "done") access.record(on, right, who, delayS);
    return result;
  };
  return { world, access, series, ask, use };
}

describe("CP-3 data access control", () => {
  test("whoever is not granted the right is denied; the owner needs no grant and no delay", () => {
    const { series, ask } = gate();
    const policy = grant(Right.read, 0, supplier);
    expect(ask(series(), policy, Right.read, requester(supplier))).toBe("done");
    expect(ask(series(), policy, Right.write, requester(supplier))).toBe("denied");
    expect(ask(series(), policy, Right.read, requester(supplier, 11))).toBe("denied");
    expect(ask(series(), policy, Right.read, requester(operator))).toBe("denied");
    expect(ask(series(), grant(Right.read, 3600, supplier), Right.write, requester(customer, 99))).toBe("done");
  });

  test("the boot counts as everybody's last access, for each delay", () => {
    const { world, access, series, ask } = gate();
    const policy = grant(Right.read, 60, supplier);
    world.nowMs += 20_000;
    expect([ask(series(), policy, Right.read, requester(supplier)), access.retryAfterMs]).toEqual(["tooEarly", 40_000]);
    world.nowMs += 39_999;
    expect([ask(series(), policy, Right.read, requester(supplier)), access.retryAfterMs]).toEqual(["tooEarly", 1]);
    world.nowMs += 1;
    expect(ask(series(), policy, Right.read, requester(supplier))).toBe("done");
    expect(ask(series(), grant(Right.read, 61, supplier), Right.read, requester(supplier))).toBe("tooEarly");
  });

  test("a fraction of a millisecond that is left is rounded up, so that asking again then is in time", () => {
    const { world, access, series, ask } = gate();
    const policy = grant(Right.read, 1, supplier);
    world.nowMs += 0.25;
    expect([ask(series(), policy, Right.read, requester(supplier)), access.retryAfterMs]).toEqual(["tooEarly", 1000]);
    world.nowMs += access.retryAfterMs;
    expect(ask(series(), policy, Right.read, requester(supplier))).toBe("done");
  });

  test("delays are apart for each series, stakeholder, service, and for reading and writing", () => {
    const { world, access, series, ask } = gate();
    const policy: Policy = { sequence: 1, entries: [{ rights: 3, minDelayS: 10, grantees: [granteeId(supplier, 10), granteeId(supplier, 11), granteeId(operator, 10)] }] };
    world.nowMs += 10_000;
    access.record(series(), Right.read, requester(supplier), 10);
    expect(ask(series(), policy, Right.read, requester(supplier))).toBe("tooEarly");
    expect(ask(series(), policy, Right.write, requester(supplier))).toBe("done");
    expect(ask(series(), policy, Right.read, requester(supplier, 11))).toBe("done");
    expect(ask(series(), policy, Right.read, requester(operator))).toBe("done");
    expect(ask(series(21), policy, Right.read, requester(supplier))).toBe("done");
  });

  test("a changed delay is counted from the last access", () => {
    const { world, series, use } = gate();
    world.nowMs += 100_000;
    expect(use(series(), 5, requester(supplier))).toBe("done");
    world.nowMs += 5000;
    expect(use(series(), 60, requester(supplier))).toBe("tooEarly");
    world.nowMs += 55_000;
    expect(use(series(), 60, requester(supplier))).toBe("done");
  });

  test("a new policy holds at once for who was asked after before, and so does the old one when it comes back", () => {
    const { world, access, series, ask } = gate();
    const [minute, hour, none, others] = [grant(Right.read, 60, supplier), grant(Right.read, 3600, supplier), grant(Right.read, 0, supplier), grant(Right.read, 0, operator)];
    world.nowMs += 3_600_000;
    access.record(series(), Right.read, requester(supplier), 60);
    world.nowMs += 60_000;
    const results = () => [minute, hour, none, others].map((policy) => ask(series(), policy, Right.read, requester(supplier)));
    expect(results()).toEqual(["done", "tooEarly", "done", "denied"]);
    expect(results()).toEqual(["done", "tooEarly", "done", "denied"]);
    access.record(series(), Right.read, requester(supplier), 60);
    expect(results()).toEqual(["tooEarly", "tooEarly", "done", "denied"]);
  });

  test("an access without a delay is not noted and takes no room", () => {
    const { world, access, series, ask, use } = gate(1);
    world.nowMs += 100_000;
    for (let i = 0; i < 5; i++) access.record(series(), Right.read, requester(supplier, i), 0);
    access.record(series(), Right.read, requester(customer), 60);
    expect(use(series(), 5, requester(operator))).toBe("done");
    expect(ask(series(), grant(Right.read, 0, supplier), Right.read, requester(supplier))).toBe("done");
  });

  test("when there is no room for another record it is busy, until a delay has passed; who has a record already is served", () => {
    const { world, series, use } = gate(2);
    world.nowMs += 100_000;
    expect([use(series(), 10, requester(supplier)), use(series(21), 20, requester(supplier))]).toEqual(["done", "done"]);
    expect(use(series(), 5, requester(operator))).toBe("busy");
    world.nowMs += 9999;
    expect(use(series(), 5, requester(operator))).toBe("busy");
    world.nowMs += 1;
    expect(use(series(), 10, requester(supplier))).toBe("done");
    expect(use(series(), 5, requester(operator))).toBe("busy");
    world.nowMs += 10_000;
    expect(use(series(), 5, requester(operator))).toBe("done");
  });

  test("letting go of records never gives a second access within the delay", () => {
    const action = fc.record({ passMs: fc.nat(3000), device: fc.integer({ min: 20, max: 22 }), who: fc.integer({ min: 2, max: 5 }), right: fc.constantFrom(Right.read, Right.write) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (actions, capacity) => {
        const { world, series, use } = gate(capacity);
        const last = new Map<string, number>();
        for (const { passMs, device, who, right } of actions) {
          world.nowMs += passMs;
          const delayS = who; // one delay for each requester
          const key = `${device}/${who}/${right}`;
          const since = world.nowMs - (last.get(key) ?? 1_000_000);
          const result = use(series(device), delayS, requester(who), right);
          if (since < delayS * 1000) expect(result).toBe("tooEarly");
          else expect(["done", "busy"]).toContain(result);
          if (result === "done") last.set(key, world.nowMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});
