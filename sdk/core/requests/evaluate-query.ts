/** The functions of a query (DI-4) over the samples that its requester may see (DI-11). */
import type { Requester } from "../access/access-control";
import type { Series } from "../access/series-table";
import { boundsOf, Comparison, Field, QueryFunction, satisfies, type Condition, type QueryFunctionCode } from "../model/instance";
import { grantedDelayS, Right, type Policy } from "../model/policy";
import type { Value, Variable } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { SampleQuery, StorePort, Summary } from "../../storage/store-port";

export interface QueryAnswer {
  /** `done`, `noData`, `unsupported`, or `denied` where nothing that the requester may see matches, and something is hidden. */
  readonly result: ResultCode;
  readonly value: Value;
  /** Time of the sample for last, minimum and maximum; of the newest sample that counted for average and count. */
  readonly timeMs: number;
  /** Policy of that sample. */
  readonly policy: number;
  /** The longest delay among the policies of the samples that the requester saw in the range of time, -1 where there was none. */
  readonly delayS: number;
  /** Samples that were looked at. */
  readonly looked: number;
}

/** Runs a query over a series of the given variable. */
export function evaluateQuery(
  series: Series,
  variable: Variable,
  condition: Condition,
  code: QueryFunctionCode,
  requester: Requester,
  store: StorePort,
  policyOf: (index: number) => Policy,
): QueryAnswer {
  const numeric = variable.type === "integer" || variable.type === "float";
  if (!numeric && code !== QueryFunction.last && code !== QueryFunction.count) return { ...new Aggregate(code).answer(Result.unsupported, false), looked: 0 };
  const onTime = condition.filter((term) => term.field === Field.time);
  const endMs = timeBound(condition, Comparison.below, Infinity);
  const wholeSteps = variable.type === "integer";
  const policies = wholeSteps && store.summarise ? plainPolicies(series, requester, policyOf) : undefined;
  /** Over the samples from a time on that satisfy the condition. */
  const evaluateFrom = (leastMs: number) => {
    const aggregate = new Aggregate(code);
    const { looked, denied } = policies === undefined ? scan(leastMs, aggregate) : summarise(leastMs, policies, aggregate);
    return { ...aggregate.answer(aggregate.count ? Result.done : denied ? Result.denied : Result.noData, wholeSteps), looked };
  };
  const scan = (leastMs: number, aggregate: Aggregate) => {
    const sight = new Sight(series, requester, policyOf);
    let denied = false;
    let looked = 0;
    store.scan(series.index, leastMs - series.longestDelayS * 1000, endMs, (value, timeMs, policy) => {
      looked++;
      const visible = sight.sees(timeMs, policy);
      if (timeMs < leastMs || !satisfies(onTime, value, timeMs)) return true;
      if (sight.delayS < 0) denied = true;
      if (!visible) return true;
      // Counted before the value is looked at: otherwise the delay itself would tell whether a guess was right.
      aggregate.see(sight.delayS);
      if (satisfies(condition, value, timeMs)) aggregate.add(value, timeMs, policy);
      return true;
    });
    return { looked, denied };
  };
  const summarise = (leastMs: number, policies: number, aggregate: Aggregate) => {
    const summary = store.summarise!({ series: series.index, policies, ...wholeBounds(condition, leastMs, endMs) });
    if (summary.looked > summary.hidden) aggregate.see(0);
    if (summary.count) aggregate.take(summary);
    return { looked: summary.looked, denied: summary.hidden > 0 };
  };
  const leastMs = timeBound(condition, Comparison.atLeast, 0);
  // How far is looked back must not depend on values: the delay that is charged would tell of them.
  const looksBack = code === QueryFunction.last && onTime.length === condition.length;
  return looksBack ? lookBack(evaluateFrom, leastMs, Math.min(endMs, store.newestMs(series.index) + 1)) : evaluateFrom(leastMs);
}

/** Bits of the policies of a series whose samples the requester sees, where each is seen or not whatever came before it; undefined where one has a delay. */
function plainPolicies(series: Series, requester: Requester, policyOf: (index: number) => Policy): number | undefined {
  let bits = 0;
  const isOwner = requester.stakeholder === series.owner;
  for (const policy of series.policiesHad) {
    const delayS = isOwner ? 0 : grantedDelayS(policyOf(policy), Right.read, requester.grantee);
    if (delayS > 0 || policy > 31) return undefined;
    if (delayS === 0) bits |= 1 << policy;
  }
  return bits;
}

/** What a condition says of whole numbers and whole milliseconds. */
function wholeBounds(condition: Condition, leastMs: number, endMs: number): Omit<SampleQuery, "series" | "policies"> {
  const time = boundsOf(condition, Field.time, true);
  const { least, greatest } = boundsOf(condition, Field.value, true);
  return { fromMs: Math.max(leastMs, time.least), toMs: Math.min(endMs, time.greatest + 1), least, greatest };
}

