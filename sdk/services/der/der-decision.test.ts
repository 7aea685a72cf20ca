import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Alarm, checkDerLimits, ControllerState, DerDecision, derLimits, type DerLimits } from "./der-decision";

const limits: DerLimits = { ...derLimits, safeLimitShare: 40, leastLimitShare: 10, gatewayTimeoutMs: 30_000 };
const { off, free, setPoint, safe, fault } = ControllerState;

/** One thing that happens, `[after how many seconds, what, with what]`. */
type Event =
  | readonly [afterS: number, what: "heard" | "gone" | "silent" | "nonsense" | "answers" | "on" | "off" | "nothing"]
  | readonly [afterS: number, what: "ttl", seconds: number, ageS?: number]
  | readonly [afterS: number, what: "found", share: number]
  | readonly [afterS: number, what: "share", share: number, ageS?: number];

/** A decision on a clock of its own. */
class Run {
  nowMs = 5000;
  readonly decision = new DerDecision(limits, this.nowMs);

  happen(event: Event): void {
    this.nowMs += event[0] * 1000;
    const { decision, nowMs } = this;
    switch (event[1]) {
      case "ttl":
        return decision.timeToLive(event[2], (event[3] ?? 0) * 1000, nowMs);
      case "found":
        return decision.found(event[2], nowMs);
      case "share":
        return decision.setPoint(event[2], (event[3] ?? 0) * 1000, nowMs);
      case "heard":
      case "gone":
        return decision.gateway(event[1] === "heard", nowMs);
      case "on":
      case "off":
        return decision.switched(event[1] === "on", nowMs);
      case "silent":
      case "nonsense":
        return decision.inverter(event[1], nowMs);
      case "answers":
        return decision.inverter(undefined, nowMs);
      case "nothing":
        return decision.update(nowMs);
    }
  }

  get seen(): readonly number[] {
    return [this.decision.state, this.decision.limitShare, this.decision.alarms];
  }
}

type Row = readonly [what: string, events: readonly Event[], seen: readonly number[]];
const limited: readonly Event[] = [[0, "heard"], [0, "ttl", 60], [0, "share", 70]];

