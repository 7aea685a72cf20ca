/** The driver of a unit with others below it. */
import type { LinkPort, UnitPorts } from "../core/ports";
import { ManagementUnit, type UnitConfig } from "../core/unit";
import { Driver, type TimerPort } from "./driver";

export class UnitDriver extends Driver<ManagementUnit> {
  /** Takes what comes in before the unit does, where others join by their credentials: a `Doorkeeper`. */
  door: Pick<ManagementUnit, "receive"> | undefined;

  /** @param ports of the platform; `wake` is the driver's own */
  constructor(config: UnitConfig, ports: Omit<UnitPorts, "wake">, timers: TimerPort) {
    super(ports, timers, (whole) => new ManagementUnit(config, whole));
  }

  override receive(link: LinkPort, message: Uint8Array): boolean {
    return (this.door ?? this.unit).receive(link, message);
  }
}
