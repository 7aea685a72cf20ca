import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EbalanceError } from "ebalance";
import { csvFile, readSeries } from "./series-files";
import { reportText, type Report } from "./series";

const minute = 60_000;
const refusal = (message: string | RegExp) =>
  expect.objectContaining({ code: "bad-configuration", message: (typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message)) as string }) as Error;

/** Points as [minute, value]. */
async function minutes(text: string, ...flags: string[]): Promise<(readonly [number, number])[]> {
  const { points } = await readSeries(csvFile(text), flags);
  return points.map(({ timeMs, value }) => [timeMs / minute, value] as const);
}

describe("where a series lies in a file", () => {
  const plain = [[0, 1.5], [15, 2.5], [30, 3.5]];
  test.each<[string, string, string[]]>([
    ["one column without a header", "1.5\n2.5\n3.5\n", ["--interval", "15m"]],
    ["one column with a header", "kW\n1.5\n2.5\n3.5\n", ["--interval", "15m"]],
    ["a column of minutes", "min,W\n0,1.5\n15,2.5\n30,3.5", ["--time", "min"]],
    ["a column that counts steps", "i,W\n0,1.5\n1,2.5\n2,3.5", ["--time", "1", "--interval", "15m"]],
    ["ISO times that are found by themselves", "x,when,W\na,1970-01-01T00:00Z,1.5\nb,1970-01-01T00:15Z,2.5\nc,1970-01-01T00:30Z,3.5", []],
    ["ISO times with an offset, with seconds, without a zone", "1970-01-01 01:00+01:00,1.5\n1970-01-01T00:15:00.000,2.5\n1970-01-01 00:30:00,3.5", []],
    ["decimal commas and semicolons", "Zeit;Leistung\r\n1970-01-01 00:00;1,5\r\n1970-01-01 00:15;2,5\r\n1970-01-01 00:30;3,5\r\n", ["--decimal", "comma"]],
    ["tabs", "t\tW\n0\t1.5\n15\t2.5\n30\t3.5", ["--time", "t"]],
    ["a header with units below it", "time,power\n,kW\n1970-01-01T00:00,1.5\n1970-01-01T00:15,2.5\n1970-01-01T00:30,3.5", ["--column", "power"]],
    ["metadata before the header", "Site:,roof,,\nLat:,52.2,,\n,,,\nmin,a,b,P\n0,7,8,1.5\n15,7,8,2.5\n30,7,8,3.5", ["--time", "1", "--column", "4"]],
    ["an index without a name", ",P\n0,1.5\n15,2.5\n30,3.5", ["--time", "1", "--column", "P"]],
    ["a delimiter at the end of each line", "t,P,\n0,1.5,\n15,2.5,\n30,3.5,", ["--time", "t"]],
    ["lines that are skipped", "1,1\n2,2\n0,1.5\n15,2.5\n30,3.5", ["--skip", "2", "--header", "none", "--time", "1"]],
    ["scale and offset", "0,500\n15,1500\n30,2500", ["--time", "1", "--scale", "0.001", "--offset", "1"]],
  ])("%s", async (_what, text, flags) => {
    expect(await minutes(text, ...flags)).toEqual(plain);
  });

  test("seconds and milliseconds since 1970 are told by their size", async () => {
    const times = async (text: string) => (await readSeries(csvFile(text), ["--time", "1"])).points.map(({ timeMs }) => timeMs);
    expect(await times("1325336400,1\n1325337300,2")).toEqual([1325336400000, 1325337300000]);
    expect(await times("1325336400000,1\n1325337300000,2")).toEqual([1325336400000, 1325337300000]);
  });

  test("a step of the file lasts a second, by the step that comes most often; or as long as --speed says", async () => {
    const file = csvFile("0,1\n45,2\n60,3\n75,4\n");
    expect((await readSeries(file, ["--time", "1"])).series.speed).toBe(900);
    expect((await readSeries(file, ["--time", "1", "--speed", "60"])).series.speed).toBe(60);
    await expect(readSeries(file, ["--time", "1", "--speed", "90001"])).rejects.toEqual(refusal("--speed 90001 makes a step of 900 s last less than 10 ms: give at most 90000"));
  });

  test.each<[string, string, string[], string | RegExp]>([
    ["no times and no interval", "1\n2\n", [], /series\.csv: line 1 holds no time in the form of ISO 8601: give --time COLUMN, or --interval 15m/],
    ["no such name", "a,b\n1,2\n", ["--column", "c", "--interval", "1m"], '--column c is not in the header ("a, b"): give a name out of it or a number'],
    ["no header at all", "1,2\n", ["--column", "c", "--interval", "1m"], "--column c is not in the header (there is none)"],
    ["no such column", "1,2\n", ["--column", "3", "--interval", "1m"], "--column 3: there are 2 columns from line 1 on"],
    ["no number besides the time", "1970-01-01,x\n", [], "holds no number besides the time"],
    ["no number anywhere", "a\nb\n", ["--interval", "1m"], "holds no row with a number in it"],
    ["an empty file", "", ["--interval", "1m"], "holds no row with a number in it"],
    ["times that are none", "soon,1\nlater,2", ["--time", "1"], '--time 1 is "soon" on line 1: a time is ISO 8601'],
    ["no good row", "5\n6\n", ["--interval", "1m", "--scale", "1e9"], /has no row that can be used \(2 rows read, 0 good, 2 out of range \(first on line 1: "5", 5000000000 W with --scale and --offset, not from -100000000 to/],
  ])("%s is refused with a remedy", async (_what, text, flags, message) => {
    await expect(minutes(text, ...flags)).rejects.toEqual(refusal(message));
  });

  test("a file that is not there is refused by name", async () => {
    await expect(readSeries("no-such-file.csv", ["--interval", "1m"])).rejects.toEqual(refusal("no-such-file.csv: cannot be read (ENOENT)"));
    await expect(readSeries(".", ["--interval", "1m"])).rejects.toEqual(refusal("cannot be read (EISDIR)"));
  });
});

describe("gaps and nonsense", () => {
  const nonsenseOf = ({ nonsense }: Report) => Object.fromEntries([...nonsense].map(([kind, { count, line }]) => [kind, [count, line]]));

  test("time passes where a value or a row is missing, and both are counted", async () => {
    const { points, series } = await readSeries(csvFile("1\n\nNA\n4\n"), ["--interval", "1m"]);
    expect(points.map(({ timeMs, value }) => [timeMs / minute, value])).toEqual([[0, 1], [3, 4]]);
    expect(reportText(series.report)).toBe("4 rows read, 2 good, 2 without a value");
    const timed = await readSeries(csvFile("0,1\n1,2\n\n4,\n5,5\n"), ["--time", "1"]);
    expect(timed.points.map(({ timeMs }) => timeMs / minute)).toEqual([0, 1, 5]);
    expect(reportText(timed.series.report)).toBe("4 rows read, 3 good, 1 without a value, 2 missing");
  });

  test("each kind of nonsense is counted, and the first of it is named with its line", async () => {
    const text = "t,P\n0,1\n1,bad\n2,NaN\n3,1e9\nx,4\n5,5\n5,6\n4,7\n2,7\n6,\x1b[2J\n7,0x10\n8,-9e9\n9,9\n";
    const { points, series, said } = await readSeries(csvFile(text), ["--time", "t"]);
    expect(points.map(({ value }) => value)).toEqual([1, 5, 9]);
    expect(nonsenseOf(series.report)).toEqual({ "not a number": [4, 3], "out of range": [2, 5], "not a time": [1, 6], "time stands still": [1, 8], "time runs backwards": [2, 9] });
    expect(said).toHaveLength(5);
    expect(said[0]).toBe('line 3: not a number: "bad"; passed over');
    expect(said.join()).not.toContain("\x1b");
  });

  test("a row that lies far ahead of those after it is passed over, and not what follows", async () => {
    const text = "2024-01-01T00:00,1\n2024-01-01T00:15,2\n2099-01-01T00:00,3\n2024-01-01T00:30,4\n2024-02-30T00:00,5\n2024-01-01T00:45,6\n";
    const { points, series } = await readSeries(csvFile(text));
    expect(points.map(({ value }) => value)).toEqual([1, 2, 4, 6]);
    expect(nonsenseOf(series.report)).toEqual({ "time runs backwards": [1, 3], "not a time": [1, 5] });
    expect(series.report.missing).toBe(0);
  });

  test("a row of sums at the end is no reading, and takes no time", async () => {
    const { points, series } = await readSeries(csvFile("Day,P\n1,10\n2,20\nTotals,30\n"), ["--interval", "24h", "--column", "P"]);
    expect(points.map(({ value }) => value)).toEqual([10, 20]);
    expect(nonsenseOf(series.report)).toEqual({ "not a row": [1, 4] });
  });

  test("with --loop the file begins again one step after its end", async () => {
    const { points } = await readSeries(csvFile("5,1\n6,2\n7,3\n9,4\n"), ["--time", "1", "--loop"], 9);
    expect(points.map(({ timeMs, value }) => [timeMs / minute, value])).toEqual([[5, 1], [6, 2], [7, 3], [9, 4], [10, 1], [11, 2], [12, 3], [14, 4], [15, 1]]);
  });

  test("whatever a file holds: points go forward and are in range, the counts add up, and nothing is thrown but what has a code", async () => {
    const cell = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -5, max: 40 }).map(String) }, fc.constantFrom("", "NA", "NaN", "x", "1e99", "-1e8", "1,5", '"', "#", "2024-01-01T00:00Z", "\r", "\x1b[2J", "-1"), fc.string({ maxLength: 3 }));
    const file = fc.array(fc.array(cell, { minLength: 1, maxLength: 3 }), { maxLength: 20 }).map((rows) => rows.map((cells) => cells.join(",")).join("\n"));
    const flags = fc.constantFrom(["--interval", "1m"], ["--time", "1"], ["--time", "1", "--column", "2"], [], ["--header", "none", "--interval", "1s"], ["--decimal", "comma", "--interval", "1h"]);
    let good = 0;
    await fc.assert(
      fc.asyncProperty(file, flags, async (text, words) => {
        let read;
        try {
          read = await readSeries(csvFile(text), words);
        } catch (error) {
          if (error instanceof EbalanceError) return;
          throw error;
        }
        const { points, series } = read;
        const { rows, good: used, blank, nonsense } = series.report;
        expect(rows).toBe(used + blank + [...nonsense.values()].reduce((sum, { count }) => sum + count, 0));
        expect(points).toHaveLength(used);
        points.forEach(({ timeMs, value }, i) => expect(Math.abs(value) <= 1e8 && (i === 0 || timeMs > points[i - 1]!.timeMs)).toBe(true));
        good += used;
      }),
      { numRuns: 400 },
    );
    expect(good).toBeGreaterThan(200);
  });
});
