/** First light: a reading from a sensor, kept by a home, given to whoever may see it and to nobody else. Run with `npm start`. */
import { Grid, sensor } from "./grid";
import { linesTo, liveScreen, type Screen } from "./screen";
import { SensorProcess, type SensorCommand } from "./sensor-process";
import { Story } from "./story";

export interface Options {
  /** Ends by itself after this time; undefined: at Ctrl-C. */
  readonly seconds: number | undefined;
  /** One line of JSON at the end, on standard output; everything else goes to standard error. */
  readonly json: boolean;
  readonly sensor: SensorCommand;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** @returns the exit code: 0 if every step was seen, 1 if not, 130 after Ctrl-C */
export async function firstLight(options: Options): Promise<number> {
  const stop = new AbortController();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    stop.abort();
  };
  // Until everything is cleaned up: a second Ctrl-C must not interrupt that, and a reader that has gone away must not either.
  for (const signal of signals) process.on(signal, interrupt);
  for (const output of [process.stdout, process.stderr]) output.on("error", interrupt);
  const out = options.json ? process.stderr : process.stdout;
  const screen: Screen = out.isTTY ? liveScreen(out, options.sensor.engine) : linesTo(out);

  const grid = new Grid(
    (level, line) => (level === "warning" || level === "error") && screen.line(`${level}: ${line}`),
    (unit, open) => story.sessionChanged(unit, open),
  );
  const story: Story = new Story(grid, () => screen.update(story), stop.signal);
  let sensorProcess: SensorProcess | undefined;
  const lastResort = () => {
    sensorProcess?.kill();
    grid.removeKeys();
  };
  process.once("exit", lastResort);
  const timer = options.seconds === undefined ? undefined : setTimeout(() => stop.abort(), options.seconds * 1000);
  try {
    const port = await grid.open();
    screen.line(`home listens on 127.0.0.1 port ${port}; the sensor runs on ${options.sensor.engine}`);
    const args = [grid.sensorKeyFile, String(port), sensor.service];
    sensorProcess = new SensorProcess(options.sensor, args, (line) => screen.line(`sensor: ${line}`), (reason) => screen.line(`the sensor ended: ${reason}`));
    await story.run();
  } finally {
    clearTimeout(timer);
    await sensorProcess?.stop();
    await grid.close();
    screen.close();
    process.removeListener("exit", lastResort);
    for (const signal of signals) process.removeListener(signal, interrupt);
  }
  report(story, options, screen);
  return interrupted ? 130 : story.complete ? 0 : 1;
}

function report(story: Story, options: Options, screen: Screen): void {
  for (const { step, ok, seen } of story.steps) if (!ok) screen.line(`not seen: ${step}${seen ? ` (${seen})` : ""}`);
  if (!options.json) return;
  const devices = [{ name: sensor.unit, engine: options.sensor.engine }];
  process.stdout.write(`${JSON.stringify({ ok: story.complete, devices, steps: story.steps })}\n`);
}
