/** One connection to the broker: the link to its unit once a client has connected over it; paced, and closed where nothing authentic has come in time. */
import type { Socket } from "node:net";
import type { Client } from "aedes";
import { mqttTopic, type UnitDriver } from "ebalance";
import type { Durability } from "../store/durability";
import { authenticateWithinMs, maxMessagesPerS, tcpKeepAliveMs } from "./bounds";
import { MqttLink, type LinkTransport } from "./mqtt-link";
import { publishPackets } from "./publish-packet";
import { Rate } from "./rate";
import { ReadGate } from "./read-gate";

export class BrokerConnection {
  /** For log lines. */
  readonly name: string;
  /** Why the client may not connect, whatever its password. */
  objection: string | undefined;
  #client: Client | undefined;
  #link: MqttLink | undefined;
  #topics = { up: "", down: "", gone: "" };
  /** QoS with which the client follows its own topic; undefined where it does not. */
  #followsWith: number | undefined;
  #packet: ReturnType<typeof publishPackets> = publishPackets("", 4);
  #lastId = 0;
  #inFlight = 0;
  /** What waits because the client takes no more unacknowledged messages; their bytes are counted by the link. */
  readonly #waiting: (() => void)[] = [];
  readonly #rate = new Rate();
  readonly #gate: ReadGate;
  readonly #deadline: NodeJS.Timeout;
  #ended = false;

  constructor(
    private readonly socket: Socket,
    private readonly driver: UnitDriver,
    private readonly durability: Durability | undefined,
    private readonly onEnd: (reason: string) => void,
  ) {
    this.name = `mqtt ${socket.remoteAddress}:${socket.remotePort}`;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, tcpKeepAliveMs);
    this.#gate = new ReadGate(socket, () => this.#isFull());
    this.#deadline = setTimeout(() => this.close(`nothing authentic within ${authenticateWithinMs} ms`), authenticateWithinMs);
    socket.once("close", () => this.close("ended by the client"));
  }

  get isAuthentic(): boolean {
    return this.#link?.isAuthentic ?? false;
  }

  get clientName(): string | undefined {
    return this.#client?.id;
  }

  get topics(): Readonly<Record<"up" | "down" | "gone", string>> {
    return this.#topics;
  }

  /** A client has connected. @param self name of the unit behind the broker */
  opened(client: Client, self: string): void {
    this.#client = client;
    for (const channel of ["up", "down", "gone"] as const) this.#topics[channel] = mqttTopic(self, client.id, channel);
    this.#packet = publishPackets(this.#topics.down, client.version);
    const transport: LinkTransport = {
      receive: (message, link) => this.#receive(message, link),
      publish: (message, done) => this.#publish(message, done),
      closed: (_link, reason) => this.close(reason),
    };
    this.#link = new MqttLink(`${this.name} ${client.id}`, transport, this.durability);
  }

  /** The client follows its own topic with a QoS, or does so no more. */
  follows(qos: number | undefined): void {
    this.#followsWith = qos;
  }

  /** Takes a message of the client's; `done` acknowledges it, once it is kept. */
  take(message: Uint8Array, done: () => void): void {
    this.pace();
    this.#link!.take(message, (kept) => kept && done());
  }

  /** Counts a packet of the client's; who sends more than its share, or more than the store takes in, is read again later. */
  pace(): void {
    if (this.#rate.isOver()) this.#gate.shutFor(this.#rate.restMs());
    else if (this.#isFull()) this.#gate.shutFor(1000);
  }

  /** The client did what it may not. */
  refuse(): void {
    this.#link?.refuse();
  }

  /** The client has acknowledged a message. */
  acknowledged(): void {
    if (this.#inFlight === 0) return this.pace();
    this.#inFlight--;
    this.#waiting.shift()?.();
  }

  close(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#deadline);
    this.#gate.close();
    this.#waiting.length = 0;
    this.#client?.close();
    this.socket.destroy();
    this.onEnd(reason);
    if (!this.#link) return;
    this.#link.close(reason);
    this.driver.unit.linkLost(this.#link);
  }

  /** Whether the store is so slow that no more of this client's can wait for it. */
  #isFull(): boolean {
    return (this.#link?.unacknowledged ?? 0) > maxMessagesPerS;
  }

  #receive(message: Uint8Array, link: MqttLink): boolean {
    const authentic = this.driver.receive(link, message);
    if (authentic && !link.isAuthentic) clearTimeout(this.#deadline);
    return authentic;
  }

  #publish(message: Uint8Array, done: () => void): void {
    // Whoever does not listen misses it, as on any broker.
    if (this.#followsWith === undefined) return done();
    const isQos1 = this.#followsWith > 0;
    // A client of MQTT 5 may bound what it has not acknowledged.
    if (isQos1 && this.#inFlight >= this.#client!.receiveMaximum) return void this.#waiting.push(() => this.#publish(message, done));
    if (isQos1) this.#inFlight++;
    this.#write(this.#packet(message, isQos1 ? this.#nextId() : 0), done);
  }

  #nextId(): number {
    return (this.#lastId = (this.#lastId % 0xffff) + 1);
  }

  /** What is written in one turn leaves in one call. */
  #write(packet: Uint8Array, done: () => void): void {
    const { socket } = this;
    if (!socket.writableCorked) {
      socket.cork();
      process.nextTick(() => socket.uncork());
    }
    socket.write(packet, done);
  }
}
