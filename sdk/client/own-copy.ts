/** The copy that a device keeps of what it measures, besides what its home has: it answers those who ask the device itself (`at`). */
import type { NameId } from "../core/model/names";
import type { Value } from "../core/model/registry";
import { Result, resultName } from "../core/model/result";
import type { ClockPort, LogPort } from "../core/ports";
import type { ManagementUnit } from "../core/unit";

export class OwnCopy {
  readonly #device: NameId;
  readonly #owner: NameId;
  #failures = 0;

  constructor(
    private readonly unit: ManagementUnit,
    owner: string,
    private readonly clock: ClockPort,
    private readonly log: LogPort,
  ) {
    this.#device = unit.names.id(unit.id);
    this.#owner = unit.names.id(owner);
    unit.keepCopy(owner);
  }

  /** Keeps a reading whose value is in the unit's form, and checked. Before the clock is set nothing is kept: nobody could ask for it by its time. */
  keep(variable: number, value: Value, timeMs: number): void {
    if (!this.clock.isSet()) return;
    const result = this.unit.record({ variable, device: this.#device, owner: this.#owner }, value, timeMs);
    if (result !== Result.done && ++this.#failures % 100 === 1)
      this.log("warning", `a reading of ${this.unit.registry.byId(variable)!.name} was not kept here (number ${this.#failures}): ${resultName(result)}`);
  }
}
