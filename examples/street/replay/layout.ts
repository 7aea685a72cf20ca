/** Finds out from the head of a file how a recorded series lies in it: delimiter, header, columns, form of the times, step. */
import { isMissing, isoTimeIn, numberIn, timeIn, type TimeForm } from "./cell";
import { CsvReader, readText, wrongFile, type CsvForm, type CsvRecord } from "./csv";
import type { ReplayOptions } from "./replay-options";

export interface Layout {
  readonly form: CsvForm;
  /** Line on which the rows begin. */
  readonly firstLine: number;
  /** Index of the column. */
  readonly value: number;
  /** The column's name in the header, or its number. */
  readonly title: string;
  /** Undefined: the rows are `stepMs` apart. */
  readonly time: { readonly column: number; readonly form: TimeForm } | undefined;
  /** Usual recorded time from row to row. */
  readonly stepMs: number;
  /** The rows begin with a number or a time: one that begins with a word is a sum or a remark. */
  readonly numbered: boolean;
}

/** What is looked at: a file's metadata, header and first rows stand in it. */
const headChars = 65_536;
const headRecords = 400;
/** Numbers from here on are seconds since 1970 (from 1973 on), and from there on milliseconds; smaller ones count steps. */
const leastEpochS = 1e8;
const leastEpochMs = 1e11;
const minuteMs = 60_000;

/** @throws EbalanceError `bad-configuration` saying what was not found and which flag says it */
export async function findLayout(options: ReplayOptions): Promise<Layout> {
  const head = await headOf(options.file);
  const form = { delimiter: options.delimiter === "auto" ? likeliestDelimiter(head, options) : options.delimiter, skip: options.skip };
  const records = recordsIn(head, form);
  const start = startOfRows(records, options);
  const rows = records.slice(start);
  if (!rows.length) throw wrongFile("holds no row with a number in it: is it CSV? --delimiter, --decimal comma and --skip say how it is written");
  const headers = records.slice(0, start).reverse();
  const time = timeColumn(rows, headers, options);
  const value = options.column === undefined ? firstNumbers(rows, time?.column, options) : columnIndex("--column", options.column, headers, rows);
  return {
    form,
    firstLine: rows[0]!.line,
    value,
    title: headers[0]?.cells[value]?.trim() || `column ${value + 1}`,
    time,
    stepMs: time ? usualStep(rows, time, options) : options.intervalMs!,
    numbered: holdsNumberOrTime(rows.find(({ cells }) => !isMissing(cells[0]))?.cells[0], options),
  };
}

async function headOf(file: string): Promise<string> {
  let head = "";
  for await (const text of readText(file)) {
    head += text;
    if (head.length >= headChars) return head.slice(0, Math.max(head.lastIndexOf("\n"), head.lastIndexOf("\r")) + 1) || head;
  }
  return head;
}

function recordsIn(head: string, form: CsvForm): CsvRecord[] {
  const reader = new CsvReader(form);
  return [...reader.push(head), ...reader.end()].slice(0, headRecords);
}

/** The delimiter that gives the most records the same number of cells, of at least two; a comma where none does. */
function likeliestDelimiter(head: string, options: ReplayOptions): string {
  const agreeing = (delimiter: string) => {
    const [cells, records] = mostFrequent(recordsIn(head, { delimiter, skip: options.skip }).map((record) => record.cells.length).sort(descending));
    return cells > 1 ? records : 0;
  };
  const candidates = options.decimal === "comma" ? ["\t", ";"] : ["\t", ";", ","];
  const counts = candidates.map(agreeing);
  const most = Math.max(...counts);
  return most > 0 ? candidates[counts.indexOf(most)]! : candidates.at(-1)!;
}

const descending = (a: number, b: number) => b - a;

/** The value that comes most often, the first one of two, and how often. */
function mostFrequent(values: readonly number[]): [value: number, count: number] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0]);
}

/**
 * Index of the first row. A header that holds the names asked for comes before it; otherwise metadata are told from rows by their blank cells, and a
 * header by holding no number.
 */
