/** Drives a unit: gives it the time that it asks for, through the platform's timers. */
import type { LeafUnit } from "../core/leaf-unit";
import type { ClockPort, LinkPort, UnitPorts } from "../core/ports";

/** The platform's timers. */
export interface TimerPort {
  /** Calls back once, after at least `ms` milliseconds (0 to 2^31 - 1). */
  after(ms: number, callback: () => void): TimerHandle;
  cancel(timer: TimerHandle): void;
}
export type TimerHandle = unknown;

const longestMs = 0x7fffffff;

export class Driver<Unit extends LeafUnit> {
  readonly unit: Unit;
  #timer: TimerHandle | undefined;
  #dueMs = Infinity;
  #stopped = false;
  readonly #clock: ClockPort;

  /**
   * @param ports of the platform; `wake` is the driver's own
   * @param makeUnit makes the unit with these ports
   */
  constructor(
    ports: Omit<UnitPorts, "wake">,
    private readonly timers: TimerPort,
    makeUnit: (ports: UnitPorts) => Unit,
  ) {
    this.#clock = ports.clock;
    this.unit = makeUnit({ ...ports, wake: (inMs) => this.#tickIn(inMs) });
  }

  /** As {@link LeafUnit.receive}. */
  receive(link: LinkPort, message: Uint8Array): boolean {
    return this.unit.receive(link, message);
  }

  /** Closes the unit; no tick comes after this. */
  close(): void {
    this.#stopped = true;
    this.unit.close();
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** An earlier tick that is due already stays: whoever sends much must not put it off. */
  #tickIn(ms: number): void {
    if (this.#stopped || ms === Infinity) return;
    const dueMs = this.#clock.monotonicMs() + ms;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = this.timers.after(Math.min(ms, longestMs), () => {
      this.#timer = undefined;
      this.#tickIn(this.unit.tick());
    });
  }
}
