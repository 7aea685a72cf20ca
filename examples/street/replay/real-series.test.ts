/** Series that others have recorded: household load and solar production, demand of a state, weather, the export of a solar calculator. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Replayer } from "./replayer";
import { dataFolder, readSeries } from "./series-files";
import { reportText } from "./series";

const reason = existsSync(`${dataFolder}/load`) && existsSync(`${dataFolder}/pv`) ? "" : `no load and pv in ${dataFolder}: set EBALANCE_DATA to the data folder`;
const hour = 3_600_000;

describe.skipIf(reason)(`recorded series${reason ? ` (left out: ${reason})` : ""}`, () => {
  test.each<[string, string[], { rows: string; speed: number; first: [hours: number, value: number][]; sum: number }]>([
    ["load/alpg_Electricity_Profile_15min_H1.csv", ["--interval", "15m"], { rows: "17520 rows read, 17520 good", speed: 900, first: [[0, 274], [0.25, 274], [0.5, 242]], sum: 5_632_583.3 }],
    ["load/alpg_Electricity_Profile_PVProduction_15min_H1.csv", ["--interval", "15m"], { rows: "17520 rows read, 17520 good", speed: 900, first: [[0, 0], [0.25, 0], [0.5, 0]], sum: -12_219_176 }],
    [
      "load/vic_electricity_2012_2013.csv",
      ["--column", "Demand", "--scale", "1e3"],
      { rows: "35088 rows read, 35088 good", speed: 1800, first: [[0, 4382825.174], [0.5, 4263365.526], [1, 4048966.046]], sum: 164_672_879_728.6 },
    ],
    ["load/vic_electricity_2012_2013.csv", ["--time", "Time", "--column", "3", "--variable", "temperature"], { rows: "35088 rows read, 35088 good", speed: 1800, first: [[0, 21.4], [0.5, 21.05], [1, 20.7]], sum: 566_494.45 }],
    ["pv/twenthe_2022_solarirradiation.csv", ["--interval", "1h", "--variable", "irradiance"], { rows: "8807 rows read, 8807 good", speed: 3600, first: [[0, 0], [1, 0], [2, 0]], sum: 432_928 }],
    ["pv/twenthe_2022_temperature.csv", ["--interval", "1h", "--variable", "temperature"], { rows: "8759 rows read, 8759 good", speed: 3600, first: [[0, 12.1], [1, 12.2], [2, 12.3]], sum: 99_572.8 }],
    [
      "pv/pvwatts_8760_rackmount.csv",
      ["--interval", "1h", "--column", "AC System Output (W)", "--scale", "-1"],
      { rows: '8761 rows read, 8760 good, 1 not a row (first on line 8779: "Totals")', speed: 3600, first: [[0, 0], [1, 0], [2, 0]], sum: -6_023_671.24 },
    ],
  ])("%s %j", async (file, flags, expected) => {
    const { series, points } = await readSeries(`${dataFolder}/${file}`, flags);
    expect(reportText(series.report)).toBe(expected.rows);
    expect(series.speed).toBe(expected.speed);
    expect(points.slice(0, 3).map(({ timeMs, value }) => [(timeMs - points[0]!.timeMs) / hour, value])).toEqual(expected.first);
    expect(points.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(expected.sum, 1);
  });

  test.each<[string, string[], number]>([
    ["load/alpg_Electricity_Profile_15min_H1.csv", ["--interval", "15m"], 17_519],
    ["load/vic_electricity_2012_2013.csv", ["--column", "Demand", "--scale", "1e3", "--speed", "3600"], 35_087 / 2],
    ["pv/twenthe_2022_temperature.csv", ["--interval", "1h", "--variable", "temperature", "--speed", "7200"], 8758 / 2],
  ])("%s %j is played to its end without drift: %d s", async (file, flags, lastS) => {
    const { series, points } = await readSeries(`${dataFolder}/${file}`, flags);
    let nowMs = 0;
    const times: number[] = [];
    // Each timer comes a little late, after whole milliseconds: what that makes must not add up.
    const timers = { after: (ms: number, callback: () => void) => queueMicrotask(() => ((nowMs += ms + 0.3), callback())), cancel: () => {} };
    const clock = { wallMs: () => Math.floor(nowMs), monotonicMs: () => nowMs, isSet: () => true };
    const error = await new Promise((resolve) => new Replayer(series.points(), { clock, timers, speed: series.speed, onPoint: (_value, timeMs) => times.push(timeMs), onEnd: resolve }));
    expect([error, times.length, times.at(-1)]).toEqual([undefined, points.length, lastS * 1000]);
    expect(nowMs - lastS * 1000).toBeLessThan(1.5);
  });

  test("the demand of a state in W is more than a meter can say: that is told, not shown wrong", async () => {
    await expect(readSeries(`${dataFolder}/load/vic_electricity_2012_2013.csv`, ["--column", "Demand", "--scale", "1e6"])).rejects.toThrow(/no row that can be used .*35088 out of range \(first on line 2: "4382.825174"/);
  });
});
