// A device of the customer's with credentials of its own: reports its power every two seconds to the home. Ctrl-C ends it.
import { openCertifiedDevice } from "ebalance";
import { certifiedDevicePlatform, stderrLog } from "@ebalance/gateway";

const device = openCertifiedDevice(certifiedDevicePlatform({ credentials: "grid/units/meter-1", unit: "meter-1", port: 4712, service: "metering", log: stderrLog("meter-1") }));

// In place of a meter: the memory that this process uses, as if every kilobyte were a watt.
device.report("activePower", { everyMs: 2000, read: () => Math.round(process.memoryUsage.rss() / 1024) });
process.once("SIGINT", () => device.close());
