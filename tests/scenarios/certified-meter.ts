/** A meter with credentials: FOLDER UNIT URL [PERIOD_MS [CHECKPOINT_S]]. It measures 230 W, all the time; with a period it counts instead, and with another it signs checkpoints. */
import { EbalanceError, MemoryStore, openCertifiedDevice, openCheckpointedDevice } from "ebalance";
import { certifiedDevicePlatform, stderrLog } from "@ebalance/gateway";

const [credentials, unit, url, everyMs, checkpointS] = process.argv.slice(2) as [string, string, string, string | undefined, string | undefined];
let count = 0;
try {
  const platform = certifiedDevicePlatform({ credentials, unit, url, service: "metering", log: stderrLog(unit) });
  const device = checkpointS ? openCheckpointedDevice({ ...platform, store: new MemoryStore(10_000) }, { checkpointEveryS: Number(checkpointS) }) : openCertifiedDevice(platform);
  if (everyMs) device.report("activeEnergyImport", { everyMs: Number(everyMs), read: () => ++count });
  else device.report("activePower", { everyMs: 100, read: () => 230 });
} catch (error) {
  if (!(error instanceof EbalanceError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
