/** What a device's program needs of its unit, wherever the device's series are at home: in the unit above (`Device`) or in this one (`LocalDevice`, for a bridged device). */
import { badArgument } from "../core/model/errors";
import type { Value } from "../core/model/registry";
import type { ClockPort, LogPort } from "../core/ports";
import type { TimerPort } from "./driver";

/** What the program of a device needs of its platform. */
export interface ProgramPorts {
  readonly clock: ClockPort;
  readonly timers: TimerPort;
  readonly log: LogPort;
}

/** An instance that somebody wrote for the device: a set-point, a switch. */
export interface Written {
  /** Name of the variable in the registry. */
  readonly variable: string;
  /** In the variable's unit of measure. */
  readonly value: Value;
  /** When it was written, by the clock of the home unit: milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  /** Milliseconds since then: 0 where it is told as it happens, or where this unit's clock is not set. */
  readonly ageMs: number;
}

export interface Following {
  /** Nothing is told any more. May be called twice. */
  close(): void;
}

export interface DeviceAccess {
  /** Id of the device. */
  readonly id: string;
  /**
   * Reports a reading now. It is kept until the home unit has acknowledged it, as long as the outbox holds.
   * @param value in the variable's unit of measure
   * @param timeMs when it was measured, in milliseconds since 1970-01-01 UTC; left out: now. The home unit refuses times more than 2 s ahead of its own clock
   * @throws EbalanceError `bad-argument` for an unknown variable, a value outside its type or range, or what is no time
   */
  write(variable: string, value: Value, timeMs?: number): void;
  /**
   * Hears of what is written for the device. Each instance is told once; of what was written while the home unit could not be heard, the newest of each variable, in
   * the order of `variables`.
   * @param variables names in the registry
   * @param onHome told true when the home unit is heard and all that it had was told, false when it is not heard any more; nothing until it is heard first
   * @throws EbalanceError `bad-argument` for an unknown variable
   * @example
   * device.follow(["switchState"], ({ value }) => relay.set(value === true));
   */
  follow(variables: readonly string[], onWritten: (written: Written) => void, onHome?: (there: boolean) => void): Following;
}

/** Times of readings are between this and its negative. */
const lastMs = 2 ** 51;
/** Added to a time and taken away again it leaves whole milliseconds, which takes XS a fraction of `Math.round`. */
const rounding = 3 * lastMs;

/** The time of a reading in whole milliseconds. @throws EbalanceError `bad-argument` for what is no time */
export function readingTimeMs(timeMs: number): number {
  const wholeMs = timeMs + rounding - rounding;
  return wholeMs > -lastMs && wholeMs < lastMs ? wholeMs : badArgument(`time ${timeMs} of a reading is not in milliseconds between ${-lastMs} and ${lastMs}`);
}
