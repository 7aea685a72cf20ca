/** What a checked configuration of a gateway says. Fields with a default are always there; `checkConfig` and `readConfig` make it. */
import type { PolicyText, UnitLimits } from "ebalance";
import type { SerialAddress } from "../serial";

/** A port on which units below are taken in. */
export interface ListenAddress {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
}

/** An MQTT broker outside the gateway, and who the gateway is there. */
export interface BrokerAccount {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  /** Default: the `mqttName` of the unit. */
  readonly username?: string | undefined;
  /** Holds the password alone; readable by its owner alone. */
  readonly passwordFile: string;
  /** Certificate (PEM) of who signed the broker's, where Node does not trust it anyway. */
  readonly caFile?: string | undefined;
}

/** One way in for the units below. */
export type ListenConfig =
  | { readonly tcp: ListenAddress }
  /** A broker inside the gateway. */
  | { readonly mqtt: ListenAddress & { readonly tls?: { readonly keyFile: string; readonly certFile: string } | undefined } }
  | { readonly broker: BrokerAccount }
  /** A line with one unit at its other end. */
  | { readonly serial: SerialAddress };

/** The way to the unit above. */
export interface ParentConfig {
  /** Of the session with it; without one the session is agreed on under the unit's credentials. */
  readonly keyFile?: string | undefined;
  /** Which of the units above, where the unit's credential names several. */
  readonly unit?: string | undefined;
  /** `tcp://host:port`, `mqtt://host:port`, `mqtts://host:port` or `serial:///dev/ttyUSB0?baudRate=115200`. */
  readonly url: string;
  /** For a broker with users of its own; otherwise user name and password come from the session key file, or the credentials of both. */
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly caFile?: string | undefined;
}

/** A SunSpec inverter that the gateway speaks for. */
export interface SunSpecConfig {
  /** Id of the inverter as a unit. */
  readonly device: string;
  readonly owner: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  /** Modbus unit id. */
  readonly unit: number;
  /** Period of its readings, in seconds. */
  readonly everyS: number;
  /** Limit while a set-point has run out and none has taken its place, in % of nominal power. */
  readonly safeLimitShare: number;
}

/** The voltage guard: see `VoltageGuard` of `ebalance`. Voltages in V, shares in % of nominal power, times in seconds. */
export interface VoltageGuardConfig {
  readonly stakeholder: string;
  readonly service: string;
  readonly devices: readonly { readonly device: string; readonly owner: string }[];
  readonly limitV: number;
  readonly releaseV: number;
  readonly voltsPerPercent: number;
  readonly leastShare: number;
  readonly raiseShare: number;
  readonly settleS: number;
  readonly holdS: number;
  readonly timeToLiveS: number;
}

/** Sums what the unit's parts measure: see `Totals` of `ebalance`. */
export interface TotalsConfig {
  /** For whom it sums; the owner of the sum. */
  readonly stakeholder: string;
  readonly service: string;
  readonly parts: readonly { readonly device: string; readonly owner: string }[];
  readonly variable: string;
  readonly everyS: number;
}

/** A service of the energy management platform. */
export type ServiceConfig = { readonly voltageGuard: VoltageGuardConfig } | { readonly totals: TotalsConfig };

export interface StoreConfig {
  readonly folder: string;
  readonly samplesPerSeries?: number | undefined;
  readonly engine: "auto" | "sqlite" | "frames";
}

export interface CredentialsConfig {
  /** As `ebalance keys` made it for this unit. */
  readonly folder: string;
  /** What is kept over a restart; default: `state` in that folder. */
  readonly stateFolder?: string | undefined;
  /** Whether its sessions are encrypted; they are, too, where the other end asks for it. Default "mac". */
  readonly protection?: "mac" | "encrypt" | undefined;
}

export interface GatewayConfig {
  /** Id of this unit, as its session key files or its credential name it. */
  readonly unit: string;
  /** Without it series are in memory, and lost at the end. */
  readonly store?: StoreConfig | undefined;
  /** Who the unit is where it has no session key file for a neighbour. */
  readonly credentials?: CredentialsConfig | undefined;
  readonly listen: readonly ListenConfig[];
  readonly parent?: ParentConfig | undefined;
  /** The units below. */
  readonly units: readonly { readonly keyFile: string }[];
  /** Devices of which copies are kept, as their homes publish them. */
  readonly replicas: readonly { readonly device: string; readonly owner: string; readonly home: string }[];
  /** Series that are at home here and are published. */
  readonly publish: readonly { readonly variable: string; readonly device: string; readonly owner: string }[];
  /** How long an instance waits for others to be published with, in seconds. */
  readonly publishEveryS: number;
  /** By owner. */
  readonly policies: Readonly<Record<string, PolicyText>>;
  readonly bridges: readonly { readonly sunspec: SunSpecConfig }[];
  readonly services: readonly ServiceConfig[];
  /** What is left out has its default. */
  readonly limits: { readonly [K in keyof UnitLimits]?: number | undefined };
}
