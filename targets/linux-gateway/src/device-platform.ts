/**
 * A device on Node: what `ebalance:platform` is where there is no XS engine. Takes its place on the command line like the XS host does:
 * `node sensor.js KEYFILE PORT SERVICE`.
 */
import type { DevicePlatform } from "ebalance/device";
import { processorLoadReader, temperature } from "./computer-readings";
import { NodeCrypto } from "./node-crypto";
import { nodeTimers, stderrLog, systemClock } from "./node-ports";
import { readSecretText } from "./read-key-file";
import { tcpConnector } from "./tcp";

/** What this computer offers for reading. */
export interface Readings {
  /** Share of the processors that is busy, in percent. */
  readonly processorLoad: () => number | undefined;
  /** In °C; undefined where the computer has no sensor. */
  readonly temperature: () => number | undefined;
}

function fromCommandLine(): DevicePlatform & { readonly readings: Readings } {
  const [keyFile, port, service] = process.argv.slice(2);
  if (!keyFile || !port || !service) {
    process.stderr.write("usage: node sensor.js KEYFILE PORT SERVICE\n");
    process.exit(2);
  }
  return {
    clock: systemClock,
    crypto: new NodeCrypto(),
    timers: nodeTimers,
    log: stderrLog("device", "warning"),
    keyFile: { name: keyFile, text: readSecretText(keyFile) },
    service,
    connect: tcpConnector("127.0.0.1", Number(port)),
    readings: { processorLoad: processorLoadReader(), temperature },
  };
}

export const platform = fromCommandLine();
