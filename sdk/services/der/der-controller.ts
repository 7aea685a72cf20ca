/**
 * A DER controller (MU-5): measures an inverter and reports it, holds it to the set-points that come from above, and to its safe state where none may be relied on. What
 * is decided stands in der-decision.ts; here it is carried out, one call of the inverter at a time, every step from a timer: the stack of a device is small.
 */
import type { DeviceAccess, Following, ProgramPorts, Written } from "../../client/device-access";
import type { TimerHandle } from "../../client/driver";
import type { Value } from "../../core/model/registry";
import { checkDerLimits, checkRange, DerDecision, derLimits, type DerLimits } from "./der-decision";
import { obeyedUpToW, type InverterPort, type InverterProblem, type InverterReading, type Nameplate } from "./inverter-port";

export interface DerSettings extends DerLimits {
  /** Period of measuring, in milliseconds, 100 to 2^31 - 1. */
  readonly everyMs: number;
}

export const derSettings: DerSettings = Object.freeze({ ...derLimits, everyMs: 5000 });

/** What is written for a DER controller. The time to live comes before the set-point that it is for. */
const followed = Object.freeze(["setPointTimeToLive", "powerLimitShare", "switchState"]);
/** State, alarms and nominal values are reported when they change, and again after this time: a report can be lost. */
const repeatMs = 300_000;
/** A limit that was not obeyed is tried again after this time. */
const disobeyedRetryMs = 30_000;
/** So many readings in a row above a limit that was confirmed say that the inverter has forgotten it. */
const mostReadingsAbove = 2;
const firstRetryMs = 1000;
const lastRetryMs = 60_000;
const longestTimerMs = 0x7fffffff;

export class DerController {
  readonly #settings: DerSettings;
  readonly #decision: DerDecision;
  readonly #following: Following;
  #timer: TimerHandle | undefined;
  #closed = false;
  /** A call of the inverter is under way; what came of it waits for the next step. */
  #busy = false;
  #answer: ((nowMs: number) => void) | undefined;
  #nameplate: Nameplate | undefined;
  /** Whether the inverter has been read since it was identified: only then it is asked to obey. */
  #answers = false;
  #problem = "";
  #retryMs = firstRetryMs;
  /** When it is identified or read next, and when it is asked for the limit next; on the monotonic clock. */
  #readMs = 0;
  #limitMs = Infinity;
  #askedShare = -1;
  #confirmedShare = -1;
  /** Readings in a row above the confirmed limit. */
  #readingsAbove = 0;
  /** What was reported last, and when all of it is reported again. */
  #told = { state: -1, alarms: -1, share: -1 };
  #repeatMs = 0;

