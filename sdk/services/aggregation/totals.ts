/**
 * What a unit's devices draw together (IF-1): a service that follows one variable of each part and reports their sum as the same variable of the unit itself, so that the unit
 * above sees one number. It runs at every level alike: a home sums its devices, a low-voltage unit its homes. It knows the data interface and nothing else.
 */
import type { DataInterface, Reading, SeriesText } from "../../client/data-interface";
import type { ProgramPorts } from "../../client/device-access";
import type { TimerHandle } from "../../client/driver";
import { StandingSubscription } from "../../client/standing";
import { badArgument } from "../../core/model/errors";

export interface TotalsSettings {
  /** Variable that is summed, a number: its values are in its unit of measure, with its sign. */
  readonly variable: string;
  /** Period in milliseconds, 100 to 86,400,000: of what is followed and of the sum. */
  readonly everyMs: number;
}

/** A part is left out of no sum: while one is older than this many periods, there is none. */
const stalePeriods = 3;

export class Totals {
  readonly #parts: readonly Part[];
  #timer: TimerHandle | undefined;
  /** Periods in a row without a sum: parts that join one after the other are nothing to speak of. */
  #periodsWithout = 0;
  #said = "";
  #closed = false;

  /**
   * @param data of the service, which may read the parts and speaks for the stakeholder who owns `total`
   * @param total the device and owner whose variable the sum is: this unit itself as a rule
   * @throws EbalanceError `bad-argument` naming the setting
   * @example
   * new Totals(hub, { device: "home-1", owner: "customer" }, [{ device: "meter-1", owner: "customer" }, { device: "inverter-1", owner: "customer" }], { variable: "activePower", everyMs: 5000 }, ports);
   */
  constructor(
    private readonly data: DataInterface,
    private readonly total: Omit<SeriesText, "variable">,
    parts: readonly Omit<SeriesText, "variable">[],
    private readonly settings: TotalsSettings,
    private readonly ports: ProgramPorts,
  ) {
    const { everyMs } = settings;
    if (!(everyMs >= 100 && everyMs <= 86_400_000)) badArgument(`everyMs ${everyMs} is not from 100 to 86400000`);
    if (parts.length < 1) badArgument("there are no parts to sum");
    this.#parts = parts.map((part) => new Part({ ...part, variable: settings.variable }, data, everyMs, ports));
    this.#again();
  }

  /** Ends the subscriptions; no sum comes after this. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.ports.timers.cancel(this.#timer);
    for (const part of this.#parts) part.close();
  }

  #again(): void {
    this.#timer = this.ports.timers.after(this.settings.everyMs, () => {
      this.#again();
      void this.#report();
    });
  }

  async #report(): Promise<void> {
    const oldestMs = this.ports.clock.wallMs() - stalePeriods * this.settings.everyMs;
    const missing = this.#parts.filter((part) => !(part.timeMs >= oldestMs)).map((part) => part.device);
    this.#periodsWithout = missing.length ? this.#periodsWithout + 1 : 0;
    if (this.#periodsWithout > stalePeriods) this.#say(`no sum of ${this.settings.variable} without ${missing.join(", ")}`);
    if (missing.length) return;
    this.#said = "";
    const value = this.#parts.reduce((sum, part) => sum + part.value, 0);
    try {
      const { result } = await this.data.write({ ...this.total, variable: this.settings.variable, value });
      if (result !== "done" && !this.#closed) this.#say(`the sum of ${this.settings.variable} was not taken: ${result}`);
    } catch (error) {
      this.#say((error as Error).message);
    }
  }

  /** A line once, and again when it has changed. */
  #say(line: string): void {
    if (line !== this.#said) this.ports.log("warning", `totals of ${this.total.device}: ${line}`);
    this.#said = line;
  }
}

/** One part of a sum: its newest value. */
class Part {
  value = 0;
  /** When it was measured, milliseconds since 1970; -Infinity before the first. */
  timeMs = -Infinity;
  readonly device: string;
  readonly #standing: StandingSubscription;

  constructor(series: SeriesText, data: DataInterface, everyMs: number, ports: ProgramPorts) {
    this.device = series.device;
    const take = ({ value, timeMs }: Reading) => {
      if (typeof value !== "number") return;
      this.value = value;
      this.timeMs = timeMs;
    };
    this.#standing = new StandingSubscription(`totals, ${series.device}`, () => data.periodic({ ...series, periodMs: everyMs }), ports, take);
  }

  close(): void {
    this.#standing.close();
  }
}
