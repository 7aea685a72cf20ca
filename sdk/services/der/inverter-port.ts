/** What a DER controller asks of the inverter that it controls, whatever protocol leads there. Calls never overlap: the next is made when the last has called back. */

/** What the inverter says of itself. */
export interface Nameplate {
  readonly maker: string;
  readonly model: string;
  readonly serialNumber: string;
  /** Most active power that it can feed in, in W. */
  readonly nominalPowerW: number;
  /** The limit of active power that it has at present, in % of the nominal power; 100 where none is enabled. */
  readonly limitShare: number;
}

/** What it measures; undefined where it has no such register, or none that is implemented. */
export interface InverterReading {
  /** Active power that it feeds in, in W: 0 or positive. */
  readonly powerW: number;
  /** Phase to neutral, RMS, in V. */
  readonly voltageL1V: number | undefined;
  readonly voltageL2V: number | undefined;
  readonly voltageL3V: number | undefined;
  readonly frequencyHz: number | undefined;
  /** Energy fed in since installation, in Wh. */
  readonly energyWh: number | undefined;
}

/** Why there is no answer: `silent` where none came in time, `nonsense` where what came cannot be true. */
export interface InverterProblem {
  readonly problem: "silent" | "nonsense" | "notObeyed" | "unsupported";
  readonly detail: string;
}

export interface InverterPort {
  /** Finds out what it is; to be called first, and again after it was silent. Calls back exactly once. */
  identify(done: (result: Nameplate | InverterProblem) => void): void;
  /** Calls back exactly once. */
  read(done: (result: InverterReading | InverterProblem) => void): void;
  /**
   * Limits the active power that it feeds in. Calls back exactly once: with undefined when the effect is confirmed (the registers say so and the power is at or below
   * the limit within the tolerance), with `notObeyed` where it is not after a stated time. The limit holds until the next call, however long that takes: the inverter
   * never gives it up by itself for the loss of whoever set it.
   * @param share of the nominal power, in %, 0 to 100; 100 lifts the limit
   */
  limit(share: number, done: (problem: InverterProblem | undefined) => void): void;
  /** Ends it; whoever waits is told. */
  close(): void;
}

/** A limit counts as obeyed up to this share of the nominal power above it, and this much for the noise of the measurement. */
const toleranceShare = 0.02;
const noiseW = 10;

/** The most power at which a limit still counts as obeyed, in W. @param share of the nominal power, in % */
export function obeyedUpToW(nominalPowerW: number, share: number): number {
  return nominalPowerW * (share / 100 + toleranceShare) + noiseW;
}
