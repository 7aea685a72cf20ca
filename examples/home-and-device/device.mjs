// A device of the customer's: reports its power every two seconds to the home. Ctrl-C ends it.
import { openDevice } from "ebalance/device";
import { nodeDevicePlatform, stderrLog } from "@ebalance/gateway";

const device = openDevice(nodeDevicePlatform({ keyFile: "meter-1.key.json", port: 4712, service: "metering", log: stderrLog("meter-1") }));

// In place of a meter: the memory that this process uses, as if every kilobyte were a watt.
device.report("activePower", { everyMs: 2000, read: () => Math.round(process.memoryUsage.rss() / 1024) });
process.once("SIGINT", () => device.close());
