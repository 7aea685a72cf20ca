/** The files of an external mosquitto broker for a gateway: who may connect, and which topics each may use. */
import { resolve } from "node:path";
import { EbalanceError, mqttName, mqttPassword } from "ebalance";
import { mosquittoAccess, mosquittoConfig, mosquittoPasswords } from "../mqtt/mosquitto-config";
import { UnitFolder } from "../credentials/unit-folder";
import { NodeCrypto } from "../node-crypto";
import { systemClock } from "../node-ports";
import { readKeyFile } from "../read-key-file";
import type { GatewayConfig } from "./configuration";
import { readPassword } from "./links";

/** Texts by file name; `passwords` lets whoever reads it guess passwords and is for the broker alone. */
export interface BrokerFiles {
  readonly "mosquitto.conf": string;
  readonly access: string;
  readonly passwords: string;
}

/**
 * @param folder where the files will be
 * @throws EbalanceError `bad-configuration` where the configuration names no external broker
 */
export function brokerFiles(config: GatewayConfig, folder: string): BrokerFiles {
  const broker = config.listen.map((listen) => ("broker" in listen ? listen.broker : undefined)).find((one) => one !== undefined);
  if (!broker) throw new EbalanceError("bad-configuration", "caller", `unit ${config.unit}: listen names no broker; add - broker: { url, username, passwordFile }`);
  // The access list knows the gateway by its id.
  if (broker.username !== undefined && broker.username !== mqttName(config.unit))
    throw new EbalanceError("bad-configuration", "caller", `unit ${config.unit}: broker.username ${broker.username} is not ${mqttName(config.unit)}; leave it out`);
  const crypto = new NodeCrypto();
  const children = config.units.map(({ keyFile }) => {
    const { session, key } = readKeyFile(keyFile);
    const secret = key.importInto(crypto, "derive");
    key.wipe();
    return { id: session.initiator, password: mqttPassword(crypto, secret, session) };
  });
  if (config.credentials) children.push(...new UnitFolder(config.credentials.folder, config.unit, { crypto, clock: systemClock }).clients);
  const { hostname, port } = new URL(broker.url);
  const place = (name: string) => resolve(folder, name);
  return {
    "mosquitto.conf": mosquittoConfig({ host: hostname, port: Number(port || 1883), accessFile: place("access"), passwordFile: place("passwords") }),
    access: mosquittoAccess(config.unit),
    passwords: mosquittoPasswords([{ id: config.unit, password: readPassword(broker.passwordFile) }, ...children]),
  };
}
