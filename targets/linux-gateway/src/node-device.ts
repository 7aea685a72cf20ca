/** A device on Node: for tests, simulations, and Linux computers that measure something themselves. */
import type { DevicePlatform, LogPort } from "ebalance";
import { NodeCrypto } from "./node-crypto";
import { nodeTimers, stderrLog, systemClock } from "./node-ports";
import { readSecretText } from "./read-key-file";
import { tcpConnector } from "./tcp";

export interface NodeDeviceOptions {
  /** Path of the key file; nobody but its owner may be able to read it. */
  readonly keyFile: string;
  /** Where the parent listens. Default 127.0.0.1. */
  readonly host?: string;
  /** 1 to 65535. */
  readonly port: number;
  /** The service that reports, as the key file's `sources` name it. */
  readonly service: string;
  /** Default: warnings and errors to standard error. */
  readonly log?: LogPort;
}

/**
 * The platform of a device that runs on Node.
 * @throws EbalanceError `bad-configuration` for a key file or port that is not usable
 * @example
 * openDevice(nodeDevicePlatform({ keyFile: "device.key.json", port: 4712, service: "metering" }));
 */
export function nodeDevicePlatform(options: NodeDeviceOptions): DevicePlatform {
  const { keyFile, host = "127.0.0.1", port, service, log = stderrLog("device", "warning") } = options;
  return {
    clock: systemClock,
    crypto: new NodeCrypto(),
    timers: nodeTimers,
    log,
    keyFile: { name: keyFile, text: readSecretText(keyFile) },
    service,
    connect: tcpConnector(host, port),
  };
}
