/** The sensor example at twenty readings a second, which tells of its memory: what bench `device` finds the least memory of. */
import { openDevice } from "ebalance/device";
import { platform } from "ebalance:platform";

const sensor = openDevice(platform);
let count = 0;

sensor.report("activePower", { everyMs: 50, read: () => (count = (count + 1) % 1000) });
sensor.report("processorLoad", { everyMs: 250, read: platform.readings.processorLoad });
sensor.follow(["switchState"], ({ value }) => platform.light(value === true));
host.setTimer(1000, true, () => host.print(JSON.stringify(host.memory())));
