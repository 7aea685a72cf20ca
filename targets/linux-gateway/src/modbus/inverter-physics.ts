/** What a simulated inverter and its feeder do over time: pure functions of what they were told and of the time. */

export interface InverterRatings {
  /** Most active power that it feeds in, in W. */
  readonly nominalW: number;
  /** Time in which its power goes from nominal to nothing, in ms; 0: at once. */
  readonly rampMs: number;
  /** Rise of the voltage at its connection for each kW that it feeds in, in V. */
  readonly riseVPerKw: number;
}

export class SimulatedInverter {
  /** What the sun would give, in W; what is above nominal is not used. */
  availableW = 0;
  #powerW = 0;
  #energyWh = 0;
  #limitShare = 100;
  #limited = false;
  #revertAtMs = Infinity;

  /** @param atMs the time at which it begins, without power */
  constructor(
    readonly ratings: InverterRatings,
    private atMs: number,
  ) {}

  /** Active power that it feeds in, in W. */
  get powerW(): number {
    return this.#powerW;
  }

  /** Energy fed in so far, in Wh. */
  get energyWh(): number {
    return this.#energyWh;
  }

  get limited(): boolean {
    return this.#limited;
  }

  /** In % of nominal; in force while `limited`. */
  get limitShare(): number {
    return this.#limitShare;
  }

  /** @param share in % of nominal. @param revertS after this time the limit ends by itself; 0: never */
  limit(share: number, limited: boolean, revertS: number): void {
    this.#limitShare = share;
    this.#limited = limited;
    this.#revertAtMs = limited && revertS > 0 ? this.atMs + revertS * 1000 : Infinity;
  }

  /** Lives on to a later time. */
  advance(toMs: number): void {
    if (this.#revertAtMs <= toMs) {
      this.#run(this.#revertAtMs);
      this.#limited = false;
      this.#revertAtMs = Infinity;
    }
    this.#run(toMs);
  }

  /** The power goes towards what is available and allowed, no faster than the ramp. */
  #run(toMs: number): void {
    const { nominalW, rampMs } = this.ratings;
    const ms = toMs - this.atMs;
    if (ms <= 0) return;
    const targetW = Math.min(this.availableW, nominalW, this.#limited ? (nominalW * this.#limitShare) / 100 : nominalW);
    const stepW = rampMs > 0 ? (nominalW * ms) / rampMs : Infinity;
    const before = this.#powerW;
    this.#powerW = before + Math.max(-stepW, Math.min(stepW, targetW - before));
    this.#energyWh += (((before + this.#powerW) / 2) * ms) / 3_600_000;
    this.atMs = toMs;
  }
}

/** Voltage of a feeder in V: what the transformer gives and what each inverter adds to it. */
export function feederVoltageV(baseV: number, inverters: Iterable<SimulatedInverter>): number {
  let voltageV = baseV;
  for (const { powerW, ratings } of inverters) voltageV += (ratings.riseVPerKw * powerW) / 1000;
  return voltageV;
}
