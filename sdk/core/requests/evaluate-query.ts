/** The functions of a query (DI-4) over the samples that its requester may see (DI-11). */
import type { Requester } from "../access/access-control";
import type { Series } from "../access/series-table";
import { Comparison, Field, QueryFunction, satisfies, type Condition, type QueryFunctionCode } from "../model/instance";
import { grantedDelayS, Right, type Policy } from "../model/policy";
import type { Value, Variable } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { StorePort } from "../../storage/store-port";

export interface QueryAnswer {
  /** `done`, `denied`, `noData` or `unsupported`. */
  readonly result: ResultCode;
  readonly value: Value;
  /** Time of the sample for last, minimum and maximum; of the newest sample that counted for average and count. */
  readonly timeMs: number;
  /** Policy of that sample. */
  readonly policy: number;
  /** The longest delay among the policies of the samples that counted. */
  readonly delayS: number;
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
  const aggregate = new Aggregate(code);
  if (!numeric && code !== QueryFunction.last && code !== QueryFunction.count) return aggregate.answer(Result.unsupported, false);
  const sight = new Sight(series, requester, policyOf);
  let denied = false;
  const fromMs = timeBound(condition, Comparison.atLeast, 0) - series.longestDelayS * 1000;
  store.scan(series.index, fromMs, timeBound(condition, Comparison.below, Infinity), (value, timeMs, policy) => {
    const visible = sight.sees(timeMs, policy);
    if (visible && satisfies(condition, value, timeMs)) aggregate.add(value, timeMs, policy, sight.delayS);
    else if (sight.delayS < 0) denied = true;
    return true;
  });
  if (aggregate.count === 0) return aggregate.answer(denied ? Result.denied : Result.noData, false);
  return aggregate.answer(Result.done, variable.type === "integer");
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
 * Which samples a requester sees. Those whose policy does not grant reading are hidden. Of the others, a grantee with a delay sees the first in
 * each interval of the delay, intervals counted from 1970: however the bounds of a query are shifted, what lies between stays hidden.
 */
class Sight {
  /** The delay of the newest sample looked at; -1 where its policy grants nothing. */
  delayS = 0;
  #policy = -1;
  #interval = -1;
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
    if (this.delayS <= 0) return this.delayS === 0;
    const interval = Math.floor(timeMs / (this.delayS * 1000));
    if (interval === this.#interval) return false;
    this.#interval = interval;
    return true;
  }
}

class Aggregate {
  count = 0;
  #sum = 0;
  #value: Value = 0;
  #timeMs = 0;
  #policy = 0;
  #delayS = 0;

  constructor(private readonly code: QueryFunctionCode) {}

  add(value: Value, timeMs: number, policy: number, delayS: number): void {
    this.count++;
    if (delayS > this.#delayS) this.#delayS = delayS;
    if (this.code === QueryFunction.average) this.#sum += value as number;
    if (this.count > 1 && this.code === QueryFunction.minimum && value >= this.#value) return;
    if (this.count > 1 && this.code === QueryFunction.maximum && value <= this.#value) return;
    this.#value = value;
    this.#timeMs = timeMs;
    this.#policy = policy;
  }

  answer(result: ResultCode, wholeSteps: boolean): QueryAnswer {
    let value = this.#value;
    if (this.code === QueryFunction.count) value = this.count;
    if (this.code === QueryFunction.average) value = wholeSteps ? Math.round(this.#sum / this.count) + 0 : this.#sum / this.count;
    return { result, value, timeMs: this.#timeMs, policy: this.#policy, delayS: this.#delayS };
  }
}
