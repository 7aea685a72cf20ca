/** Variable instances (DI-1) and what may be asked of them: conditions and functions. */
import { badArgument } from "./errors";
import type { NameId } from "./names";
import type { Value } from "./registry";

/** A series: one variable of one device, owned by one stakeholder. */
export interface SeriesKey {
  readonly variable: number;
  readonly device: NameId;
  readonly owner: NameId;
}

/** One element of a time series inside a unit. The value is in the unit's form (see registry.ts). */
export interface Instance extends SeriesKey {
  readonly value: Value;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  /** Index of the policy in the unit's policy table that held when the instance was written. */
  readonly policy: number;
}

/** Functions of a query (DI-4). Codes are part of the wire format. */
export const QueryFunction = Object.freeze({ last: 1, minimum: 2, maximum: 3, average: 4, count: 5, deviation: 6 } as const);
export type QueryFunctionName = keyof typeof QueryFunction;
export type QueryFunctionCode = (typeof QueryFunction)[QueryFunctionName];

/** Fields and comparisons of a condition. Codes are part of the wire format. */
export const Field = Object.freeze({ value: 1, time: 2 } as const);
export type FieldCode = (typeof Field)[keyof typeof Field];
export const Comparison = Object.freeze({ below: 1, atMost: 2, above: 3, atLeast: 4, equal: 5 } as const);
export type ComparisonCode = (typeof Comparison)[keyof typeof Comparison];

/** One comparison; a condition is a list of them, all of which must hold. */
export interface Term {
  readonly field: FieldCode;
  readonly comparison: ComparisonCode;
  /** In the unit's form for `value`, in milliseconds since 1970 for `time`. */
  readonly operand: number;
}
export type Condition = readonly Term[];

export const maxTerms = 4;

/** A condition as the data interface takes it: physical units; times in milliseconds since 1970-01-01 UTC. All bounds given must hold. */
export interface ConditionText {
  readonly valueAbove?: number;
  readonly valueBelow?: number;
  /** From this time on, inclusive. */
  readonly fromMs?: number;
  /** Before this time, exclusive. */
  readonly toMs?: number;
}

const conditionFields: readonly string[] = Object.freeze(["valueAbove", "valueBelow", "fromMs", "toMs"]);

/** Whether a value and a time satisfy every term. Values that are not numbers satisfy no term on `value`. */
export function satisfies(condition: Condition, value: Value, timeMs: number): boolean {
  for (let i = 0; i < condition.length; i++) {
    const term = condition[i]!;
    const left = term.field === Field.time ? timeMs : value;
    if (typeof left !== "number" || !compare(left, term.comparison, term.operand)) return false;
  }
  return true;
}

function compare(left: number, comparison: ComparisonCode, right: number): boolean {
  if (comparison === Comparison.below) return left < right;
  if (comparison === Comparison.atMost) return left <= right;
  if (comparison === Comparison.above) return left > right;
  if (comparison === Comparison.atLeast) return left >= right;
  return left === right;
}

/**
 * The range outside of which nothing satisfies what a condition says of a field, both ends in it.
 * @param whole the field holds whole numbers alone: then all in the range satisfies it too
 */
export function boundsOf(condition: Condition, field: FieldCode, whole: boolean): { readonly least: number; readonly greatest: number } {
  let least = -Infinity;
  let greatest = Infinity;
  for (const term of condition) {
    if (term.field !== field) continue;
    const { comparison, operand } = term;
    if (comparison === Comparison.above) least = Math.max(least, whole ? Math.floor(operand) + 1 : operand);
    else if (comparison === Comparison.below) greatest = Math.min(greatest, whole ? Math.ceil(operand) - 1 : operand);
    if (comparison === Comparison.atLeast || comparison === Comparison.equal) least = Math.max(least, whole ? Math.ceil(operand) : operand);
    if (comparison === Comparison.atMost || comparison === Comparison.equal) greatest = Math.min(greatest, whole ? Math.floor(operand) : operand);
  }
  return { least, greatest };
}

/** @param toUnitForm converts a physical value into the variable's whole steps without rounding */
export function conditionFromText(text: ConditionText, toUnitForm: (value: number) => number): Condition {
  const terms: Term[] = [];
  for (const name of Object.keys(text)) if (!conditionFields.includes(name)) badArgument(`condition.${name} is not one of ${conditionFields.join(", ")}`);
  const add = (name: string, field: FieldCode, comparison: ComparisonCode, operand: number | undefined) => {
    if (operand === undefined) return;
    if (typeof operand !== "number" || operand !== operand) badArgument(`condition.${name} ${String(operand)} is not a number`);
    terms.push({ field, comparison, operand: field === Field.value ? toUnitForm(operand) : operand });
  };
  add("valueAbove", Field.value, Comparison.above, text.valueAbove);
  add("valueBelow", Field.value, Comparison.below, text.valueBelow);
  add("fromMs", Field.time, Comparison.atLeast, text.fromMs);
  add("toMs", Field.time, Comparison.below, text.toMs);
  return terms;
}
