/** Ingest: the rate and the CPU of readings that a gateway authenticates, checks and keeps, against plain messages through the same broker. */
import { median } from "../bench";
import type { Returned } from "./mqtt-socket";
import type { Place } from "./profile";
import { Program } from "./program";
import type { GatewaySize, Programs } from "./size";
import { between, type Usage } from "./usage";
import { World } from "./world";

/** A round counts only where the broker, and not the sender, was what there was to wait for. */
const leastBusy = 0.95;
/** Messages of a unit that are unacknowledged: a unit of ebalance waits for the outcome of each. */
const window = 1;
/** For comparison: so that many messages come in one piece. */
const crowdedWindow = 16;
const pollMs = 50;

type Side = "gateway" | "plain";
type Rates = ReturnType<typeof between>;
type Round = Readonly<Record<Side, Rates>>;

export interface Ingest {
  /** The rounds that count. */
  readonly rounds: readonly Round[];
  readonly tried: number;
  /** Why there are too few of them; undefined where there are enough. */
  readonly objection: string | undefined;
  /** One round with 16 messages of each unit unacknowledged. */
  readonly crowded: Round;
  readonly packetBytes: number;
  /** Where the gateway's time goes. */
  readonly places: readonly Place[];
}

export function ratioOf({ gateway, plain }: Round): number {
  return gateway.perS / plain.perS;
}

export function ingestFigures({ rounds }: Ingest) {
  return {
    ingest_ratio: median(rounds.map(ratioOf)),
    ingest_cpu_us: median(rounds.map(({ gateway, plain }) => gateway.cpuUs - plain.cpuUs)),
    ingest_per_s: median(rounds.map(({ gateway }) => gateway.perS)),
  };
}

export async function measureIngest(programs: Programs, { connections, readings, rounds }: GatewaySize): Promise<Ingest> {
  const world = new World(connections);
  const bench = new IngestBench(programs, connections, Math.ceil(readings / connections));
  try {
    await bench.open(world);
    return await bench.measure(rounds);
  } finally {
    await bench.close();
    world.remove();
  }
}

class IngestBench {
  readonly #gateway: Program;
  readonly #plain: Program;
  readonly #sender: Program;
  #packetBytes = 0;

  constructor(
    programs: Programs,
    private readonly connections: number,
    private readonly readingsEach: number,
  ) {
    this.#gateway = new Program("gateway", programs.gateway);
    this.#plain = new Program("plain broker", programs.plain);
    this.#sender = new Program("sender", programs.sender);
  }

  async open(world: World): Promise<void> {
    const [gatewayPort, plainPort] = await Promise.all([this.#gateway.ask<number>("open", world.homeConfig(undefined)), this.#plain.ask<number>("open")]);
    await this.#sender.ask("connect", { keyFiles: world.devices.map((id) => world.keyFileOf(id)), gatewayPort, plainPort });
  }

  /** A round warms both up; one that does not count is made again, up to as many as there are; one is profiled. */
  async measure(wanted: number): Promise<Ingest> {
    const crowded = await this.#round(0, crowdedWindow);
    const tried: Round[] = [];
    const counting = () => tried.filter(({ gateway, plain }) => Math.min(gateway.busy, plain.busy) >= leastBusy);
    while (counting().length < wanted && tried.length < 2 * wanted) tried.push(await this.#round(tried.length, window));
    const rounds = counting();
    const idle = tried.map(({ gateway, plain }) => `${percent(gateway.busy)} and ${percent(plain.busy)}`);
    const objection = 2 * rounds.length >= wanted ? undefined : `in ${rounds.length} of ${tried.length} rounds both brokers were busy for ${percent(leastBusy)} of the time (${idle.join(", ")})`;
    return { rounds, tried: tried.length, objection, crowded, packetBytes: this.#packetBytes, places: await this.#profile() };
  }

  /** One turn of each side; who goes first changes. */
  async #round(number: number, unacknowledged: number): Promise<Round> {
    this.#packetBytes = await this.#sender.ask<number>("prepare", this.readingsEach);
    if (number % 2) {
      const gateway = await this.#turn("gateway", unacknowledged);
      return { gateway, plain: await this.#turn("plain", unacknowledged) };
    }
    const plain = await this.#turn("plain", unacknowledged);
    return { gateway: await this.#turn("gateway", unacknowledged), plain };
  }

  /** Sends what was prepared to one side. @returns what it took in the middle of the run: beginning and end are left out */
  async #turn(side: Side, unacknowledged: number): Promise<Rates> {
    const broker = side === "gateway" ? this.#gateway : this.#plain;
    const total = this.connections * this.readingsEach;
    const before = await broker.ask<Usage>("usage");
    const seen: Usage[] = [];
    const progress = { ended: false };
    const sent = this.#sender.ask<Returned>("send", { to: side, window: unacknowledged }).finally(() => (progress.ended = true));
    while (!progress.ended) {
      seen.push(await broker.ask<Usage>("usage"));
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    const { acknowledged, answered } = await sent;
    const after = await broker.ask<Usage>("usage");
    const taken = after.messages - before.messages;
    if (acknowledged !== total || answered !== (side === "gateway" ? total : 0) || taken !== total)
      throw new Error(`${side}: of ${total} messages ${taken} were taken, ${acknowledged} acknowledged, ${answered} answered`);
    const share = ({ messages }: Usage) => (messages - before.messages) / total;
    const middle = seen.filter((one) => share(one) >= 0.1 && share(one) <= 0.9);
    return middle.length > 1 ? between(middle[0]!, middle.at(-1)!) : between(before, after);
  }

  async #profile(): Promise<Place[]> {
    await this.#sender.ask("prepare", this.readingsEach);
    await this.#gateway.ask("startProfile");
    await this.#sender.ask("send", { to: "gateway", window });
    return await this.#gateway.ask<Place[]>("stopProfile");
  }

  async close(): Promise<void> {
    await Promise.all([this.#sender, this.#gateway, this.#plain].map((program) => program.stop()));
  }
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
