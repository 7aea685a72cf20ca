// A sensor: reports its load every second and its temperature every five, authenticated, under its owner's policy, and has a lamp that may be switched.
import { openDevice } from "ebalance/device";
import { platform } from "ebalance:platform";

const sensor = openDevice(platform);

sensor.report("processorLoad", { everyMs: 1000, read: platform.readings.processorLoad });
sensor.report("temperature", { everyMs: 5000, read: platform.readings.temperature });
sensor.follow(["switchState"], ({ value }) => platform.light(value === true));