/** The last sample is looked for in this time before the end first, then in ever more. */
const firstSpanMs = 60_000;

function lookBack(evaluateFrom: (leastMs: number) => QueryAnswer, leastMs: number, endMs: number): QueryAnswer {
  let looked = 0;
  for (let spanMs = firstSpanMs; ; spanMs *= 16) {
    const answer = evaluateFrom(Math.max(leastMs, endMs - spanMs));
    looked += answer.looked;
    if (answer.result === Result.done || !(endMs - spanMs > leastMs)) return { ...answer, looked };
  }
}

/** The tightest bound that a condition sets on the time with this comparison. */
function timeBound(condition: Condition, comparison: number, otherwise: number): number {
  let bound = otherwise;
  for (const term of condition) {
    if (term.field !== Field.time || term.comparison !== comparison) continue;
    bound = comparison === Comparison.below ? Math.min(bound, term.operand) : Math.max(bound, term.operand);
  }
  return bound;
}

/**
 * Which samples a requester sees. Those whose policy does not grant reading are hidden. A sample whose policy has a delay is seen if it is the first
 * of the series in its interval of that delay, intervals counted from 1970: however the bounds of a query are shifted, and whatever policies
 * came before, what lies between stays hidden.
 */
class Sight {
  /** The delay of the newest sample looked at; -1 where its policy grants nothing. */
  delayS = 0;
  #policy = -1;
  #latestMs = -Infinity;
  readonly #isOwner: boolean;

  constructor(
    series: Series,
    private readonly requester: Requester,
    private readonly policyOf: (index: number) => Policy,
  ) {
    this.#isOwner = requester.stakeholder === series.owner;
  }

  sees(timeMs: number, policy: number): boolean {
    if (this.#isOwner) return true;
    if (policy !== this.#policy) {
      this.#policy = policy;
      this.delayS = grantedDelayS(this.policyOf(policy), Right.read, this.requester.grantee);
    }
    const latestMs = this.#latestMs;
    this.#latestMs = Math.max(timeMs, latestMs);
    if (this.delayS <= 0) return this.delayS === 0;
    const delayMs = this.delayS * 1000;
    // Where a clock was set back, an interval that was left does not begin again.
    return Math.floor(timeMs / delayMs) > Math.floor(latestMs / delayMs);
  }
}

class Aggregate {
  count = 0;
  #sum = 0;
  /** The first value, and the squares of the differences from it: squares of large values would lose small differences. */
  #pivot = 0;
  #squares = 0;
  #value: Value = 0;
  #timeMs = 0;
  #policy = 0;
  #delayS = -1;

  constructor(private readonly code: QueryFunctionCode) {}

  see(delayS: number): void {
    if (delayS > this.#delayS) this.#delayS = delayS;
  }

  add(value: Value, timeMs: number, policy: number): void {
    this.count++;
    if (this.code === QueryFunction.average || this.code === QueryFunction.deviation) this.#addUp(value as number);
    if (this.count > 1 && !this.#displaces(value, timeMs)) return;
    this.#value = value;
    this.#timeMs = timeMs;
    this.#policy = policy;
  }

  /** Whether the answer is of this sample from now on. */
  #displaces(value: Value, timeMs: number): boolean {
    if (this.code === QueryFunction.minimum) return value < this.#value;
    if (this.code === QueryFunction.maximum) return value > this.#value;
    return timeMs >= this.#timeMs;
  }

  #addUp(value: number): void {
    if (this.count === 1) this.#pivot = value;
    this.#sum += value;
    this.#squares += (value - this.#pivot) * (value - this.#pivot);
  }

  /** Takes what a store has added up. */
  take({ count, total, pivot, squares, minimum, maximum, last }: Summary): void {
    const sample = this.code === QueryFunction.minimum ? minimum : this.code === QueryFunction.maximum ? maximum : last;
    this.count = count;
    this.#sum = total;
    this.#pivot = pivot;
    this.#squares = squares;
    this.#value = sample.value;
    this.#timeMs = sample.timeMs;
    this.#policy = sample.policy;
  }

  /** Of all that counted, not of a sample of more. */
  #deviation(): number {
    const fromPivot = this.#sum - this.count * this.#pivot;
    return Math.sqrt(Math.max(0, this.#squares / this.count - (fromPivot / this.count) * (fromPivot / this.count)));
  }

  answer(result: ResultCode, wholeSteps: boolean): Omit<QueryAnswer, "looked"> {
    let value = this.#value;
    if (this.code === QueryFunction.count) value = this.count;
    if (this.code === QueryFunction.average) value = this.#sum / this.count;
    if (this.code === QueryFunction.deviation) value = this.#deviation();
    if (wholeSteps && (this.code === QueryFunction.average || this.code === QueryFunction.deviation)) value = Math.round(value as number) + 0;
    return { result, value, timeMs: this.#timeMs, policy: this.#policy, delayS: this.#delayS };
  }
}
