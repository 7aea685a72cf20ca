// A sensor: reports this computer's load every second and its temperature every five, signed, under its owner's policy.
import { openDevice } from "ebalance/device";
import { platform } from "ebalance:platform";

const sensor = openDevice(platform);

sensor.report("processorLoad", { everyMs: 1000, read: platform.readings.processorLoad });
sensor.report("temperature", { everyMs: 5000, read: platform.readings.temperature });
