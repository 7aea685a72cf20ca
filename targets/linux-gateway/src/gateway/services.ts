/** Services of the energy management platform that a gateway runs: each for a named stakeholder, over the data interface and nothing else. */
import { DataInterface, type GuardAction, type LogPort, Totals, type UnitDriver, VoltageGuard } from "ebalance";
import { nodeTimers, systemClock } from "../node-ports";
import type { ServiceConfig, TotalsConfig, VoltageGuardConfig } from "./configuration";
import type { GatewayEvent } from "./events";

interface ServiceParts {
  readonly driver: UnitDriver;
  readonly log: LogPort;
  readonly onEvent: (event: GatewayEvent) => void;
}

/** Starts a service. @returns what ends it */
export function startService(config: ServiceConfig, parts: ServiceParts): () => void {
  const service = "totals" in config ? startTotals(config.totals, parts) : startVoltageGuard(config.voltageGuard, parts);
  return () => service.close();
}

function startVoltageGuard(config: VoltageGuardConfig, { driver, log, onEvent }: ServiceParts): VoltageGuard {
  const { stakeholder, service, devices, holdS, settleS, ...settings } = config;
  const data = new DataInterface(driver.unit, { stakeholder, service });
  const ports = { clock: systemClock, timers: nodeTimers, log };
  return new VoltageGuard(data, ports, devices, { ...settings, holdMs: holdS * 1000, settleMs: settleS * 1000 }, (action) => {
    if (action.kind !== "renew") log("info", `voltage guard: ${words(action)}`);
    onEvent({ type: "guard", ...action });
  });
}

function startTotals({ stakeholder, service, parts, variable, everyS }: TotalsConfig, { driver, log }: ServiceParts): Totals {
  const { unit } = driver;
  unit.enrol(unit.id, stakeholder);
  const data = new DataInterface(unit, { stakeholder, service });
  return new Totals(data, { device: unit.id, owner: stakeholder }, parts, { variable, everyMs: everyS * 1000 }, { clock: systemClock, timers: nodeTimers, log });
}

function words({ device, kind, limitShare, voltageV, result }: GuardAction): string {
  const at = voltageV === undefined ? "" : `, ${voltageV.toFixed(1)} V there`;
  if (result !== "done") return `set-point of ${limitShare} % for ${device} not taken: ${result}`;
  return kind === "release" ? `${device} is released${at}` : `${device} at most ${limitShare} %${at}`;
}
