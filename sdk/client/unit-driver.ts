/** The driver of a unit with others below it. */
import type { LinkPort, LogPort, UnitPorts } from "../core/ports";
import { ManagementUnit, type UnitConfig } from "../core/unit";
import { Driver, type TimerPort } from "./driver";

export class UnitDriver extends Driver<ManagementUnit> {
  /** Takes what comes in before the unit does, where others join by their credentials: a `Doorkeeper`. */
  door: Pick<ManagementUnit, "receive"> | undefined;

  readonly #log: LogPort;

  /** @param ports of the platform; `wake` is the driver's own */
  constructor(config: UnitConfig, ports: Omit<UnitPorts, "wake">, timers: TimerPort) {
    super(ports, timers, (whole) => new ManagementUnit(config, whole));
    this.#log = ports.log;
  }

  /** Whatever goes wrong while a message is taken ends its link, never the program: others are served on. */
  override receive(link: LinkPort, message: Uint8Array): boolean {
    try {
      return (this.door ?? this.unit).receive(link, message);
    } catch (error) {
      const reason = `a message could not be taken: ${(error as Error).message}`;
      this.#log("error", `${link.name}: ${reason}`);
      link.close(reason);
      return false;
    }
  }
}
