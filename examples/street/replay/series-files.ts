/** What the tests of the recorded series share: files that are written for them, and options without flags. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { readCommandLine, type ReplayOptions } from "./replay-options";
import { openSeries, type Point, type Series } from "./series";

export const dataFolder = process.env["EBALANCE_DATA"] ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "ebalance-series-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @returns the path */
export function csvFile(text: string): string {
  const path = join(folder, "series.csv");
  writeFileSync(path, text);
  return path;
}

/** The options that these words on the command line make. */
export function replayOptions(file: string, ...flags: string[]): ReplayOptions {
  return readCommandLine(["--replay", file, ...flags], {}).replays[0]!;
}

/** Reads a series to its end, or so many points of it. */
export async function readSeries(file: string, flags: readonly string[] = [], most = Infinity): Promise<{ series: Series; points: Point[]; said: string[] }> {
  const said: string[] = [];
  const series = await openSeries(replayOptions(file, ...flags), (line) => said.push(line));
  const points: Point[] = [];
  for await (const point of series.points()) if (points.push(point) >= most) break;
  return { series, points, said };
}
