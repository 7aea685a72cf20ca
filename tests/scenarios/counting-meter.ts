/** A meter on Node whose readings are numbered. Arguments: KEYFILE URL SERVICE PERIOD_MS. */
import { openDevice } from "ebalance";
import { nodeDevicePlatform, stderrLog } from "@ebalance/gateway";

const [keyFile, url, service, everyMs] = process.argv.slice(2);
const meter = openDevice(nodeDevicePlatform({ keyFile: keyFile!, url: url!, service: service!, log: stderrLog("meter", "info") }));
let count = 0;
meter.report("activeEnergyImport", { everyMs: Number(everyMs), read: () => ++count });
process.once("SIGTERM", () => meter.close());
