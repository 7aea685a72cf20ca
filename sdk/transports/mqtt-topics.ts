/**
 * Topics of MQTT: each child of a unit has a space of its own, `ebalance/1/PARENT/CHILD`. One MQTT message carries one session message, which is authentic from end to
 * end; the topics are the network's fence around it. Nothing here knows a broker.
 */
import { badArgument } from "../core/model/errors";
import { utf8Length } from "../core/model/utf8";

/** Of the wire version of session messages. */
const prefix = "ebalance/1";
const maxIdBytes = 64;

/** The child publishes to `up` and subscribes to `down`; its will goes to `gone`. An empty message on `down` says that the parent has ended the link. */
export type MqttChannel = "up" | "down" | "gone";

/**
 * A unit's id as one level of a topic, and as its user name and client id: what is no letter, digit, `-`, `.`, `_` or `~` is percent-encoded, so that
 * no `/`, `+`, `#`, `$` or `:` is left.
 * @returns 1 to 192 characters
 * @throws EbalanceError `bad-argument` for an id that is not a text of 1 to 64 bytes
 */
export function mqttName(unit: string): string {
  const length = utf8Length(unit);
  if (length < 1 || length > maxIdBytes) badArgument(`unit id ${JSON.stringify(unit.slice(0, maxIdBytes))} is not a text of 1 to ${maxIdBytes} bytes`);
  return encodeURIComponent(unit).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The unit whose {@link mqttName} this is; undefined where it is nobody's: each unit has one name only. */
export function unitOfMqttName(name: string): string | undefined {
  try {
    const unit = decodeURIComponent(name);
    return mqttName(unit) === name ? unit : undefined;
  } catch {
    return undefined;
  }
}

/** A topic between a parent and a child, given by their {@link mqttName}s. */
export function mqttTopic(parentName: string, childName: string, channel: MqttChannel): string {
  return `${prefix}/${parentName}/${childName}/${channel}`;
}

/** Where the will of a unit goes that reaches its children over a broker, given by its {@link mqttName}. */
export function mqttGoneTopic(parentName: string): string {
  return `${prefix}/${parentName}/gone`;
}
