/** The picture of the street: what the model holds, as lines for a terminal of any size. Pure: the same model and size give the same lines. */
import { durationText, rateText } from "./format";
import { fit, lineWidth, pad, render, type Line, type Piece } from "./line";
import { alarmRows, logRows, storyRows } from "./side-rows";
import { treeRows } from "./tree-rows";
import type { ViewModel } from "./view-model";

/** A line and how much it matters: where there is no room for all, those with the least rank stay. */
export interface Row {
  readonly line: Line;
  readonly rank: number;
}

export interface PictureOptions {
  readonly colour: boolean;
  /** Otherwise ASCII. */
  readonly unicode: boolean;
}

/** From so many columns on, what happens stands beside the tree; it has at least so many of them. */
const twoColumnsFrom = 110;
const leastSideColumns = 50;
/** Share of the height that the tree may have where what happens stands below it. */
const treeShare = 0.55;
/** The heading of a section goes before the second most important row of it, but never before what people look for first. */
const leastHeadingRank = 16;
const hintRank = 200;

/** @returns at most `rows` lines of at most `columns` columns each */
export function picture(model: ViewModel, columns: number, rows: number, options: PictureOptions): string[] {
  const height = rows - 1;
  const body = besideEachOther(model, columns, height) ?? stacked(model, columns, height);
  return [titleLine(model, columns), ...body].slice(0, Math.max(0, rows)).map((line) => render(line, options));
}

/** Undefined where there is no room for that. */
function besideEachOther(model: ViewModel, columns: number, height: number): Line[] | undefined {
  const rightColumns = Math.max(leastSideColumns, Math.round(columns * 0.38));
  const leftColumns = columns - rightColumns - 3;
  const left = treeRows(model, leftColumns, true).map(({ line }) => line);
  if (columns < twoColumnsFrom || left.length > height) return undefined;
  const right = choose(happening(model, rightColumns), height);
  return Array.from({ length: Math.max(left.length, right.length) }, (_unused, i) => [...pad(left[i] ?? [], leftColumns), [" │ ", "dim"], ...fit(right[i] ?? [], rightColumns)]);
}

function stacked(model: ViewModel, columns: number, height: number): Line[] {
  const tall = treeRows(model, columns, true);
  const tree = tall.length <= height * treeShare ? tall : treeRows(model, columns, false);
  return choose([...tree, ...happening(model, columns)], height).map((line) => fit(line, columns));
}

function happening(model: ViewModel, columns: number): Row[] {
  return [
    ...section("alarms", alarmRows(model), columns),
    ...section("who asked for what", logRows(model, columns), columns),
    ...section("the story", storyRows(model, columns), columns),
    { line: [["Ctrl-C ends it", "dim"]], rank: hintRank },
  ];
}

function section(title: string, rows: readonly Row[], columns: number): Row[] {
  if (!rows.length) return [];
  const [first, second] = rows.map(({ rank }) => rank).sort((a, b) => a - b);
  const line: Line = [["── ", "dim"], [title, "strong"], [` ${"─".repeat(Math.max(0, columns - title.length - 4))}`, "dim"]];
  return [{ line, rank: Math.max(leastHeadingRank, second ?? first!) }, ...rows];
}

/** The lines of the rows that matter most, in the order in which they stand. */
function choose(rows: readonly Row[], height: number): Line[] {
  const chosen = new Set([...rows].sort((a, b) => a.rank - b.rank).slice(0, Math.max(0, height)));
  return rows.filter((row) => chosen.has(row)).map(({ line }) => line);
}

/** As much of the summary as there is room for. */
function titleLine(model: ViewModel, columns: number): Line {
  const nowMs = model.nowMs();
  const units = [...model.units.values()];
  const standing = [...model.alarms.values()].filter(({ stands }) => stands).length;
  const steps = [...model.steps.values()];
  const seen = steps.filter(({ ok }) => ok).length;
  const sum = (of: (unit: (typeof units)[number]) => number) => units.reduce((total, unit) => total + of(unit), 0);
  const refused = sum(({ counters }) => counters?.refused ?? 0);
  const parts: Piece[] = [standing ? [`▲ ${standing} alarm${standing > 1 ? "s" : ""}`, "bad"] : ["no alarm", "good"]];
  if (steps.length) parts.push([`${seen === steps.length ? "✓ " : ""}${seen} of ${steps.length} steps`, seen === steps.length ? "good" : "plain"]);
  parts.push([`${rateText(sum(({ readings }) => readings.perS(nowMs)))} readings/s`, "value"], [`${rateText(sum(({ messages }) => messages.perS(nowMs)))} messages/s`, "value"]);
  if (refused) parts.push([`${refused} refused`, "warn"]);
  parts.push([durationText(nowMs - model.startMs), "dim"]);
  const line: Piece[] = [["ebalance", "strong"]];
  for (const part of parts) {
    if (lineWidth([...line, part]) + 3 > columns) break;
    line.push(["   ", "plain"], part);
  }
  return fit(line, columns);
}
