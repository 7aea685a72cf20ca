/** The ways up and down of a gateway, as its configuration names them: each protocol is one adapter and nothing else knows of it (CP-1, CP-9). */
import { readFileSync } from "node:fs";
import { EbalanceError, type LinkConnector, type LogPort, type UnitDriver } from "ebalance";
import { MqttBroker } from "../mqtt/broker";
import { BrokerClient } from "../mqtt/broker-client";
import { mqttConnector } from "../mqtt/connector";
import type { MqttAccount, MqttClientText } from "../mqtt/credentials";
import { readSecretText } from "../read-key-file";
import type { Durability } from "../store/durability";
import { serialAddressOf, serialConnector, SerialListener } from "../serial";
import { TcpServer, tcpConnector } from "../tcp";
import type { ListenConfig, ParentConfig } from "./configuration";
import type { Listening } from "./events";

/** Connections at once where few units are known. */
const leastConnections = 64;

export interface Listener {
  listen(): Promise<Listening>;
  close(): Promise<void>;
}

interface ListenerParts {
  readonly driver: UnitDriver;
  readonly log: LogPort;
  /** The units below, as a broker knows them. */
  readonly clients: readonly MqttClientText[];
  readonly durability: Durability | undefined;
}

/** A way in for the units below. */
export function openListener(config: ListenConfig, { driver, log, clients, durability }: ListenerParts): Listener {
  const maxConnections = Math.max(leastConnections, 2 * clients.length);
  if ("tcp" in config) {
    const server = new TcpServer(driver, log, { ...config.tcp, durability, maxConnections });
    return { listen: async () => ({ kind: "tcp", host: config.tcp.host, port: await server.listen() }), close: () => server.close() };
  }
  if ("mqtt" in config) {
    const { host, port, tls } = config.mqtt;
    const files = tls && { key: readSecretText(tls.keyFile), cert: readPublicText(tls.certFile) };
    const broker = new MqttBroker(driver, log, { host, port, clients, durability, maxConnections, ...(files ? { tls: files } : {}) });
    return { listen: async () => ({ kind: "mqtt", host, port: await broker.listen() }), close: () => broker.close() };
  }
  if ("serial" in config) {
    const listener = new SerialListener(driver, log, config.serial, durability);
    return { listen: async () => (listener.listen(), { kind: "serial", host: config.serial.path, port: 0 }), close: async () => listener.close() };
  }
  const { url, username, passwordFile, caFile } = config.broker;
  const children = clients.map(({ id }) => id);
  const more = { ...(username ? { username } : {}), ...(caFile ? { ca: readPublicText(caFile) } : {}) };
  const client = new BrokerClient(driver, log, { url, password: readPassword(passwordFile), children, durability, ...more });
  return { listen: async () => ({ kind: "broker", host: new URL(url).hostname, port: await client.listen() }), close: () => client.close() };
}

/** The way to the unit above. */
export function connectorOf(config: ParentConfig, { self, parent, password: known }: MqttAccount, log: LogPort, durability: Durability | undefined): LinkConnector {
  const line = serialAddressOf(config.url);
  if (line) return serialConnector(line, log, durability);
  const { protocol, hostname, port } = new URL(config.url);
  if (protocol === "tcp:") return tcpConnector(hostname, Number(port), durability);
  const password = config.passwordFile ? readPassword(config.passwordFile) : known();
  const { username, caFile } = config;
  const more = { ...(username ? { username } : {}), ...(caFile ? { ca: readPublicText(caFile) } : {}) };
  return mqttConnector({ url: config.url, self, parent, password, durability, ...more });
}

/** The password in a file that only its owner can read. */
export function readPassword(path: string): string {
  return readSecretText(path).replace(/\r?\n$/, "");
}

function readPublicText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new EbalanceError("bad-configuration", "caller", `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
