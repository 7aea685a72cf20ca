/** What the mosquitto broker needs to know of a gateway and its children: access lists and passwords. Other brokers have the same under other names. */
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { EbalanceError, maxMessageBytes, mqttGoneTopic, mqttName, mqttTopic } from "ebalance";
import type { MqttClientText } from "./credentials";

const iterations = 101;

/**
 * The access list of a gateway (`acl_file`): each child writes and reads in its own space only, the gateway in that of all its children. Lists of several gateways on
 * one broker can stand in one file, one after the other.
 * @param gateway id of the unit
 */
export function mosquittoAccess(gateway: string): string {
  const self = mqttName(gateway);
  const topic = (channel: "up" | "down" | "gone", child: string) => mqttTopic(self, child, channel);
  const lines = [
    `user ${self}`,
    ...(["up", "gone"] as const).map((channel) => `topic read ${topic(channel, "+")}`),
    `topic write ${topic("down", "+")}`,
    `topic write ${mqttGoneTopic(self)}`,
    ...(["up", "gone"] as const).map((channel) => `pattern write ${topic(channel, "%u")}`),
    `pattern read ${topic("down", "%u")}`,
    `pattern read ${mqttGoneTopic(self)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The lines of mosquitto's password file (`password_file`), hashed with salts of their own (PBKDF2-SHA-512). */
export function mosquittoPasswords(clients: readonly MqttClientText[]): string {
  return clients.map(({ id, password }) => `${mqttName(id)}:${hashed(password)}\n`).join("");
}

function hashed(password: string): string {
  const salt = randomBytes(12);
  return `$7$${iterations}$${salt.toString("base64")}$${pbkdf2Sync(password, salt, iterations, 64, "sha512").toString("base64")}`;
}

export interface MosquittoOptions {
  readonly host: string;
  readonly port: number;
  readonly accessFile: string;
  readonly passwordFile: string;
}

/** A whole `mosquitto.conf`: nobody without a password, nothing kept, no message that is larger than ours. @throws EbalanceError `bad-argument` for a line break */
export function mosquittoConfig({ host, port, accessFile, passwordFile }: MosquittoOptions): string {
  for (const text of [host, accessFile, passwordFile]) if (/[\r\n]/.test(text)) throw new EbalanceError("bad-argument", "caller", `${JSON.stringify(text)} has a line break`);
  const lines = [
    `listener ${port} ${host}`,
    "allow_anonymous false",
    `acl_file ${accessFile}`,
    `password_file ${passwordFile}`,
    "persistence false",
    "retain_available false",
    `message_size_limit ${maxMessageBytes}`,
  ];
  return `${lines.join("\n")}\n`;
}
