/**
 * The variable registry (DI-1): which variables exist, their unit of measure, value type, range and who may write them. The data stand in
 * `variables.json`; a deployment may add its own from id 1024.
 *
 * Inside a unit and on the wire a value of type `integer` is the physical value divided by the variable's scale, a whole number: one
 * encoding a value, and no floating-point arithmetic on a device. `toPhysical` and `fromPhysical` convert at the edge.
 */
import { badArgument } from "./errors";
import { Result, resultName, type ResultCode } from "./result";
import { utf8Length } from "./utf8";

/** A device converts and checks each reading, and on XS a constant of the module is read faster than a global's property. */
const { round } = Math;
const { isSafeInteger } = Number;

export type ValueType = "integer" | "float" | "boolean" | "text" | "bytes";
const valueTypes: readonly ValueType[] = Object.freeze(["integer", "float", "boolean", "text", "bytes"]);

/** A value inside a unit: scaled whole number, float, boolean, text or bytes, as the registry says for the variable. */
export type Value = number | boolean | string | Uint8Array;

export interface VariableDefinition {
  /** Unique number, 1 to 65535. Ids below 24 take one byte on the wire; 1024 and above are free for deployments. */
  readonly id: number;
  /** Unit of measure (SI or derived), empty where there is none. */
  readonly unit: string;
  readonly type: ValueType;
  /** For `integer`: physical value of one step, a power of ten from 1e-6 to 1e6. */
  readonly scale?: number;
  /** For numbers: the least physical value. */
  readonly min?: number;
  /** For numbers: the largest physical value; for text and bytes: the greatest length in bytes of UTF-8, at most 120. */
  readonly max?: number;
  /** `device`: only the device that measures it. `granted`: whoever holds a write grant (a set-point). */
  readonly write: "device" | "granted";
  /** One sentence with the sign convention where there is one. */
  readonly about: string;
}

export interface Variable extends VariableDefinition {
  readonly name: string;
  /** For `integer`: 1 / scale for scales below one, -scale for those of one and above: dividing by it or multiplying is exact in decimals. 1 for other types. */
  readonly steps: number;
  /** For numbers: the range in the unit's form. */
  readonly least: number;
  readonly greatest: number;
}

export const maxTextBytes = 120;

export class Registry {
  readonly #byId = new Map<number, Variable>();
  readonly #byName = new Map<string, Variable>();

  /**
   * @param definitions variables by name
   * @throws EbalanceError `bad-argument` naming the variable and the field that is wrong
   */
  constructor(definitions: Readonly<Record<string, VariableDefinition>>) {
    for (const name of Object.keys(definitions)) {
      const variable = defineVariable(name, definitions[name]!);
      const taken = this.#byId.get(variable.id);
      if (taken) badArgument(`variable ${name}: id ${variable.id} belongs to ${taken.name} already`);
      this.#byId.set(variable.id, variable);
      this.#byName.set(name, variable);
    }
  }

  byId(id: number): Variable | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): Variable | undefined {
    return this.#byName.get(name);
  }

  /** The variable of that name. @throws EbalanceError `bad-argument` for an unknown one. */
  named(name: string): Variable {
    return this.#byName.get(name) ?? badArgument(`variable ${name} is not in the registry: see variables.json`);
  }

  names(): string[] {
    return [...this.#byName.keys()];
  }
}

function defineVariable(name: string, definition: VariableDefinition): Variable {
  const { id, type, write, scale, min, max } = definition;
  const wrong = (field: string, value: unknown, must: string) => badArgument(`variable ${name}: ${field} ${String(value)} is not ${must}`);
  if (!Number.isInteger(id) || id < 1 || id > 65535) wrong("id", id, "from 1 to 65535");
  if (!valueTypes.includes(type)) wrong("type", type, `one of ${valueTypes.join(", ")}`);
  if (write !== "device" && write !== "granted") wrong("write", write, "device or granted");
  if (type === "integer" && !isPowerOfTen(scale)) wrong("scale", scale, "a power of ten from 1e-6 to 1e6");
  if ((type === "integer" || type === "float") && !(min! <= max!)) wrong("range", `${min} to ${max}`, "a range");
  if ((type === "text" || type === "bytes") && !(Number.isInteger(max) && max! >= 0 && max! <= maxTextBytes)) wrong("max", max, `a length from 0 to ${maxTextBytes}`);
  const steps = type === "integer" ? stepsPerUnit(scale!) : 1;
  return Object.freeze({ name, ...definition, steps, least: toSteps(min ?? 0, steps), greatest: toSteps(max ?? 0, steps) });
}