const rows: readonly Row[] = [
  ["is safe at the start", [], [safe, 40, 0]],
  ["does not raise the limit that the inverter has at the start", [[0, "found", 10], [60, "nothing"]], [safe, 10, Alarm.noGateway]],
  ["nor where the inverter forgets it in a fault", [[0, "found", 0], [1, "silent"], [1, "found", 100], [0, "answers"]], [safe, 0, 0]],
  ["is safe at the start where the inverter has a higher limit", [[0, "found", 90]], [safe, 40, 0]],
  ["is free of the limit from before once the gateway is heard", [[0, "found", 10], [1, "heard"]], [free, 100, 0]],
  ["has its own safe limit once the gateway has been heard", [[0, "found", 10], ...limited, [60, "nothing"]], [safe, 40, 0]],
  ["is free once the gateway is heard and has nothing to say", [[0, "heard"]], [free, 100, 0]],
  ["says that it has never heard the gateway, and stays safe", [[30, "nothing"]], [safe, 40, Alarm.noGateway]],
  ["obeys a set-point", limited, [setPoint, 70, 0]],
  ["obeys the next at once, higher or lower", [...limited, [1, "share", 90]], [setPoint, 90, 0]],
  ["keeps a set-point up to its last second", [...limited, [59, "nothing"]], [setPoint, 70, 0]],
  ["is safe when a set-point runs out", [...limited, [60, "nothing"]], [safe, 40, 0]],
  ["keeps a set-point that is renewed", [...limited, [50, "share", 70], [50, "nothing"]], [setPoint, 70, 0]],
  ["is free when released", [...limited, [1, "ttl", 0]], [free, 100, 0]],
  ["is free when released after a set-point ran out", [...limited, [70, "nothing"], [0, "ttl", 0]], [free, 100, 0]],
  ["obeys the next set-point after one ran out", [...limited, [70, "nothing"], [0, "share", 80]], [setPoint, 80, 0]],
  ["does not shorten a set-point by a time to live for the next", [...limited, [0, "ttl", 5], [10, "nothing"]], [setPoint, 70, 0]],
  ["takes a set-point that was written before for the time that is left", [[0, "ttl", 60, 50], [0, "share", 70, 50], [0, "heard"], [9, "nothing"]], [setPoint, 70, 0]],
  ["is safe when that time has passed", [[0, "ttl", 60, 50], [0, "share", 70, 50], [0, "heard"], [10, "nothing"]], [safe, 40, 0]],
  ["is safe when a set-point from before has run out already", [[0, "ttl", 60, 70], [0, "share", 70, 70], [0, "heard"]], [safe, 40, 0]],
  ["counts the time that is left from a time to live that was renewed alone", [[0, "ttl", 60, 20], [0, "share", 70, 500], [0, "heard"], [39, "nothing"]], [setPoint, 70, 0]],
  ["no longer than that", [[0, "ttl", 60, 20], [0, "share", 70, 500], [0, "heard"], [40, "nothing"]], [safe, 40, 0]],
  ["is free, without an alarm, where a set-point from before was released", [[0, "ttl", 0, 10], [0, "share", 70, 50], [0, "heard"]], [free, 100, 0]],
  ["is free where there is a time to live and never was a set-point", [[0, "ttl", 60, 10], [0, "heard"]], [free, 100, 0]],
  ["is safe where the set-point from before cannot be obeyed", [[0, "ttl", 60, 10], [0, "share", 5, 10], [0, "heard"]], [safe, 40, Alarm.outOfLimits]],
  ["keeps a set-point whose time to live is renewed alone", [...limited, [50, "ttl", 60], [59, "nothing"]], [setPoint, 70, 0]],
  ["up to its end", [...limited, [50, "ttl", 60], [60, "nothing"]], [safe, 40, 0]],
  ["does not take up a set-point that ran out for a time to live alone", [...limited, [60, "ttl", 60]], [safe, 40, 0]],
  ["does not let a set-point from the future live longer", [[0, "ttl", 60], [0, "share", 70, -500], [60, "nothing"]], [safe, 40, 0]],
  ["refuses a set-point that is too low, and keeps what held", [...limited, [0, "share", 9]], [setPoint, 70, Alarm.outOfLimits]],
  ["refuses a set-point above 100 %", [...limited, [0, "share", 101]], [setPoint, 70, Alarm.outOfLimits]],
  ["refuses a set-point without a time to live", [[0, "heard"], [0, "share", 70]], [free, 100, Alarm.outOfLimits]],
  ["clears the alarm with the next set-point", [...limited, [0, "share", 9], [0, "share", 60]], [setPoint, 60, 0]],
  ["keeps a set-point while the gateway is gone for a short time", [...limited, [1, "gone"], [29, "nothing"]], [setPoint, 70, 0]],
  ["is safe when the gateway is gone for long with a set-point in force", [...limited, [1, "gone"], [30, "nothing"]], [safe, 40, Alarm.noGateway]],
  ["stays safe when the gateway is back", [...limited, [1, "gone"], [30, "nothing"], [0, "heard"]], [safe, 40, 0]],
  ["permits no more than a set-point that lives while the gateway is gone", [[0, "heard"], [0, "ttl", 60], [0, "share", 20], [0, "gone"], [30, "nothing"]], [safe, 20, Alarm.noGateway]],
  ["has its own limit when that has run out too", [[0, "heard"], [0, "ttl", 60], [0, "share", 20], [0, "gone"], [60, "nothing"]], [safe, 40, Alarm.noGateway]],
  ["stays free when the gateway is gone without a set-point in force", [[0, "heard"], [1, "gone"], [300, "nothing"]], [free, 100, Alarm.noGateway]],
  ["counts the time that the gateway is gone from the first loss", [[0, "heard"], [0, "gone"], [20, "gone"], [10, "nothing"]], [free, 100, Alarm.noGateway]],
  ["hears the gateway by its set-points", [[0, "heard"], [0, "gone"], [40, "ttl", 60], [0, "share", 70], [0, "heard"]], [setPoint, 70, 0]],
  ["feeds in nothing when it is off", [[0, "heard"], [0, "off"]], [off, 0, 0]],
  ["feeds in nothing when it is off, whatever the set-point", [[0, "off"], ...limited], [off, 0, 0]],
  ["obeys the set-point when it is on again", [...limited, [0, "off"], [0, "on"]], [setPoint, 70, 0]],
  ["is at fault when the inverter is silent", [...limited, [0, "silent"]], [fault, 70, Alarm.silent]],
  ["is at fault when the inverter answers nonsense", [...limited, [0, "silent"], [0, "nonsense"]], [fault, 70, Alarm.nonsense]],
  ["goes on when the inverter answers", [...limited, [0, "silent"], [0, "answers"]], [setPoint, 70, 0]],
  ["is safe after a fault in which the set-point ran out", [...limited, [0, "silent"], [60, "answers"]], [safe, 40, 0]],
];

