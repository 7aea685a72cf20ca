/** Drives a management unit: gives it the time that it asks for, through the platform's timers. */
import type { ClockPort, UnitPorts } from "../core/ports";
import { ManagementUnit, type UnitConfig } from "../core/unit";

/** The platform's timers. */
export interface TimerPort {
  /** Calls back once, after at least `ms` milliseconds (0 to 2^31 - 1). */
  after(ms: number, callback: () => void): TimerHandle;
  cancel(timer: TimerHandle): void;
}
export type TimerHandle = unknown;

const longestMs = 0x7fffffff;

export class UnitDriver {
  readonly unit: ManagementUnit;
  #timer: TimerHandle | undefined;
  #dueMs = Infinity;
  #stopped = false;
  readonly #clock: ClockPort;

  /** @param ports of the platform; `wake` is the driver's own */
  constructor(
    config: UnitConfig,
    ports: Omit<UnitPorts, "wake">,
    private readonly timers: TimerPort,
  ) {
    this.#clock = ports.clock;
    this.unit = new ManagementUnit(config, { ...ports, wake: () => this.#tickIn(0) });
  }

  /** Hands a message to the unit, and its consequences the time they need. @returns as {@link ManagementUnit.receive} */
  receive(link: Parameters<ManagementUnit["receive"]>[0], message: Uint8Array): boolean {
    const authentic = this.unit.receive(link, message);
    this.#tickIn(0);
    return authentic;
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
    const dueMs = this.#clock.monotonicMs() + ms;
    if (this.#stopped || ms === Infinity || (this.#timer !== undefined && this.#dueMs <= dueMs)) return;
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = this.timers.after(Math.min(ms, longestMs), () => {
      this.#timer = undefined;
      this.#tickIn(this.unit.tick());
    });
  }
}
