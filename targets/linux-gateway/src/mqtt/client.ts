/** One connection to an MQTT broker as a client, for the way up and for an external broker below. It is made once: who wants another after it is down makes a new one. */
import { connect, type MqttClient } from "mqtt";
import { EbalanceError, mqttName } from "ebalance";
import { authenticateWithinMs, maxPacketBytes, maxQueuedBytes } from "./bounds";
import { PacketGuard } from "./packet-guard";

/** Silence after which the broker is asked whether it is there, and after half as much again is taken for lost. */
const keepAliveS = 15;

export interface BrokerAddress {
  /** `mqtt://host:port` or `mqtts://host:port`. */
  readonly url: string;
  /** Default: the `mqttName` of the unit. */
  readonly username?: string;
  readonly password: string;
  /** Certificate, as PEM, of who signed the broker's; default: those that Node trusts. */
  readonly ca?: string;
}

export interface MqttEvents {
  /** Connected, and everything subscribed to. */
  up(): void;
  /** A message came in; `acknowledge` tells the broker so. */
  message(topic: string, payload: Uint8Array, acknowledge: () => void): void;
  /** The connection has ended or could not be made; told once, and never before `openMqtt` has returned. */
  down(reason: string): void;
}

export interface MqttConnection {
  /** Publishes with QoS 1; `done` is called once the broker has it, or the connection has ended. */
  publish(topic: string, payload: Uint8Array, done: () => void): void;
  /** Ends the connection without a farewell, so that the broker publishes the will. May be called twice. */
  close(reason: string): void;
}

/** @throws EbalanceError `bad-configuration` for a URL that is none of a broker */
export function checkBrokerUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^mqtts?:$/.test(parsed.protocol) || !parsed.hostname || parsed.username || parsed.password)
    throw new EbalanceError("bad-configuration", "caller", `broker URL ${JSON.stringify(parsed ? `${parsed.protocol}//${parsed.host}` : url)} is not mqtt://host:port or mqtts://host:port without a user`);
  return `${parsed.protocol}//${parsed.host}`;
}

/**
 * Connects as a unit, with MQTT 3.1.1, which every broker speaks. The session is clean: what was lost with a connection is sent again by the outbox, and what came twice is
 * found by the replay window; neither side has to keep a queue for the other.
 * @param unit whose name is the client id
 */
export function openMqtt(address: BrokerAddress, unit: string, topics: readonly string[], willTopic: string, events: MqttEvents): MqttConnection {
  const clientId = mqttName(unit);
  const { url, username = clientId, password, ca } = address;
  const client = connect(checkBrokerUrl(url), {
    clientId,
    username,
    password,
    ...(ca === undefined ? {} : { ca }),
    protocolVersion: 4,
    clean: true,
    keepalive: keepAliveS,
    connectTimeout: authenticateWithinMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    will: { topic: willTopic, payload: Buffer.alloc(0), qos: 1, retain: false },
  });
  let ended = false;
  const end = (why: string) => {
    if (ended) return;
    ended = true;
    client.end(true);
    events.down(why);
  };
  const guard = new PacketGuard(maxPacketBytes);
  client.stream.on("data", (chunk: Uint8Array) => {
    if (!guard.push(chunk)) end(`the broker sent a packet of more than ${maxPacketBytes} bytes`);
    // Acknowledgements wait there too.
    else if (client.stream.writableLength > maxQueuedBytes) end(`the broker sends, and has left ${maxQueuedBytes} bytes unread`);
  });
  // The package keeps such a message until the broker releases it, as many as there are ids; what was subscribed to comes with QoS 1 at most.
  client.on("packetreceive", (packet) => packet.cmd === "publish" && packet.qos === 2 && end("the broker sent a message with QoS 2; 0 or 1 is accepted"));
  // After an error of its parser the package would stay connected and take in nothing any more.
  client.on("error", (error) => end(reasonOf(error, username)));
  client.on("close", () => end("ended by the broker"));
  client.on("connect", () =>
    client.subscribe([...topics], { qos: 1 }, (error) => {
      if (error) end(`the broker refuses a subscription to ${topics.join(" or ")} (${error.message})`);
      else if (!ended) events.up();
    }),
  );
  takeMessages(client, (topic, payload, acknowledge) => ended || events.message(topic, payload, acknowledge));
  return {
    publish: (topic, payload, done) => (ended ? done() : void client.publish(topic, payload as Buffer, { qos: 1 }, () => done())),
    close: end,
  };
}

/**
 * Each message is handed over with its acknowledgement. The package would acknowledge when told to go on, and read nothing until then: with a store that commits in
 * groups, one message a commit. So it goes on at once, is told not to acknowledge, and the PUBACK is written here.
 */
function takeMessages(client: MqttClient, take: MqttEvents["message"]): void {
  const acknowledgedHere = new Error("acknowledged once it is kept");
  client.handleMessage = ({ topic, payload, qos, messageId = 0 }, next) => {
    take(topic, payload as Uint8Array, () => {
      if (qos === 1 && client.connected) client.stream.write(Uint8Array.of(0x40, 2, messageId >> 8, messageId & 0xff));
    });
    next(acknowledgedHere);
  };
}

/** CONNACK codes that say who we are is not who we may be. */
const refusedCodes: readonly unknown[] = [2, 4, 5];

function reasonOf(error: Error & { code?: unknown }, username: string): string {
  if (refusedCodes.includes(error.code)) return `the broker refuses user ${username} (${error.message})`;
  return typeof error.code === "string" ? error.code : error.message;
}
