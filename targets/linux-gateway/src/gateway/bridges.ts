/** Bridges: devices without a unit of their own, for which the gateway speaks (MU-1). They enter through the same door as everybody else: as a service of their owner's. */
import { LocalDevice, type LogPort, type UnitDriver } from "ebalance";
import { DerController, SunSpecInverter } from "ebalance/der";
import { ModbusBus } from "../modbus/jsmodbus-registers";
import { nodeTimers, systemClock } from "../node-ports";
import type { SunSpecConfig } from "./configuration";

/** The Modbus servers that this gateway is connected to: devices behind one share its connection. */
export class ModbusBuses {
  readonly #buses = new Map<string, ModbusBus>();

  at(host: string, port: number): ModbusBus {
    const key = `${host}:${port}`;
    let bus = this.#buses.get(key);
    if (!bus) this.#buses.set(key, (bus = new ModbusBus({ host, port })));
    return bus;
  }

  close(): void {
    this.#buses.forEach((bus) => bus.close());
  }
}

/** Starts the bridge of a SunSpec inverter. @returns what ends it */
export function startSunSpec(config: SunSpecConfig, driver: UnitDriver, buses: ModbusBuses, log: LogPort): () => void {
  const { device, owner, service, host, port, unit, everyS, safeLimitShare } = config;
  const ports = { clock: systemClock, timers: nodeTimers, log: ((level, line) => log(level, `${device}: ${line}`)) as LogPort };
  driver.unit.enrol(device, owner);
  const local = new LocalDevice(driver.unit, ports, { device, stakeholder: owner, service });
  const inverter = new SunSpecInverter(buses.at(host, port).unit(unit), nodeTimers);
  const controller = new DerController(local, inverter, ports, { everyMs: everyS * 1000, safeLimitShare });
  return () => {
    controller.close();
    local.close();
  };
}
