/** What a unit does with the readings of its own device, all day: it keeps a copy, tells who subscribed to it here, and reports to the home above, each the short way. */
import type { Series, SeriesTable } from "./access/series-table";
import type { Neighbours } from "./group/neighbours";
import type { NameId } from "./model/names";
import type { Value } from "./model/registry";
import type { ResultCode } from "./model/result";
import type { Reporter, Sender } from "./requests/reporter";
import type { RequestProcessor } from "./requests/request-processor";
import type { Source } from "./wire/session-body";

export class OwnDevice {
  /**
   * @param device id of the unit
   * @param above the unit above; undefined: there is none
   * @param wake asks for a tick where it is needed sooner than it was
   */
  constructor(
    private readonly device: NameId,
    private readonly above: NameId | undefined,
    private readonly table: SeriesTable,
    private readonly processor: RequestProcessor,
    private readonly neighbours: Neighbours,
    private readonly wake: () => void,
  ) {}

  /** Keeps what the device measures here too, besides in its home above, for those who ask this unit for it. */
  keepCopy(owner: NameId): void {
    this.table.enrolCopy(this.device, owner);
  }

  /** A series of the device, once {@link keepCopy} was called; undefined where no more can be kept. */
  series(variable: number, owner: NameId): Series | undefined {
    return this.table.open({ variable, device: this.device, owner });
  }

  /**
   * Keeps a reading under the policy in force, and tells who subscribed to it here.
   * @param series from {@link series}
   * @param value in the variable's unit form (`fromPhysical`), checked (`checkValue`)
   * @param timeMs milliseconds since 1970-01-01 UTC
   * @returns `done` or `storageFailed`
   */
  record(series: Series, value: Value, timeMs: number): ResultCode {
    const { processor } = this;
    const { dueMs } = processor;
    const result = processor.record(series, value, timeMs);
    if (processor.dueMs < dueMs) this.wake();
    return result;
  }

  /**
   * The short way of readings to their home, the unit above, until the session with it changes.
   * @param source the service that reports; the series are of its device, and of its stakeholder
   * @param policy hash of a policy that the home knows
   * @param sender told the outcome of each reading that was sent
   * @returns undefined where there is none: this unit is the home itself, no session is open, or its clock is not set
   */
  reporter(source: Source, policy: Uint8Array, sender: Sender): Reporter | undefined {
    if (this.above === undefined || this.table.isHomeOf(source.device)) return undefined;
    return this.neighbours.withId(this.above)?.reporter(source, policy, sender);
  }
}
