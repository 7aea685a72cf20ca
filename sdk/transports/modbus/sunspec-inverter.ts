/** A SunSpec inverter over Modbus registers: what it is, what it feeds in, and a limit whose effect is confirmed. The same code on a device and on a gateway. */
import type { TimerHandle, TimerPort } from "../../client/driver";
import { badArgument, EbalanceError, malformed } from "../../core/model/errors";
import { obeyedUpToW, type InverterPort, type InverterProblem, type InverterReading, type Nameplate } from "../../services/der/inverter-port";
import { problemKind } from "./modbus-pdu";
import type { RegisterPort } from "./register-port";
import {
  capacityPoints,
  commonModel,
  limitModels,
  measurementModels,
  pointValue,
  scaleFactor,
  stringValue,
  type LimitModel,
  type MeasurementModel,
  type Point,
} from "./sunspec-models";
import { findModels, readProblem, type FoundModel } from "./sunspec-walk";

const defaultObeyWithinMs = 10_000;
/** While it ramps down, the power is read in these intervals. */
const watchEveryMs = 500;
/** No inverter feeds in, or takes, more than this share of its capacity for long. */
const mostPowerShare = 1.5;
const mostPowerW = 1e9;
const mostVoltageV = 1000;
const mostFrequencyHz = 100;

/** What was found out about the inverter. */
interface Identity {
  readonly nominalPowerW: number;
  readonly measurement: FoundModel & { readonly layout: MeasurementModel };
  readonly limit: (FoundModel & { readonly layout: LimitModel }) | undefined;
}

/** Told once. */
type Done<T> = (result: T | InverterProblem) => void;

/**
 * Models 1, 101 to 103, 111 to 113 or 701 for what it measures, 120, 121 or 702 for its capacity, 123 or 704 to limit it. Shares are of the maximum that was set
 * (121, 702), else of the nameplate. A limit is written without a time to revert: it holds until the next one.
 * @example
 * const inverter = new SunSpecInverter(new ModbusTcp(tcpStreams("192.168.1.20", 502), timers), timers);
 * inverter.identify((result) => ...);
 */
export class SunSpecInverter implements InverterPort {
  #identity: Identity | undefined;
  /** Tells whoever waits that the call has failed. */
  #fail: ((problem: InverterProblem) => void) | undefined;
  #timer: TimerHandle | undefined;
  /** Until a limit has to be obeyed. */
  #deadline: TimerHandle | undefined;
  #closed = false;

  /** @param obeyWithinMs time in which the power must be at or below a limit after it was written, ramp included */
  constructor(
    private readonly registers: RegisterPort,
    private readonly timers: TimerPort,
    private readonly obeyWithinMs = defaultObeyWithinMs,
  ) {}

  identify(done: Done<Nameplate>): void {
    const finish = this.#begin(done);
    if (!finish) return;
    this.#identity = undefined;
    findModels(this.registers, (found) => {
      if ("problem" in found) return finish(found);
      this.#identifyFrom(found, finish);
    });
  }

  read(done: Done<InverterReading>): void {
    const finish = this.#begin(done);
    if (!finish) return;
    const identity = this.#identity;
    if (!identity) return this.#later(() => finish(unsupported("it has not been identified yet")));
    this.#measure(identity, finish);
  }

  /** @throws EbalanceError `bad-argument`, also where a call is under way */
  limit(share: number, done: (problem: InverterProblem | undefined) => void): void {
    if (!(share >= 0 && share <= 100)) badArgument(`share ${share} is not from 0 to 100 %`);
    const finish = this.#begin<undefined>(done);
    if (!finish) return;
    const identity = this.#identity;
    if (!identity) return this.#later(() => finish(unsupported("it has not been identified yet")));
    if (!identity.limit) return this.#later(() => finish(unsupported(`${this.registers.name} has no model ${limitModels.map((l) => l.model).join(" or ")} to limit its power`)));
    this.#writeLimit(identity.limit, share, (problem) => {
      if (problem || share === 100) return finish(problem);
      this.#watch(identity, share, finish);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.registers.close();
    this.#fail?.(closed());
  }

