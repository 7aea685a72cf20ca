/** A recorded series: the good rows of a file as points in time, and a report of what was passed over. */
import { EbalanceError, Registry, standardVariables } from "ebalance";
import { isMissing, numberIn, timeIn } from "./cell";
import { readCsv, wrongFile, type CsvRecord } from "./csv";
import { findLayout, quoted, type Layout } from "./layout";
import type { ReplayOptions } from "./replay-options";

export interface Point {
  /** Recorded time in milliseconds, since 1970 or since the first row. */
  readonly timeMs: number;
  /** In the variable's unit of measure. */
  readonly value: number;
}

/** Why a row cannot be used. */
export type Nonsense = "not a number" | "out of range" | "not a time" | "time runs backwards" | "time stands still" | "not a row";

/** What was read so far: `rows` is the sum of `good`, `blank` and every `nonsense`. */
export interface Report {
  rows: number;
  good: number;
  /** Rows without a value. */
  blank: number;
  /** Rows that are not there, by the file's usual step. */
  missing: number;
  readonly nonsense: Map<Nonsense, { count: number; readonly line: number; readonly text: string }>;
}

interface Row {
  readonly timeMs: number;
  readonly record: CsvRecord;
}

/** A row so many steps ahead of the one before it is doubted: where the next one lies before it, it was the wrong one. */
const doubtedSteps = 10;
/** Time between two readings: a faster replay would be more than a unit takes. */
const leastStepMs = 10;

export class Series {
  readonly report: Report = { rows: 0, good: 0, blank: 0, missing: 0, nonsense: new Map() };
  /** Recorded milliseconds in a millisecond of the replay. */
  readonly speed: number;
  readonly #range: { readonly least: number; readonly greatest: number; readonly unit: string };

  /** Use {@link openSeries}. */
  constructor(
    private readonly options: ReplayOptions,
    private readonly layout: Layout,
    private readonly onNonsense: (line: string) => void,
  ) {
    const { min, max, unit } = new Registry(standardVariables).named(options.variable);
    this.#range = { least: min!, greatest: max!, unit };
    this.speed = options.speed ?? layout.stepMs / 1000;
    const fastest = layout.stepMs / leastStepMs;
    if (this.speed > fastest) throw wrongFile(`--speed ${this.speed} makes a step of ${layout.stepMs / 1000} s last less than ${leastStepMs} ms: give at most ${fastest}`);
  }

  /** The series in words: where it comes from and what it becomes. */
  get title(): string {
    const { file, variable } = this.options;
    return `${file}: ${quoted(this.layout.title)} as ${variable}, from line ${this.layout.firstLine} on, a step of ${this.layout.stepMs / 1000} s every ${this.layout.stepMs / this.speed / 1000} s`;
  }

  /**
   * The good rows in order of time, read as they are asked for; with `loop` without an end.
   * @throws EbalanceError `bad-configuration` where the file cannot be read or has no good row
   */
  async *points(): AsyncGenerator<Point> {
    try {
      yield* this.#laps();
    } catch (error) {
      throw inFile(this.options.file, error);
    }
  }

