/** Many units at one reading a second: the CPU and memory of their gateway, and the time from a write to a subscriber two units away. */
import type { Place } from "./profile";
import { Program } from "./program";
import { between, type Usage } from "./usage";
import type { GatewaySize, Programs } from "./size";
import { home, World } from "./world";

const joinWithinMs = 60_000;
/** How far the number of readings may be from that of all units, besides two at the edges of the time. */
const tolerance = 0.03;

interface Stamp {
  readonly key: string;
  readonly atMs: number;
}

export interface Load {
  readonly cpu: number;
  readonly rssMb: number;
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
  readonly places: readonly Place[];
}

export async function measureLoad(programs: Programs, size: GatewaySize): Promise<Load> {
  const world = new World(size.units);
  const [top, gateway, units] = [new Program("top", programs.gateway), new Program("gateway", programs.gateway), new Program("units", programs.units)];
  try {
    const topPort = await top.ask<number>("open", world.topConfig());
    const port = await gateway.ask<number>("open", world.homeConfig(topPort));
    await units.ask("open", { devices: world.devices, keyFiles: world.devices.map((id) => world.keyFileOf(id)), port });
    await joined(gateway, size.units);
    const watched = world.devices.slice(0, size.watched);
    const refused = await top.ask<string[]>("subscribe", watched);
    if (refused.length) throw new Error(`${refused.length} of ${watched.length} subscriptions were not accepted: ${refused[0]}`);
    const { cpu, perS, rssMb: rssThenMb, complete } = await over(gateway, size.loadS, size.units);
    if (!complete) throw new Error(`${perS.toFixed(0)} readings a second came of ${size.units} units`);
    const latencies = await measureLatencies(top, units, watched, size.samples);
    const rssMb = Math.max(rssThenMb, (await gateway.ask<Usage>("usage")).rssMb);
    await gateway.ask("startProfile");
    await pause(2000);
    const places = await gateway.ask<Place[]>("stopProfile");
    return { cpu, perS, rssMb, ...latencies, places };
  } finally {
    await Promise.all([units, gateway, top].map((program) => program.stop()));
    world.remove();
  }
}

/** Waits until the readings of all units come. */
async function joined(gateway: Program, units: number): Promise<void> {
  const untilMs = performance.now() + joinWithinMs;
  for (;;) {
    const { perS, complete } = await over(gateway, 2, units);
    if (complete) return;
    if (performance.now() > untilMs) throw new Error(`${perS.toFixed(0)} readings a second at ${home} after ${joinWithinMs} ms, of ${units} units`);
  }
}

/** What the gateway uses in a time; `complete` where each unit's readings came in it. */
async function over(gateway: Program, seconds: number, units: number) {
  const from = await gateway.ask<Usage>("usage");
  await pause(1000 * seconds);
  const to = await gateway.ask<Usage>("usage");
  const used = between(from, to);
  const expected = (units * (to.wallMs - from.wallMs)) / 1000;
  return { ...used, rssMb: to.rssMb, complete: Math.abs(used.messages - expected) <= tolerance * expected + 2 };
}

async function measureLatencies(top: Program, units: Program, watched: readonly string[], samples: number): Promise<Pick<Load, "p50Ms" | "p99Ms" | "samples">> {
  await units.ask("watch", watched);
  await pause((1000 * samples) / watched.length + 1000);
  await units.ask("watch", []);
  // What is still under way.
  await pause(1000);
  const seen = new Map((await top.ask<Stamp[]>("seen")).map(({ key, atMs }) => [key, atMs]));
  const written = await units.ask<Stamp[]>("written");
  const latencies = written.map(({ key, atMs }) => (seen.get(key) ?? Infinity) - atMs).sort((a, b) => a - b);
  if (latencies.includes(Infinity)) throw new Error(`${latencies.filter((ms) => ms === Infinity).length} of ${written.length} readings never came to their subscriber`);
  const quantile = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]!;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), samples: latencies.length };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
