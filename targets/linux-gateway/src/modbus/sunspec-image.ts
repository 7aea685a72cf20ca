/** The registers of a simulated SunSpec inverter: models 1, 103, 120 and 123 from 40000 on. */
import type { SimulatedInverter } from "./inverter-physics";

export const imageBase = 40_000;
const measurementAt = 70;
const nameplateAt = 122;
const controlsAt = 150;
const endAt = 176;
const imageLength = endAt + 2;
const limitAt = controlsAt + 5;
const revertAt = controlsAt + 7;
const enabledAt = controlsAt + 9;
/** Registers that may be written: the limit up to its switch. */
const writable = { from: limitAt, to: enabledAt } as const;

const notInt16 = 0x8000;
const notUint16 = 0xffff;
const [tenths, hundredths, tens] = [0x10000 - 1, 0x10000 - 2, 1];
const statusRunning = 4;

export class SunSpecImage {
  readonly #words = new Uint16Array(imageLength).fill(notUint16);

  constructor(
    private readonly inverter: SimulatedInverter,
    unitId: number,
  ) {
    const { nominalW } = inverter.ratings;
    this.#put(0, [0x5375, 0x6e53]);
    this.#put(2, [1, 66, ...text("ebalance", 16), ...text("simulator", 16), ...text("", 8), ...text("1", 8), ...text(`SIM-${unitId}`, 16), unitId, 0]);
    this.#put(nameplateAt, [120, 26, 4, Math.round(nominalW / 10), tens]);
    this.#put(controlsAt, [123, 24, 0, 0, 1, 10_000, 0, 0, notUint16, 0]);
    this.#put(controlsAt + 23, [hundredths, 0, 0]);
    this.#put(endAt, [0xffff, 0]);
  }

  /** Registers from an address on, or undefined where there are none. The inverter has been advanced to now. */
  read(address: number, count: number, voltageV: number): Uint16Array | undefined {
    const at = address - imageBase;
    if (at < 0 || at + count > imageLength) return undefined;
    this.#measure(voltageV);
    return this.#words.slice(at, at + count);
  }

  /** @returns whether these registers may be written */
  write(address: number, values: readonly number[]): boolean {
    const at = address - imageBase;
    if (at < writable.from || at + values.length > writable.to + 1) return false;
    this.#put(at, values);
    const [limit, revertS, enabled] = [this.#words[limitAt]!, this.#words[revertAt]!, this.#words[enabledAt]!];
    this.inverter.limit(limit / 100, enabled === 1, revertS === notUint16 ? 0 : revertS);
    return true;
  }

  #measure(voltageV: number): void {
    const { powerW, energyWh, limited, ratings } = this.inverter;
    const volts = Math.round(voltageV * 10);
    // In tens of watts from 30 kW on: the register ends at 32,767.
    const scaled = ratings.nominalW < 30_000 ? [Math.round(powerW), 0] : [Math.round(powerW / 10), tens];
    const energy = Math.round(energyWh);
    this.#put(measurementAt, [103, 50, ...Array<number>(8).fill(notUint16), volts, volts, volts, tenths, ...scaled, 5000, hundredths]);
    this.#put(measurementAt + 18, [...Array<number>(6).fill(notInt16), energy >>> 16, energy & 0xffff, 0]);
    this.#put(measurementAt + 38, [statusRunning]);
    // The limit ends by itself when its time has run out.
    if (!limited) this.#words[enabledAt] = 0;
  }

  #put(at: number, values: readonly number[]): void {
    this.#words.set(values, at);
  }
}

/** Two characters a register. */
function text(value: string, length: number): number[] {
  const bytes = Buffer.alloc(2 * length);
  bytes.write(value, "ascii");
  return Array.from({ length }, (_, i) => bytes.readUInt16BE(2 * i));
}
