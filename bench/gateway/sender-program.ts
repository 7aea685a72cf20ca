/**
 * The load: units that have opened their sessions and sealed their readings beforehand, so that sending costs little. The same bytes go to the gateway, which answers each
 * with a notification, and to the plain broker, which only acknowledges them.
 */
import { readKeyFile, NodeCrypto } from "@ebalance/gateway";
import { mqttGoneTopic, mqttPassword, mqttTopic, Registry, standardVariables, type LinkPort } from "ebalance";
import { Names } from "../../sdk/core/model/names";
import { policyFromText } from "../../sdk/core/model/policy";
import { Session } from "../../sdk/core/security/session";
import { hashPolicy } from "../../sdk/core/wire/policy-codec";
import { Operation } from "../../sdk/core/wire/session-body";
import { parseEnvelope } from "../../sdk/core/wire/session-message";
import { publishPackets } from "../../targets/linux-gateway/src/mqtt/publish-packet";
import { MqttSocket, type Returned } from "./mqtt-socket";
import { serve } from "./program";
import { home, owner, policy, service } from "./world";

const crypto = new NodeCrypto();
const registry = new Registry(standardVariables);
const names = new Names();
const policyHash = hashPolicy(policyFromText(policy, names), names, crypto);
/** Time between two readings of a unit: so that none is of the same time, nor older than a message may be. */
const stepMs = 1;

class Sender {
  #gateway: MqttSocket | undefined;
  #plain: MqttSocket | undefined;
  readonly #session: Session;
  readonly #password: string;
  readonly #packet: ReturnType<typeof publishPackets>;
  readonly #topics: readonly string[];
  #packetId = 0;
  #packets: Buffer[] = [];

  constructor(keyFile: string) {
    const { session, key } = readKeyFile(keyFile);
    const secret = key.importInto(crypto, "derive");
    const { initiator } = session;
    this.#password = mqttPassword(crypto, secret, session);
    this.#session = new Session(session, initiator, secret, registry, names, crypto);
    this.#packet = publishPackets(mqttTopic(home, initiator, "up"), 4);
    this.#topics = [mqttTopic(home, initiator, "down"), mqttGoneTopic(home)];
  }

  async connect(gatewayPort: number, plainPort: number): Promise<void> {
    this.#gateway = await this.#connect(gatewayPort);
    this.#plain = await this.#connect(plainPort);
    await this.#open(this.#gateway);
  }

  #connect(port: number): Promise<MqttSocket> {
    return MqttSocket.connect(port, this.#session.identity.initiator, this.#password, this.#topics);
  }

  /** Opens the session as the initiator. */
  async #open(socket: MqttSocket): Promise<void> {
    const link: LinkPort = { name: "bench", send: () => true, close: () => {} };
    const received = (message: Uint8Array) => this.#session.receive(parseEnvelope(message), link);
    const answer = socket.nextMessage();
    socket.send(this.#packetOf(this.#session.open()));
    const { kind } = received(await answer);
    if (kind !== "opened") throw new Error(`the session was not opened: ${kind}`);
    const alive = socket.nextMessage();
    const sequence = this.#session.nextSequence;
    socket.send(this.#packetOf(this.#session.seal({ op: Operation.alive, sequence, timeMs: undefined })));
    await alive;
  }

  /** Seals readings for the next run. */
  prepare(count: number): void {
    const firstMs = Date.now() - count * stepMs;
    this.#packets = Array.from({ length: count }, (_, i) => this.#packetOf(this.#reading(firstMs + i * stepMs, i)));
  }

  #reading(timeMs: number, value: number): Uint8Array {
    const { identity, nextSequence: sequence } = this.#session;
    const device = names.id(identity.initiator);
    const stakeholder = names.id(owner);
    const item = { variable: registry.named("activePower").id, value, timeMs, device, owner: stakeholder, policy: policyHash };
    const source = { device, service: names.id(service), stakeholder };
    return this.#session.seal({ op: Operation.write, sequence, timeMs: Math.floor(timeMs / 1000) * 1000, source, items: [item] });
  }

  #packetOf(message: Uint8Array): Buffer {
    this.#packetId = (this.#packetId % 0xffff) + 1;
    return this.#packet(message, this.#packetId);
  }

  /** Sends what was prepared. @param window messages that are unacknowledged @returns what came back */
  send(to: "gateway" | "plain", window: number): Promise<Returned> {
    const socket = to === "gateway" ? this.#gateway! : this.#plain!;
    return socket.sendAll(this.#packets, window, to === "gateway" ? this.#packets.length : 0);
  }

  get messageBytes(): number {
    return this.#packets.reduce((sum, packet) => sum + packet.length, 0) / this.#packets.length;
  }
}

let senders: readonly Sender[] = [];

serve({
  connect: async ({ keyFiles, gatewayPort, plainPort }: { keyFiles: readonly string[]; gatewayPort: number; plainPort: number }) => {
    senders = keyFiles.map((keyFile) => new Sender(keyFile));
    for (const sender of senders) await sender.connect(gatewayPort, plainPort);
  },
  /** @returns bytes of a PUBLISH packet on average */
  prepare: (readingsEach: number) => {
    for (const sender of senders) sender.prepare(readingsEach);
    return senders[0]!.messageBytes;
  },
  send: async ({ to, window }: { to: "gateway" | "plain"; window: number }): Promise<Returned> => {
    const all = await Promise.all(senders.map((sender) => sender.send(to, window)));
    return { acknowledged: sum(all.map((one) => one.acknowledged)), answered: sum(all.map((one) => one.answered)) };
  },
});

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
