/** The flags of `npm start` that say which recorded series are replayed and how. Mapping flags apply to the `--replay` before them. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { EbalanceError, Registry, standardVariables } from "ebalance";

/** One series and how it is replayed. Plain data: it travels to the process of the device as JSON. */
export interface ReplayOptions {
  readonly file: string;
  /** Id of the device that reports it. */
  readonly device: string;
  /** Name in the registry, of a number that devices report. */
  readonly variable: string;
  /** Name of the column in the header, or its number from 1; left out: the first column of numbers that is not the time. */
  readonly column?: string;
  /** Each number of the file is multiplied with it, then `offset` is added: that is the value in the variable's unit of measure. */
  readonly scale: number;
  readonly offset: number;
  /** Column of times; left out: with `intervalMs` there is none, otherwise the first with times in the form of ISO 8601. */
  readonly time?: string;
  /** Milliseconds from row to row where there is no column of times; one step of the column where it counts. */
  readonly intervalMs?: number;
  /** Recorded seconds in a second; left out: as many as make a step of the file last one second. */
  readonly speed?: number;
  /** Lines at the head of the file that are passed over. */
  readonly skip: number;
  readonly header: "auto" | "none";
  readonly delimiter: "auto" | "," | ";" | "\t";
  readonly decimal: "point" | "comma";
  /** Begins again at the end of the file. */
  readonly loop: boolean;
}

type Options = NonNullable<ParseArgsConfig["options"]>;
type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

const replayFlags = {
  replay: { type: "string", multiple: true },
  device: { type: "string", multiple: true },
  variable: { type: "string", multiple: true },
  column: { type: "string", multiple: true },
  scale: { type: "string", multiple: true },
  offset: { type: "string", multiple: true },
  time: { type: "string", multiple: true },
  interval: { type: "string", multiple: true },
  speed: { type: "string", multiple: true },
  skip: { type: "string", multiple: true },
  header: { type: "string", multiple: true },
  delimiter: { type: "string", multiple: true },
  decimal: { type: "string", multiple: true },
  loop: { type: "boolean", multiple: true },
} as const satisfies Options;

/** For the `--help` of the start command. */
export const replayHelp: readonly string[] = [
  "  --replay FILE.csv      replay a recorded series as the readings of a device; may be given again",
  "  These apply to the --replay before them; before the first one, to all:",
  "    --device ID          the device that reports it; default replay-1, replay-2, ...",
  "    --variable NAME      what it is, as the registry names it; default activePower",
  "    --column NAME|N      name or number (from 1) of the column; default the first one of numbers that is not the time",
  "    --scale FACTOR       from the file's unit to the variable's: 1000 for kW, -1 turns production into feed-in; default 1",
  "    --offset NUMBER      added after that; default 0",
  "    --time NAME|N        the column of times: ISO 8601 (UTC where it names no offset), seconds or milliseconds since 1970, or a count of minutes",
  "    --interval 15m       no column of times: one row every 15 minutes (also s, h); with --time, what one step of its count is worth",
  "    --speed N            recorded seconds in a second; default as many as make a step of the file last one second",
  "    --skip LINES         pass over lines at the head of the file",
  "    --header none|auto   none: the first row is a reading already; default auto",
  "    --delimiter D        , or ; or tab or auto (default)",
  "    --decimal comma      numbers like 1,5; default point",
  "    --loop               begin again at the end of the file",
];

const numberFlags = ["--scale", "--offset", "--speed"];

/**
 * Reads a command line that holds the replay flags beside those of the program.
 * @param own the program's own options, as `parseArgs` takes them
 * @returns the values of the program's own options, and one entry for each `--replay`
 * @throws EbalanceError `bad-argument` naming the flag, its value and what would be accepted
 * @example
 * const { values, replays } = readCommandLine(process.argv.slice(2), { seconds: { type: "string" } });
 */
export function readCommandLine<const T extends Options>(args: readonly string[], own: T) {
  const options = { ...own, ...replayFlags };
  const parsed = parse(joinNegative(args), options);
  const replays = new ReplayList();
  for (const token of parsed.tokens) {
    if (token.kind === "option" && Object.hasOwn(replayFlags, token.name)) replays.take(token.name as keyof typeof replayFlags, token.value ?? "");
  }
  return { values: parsed.values, replays: replays.finish() };
}

function parse<T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, tokens: true as const, strict: true as const });
  } catch (error) {
    refuse((error as Error).message);
  }
}

