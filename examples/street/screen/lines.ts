/** The street where there is no terminal to draw on: a line for each new thing, once. */
import type { AlarmEvent, AskedEvent, CountersEvent, ReadingEvent, StepEvent, StreetEvents, UnitEvent } from "./events";
import { decimalsOf, valueText } from "./format";
import { clean } from "./text";

/** What was said and is remembered; beyond that the oldest is forgotten, and may be said again. */
const maxRemembered = 2000;
/** A note may be a line of somebody's log. */
const noteChars = 1000;

export class Lines implements StreetEvents {
  /** What was said last under each key. */
  readonly #said = new Map<string, string>();

  constructor(private readonly stream: NodeJS.WritableStream) {}

  unit({ id, parent, kind, engine, transport }: UnitEvent): void {
    this.#once("unit", [id], [id, [kind, engine, transport].filter(Boolean).join(", "), parent === undefined ? "" : `below ${parent}`]);
  }

  link(id: string, open: boolean): void {
    this.#once("link", [id], [id, open ? "is open" : "is lost"]);
  }

  reading({ unit, variable, value, unitOfMeasure }: ReadingEvent): void {
    if (this.#said.has(JSON.stringify(["reading", unit, variable]))) return;
    this.#once("reading", [unit, variable], [unit, variable, ...valueText(value, unitOfMeasure, typeof value === "number" ? decimalsOf(value) : 0)]);
  }

  asked({ by, what, target, result, detail }: AskedEvent): void {
    const key = [by.stakeholder, by.service, by.device, target, what, result];
    if (this.#said.has(JSON.stringify(["asked", ...key]))) return;
    this.#once("asked", key, [`${by.stakeholder}/${by.service}`, "asked for", target, `${what}:`, detail ? `${result},` : result, detail]);
  }

  alarm({ unit, name, stands }: AlarmEvent): void {
    if (!stands && !this.#said.has(JSON.stringify(["alarm", unit, name]))) return;
    this.#once("alarm", [unit, name], [`${unit}:`, name, stands ? "stands" : "has cleared"]);
  }

  setPoint(unit: string, text: string | undefined): void {
    if (text === undefined && !this.#said.has(JSON.stringify(["set-point", unit]))) return;
    this.#once("set-point", [unit], [`${unit}:`, text ?? "none any more"]);
  }

  /** Counters are for whoever looks on. */
  counters(_id: string, _event: CountersEvent): void {}

  step({ name, ok, seen }: StepEvent): void {
    if (ok && !this.#said.has(JSON.stringify(["ok", name]))) this.#once("ok", [name], [`${name}:`, seen]);
  }

  note(text: string): void {
    this.stream.write(`${clean(text, noteChars)}\n`);
  }

  /** Says it unless it was the last that was said of this. */
  #once(kind: string, about: readonly string[], words: readonly string[]): void {
    const key = JSON.stringify([kind, ...about]);
    const text = `${kind.padEnd(9)} ${words.filter(Boolean).map((word) => clean(word)).join(" ")}`;
    if (this.#said.get(key) === text) return;
    this.#said.delete(key);
    this.#said.set(key, text);
    if (this.#said.size > maxRemembered) this.#said.delete(this.#said.keys().next().value!);
    this.stream.write(`${text}\n`);
  }
}
