/**
 * What a DER controller decides: which limit holds, in which state it is, which alarms stand. Pure: it is told what happened and when, on a monotonic clock in
 * milliseconds, and knows nothing of units, inverters and timers.
 *
 * A set-point holds until its time to live has run out or it is released. One that runs out without a release, or whose gateway is gone too long, leads to the safe state,
 * and only the next set-point or a release leads out of it. A gateway that is gone while no set-point was in force is an alarm and no more: whoever was free to feed in
 * when the grid had nothing against it does not lose its yield to a broken link. Until the gateway has been heard for the first time, a limit that the inverter was found
 * with is not raised: what it was set for may still hold.
 */
import { badArgument } from "../../core/model/errors";

/** Values of the variable `controllerState`. */
export const ControllerState = Object.freeze({ off: 0, free: 1, setPoint: 2, safe: 3, fault: 4 } as const);
export type ControllerStateCode = (typeof ControllerState)[keyof typeof ControllerState];

/** Bits of the variable `alarms`. */
export const Alarm = Object.freeze({ overVoltage: 1, underVoltage: 2, silent: 4, nonsense: 8, notObeyed: 16, outOfLimits: 32, noGateway: 64 } as const);
export type AlarmBit = (typeof Alarm)[keyof typeof Alarm];

export interface DerLimits {
  /** Limit of active power in the safe state, in % of the nominal power, 0 to 100. */
  readonly safeLimitShare: number;
  /** Set-points below this are refused, in % of the nominal power, 0 to 100: for what cannot be run at less. */
  readonly leastLimitShare: number;
  /** A gateway that is gone for this long is an alarm, and ends a set-point in force; milliseconds. */
  readonly gatewayTimeoutMs: number;
  /** Above this voltage of any phase there is an alarm, in V. */
  readonly voltageHighV: number;
  /** Below this voltage of any phase there is an alarm, in V. */
  readonly voltageLowV: number;
  /** How far the voltage must come back for the alarm to clear, in V. */
  readonly voltageHysteresisV: number;
}

/** Voltages as EN 50160 has them: 230 V ± 10 %. */
export const derLimits: DerLimits = Object.freeze({
  safeLimitShare: 50,
  leastLimitShare: 0,
  gatewayTimeoutMs: 60_000,
  voltageHighV: 253,
  voltageLowV: 207,
  voltageHysteresisV: 2,
});

/** @throws EbalanceError `bad-argument` naming the setting */
export function checkDerLimits(limits: DerLimits): void {
  const { safeLimitShare, leastLimitShare, gatewayTimeoutMs, voltageHighV, voltageLowV, voltageHysteresisV } = limits;
  checkRange("safeLimitShare", safeLimitShare, 0, 100);
  checkRange("leastLimitShare", leastLimitShare, 0, 100);
  checkRange("gatewayTimeoutMs", gatewayTimeoutMs, 0, 0x7fffffff);
  checkRange("voltageHighV", voltageHighV, voltageLowV, 1000);
  checkRange("voltageLowV", voltageLowV, 0, 1000);
  checkRange("voltageHysteresisV", voltageHysteresisV, 0, voltageHighV - voltageLowV);
}

/** @throws EbalanceError `bad-argument` */
export function checkRange(name: string, value: number, least: number, greatest: number): void {
  if (!(value >= least && value <= greatest)) badArgument(`${name} ${value} is not from ${least} to ${greatest}`);
}

export class DerDecision {
  /** What holds, as of the last call. */
  state: ControllerStateCode = ControllerState.safe;
  /** The limit of active power to be obeyed, in % of the nominal power; 100: none. */
  limitShare: number;
  /** The alarms that stand, a bit each. */
  alarms = 0;
  /** When {@link update} must be called at the latest, on the monotonic clock. */
  dueMs = Infinity;
  /** Free, under a set-point or in the safe state: what holds while it is switched on and the inverter answers. */
  #mode: ControllerStateCode = ControllerState.safe;
  /** Whether the gateway has been heard since the start: until then anything may hold there. */
  #heard = false;
  /** The lowest limit that the inverter was found with until then: it may be that of a set-point from before a power cut. */
  #foundShare = 100;
  #on = true;
  /** The time to live that was written last, and when. */
  #timeToLiveMs = 0;
  #timeToLiveAtMs = -Infinity;
  /** The set-point that was accepted last, and until when it lives. */
  #share = 100;
  #untilMs = -Infinity;
  /** Since when the gateway is gone; Infinity while it is there. */
  #goneMs: number;

  constructor(
    private readonly limits: DerLimits,
    nowMs: number,
  ) {
    this.limitShare = limits.safeLimitShare;
    this.#goneMs = nowMs;
    this.update(nowMs);
  }

