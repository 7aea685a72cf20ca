/**
 * Keeps the voltage within its limit (GR-13): a service on the low-voltage unit, on behalf of the grid operator. It hears of every voltage of a DER device above the limit,
 * lowers the device's set-point, renews it before it runs out, and raises it step by step when the voltage has come back. It knows the data interface and nothing else.
 */
import type { ProgramPorts } from "../../client/device-access";
import type { DataInterface, Reading, SeriesText } from "../../client/data-interface";
import type { TimerHandle } from "../../client/driver";
import { StandingSubscription } from "../../client/standing";
import { badArgument } from "../../core/model/errors";
import type { ResultName } from "../../core/model/result";
import { checkVoltageSteps, lowered, raised, voltageSteps, type VoltageSteps } from "./voltage-steps";

export interface GuardSettings extends VoltageSteps {
  /** How long a set-point holds without renewal, in s, 3 to 86,400; it is renewed three times as often. */
  readonly timeToLiveS: number;
  /** After a change the device has this time to follow before it is looked at again; milliseconds. */
  readonly settleMs: number;
  /** The voltage must have been below `releaseV` for this time before a limit is raised; milliseconds. */
  readonly holdMs: number;
}

export const guardSettings: GuardSettings = Object.freeze({ ...voltageSteps, timeToLiveS: 300, settleMs: 15_000, holdMs: 60_000 });

/** A device that is guarded: whose measurements and set-points they are. */
export type GuardedDevice = Omit<SeriesText, "variable">;

/** What the guard has done. */
export interface GuardAction {
  readonly device: string;
  /** The voltage that led to this limit, in V; undefined where it was adopted. */
  readonly voltageV: number | undefined;
  /** The limit that was written or tried, in %; 100 for a release. */
  readonly limitShare: number;
  /** `adopt`: a set-point from before this service started goes on; `refused`: the write was not taken, and will be tried again. */
  readonly kind: "lower" | "raise" | "renew" | "release" | "adopt" | "refused";
  /** What became of the write. */
  readonly result: ResultName;
}

const firstRetryMs = 2000;
const lastRetryMs = 60_000;

export class VoltageGuard {
  readonly #guarded: Guarded[];

  /**
   * @param data the grid operator's: it may read `voltageL1` and the set-points of the devices, and write `setPointTimeToLive` and `powerLimitShare`
   * @throws EbalanceError `bad-argument` naming a setting out of range
   * @example
   * const grid = new DataInterface(unit, { service: "grid", stakeholder: "operator" });
   * new VoltageGuard(grid, { clock, timers, log }, [{ device: "inverter-1", owner: "customer-1" }], { limitV: 253 }, show);
   */
  constructor(data: DataInterface, ports: ProgramPorts, devices: readonly GuardedDevice[], settings: Partial<GuardSettings> = {}, onAction: (action: GuardAction) => void = () => {}) {
    const all = { ...guardSettings, ...settings };
    checkVoltageSteps(all);
    if (!(all.timeToLiveS >= 3 && all.timeToLiveS <= 86_400)) badArgument(`timeToLiveS ${all.timeToLiveS} is not from 3 to 86400`);
    if (!(all.settleMs >= 0 && all.holdMs > 0)) badArgument(`settleMs ${all.settleMs} and holdMs ${all.holdMs} are not times`);
    this.#guarded = devices.map((device) => new Guarded(device, data, ports, all, onAction));
  }

  /** Ends every subscription. Set-points that are in force run out by themselves, and the devices go to their safe state. */
  close(): void {
    for (const guarded of this.#guarded) guarded.close();
  }
}

/** One device under guard. */
class Guarded {
  #closed = false;
  readonly #exceeding: StandingSubscription;
  #adopted = false;
  /** Ends the wait until it is asked again what there is to adopt. */
  #adoptTimer: TimerHandle | undefined;
  #adoptRetryMs = firstRetryMs;
  #timer: TimerHandle | undefined;
  /** The limit that should hold, in %, why, and since when; 100: none. Times are on the monotonic clock. */
  #share = 100;
  #kind: GuardAction["kind"] = "release";
  #voltageV: number | undefined;
  #changedMs = -Infinity;
  /** The limit that the home unit has taken last, and when. */
  #takenShare = 100;
  #takenMs = -Infinity;
  #asking = false;
  /** When a refused write is tried again, and when the voltage is looked at again. */
  #againMs = -Infinity;
  #lookMs = -Infinity;
  #retryMs = firstRetryMs;

  constructor(
    private readonly device: GuardedDevice,
    private readonly data: DataInterface,
    private readonly ports: ProgramPorts,
    private readonly settings: GuardSettings,
    private readonly onAction: (action: GuardAction) => void,
  ) {
    const exceeding = { ...device, variable: "voltageL1", condition: { valueAbove: settings.limitV } };
    const take = ({ value }: Reading) => this.#exceeded(value as number);
    this.#exceeding = new StandingSubscription(`guard of ${device.device}`, () => data.event(exceeding), ports, take, () => this.#adopt());
  }

