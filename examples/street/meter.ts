/** A household meter on Node, over MQTT: what a device maker writes for a Linux computer. Its household is made up: a base load, a fridge, a kettle now and then. */
import { openDevice } from "ebalance";
import { nodeDevicePlatform } from "@ebalance/gateway";

const [keyFile, url, service] = process.argv.slice(2);
if (!keyFile || !url || !service) {
  process.stderr.write("usage: node meter.mjs KEYFILE URL SERVICE\n");
  process.exit(2);
}
const meter = openDevice(nodeDevicePlatform({ keyFile, url, service }));

/** Active power of the household in W, drawn from the grid. */
function powerW(): number {
  const s = Date.now() / 1000;
  const fridge = s % 40 < 15 ? 90 : 0;
  const kettle = s % 60 < 8 ? 1900 : 0;
  return 180 + fridge + kettle + 15 * Math.sin(s / 3);
}

meter.report("activePower", { everyMs: 1000, read: powerW });
process.once("SIGTERM", () => meter.close());
