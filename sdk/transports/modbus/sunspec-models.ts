/**
 * The SunSpec models that a DER controller needs, as data, and how their points are decoded. Offsets count from the model's first register (its id), as in the
 * published model definitions. Knows nothing of how registers are read.
 */
import { malformed } from "../../core/model/errors";

export type PointType = "int16" | "uint16" | "uint32" | "acc32" | "uint64" | "float32";

/** A number in a model. */
export interface Point {
  readonly at: number;
  readonly type: PointType;
  /** Where its scale factor stands: the number is multiplied by ten to that power. */
  readonly scaleAt?: number;
}

/** What an inverter measures; `count` registers hold it all. */
export interface MeasurementModel {
  readonly count: number;
  readonly powerW: Point;
  readonly voltageL1V: Point;
  readonly voltageL2V: Point;
  readonly voltageL3V: Point;
  readonly frequencyHz: Point;
  readonly energyWh: Point;
}

/** A point that says how much an inverter can feed in, in W. */
export interface CapacityPoint {
  readonly model: number;
  readonly count: number;
  readonly point: Point;
}

/** How the limit of the active power is written: registers from `first` on, at once, so that value and switch take effect together, and no time to revert from before goes on. */
export interface LimitModel {
  readonly model: number;
  readonly count: number;
  /** In % of the capacity. */
  readonly limit: Point & { readonly scaleAt: number };
  readonly enabledAt: number;
  readonly first: number;
  /** Time to revert 0: the limit never ends by itself. @param present the model as it was read. @param limit in steps of the scale factor */
  readonly block: (present: Uint16Array, limit: number, enabled: number) => number[];
}

const integers: MeasurementModel = Object.freeze({
  count: 52,
  powerW: point(14, "int16", 15),
  voltageL1V: point(10, "uint16", 13),
  voltageL2V: point(11, "uint16", 13),
  voltageL3V: point(12, "uint16", 13),
  frequencyHz: point(16, "uint16", 17),
  energyWh: point(24, "acc32", 26),
});

const floats: MeasurementModel = Object.freeze({
  count: 62,
  powerW: point(22, "float32"),
  voltageL1V: point(16, "float32"),
  voltageL2V: point(18, "float32"),
  voltageL3V: point(20, "float32"),
  frequencyHz: point(24, "float32"),
  energyWh: point(32, "float32"),
});

const der: MeasurementModel = Object.freeze({
  count: 123,
  powerW: point(10, "int16", 116),
  voltageL1V: point(47, "uint16", 114),
  voltageL2V: point(70, "uint16", 114),
  voltageL3V: point(93, "uint16", 114),
  frequencyHz: point(17, "uint32", 115),
  energyWh: point(19, "uint64", 120),
});

/** Inverters with one, two and three phases, in integers and floats; DER. */
export const measurementModels: Readonly<Record<number, MeasurementModel>> = Object.freeze({
  101: integers,
  102: integers,
  103: integers,
  111: floats,
  112: floats,
  113: floats,
  701: der,
});

/** The maximum that was set (settings, DER capacity) comes before the maximum by construction (nameplate): limits are shares of it. */
export const capacityPoints: readonly CapacityPoint[] = Object.freeze([
  { model: 121, count: 32, point: point(2, "uint16", 22) },
  { model: 702, count: 52, point: point(26, "uint16", 45) },
  { model: 120, count: 28, point: point(3, "uint16", 4) },
  { model: 702, count: 52, point: point(2, "uint16", 45) },
]);

/** Immediate controls, and the DER AC controls of newer devices. */
export const limitModels: readonly LimitModel[] = Object.freeze([
  {
    model: 123,
    count: 26,
    limit: { at: 5, type: "uint16", scaleAt: 23 },
    enabledAt: 9,
    first: 5,
    // At once; the ramp stays as it is.
    block: (present, limit, enabled) => [limit, 0, 0, present[8]!, enabled],
  },
  {
    model: 704,
    count: 59,
    limit: { at: 15, type: "uint16", scaleAt: 54 },
    enabledAt: 14,
    first: 14,
    // What it would revert to is the limit itself.
    block: (_present, limit, enabled) => [enabled, limit, limit, enabled, 0, 0],
  },
]);

/** Model 1, common: lengths in registers of two characters. Its serial number ends before a last register that not all have. */
export const commonModel = Object.freeze({
  model: 1,
  count: 66,
  maker: Object.freeze({ at: 2, length: 16 }),
  type: Object.freeze({ at: 18, length: 16 }),
  serialNumber: Object.freeze({ at: 50, length: 16 }),
});

function point(at: number, type: PointType, scaleAt?: number): Point {
  return Object.freeze(scaleAt === undefined ? { at, type } : { at, type, scaleAt });
}

const mostScale = 10;

/** The exponent of a scale factor. @throws EbalanceError `malformed` for one that is not from -10 to 10 */
export function scaleFactor(registers: Uint16Array, at: number): number {
  const exponent = signed(registers[at]!);
  if (exponent < -mostScale || exponent > mostScale) malformed(`scale factor ${exponent} in register ${at} is not from -10 to 10`);
  return exponent;
}

/** The value of a point, or undefined where it is not implemented. @throws EbalanceError `malformed` for a scale factor that cannot be */
export function pointValue(registers: Uint16Array, { at, type, scaleAt }: Point): number | undefined {
  const raw = rawValue(registers, at, type);
  if (raw === undefined || scaleAt === undefined) return raw;
  const exponent = scaleFactor(registers, scaleAt);
  // Division by a power of ten is exact to the last digit, multiplication by 0.1 is not.
  return exponent < 0 ? raw / 10 ** -exponent : raw * 10 ** exponent;
}

/** Each type has a value that says: not implemented. */
function rawValue(registers: Uint16Array, at: number, type: PointType): number | undefined {
  const word = registers[at]!;
  switch (type) {
    case "int16":
      return word === 0x8000 ? undefined : signed(word);
    case "uint16":
      return word === 0xffff ? undefined : word;
    case "uint32":
      return unlessAll(long(registers, at));
    case "acc32":
      return long(registers, at) || undefined;
    case "uint64": {
      const high = unlessAll(long(registers, at));
      return high === undefined ? undefined : high * 2 ** 32 + long(registers, at + 2);
    }
    case "float32": {
      const view = new DataView(new ArrayBuffer(4));
      view.setUint32(0, long(registers, at));
      const value = view.getFloat32(0);
      return Number.isNaN(value) ? undefined : value;
    }
  }
}

function signed(word: number): number {
  return (word << 16) >> 16;
}

function long(registers: Uint16Array, at: number): number {
  return registers[at]! * 0x10000 + registers[at + 1]!;
}

function unlessAll(value: number): number | undefined {
  return value === 0xffffffff ? undefined : value;
}

/** Text up to its first NUL; what is not printable ASCII becomes "?", for it may be shown on a terminal. */
export function stringValue(registers: Uint16Array, { at, length }: { readonly at: number; readonly length: number }): string {
  let text = "";
  for (let i = 0; i < 2 * length; i++) {
    const word = registers[at + (i >> 1)]!;
    const code = i & 1 ? word & 0xff : word >> 8;
    if (code === 0) break;
    text += code < 0x20 || code > 0x7e ? "?" : String.fromCharCode(code);
  }
  return text.trim();
}
