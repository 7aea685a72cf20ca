/** Everything that the screen shows, gathered from events. Every list is bounded and every text is clean; knows nothing of how it is drawn. */
import type { Value } from "ebalance";
import type { AlarmEvent, AskedEvent, CountersEvent, ReadingEvent, StepEvent, StreetEvents, UnitEvent } from "./events";
import { decimalsOf } from "./format";
import { Rate } from "./rate";
import { clean } from "./text";

export const bounds = Object.freeze({ units: 100, series: 24, history: 80, log: 200, alarms: 50, steps: 40 });
/** A series is stale after so many of its usual periods without a reading, and never before so many milliseconds. */
const stalePeriods = 4;
const leastStaleMs = 10_000;
/** Before so many readings nobody knows what its usual period is. */
const leastReadings = 4;
/** So many entries of the log are looked through for the same question. */
const alikeWithin = 8;

export interface SeriesView {
  readonly variable: string;
  value: Value;
  unitOfMeasure: string;
  timeMs: number;
  /** Numbers only, oldest first. */
  readonly history: number[];
  /** Decimals that its values need, at most 3. */
  decimals: number;
  /** Whether it has ever changed. */
  varies: boolean;
  /** When the newest reading came, and how long it usually takes until the next. */
  arrivedMs: number;
  periodMs: number | undefined;
  /** Readings so far. */
  count: number;
}

export interface UnitView {
  id: string;
  parent: string | undefined;
  kind: string;
  engine: string;
  transport: string;
  /** Undefined: nothing was said of its link. */
  open: boolean | undefined;
  readonly series: Map<string, SeriesView>;
  setPoint: string | undefined;
  counters: CountersEvent | undefined;
  readonly messages: Rate;
  readonly readings: Rate;
}

export interface LogEntry {
  readonly timeMs: number;
  /** What was asked, or a note. */
  readonly said: (Omit<AskedEvent, "timeMs" | "result"> & { readonly result: string }) | string;
  /** How often in a row. */
  readonly times: number;
}

export interface AlarmView {
  readonly unit: string;
  readonly name: string;
  stands: boolean;
  sinceMs: number;
  /** For one that has cleared: how long it stood. */
  stoodMs: number;
}

export class ViewModel implements StreetEvents {
  readonly units = new Map<string, UnitView>();
  readonly alarms = new Map<string, AlarmView>();
  readonly steps = new Map<string, StepEvent>();
  /** Oldest first. */
  readonly log: LogEntry[] = [];
  readonly startMs: number;

  /** @param nowMs gives milliseconds since 1970 */
  constructor(readonly nowMs: () => number) {
    this.startMs = nowMs();
  }

  unit({ id, parent, kind, engine = "", transport = "" }: UnitEvent): void {
    const unit = this.#unit(id);
    if (unit) Object.assign(unit, { parent: parent && clean(parent), kind: clean(kind), engine: clean(engine), transport: clean(transport) });
  }

  link(id: string, open: boolean): void {
    const unit = this.#unit(id);
    if (!unit || unit.open === open) return;
    if (unit.open !== undefined) this.note(`the link of ${id} is ${open ? "back" : "lost"}`);
    unit.open = open;
  }

  reading({ unit: id, variable, value, unitOfMeasure, timeMs }: ReadingEvent): void {
    const unit = this.#unit(id);
    if (!unit) return;
    const nowMs = this.nowMs();
    unit.readings.add(1, nowMs);
    const name = clean(variable);
    let series = unit.series.get(name);
    if (!series) {
      if (unit.series.size >= bounds.series) return;
      series = { variable: name, value, unitOfMeasure: "", timeMs, history: [], decimals: 0, varies: false, arrivedMs: nowMs, periodMs: undefined, count: 0 };
      unit.series.set(name, series);
    } else {
      const gapMs = nowMs - series.arrivedMs;
      series.periodMs = series.periodMs === undefined ? gapMs : 0.7 * series.periodMs + 0.3 * gapMs;
      series.varies ||= value !== series.value;
    }
    series.count++;
    Object.assign(series, { value: typeof value === "string" ? clean(value) : value, unitOfMeasure: clean(unitOfMeasure), timeMs, arrivedMs: nowMs });
    if (typeof value !== "number") return;
    series.decimals = Math.max(series.decimals, decimalsOf(value));
    keep(series.history, value, bounds.history);
  }

