/** The copy that a device keeps of what it measures, besides what its home has: it answers those who ask the device itself (`at`). */
import type { Series } from "../core/access/series-table";
import type { NameId } from "../core/model/names";
import { EbalanceError, isStorageFailure } from "../core/model/errors";
import type { Policy } from "../core/model/policy";
import type { Value } from "../core/model/registry";
import { Result, resultName, type ResultCode } from "../core/model/result";
import type { ClockPort, LogPort } from "../core/ports";
import type { LeafUnit } from "../core/leaf-unit";
import type { StorePort } from "../storage/store-port";

export class OwnCopy {
  /** By variable. */
  readonly #series = new Map<number, Series>();
  #failures = 0;
  /** Whether the owner's policy is in force here. */
  #isReady = false;
  /** Why it is not. */
  #trouble: Error | undefined;

  /**
   * @param policy of what is kept; without one nobody but the owner may read it
   * @throws EbalanceError `bad-configuration` for a policy that is too long to be kept
   */
  constructor(
    private readonly unit: LeafUnit,
    private readonly owner: NameId,
    private readonly policy: Policy | undefined,
    private readonly store: StorePort,
    private readonly clock: ClockPort,
    private readonly log: LogPort,
  ) {
    unit.own.keepCopy(owner);
    if (store.trouble) log("warning", `store: ${store.trouble.message}`);
    this.#begin();
  }

  /** Puts the policy in force. Flash that does not take it is tried again with the next reading: a device starts all the same. */
  #begin(): boolean {
    try {
      if (this.policy) this.unit.putInForce(this.owner, this.policy);
      this.#isReady = true;
      this.#trouble = undefined;
    } catch (error) {
      const passes = isStorageFailure(error) || (error instanceof EbalanceError && error.code !== "bad-configuration");
      if (!passes) throw error;
      this.#trouble = error as Error;
    }
    return this.#isReady;
  }

  /** Keeps a reading whose value is in the unit's form, and checked. Before the clock is set nothing is kept: nobody could ask for it by its time. */
  keep(variable: number, value: Value, timeMs: number): void {
    if (!this.clock.isSet()) return;
    if (!this.#isReady && !this.#begin()) return this.#failed(variable, Result.storageFailed);
    const series = this.#series.get(variable) ?? this.#open(variable);
    const result = series ? this.unit.own.record(series, value, timeMs) : Result.busy;
    if (result !== Result.done) this.#failed(variable, result);
  }

  #open(variable: number): Series | undefined {
    const series = this.unit.own.series(variable, this.owner);
    if (series) this.#series.set(variable, series);
    return series;
  }

  /** The first is told, and then every hundredth. */
  #failed(variable: number, result: ResultCode): void {
    if (++this.#failures % 100 !== 1) return;
    const trouble = this.#trouble ?? this.store.trouble;
    this.log("warning", `a reading of ${this.unit.registry.byId(variable)!.name} was not kept here (number ${this.#failures}): ${resultName(result)}${trouble ? ` (${trouble.message})` : ""}`);
  }
}
