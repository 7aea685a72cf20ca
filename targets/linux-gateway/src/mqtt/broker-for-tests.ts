/** A broker with a unit that does as a test says, and clients of other projects for it. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { generate, parser as newParser, type IConnectPacket, type Packet } from "mqtt-packet";
import type { LinkPort, UnitDriver } from "ebalance";
import { afterEach } from "vitest";
import { MqttBroker, type MqttBrokerOptions } from "./broker";

/** What a test has opened, to be ended after it. */
export const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

const clients = [
  { id: "meter", password: "secret-1" },
  { id: "boiler", password: "secret-2" },
];
export const up = "ebalance/1/home/meter/up";
export const down = "ebalance/1/home/meter/down";
export const gone = "ebalance/1/home/meter/gone";

/** A broker whose unit takes or refuses messages as the test says. */
export async function broker(options: MqttBrokerOptions = {}) {
  const received: string[] = [];
  const links: LinkPort[] = [];
  const lost: LinkPort[] = [];
  const log: string[] = [];
  const state = { takes: (_message: Uint8Array): boolean => true, held: "" };
  const driver = {
    receive(link: LinkPort, message: Uint8Array) {
      received.push(Buffer.from(message).toString());
      if (!links.includes(link)) links.push(link);
      return state.takes(message);
    },
    unit: { id: "home", linkLost: (link: LinkPort) => lost.push(link), isHeld: (neighbour: string) => neighbour === state.held },
  };
  const made = new MqttBroker(driver as unknown as UnitDriver, (_level, line) => log.push(line), { clients, ...options });
  const port = await made.listen();
  cleanUp.push(() => made.close());
  return { broker: made, port, received, links, lost, log, state };
}

/** A client of another project; resolves when connected, rejects when refused. */
export async function client(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const made = connect({ port, host: "127.0.0.1", protocol: "mqtt", clientId: "meter", username: "meter", password: "secret-1", reconnectPeriod: 0, ...options });
  cleanUp.push(() => made.end(true));
  await new Promise<void>((resolve, reject) => {
    made.once("connect", () => resolve());
    made.on("error", reject);
    made.once("close", () => reject(new Error("closed")));
  });
  return made;
}
export const closed = (made: MqttClient) => new Promise<void>((resolve) => (made.connected ? void made.once("close", () => resolve()) : resolve()));

/** The next message to a client, with its topic. */
export const message = (to: MqttClient) => new Promise<string>((resolve) => to.once("message", (topic, payload) => resolve(`${topic} ${payload.toString()}`)));

/** A peer that sends packets, or pieces of them, as it likes. */
export async function raw(port: number): Promise<{ socket: Socket; packets: Packet[]; send: (packet: Packet) => void }> {
  const socket = connectTcp({ host: "127.0.0.1", port });
  const packets: Packet[] = [];
  const parser = newParser();
  parser.on("packet", (packet) => packets.push(packet));
  socket.on("error", () => {});
  socket.on("data", (chunk) => parser.parse(chunk));
  cleanUp.push(() => socket.destroy());
  await once(socket, "connect");
  return { socket, packets, send: (packet) => void socket.write(generate(packet)) };
}
export const hello = (more: Partial<IConnectPacket> = {}): IConnectPacket => ({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: "meter", keepalive: 0, username: "meter", password: Buffer.from("secret-1"), ...more });
export const publish = (messageId: number, payload: string | Buffer, topic = up): Packet => ({ cmd: "publish", topic, payload, qos: 1, retain: false, dup: false, messageId });
/** Waits without a timer, for tests whose timers stand still. */
export const until = async (met: () => boolean) => {
  while (!met()) await new Promise((resolve) => setImmediate(resolve));
};
export const closedSocket = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, "close"));
