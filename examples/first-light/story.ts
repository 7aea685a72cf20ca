/** What first light shows, step by step. Each step is seen or not; nothing is assumed. */
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Outcome, Reading } from "ebalance";
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
  arrived = 0;

  constructor(
    private readonly grid: Grid,
    private readonly onChange: (step?: Step) => void,
    private readonly stop: AbortSignal,
  ) {}

  get complete(): boolean {
    return this.steps.every((step) => step.ok);
  }

  sessionChanged(unit: string, open: boolean): void {
    if (unit === sensor.unit && !this.stop.aborted) this.#see(this.joined, this.joined.ok || open, open ? "session open, both sides authenticated" : "session lost");
  }

  /** Follows the readings, and goes through the questions again and again until it is stopped. */
  async run(): Promise<void> {
    void this.#follow("processorLoad");
    void this.#follow("temperature");
    for (let round = 0; !this.stop.aborted; round++) {
      await this.#pause(6000);
      if (this.stop.aborted || !this.readings.ok) continue;
      await this.#askAll();
      if (round % 5 === 0) await this.#raiseLoad();
    }
  }

  async #follow(variable: string): Promise<void> {
    const stream = this.grid.display.event({ ...series, variable });
    for await (const reading of this.#until(stream)) {
      this.newest.set(variable, reading);
      this.arrived++;
      if (variable === "processorLoad") {
        this.loads.push(reading.value as number);
        if (this.loads.length > 60) this.loads.shift();
        this.#see(this.readings, this.loads.length >= 3, `${this.arrived} readings, the load is ${reading.value} ${reading.unit}`);
      }
    }
  }

  async #askAll(): Promise<void> {
    const query = { ...series, function: "average" as const, condition: { fromMs: Date.now() - 60_000 } };
    const first = await this.grid.supplier.query(query);
    if (first.result === "done") this.#see(this.average, true, `${first.readings[0]!.value} ${first.readings[0]!.unit} over the last minute`);
    else this.#see(this.average, this.average.ok, words(first));
    const second = await this.grid.supplier.query(query);
    this.#see(this.tooEarly, second.result === "tooEarly" && second.retryAfterMs > 0, words(second));
    const foreign = await this.grid.operator.query(query);
    this.#see(this.denied, foreign.result === "denied", words(foreign));
  }

  /** Subscribes to a load above what it is now, and gives this computer something to do. */
  async #raiseLoad(): Promise<void> {
    const mean = this.loads.reduce((sum, load) => sum + load, 0) / this.loads.length;
    const valueAbove = Math.min(95, Math.ceil(mean) + 2);
    const stream = this.grid.display.event({ ...series, condition: { valueAbove } });
    const occurred = (async () => {
      for await (const reading of this.#until(stream)) {
        this.#see(this.event, (reading.value as number) > valueAbove, `${reading.value} ${reading.unit} is above ${valueAbove} ${reading.unit}`);
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
    const first = ok && !step.ok;
    step.ok = step.ok || ok;
    step.seen = seen;
    this.onChange(first ? step : undefined);
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
