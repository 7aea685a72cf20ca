/** A store whose copies of others' series show only what a statement of their home proves, under the policy that it was signed with: what is not proven is not there. */
import type { Value } from "../model/registry";
import type { Appended, SampleVisitor, StorePort } from "../../storage/store-port";

/** Whether a sample is proven. */
export type IsProven = (value: Value, timeMs: number, policy: number) => boolean;

export class CoveredStore implements StorePort {
  /** Says for a series, and samples in order of time from one time to another, what is proven; undefined for a series that is at home here. Set by the unit once it can tell. */
  provers: (series: number, fromMs: number, toMs: number) => IsProven | undefined = () => undefined;

  constructor(private readonly inner: StorePort) {
    if (inner.catalogue) this.catalogue = inner.catalogue;
    if (inner.statements) this.statements = inner.statements;
    if (inner.giveWay) this.giveWay = () => inner.giveWay!();
  }

  declare readonly catalogue?: NonNullable<StorePort["catalogue"]>;
  declare readonly statements?: NonNullable<StorePort["statements"]>;
  declare readonly giveWay?: () => boolean;

  get trouble(): Error | undefined {
    return this.inner.trouble;
  }

  append(series: number, value: Value, timeMs: number, policy: number): Appended {
    return this.inner.append(series, value, timeMs, policy);
  }

  newestMs(series: number): number {
    return this.inner.newestMs(series);
  }

  policiesInUse(use: (policy: number) => void): void {
    this.inner.policiesInUse(use);
  }

  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void {
    const isProven = this.provers(series, fromMs, toMs);
    if (!isProven) return this.inner.scan(series, fromMs, toMs, visit);
    this.inner.scan(series, fromMs, toMs, (value, timeMs, policy) => !isProven(value, timeMs, policy) || visit(value, timeMs, policy));
  }
}
