/** The functions of a query (DI-4) over the samples that its requester may see (DI-11). */
import type { Requester } from "../access/access-control";
import type { Series } from "../access/series-table";
import { boundsOf, Field, QueryFunction, satisfies, type Condition, type QueryFunctionCode } from "../model/instance";
import { grantedDelayS, Right, type Policy } from "../model/policy";
import type { Value, Variable } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { StorePort, Summary } from "../../storage/store-port";

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

/**
 * Runs a query over a series of the given variable.
 * @param untilMs samples from this time on, in whole milliseconds, are passed over
 */
export function evaluateQuery(
  series: Series,
  variable: Variable,
  condition: Condition,
  code: QueryFunctionCode,
  requester: Requester,
  store: StorePort,
  policyOf: (index: number) => Policy,
  untilMs = Infinity,
): QueryAnswer {
  const wholeSteps = variable.type === "integer";
  if (!wholeSteps && variable.type !== "float" && code !== QueryFunction.last && code !== QueryFunction.count) return unsupported;
  const policies = wholeSteps && store.summarise ? plainPolicies(series, requester, policyOf) : undefined;
  const time = boundsOf(condition, Field.time, policies !== undefined);
  const leastMs = Math.max(0, time.least);
  const endMs = Math.min(Math.floor(time.greatest) + 1, untilMs);
  /** Over the samples from a time on that satisfy the condition. */
  const evaluateFrom =
    policies === undefined
      ? (fromMs: number) => visit(series, condition, code, new Sight(series, requester, policyOf), store, fromMs, endMs, wholeSteps)
      : (fromMs: number) => summarise(series, condition, code, policies, store, fromMs, endMs);
  // How far is looked back must not depend on values: the delay that is charged would tell of them.
  const looksBack = code === QueryFunction.last && condition.every((term) => term.field === Field.time);
  return looksBack ? lookBack(evaluateFrom, leastMs, Math.min(endMs, store.newestMs(series.index) + 1)) : evaluateFrom(leastMs);
}

/** Visits each sample. */
function visit(
  series: Series,
  condition: Condition,
  code: QueryFunctionCode,
  sight: Sight,
  store: StorePort,
  fromMs: number,
  endMs: number,
  wholeSteps: boolean,
): QueryAnswer {
  const aggregate = new Aggregate(code);
  const onTime = condition.filter((term) => term.field === Field.time);
  let isDenied = false;
  let delayS = -1;
  let looked = 0;
  store.scan(series.index, fromMs - series.longestDelayS * 1000, endMs, (value, timeMs, policy) => {
    looked++;
    const visible = sight.sees(timeMs, policy);
    if (timeMs < fromMs || !satisfies(onTime, value, timeMs)) return true;
    if (sight.delayS < 0) isDenied = true;
    if (!visible) return true;
    // Counted before the value is looked at: otherwise the delay itself would tell whether a guess was right.
    if (sight.delayS > delayS) delayS = sight.delayS;
    if (satisfies(condition, value, timeMs)) aggregate.add(value, timeMs, policy);
    return true;
  });
  const { count, value, timeMs, policy } = aggregate;
  return { result: resultOf(count, isDenied), value: calculated(code, value, aggregate, wholeSteps), timeMs, policy, delayS, looked };
}

/** Has the store add up whole numbers where each sample is seen or not whatever came before it. */
function summarise(series: Series, condition: Condition, code: QueryFunctionCode, policies: number, store: StorePort, fromMs: number, toMs: number): QueryAnswer {
  const { least, greatest } = boundsOf(condition, Field.value, true);
  const summary = store.summarise!({ series: series.index, policies, fromMs, toMs, least, greatest });
  const { count, looked, hidden } = summary;
  const { value, timeMs, policy } = code === QueryFunction.minimum ? summary.minimum : code === QueryFunction.maximum ? summary.maximum : summary.last;
  return { result: resultOf(count, hidden > 0), value: calculated(code, value, summary, true), timeMs, policy, delayS: looked > hidden ? 0 : -1, looked };
}

function resultOf(count: number, isDenied: boolean): ResultCode {
  return count ? Result.done : isDenied ? Result.denied : Result.noData;
}

/** What is answered where functions are asked for that a variable does not have. */
const unsupported: QueryAnswer = Object.freeze({ result: Result.unsupported, value: 0, timeMs: 0, policy: 0, delayS: -1, looked: 0 });

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

/** What is known of the samples that satisfy a condition, and the one that a function may be answered with. */
class Aggregate implements AddedUp {
  count = 0;
  total = 0;
  pivot = 0;
  squares = 0;
  value: Value = 0;
  timeMs = 0;
  policy = 0;

  constructor(private readonly code: QueryFunctionCode) {}

  add(value: Value, timeMs: number, policy: number): void {
    this.count++;
    if (this.code === QueryFunction.average || this.code === QueryFunction.deviation) this.#addUp(value as number);
    if (this.count > 1 && !this.#displaces(value, timeMs)) return;
    this.value = value;
    this.timeMs = timeMs;
    this.policy = policy;
  }

  /** Whether the answer is of this sample from now on. */
  #displaces(value: Value, timeMs: number): boolean {
    if (this.code === QueryFunction.minimum) return value < this.value;
    if (this.code === QueryFunction.maximum) return value > this.value;
    return timeMs >= this.timeMs;
  }

  #addUp(value: number): void {
    if (this.count === 1) this.pivot = value;
    this.total += value;
    this.squares += (value - this.pivot) * (value - this.pivot);
  }
}

/** Squares of differences from the first value: squares of large values would lose small differences. */
type AddedUp = Pick<Summary, "count" | "total" | "pivot" | "squares">;

/** The value that a function gives: that of the sample it is answered with, or one of all that counted. */
function calculated(code: QueryFunctionCode, value: Value, addedUp: AddedUp, wholeSteps: boolean): Value {
  if (code === QueryFunction.count) return addedUp.count;
  if (code !== QueryFunction.average && code !== QueryFunction.deviation) return value;
  const exact = code === QueryFunction.average ? addedUp.total / addedUp.count : deviationOf(addedUp);
  return wholeSteps ? Math.round(exact) + 0 : exact;
}

/** Of all that counted, not of a sample of more. */
function deviationOf({ count, total, pivot, squares }: AddedUp): number {
  const fromPivot = (total - count * pivot) / count;
  return Math.sqrt(Math.max(0, squares / count - fromPivot * fromPivot));
}
