/** Values, times and curves as a person reads them. */
import type { Value } from "ebalance";
import { clean } from "./text";

const bars = "▁▂▃▄▅▆▇█";
const prefixes: readonly (readonly [factor: number, prefix: string])[] = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
/** Units that are shown with a prefix where the number is long. */
const prefixed = ["W", "Wh", "var", "VA"];

/** @param decimals that the series needs, at most 3 */
export function valueText(value: Value, unitOfMeasure: string, decimals: number): [value: string, unit: string] {
  if (typeof value === "boolean") return [String(value), unitOfMeasure];
  if (typeof value === "string") return [clean(value), unitOfMeasure];
  if (typeof value !== "number") return [`${value.length} bytes`, ""];
  const [factor, prefix] = (prefixed.includes(unitOfMeasure) && prefixes.find(([least]) => Math.abs(value) >= least * 100)) || [1, ""];
  return [(value / factor).toFixed(factor === 1 ? fitting(value, decimals) : 2), `${prefix}${unitOfMeasure}`];
}

/** Large numbers need no decimals. */
function fitting(value: number, decimals: number): number {
  return Math.max(0, Math.min(decimals, 6 - Math.trunc(Math.abs(value)).toString().length));
}

/** Decimals that a number is written with, at most 3. */
export function decimalsOf(value: number): number {
  return [0, 1, 2].find((decimals) => Math.abs(value - Number(value.toFixed(decimals))) < 5e-4) ?? 3;
}

/** The newest values as a curve of so many columns at most, from the least to the greatest of them; small changes of a large value stay small. */
export function curve(values: readonly number[], columns: number): string {
  const shown = values.slice(-columns);
  const least = Math.min(...shown);
  const greatest = Math.max(...shown);
  const span = Math.max(greatest - least, Math.max(Math.abs(least), Math.abs(greatest)) / 500) || 1;
  return shown.map((value) => bars[Math.min(7, Math.floor((8 * (value - least)) / span))]).join("");
}

/** Like `8 s`, `3 min`, `2 h`. */
export function durationText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}

/** The time of day where this program runs. */
export function timeText(timeMs: number): string {
  const time = new Date(timeMs);
  return Number.isFinite(time.getTime()) ? [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":") : "--:--:--";
}

/** A rate with as many digits as are of interest. */
export function rateText(perS: number): string {
  return perS.toFixed(perS < 9.95 ? 1 : 0);
}
