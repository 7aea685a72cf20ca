// A DER controller: measures a SunSpec inverter over Modbus TCP every second, reports it, and holds it to the set-points from above.
// Arguments: KEYFILE PORT SERVICE [HOST:]PORT, the last where the inverter listens.
import { openDevice } from "ebalance/device";
import { DerController, ModbusTcp, SunSpecInverter } from "ebalance/der";
import { platform } from "ebalance:platform";

const device = openDevice(platform);
const registers = new ModbusTcp(platform.streams(platform.args[0]), platform.timers);
const inverter = new SunSpecInverter(registers, platform.timers);

new DerController(device, inverter, platform, { everyMs: 1000, safeLimitShare: 40, gatewayTimeoutMs: 10_000 });
