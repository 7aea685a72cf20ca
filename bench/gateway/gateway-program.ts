/** A gateway as `ebalance run` starts it, in a process of its own; it says what it has used, and where its time goes. */
import { stderrLog } from "@ebalance/gateway";
import { readConfig } from "../../targets/linux-gateway/src/gateway/config";
import { Gateway } from "../../targets/linux-gateway/src/gateway/gateway";
import type { EventStream } from "ebalance";
import { Profile } from "./profile";
import { serve } from "./program";
import { usage } from "./usage";
import { operator, owner } from "./world";

/** A reading that came to a subscriber. */
export interface Seen {
  readonly key: string;
  /** Monotonic clock of the machine. */
  readonly atMs: number;
}

let gateway: Gateway | undefined;
const profile = new Profile();
const seen: Seen[] = [];

async function collect(stream: EventStream): Promise<void> {
  for await (const { device, value } of stream) seen.push({ key: `${device} ${String(value)}`, atMs: Number(process.hrtime.bigint()) / 1e6 });
}

serve({
  /** @returns the port that it listens on */
  open: async (config: string) => {
    gateway = await Gateway.open(readConfig(config), { log: stderrLog("gateway", "warning") });
    return gateway.listening[0]!.port;
  },
  usage: () => usage(gateway!.driver.unit.counters.instancesKept),
  counters: () => gateway!.driver.unit.counters,
  /** Subscribes the operator's service to the power of devices. @returns the results that are not `done` */
  subscribe: async (devices: readonly string[]) => {
    const data = gateway!.services(operator.stakeholder, operator.service);
    const streams = devices.map((device) => data.event({ variable: "activePower", device, owner }));
    const results = await Promise.all(streams.map(async ({ accepted }) => (await accepted).result));
    for (const stream of streams) void collect(stream);
    return results.filter((result) => result !== "done");
  },
  seen: () => seen,
  startProfile: () => profile.start(),
  stopProfile: () => profile.stop(),
});
