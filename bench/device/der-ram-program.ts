/** The DER controller example at ten measurements a second, which tells of its memory: what bench `device` finds the least memory of. */
import { openDevice } from "ebalance/device";
import { DerController, ModbusTcp, SunSpecInverter } from "ebalance/der";
import { inverterStreams } from "ebalance/bench-inverter";
import { platform } from "ebalance:platform";

const device = openDevice(platform);
const registers = new ModbusTcp(inverterStreams(platform.timers), platform.timers);
const inverter = new SunSpecInverter(registers, platform.timers);

new DerController(device, inverter, platform, { everyMs: 100, safeLimitShare: 40, gatewayTimeoutMs: 10_000 });
host.setTimer(1000, true, () => host.print(JSON.stringify(host.memory())));
