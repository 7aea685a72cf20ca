/**
 * What is to be seen in the street, step by step: readings that travel up, questions that a policy permits or not, and an over-voltage that leads to set-points, is obeyed,
 * clears and is released. It asks as services on the low-voltage unit do, over the data interface, and sees to it that there is something to see: it moves the sun.
 */
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { GatewayEvent } from "@ebalance/gateway";
import type { DataInterface, EventStream, Outcome, Reading } from "ebalance";
import { houses, operator, stranger, supplier, top } from "./grid";
import { nominalW, type InverterState, type Street } from "./street";

export interface Step {
  readonly name: string;
  ok: boolean;
  seen: string;
}

/** The grid's limit, as the voltage guard has it. */
export const limitV = 253;
const sunnyMs = 15_000;
const cloudyMs = 30_000;
const cloudyShare = 0.25;
const roundMs = 6000;

export class Story {
  readonly #joined = step("units join their parents, XS and Node, over TCP and MQTT");
  readonly #readings = step("readings arrive at the homes, and are kept on disk");
  readonly #periodic = step("the operator gets the meter's power periodically, two units away");
  readonly #totals = step("what the homes draw is summed in each and above them");
  readonly #average = step("the supplier is given an average");
  readonly #tooEarly = step("asked again at once, it is too early");
  readonly #denied = step("a stranger is denied");
  readonly #event = step("an over-voltage reaches the low-voltage unit as an event");
  readonly #obeyed = houses.map(({ inverter }) => step(`${inverter} obeys a set-point, and its effect is confirmed`));
  readonly #cleared = step(`the voltage is below ${limitV} V again`);
  readonly #released = step("the set-points are released");
  readonly steps: readonly Step[] = [
    this.#joined, this.#readings, this.#periodic, this.#totals, this.#average, this.#tooEarly, this.#denied, this.#event, ...this.#obeyed, this.#cleared, this.#released,
  ];
  readonly #open = new Set<string>();
  readonly #expected: ReadonlySet<string>;
  readonly #limited = new Set<string>();
  readonly #freed = new Set<string>();
  #kept = 0;
  #highestV = 0;
  #sunny = false;

  /** @param units the units that are to join */
  constructor(
    private readonly street: Street,
    units: readonly string[],
    private readonly onStep: (step: Step) => void,
    private readonly stop: AbortSignal,
  ) {
    this.#expected = new Set(units);
  }

  get complete(): boolean {
    return this.steps.every(({ ok }) => ok);
  }

  /** Told what a unit tells of itself. */
  heard(unit: string, event: GatewayEvent): void {
    if (event.type === "session") this.#session(event.peer, event.open);
    if (event.type === "decision" && unit !== top && event.operation === "write" && event.result === "done")
      this.#see(this.#readings, ++this.#kept >= 10, `${this.#kept} values written so far`);
    if (event.type === "guard" && event.result === "done") this.#guarded(event);
  }

  /** Told the state of an inverter. */
  sawInverter({ voltageV }: InverterState): void {
    this.#highestV = Math.max(this.#highestV, voltageV);
    // Under a full sun: it is the set-points that hold it down, not a cloud.
    if (this.#sunny && this.#obeyed.every(({ ok }) => ok)) this.#see(this.#cleared, voltageV < limitV, `${voltageV.toFixed(1)} V under a full sun, ${this.#highestV.toFixed(1)} V at the highest`);
  }

  /** Goes on until it is stopped. */
  async run(): Promise<void> {
    setMaxListeners(0, this.stop);
    await Promise.all([this.#moveSun(), this.#followPower(), this.#followTotal(), ...houses.map((_house, i) => this.#followLimit(i)), this.#ask()]);
  }

  #session(peer: string, open: boolean): void {
    // Homes tell of both their neighbours; the one above tells of itself.
    if (peer === top) return;
    if (open) this.#open.add(peer);
    else this.#open.delete(peer);
    const missing = [...this.#expected].filter((one) => !this.#open.has(one));
    this.#see(this.#joined, missing.length === 0, missing.length ? `waiting for ${missing.join(", ")}` : `${this.#open.size} sessions open, both sides authenticated`);
  }

  #guarded({ device, kind, voltageV, limitShare }: Extract<GatewayEvent, { type: "guard" }>): void {
    if (kind === "lower" && voltageV !== undefined) {
      this.#limited.add(device);
      this.#see(this.#event, voltageV > limitV, `${voltageV.toFixed(1)} V at ${device}: set-point ${limitShare} %`);
    }
    if (kind === "release") this.#freed.add(device);
  }

  /** Full sun, so that the voltage rises too high, and clouds, so that it may come back. */
  async #moveSun(): Promise<void> {
    while (!this.#joined.ok && !this.stop.aborted) await this.#pause(200);
    for (;;) {
      this.street.setAvailable(nominalW);
      this.#sunny = true;
      await this.#pause(sunnyMs);
      this.#sunny = false;
      this.street.setAvailable(nominalW * cloudyShare);
      await this.#pause(cloudyMs);
      if (this.stop.aborted) return;
    }
  }

  async #followPower(): Promise<void> {
    const { meter, owner } = houses[1]!;
    let count = 0;
    await this.#follow(
      () => this.#data(operator).periodic({ variable: "activePower", device: meter, owner, periodMs: 1000 }),
      ({ value, unit }) => this.#see(this.#periodic, ++count >= 3, `${count} times so far, now ${value} ${unit}`),
    );
  }

