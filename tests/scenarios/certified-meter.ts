/** A meter with credentials: FOLDER UNIT URL. It measures 230 W, all the time. */
import { EbalanceError, openCertifiedDevice } from "ebalance";
import { certifiedDevicePlatform, stderrLog } from "@ebalance/gateway";

const [credentials, unit, url] = process.argv.slice(2) as [string, string, string];
try {
  const device = openCertifiedDevice(certifiedDevicePlatform({ credentials, unit, url, service: "metering", log: stderrLog(unit) }));
  device.report("activePower", { everyMs: 100, read: () => 230 });
} catch (error) {
  if (!(error instanceof EbalanceError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
