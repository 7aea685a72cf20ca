/**
 * A meter that replays recorded series as its readings: a device on Node.
 * `node replay-meter.mjs KEYFILE URL SERVICE REPLAY...`: URL is where the parent listens (mqtt://host:port, tcp://host:port), each REPLAY the JSON of a `ReplayOptions`.
 * At the end of its series it stays joined, with nothing more to report; SIGTERM or Ctrl-C ends it. What was passed over is said on standard error.
 */
import { EbalanceError, openDevice } from "ebalance";
import { nodeDevicePlatform, nodeTimers, stderrLog, systemClock } from "@ebalance/gateway";
import { Replayer } from "./replay/replayer";
import type { ReplayOptions } from "./replay/replay-options";
import { openSeries, reportText } from "./replay/series";

const usage = "usage: node replay-meter.mjs KEYFILE URL SERVICE REPLAY...";
/** Keeps the process there between readings and at the end of the series. */
const idleMs = 3_600_000;

const log = stderrLog("replay", "info");

async function replay(): Promise<void> {
  const [keyFile, url, service, ...replays] = process.argv.slice(2);
  if (!keyFile || !url || !service || replays.length === 0) throw new EbalanceError("bad-argument", "caller", usage);
  const options = replays.map(readReplay);
  const opened = await Promise.all(options.map((option) => openSeries(option, (line) => log("warning", `${option.file} ${line}`))));
  const platform = nodeDevicePlatform({ keyFile, url, service });
  const device = openDevice(platform);
  const idle = setInterval(() => {}, idleMs);
  const players = opened.map((series, i) => {
    const { file, variable } = options[i]!;
    log("info", series.title);
    return new Replayer(series.points(), {
      clock: systemClock,
      timers: nodeTimers,
      speed: series.speed,
      onPoint: (value, timeMs) => device.write(variable, value, timeMs),
      onEnd(error) {
        if (error !== undefined) return stop(error);
        log("info", `${file} is at its end: ${reportText(series.report)}`);
      },
    });
  });
  const stop = (error?: unknown) => {
    clearInterval(idle);
    for (const player of players) player.close();
    device.close();
    if (error !== undefined) fail(error);
    else opened.forEach((series, i) => log("info", `${options[i]!.file}: ${reportText(series.report)}`));
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => stop());
}

function readReplay(text: string): ReplayOptions {
  try {
    return JSON.parse(text) as ReplayOptions;
  } catch (error) {
    throw new EbalanceError("bad-argument", "caller", `REPLAY ${text} is not JSON (${(error as Error).message}); ${usage}`);
  }
}

/** What is wrong with arguments, files or keys is said in a line; anything else is a fault of this program. */
function fail(error: unknown): void {
  if (!(error instanceof EbalanceError)) throw error;
  log("error", error.message);
  process.exitCode = 2;
}

replay().catch(fail);
