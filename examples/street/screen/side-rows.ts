/** What happens in the street: alarms, the story's steps, who asked for what and got what. */
import { durationText, timeText } from "./format";
import { beside, fit, lineWidth, pad, type Line, type Piece, type Style } from "./line";
import type { Row } from "./picture";
import { width } from "./text";
import type { AlarmView, LogEntry, ViewModel } from "./view-model";

/** Alarms that have cleared are shown so long. */
const clearedMs = 60_000;
/** Below so many columns the time of day is left out. */
const timeFrom = 56;
/** From so many columns on, what was seen of the steps stands in a column of its own. */
const alignedFrom = 70;

export function alarmRows(model: ViewModel): Row[] {
  const nowMs = model.nowMs();
  const all = [...model.alarms.values()].reverse();
  const standing = all.filter(({ stands }) => stands);
  const cleared = all.filter(({ stands, sinceMs }) => !stands && nowMs - sinceMs < clearedMs);
  return [...standing.map((alarm, i): Row => ({ line: alarmLine(alarm, nowMs), rank: 1 + 4 * i })), ...cleared.map((alarm, i): Row => ({ line: alarmLine(alarm, nowMs), rank: 13 + 4 * i }))];
}

function alarmLine({ unit, name, stands, sinceMs, stoodMs }: AlarmView, nowMs: number): Line {
  const sinceText = durationText(nowMs - sinceMs);
  if (stands) return [["▲ ", "bad"], [`${unit}: ${name}`, "bad"], [` for ${sinceText}`, "plain"]];
  return [["△ ", "good"], [`${unit}: ${name}`, "plain"], [` cleared ${sinceText} ago, stood ${durationText(stoodMs)}`, "dim"]];
}

/** The step that is to come next is the one to look at; around it, the nearest. */
export function storyRows(model: ViewModel, columns: number): Row[] {
  const steps = [...model.steps.values()];
  const next = steps.findIndex(({ ok }) => !ok);
  const middle = next < 0 ? steps.length : next;
  const nameColumns = columns < alignedFrom ? 0 : Math.min(Math.max(0, ...steps.map(({ name }) => width(name))), Math.floor(columns * 0.6));
  return steps.map(({ name, ok, seen }, i) => {
    const mark: Piece = ok ? ["✓ ", "good"] : ["· ", "dim"];
    const text: Line = [[name, i === next ? "strong" : ok ? "plain" : "dim"]];
    return { line: [mark, ...pad(text, Math.max(nameColumns, width(name))), [`  ${seen}`, "dim"]], rank: i === next ? 5 : 24 + 3 * Math.abs(i - middle) };
  });
}

/** Oldest first; the newest are the last to give way. */
export function logRows(model: ViewModel, columns: number): Row[] {
  const newest = model.log.length - 1;
  return model.log.map((entry, i) => ({ line: logLine(entry, columns), rank: i === newest ? 2 : 10.5 + 2 * (newest - i) }));
}

function logLine({ timeMs, said, times }: LogEntry, columns: number): Line {
  const time: Piece[] = columns >= timeFrom ? [[`${timeText(timeMs)} `, "dim"]] : [];
  const more: Piece[] = times > 1 ? [[` ×${times}`, "dim"]] : [];
  if (typeof said === "string") return beside([...time, ["– ", "warn"], [said, "plain"]], more, columns);
  const { by, what, target, result, detail } = said;
  const [mark, style] = markOf(result);
  // What was asked gives way before what came of it.
  const outcome: Piece[] = [[` ${mark} ${result === "done" ? detail || "done" : `${result}${detail ? `, ${detail}` : ""}`}`, style], ...more];
  const asked: Line = [...time, [`${by.stakeholder}/${by.service}`, "strong"], [" → ", "dim"], [`${target} ${what}`, "plain"]];
  return beside(asked, fit(outcome, Math.max(Math.floor(columns * 0.55), columns - lineWidth(asked))), columns);
}

function markOf(result: string): [mark: string, style: Style] {
  if (result === "done") return ["✓", "good"];
  return ["tooEarly", "noData", "busy"].includes(result) ? ["⋯", "warn"] : ["✗", "bad"];
}