  /** @returns what ends the call, or undefined where the inverter was closed; that is told then */
  #begin<T>(done: Done<T>): Done<T> | undefined {
    if (this.#closed) {
      this.timers.after(0, () => done(closed()));
      return undefined;
    }
    if (this.#fail) badArgument(`${this.registers.name}: a call is under way, the next is made when it has called back`);
    const finish: Done<T> = (result) => {
      if (this.#fail !== finish) return;
      this.#fail = undefined;
      this.#endTimers();
      done(result);
    };
    this.#fail = finish;
    return finish;
  }

  #later(action: () => void, ms = 0): void {
    this.#timer = this.timers.after(ms, action);
  }

  #endTimers(): void {
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    if (this.#deadline !== undefined) this.timers.cancel(this.#deadline);
    this.#timer = this.#deadline = undefined;
  }

  #identifyFrom(found: readonly FoundModel[], finish: Done<Nameplate>): void {
    const common = modelOf(found, commonModel);
    const measuring = found.find(({ model, count }) => count >= (measurementModels[model]?.count ?? Infinity));
    if (!common || !measuring) return finish(unsupported(`${this.registers.name} has not both model 1 and one of ${Object.keys(measurementModels).join(", ")} in full length`));
    this.#readModel(common, commonModel.count, finish, (registers) => {
      const maker = stringValue(registers, commonModel.maker);
      const model = stringValue(registers, commonModel.type);
      const serialNumber = stringValue(registers, commonModel.serialNumber);
      this.#findCapacity(found, 0, finish, (nominalPowerW) => {
        const layout = limitModels.find((definition) => modelOf(found, definition));
        const limit = layout && { ...modelOf(found, layout)!, layout };
        this.#identity = { nominalPowerW, measurement: { ...measuring, layout: measurementModels[measuring.model]! }, limit };
        const told = (limitShare: number) => finish({ maker, model, serialNumber, nominalPowerW, limitShare });
        if (!limit) return told(100);
        this.#readModel(limit, layout.count, finish, (present) => told(present[layout.enabledAt] === 1 ? Math.min(100, pointValue(present, layout.limit) ?? 100) : 100));
      });
    });
  }

  /** The first of the points that is implemented says it. */
  #findCapacity(found: readonly FoundModel[], from: number, finish: Done<never>, then: (capacityW: number) => void): void {
    const definition = capacityPoints[from];
    if (!definition) return finish(unsupported(`${this.registers.name} does not say how much it can feed in`));
    const model = modelOf(found, definition);
    if (!model) return this.#findCapacity(found, from + 1, finish, then);
    this.#readModel(model, definition.count, finish, (registers) => {
      const capacityW = plausible(registers, definition.point, "capacity in W", 1, mostPowerW);
      if (capacityW === undefined) this.#findCapacity(found, from + 1, finish, then);
      else then(capacityW);
    });
  }

  #measure({ nominalPowerW, measurement }: Identity, finish: Done<InverterReading>): void {
    const { layout } = measurement;
    this.#readModel(measurement, layout.count, finish, (registers) => {
      const mostW = nominalPowerW * mostPowerShare;
      const powerW = plausible(registers, layout.powerW, "power in W", -mostW, mostW);
      if (powerW === undefined) malformed("its power is not implemented");
      const voltage = (point: Point) => plausible(registers, point, "voltage in V", 0, mostVoltageV);
      finish({
        // At night an inverter draws a little.
        powerW: Math.max(0, powerW),
        voltageL1V: voltage(layout.voltageL1V),
        voltageL2V: voltage(layout.voltageL2V),
        voltageL3V: voltage(layout.voltageL3V),
        frequencyHz: plausible(registers, layout.frequencyHz, "frequency in Hz", 0, mostFrequencyHz),
        energyWh: plausible(registers, layout.energyWh, "energy in Wh", 0, Number.MAX_SAFE_INTEGER),
      });
    });
  }

  /** Ends with undefined when the registers say what was written. */
  #writeLimit(model: NonNullable<Identity["limit"]>, share: number, finish: Done<undefined>): void {
    const { layout, address } = model;
    this.#readModel(model, layout.count, finish, (present) => {
      const exponent = scaleFactor(present, layout.limit.scaleAt);
      const steps = (percent: number) => (exponent < 0 ? percent * 10 ** -exponent : percent / 10 ** exponent);
      if (steps(100) < 1 || steps(100) > 0xfffe) malformed(`scale factor ${exponent} of the limit leaves no room for 100 %`);
      // Rounded down: what is in force is never above what was asked.
      const limit = Math.floor(steps(share) + 1e-6);
      const enabled = share === 100 ? 0 : 1;
      const block = layout.block(present, limit, enabled);
      this.registers.write(address + layout.first, block, (problem) => {
        if (problem !== undefined) {
          const { problem: kind, detail } = readProblem(problem);
          return finish({ problem: problemKind(problem) === "refused" ? "notObeyed" : kind, detail });
        }
        this.#readModel(model, layout.count, finish, (written) => {
          if (written[layout.enabledAt] === enabled && (enabled === 0 || written[layout.limit.at] === limit)) return finish(undefined);
          finish({ problem: "notObeyed", detail: `limit ${written[layout.limit.at]}, enabled ${written[layout.enabledAt]} where ${limit}, ${enabled} were written` });
        });
      });
    });
  }

  #watch(identity: Identity, share: number, finish: Done<undefined>): void {
    const limitW = (identity.nominalPowerW * share) / 100;
    const mostW = obeyedUpToW(identity.nominalPowerW, share);
    let late = false;
    this.#deadline = this.timers.after(this.obeyWithinMs, () => (late = true));
    const look = () =>
      this.#measure(identity, (reading) => {
        if ("problem" in reading) return finish(reading);
        if (reading.powerW <= mostW) return finish(undefined);
        if (late) return finish({ problem: "notObeyed", detail: `feeds in ${reading.powerW} W, limited to ${limitW} W, after ${this.obeyWithinMs} ms` });
        this.#later(look, watchEveryMs);
      });
    look();
  }

  /** Hands over the registers of a model; what cannot be true ends the call. */
  #readModel({ model, address }: FoundModel, count: number, finish: Done<never>, then: (registers: Uint16Array) => void): void {
    this.registers.read(address, count, (result) => {
      if ("problem" in result) return finish(readProblem(result.problem));
      try {
        if (result.values[0] !== model) malformed(`model ${result.values[0]} where ${model} was`);
        then(result.values);
      } catch (error) {
        if (!(error instanceof EbalanceError && error.code === "malformed")) throw error;
        finish({ problem: "nonsense", detail: `${this.registers.name}: ${error.message}` });
      }
    });
  }
}

/** The value of a point within the bounds, or undefined where it is not implemented. @throws EbalanceError `malformed` for one outside */
function plausible(registers: Uint16Array, point: Point, what: string, least: number, most: number): number | undefined {
  const value = pointValue(registers, point);
  if (value !== undefined && !(value >= least && value <= most)) malformed(`${what} ${value} is not from ${least} to ${most}`);
  return value;
}

/** A model that is shorter than its definition is not that model. */
function modelOf(found: readonly FoundModel[], { model, count }: { readonly model: number; readonly count: number }): FoundModel | undefined {
  return found.find((other) => other.model === model && other.count >= count);
}

function unsupported(detail: string): InverterProblem {
  return { problem: "unsupported", detail };
}

function closed(): InverterProblem {
  return { problem: "silent", detail: "closed" };
}
