import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EbalanceError } from "ebalance";
import { readCommandLine, replayHelp } from "./replay-options";

const replaysOf = (...args: string[]) => readCommandLine(args, {}).replays;
const refusal = (message: string) => expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(message) as string }) as Error;

describe("the flags of a replay", () => {
  test("one file alone is a meter that reports its active power", () => {
    expect(replaysOf("--replay", "a.csv")).toEqual([
      { file: "a.csv", device: "replay-1", variable: "activePower", scale: 1, offset: 0, skip: 0, header: "auto", delimiter: "auto", decimal: "point", loop: false },
    ]);
  });

  test("apply to the file before them, before the first to all, and stand beside those of the program", () => {
    const { values, replays } = readCommandLine(
      ["--json", "--interval", "15m", "--replay", "load.csv", "--replay", "pv.csv", "--scale", "-1", "--device", "roof", "--replay", "air.csv", "--interval=1h", "--variable=temperature", "--seconds", "9"],
      { json: { type: "boolean" }, seconds: { type: "string" } },
    );
    expect([values.json, values.seconds]).toEqual([true, "9"]);
    expect(replays.map(({ file, device, scale, intervalMs, variable }) => [file, device, scale, intervalMs, variable])).toEqual([
      ["load.csv", "replay-1", 1, 900_000, "activePower"],
      ["pv.csv", "roof", -1, 900_000, "activePower"],
      ["air.csv", "replay-3", 1, 3_600_000, "temperature"],
    ]);
  });

  test("every mapping is read", () => {
    const [replay] = replaysOf(
      ..."--replay a.csv --column Demand --time 2 --speed 0.5 --offset -3.5 --scale 1e6 --skip 17 --header none --delimiter tab --decimal comma --loop --interval 30s --device m.1 --variable voltageL1".split(" "),
    );
    expect(replay).toEqual({
      file: "a.csv", column: "Demand", time: "2", speed: 0.5, offset: -3.5, scale: 1e6, skip: 17, header: "none", delimiter: "\t", decimal: "comma", loop: true,
      intervalMs: 30_000, device: "m.1", variable: "voltageL1",
    });
  });

  test("two columns of a file may go to one device", () => {
    const replays = replaysOf("--device", "m", "--replay", "a.csv", "--column", "P", "--replay", "a.csv", "--column", "U", "--variable", "voltageL1");
    expect(replays.map(({ device, column, variable }) => [device, column, variable])).toEqual([
      ["m", "P", "activePower"],
      ["m", "U", "voltageL1"],
    ]);
  });

  test.each([
    ["--scale big", "--scale big is not a number, like"],
    ["--speed 0", "--speed 0 is not a number above 0"],
    ["--speed -1", "--speed -1 is not a number above 0"],
    ["--interval 15", "--interval 15 is not a time above 0 in s, m or h"],
    ["--interval 0m", "--interval 0m"],
    ["--skip -1", "--skip"],
    ["--skip 1.5", "--skip 1.5 is not a whole number"],
    ["--header first", "--header first is not one of none auto"],
    ["--delimiter |", "--delimiter | is not one of , ; tab auto"],
    ["--decimal dot", "--decimal dot is not one of point comma"],
    ["--variable power", "--variable power is not a number that devices report: activeEnergyImport, "],
    ["--variable powerLimit", "--variable powerLimit is not a number that devices report"],
    ["--variable alarmText", "--variable alarmText"],
    ["--device a/b", "--device a/b is no id"],
    ["--column 1 --column 2", "--column 2 is the second for a.csv: give --replay again"],
    ["--replay b.csv --device replay-1", "--device replay-1 gets activePower from a.csv already: give b.csv another"],
    ["--replya b.csv", "'--replya'"],
    ["b.csv", "'b.csv'"],
  ])("--replay a.csv %s is refused by flag, value and remedy", (rest, message) => {
    expect(() => replaysOf("--replay", "a.csv", ...rest.split(" "))).toThrow(refusal(message));
  });

  test("mapping flags without a file are refused", () => {
    expect(() => replaysOf("--column", "2")).toThrow(refusal("--column says how a file is replayed: give --replay FILE.csv too"));
  });

  test("whatever is typed is read or refused", () => {
    const word = fc.oneof(fc.constantFrom(...replayHelp.flatMap((line) => line.match(/--\w+/g) ?? []), "-1", "15m", "a.csv", ",", "none", "comma"), fc.string({ maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (args) => {
        try {
          readCommandLine(args, {});
        } catch (error) {
          if (!(error instanceof EbalanceError)) throw error;
        }
      }),
    );
  });

  test("every flag stands in the help", () => {
    const flags = replayHelp.flatMap((line) => /^\s+(--\w+)/.exec(line)?.[1] ?? []);
    expect(flags).toHaveLength(14);
    for (const flag of flags) expect(() => readCommandLine([flag, "x"], {})).not.toThrow(/Unknown option/);
  });
});
