/** Services of the energy management platform that a gateway runs: each for a named stakeholder, over the data interface and nothing else. */
import { DataInterface, type LogPort, type UnitDriver, VoltageGuard } from "ebalance";
import { nodeTimers, systemClock } from "../node-ports";
import type { VoltageGuardConfig } from "./configuration";
import type { GatewayEvent } from "./events";

/** Starts a voltage guard. @returns what ends it */
export function startVoltageGuard(config: VoltageGuardConfig, driver: UnitDriver, log: LogPort, onEvent: (event: GatewayEvent) => void): () => void {
  const { stakeholder, service, devices, holdS, settleS, ...settings } = config;
  const data = new DataInterface(driver.unit, { stakeholder, service });
  const ports = { clock: systemClock, timers: nodeTimers, log };
  const guard = new VoltageGuard(data, ports, devices, { ...settings, holdMs: holdS * 1000, settleMs: settleS * 1000 }, (action) => onEvent({ type: "guard", ...action }));
  return () => guard.close();
}
