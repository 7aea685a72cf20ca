/** A sensor whose readings are numbered, so that a test sees what is lost and what comes twice. After the service: the period in ms, 50 where it is left out. */
import { openDevice } from "ebalance/device";
import { platform } from "ebalance:platform";

let count = 0;
openDevice(platform).report("activeEnergyImport", { everyMs: Number(platform.args[0] ?? 100), read: () => ++count });
