/** What one cell of a recorded series says: a number, a time, or nothing. */

/** How a column of times is written: `iso`, or as a count of so many milliseconds. */
export type TimeForm = "iso" | number;

/** What programs write where they have no value. */
const missing = /^\s*(?:na|n\/a|null|none|-+)?\s*$/i;
const decimalNumber = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const isoTime = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i;

export function isMissing(cell: string | undefined): boolean {
  return cell === undefined || missing.test(cell);
}

/** The finite decimal number that a cell holds; undefined for anything else. */
export function numberIn(cell: string | undefined, decimalComma: boolean): number | undefined {
  const trimmed = (cell ?? "").trim();
  const text = decimalComma ? trimmed.replace(",", ".") : trimmed;
  if (!decimalNumber.test(text) || (decimalComma && trimmed.includes("."))) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Milliseconds since 1970, or since the start of the count; undefined where the cell holds no such time. */
export function timeIn(cell: string | undefined, form: TimeForm, decimalComma: boolean): number | undefined {
  if (form === "iso") return isoTimeIn(cell);
  const count = numberIn(cell, decimalComma);
  return count === undefined ? undefined : count * form;
}

/** ISO 8601; a time without an offset is taken as UTC, a date alone as its first moment. */
export function isoTimeIn(cell: string | undefined): number | undefined {
  const match = isoTime.exec((cell ?? "").trim());
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0)) as [number, number, number, number, number, number];
  const dayMs = Date.UTC(year, month - 1, day);
  // A day that there is not, like 30 February, becomes another one.
  if (new Date(dayMs).getUTCMonth() !== month - 1 || day === 0 || hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionMs = Math.floor(Number(`0.${match[7] ?? 0}`) * 1000);
  return dayMs + ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs - offsetMs(match[8]);
}

function offsetMs(offset: string | undefined): number {
  if (!offset || offset.toUpperCase() === "Z") return 0;
  const digits = offset.replace(/\D/g, "");
  return (offset[0] === "-" ? -60_000 : 60_000) * (60 * Number(digits.slice(0, 2)) + Number(digits.slice(2)));
}
