/** A sensor whose readings are numbered, so that a test sees what is lost and what comes twice. */
import { openDevice } from "ebalance/device";
import { platform } from "ebalance:platform";

let count = 0;
openDevice(platform).report("activeEnergyImport", { everyMs: 50, read: () => ++count });