describe("MU-5 the decision", () => {
  test.each(rows)("%s", (_what, events, seen) => {
    const run = new Run();
    events.forEach((event) => run.happen(event));
    expect(run.seen).toEqual(seen);
  });

  test("is asked again when a time has come, not before", () => {
    const run = new Run();
    expect(run.decision.dueMs).toBe(35_000);
    limited.forEach((event) => run.happen(event));
    expect(run.decision.dueMs).toBe(65_000);
    run.happen([10, "gone"]);
    expect(run.decision.dueMs).toBe(45_000);
    run.happen([60, "nothing"]);
    expect(run.decision.dueMs).toBe(Infinity);
  });

  test.each([
    [[253, 253], 0],
    [[253.1, 230], Alarm.overVoltage],
    [[230, 206.9], Alarm.underVoltage],
    [[260, 200], Alarm.overVoltage | Alarm.underVoltage],
  ] as const)("judges the voltages %j of its phases", ([highest, lowest], alarms) => {
    const { decision } = new Run();
    decision.voltages(highest, lowest);
    expect(decision.alarms).toBe(alarms);
  });

  test("clears an alarm of the voltage only beyond the hysteresis", () => {
    const { decision } = new Run();
    const seen = [254, 251, 250.9, 252.9].map((voltage) => (decision.voltages(voltage, 230), decision.alarms));
    expect(seen).toEqual([1, 1, 0, 0]);
  });

  test.each([
    [{ safeLimitShare: 101 }, "safeLimitShare 101 is not from 0 to 100"],
    [{ leastLimitShare: NaN }, "leastLimitShare NaN is not from 0 to 100"],
    [{ gatewayTimeoutMs: -1 }, "gatewayTimeoutMs -1 is not from 0 to 2147483647"],
    [{ voltageHighV: 200 }, "voltageHighV 200 is not from 207 to 1000"],
    [{ voltageHysteresisV: 50 }, "voltageHysteresisV 50 is not from 0 to 46"],
  ])("refuses %j by name and range", (change, message) => {
    expect(() => checkDerLimits({ ...limits, ...change })).toThrow(expect.objectContaining({ code: "bad-argument", message }));
  });
});

describe("MU-5 whatever happens in whatever order", () => {
  const seconds = fc.integer({ min: 0, max: 90 });
  const event: fc.Arbitrary<Event> = fc.oneof(
    fc.tuple(seconds, fc.constantFrom("heard", "gone", "silent", "nonsense", "answers", "on", "off", "nothing")),
    fc.tuple(seconds, fc.constant("ttl" as const), fc.constantFrom(0, 1, 30, 60, 600), fc.integer({ min: -100, max: 700 })),
    fc.tuple(seconds, fc.constant("found" as const), fc.integer({ min: 0, max: 100 })),
    fc.tuple(seconds, fc.constant("share" as const), fc.integer({ min: -5, max: 105 }), fc.integer({ min: -100, max: 700 })),
  );
  const events = fc.array(event, { maxLength: 30 });

  test("a limit in force is never above a set-point that lives", () => {
    fc.assert(
      fc.property(events, (list) => {
        const run = new Run();
        let timeToLiveMs = 0;
        let live = { share: 100, untilMs: -Infinity };
        for (const one of list) {
          run.happen(one);
          if (one[1] === "ttl") timeToLiveMs = one[2] * 1000;
          if (one[1] === "ttl" && one[2] === 0) live = { share: 100, untilMs: -Infinity };
          const accepted = one[1] === "share" && timeToLiveMs > 0 && one[2] >= limits.leastLimitShare && one[2] <= 100;
          if (accepted) live = { share: one[2], untilMs: run.nowMs + timeToLiveMs - Math.max(0, (one[3] ?? 0) * 1000) };
          for (const afterMs of [0, 1, 60_000]) {
            run.decision.update(run.nowMs + afterMs);
            if (run.nowMs + afterMs < live.untilMs) expect(run.decision.limitShare).toBeLessThanOrEqual(live.share);
          }
          run.nowMs += 60_000;
        }
      }),
    );
  });

  test("without renewal it ends in the safe state, unless it was released, is off or at fault; with no timer but its own", () => {
    fc.assert(
      fc.property(events, (list) => {
        const run = new Run();
        for (const one of [...limited, ...list.filter((e) => e[1] !== "ttl" || e[2] > 0)]) run.happen(one);
        for (const one of [[0, "on"], [0, "answers"]] as const) run.happen(one);
        for (let i = 0; i < 4 && run.decision.dueMs < Infinity; i++) run.decision.update((run.nowMs = run.decision.dueMs));
        expect([run.decision.dueMs, run.decision.state, run.decision.limitShare]).toEqual([Infinity, safe, limits.safeLimitShare]);
      }),
    );
  });
});