  /**
   * @param device where it reports and hears of set-points: a `Device`, or a `LocalDevice` of a gateway
   * @param inverter is the controller's from here on
   * @throws EbalanceError `bad-argument` naming a setting out of range
   * @example
   * new DerController(device, inverter, platform, { everyMs: 1000, safeLimitShare: 40 });
   */
  constructor(
    private readonly device: DeviceAccess,
    private readonly inverter: InverterPort,
    private readonly ports: ProgramPorts,
    settings: Partial<DerSettings> = {},
  ) {
    this.#settings = { ...derSettings, ...settings };
    checkDerLimits(this.#settings);
    checkRange("everyMs", this.#settings.everyMs, 100, longestTimerMs);
    this.#decision = new DerDecision(this.#settings, this.#nowMs());
    this.#following = device.follow(followed, (written) => this.#written(written), (there) => this.#home(there));
    this.#stepIn(0);
  }

  /** Ends it, and the inverter's connection. The limit that the inverter has holds until a controller is back: more than it permits would be the grid's risk. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.ports.timers.cancel(this.#timer);
    this.#following.close();
    this.inverter.close();
  }

  // ---- what comes from above --------------------------------------------------------------------------------------------------------------

  #written({ variable, value, ageMs }: Written): void {
    const nowMs = this.#nowMs();
    if (variable === "setPointTimeToLive") this.#decision.timeToLive(value as number, ageMs, nowMs);
    else if (variable === "powerLimitShare") this.#decision.setPoint(value as number, ageMs, nowMs);
    else this.#decision.switched(value as boolean, nowMs);
    this.#stepIn(0);
  }

  #home(there: boolean): void {
    this.#decision.gateway(there, this.#nowMs());
    // Another unit may stand in its place.
    if (there) this.#repeatMs = 0;
    this.#stepIn(0);
  }

  // ---- one step ---------------------------------------------------------------------------------------------------------------------------

  #stepIn(ms: number): void {
    if (this.#closed) return;
    if (this.#timer !== undefined) this.ports.timers.cancel(this.#timer);
    this.#timer = this.ports.timers.after(Math.min(Math.max(ms, 0), longestTimerMs), () => {
      this.#timer = undefined;
      this.#step();
    });
  }

  #step(): void {
    const nowMs = this.#nowMs();
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(nowMs);
    this.#decision.update(nowMs);
    if (this.#decision.limitShare !== this.#askedShare) this.#limitMs = nowMs;
    this.#report(nowMs);
    if (!this.#busy) this.#callInverter(nowMs);
    const callMs = this.#busy ? Infinity : Math.min(this.#readMs, this.#answers ? this.#limitMs : Infinity);
    this.#stepIn(this.#answer ? 0 : Math.min(callMs, this.#decision.dueMs, this.#repeatMs) - nowMs);
  }

  /** The next call that is due. */
  #callInverter(nowMs: number): void {
    if (this.#answers && this.#limitMs <= nowMs) this.#limit(this.#decision.limitShare);
    if (this.#busy || this.#readMs > nowMs) return;
    if (!this.#nameplate) this.#call<Nameplate | InverterProblem>((done) => this.inverter.identify(done), (result, ms) => this.#identified(result, ms));
    else this.#call<InverterReading | InverterProblem>((done) => this.inverter.read(done), (result, ms) => this.#measured(result, ms));
  }

  #call<T>(start: (done: (result: T) => void) => void, then: (result: T, nowMs: number) => void): void {
    this.#busy = true;
    start((result) => {
      this.#busy = false;
      this.#answer = (nowMs) => then(result, nowMs);
      this.#stepIn(0);
    });
  }

  #identified(result: Nameplate | InverterProblem, nowMs: number): void {
    if ("problem" in result) return this.#failed(result, nowMs);
    this.#nameplate = result;
    this.#decision.found(result.limitShare, nowMs);
    this.#readMs = nowMs;
    this.#repeatMs = 0;
  }

  #measured(result: InverterReading | InverterProblem, nowMs: number): void {
    if ("problem" in result) return this.#failed(result, nowMs);
    if (!this.#answers) this.#recovered(nowMs);
    // Drift-free, and without a burst after a call that took long.
    this.#readMs = Math.max(this.#readMs + this.#settings.everyMs, nowMs);
    this.#compare(result.powerW, nowMs);
    const { voltageL1V, voltageL2V, voltageL3V } = result;
    const voltages = [voltageL1V, voltageL2V, voltageL3V].filter((voltage): voltage is number => voltage !== undefined);
    if (voltages.length) this.#decision.voltages(Math.max(...voltages), Math.min(...voltages));
    this.#write("activePower", 0 - result.powerW);
    this.#write("voltageL1", voltageL1V);
    this.#write("voltageL2", voltageL2V);
    this.#write("voltageL3", voltageL3V);
    this.#write("frequency", result.frequencyHz);
    this.#write("activeEnergyExport", result.energyWh);
  }

  /** The inverter answers (again): it may have forgotten its limit. */
  #recovered(nowMs: number): void {
    const { maker, model, nominalPowerW } = this.#nameplate!;
    this.ports.log("info", `inverter ${maker} ${model} of ${nominalPowerW} W answers`);
    this.#answers = true;
    this.#problem = "";
    this.#retryMs = firstRetryMs;
    this.#limitMs = nowMs;
    this.#decision.inverter(undefined, nowMs);
  }

  /** Tries again from the beginning, after a pause that doubles. */
  #failed({ problem, detail }: InverterProblem, nowMs: number): void {
    if (problem !== this.#problem) this.ports.log("warning", `inverter ${problem}: ${detail}`);
    this.#problem = problem;
    this.#nameplate = undefined;
    this.#answers = false;
    this.#confirmedShare = -1;
    this.#readMs = nowMs + this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
    this.#decision.inverter(problem === "silent" ? problem : "nonsense", nowMs);
  }

  // ---- the limit --------------------------------------------------------------------------------------------------------------------------

  /** An inverter that has restarted may have forgotten its limit, without ever having been silent: it is written again, and not claimed until it is obeyed. */
  #compare(powerW: number, nowMs: number): void {
    const share = this.#confirmedShare;
    const mostW = obeyedUpToW(this.#nameplate!.nominalPowerW, share);
    this.#readingsAbove = share >= 0 && share < 100 && powerW > mostW ? this.#readingsAbove + 1 : 0;
    if (this.#readingsAbove < mostReadingsAbove) return;
    this.ports.log("warning", `inverter feeds in ${powerW} W, above its limit of ${share} %: it is written again`);
    this.#confirmedShare = -1;
    this.#limitMs = nowMs;
  }

  #limit(share: number): void {
    this.#askedShare = share;
    this.#readingsAbove = 0;
    this.#call<InverterProblem | undefined>((done) => this.inverter.limit(share, done), (problem, nowMs) => this.#limited(share, problem, nowMs));
  }

  #limited(share: number, problem: InverterProblem | undefined, nowMs: number): void {
    if (problem?.problem === "silent" || problem?.problem === "nonsense") return this.#failed(problem, nowMs);
    if (problem && share !== this.#told.share) this.ports.log("warning", `limit of ${share} % ${problem.problem}: ${problem.detail}`);
    this.#decision.obeyed(!problem);
    this.#confirmedShare = problem ? -1 : share;
    this.#limitMs = nowMs + (problem ? disobeyedRetryMs : Infinity);
  }

  // ---- reports ----------------------------------------------------------------------------------------------------------------------------

  #report(nowMs: number): void {
    const { state, alarms } = this.#decision;
    const again = nowMs >= this.#repeatMs;
    if (again) this.#repeatMs = nowMs + repeatMs;
    if (again || state !== this.#told.state) this.#write("controllerState", state);
    if (again || alarms !== this.#told.alarms) this.#write("alarms", alarms);
    if (this.#confirmedShare >= 0 && (again || this.#confirmedShare !== this.#told.share)) this.#write("powerLimitInForce", this.#confirmedShare);
    this.#told = { state, alarms, share: this.#confirmedShare };
    if (!again) return;
    this.#write("nominalPower", this.#nameplate?.nominalPowerW);
    this.#write("voltageLimitHigh", this.#settings.voltageHighV);
    this.#write("voltageLimitLow", this.#settings.voltageLowV);
  }

  #write(variable: string, value: Value | undefined): void {
    if (value === undefined) return;
    try {
      this.device.write(variable, value);
    } catch (error) {
      this.ports.log("warning", `not reported: ${(error as Error).message}`);
    }
  }

  #nowMs(): number {
    return this.ports.clock.monotonicMs();
  }
}
