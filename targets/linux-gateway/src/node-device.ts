/** A device on Node: for tests, simulations, and Linux computers that measure something themselves. */
import { EbalanceError, encryptingSeal, mqttPassword, parseKeyFile, portableSeal, type CryptoPort, type DevicePlatform, type LinkConnector, type LogPort } from "ebalance";
import { mqttConnector } from "./mqtt/connector";
import { NodeCrypto } from "./node-crypto";
import { nodeTimers, stderrLog, systemClock } from "./node-ports";
import { readSecretText } from "./read-key-file";
import { serialAddressOf, serialConnector } from "./serial";
import { tcpConnector } from "./tcp";

export interface NodeDeviceOptions {
  /** Path of the key file; nobody but its owner may be able to read it. */
  readonly keyFile: string;
  /** Where the parent listens. Default 127.0.0.1. */
  readonly host?: string;
  /** 1 to 65535. */
  readonly port?: number;
  /**
   * Instead of host and port: `tcp://host:port`, or `mqtt://host:port` or `mqtts://host:port` for the parent's broker or one between them; user name and password come
   * from the key file. Or `serial:///dev/ttyUSB0?baudRate=115200` for a line with the parent at its other end.
   */
  readonly url?: string;
  /** The service that reports, as the key file's `sources` name it. */
  readonly service: string;
  /** Default: warnings and errors to standard error. */
  readonly log?: LogPort;
}

/**
 * The platform of a device that runs on Node.
 * @throws EbalanceError `bad-configuration` for a key file, port or URL that is not usable
 * @example
 * openDevice(nodeDevicePlatform({ keyFile: "device.key.json", port: 4712, service: "metering" }));
 */
export function nodeDevicePlatform(options: NodeDeviceOptions): DevicePlatform {
  const { keyFile, service, log = stderrLog("device", "warning") } = options;
  const crypto = new NodeCrypto();
  const file = { name: keyFile, text: readSecretText(keyFile) };
  return { clock: systemClock, crypto, seal: encryptingSeal(crypto, portableSeal(crypto)), timers: nodeTimers, log, keyFile: file, service, connect: connectorOf(options, crypto, file, log) };
}

function connectorOf({ host = "127.0.0.1", port = 0, url }: NodeDeviceOptions, crypto: CryptoPort, file: DevicePlatform["keyFile"], log: LogPort): LinkConnector {
  if (url === undefined) return tcpConnector(host, port);
  const line = serialAddressOf(url);
  if (line) return serialConnector(line, log);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "tcp:") return tcpConnector(parsed.hostname, Number(parsed.port));
  if (!parsed || !/^mqtts?:$/.test(parsed.protocol)) throw new EbalanceError("bad-configuration", "caller", `url ${JSON.stringify(url)} is not tcp://host:port, mqtt://host:port, mqtts://host:port or serial:///dev/ttyUSB0`);
  const { session, key } = parseKeyFile(file.text, file.name);
  const secret = key.importInto(crypto, "derive");
  key.wipe();
  const password = mqttPassword(crypto, secret, session);
  crypto.destroyKey(secret);
  return mqttConnector({ url, parent: session.responder, self: session.initiator, password });
}
