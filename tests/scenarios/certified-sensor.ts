/** A sensor with credentials on XS, which says when it uses a key pair, and how much memory it takes. */
import { openCertifiedDevice } from "ebalance/certified";
import { platform } from "ebalance:certified-platform";

const crypto = platform.crypto as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const name of ["sign", "verify", "agree", "generateKey"]) {
  const operation = crypto[name]!;
  crypto[name] = (...args) => {
    host.print(`key pair: ${name}`);
    return operation(...args);
  };
}

const sensor = openCertifiedDevice(platform);
let count = 0;
sensor.report("activePower", { everyMs: 250, read: () => (count = (count + 1) % 1000) });
sensor.follow(["switchState"], ({ value }) => platform.light(value === true));
host.setTimer(1000, true, () => host.print(JSON.stringify(host.memory())));
