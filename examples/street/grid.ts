/**
 * The grid of the street, as data: a low-voltage unit, two homes below it; in the first a sensor and a DER controller on XS, in the second a meter over MQTT and an inverter
 * that the home bridges over Modbus. Who may see and set what is each customer's policy.
 */
import type { Plan } from "@ebalance/gateway";
import type { PolicyText } from "ebalance";

export const top = "lv-unit";
export const operator = { stakeholder: "operator", service: "grid" } as const;
export const supplier = { stakeholder: "supplier", service: "billing" } as const;
export const stranger = { stakeholder: "advertiser", service: "targeting" } as const;

export interface House {
  readonly home: string;
  readonly owner: string;
  /** Unit of the house whose power the supplier asks for. */
  readonly meter: string;
  /** Unit that feeds in, and takes set-points. */
  readonly inverter: string;
}
export const houses: readonly House[] = [
  { home: "home-1", owner: "customer-1", meter: "sensor-1", inverter: "der-1" },
  { home: "home-2", owner: "customer-2", meter: "meter-2", inverter: "inverter-2" },
];

/** The operator's grid service may read and set what it needs; the supplier's billing may read every five seconds; nobody else may do anything. */
const policy: PolicyText = {
  sequence: 1,
  entries: [
    { rights: "read", minDelayS: 5, grantees: [supplier] },
    { rights: "read-write", minDelayS: 0, grantees: [operator] },
  ],
};

/** @param replayed ids of further devices in the second home, which replay recorded series */
export function streetPlan(replayed: readonly string[]): Plan {
  const device = (parent: string, owner: string, service: string) => ({ parent, owner, services: [service] });
  return {
    domain: "elm-street",
    units: {
      [top]: { owner: operator.stakeholder, services: [operator.service] },
      "home-1": device(top, "customer-1", "display"),
      "home-2": device(top, "customer-2", "display"),
      "sensor-1": device("home-1", "customer-1", "metering"),
      "der-1": device("home-1", "customer-1", "der"),
      "meter-2": device("home-2", "customer-2", "metering"),
      "inverter-2": { ...device("home-2", "customer-2", "bridge"), bridged: true },
      ...Object.fromEntries(replayed.map((id) => [id, device("home-2", "customer-2", "metering")])),
    },
    services: [supplier, stranger].map((who) => ({ unit: top, ...who })),
  };
}

/** The low-voltage unit: a broker for the homes, and the voltage guard over both inverters. */
export function topConfig(keyFileOf: (unit: string) => string): object {
  return {
    unit: top,
    listen: [{ mqtt: {} }],
    units: houses.map(({ home }) => ({ keyFile: keyFileOf(home) })),
    services: [
      { totals: { ...operator, parts: houses.map(({ home, owner }) => ({ device: home, owner })), everyS: 2 } },
      {
        voltageGuard: { ...operator, devices: houses.map(({ inverter, owner }) => ({ device: inverter, owner })), limitV: 253, releaseV: 250, raiseShare: 20, settleS: 3, holdS: 2, timeToLiveS: 12 },
      },
    ],
  };
}

export interface Surroundings {
  readonly keyFileOf: (unit: string) => string;
  /** Where the low-voltage unit's broker is. */
  readonly topUrl: string;
  /** Folder in which each home keeps its series. */
  readonly folder: string;
  /** Port of the Modbus server behind which the second home's inverter is. */
  readonly modbusPort: number;
  readonly replayed: readonly string[];
}

/** A home: TCP for devices on XS, a broker of its own for those on MQTT, MQTT to the unit above. */
export function homeConfig({ home, owner }: House, { keyFileOf, topUrl, folder, modbusPort, replayed }: Surroundings): object {
  const first = home === "home-1";
  const measuring = first ? ["der-1"] : ["meter-2", "inverter-2"];
  return {
    unit: home,
    store: { folder: `${folder}/${home}` },
    listen: first ? [{ tcp: {} }] : [{ mqtt: {} }],
    parent: { keyFile: keyFileOf(home), url: topUrl },
    units: (first ? ["sensor-1", "der-1"] : [...new Set(["meter-2", ...replayed])]).map((unit) => ({ keyFile: keyFileOf(unit) })),
    policies: { [owner]: policy },
    services: [{ totals: { stakeholder: owner, service: "display", parts: measuring.map((device) => ({ device, owner })), everyS: 1 } }],
    bridges: first ? [] : [{ sunspec: { device: "inverter-2", owner, host: "127.0.0.1", port: modbusPort, unit: 2 } }],
  };
}