  asked({ by, what, target, result, detail, timeMs }: AskedEvent): void {
    const who = { stakeholder: clean(by.stakeholder), service: clean(by.service), device: clean(by.device) };
    const said = { by: who, what: clean(what), target: clean(target), result: clean(result), detail: clean(detail) };
    // What is asked again and again is one line that says how often, at its newest place.
    const key = JSON.stringify({ ...said, detail: "" });
    const from = Math.max(0, this.log.length - alikeWithin);
    const at = this.log.findIndex((entry, i) => i >= from && typeof entry.said !== "string" && JSON.stringify({ ...entry.said, detail: "" }) === key);
    const times = at < 0 ? 1 : this.log.splice(at, 1)[0]!.times + 1;
    keep(this.log, { timeMs, said, times }, bounds.log);
  }

  alarm(event: AlarmEvent): void {
    const { stands } = event;
    const [unit, name] = [clean(event.unit), clean(event.name)];
    const key = JSON.stringify([unit, name]);
    const known = this.alarms.get(key);
    if (known ? known.stands === stands : !stands) return;
    const nowMs = this.nowMs();
    // Moved to the end: the newest change is the last one, and the oldest gives way.
    this.alarms.delete(key);
    this.alarms.set(key, { unit, name, stands, sinceMs: nowMs, stoodMs: known ? nowMs - known.sinceMs : 0 });
    if (this.alarms.size > bounds.alarms) this.alarms.delete(([...this.alarms].find(([, alarm]) => !alarm.stands) ?? [...this.alarms][0]!)[0]);
  }

  setPoint(id: string, text: string | undefined): void {
    const unit = this.#unit(id);
    if (unit) unit.setPoint = text === undefined ? undefined : clean(text);
  }

  counters(id: string, { received, kept, refused }: CountersEvent): void {
    const unit = this.#unit(id);
    if (!unit) return;
    // A unit that was started again counts from 0. What it counted before the first event is not a rate.
    const before = unit.counters ? unit.counters.received : received;
    unit.messages.add(received >= before ? received - before : received, this.nowMs());
    unit.counters = { received, kept, refused };
  }

  step({ name, ok, seen }: StepEvent): void {
    const key = clean(name);
    if (this.steps.has(key) || this.steps.size < bounds.steps) this.steps.set(key, { name: key, ok, seen: clean(seen) });
  }

  note(text: string): void {
    const said = clean(text);
    const last = this.log.at(-1);
    if (last?.said === said) this.log.pop();
    keep(this.log, { timeMs: this.nowMs(), said, times: last?.said === said ? last.times + 1 : 1 }, bounds.log);
  }

  /** Whether more readings than one of its usual periods have failed to come, while the unit sends nothing else either: what has not changed is not stale. */
  isStale({ periodMs, arrivedMs, count }: SeriesView, unit: UnitView): boolean {
    const isSilent = [...unit.series.values()].every((series) => this.nowMs() - series.arrivedMs > leastStaleMs);
    return isSilent && periodMs !== undefined && count >= leastReadings && this.nowMs() - arrivedMs > Math.max(leastStaleMs, stalePeriods * periodMs);
  }

  #unit(text: string): UnitView | undefined {
    const id = clean(text);
    let unit = this.units.get(id);
    if (!unit && this.units.size < bounds.units) {
      unit = {
        id, parent: undefined, kind: "", engine: "", transport: "", open: undefined, series: new Map(), setPoint: undefined, counters: undefined, messages: new Rate(), readings: new Rate(),
      };
      this.units.set(id, unit);
    }
    return unit;
  }
}

function keep<T>(list: T[], item: T, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}
