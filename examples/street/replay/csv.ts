/**
 * Records out of a CSV file of any length, piece by piece: quotes (also around line breaks), a byte order mark, LF, CRLF and CR, comment lines.
 * Knows nothing of what the cells mean.
 */
import { createReadStream } from "node:fs";
import { EbalanceError } from "ebalance";

export interface CsvRecord {
  /** Number of the line in the file on which the record begins, from 1. */
  readonly line: number;
  /** As written, without the quotes around them; a blank line is one empty cell. */
  readonly cells: readonly string[];
}

export interface CsvForm {
  readonly delimiter: string;
  /** Lines at the head of the file that are passed over. */
  readonly skip: number;
}

/** A quote that nobody closes must not make the whole file one record. */
const maxRecordChars = 65_536;

export class CsvReader {
  #line = 0;
  /** The end of what came in: a line that is not whole yet. */
  #rest = "";
  /** The lines of a record whose quote is still open, and where it began. */
  #open: string | undefined;
  #openLine = 0;

  constructor(private readonly form: CsvForm) {}

  /** @returns the records that are whole now. @throws EbalanceError `bad-configuration` for a record without an end */
  push(text: string): CsvRecord[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    const records = this.#take(lines);
    if (this.#rest.length > maxRecordChars) this.#endless(this.#line + 1);
    return records;
  }

  /** @returns the last records, where the file does not end with a line break */
  end(): CsvRecord[] {
    const last = this.#rest.replace(/\r$/, "");
    const records = last ? this.#take([last]) : [];
    if (this.#open !== undefined) records.push({ line: this.#openLine, cells: this.#open.split(this.form.delimiter) });
    return records;
  }

  #take(lines: readonly string[]): CsvRecord[] {
    const records: CsvRecord[] = [];
    for (let text of lines) {
      this.#line++;
      if (this.#line === 1 && text.startsWith("\ufeff")) text = text.slice(1);
      if (this.#line <= this.form.skip || (this.#open === undefined && text.startsWith("#"))) continue;
      const whole = this.#open === undefined ? text : `${this.#open}\n${text}`;
      if (this.#open === undefined) this.#openLine = this.#line;
      if (whole.length > maxRecordChars) this.#endless(this.#openLine);
      const cells = cellsOf(whole, this.form.delimiter);
      this.#open = cells ? undefined : whole;
      if (cells) records.push({ line: this.#openLine, cells });
    }
    return records;
  }

  #endless(line: number): never {
    throw wrongFile(`line ${line}: a record of more than ${maxRecordChars} characters; is a quote not closed, or is it no CSV?`);
  }
}

/** The cells of a record; undefined where a quote is not closed yet. Quotes count at the head of a cell only. */
function cellsOf(text: string, delimiter: string): string[] | undefined {
  if (!text.includes('"')) return text.split(delimiter);
  const cells: string[] = [];
  for (let at = 0; at <= text.length; ) {
    let cell = "";
    if (text[at] === '"') {
      for (let from = at + 1; ; from = at + 2) {
        at = text.indexOf('"', from);
        if (at < 0) return undefined;
        cell += text.slice(from, at);
        if (text[at + 1] !== '"') break;
        cell += '"';
      }
      at++;
    }
    const next = text.indexOf(delimiter, at);
    const end = next < 0 ? text.length : next;
    cells.push(cell + text.slice(at, end));
    at = end + 1;
  }
  return cells;
}

/**
 * The records of a file, as they are asked for.
 * @throws EbalanceError `bad-configuration` where it cannot be read or is no CSV
 */
export async function* readCsv(path: string, form: CsvForm): AsyncGenerator<CsvRecord> {
  const reader = new CsvReader(form);
  for await (const text of readText(path)) yield* reader.push(text);
  yield* reader.end();
}

/** The text of a file in pieces of at most 64 kB. @throws EbalanceError `bad-configuration` where it cannot be read */
export async function* readText(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, { encoding: "utf8", highWaterMark: maxRecordChars });
  try {
    for await (const text of stream) yield text as string;
  } catch (error) {
    throw wrongFile(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)}): give the path of a CSV file`);
  } finally {
    stream.destroy();
  }
}

/** What is wrong with a file or with what was said about it; whoever knows the path puts it in front. */
export function wrongFile(what: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", what);
}
