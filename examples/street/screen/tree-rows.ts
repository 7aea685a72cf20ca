/** The units as a tree, with what each is, its link, its newest values and the set-point in force. */
import type { CountersEvent } from "./events";
import { curve, durationText, rateText, valueText } from "./format";
import { beside, lineWidth, pad, type Line, type Piece } from "./line";
import type { Row } from "./picture";
import { width } from "./text";
import type { SeriesView, UnitView, ViewModel } from "./view-model";

/** Columns of a value and its unit of measure, of an age, of the shortest curve that says something. */
const valueColumns = 13;
const measureColumns = 4;
const ageColumns = 6;
const leastCurve = 4;
/** Columns that values need beside what a unit is. */
const leastCell = 44;
/** On narrower terminals the tree is drawn by indentation alone. */
const branchesFrom = 50;
/** Ages below this are not worth a look. */
const shownAgeMs = 3000;

interface Placed {
  readonly unit: UnitView;
  /** What leads to it in the tree, and what goes on below it. */
  readonly branch: string;
  readonly below: string;
}

/** Where things stand in a row, in columns. */
interface Layout {
  readonly columns: number;
  /** Branch and name. */
  readonly name: number;
  /** What the unit is; 0 where there is no room. */
  readonly about: number;
  /** Where values begin, and how long the names of variables are. */
  readonly values: number;
  readonly variable: number;
}

/**
 * @param columns that there are for the tree
 * @param tall values stand below their unit; otherwise beside it, which takes fewer rows
 */
export function treeRows(model: ViewModel, columns: number, tall: boolean): Row[] {
  const placed = placeUnits(model, columns >= branchesFrom);
  const layout = tall ? tallLayout(placed, columns) : lowLayout(placed, columns);
  return placed.flatMap((place, i) => unitRows(model, place, placed[i + 1]?.unit.parent === place.unit.id, layout, tall));
}

/** Depth first; a unit whose parent is not known, or that is above itself, stands at the left. */
function placeUnits(model: ViewModel, branches: boolean): Placed[] {
  const [fork, last, on, off] = branches ? ["├─ ", "└─ ", "│  ", "   "] : ["  ", "  ", "  ", "  "];
  const units = [...model.units.values()];
  const placed = new Map<UnitView, Placed>();
  const place = (unit: UnitView, branch: string, below: string) => {
    placed.set(unit, { unit, branch, below });
    const children = units.filter((child) => child.parent === unit.id && !placed.has(child));
    children.forEach((child, i) => {
      const isLast = i === children.length - 1;
      place(child, `${below}${isLast ? last : fork}`, `${below}${isLast ? off : on}`);
    });
  };
  for (const unit of units) if (unit.parent === undefined || !model.units.has(unit.parent)) place(unit, "", "");
  for (const unit of units) if (!placed.has(unit)) place(unit, "", "");
  return [...placed.values()];
}

const longest = (texts: readonly string[]) => Math.max(0, ...texts.map(width));
const variablesOf = (placed: readonly Placed[]) => longest(placed.flatMap(({ unit }) => [...unit.series.keys()]));
const nameText = ({ unit, branch }: Placed) => `${branch}${unit.open === undefined ? "" : "● "}${unit.id}`;

function lowLayout(placed: readonly Placed[], columns: number): Layout {
  const name = Math.min(longest(placed.map(nameText)), Math.floor(columns * 0.45));
  const room = columns - name - leastCell - 2;
  const whole = longest(placed.map(({ unit }) => aboutText(unit, Infinity)));
  const about = whole <= room ? whole : Math.min(longest(placed.map(({ unit }) => aboutText(unit, 0))), room);
  const values = name + 1 + (about >= 8 ? about + 1 : 0);
  return { columns, name, about: about >= 8 ? about : 0, values, variable: Math.min(variablesOf(placed), columns - values - valueColumns - 1) };
}

function tallLayout(placed: readonly Placed[], columns: number): Layout {
  const name = Math.min(longest(placed.map(nameText)), Math.floor(columns * 0.45));
  const values = longest(placed.map(({ below }) => below)) + 2;
  return { columns, name, about: columns - name - 1, values, variable: Math.min(variablesOf(placed), columns - values - valueColumns - 1) };
}

