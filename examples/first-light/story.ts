/** What first light shows, step by step. Each step is seen or not; nothing is assumed. */
import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { standardVariables, type Outcome, type Reading } from "ebalance";
import { sensor, type Grid } from "./grid";

export interface Step {
  readonly step: string;
  ok: boolean;
  /** What was seen, in words. */
  seen: string;
}

const series = { variable: "processorLoad", device: sensor.unit, owner: sensor.owner } as const;
const busyMs = 2500;

export class Story {
  readonly joined: Step = { step: "the sensor joins the home", ok: false, seen: "" };
  readonly readings: Step = { step: "its readings arrive", ok: false, seen: "" };
  readonly average: Step = { step: "the supplier asks for an average", ok: false, seen: "" };
  readonly tooEarly: Step = { step: "the supplier asks again at once", ok: false, seen: "" };
  readonly denied: Step = { step: "the grid operator asks, without a grant", ok: false, seen: "" };
  readonly event: Step = { step: "an event when the load passes a threshold", ok: false, seen: "" };
  readonly steps = [this.joined, this.readings, this.average, this.tooEarly, this.denied, this.event];
  /** The newest reading of each variable, and the latest loads for a curve. */
  readonly newest = new Map<string, Reading>();
  readonly loads: number[] = [];
  #tries = 0;

  constructor(
    private readonly grid: Grid,
    private readonly onChange: () => void,
    private readonly stop: AbortSignal,
  ) {}

  /** Readings that the home has kept. */
  get kept(): number {
    return this.grid.counters.instancesKept;
  }

  get complete(): boolean {
    return this.steps.every((step) => step.ok);
  }

  sessionChanged(unit: string, open: boolean): void {
    if (unit !== sensor.unit || this.stop.aborted) return;
    this.joined.ok = open;
    this.joined.seen = open ? "session open, both sides authenticated" : "session lost";
    this.onChange();
  }

  /** Follows the readings, and goes through the questions again and again until it is stopped. */
  async run(): Promise<void> {
    setMaxListeners(0, this.stop); // one listener for each variable that is followed
    for (const variable of Object.keys(standardVariables)) void this.#follow(variable);
    for (let round = 0; !this.stop.aborted; round++) {
      await this.#pause(6000);
      if (this.stop.aborted || !this.readings.ok) continue;
      await this.#askAll();
      if (!this.event.ok || round % 5 === 0) await this.#raiseLoad();
    }
  }

  async #follow(variable: string): Promise<void> {
    const stream = this.grid.display.event({ ...series, variable });
    for await (const reading of this.#until(stream)) {
      this.newest.set(variable, reading);
      if (variable === "processorLoad") {
        this.loads.push(reading.value as number);
        if (this.loads.length > 60) this.loads.shift();
        this.#see(this.readings, this.loads.length >= 3, `${this.loads.length} loads, the newest is ${reading.value} ${reading.unit}`);
      }
      this.onChange();
    }
  }

  async #askAll(): Promise<void> {
    const query = { ...series, function: "average" as const, condition: { fromMs: Date.now() - 60_000 } };
    const first = await this.grid.supplier.query(query);
    if (first.result === "done") this.#see(this.average, true, `${first.readings[0]!.value} ${first.readings[0]!.unit}, of what it may see of the last minute`);
    else this.#see(this.average, this.average.ok, words(first));
    const second = await this.grid.supplier.query(query);
    this.#see(this.tooEarly, second.result === "tooEarly" && second.retryAfterMs > 0, words(second));
    const foreign = await this.grid.operator.query(query);
    this.#see(this.denied, foreign.result === "denied", words(foreign));
  }

  /**
   * Subscribes to a load above a threshold that the newest reading does not reach, and gives this computer something to do: so it is passed before
   * the eyes of whoever looks. Where the computer is too busy for that, the next round tries again.
   */
  async #raiseLoad(): Promise<void> {
    const before = this.loads[this.loads.length - 1]!;
    // Where this program is given a small share of a large computer, even its whole work raises the load by little.
    const valueAbove = Math.ceil(before) + (this.#tries++ === 0 ? 10 : 2);
    if (valueAbove > 97) {
      if (!this.event.ok) this.#see(this.event, false, `the load is ${before} % already: waiting for less`);
      return;
    }
    const stream = this.grid.display.event({ ...series, condition: { valueAbove } });
    const occurred = (async () => {
      for await (const { value, unit } of this.#until(stream)) {
        this.#see(this.event, (value as number) > valueAbove, `${before} ${unit} before, ${value} ${unit} is above ${valueAbove} ${unit}`);
        return;
      }
    })();
    await keepBusy(busyMs, this.stop);
    await Promise.race([occurred, this.#pause(3000)]);
    await stream.return();
  }

  async *#until<T>(stream: AsyncIterableIterator<T>): AsyncGenerator<T> {
    this.stop.addEventListener("abort", () => void stream.return?.(), { once: true });
    yield* stream;
  }

  #see(step: Step, ok: boolean, seen: string): void {
    // What was seen stays as it was when it was right; until then the newest is shown.
    if (ok || !step.ok) step.seen = seen;
    step.ok = step.ok || ok;
    this.onChange();
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.stop }).catch(() => {});
  }
}

function words(outcome: Outcome): string {
  return outcome.result === "tooEarly" ? `tooEarly, ${(outcome.retryAfterMs / 1000).toFixed(1)} s are left` : outcome.result;
}

/** Keeps every processor of this computer busy, so that there is a load to see. */
async function keepBusy(ms: number, stop: AbortSignal): Promise<void> {
  const code = `const end = Date.now() + ${ms}; while (Date.now() < end) {}`;
  const workers = Array.from({ length: availableParallelism() }, () => new Worker(code, { eval: true }));
  const end = () => workers.forEach((worker) => void worker.terminate());
  stop.addEventListener("abort", end, { once: true });
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve))));
  stop.removeEventListener("abort", end);
}
