/** A meter with credentials: FOLDER UNIT URL [PERIOD_MS]. It measures 230 W, all the time; with a period it counts instead. */
import { EbalanceError, openCertifiedDevice } from "ebalance";
import { certifiedDevicePlatform, stderrLog } from "@ebalance/gateway";

const [credentials, unit, url, everyMs] = process.argv.slice(2) as [string, string, string, string | undefined];
let count = 0;
try {
  const device = openCertifiedDevice(certifiedDevicePlatform({ credentials, unit, url, service: "metering", log: stderrLog(unit) }));
  if (everyMs) device.report("activeEnergyImport", { everyMs: Number(everyMs), read: () => ++count });
  else device.report("activePower", { everyMs: 100, read: () => 230 });
} catch (error) {
  if (!(error instanceof EbalanceError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