  close(): void {
    this.#closed = true;
    for (const timer of [this.#timer, this.#adoptTimer]) if (timer !== undefined) this.ports.timers.cancel(timer);
    this.#exceeding.close();
  }

  // ---- what is heard ----------------------------------------------------------------------------------------------------------------------

  /** A set-point from before this unit's restart is still this service's: nobody else would renew or release it. */
  async #adopt(): Promise<void> {
    if (this.#adoptTimer !== undefined) this.ports.timers.cancel(this.#adoptTimer);
    this.#adoptTimer = undefined;
    if (this.#adopted || this.#closed) return;
    const ask = (variable: string) => this.data.query({ ...this.device, variable });
    const [timeToLive, limit] = await Promise.all([ask("setPointTimeToLive"), ask("powerLimitShare")]);
    if (this.#closed) return;
    if (!isAnswer(timeToLive.result) || !isAnswer(limit.result)) return this.#adoptAgain(Math.max(timeToLive.retryAfterMs, limit.retryAfterMs));
    this.#adopted = true;
    const share = limit.readings[0]?.value as number | undefined;
    if (!timeToLive.readings[0]?.value || share === undefined || this.#share < 100) return;
    this.#change("adopt", share, undefined);
  }

  /** What came too early, or found no room, is asked again: a set-point that nobody renews would run out, and one that nobody releases would hold for ever. */
  #adoptAgain(retryAfterMs: number): void {
    const pauseMs = Math.max(this.#adoptRetryMs, retryAfterMs);
    this.#adoptRetryMs = Math.min(2 * this.#adoptRetryMs, lastRetryMs);
    this.#adoptTimer = this.ports.timers.after(pauseMs, () => {
      this.#adopt().catch((error: unknown) => {
        this.ports.log("warning", `guard of ${this.device.device}: ${(error as Error).message}`);
        if (!this.#closed) this.#adoptAgain(0);
      });
    });
  }

  #exceeded(voltageV: number): void {
    if (this.#closed || this.#nowMs() < this.#changedMs + this.settings.settleMs) return;
    const share = lowered(this.#share, voltageV, this.settings);
    if (share < this.#share) this.#change("lower", share, voltageV);
  }

  // ---- what is done -----------------------------------------------------------------------------------------------------------------------

  #change(kind: GuardAction["kind"], share: number, voltageV: number | undefined): void {
    this.#kind = kind;
    this.#share = share;
    this.#voltageV = voltageV;
    this.#changedMs = this.#nowMs();
    this.#lookMs = this.#changedMs + this.settings.holdMs;
    this.#takenMs = this.#againMs = -Infinity;
    this.#goOn();
  }

  /** Does what is due: writes a change or renews, or looks whether the limit may be raised. */
  #goOn(): void {
    if (this.#timer !== undefined) this.ports.timers.cancel(this.#timer);
    this.#timer = undefined;
    if (this.#closed || this.#asking) return;
    const renewMs = this.#takenMs + (this.settings.timeToLiveS * 1000) / 3;
    const isTaken = this.#share === this.#takenShare && this.#takenMs > -Infinity;
    if (isTaken && this.#share === 100) return;
    const nowMs = this.#nowMs();
    const writeMs = Math.max(this.#againMs, isTaken ? renewMs : nowMs);
    const lookMs = isTaken ? this.#lookMs : Infinity;
    if (writeMs <= nowMs) return void this.#during(this.#write(isTaken ? "renew" : this.#kind));
    if (lookMs <= nowMs) return void this.#during(this.#look());
    this.#timer = this.ports.timers.after(Math.min(writeMs, lookMs) - nowMs, () => this.#goOn());
  }

  async #during(step: Promise<void>): Promise<void> {
    this.#asking = true;
    try {
      await step;
    } catch (error) {
      this.#refused("busy", 0);
      this.#lookMs = this.#againMs;
      this.ports.log("warning", `guard of ${this.device.device}: ${(error as Error).message}`);
    }
    this.#asking = false;
    this.#goOn();
  }

  async #write(kind: GuardAction["kind"]): Promise<void> {
    const share = this.#share;
    const timeToLive = { ...this.device, variable: "setPointTimeToLive", value: share === 100 ? 0 : this.settings.timeToLiveS };
    const limit = { ...this.device, variable: "powerLimitShare", value: share };
    const { result, retryAfterMs } = await (share === 100 ? this.data.write(timeToLive) : this.data.write(timeToLive, limit));
    if (this.#closed) return;
    if (result !== "done") return this.#refused(result, retryAfterMs);
    this.#takenShare = share;
    this.#takenMs = this.#nowMs();
    this.#retryMs = firstRetryMs;
    this.#tell(kind, share, result);
  }

  #refused(result: ResultName, retryAfterMs: number): void {
    this.#againMs = this.#nowMs() + Math.max(this.#retryMs, retryAfterMs);
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
    this.#tell("refused", this.#share, result);
  }

  /** What an application does wrong with it must not end the guard. */
  #tell(kind: GuardAction["kind"], limitShare: number, result: ResultName): void {
    try {
      this.onAction({ device: this.device.device, voltageV: this.#voltageV, limitShare, kind, result });
    } catch (error) {
      this.ports.log("error", `guard of ${this.device.device}: ${(error as Error).message}`);
    }
  }

  /** Raises the limit if the highest voltage of the hold time permits it. No measurement is no permission. */
  async #look(): Promise<void> {
    const { holdMs, releaseV } = this.settings;
    const fromMs = this.ports.clock.wallMs() - holdMs;
    const changedMs = this.#changedMs;
    const { readings, retryAfterMs } = await this.data.query({ ...this.device, variable: "voltageL1", function: "maximum", condition: { fromMs } });
    const highest = readings[0]?.value as number | undefined;
    if (this.#closed || this.#changedMs !== changedMs) return;
    if (highest === undefined || highest >= releaseV) this.#lookMs = this.#nowMs() + Math.max(holdMs / 4, retryAfterMs);
    else this.#raise(highest);
  }

  #raise(highestV: number): void {
    const share = raised(this.#share, this.settings);
    this.#change(share === 100 ? "release" : "raise", share, highestV);
  }

  #nowMs(): number {
    return this.ports.clock.monotonicMs();
  }
}

/** Whether a query will not be answered otherwise later. */
function isAnswer(result: ResultName): boolean {
  return result === "done" || result === "noData" || result === "denied";
}
