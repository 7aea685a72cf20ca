/** The street: what `npm start` runs. Options, the screen, and an end that leaves nothing behind. */
import { resolve } from "node:path";
import { EbalanceError } from "ebalance";
import { houses, streetPlan } from "./grid";
import { openSeries } from "./replay/series";
import { readCommandLine, replayHelp, type ReplayOptions } from "./replay/replay-options";
import { openScreen } from "./screen/screen";
import { Story } from "./story";
import { Show } from "./show";
import { Street, type Replay, type StreetCommands } from "./street";

export interface Options {
  /** Ends by itself after this time; undefined: at Ctrl-C. */
  readonly seconds: number | undefined;
  /** One line of JSON at the end, on standard output; everything else goes to standard error. */
  readonly json: boolean;
  readonly node: boolean;
  readonly replays: readonly ReplayOptions[];
}

const help = [
  "A street: a low-voltage unit, two homes, a sensor and a DER controller on the XS engine, a meter over MQTT, a bridged inverter.",
  "Readings travel up, set-points down; every value goes only to whom its owner's policy lets see it.",
  "",
  "usage: npm start -- [options]",
  "",
  "  --seconds N            end by itself after N seconds (1 to 86400); without it, Ctrl-C ends it",
  '  --json                 at the end one line {"ok", "devices", "steps"} on standard output; everything else goes to standard error',
  "  --node                 run sensor and DER controller on Node instead of the XS engine",
  ...replayHelp,
  "  --help                 this text",
  "",
  "examples:",
  "  npm start",
  "  npm start -- --seconds 45 --json",
  "  npm start -- --replay load.csv --interval 15m --speed 900",
  "  npm start -- --replay state.csv --time Time --column Demand --scale 1e3 --replay roof.csv --variable irradiance --interval 1h",
  "",
  "exit codes: 0 every step was seen, 1 a step was not seen, 2 bad usage, 130 ended by Ctrl-C",
];

/** @returns the options, or an exit code where there is nothing more to do */
export async function readOptions(args: readonly string[]): Promise<Options | number> {
  try {
    const { values, replays } = readCommandLine(args, { seconds: { type: "string" }, json: { type: "boolean" }, node: { type: "boolean" }, help: { type: "boolean" } });
    if (values.help) {
      process.stdout.write(`${help.join("\n")}\n`);
      return 0;
    }
    const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
    if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 1 && seconds <= 86_400))
      throw new EbalanceError("bad-argument", "caller", `--seconds ${values.seconds} is not a whole number from 1 to 86400`);
    // npm runs this in the project's folder, whatever folder it was called in.
    const from = process.env["INIT_CWD"] ?? process.cwd();
    const found = replays.map((replay) => ({ ...replay, file: resolve(from, replay.file) }));
    await Promise.all(found.map(checkReplay));
    return { seconds, json: values.json ?? false, node: values.node ?? false, replays: found };
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    process.stderr.write(`${error.message}\ntry: npm start -- --help\n`);
    return 2;
  }
}

/** Whether a file can be replayed as told and its device is free: said before anything starts. @throws EbalanceError */
async function checkReplay(replay: ReplayOptions): Promise<void> {
  if (replay.device !== "meter-2" && replay.device in streetPlan([]).units)
    throw new EbalanceError("bad-argument", "caller", `--device ${replay.device} is a unit of the street already; meter-2 may be replaced, or take a new id`);
  await openSeries(replay, () => {});
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @returns the exit code */
export async function runStreet(options: Options, commands: StreetCommands & { readonly engine: string }): Promise<number> {
  const stop = new AbortController();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    stop.abort();
  };
  // Until everything is cleaned up: a second Ctrl-C must not interrupt that, and a reader that has gone away must not either.
  for (const signal of signals) process.on(signal, interrupt);
  for (const output of [process.stdout, process.stderr]) output.on("error", interrupt);
  const replays = byDevice(options.replays);
  const screen = openScreen(options.json ? process.stderr : process.stdout, process.env);
  const { events } = screen;
  const show = new Show(events, commands.engine, replays.map(({ device }) => device));
  const ended: string[] = [];
  const street: Street = new Street({
    commands,
    replays,
    log: (level, line) => (level === "warning" || level === "error") && events.note(`${level} ${line}`),
    onEvent: (unit, event) => {
      show.heard(unit, event);
      story.heard(unit, event);
    },
    onLine: (name, line) => events.note(`${name}: ${line}`),
    onEnd: (name, reason) => {
      ended.push(`${name} ${reason}`);
      events.alarm({ unit: name, name: reason, stands: true });
    },
    onInverter: (state) => story.sawInverter(state),
  });
  const units = [...new Set([...houses.map(({ home }) => home), "sensor-1", "der-1", "meter-2", ...replays.map(({ device }) => device)])];
  const story = new Story(street, units, (step) => events.step(step), stop.signal);
  for (const step of story.steps) events.step(step);
  const lastResort = () => street.kill();
  process.once("exit", lastResort);
  const timer = options.seconds === undefined ? undefined : setTimeout(() => stop.abort(), options.seconds * 1000);
  try {
    await street.open();
    await story.run();
  } finally {
    clearTimeout(timer);
    stop.abort();
    await street.close();
    screen.close();
    process.removeListener("exit", lastResort);
    for (const signal of signals) process.removeListener(signal, interrupt);
  }
  for (const line of ended) process.stderr.write(`${line}\n`);
  if (!interrupted) for (const { name, ok, seen } of story.steps) if (!ok) process.stderr.write(`not seen: ${name}${seen ? ` (${seen})` : ""}\n`);
  report(story, options, commands.engine);
  return interrupted ? 130 : story.complete ? 0 : 1;
}

/** The recorded series of each device. */
function byDevice(replays: readonly ReplayOptions[]): Replay[] {
  const devices = [...new Set(replays.map(({ device }) => device))];
  return devices.map((device) => ({ device, series: replays.filter((replay) => replay.device === device) }));
}

function report({ steps, complete }: Story, { json }: Options, engine: string): void {
  if (!json) return;
  const devices = [
    { name: "sensor-1", engine },
    { name: "der-1", engine },
    { name: "meter-2", engine: `Node ${process.versions.node}` },
  ];
  process.stdout.write(`${JSON.stringify({ ok: complete, devices, steps: steps.map(({ name, ok, seen }) => ({ step: name, ok, seen })) })}\n`);
}
