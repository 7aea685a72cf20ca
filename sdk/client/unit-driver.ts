/** The driver of a unit with others below it. */
import type { UnitPorts } from "../core/ports";
import { ManagementUnit, type UnitConfig } from "../core/unit";
import { Driver, type TimerPort } from "./driver";

export class UnitDriver extends Driver<ManagementUnit> {
  /** @param ports of the platform; `wake` is the driver's own */
  constructor(config: UnitConfig, ports: Omit<UnitPorts, "wake">, timers: TimerPort) {
    super(ports, timers, (whole) => new ManagementUnit(config, whole));
  }
}
