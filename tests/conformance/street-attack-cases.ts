/** Attacks over two levels that once worked: by a stakeholder with few rights, by another device of the owner's. */
import { policyFromText } from "../../sdk/core/model/policy";
import { Operation, type Item } from "../../sdk/core/wire/session-body";
import { expectEqual, type Case, type Platform } from "./case";
import { onStreet, results } from "./routing-cases";
import type { Street } from "./street";

/** The units of a street with little room: eight places at each neighbour. */
function inNarrowStreet(run: (street: Street) => unknown): (platform: Platform) => unknown {
  return onStreet(run, { maxPending: 8 });
}

export const streetAttackCases: readonly Case[] = [
  {
    name: "DI-7 DI-9 a reader that subscribes to all it can takes no place of others, and ends all that it has",
    run: inNarrowStreet((street) => {
      street.measure(1, 1);
      const told = Array.from({ length: 20 }, () => street.event("lv", "watch", "operator", 1));
      const taken = told.filter((one) => one[0]!.result === "done");
      expectEqual([taken.length, told.length - taken.length], [4, told.filter((one) => one[0]!.result === "busy").length], "a quarter, and busy beyond");
      expectEqual(results(street.set("lv", "grid", "operator", 1, 1000)), [1000], "the set-point of another");
      expectEqual(results(street.query("lv", "grid", "operator", 1)), [1], "the question of another");
      expectEqual(taken.map((one) => street.unsubscribe("lv", "watch", "operator", one.id)), ["done", "done", "done", "done"], "its ends");
      return results(street.event("lv", "watch", "operator", 1));
    }),
  },
  {
    name: "DI-9 subscriptions of a house that is cut off end further on, however full the units are",
    run: inNarrowStreet((street) => {
      street.measure(2, 1);
      const grant = { sequence: 2, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "customer-1", service: "display" }, { stakeholder: "operator", service: "watch" }] }] } as const;
      street.unit("home-2").setDefaultPolicy("customer-2", grant);
      for (let i = 0; i < 6; i++) street.event("meter-1", "display", "customer-1", 2);
      for (let i = 0; i < 6; i++) street.event("lv", "watch", "operator", 2);
      street.cut("home-1");
      street.run();
      street.measure(2, 2);
      street.connect("home-1", "lv");
      street.run();
      street.unit("lv").tick();
      return results(street.event("meter-1", "display", "customer-1", 2));
    }),
  },
  {
    name: "DI-3 another device of the owner's cannot shut anybody out of a series with a policy of its own",
    run: onStreet((street) => {
      const series = (at: Parameters<Street["selector"]>[0]) => street.selector(at, "powerLimit", "home-1", "customer-1");
      const write = (device: string, service: string, stakeholder: string, value: number, policy?: Item["policy"]) =>
        street.ask(device, service, stakeholder, (at) => ({ op: Operation.write, items: [{ ...series(at), value, timeMs: 0, policy }] }));
      expectEqual(results(write("lv", "grid", "operator", 500)), [500], "before");
      const { names } = street.unit("meter-1");
      expectEqual(results(write("meter-1", "display", "customer-1", 0, policyFromText({ sequence: 0x7fffffff, entries: [] }, names))), [0], "the owner's other device");
      expectEqual(results(write("lv", "grid", "operator", 400)), [400], "afterwards");
      return results(street.ask("lv", "grid", "operator", (at) => ({ op: Operation.query, selector: series(at), condition: [], function: 1 })));
    }),
  },
];
