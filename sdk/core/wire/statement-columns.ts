/**
 * A batch of one series as columns: its values, as the first and the difference from one to the next where they are whole, and its times, as the first, the step and what each is off the
 * line. Which batches stand as columns, and every number in them, follows from the instances: a batch has one encoding.
 */
import { malformed } from "../model/errors";
import type { Policy, PolicyEntry } from "../model/policy";
import type { Value, ValueType } from "../model/registry";
import * as cbor from "./cbor";
import { readValue } from "./read-body";
import type { ReadContext } from "./session-body";
import { maxStatementItems, maxTimeMs, type StatementItem } from "./statement-body";
import { writeValue } from "./write-body";

type Registry = ReadContext["registry"];

/** Whether instances stand as columns: several of one series under one policy, whose values are all whole, with differences below 2^53, or none of them is. */
export function areColumns(items: readonly StatementItem[], registry: Registry): boolean {
  const first = items[0]!;
  if (items.length < 2 || !items.every((item) => isOfSeries(item, first))) return false;
  const type = registry.byId(first.variable)?.type;
  const whole = items.filter((item) => isWhole(item.value, type)).length;
  return whole === 0 || (whole === items.length && items.every((item, i) => i === 0 || Number.isSafeInteger((item.value as number) - (items[i - 1]!.value as number))));
}

function isOfSeries(item: StatementItem, first: StatementItem): boolean {
  return item.variable === first.variable && item.device === first.device && item.owner === first.owner && samePolicy(item.policy, first.policy);
}

function samePolicy(a: Policy | Uint8Array, b: Policy | Uint8Array): boolean {
  if (a === b) return true;
  if (a instanceof Uint8Array || b instanceof Uint8Array) return a instanceof Uint8Array && b instanceof Uint8Array && sameElements(a, b);
  return a.sequence === b.sequence && a.entries.length === b.entries.length && a.entries.every((entry, i) => sameEntry(entry, b.entries[i]!));
}

function sameEntry(a: PolicyEntry, b: PolicyEntry): boolean {
  return a.rights === b.rights && a.minDelayS === b.minDelayS && sameElements(a.grantees, b.grantees);
}

function sameElements(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.prototype.every.call(a, (element, i) => element === b[i]);
}

/** Whether a value is an integer on the wire. */
function isWhole(value: Value, type: ValueType | undefined): boolean {
  return Number.isSafeInteger(value) && type !== "float";
}

/** Writes `[+ value]`, whole ones as `[first, + difference]`. */
export function writeValues(values: readonly Value[], type: ValueType | undefined): void {
  cbor.writeHead(cbor.Major.array, values.length);
  let previous = 0;
  for (const value of values) {
    if (isWhole(value, type)) {
      cbor.writeInteger((value as number) - previous);
      previous = value as number;
    } else writeValue(value, type === "float");
  }
}

export function readValues(type: ValueType | undefined): Value[] {
  const length = cbor.readLength(cbor.Major.array, maxStatementItems);
  if (length < 2) malformed(`columns of ${length} values`);
  const areWhole = cbor.peekMajor() <= cbor.Major.negative;
  if (areWhole && type === "float") malformed("whole values of a variable of floats");
  const values: Value[] = [];
  let previous = 0;
  for (let i = 0; i < length; i++) {
    if (cbor.peekMajor() <= cbor.Major.negative !== areWhole) malformed("whole values beside others in columns");
    if (areWhole) {
      previous += cbor.readInteger();
      if (!Number.isSafeInteger(previous)) malformed("value beyond 2^53 - 1");
      values.push(previous);
    } else values.push(readValue(type));
  }
  return values;
}

/** Writes `[first, step, ? [+ deviation]]` of whole milliseconds, the first from `baseMs` on. */
export function writeTimes(times: readonly number[], baseMs: number): void {
  const first = times[0]!;
  const step = stepOf(times);
  const deviations = times.slice(1).map((timeMs, i) => timeMs - first - (i + 1) * step);
  const isLine = deviations.every((deviation) => deviation === 0);
  cbor.writeHead(cbor.Major.array, isLine ? 2 : 3);
  cbor.writeInteger(first - baseMs);
  cbor.writeInteger(step);
  if (isLine) return;
  cbor.writeHead(cbor.Major.array, deviations.length);
  for (const deviation of deviations) cbor.writeInteger(deviation);
}

/** The mean distance from one time to the next, rounded, halves up. */
function stepOf(times: readonly number[]): number {
  const last = times.length - 1;
  return Math.floor((2 * (times[last]! - times[0]!) + last) / (2 * last));
}

/** Whether a time of an instance can be in a statement. */
export function isTime(timeMs: number): boolean {
  return Number.isInteger(timeMs) && timeMs >= 0 && timeMs <= maxTimeMs;
}

export function readTimes(count: number, baseMs: number): number[] {
  const parts = cbor.readLength(cbor.Major.array, 3);
  if (parts < 2) malformed("times are not [first, step, deviations]");
  const first = baseMs + cbor.readInteger();
  const step = cbor.readInteger();
  if (Math.abs(step) > maxTimeMs) malformed(`step of ${step} ms`);
  const hasDeviations = parts === 3;
  if (hasDeviations && cbor.readLength(cbor.Major.array, maxStatementItems) !== count - 1) malformed(`not ${count - 1} deviations`);
  const times = [first];
  let isLine = true;
  for (let i = 1; i < count; i++) {
    const deviation = hasDeviations ? cbor.readInteger() : 0;
    if (deviation !== 0) isLine = false;
    times.push(first + i * step + deviation);
  }
  if (hasDeviations && isLine) malformed("deviations that are all zero");
  if (!times.every(isTime) || step !== stepOf(times)) malformed(`step ${step} is not the mean distance`);
  return times;
}
