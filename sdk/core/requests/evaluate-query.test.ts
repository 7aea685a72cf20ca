import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MemoryFlash } from "../../storage/memory-flash";
import { MemoryStore } from "../../storage/memory-store";
import { portableRing } from "../../storage/ring/portable-ring";
import type { StorePort } from "../../storage/store-port";
import { requesterOf } from "../access/access-control";
import type { Series } from "../access/series-table";
import { Comparison, Field, QueryFunction, type Condition, type QueryFunctionCode } from "../model/instance";
import { granteeId } from "../model/names";
import { denyAll, type Policy } from "../model/policy";
import { Registry, type Value } from "../model/registry";
import { resultName } from "../model/result";
import { standardVariables } from "../model/standard-variables";
import { evaluateQuery } from "./evaluate-query";

const registry = new Registry(standardVariables);
const [owner, supplier, billing] = [1, 2, 3];
const reader = requesterOf({ device: 0, service: billing, stakeholder: supplier });
const theOwner = requesterOf({ device: 0, service: billing, stakeholder: owner });
const granting = (minDelayS: number): Policy => (minDelayS < 0 ? denyAll : { sequence: 1, entries: [{ rights: 1, minDelayS, grantees: [granteeId(supplier, billing)] }] });

interface Sample {
  readonly value: Value;
  readonly timeMs: number;
  /** Index into the policies. */
  readonly policy: number;
}

/** A series with these samples; `delays` are the policies, -1 for one that grants nothing. */
function seriesOf(samples: readonly Sample[], delays: readonly number[], variable = "activePower", store: StorePort = new MemoryStore(1000)) {
  for (const { value, timeMs, policy } of samples) store.append(0, value, timeMs, policy);
  const series: Series = { variable: registry.named(variable).id, device: 9, owner, index: 0, policy: 0, policySequence: 0, policiesHad: delays.map((_, i) => i), longestDelayS: Math.max(0, ...delays) };
  const policies = delays.map(granting);
  return (code: QueryFunctionCode, condition: Condition = [], requester = reader) => {
    const answer = evaluateQuery(series, registry.named(variable), condition, code, requester, store, (index) => policies[index]!);
    return { ...answer, result: resultName(answer.result) };
  };
}

const term = (field: 1 | 2, comparison: 1 | 2 | 3 | 4 | 5, operand: number) => ({ field, comparison, operand });
const window = (fromMs: number, toMs: number): Condition => [term(Field.time, Comparison.atLeast, fromMs), term(Field.time, Comparison.below, toMs)];
/** Samples at different times, oldest first, whose value says which they are. */
const samplesOf = (times: readonly number[], policy: (i: number) => number = () => 0): Sample[] =>
  [...new Set(times)].sort((a, b) => a - b).map((timeMs, i) => ({ value: i, timeMs, policy: policy(i) }));
const times = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 60 });
const { last, minimum, maximum, average, count } = QueryFunction;

