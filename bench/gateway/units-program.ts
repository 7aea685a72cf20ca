/** Many units in one process: each a device with its session over MQTT, which reports its power once a second. */
import { nodeDevicePlatform } from "@ebalance/gateway";
import { openDevice } from "ebalance/device";
import { serve } from "./program";
import { service } from "./world";

/** Between two units that join, at least: no crowd comes at once, and a thousand report at as many times of a second. */
const staggerMs = 7;

/** When each reading of a watched device was handed to its unit, on the machine's monotonic clock. */
const written: { readonly key: string; readonly atMs: number }[] = [];
let watched = new Set<string>();

function start(id: string, keyFile: string, port: number): void {
  let count = 0;
  openDevice(nodeDevicePlatform({ keyFile, url: `mqtt://127.0.0.1:${port}`, service })).report("activePower", {
    everyMs: 1000,
    read: () => {
      count++;
      if (watched.has(id)) written.push({ key: `${id} ${count}`, atMs: Number(process.hrtime.bigint()) / 1e6 });
      return count;
    },
  });
}

serve({
  open: async ({ devices, keyFiles, port }: { devices: readonly string[]; keyFiles: readonly string[]; port: number }) => {
    for (const [i, id] of devices.entries()) {
      start(id, keyFiles[i]!, port);
      await new Promise((resolve) => setTimeout(resolve, Math.max(staggerMs, 1000 / devices.length)));
    }
  },
  watch: (devices: readonly string[]) => {
    watched = new Set(devices);
  },
  written: () => written,
});
