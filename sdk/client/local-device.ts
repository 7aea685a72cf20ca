/** A bridged device on the unit that it is enrolled at: its program writes and follows as one on a device of its own does. */
import { policyFromText, type PolicyText } from "../core/model/policy";
import { checkedFromPhysical, type Value } from "../core/model/registry";
import type { ManagementUnit } from "../core/unit";
import { readingTimeMs, type DeviceAccess, type Following, type ProgramPorts, type Written } from "./device-access";
import { Outbox } from "./outbox";
import { Followers } from "./series-follower";

/** Readings that wait while the unit's store cannot take them. */
const defaultCapacity = 256;

export interface LocalDeviceOptions {
  /** Id of the device, as it was enrolled at the unit. */
  readonly device: string;
  /** Who owns it. */
  readonly stakeholder: string;
  /** The service that speaks for it. */
  readonly service: string;
  /** Policy of what it writes. Left out: the one in force. */
  readonly policy?: PolicyText;
  /** Readings kept while the unit does not take them; then the oldest gives way. Default 256. */
  readonly capacity?: number;
}

export class LocalDevice implements DeviceAccess {
  readonly id: string;
  readonly #outbox: Outbox;
  readonly #followers: Followers;

  /**
   * @param unit where the device is enrolled; it is driven by somebody else
   * @example
   * driver.unit.enrol("inverter-1", "customer");
   * const inverter = new LocalDevice(driver.unit, { clock, timers, log }, { device: "inverter-1", stakeholder: "customer", service: "der" });
   */
  constructor(
    private readonly unit: ManagementUnit,
    private readonly ports: ProgramPorts,
    options: LocalDeviceOptions,
  ) {
    const { device, policy, capacity = defaultCapacity } = options;
    this.id = device;
    this.#outbox = new Outbox(unit, options, ports, policy && policyFromText(policy, unit.names), undefined, capacity);
    this.#followers = new Followers(unit, options, ports);
    this.#outbox.linkChanged(true);
    this.#followers.linkChanged(true);
  }

  write(variable: string, value: Value, timeMs?: number): void {
    const known = this.unit.registry.named(variable);
    this.#outbox.add(known, checkedFromPhysical(known, value), readingTimeMs(timeMs ?? this.ports.clock.wallMs()));
  }

  follow(variables: readonly string[], onWritten: (written: Written) => void, onHome?: (there: boolean) => void): Following {
    return this.#followers.follow(variables, onWritten, onHome);
  }

  /** Ends what it follows and writes; to be called before the unit is closed. */
  close(): void {
    this.#followers.close();
    this.#outbox.close();
  }
}
