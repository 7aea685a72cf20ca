/** The units below over an external broker: the gateway is one of its clients, and each child a link by its topics. */
import { mqttGoneTopic, mqttName, mqttTopic, type LogPort, type UnitDriver } from "ebalance";
import { Closings } from "../closings";
import type { Durability } from "../store/durability";
import { checkBrokerUrl, openMqtt, type BrokerAddress, type MqttConnection } from "./client";
import { MqttLink } from "./mqtt-link";
import { Rate } from "./rate";

const firstRetryMs = 500;
const lastRetryMs = 30_000;

export interface BrokerClientOptions extends BrokerAddress {
  /** Ids of the units below that may come over this broker. */
  readonly children: readonly string[];
  /** Where the unit's store says when what it kept is on disk: until then nothing is acknowledged. */
  readonly durability?: Durability | undefined;
}

/** One child: its link while it is there, and what it has sent in this second. */
interface Child {
  readonly name: string;
  /** The topic of its messages. */
  readonly up: string;
  readonly rate: Rate;
  link: MqttLink | undefined;
}

/**
 * Any MQTT 3.1.1 or 5 broker. Its access lists are the network's fence: each child publishes and subscribes in its own space only (see `mosquittoAccess`), and it should
 * refuse messages of more than 1024 bytes.
 */
export class BrokerClient {
  readonly #self: string;
  readonly #children = new Map<string, Child>();
  readonly #name: string;
  readonly #closings: Closings;
  #connection: MqttConnection | undefined;
  #retryMs = firstRetryMs;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws EbalanceError `bad-configuration` for a URL that is none of a broker */
  constructor(
    private readonly driver: UnitDriver,
    private readonly log: LogPort,
    private readonly options: BrokerClientOptions,
  ) {
    this.#name = checkBrokerUrl(options.url);
    this.#self = mqttName(driver.unit.id);
    this.#closings = new Closings(log);
    for (const id of options.children) this.#addTopics(mqttName(id));
  }

  /** Connects, and again after a pause whenever the connection is lost. @returns the broker's port, once the first attempt has succeeded or failed */
  listen(): Promise<number> {
    const { protocol, port } = new URL(this.#name);
    return new Promise((resolve) => this.#connect(() => resolve(Number(port) || (protocol === "mqtts:" ? 8883 : 1883))));
  }

  /** Ends the connection for good; the children hear of it. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#connection?.close("closed");
    return Promise.resolve();
  }

  #addTopics(name: string): void {
    const up = mqttTopic(this.#self, name, "up");
    const child: Child = { name, up, rate: new Rate(), link: undefined };
    for (const topic of [up, mqttTopic(this.#self, name, "gone")]) this.#children.set(topic, child);
  }

  #connect(settled: () => void): void {
    const topics = (["up", "gone"] as const).map((channel) => mqttTopic(this.#self, "+", channel));
    const connection = (this.#connection = openMqtt(this.options, this.driver.unit.id, topics, mqttGoneTopic(this.#self), {
      up: () => {
        this.log("info", `connected to the broker ${this.#name}`);
        this.#failures = 0;
        this.#retryMs = firstRetryMs;
        settled();
      },
      message: (topic, payload, acknowledge) => this.#take(connection, topic, payload, acknowledge),
      down: (reason) => {
        this.#lost(reason);
        settled();
      },
    }));
  }

  /** Every child is lost with the broker. The pause doubles with every failure, up to half a minute. */
  #lost(reason: string): void {
    for (const { link } of this.#children.values()) link?.close(`broker ${this.#name}: ${reason}`);
    if (this.#closed) return;
    this.log(this.#failures++ ? "info" : "warning", `connection to the broker ${this.#name} closed: ${reason}; trying again in ${this.#retryMs} ms`);
    this.#timer = setTimeout(() => this.#connect(() => {}), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
  }

  /** Each message is acknowledged in the end, kept or not: what is not counts against the few that the broker sends ahead, to all children together. */
  #take(connection: MqttConnection, topic: string, payload: Uint8Array, acknowledge: () => void): void {
    const child = this.#children.get(topic);
    if (child?.up === topic) return this.#takeUp(connection, child, payload, acknowledge);
    acknowledge();
    child?.link?.close("it has left the broker");
  }

  #takeUp(connection: MqttConnection, child: Child, payload: Uint8Array, acknowledge: () => void): void {
    // What a child sends beyond its share is let go: all children share the connection, so it cannot be read more slowly.
    if (child.rate.isOver()) return acknowledge();
    child.link ??= this.#newLink(connection, child);
    child.link.take(payload, acknowledge);
  }

  #newLink(connection: MqttConnection, child: Child): MqttLink {
    const down = mqttTopic(this.#self, child.name, "down");
    const publish = (message: Uint8Array, done: () => void) => connection.publish(down, message, done);
    const closed = (link: MqttLink, reason: string) => {
      child.link = undefined;
      this.#closings.add(link.name, reason, link.isAuthentic);
      // An empty message tells the child, if it is there, that it has to begin anew.
      publish(new Uint8Array(0), () => {});
      this.driver.unit.linkLost(link);
    };
    return new MqttLink(`mqtt ${this.#name} ${child.name}`, { receive: (message, link) => this.driver.receive(link, message), publish, closed }, this.options.durability);
  }
}