/** What a unit is; where that is too long, only what it runs on and how it is joined. */
function aboutText({ kind, engine, transport }: UnitView, columns: number): string {
  const all = [kind, engine, transport].filter(Boolean).join(" · ");
  return width(all) <= columns ? all : [engine, transport].filter(Boolean).join(" · ") || kind;
}

function unitRows(model: ViewModel, { unit, branch, below }: Placed, hasChildren: boolean, layout: Layout, tall: boolean): Row[] {
  const { columns, name, about, values } = layout;
  const lost = unit.open === false;
  const link: Line = unit.open === undefined ? [] : [lost ? ["○ ", "bad"] : ["● ", "good"]];
  const head: Line = [...pad([[branch, "dim"], ...link, [unit.id, "strong"]], name), [" ", "plain"]];
  const under = pad([[`${below}${hasChildren ? "│" : ""}`, "dim"]], values);
  const cells = seriesOf(unit).map((series) => seriesCell(model, unit, series, layout));
  const cell = unit.counters ? countersCell(model, unit, unit.counters) : tall ? [] : (cells.shift() ?? []);
  const room = tall ? columns - name - 2 - lineWidth(cell) : about || (cell.length ? 0 : columns - name - 1);
  const told: Line = [lost ? ["link lost", "bad"] : [aboutText(unit, room), "dim"]];
  const setPoint: Row[] = unit.setPoint === undefined ? [] : [{ line: [...under, [`◆ ${unit.setPoint}`, "warn"]], rank: 10 }];
  return [
    { line: [...pad([...head, ...pad(told, room)], tall ? columns - lineWidth(cell) : values), ...cell], rank: unit.series.size ? 10 : 12 },
    ...setPoint,
    ...cells.map((shown, i): Row => ({ line: [...under, ...shown], rank: 17 + 4 * i })),
  ];
}

function countersCell(model: ViewModel, unit: UnitView, { kept, refused }: CountersEvent): Line {
  const counts: Piece[] = [[`${rateText(unit.messages.perS(model.nowMs()))} messages/s`, "value"], [`  ${kept} kept`, "plain"]];
  return refused ? [...counts, [`  ${refused} refused`, "warn"]] : counts;
}

/** What changes comes before what stays. */
function seriesOf(unit: UnitView): SeriesView[] {
  const all = [...unit.series.values()];
  return [...all.filter(({ varies }) => varies), ...all.filter(({ varies }) => !varies)];
}

function seriesCell(model: ViewModel, unit: UnitView, series: SeriesView, layout: Layout): Line {
  const cell = layout.columns - layout.values;
  const { variable, value, unitOfMeasure, decimals, timeMs, history } = series;
  const [number, measure] = valueText(value, unitOfMeasure, decimals);
  const stale = unit.open === false || model.isStale(series, unit);
  const style = stale ? "dim" : "value";
  const ageMs = model.nowMs() - timeMs;
  const age: Line = [stale ? [` stale ${durationText(ageMs)}`, "warn"] : [ageMs >= shownAgeMs ? durationText(ageMs).padStart(ageColumns) : "", "dim"]];
  // In a narrow cell the value matters more than the whole name.
  if (layout.variable < 8) return beside([[variable, "plain"]], [[` ${number} ${measure}`, style], ...(stale ? age : [])], cell);
  const isQuantity = typeof value === "number" && measure !== "";
  const text = isQuantity ? `${number.padStart(valueColumns - measureColumns - 1)} ${measure}` : number;
  const left: Line = [...pad([[variable, "plain"]], layout.variable), [" ", "plain"], ...pad([[text, style]], Math.max(isQuantity ? valueColumns : 0, width(text)))];
  const room = cell - lineWidth(left) - Math.max(ageColumns, lineWidth(age)) - 1;
  const bars: Piece[] = isQuantity && series.varies && room >= leastCurve ? [[` ${curve(history, room)}`, style]] : [];
  return beside(pad([...left, ...bars], cell - lineWidth(age)), age, cell);
}