function isPowerOfTen(scale: number | undefined): boolean {
  return scale !== undefined && scale >= 1e-6 && scale <= 1e6 && stepsPerUnit(scale) !== 0;
}

/** See {@link Variable.steps}; 0 for what is no power of ten. */
function stepsPerUnit(scale: number): number {
  const inverse = scale < 1 ? Math.round(1 / scale) : scale;
  const exact = scale < 1 ? 1 / inverse === scale : true;
  let power = 1;
  while (power < inverse) power *= 10;
  return power === inverse && exact ? (scale < 1 ? inverse : -scale) : 0;
}

/** Converts a value of the data interface into the unit's form: numbers of `integer` variables are rounded to whole steps. */
export function fromPhysical(variable: Variable, value: Value): Value {
  if (variable.type !== "integer" || typeof value !== "number") return value;
  const { steps } = variable;
  return round(steps > 0 ? value * steps : value / -steps) + 0;
}

/** A physical number in the steps of the variable, not rounded: for bounds of conditions. */
export function stepsOf(variable: Variable, physical: number): number {
  return variable.type === "integer" ? toSteps(physical, variable.steps) : physical;
}

/** Where a whole number of steps stands for exactly this number, that one: 0.29 / 0.01 is 29, not 28.999… */
function toSteps(physical: number, steps: number): number {
  const quotient = steps > 0 ? physical * steps : physical / -steps;
  const whole = Math.round(quotient);
  return ofSteps(whole, steps) === physical ? whole : quotient;
}

function ofSteps(value: number, steps: number): number {
  return steps > 0 ? value / steps : value * -steps;
}

/** Converts a value of the unit's form into physical units, as the data interface gives it. */
export function toPhysical(variable: Variable, value: Value): Value {
  if (variable.type !== "integer" || typeof value !== "number") return value;
  return ofSteps(value, variable.steps);
}

/** A value of the data interface in the unit's form, checked. @throws EbalanceError `bad-argument` */
export function checkedFromPhysical(variable: Variable, physical: Value): Value {
  const { steps } = variable;
  // Most readings are numbers of no more than 31 bits: they are checked in a few instructions of a device.
  const whole = round(steps > 0 ? (physical as number) * steps : (physical as number) / -steps);
  if ((whole | 0) === whole && variable.type === "integer" && typeof physical === "number" && whole >= variable.least && whole <= variable.greatest) return whole + 0;
  const value = fromPhysical(variable, physical);
  const checked = checkValue(variable, value);
  if (checked !== Result.done) badArgument(`${variable.name} ${describe(physical)} is ${resultName(checked)}: ${describeRange(variable)}`);
  return value;
}

function describe(value: Value): string {
  if (value instanceof Uint8Array) return `of ${value.length} bytes`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function describeRange({ type, min, max, unit }: Variable): string {
  if (type === "boolean") return "true or false";
  if (type === "text" || type === "bytes") return `${type} of at most ${max} bytes`;
  return `a number from ${min} to ${max} ${unit}`.trim();
}

/** Whether a value in the unit's form fits type and range of the variable: `done`, `wrongType` or `outOfRange`. */
export function checkValue(variable: Variable, value: Value): ResultCode {
  switch (variable.type) {
    case "boolean":
      return typeof value === "boolean" ? Result.done : Result.wrongType;
    case "text":
      if (typeof value !== "string") return Result.wrongType;
      return checkLength(utf8Length(value), variable);
    case "bytes":
      if (!(value instanceof Uint8Array)) return Result.wrongType;
      return checkLength(value.length, variable);
    default:
      return checkNumber(variable, value);
  }
}

function checkLength(length: number, variable: Variable): ResultCode {
  if (length < 0) return Result.wrongType;
  return length <= variable.max! ? Result.done : Result.outOfRange;
}

function checkNumber(variable: Variable, value: Value): ResultCode {
  if (typeof value !== "number" || value !== value) return Result.wrongType;
  if (variable.type === "integer" && !isSafeInteger(value)) return Number.isFinite(value) ? Result.outOfRange : Result.wrongType;
  return value >= variable.least && value <= variable.greatest ? Result.done : Result.outOfRange;
}
