/** What this computer can measure of itself, read from Linux. */
import { readdirSync, readFileSync } from "node:fs";

interface Times {
  readonly busy: number;
  readonly total: number;
}

function processorTimes(): Times | undefined {
  try {
    const fields = readFileSync("/proc/stat", "utf8").split("\n")[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
    const total = fields.reduce((sum, field) => sum + field, 0);
    return { total, busy: total - fields[3]! - fields[4]! };
  } catch {
    return undefined;
  }
}

/** A function that gives the share of the processors that was busy since it was called last, in percent; undefined where Linux does not say. */
export function processorLoadReader(): () => number | undefined {
  let before = processorTimes();
  return () => {
    const now = processorTimes();
    const passed = now && before ? now.total - before.total : 0;
    const load = passed > 0 ? (100 * (now!.busy - before!.busy)) / passed : undefined;
    before = now;
    return load;
  };
}

/** The temperature of the first thermal zone or hardware monitor in °C; undefined where there is none. */
export function temperature(): number | undefined {
  return firstTemperature("/sys/class/thermal", /^thermal_zone/, /^temp$/) ?? firstTemperature("/sys/class/hwmon", /^hwmon/, /^temp\d+_input$/);
}

function firstTemperature(folder: string, sensor: RegExp, file: RegExp): number | undefined {
  try {
    for (const name of readdirSync(folder).filter((entry) => sensor.test(entry))) {
      const input = readdirSync(`${folder}/${name}`).find((entry) => file.test(entry));
      if (input) return Number(readFileSync(`${folder}/${name}/${input}`, "utf8")) / 1000;
    }
  } catch {
    // Not every computer shows its sensors; a device without one has nothing to report.
  }
  return undefined;
}
