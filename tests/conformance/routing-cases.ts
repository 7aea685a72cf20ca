/** Two levels (DI-6, DI-9, DI-10): every request up and down, and what becomes of it when a link on the way is lost. */
import { expectEqual, type Case, type Platform } from "./case";
import type { ManagementUnit, UnitLimits } from "../../sdk/core/unit";
import { Operation } from "../../sdk/core/wire/session-body";
import { Street } from "./street";

export function onStreet(run: (street: Street) => unknown, limits: Partial<UnitLimits> = {}): (platform: Platform) => unknown {
  return (platform) => {
    const street = new Street(platform, limits);
    try {
      return run(street);
    } finally {
      street.close();
    }
  };
}

export const results = (told: readonly { result: string; value?: unknown }[]) => told.map((t) => (t.value === undefined ? t.result : t.value));

export const routingCases: readonly Case[] = [
  {
    name: "DI-10 a query, an event and a write of the low-voltage unit reach the home of the series two levels down",
    run: onStreet((street) => {
      street.measure(1, 100);
      expectEqual(results(street.query("lv", "grid", "operator", 1)), [100], "query");
      const seen = street.event("lv", "grid", "operator", 1);
      street.measure(1, 200);
      street.measure(2, 300);
      expectEqual(results(seen), ["done", 200], "event");
      const limit = street.event("meter-1", "display", "customer-1", 1, "powerLimit");
      expectEqual(results(street.set("lv", "grid", "operator", 1, 1500)), [1500], "write");
      expectEqual(results(limit), ["done", 1500], "the meter hears of its set-point");
      return results(street.query("lv", "grid", "operator", 2));
    }),
  },
  {
    name: "IF-1 a unit with units below it keeps its own series, and the unit above asks it for them",
    run: onStreet((street) => {
      const series = (at: ManagementUnit) => street.selector(at, "activePower", "home-1", "customer-1");
      const total = street.ask("home-1", "hub", "customer-1", (at) => ({ op: Operation.write, items: [{ ...series(at), value: 42, timeMs: 0, policy: undefined }] }));
      expectEqual([results(total), street.unit("home-1").counters.instancesKept, street.unit("lv").counters.instancesKept], [[42], 1, 0], "kept at home");
      const asked = (service: string, stakeholder: string) => street.ask("lv", service, stakeholder, (at) => ({ op: Operation.query, selector: series(at), condition: [], function: 1 }));
      return [results(asked("grid", "operator")), results(asked("billing", "operator"))];
    }),
  },
  {
    name: "DI-10 a display in one house asks for what is in the other, up and down again; the policy there decides",
    run: onStreet((street) => {
      street.measure(2, 700);
      expectEqual(results(street.query("meter-1", "display", "customer-1", 2)), ["denied"], "no grant");
      const grant = { sequence: 2, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "customer-1", service: "display" }] }] } as const;
      street.unit("home-2").setDefaultPolicy("customer-2", grant);
      street.pass(1);
      street.measure(2, 800);
      expectEqual(results(street.query("meter-1", "display", "customer-1", 2)), [800], "granted");
      return results(street.query("lv", "grid", "operator", 2));
    }),
  },
  {
    name: "DI-6 a periodic subscription notifies the newest instance each period across two levels, and once more only when it has passed",
    run: onStreet((street) => {
      street.measure(1, 1);
      const told = street.periodic("lv", "grid", "operator", 1, 1000);
      expectEqual(results(told), ["done", 1], "at once");
      street.pass(999);
      expectEqual(told.length, 2, "within the period");
      street.pass(1);
      street.measure(1, 2);
      street.pass(1000);
      street.pass(5000);
      expectEqual(results(told), ["done", 1, 1, 2, 2], "once after a long pause");
      expectEqual(street.unsubscribe("lv", "grid", "operator", told.id), "done", "unsubscribe");
      street.pass(3000);
      return told.length;
    }),
  },
  {
    name: "DI-6 a subscriber has one periodic subscription to a series, and a period below 100 ms is refused",
    run: onStreet((street) => {
      street.measure(1, 1);
      const first = street.periodic("lv", "grid", "operator", 1, 1000);
      const other = street.periodic("lv", "watch", "operator", 1, 10_000);
      const second = street.periodic("lv", "grid", "operator", 1, 2000);
      street.pass(1000);
      expectEqual(results(first), ["done", 1, 1], "the first goes on");
      expectEqual(results(second), ["alreadySubscribed"], "the second is refused");
      street.unsubscribe("lv", "grid", "operator", first.id);
      expectEqual(results(street.periodic("lv", "grid", "operator", 1, 2000)), ["done", 1], "once the first has ended");
      expectEqual(results(street.periodic("lv", "grid", "operator", 2, 99)), ["unsupported"], "99 ms");
      return results(other);
    }),
  },
  {
    name: "DI-6 DI-11 the minimum delay holds for periodic notifications, and a policy that ends the grant ends the subscription",
    run: onStreet((street) => {
      street.measure(1, 1);
      const faster = street.periodic("lv", "watch", "operator", 1, 4999);
      expectEqual([faster[0]!.result, faster[0]!.retryAfterMs], ["tooEarly", 5000], "a period below the delay");
      const told = street.periodic("lv", "watch", "operator", 1, 5000);
      for (let s = 0; s < 14; s++) street.pass(1000);
      // The first is due when the home has run for the five seconds of the delay.
      expectEqual(results(told), ["done", 1, 1], "one in five seconds");
      street.unit("home-1").setDefaultPolicy("customer-1", { sequence: 9, entries: [] });
      street.measure(1, 2);
      street.pass(10_000);
      expectEqual(told[told.length - 1]!.result, "denied", "ended");
      return results(told);
    }),
  },
  {
    name: "DI-7 only its subscriber ends a subscription that was passed on",
    run: onStreet((street) => {
      street.measure(1, 4);
      const grid = street.event("lv", "grid", "operator", 1);
      const foreign = street.unsubscribe("lv", "display", "customer-1", grid.id);
      street.measure(1, 5);
      expectEqual(results(grid), ["done", 5], "goes on");
      expectEqual(street.unsubscribe("lv", "grid", "operator", grid.id), "done", "its own");
      street.measure(1, 6);
      expectEqual(results(grid), ["done", 5], "ended");
      return [foreign, street.unsubscribe("lv", "grid", "operator", grid.id)];
    }),
  },
  {
    name: "DI-9 a link that is lost on the way ends what is under way over it, and nothing else",
    run: onStreet((street) => {
      street.measure(2, 3);
      const other = street.event("meter-1", "display", "customer-1", 1);
      const across = street.event("meter-1", "display", "customer-1", 2);
      const down = street.event("lv", "grid", "operator", 2);
      street.cut("home-2");
      street.run();
      expectEqual(results(down), ["done", "linkLost"], "at the low-voltage unit");
      street.measure(1, 4);
      expectEqual(results(other), ["done", 4], "the other house");
      expectEqual(results(street.query("lv", "grid", "operator", 2)), ["linkLost"], "while it is away");
      street.connect("home-2", "lv");
      street.run();
      street.measure(2, 9);
      expectEqual(results(street.query("lv", "grid", "operator", 2)), [9], "after it is back");
      return results(across);
    }),
  },
  {
    name: "DI-9 whoever subscribed through others and is gone leaves nothing behind",
    run: onStreet((street) => {
      const grant = { sequence: 2, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "customer-1", service: "display" }] }] } as const;
      street.unit("home-2").setDefaultPolicy("customer-2", grant);
      street.measure(2, 1);
      const told = street.event("meter-1", "display", "customer-1", 2);
      const sent = () => street.unit("lv").counters.received;
      street.pass(10);
      const before = sent();
      street.measure(2, 2);
      expectEqual(sent() - before, 1, "one notification passes the low-voltage unit");
      street.cut("home-1");
      street.run();
      const after = sent();
      street.measure(2, 3);
      expectEqual(sent() - after, 0, "none once nobody listens");
      return results(told);
    }),
  },
  {
    name: "SP-1 a unit is announced only where the session permits it, and passes on only whom the session names",
    run: onStreet((street) => {
      street.measure(2, 1);
      // home-1 says that meter-2 is below it: its session with the low-voltage unit does not permit that.
      street.unit("home-1").enrol("meter-2", "customer-2");
      street.run();
      expectEqual(results(street.query("lv", "grid", "operator", 2)), [1], "still the other house");
      const foreign = street.query("meter-1", "metering", "customer-1", 2);
      return results(foreign);
    }),
  },
  {
    name: "DI-10 a write that names units in different places is refused whole",
    run: onStreet((street) => {
      const told = street.ask("lv", "grid", "operator", (at) => ({
        op: 1,
        items: [1, 2].map((n) => ({ ...street.selector(at, "powerLimit", `meter-${n}`, `customer-${n}`), value: 1, timeMs: 0, policy: undefined })),
      }));
      return [results(told), results(street.query("lv", "grid", "operator", 1, "powerLimit"))];
    }),
  },
];