  async #followTotal(): Promise<void> {
    let count = 0;
    await this.#follow(
      () => this.#data(operator).event({ variable: "activePower", device: top, owner: operator.stakeholder }),
      ({ value, unit }) => this.#see(this.#totals, ++count >= 2, `${value} ${unit} for the street`),
    );
  }

  /** What each inverter has confirmed to obey, as its controller reports it. */
  async #followLimit(house: number): Promise<void> {
    const { inverter, owner } = houses[house]!;
    await this.#follow(
      () => this.#data(operator).event({ variable: "powerLimitInForce", device: inverter, owner }),
      ({ value }) => {
        const obeys = this.#limited.has(inverter) && (value as number) < 100;
        this.#see(this.#obeyed[house]!, obeys, `confirmed at ${value} %`);
        const free = houses.filter((other) => this.#freed.has(other.inverter)).map((other) => other.inverter);
        if (value === 100 && this.#freed.has(inverter)) this.#see(this.#released, free.length === houses.length, `${free.join(" and ")} may feed in freely`);
      },
    );
  }

  /** Reads a stream, and subscribes again where it could not or has ended: a unit may not be there yet, or have nothing of this kind. */
  async #follow(subscribe: () => EventStream, take: (reading: Reading) => void): Promise<void> {
    while (!this.stop.aborted) {
      const stream = subscribe();
      const end = () => void stream.return();
      this.stop.addEventListener("abort", end, { once: true });
      for await (const reading of stream) take(reading);
      this.stop.removeEventListener("abort", end);
      await this.#pause(500);
    }
  }

  async #ask(): Promise<void> {
    const { meter, owner } = houses[1]!;
    while (!this.stop.aborted) {
      await this.#pause(roundMs);
      if (this.stop.aborted || !this.#periodic.ok) continue;
      const query = { variable: "activePower", device: meter, owner, function: "average" as const, condition: { fromMs: Date.now() - 60_000 } };
      const first = await this.#data(supplier).query(query);
      if (first.result === "done") this.#see(this.#average, true, `${first.readings[0]!.value} ${first.readings[0]!.unit}, of what it may see of the last minute`);
      else this.#see(this.#average, false, words(first));
      const second = await this.#data(supplier).query(query);
      this.#see(this.#tooEarly, second.result === "tooEarly" && second.retryAfterMs > 0, words(second));
      const foreign = await this.#data(stranger).query(query);
      this.#see(this.#denied, foreign.result === "denied", words(foreign));
    }
  }

  #data({ stakeholder, service }: { stakeholder: string; service: string }): DataInterface {
    return this.street.gateway.services(stakeholder, service);
  }

  /** What was seen stays as it was when it was right; until then the newest is shown. */
  #see(one: Step, ok: boolean, seen: string): void {
    if (this.stop.aborted || (one.ok && !ok)) return;
    one.ok = ok;
    one.seen = seen;
    this.onStep(one);
  }

  #pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.stop }).catch(() => {});
  }
}

function step(name: string): Step {
  return { name, ok: false, seen: "" };
}

function words({ result, retryAfterMs }: Outcome): string {
  return result === "tooEarly" ? `tooEarly, ${(retryAfterMs / 1000).toFixed(1)} s left` : result;
}