function startOfRows(records: readonly CsvRecord[], options: ReplayOptions): number {
  if (options.header === "none") return 0;
  const names = [options.column, options.time].filter((name): name is string => name !== undefined && !isIndex(name));
  if (names.length) {
    const header = records.findIndex(({ cells }) => names.every((name) => indexOfName(cells, name) >= 0));
    if (header >= 0) return header + 1;
  }
  const filled = ({ cells }: CsvRecord) => cells.filter((cell) => !isMissing(cell)).length;
  const isRow = ({ cells }: CsvRecord) => cells.some((cell) => holdsNumberOrTime(cell, options));
  const [usual] = mostFrequent(records.map(filled).sort(descending));
  let start = records.findIndex((record) => filled(record) >= usual && isRow(record));
  if (start < 0) return records.length;
  const width = records[start]!.cells.length;
  const belongs = (record: CsvRecord | undefined) => record !== undefined && record.cells.length === width && (isRow(record) || filled(record) === 0);
  while (belongs(records[start - 1])) start--;
  return start;
}

function holdsNumberOrTime(cell: string | undefined, { decimal }: ReplayOptions): boolean {
  return numberIn(cell, decimal === "comma") !== undefined || isoTimeIn(cell) !== undefined;
}

function timeColumn(rows: readonly CsvRecord[], headers: readonly CsvRecord[], options: ReplayOptions): Layout["time"] {
  if (options.time === undefined) {
    if (options.intervalMs !== undefined) return undefined;
    const column = firstColumn(rows, (cell) => isoTimeIn(cell) !== undefined);
    if (column < 0) throw wrongFile(`line ${rows[0]!.line} holds no time in the form of ISO 8601: give --time COLUMN, or --interval 15m where the rows are 15 minutes apart`);
    return { column, form: "iso" };
  }
  const column = columnIndex("--time", options.time, headers, rows);
  for (const { cells } of rows) {
    if (isoTimeIn(cells[column]) !== undefined) return { column, form: "iso" };
    const count = numberIn(cells[column], options.decimal === "comma");
    if (count !== undefined) return { column, form: count >= leastEpochMs ? 1 : count >= leastEpochS ? 1000 : (options.intervalMs ?? minuteMs) };
  }
  throw wrongFile(`--time ${options.time} is ${quoted(rows[0]!.cells[column])} on line ${rows[0]!.line}: a time is ISO 8601, seconds or milliseconds since 1970, or a count of minutes`);
}

function firstNumbers(rows: readonly CsvRecord[], time: number | undefined, { decimal }: ReplayOptions): number {
  const column = firstColumn(rows, (cell, i) => i !== time && numberIn(cell, decimal === "comma") !== undefined);
  if (column < 0) throw wrongFile(`line ${rows[0]!.line} holds no number besides the time (${quoted(rows[0]!.cells.join(" "))}): give --column, --delimiter or --decimal comma`);
  return column;
}

/** The column of the first cell that fits, looking row by row. */
function firstColumn(rows: readonly CsvRecord[], fits: (cell: string, index: number) => boolean): number {
  return rows.map(({ cells }) => cells.findIndex(fits)).find((column) => column >= 0) ?? -1;
}

function columnIndex(flag: string, name: string, headers: readonly CsvRecord[], rows: readonly CsvRecord[]): number {
  if (isIndex(name)) {
    const columns = Math.max(...rows.map(({ cells }) => cells.length));
    if (Number(name) > columns) throw wrongFile(`${flag} ${name}: there are ${columns} columns from line ${rows[0]!.line} on`);
    return Number(name) - 1;
  }
  for (const { cells } of headers) {
    const index = indexOfName(cells, name);
    if (index >= 0) return index;
  }
  const known = headers[0]?.cells.map((cell) => cell.trim()).filter(Boolean);
  throw wrongFile(`${flag} ${name} is not in the header (${known ? quoted(known.join(", ")) : "there is none"}): give a name out of it or a number from 1`);
}

function isIndex(name: string): boolean {
  return /^[1-9]\d{0,4}$/.test(name);
}

function indexOfName(cells: readonly string[], name: string): number {
  return cells.findIndex((cell) => cell.trim().toLowerCase() === name.toLowerCase());
}

/** The recorded time from row to row that comes most often; a minute, or the interval given, where no two rows tell it. */
function usualStep(rows: readonly CsvRecord[], { column, form }: NonNullable<Layout["time"]>, { decimal, intervalMs }: ReplayOptions): number {
  const times = rows.map(({ cells }) => timeIn(cells[column], form, decimal === "comma"));
  const steps = times.slice(1).map((time, i) => time! - times[i]!);
  const [step] = mostFrequent(steps.filter((ms) => ms > 0).sort((a, b) => a - b));
  return step || (intervalMs ?? minuteMs);
}

/** A cell or line as it is named in messages: bounded, and without what a terminal would obey. */
export function quoted(text: string | undefined): string {
  return JSON.stringify((text ?? "").replace(/[\p{Cc}\p{Cf}]/gu, " ").slice(0, 120));
}
