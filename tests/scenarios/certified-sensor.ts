/** A sensor with credentials on XS, which says when it uses a key pair, and how much memory it takes. With a time in seconds behind its service it signs checkpoints. */
import { openCertifiedDevice, openCheckpointedDevice } from "ebalance/certified";
import { platform } from "ebalance:certified-platform";

const crypto = platform.crypto as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const name of ["sign", "verify", "agree", "generateKey"]) {
  const operation = crypto[name]!;
  crypto[name] = (...args) => {
    host.print(`key pair: ${name}`);
    return operation(...args);
  };
}

const [everyS] = platform.args;
const sensor = everyS ? openCheckpointedDevice(platform, { checkpointEveryS: Number(everyS) }) : openCertifiedDevice(platform);
let count = 0;
sensor.report("activePower", { everyMs: 250, read: () => (count = (count + 1) % 1000) });
sensor.follow(["switchState"], ({ value }) => platform.light(value === true));
host.setTimer(1000, true, () => host.print(JSON.stringify(host.memory())));
