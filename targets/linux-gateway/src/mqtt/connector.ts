/** The way up over a broker: the parent's own, or one between them. */
import { mqttGoneTopic, mqttName, mqttTopic, type LinkConnector } from "ebalance";
import type { Durability } from "../store/durability";
import { checkBrokerUrl, openMqtt, type BrokerAddress } from "./client";
import { MqttLink } from "./mqtt-link";

export interface MqttConnectorOptions extends BrokerAddress {
  /** Id of the unit above. */
  readonly parent: string;
  /** Id of this unit. */
  readonly self: string;
  /** Where this unit's store says when what it kept is on disk: until then nothing is acknowledged. */
  readonly durability?: Durability | undefined;
}

/**
 * Links to a parent over MQTT, one connection each; `Uplink` makes another when one is lost.
 * @throws EbalanceError `bad-configuration` for a URL that is none of a broker
 * @example
 * new Uplink(driver, "home", mqttConnector({ url: "mqtt://127.0.0.1:1883", parent: "home", self: "meter", password }), nodeTimers, log);
 */
export function mqttConnector(options: MqttConnectorOptions): LinkConnector {
  const { parent, self, durability } = options;
  const name = `mqtt ${checkBrokerUrl(options.url)}`;
  const topic = (channel: "up" | "down" | "gone") => mqttTopic(mqttName(parent), mqttName(self), channel);
  const parentGone = mqttGoneTopic(mqttName(parent));
  return (events) => {
    const connection = openMqtt(options, self, [topic("down"), parentGone], topic("gone"), {
      up: () => events.up(),
      message: (to, payload, acknowledge) => {
        if (to === topic("down") && payload.length > 0) return link.take(payload, (kept) => kept && acknowledge());
        acknowledge();
        link.close(to === parentGone ? `${parent} has left the broker` : `${parent} has ended the link`);
      },
      down: (reason) => link.close(reason),
    });
    const link: MqttLink = new MqttLink(
      name,
      {
        receive: (message) => events.message(message),
        publish: (message, done) => connection.publish(topic("up"), message, done),
        closed: (_link, reason) => {
          connection.close(reason);
          events.down(reason);
        },
      },
      durability,
    );
    return link;
  };
}
