/** Finds the SunSpec models of a Modbus unit: a marker, then one model after the other up to the end marker. Bounded, whatever the registers say. */
import type { InverterProblem } from "../../services/der/inverter-port";
import { problemKind } from "./modbus-pdu";
import type { RegisterPort } from "./register-port";

/** Where the marker may stand, in the order in which it is looked for. */
const bases: readonly number[] = Object.freeze([40_000, 50_000, 0]);
const endMarker = 0xffff;
const maxModels = 64;

export interface FoundModel {
  readonly model: number;
  /** Address of its first register. */
  readonly address: number;
  /** Registers, id and length included. */
  readonly count: number;
}

/** Calls back exactly once: with the models in the order of their addresses, or with why they are not to be had. */
export function findModels(registers: RegisterPort, done: (result: readonly FoundModel[] | InverterProblem) => void): void {
  const found: FoundModel[] = [];
  lookAt(0);

  function lookAt(index: number): void {
    const base = bases[index];
    if (base === undefined) return done({ problem: "unsupported", detail: `${registers.name} has no SunSpec marker at ${bases.join(", ")}` });
    registers.read(base, 2, (result) => {
      if ("values" in result) {
        if (result.values[0] === 0x5375 && result.values[1] === 0x6e53) walk(base + 2);
        else lookAt(index + 1);
      } else if (problemKind(result.problem) === "refused") lookAt(index + 1);
      else done(readProblem(result.problem));
    });
  }

  function walk(address: number): void {
    if (found.length >= maxModels || address > 0xfffe) return nonsense(`no end marker after ${found.length} models, at register ${address}`);
    registers.read(address, 2, (result) => {
      if ("problem" in result) {
        // Some inverters have no end marker, just nothing more.
        return problemKind(result.problem) === "refused" ? finish() : done(readProblem(result.problem));
      }
      const model = result.values[0]!;
      const count = 2 + result.values[1]!;
      if (model === endMarker) return finish();
      found.push({ model, address, count });
      walk(address + count);
    });
  }

  function finish(): void {
    if (found[0]?.model === 1) done(found);
    else nonsense(`the first model is ${found[0]?.model ?? "missing"}, not 1`);
  }

  function nonsense(detail: string): void {
    done({ problem: "nonsense", detail: `${registers.name}: ${detail}` });
  }
}

/** What a register that cannot be read says of the inverter. A unit that refuses a register it has offered gives no answer either. */
export function readProblem(problem: string): InverterProblem {
  return { problem: problemKind(problem) === "nonsense" ? "nonsense" : "silent", detail: problem };
}