/** `--scale -1` as one word: alone, parseArgs would take -1 for a flag. */
function joinNegative(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (numberFlags.includes(joined.at(-1) ?? "") && /^-[\d.]/.test(arg)) joined.push(`${joined.pop()}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

class ReplayList {
  readonly #defaults: Mutable<ReplayOptions> = {};
  readonly #replays: (Mutable<ReplayOptions> & { file: string })[] = [];
  #given = new Set<string>();

  take(flag: keyof typeof replayFlags, text: string): void {
    if (flag === "replay") {
      if (!text) refuse("--replay needs the path of a CSV file");
      this.#replays.push({ file: text });
      this.#given = new Set();
      return;
    }
    const target = this.#replays.at(-1);
    if (this.#given.has(flag)) refuse(`--${flag} ${text} is the second for ${target?.file ?? "all files"}: give --replay again for another series`);
    this.#given.add(flag);
    Object.assign(target ?? this.#defaults, readFlag(flag, text));
  }

  finish(): ReplayOptions[] {
    if (this.#replays.length === 0 && this.#given.size > 0) refuse(`--${[...this.#given][0]} says how a file is replayed: give --replay FILE.csv too`);
    const standard = { variable: "activePower", scale: 1, offset: 0, skip: 0, header: "auto", delimiter: "auto", decimal: "point", loop: false } as const;
    const replays = this.#replays.map((replay, i) => ({ ...standard, device: `replay-${i + 1}`, ...this.#defaults, ...replay }));
    replays.forEach(({ device, variable, file }, i) => {
      const other = replays.findIndex((replay) => replay.device === device && replay.variable === variable);
      if (other < i) refuse(`--device ${device} gets ${variable} from ${replays[other]!.file} already: give ${file} another --device or --variable`);
    });
    return replays;
  }
}

function readFlag(flag: Exclude<keyof typeof replayFlags, "replay">, text: string): Mutable<ReplayOptions> {
  switch (flag) {
    case "device":
      if (!/^[\w.-]{1,64}$/.test(text)) refuse(`--device ${text} is no id: up to 64 letters, digits, dots, dashes and underscores`);
      return { device: text };
    case "variable":
      return { variable: numberVariable(text) };
    case "column":
    case "time":
      if (!text.trim()) refuse(`--${flag} needs the name of a column or its number from 1`);
      return { [flag]: text.trim() };
    case "scale":
    case "offset":
      return { [flag]: numberOf(flag, text) };
    case "speed":
      return { speed: numberOf(flag, text, 0) };
    case "interval":
      return { intervalMs: durationOf(text) };
    case "skip":
      if (!/^\d{1,6}$/.test(text)) refuse(`--skip ${text} is not a whole number of lines from 0 to 999999`);
      return { skip: Number(text) };
    case "header":
      return { header: oneOf(flag, text, { none: "none", auto: "auto" }) };
    case "delimiter":
      return { delimiter: oneOf(flag, text, { ",": ",", ";": ";", tab: "\t", "\t": "\t", auto: "auto" }) };
    case "decimal":
      return { decimal: oneOf(flag, text, { point: "point", comma: "comma" }) };
    case "loop":
      return { loop: true };
  }
}

/** Set-points are written by those who hold a grant; a series replays what a device measures. */
function numberVariable(name: string): string {
  const registry = new Registry(standardVariables);
  const fits = (candidate: string) => {
    const { type, write } = registry.named(candidate);
    return write === "device" && (type === "integer" || type === "float");
  };
  if (!registry.byName(name) || !fits(name)) refuse(`--variable ${name} is not a number that devices report: ${registry.names().filter(fits).join(", ")}`);
  return name;
}

function numberOf(flag: string, text: string, above = -Infinity): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value) || value <= above) refuse(`--${flag} ${text} is not a number${above === 0 ? " above 0" : ""}, like 0.001 or 1e6`);
  return value;
}

function durationOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const ms = match ? Math.round(Number(match[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as "s" | "m" | "h"]) : 0;
  if (!(ms >= 1 && ms <= 366 * 86_400_000)) refuse(`--interval ${text} is not a time above 0 in s, m or h, like 30s, 15m or 1h`);
  return ms;
}

function oneOf<T>(flag: string, text: string, choices: Readonly<Record<string, T>>): T {
  if (!Object.hasOwn(choices, text)) refuse(`--${flag} ${text} is not one of ${Object.keys(choices).filter((choice) => choice.trim()).join(" ")}`);
  return choices[text]!;
}

function refuse(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}
