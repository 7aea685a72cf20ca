/** Bench `gateway`: what a gateway takes in, with real processes and sockets. */
import { median, type Bench, type BundleProgram, type FigureDefinition, type Measured } from "./bench";
import { ingestFigures, measureIngest, percent, ratioOf, type Ingest } from "./gateway/ingest";
import { measureLoad, type Load } from "./gateway/load";
import type { Place } from "./gateway/profile";
import type { GatewaySize, Programs } from "./gateway/size";

const atMost = (value: number) => ({ bound: "≤", value }) as const;

const figures: readonly FigureDefinition[] = [
  { name: "ingest_ratio", meaning: "readings a second, authenticated, checked and on disk / plain messages a second through the same broker", target: { bound: "≥", value: 0.5 } },
  { name: "ingest_cpu_us", meaning: "CPU of a reading beyond that of a plain message, in µs", target: atMost(45) },
  { name: "ingest_per_s", meaning: "readings a second" },
  { name: "units_1000_cpu", meaning: "share of one core with 1,000 units at a reading a second", target: atMost(0.2) },
  { name: "units_1000_rss_mb", meaning: "memory then, in MB", target: atMost(400) },
  { name: "latency_p50_ms", meaning: "from a write to a subscriber two units away at that load, in ms", target: atMost(5) },
  { name: "latency_p99_ms", meaning: "the same, 99th percentile", target: atMost(25) },
  { name: "ram_per_device_kb", meaning: "memory of a bridged device beyond the bridge library, in kB", target: atMost(50) },
  { name: "dead_slave_ratio", meaning: "rate of 19 Modbus slaves with one dead / all alive", target: { bound: "≥", value: 0.95 } },
];

const fullSize = { connections: 400, readings: 50_000, units: 1000, watched: 100, loadS: 20, samples: 1000 };
const shownPlaces = 5;
const later = "bridges of many devices come in a later version";

export async function measureGateway(bundle: BundleProgram, size: GatewaySize): Promise<Measured> {
  const programs = await bundled(bundle);
  const ingest = await measureIngest(programs, size);
  const load = await measureLoad(programs, size);
  const { objection } = ingest;
  const ofIngest = ingestFigures(ingest);
  return {
    figures: { ...(objection ? {} : ofIngest), units_1000_cpu: load.cpu, units_1000_rss_mb: load.rssMb, latency_p50_ms: load.p50Ms, latency_p99_ms: load.p99Ms },
    missing: { ...(objection ? Object.fromEntries(Object.keys(ofIngest).map((name) => [name, objection])) : {}), ram_per_device_kb: later, dead_slave_ratio: later },
    notes: notesOf(size, ingest, load),
  };
}

async function bundled(bundle: BundleProgram): Promise<Programs> {
  const program = (name: string) => bundle(`bench/gateway/${name}-program.ts`);
  const [gateway, plain, sender, units] = await Promise.all([program("gateway"), program("plain"), program("sender"), program("units")]);
  return { gateway: gateway!, plain: plain!, sender: sender!, units: units! };
}

function notesOf(size: GatewaySize, ingest: Ingest, load: Load): string[] {
  const { rounds, tried, crowded, packetBytes } = ingest;
  const places = (list: readonly Place[]) => list.slice(0, shownPlaces).map(({ where, share }) => `${where} ${percent(share)}`).join(", ");
  const perS = ({ gateway, plain }: typeof crowded) => `${gateway.perS.toFixed(0)} and ${plain.perS.toFixed(0)} messages a second`;
  return [
    `Ingest: ${size.connections} units over MQTT, each with one unacknowledged message, as a unit of ebalance sends; ${size.readings} readings a turn. PUBLISH packets of ${packetBytes.toFixed(0)} bytes, the same to both. Each names its policy by hash, is answered with a notification of its own, and is in SQLite before its PUBACK.`,
    `The plain broker is the same with nothing behind it. ${rounds.length} of ${tried} rounds count: in those both brokers were busy, or waited for a core that others had, for 95 % of the time; they ran for ${percent(median(rounds.map((round) => round.gateway.ran)))} (gateway) and ${percent(median(rounds.map((round) => round.plain.ran)))} (plain) of it.`,
    `Where 16 messages of each unit are unacknowledged, so that many come in one piece: ${perS(crowded)}, a ratio of ${ratioOf(crowded).toFixed(3)} (one round).`,
    `Where the gateway's time goes during ingest, by self time: ${places(ingest.places)}.`,
    `${size.units} units over MQTT in a process of their own, ${load.perS.toFixed(0)} readings a second over ${size.loadS} s. Latency from ${load.samples} events of ${size.watched} of them, at a service in a third process; its subscriptions stand while CPU and memory are taken.`,
    `Where the gateway's time goes then: ${places(load.places)}.`,
  ];
}

export const gateway: Bench = {
  name: "gateway",
  about: "ingest, load and latency of a gateway",
  figures,
  defaultRounds: 5,
  run: ({ rounds, bundle }) => measureGateway(bundle, { ...fullSize, rounds }),
};
