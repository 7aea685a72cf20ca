/** A device on Node: for tests, simulations, and Linux computers that measure something themselves. */
import { EbalanceError, encryptingSeal, granteesOf, mqttPassword, parseKeyFile, portableSeal, Resumption, type CertifiedDevicePlatform, type CryptoPort, type DevicePlatform, type LinkConnector, type LogPort } from "ebalance";
import { openUnitFolder } from "./credentials/open-unit-folder";
import { mqttConnector } from "./mqtt/connector";
import type { MqttAccount } from "./mqtt/credentials";
import { NodeCrypto } from "./node-crypto";
import { nodeTimers, stderrLog, systemClock } from "./node-ports";
import { readSecretText } from "./read-key-file";
import { serialAddressOf, serialConnector } from "./serial";
import { tcpConnector } from "./tcp";

interface PlaceOptions {
  /** Where the parent listens. Default 127.0.0.1. */
  readonly host?: string;
  /** 1 to 65535. */
  readonly port?: number;
  /**
   * Instead of host and port: `tcp://host:port`, or `mqtt://host:port` or `mqtts://host:port` for the parent's broker or one between them; user name and password come
   * from the session key file, or from the credentials of both. Or `serial:///dev/ttyUSB0?baudRate=115200` for a line with the parent at its other end.
   */
  readonly url?: string;
  /** The service that reports, as the session key file's `sources` or a delegation name it. */
  readonly service: string;
  /** Default: warnings and errors to standard error. */
  readonly log?: LogPort;
}

/** A device that shares a session key file with its parent. */
export interface NodeDeviceOptions extends PlaceOptions {
  /** Path of the session key file; nobody but its owner may be able to read it. */
  readonly keyFile: string;
}

/** A device with credentials. */
export interface CertifiedNodeDeviceOptions extends PlaceOptions {
  /** Folder of the device, as `ebalance keys` made it; nobody but its owner may be able to read the keys in it. */
  readonly credentials: string;
  /** Id of the device. */
  readonly unit: string;
  /** Which of the units above, where the device's credential names several. Default: the first. */
  readonly parent?: string;
  /** Where sessions are kept over a restart. Default: `state` in the folder of the device. */
  readonly stateFolder?: string;
  /** Whether its session is encrypted; it is, too, where its home asks for it. Default "mac". */
  readonly protection?: "mac" | "encrypt";
}

/**
 * The platform of a device that runs on Node.
 * @throws EbalanceError `bad-configuration` for a session key file, port or URL that is not usable
 * @example
 * openDevice(nodeDevicePlatform({ keyFile: "device.key.json", port: 4712, service: "metering" }));
 */
export function nodeDevicePlatform(options: NodeDeviceOptions): DevicePlatform {
  const { keyFile, service, log = deviceLog } = options;
  const crypto = new NodeCrypto();
  const file = { name: keyFile, text: readSecretText(keyFile) };
  return { ...nodePorts(crypto), log, keyFile: file, service, connect: connectorOf(options, log, accountOf(crypto, file)) };
}

/**
 * The platform of a device that runs on Node and has credentials.
 * @throws EbalanceError `bad-configuration` for a folder, port or URL that is not usable
 * @example
 * openCertifiedDevice(certifiedDevicePlatform({ credentials: "grid/units/meter-1", unit: "meter-1", port: 4712, service: "metering" }));
 */
export function certifiedDevicePlatform(options: CertifiedNodeDeviceOptions): CertifiedDevicePlatform {
  const { credentials, unit, service, log = deviceLog, stateFolder } = options;
  const crypto = new NodeCrypto();
  const { folder, state } = openUnitFolder(credentials, unit, { crypto, log, stateFolder });
  for (const warning of folder.warnings) log("warning", warning);
  const parent = folder.parent(options.parent);
  const party = folder.party(granteesOf(folder.policy ? [folder.policy] : []), options.protection);
  const resumption = new Resumption({ state, crypto, wrapping: folder.key("wrap"), party, clock: systemClock, log });
  const connect = connectorOf(options, log, folder.accountAt(parent));
  return { ...nodePorts(crypto), log, service, connect, party, parent, policy: folder.policy, resumption, state };
}

const deviceLog = stderrLog("device", "warning");

function nodePorts(crypto: NodeCrypto) {
  return { clock: systemClock, crypto, seal: encryptingSeal(crypto, portableSeal(crypto)), timers: nodeTimers };
}

function connectorOf({ host = "127.0.0.1", port = 0, url }: PlaceOptions, log: LogPort, { self, parent, password }: MqttAccount): LinkConnector {
  if (url === undefined) return tcpConnector(host, port);
  const line = serialAddressOf(url);
  if (line) return serialConnector(line, log);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "tcp:") return tcpConnector(parsed.hostname, Number(parsed.port));
  if (!parsed || !/^mqtts?:$/.test(parsed.protocol)) throw new EbalanceError("bad-configuration", "caller", `url ${JSON.stringify(url)} is not tcp://host:port, mqtt://host:port, mqtts://host:port or serial:///dev/ttyUSB0`);
  return mqttConnector({ url, self, parent, password: password() });
}

function accountOf(crypto: CryptoPort, { text, name }: DevicePlatform["keyFile"]): MqttAccount {
  const { session, key } = parseKeyFile(text, name);
  const secret = key.importInto(crypto, "derive");
  key.wipe();
  const password = mqttPassword(crypto, secret, session);
  crypto.destroyKey(secret);
  return { self: session.initiator, parent: session.responder, password: () => password };
}
