/** What the street tells its screen: small events, plain data. A screen holds or prints them; it asks nothing. */
import type { ResultName, Value } from "ebalance";

export interface UnitEvent {
  readonly id: string;
  /** Id of the unit above. */
  readonly parent?: string;
  /** In words, like `home` or `meter`. */
  readonly kind: string;
  /** What it runs on, like `XS` or `Node 20`. */
  readonly engine?: string;
  /** How it is joined to the unit above, like `MQTT`. */
  readonly transport?: string;
}

export interface ReadingEvent {
  readonly unit: string;
  readonly variable: string;
  readonly value: Value;
  readonly unitOfMeasure: string;
  /** When it was measured, milliseconds since 1970. */
  readonly timeMs: number;
}

export interface AskedEvent {
  readonly by: { readonly stakeholder: string; readonly service: string; readonly device: string };
  /** The function or operation, like `average` or `write 60 %`. */
  readonly what: string;
  /** Device and variable. */
  readonly target: string;
  readonly result: ResultName;
  /** The value with its unit of measure, or the reason, like `4.8 s are left`; may be empty. */
  readonly detail: string;
  readonly timeMs: number;
}

export interface AlarmEvent {
  readonly unit: string;
  readonly name: string;
  readonly stands: boolean;
}

/** Since the unit's start. */
export interface CountersEvent {
  /** Messages that came in. */
  readonly received: number;
  /** Readings that were kept. */
  readonly kept: number;
  /** Messages that were refused. */
  readonly refused: number;
}

export interface StepEvent {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen, in words. */
  readonly seen: string;
}

export interface StreetEvents {
  /** A unit that there is, or what is new about it. */
  unit(event: UnitEvent): void;
  /** The link of a unit to the one above is open or lost. */
  link(id: string, open: boolean): void;
  reading(event: ReadingEvent): void;
  asked(event: AskedEvent): void;
  alarm(event: AlarmEvent): void;
  /** A set-point in force at a unit and why; undefined where there is none any more. */
  setPoint(unit: string, text: string | undefined): void;
  counters(id: string, event: CountersEvent): void;
  step(event: StepEvent): void;
  note(text: string): void;
}