describe("DI-11 what an attacker learns of a series with a minimum delay", () => {
  const bounds = fc.array(fc.tuple(fc.integer({ min: -5000, max: 65_000 }), fc.integer({ min: 0, max: 30_000 })), { minLength: 10, maxLength: 60 });

  test("shifted windows show no more than one sample of each interval of the delay, and it is always the same one", () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 20 }), bounds, fc.constantFrom<(1 | 2 | 3 | 4 | 5)[]>([4, 1], [3, 2], [3, 1], [4, 2]), (at, delayS, windows, [from, to]) => {
        const ask = seriesOf(samplesOf(at), [delayS]);
        const shown = new Map<number, number>();
        for (const [start, length] of windows)
          for (const code of [last, minimum, maximum]) {
            const answer = ask(code, [term(Field.time, from!, start), term(Field.time, to!, start + length)]);
            if (answer.result !== "done") continue;
            const interval = Math.floor(answer.timeMs / (delayS * 1000));
            expect(shown.get(interval) ?? answer.timeMs).toBe(answer.timeMs);
            shown.set(interval, answer.timeMs);
          }
      }),
      { numRuns: 300 },
    );
  });

  test("conditions on the value and exact times cannot pick what lies between either", () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 20 }), (at, delayS) => {
        const samples = samplesOf(at);
        const ask = seriesOf(samples, [delayS]);
        const found = samples.filter((s) => {
          const byTime = ask(last, [term(Field.time, Comparison.equal, s.timeMs)]);
          const byValue = ask(count, [term(Field.value, Comparison.equal, s.value as number)]);
          expect(byTime.result).toBe(byValue.result);
          return byTime.result === "done";
        });
        const intervals = found.map((s) => Math.floor(s.timeMs / (delayS * 1000)));
        expect(new Set(intervals).size).toBe(intervals.length);
      }),
    );
  });

  test("whoever is granted no reading sees nothing, in counts as well, and the owner sees everything", () => {
    fc.assert(
      fc.property(times, (at) => {
        const samples = samplesOf(at);
        const ask = seriesOf(samples, [-1]);
        for (const code of [last, minimum, maximum, average, count]) expect(ask(code)).toMatchObject({ result: "denied", timeMs: 0 });
        expect(ask(count, [], theOwner)).toMatchObject({ result: "done", value: samples.length, delayS: 0 });
      }),
    );
  });

  test("policies that take turns show no more than one sample of each interval of a delay either", () => {
    fc.assert(
      fc.property(times, fc.array(fc.nat(2), { minLength: 60, maxLength: 60 }), (at, turns) => {
        const delays = [5, 7, -1];
        const samples = samplesOf(at, (i) => turns[i]!);
        const ask = seriesOf(samples, delays);
        const seen = new Set<string>();
        for (const s of samples) {
          if (ask(last, [term(Field.time, Comparison.equal, s.timeMs)]).result !== "done") continue;
          const delayS = delays[s.policy]!;
          expect(delayS).toBeGreaterThan(0);
          const interval = `${delayS}/${Math.floor(s.timeMs / (delayS * 1000))}`;
          expect(seen).not.toContain(interval);
          seen.add(interval);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("DI-4 functions over what is visible", () => {
  test("each is what it says over the samples of the grid that satisfy the condition", () => {
    const values = fc.array(fc.tuple(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: -20, max: 20 })), { maxLength: 50 });
    fc.assert(
      fc.property(values, fc.nat(15), fc.integer({ min: -1000, max: 61_000 }), fc.nat(40_000), fc.option(fc.integer({ min: -20, max: 20 }), { nil: undefined }), (list, delayS, from, length, above) => {
        const samples = [...new Map(list).entries()].sort((a, b) => a[0] - b[0]).map(([timeMs, value]) => ({ timeMs, value, policy: 0 }));
        const ask = seriesOf(samples, [delayS]);
        const condition = [...window(from, from + length), ...(above === undefined ? [] : [term(Field.value, Comparison.above, above)])];
        const firsts = samples.filter((s, i) => delayS === 0 || i === 0 || Math.floor(s.timeMs / (delayS * 1000)) !== Math.floor(samples[i - 1]!.timeMs / (delayS * 1000)));
        const seen = firsts.filter((s) => s.timeMs >= from && s.timeMs < from + length && (above === undefined || s.value > above));
        if (!seen.length) {
          for (const code of [last, minimum, maximum, average, count]) expect(ask(code, condition).result).toBe("noData");
          return;
        }
        const newest = seen[seen.length - 1]!;
        const least = seen.reduce((best, s) => (s.value < best.value ? s : best));
        const most = seen.reduce((best, s) => (s.value > best.value ? s : best));
        expect(ask(last, condition)).toMatchObject({ result: "done", value: newest.value, timeMs: newest.timeMs, delayS });
        expect(ask(minimum, condition)).toMatchObject({ value: least.value, timeMs: least.timeMs });
        expect(ask(maximum, condition)).toMatchObject({ value: most.value, timeMs: most.timeMs });
        expect(ask(count, condition)).toMatchObject({ value: seen.length, timeMs: newest.timeMs });
        const mean = seen.reduce((sum, s) => sum + s.value, 0) / seen.length;
        expect(ask(average, condition)).toMatchObject({ value: Math.round(mean) + 0, timeMs: newest.timeMs });
      }),
      { numRuns: 500 },
    );
  });

  test("a policy that changed within a series hides what came under it alone, and the longest delay of what counted holds", () => {
    const samples = [0, 1, 2, 3, 4, 5].map((i) => ({ value: i, timeMs: i * 10_000, policy: [0, 0, 1, 1, 2, 2][i]! }));
    const ask = seriesOf(samples, [0, -1, 5]);
    expect([ask(count), ask(last), ask(minimum)]).toMatchObject([
      { value: 4, delayS: 5 },
      { value: 5, timeMs: 50_000, policy: 2, delayS: 5 },
      { value: 0, policy: 0, delayS: 5 },
    ]);
    expect(ask(count, window(0, 20_000))).toMatchObject({ value: 2, delayS: 0 });
    expect(ask(last, window(20_000, 40_000)).result).toBe("denied");
  });

  test("texts, booleans and bytes have a last one and a count, and no average", () => {
    const alarms = seriesOf([{ value: "a", timeMs: 1, policy: 0 }, { value: "b", timeMs: 2, policy: 0 }], [0], "alarmText");
    expect([alarms(last).value, alarms(count).value]).toEqual(["b", 2]);
    expect([minimum, maximum, average].map((code) => alarms(code).result)).toEqual(["unsupported", "unsupported", "unsupported"]);
    expect(alarms(last, [term(Field.value, Comparison.above, 0)]).result).toBe("noData");
  });

  test("an average of floats is not rounded, one of steps is, and never to -0", () => {
    const float = seriesOf([{ value: 0.5, timeMs: 1, policy: 0 }, { value: 0.25, timeMs: 2, policy: 0 }], [0], "powerFactor");
    expect(float(average).value).toBe(0.375);
    const steps = seriesOf([{ value: -1, timeMs: 1, policy: 0 }, { value: 1, timeMs: 2, policy: 0 }, { value: -1, timeMs: 3, policy: 0 }], [0]);
    expect(Object.is(steps(average).value, 0)).toBe(true);
  });
});

describe("DI-4 the last sample of a long series", () => {
  test("is found without looking through all of it, and wherever it is", () => {
    const hours = fc.array(fc.integer({ min: 0, max: 90_000_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(hours, fc.array(fc.constantFrom(-1, 0, 5, 3600), { minLength: 4, maxLength: 4 }), fc.array(fc.integer({ min: 0, max: 3 })), (at, delays, policies) => {
        const ask = seriesOf(samplesOf(at, (i) => policies[i] ?? 0), delays);
        // Values rise with time, so the greatest that the requester may see is the last one.
        const [found, greatest] = [ask(last), ask(maximum)];
        expect([found.result, found.timeMs]).toEqual([greatest.result, greatest.timeMs]);
      }),
    );
  });

  test("costs the same after an hour as after a year", () => {
    const looked = (hours: number) => {
      const store = new MemoryStore(10_000);
      for (let hour = 0; hour < hours; hour++) store.append(0, hour, hour * 3_600_000, 0);
      let count = 0;
      const counting = { ...store, newestMs: (index: number) => store.newestMs(index), scan: (index: number, from: number, to: number, visit: (...sample: [Value, number, number]) => boolean) => store.scan(index, from, to, (...sample) => (count++, visit(...sample))) };
      const series: Series = { variable: 3, device: 9, owner, index: 0, policy: 0, policySequence: 0, policiesHad: [], longestDelayS: 0 };
      expect(evaluateQuery(series, registry.named("activePower"), [], last, reader, counting as never, () => granting(0)).value).toBe(hours - 1);
      return count;
    };
    expect([looked(10), looked(8760)]).toEqual([1, 1]);
  });
});

describe("DI-4 queries over a ring of flash", () => {
  const ring = () => portableRing(new MemoryFlash(5));
  const everyFunction = Object.values(QueryFunction);

  test("answer as over the store in memory, whether samples are added up in flash or visited", () => {
    const terms = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.constantFrom<1 | 2 | 3 | 4 | 5>(1, 2, 3, 4, 5), fc.integer({ min: 0, max: 59 })), { maxLength: 3 });
    fc.assert(
      fc.property(times, fc.constantFrom([0, -1, 0], [0, 3, -1], [-1, -1, -1]), terms, fc.boolean(), (at, delays, list, asOwner) => {
        const samples = samplesOf(at, (i) => Math.floor(i / 5) % 3);
        const condition = list.map(([field, comparison, operand]) => term(field, comparison, field === Field.time ? operand * 1000 : operand));
        const [inFlash, inMemory] = [seriesOf(samples, delays, "activePower", ring()), seriesOf(samples, delays)];
        for (const code of everyFunction) {
          const answers = [inFlash, inMemory].map((ask) => ({ ...ask(code, condition, asOwner ? theOwner : reader), looked: 0 }));
          expect(answers[0]).toEqual(answers[1]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("DI-11 where the clock was set back, an interval of the delay still shows one sample, always the same; the last is that of the latest time", () => {
    const samples = [0, 10_000, 20_000, 5000, 12_000, 21_000, 8000].map((timeMs, value) => ({ value, timeMs, policy: 0 }));
    const ask = seriesOf(samples, [10], "activePower", ring());
    const shown = new Set<number>();
    for (let fromMs = 0; fromMs <= 21_000; fromMs += 1000)
      for (const code of [last, minimum, maximum]) for (const toMs of [fromMs + 4000, 60_000]) {
          const answer = ask(code, window(fromMs, toMs));
          if (answer.result === "done") shown.add(answer.timeMs);
        }
    expect([...shown].sort((a, b) => a - b)).toEqual([0, 10_000, 20_000]);
    expect(seriesOf(samples, [0], "activePower", ring())(last).timeMs).toBe(21_000);
    // What is no number is visited, and not added up.
    const states = samples.map((sample) => ({ ...sample, value: true }));
    expect(seriesOf(states, [0], "switchState", ring())(last).timeMs).toBe(21_000);
    expect(ask(last).timeMs).toBe(20_000);
  });
});