  async *#laps(): AsyncGenerator<Point> {
    for (let shiftMs = 0, lapMs = 0; ; shiftMs += lapMs) {
      let first: number | undefined;
      for await (const { timeMs, value } of this.#lap()) {
        first ??= timeMs;
        lapMs = timeMs - first + this.layout.stepMs;
        yield { timeMs: timeMs + shiftMs, value };
      }
      if (first === undefined) throw wrongFile(`has no row that can be used (${reportText(this.report)})`);
      if (!this.options.loop) return;
    }
  }

  /** The file once. A row waits until the next one is known: one that lies ahead of those after it has a wrong time. */
  async *#lap(): AsyncGenerator<Point> {
    const { layout, report } = this;
    let lastMs = -Infinity;
    let waiting: Row | undefined;
    let index = 0;
    for await (const record of readCsv(this.options.file, layout.form)) {
      if (record.line < layout.firstLine || this.#isEmpty(record)) continue;
      report.rows++;
      if (this.#isRemark(record)) {
        this.#refuse("not a row", record, record.cells[0]);
        continue;
      }
      const timeMs = layout.time ? this.#timeOf(record, layout.time) : index++ * layout.stepMs;
      if (timeMs === undefined) continue;
      if (waiting && timeMs < waiting.timeMs && timeMs > lastMs && waiting.timeMs - lastMs > doubtedSteps * layout.stepMs) {
        this.#refuse("time runs backwards", waiting.record, this.#timeCell(waiting.record));
        waiting = undefined;
      }
      const newestMs = waiting?.timeMs ?? lastMs;
      if (timeMs <= newestMs) {
        this.#refuse(timeMs === newestMs ? "time stands still" : "time runs backwards", record, this.#timeCell(record));
        continue;
      }
      if (waiting) yield* this.#pointOf(waiting, lastMs);
      lastMs = newestMs;
      waiting = { timeMs, record };
    }
    if (waiting) yield* this.#pointOf(waiting, lastMs);
  }

  /** The point of a row whose time is right; none where it has no good value. */
  #pointOf({ timeMs, record }: Row, lastMs: number): Point[] {
    const { report } = this;
    if (lastMs > -Infinity) report.missing += Math.max(0, Math.round((timeMs - lastMs) / this.layout.stepMs) - 1);
    const value = this.#valueOf(record);
    if (value === undefined) return [];
    report.good++;
    return [{ timeMs, value }];
  }

  /** A blank line is a row without a value only where the rows have one cell, and one after another in time. */
  #isEmpty({ cells }: CsvRecord): boolean {
    return cells.every((cell) => cell.trim() === "") && (cells.length <= this.layout.value || this.layout.time !== undefined);
  }

  #isRemark({ cells }: CsvRecord): boolean {
    const { numbered, value, time } = this.layout;
    return numbered && value !== 0 && time?.column !== 0 && !isMissing(cells[0]) && !/\d/.test(cells[0]!);
  }

  #timeOf(record: CsvRecord, time: NonNullable<Layout["time"]>): number | undefined {
    const timeMs = timeIn(record.cells[time.column], time.form, this.options.decimal === "comma");
    if (timeMs === undefined) this.#refuse("not a time", record, record.cells[time.column]);
    return timeMs;
  }

  #timeCell({ cells }: CsvRecord): string | undefined {
    return cells[this.layout.time?.column ?? 0];
  }

  #valueOf(record: CsvRecord): number | undefined {
    const cell = record.cells[this.layout.value];
    if (isMissing(cell)) return void this.report.blank++;
    const recorded = numberIn(cell, this.options.decimal === "comma");
    if (recorded === undefined) return this.#refuse("not a number", record, cell);
    const value = recorded * this.options.scale + this.options.offset + 0;
    const { least, greatest, unit } = this.#range;
    if (value >= least && value <= greatest) return value;
    return this.#refuse("out of range", record, cell, `, ${value} ${unit} with --scale and --offset, not from ${least} to ${greatest}`);
  }

  /** Counts a row that cannot be used, and says so of the first of its kind. */
  #refuse(kind: Nonsense, { line }: CsvRecord, cell: string | undefined, more = ""): undefined {
    const { nonsense } = this.report;
    const known = nonsense.get(kind);
    if (known) known.count++;
    else {
      nonsense.set(kind, { count: 1, line, text: `${quoted(cell)}${more}` });
      this.onNonsense(`line ${line}: ${kind}: ${quoted(cell)}${more}; passed over`);
    }
    return undefined;
  }
}

/**
 * Opens a recorded series: looks at the head of the file.
 * @param onNonsense told of the first row of each kind that cannot be used
 * @throws EbalanceError `bad-configuration` saying what was not found and which flag says it
 */
export async function openSeries(options: ReplayOptions, onNonsense: (line: string) => void): Promise<Series> {
  try {
    return new Series(options, await findLayout(options), onNonsense);
  } catch (error) {
    throw inFile(options.file, error);
  }
}

/** What is wrong, with the path in front. */
function inFile(file: string, error: unknown): unknown {
  return error instanceof EbalanceError ? new EbalanceError(error.code, error.fault, `${file}: ${error.message}`) : error;
}

/** A report in one line. */
export function reportText({ rows, good, blank, missing, nonsense }: Report): string {
  const parts = [`${rows} rows read, ${good} good`];
  if (blank) parts.push(`${blank} without a value`);
  if (missing) parts.push(`${missing} missing`);
  for (const [kind, { count, line, text }] of nonsense) parts.push(`${count} ${kind} (first on line ${line}: ${text})`);
  return parts.join(", ");
}