  /**
   * How long set-points hold, in s; 0 releases. One that lives is renewed by it, never shortened: the set-point that it is meant for may follow.
   * @param ageMs time since it was written
   */
  timeToLive(seconds: number, ageMs: number, nowMs: number): void {
    this.#timeToLiveMs = seconds * 1000;
    this.#timeToLiveAtMs = nowMs - Math.max(0, ageMs);
    if (seconds === 0) this.#release();
    else if (this.#timeToLiveAtMs < this.#untilMs) this.#untilMs = Math.max(this.#untilMs, this.#timeToLiveAtMs + this.#timeToLiveMs);
    this.update(nowMs);
  }

  /**
   * A limit from above, whose life counts from the newer of it and its time to live. What is out of limits, or comes without a time to live, is an alarm, and what held
   * before goes on. One that was released when it was written, or since, is past.
   * @param share of the nominal power, in %
   * @param ageMs time since it was written
   */
  setPoint(share: number, ageMs: number, nowMs: number): void {
    const writtenMs = nowMs - Math.max(0, ageMs);
    if (this.#timeToLiveMs === 0 && writtenMs <= this.#timeToLiveAtMs) return;
    const refused = !(share >= this.limits.leastLimitShare && share <= 100 && this.#timeToLiveMs > 0);
    this.#alarm(Alarm.outOfLimits, refused);
    // A set-point that cannot be obeyed is no release: a home that has one does not free what has just started.
    if (this.#timeToLiveMs > 0) this.#heard = true;
    if (!refused) {
      this.#mode = ControllerState.setPoint;
      this.#share = share;
      this.#untilMs = Math.max(writtenMs, this.#timeToLiveAtMs) + this.#timeToLiveMs;
      this.#goneMs = Infinity;
    }
    this.update(nowMs);
  }

  /** Switched on or off from above; off means that nothing is fed in, whatever else holds. */
  switched(on: boolean, nowMs: number): void {
    this.#on = on;
    this.update(nowMs);
  }

  /** The gateway is there, and all that it had to say has been said; or it is gone. */
  gateway(there: boolean, nowMs: number): void {
    if (there && !this.#heard) this.#release();
    if (there) this.#goneMs = Infinity;
    else if (this.#goneMs === Infinity) this.#goneMs = nowMs;
    this.update(nowMs);
  }

  /** The inverter answers, or why there is no answer that can be used. */
  inverter(problem: "silent" | "nonsense" | undefined, nowMs: number): void {
    this.#alarm(Alarm.silent, problem === "silent");
    this.#alarm(Alarm.nonsense, problem === "nonsense");
    this.update(nowMs);
  }

  /** The limit that the inverter has by itself, in %: until the gateway has been heard, no more than that is permitted. */
  found(limitShare: number, nowMs: number): void {
    this.#foundShare = Math.min(this.#foundShare, limitShare);
    this.update(nowMs);
  }

  /** Whether the limit has been seen to take effect. */
  obeyed(yes: boolean): void {
    this.#alarm(Alarm.notObeyed, !yes);
  }

  /** Voltages that were measured, in V. */
  voltages(highestV: number, lowestV: number): void {
    const { voltageHighV: high, voltageLowV: low, voltageHysteresisV: hysteresis } = this.limits;
    if (highestV > high || highestV < high - hysteresis) this.#alarm(Alarm.overVoltage, highestV > high);
    if (lowestV < low || lowestV > low + hysteresis) this.#alarm(Alarm.underVoltage, lowestV < low);
  }

  /** Lets time pass. */
  update(nowMs: number): void {
    const { gatewayTimeoutMs } = this.limits;
    const safeLimitShare = this.#heard ? this.limits.safeLimitShare : Math.min(this.limits.safeLimitShare, this.#foundShare);
    const goneAtMs = this.#goneMs + gatewayTimeoutMs;
    const gone = nowMs >= goneAtMs;
    const lives = nowMs < this.#untilMs;
    this.#alarm(Alarm.noGateway, gone);
    if (this.#mode === ControllerState.setPoint && (gone || !lives)) this.#mode = ControllerState.safe;
    this.dueMs = Math.min(gone ? Infinity : goneAtMs, lives ? this.#untilMs : Infinity);
    const isFault = (this.alarms & (Alarm.silent | Alarm.nonsense)) !== 0;
    this.state = isFault ? ControllerState.fault : this.#on ? this.#mode : ControllerState.off;
    // The safe state never permits more than a set-point that still lives.
    const limit = this.#mode === ControllerState.free ? 100 : this.#mode === ControllerState.safe ? safeLimitShare : this.#share;
    this.limitShare = !this.#on ? 0 : lives ? Math.min(limit, this.#share) : limit;
  }

  #release(): void {
    this.#heard = true;
    this.#mode = ControllerState.free;
    this.#untilMs = -Infinity;
    this.#alarm(Alarm.outOfLimits, false);
  }

  #alarm(bit: AlarmBit, stands: boolean): void {
    this.alarms = stands ? this.alarms | bit : this.alarms & ~bit;
  }
}
