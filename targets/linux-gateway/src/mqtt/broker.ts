/**
 * A broker inside the gateway: takes in the units below over MQTT and hands their messages to one unit. Each client has one identity and one space of topics; nothing
 * that a client sends reaches another.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Aedes, AuthenticateError, AuthenticateHandler, Client, ConnectPacket, PublishPacket, Subscription } from "aedes";
import { EbalanceError, mqttGoneTopic, mqttName, mqttTopic, unitOfMqttName, type LogPort, type UnitDriver } from "ebalance";
import { Closings } from "../closings";
import type { Durability } from "../store/durability";
import { authenticateWithinMs } from "./bounds";
import { BrokerConnection } from "./broker-connection";
import { closedAedes } from "./closed-aedes";
import { Credentials, type MqttClientText } from "./credentials";

/** CONNACK codes of MQTT 3.1.1, which aedes translates for MQTT 5. */
const badCredentials = 4;
const notAuthorized = 5;

export interface MqttBrokerOptions {
  /** Default 127.0.0.1: units on this machine only. */
  readonly host?: string;
  /** 0 to 65535; 0, the default, lets the system choose. */
  readonly port?: number;
  /** The units that may connect: user name and client id are the `mqttName` of the id. */
  readonly clients?: readonly MqttClientText[];
  /** Key and certificate as PEM: mqtts. Without it passwords and readings can be read on the way. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Connections at once; beyond that a new one takes the place of the oldest that has shown no right password. Default 64. */
  readonly maxConnections?: number;
  /** Where the unit's store says when what it kept is on disk: until then nothing is acknowledged. */
  readonly durability?: Durability | undefined;
}

/**
 * MQTT 3.1.1 and 5, QoS 0 and 1, no session that outlives its connection: what was lost with one is sent again by the outbox, and what was sent twice is found by the
 * replay window and by the store, so a queue in the broker would only be a second place where readings wait.
 */
export class MqttBroker {
  /** How often a client was refused. */
  readonly refused = { credentials: 0, topics: 0 };
  readonly #credentials = new Credentials();
  readonly #aedes: Aedes;
  readonly #self: string;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Map<unknown, BrokerConnection>();
  readonly #closings: Closings;
  #server: Server | undefined;

  constructor(
    private readonly driver: UnitDriver,
    private readonly log: LogPort,
    private readonly options: MqttBrokerOptions = {},
  ) {
    this.#self = mqttName(driver.unit.id);
    this.#closings = new Closings(log);
    options.clients?.forEach((client) => this.addClient(client));
    this.#aedes = closedAedes({
      preConnect: (client, packet, done) => this.#preConnect(client, packet, done),
      authenticate: (client, username, password, done) => this.#authenticate(client, username, password, done),
      authorizePublish: (client, packet, done) => this.#publish(client!, packet, done),
      authorizeSubscribe: (client, subscription, done) => done(null, this.#maySubscribe(client, subscription) ? subscription : null),
      // Nothing is published inside aedes; if something were, it would reach nobody.
      authorizeForward: () => null,
    });
    this.#aedes.on("client", (client) => this.#opened(client));
    this.#aedes.on("ping", (_packet, client) => this.#of(client)?.pace());
    this.#aedes.on("ack", (_packet, client) => this.#of(client)?.acknowledged());
    this.#aedes.on("unsubscribe", (topics, client) => topics.includes(this.#of(client)?.topics.down ?? "") && this.#of(client)!.follows(undefined));
    this.#aedes.on("clientError", (client, error) => this.#of(client)?.close(error.message));
    this.#aedes.on("connectionError", (client, error) => this.#of(client)?.close(error.message));
    this.#aedes.on("keepaliveTimeout", (client) => this.#of(client)?.close("nothing came within its keep-alive time"));
  }

  /** Lets a unit connect, or gives it another password. */
  addClient(client: MqttClientText): void {
    this.#credentials.add(client);
  }

  /** Lets a unit connect no more, and closes its connection. */
  removeClient(id: string): void {
    this.#credentials.remove(id);
    this.#connectionOf(mqttName(id))?.close("it is no client any more");
  }

  /** @returns the port. @throws EbalanceError `bad-configuration` where it cannot be listened on */
  async listen(): Promise<number> {
    const { host = "127.0.0.1", port = 0 } = this.options;
    const server = (this.#server = this.#newServer());
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await this.#aedes.listen();
    try {
      return await new Promise((resolve, reject) => {
        server.on("error", (error) => {
          this.log("error", `mqtt ${host}:${port}: ${error.message}`);
          reject(error);
        });
        server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
      });
    } catch (error) {
      await this.close();
      const { code, message } = error as NodeJS.ErrnoException;
      throw new EbalanceError("bad-configuration", "caller", `cannot listen for MQTT on ${host} port ${port} (${code ?? message})`);
    }
  }

  /** Closes the broker and every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => (this.#server?.listening ? this.#server.close(() => resolve()) : resolve()));
    for (const connection of this.#connections.values()) connection.close("the broker is closing");
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    await closed;
  }

  #newServer(): Server {
    const { tls } = this.options;
    if (!tls) return createServer((socket) => this.#accept(socket));
    try {
      const server = createTlsServer({ ...tls, handshakeTimeout: authenticateWithinMs }, (socket) => this.#accept(socket));
      // Handshakes that are under way take places too.
      server.maxConnections = 2 * this.#maxConnections;
      return server;
    } catch (error) {
      throw new EbalanceError("bad-configuration", "caller", `key or certificate of the MQTT broker: ${(error as Error).message}`);
    }
  }

  get #maxConnections(): number {
    return this.options.maxConnections ?? 64;
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#maxConnections) {
      const oldest = [...this.#connections.values()].find((connection) => connection.clientName === undefined);
      if (!oldest) return void socket.destroy();
      oldest.close(`${this.#maxConnections} connections, and it has shown no password`);
    }
    const connection = new BrokerConnection(socket, this.driver, this.options.durability, (reason) => {
      this.#connections.delete(socket);
      this.#closings.add(connection.name, reason, connection.isAuthentic);
    });
    this.#connections.set(socket, connection);
    this.#aedes.handle(socket);
  }

  /** A client has connected; it takes the place of one with the same identity, as MQTT demands. */
  #opened(client: Client): void {
    this.#connectionOf(client.id)?.close("another client has connected with its identity");
    this.#of(client)?.opened(client, this.#self);
  }

  // ---- who may do what --------------------------------------------------------------------------------------------------------------------

  /** What is asked for at the start, besides the password. */
  #preConnect(client: Client, packet: ConnectPacket, done: (error: Error | null, go: boolean) => void): void {
    const connection = this.#of(client);
    if (!connection) return done(new Error("it was closed"), false);
    const { will, clientId } = packet;
    const ownWill = !will || (will.topic === mqttTopic(this.#self, clientId, "gone") && !will.retain && will.payload.length <= 1);
    if (!ownWill) connection.objection = `will on ${quoted(will.topic)}, which is not an empty one on its own gone topic`;
    done(null, true);
  }

  #authenticate(client: Client, username: string | undefined, password: Uint8Array | undefined, done: Parameters<AuthenticateHandler>[3]): void {
    const connection = this.#of(client);
    if (!connection) return;
    if (username !== client.id || !this.#credentials.areRight(username, password)) {
      this.#count("credentials", `${connection.name} as ${quoted(username ?? "")}: bad user name or password`);
      return done(refusal(badCredentials, "bad user name or password"), false);
    }
    if (this.driver.unit.isHeld(unitOfMqttName(username) ?? "")) connection.objection ??= "another client keeps its place: two devices with one identity, or one that connects too often";
    if (!client.clean) connection.objection ??= "session that outlives its connection; clean session, expiry 0 is accepted";
    if (connection.objection === undefined) return done(null, true);
    this.#count("topics", `${connection.name} as ${username}: ${connection.objection}`);
    done(refusal(notAuthorized, connection.objection), false);
  }

  /** A message of a client's; `done` without an error acknowledges it. */
  #publish(client: Client, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const connection = this.#of(client);
    // The will of a client whose connection has ended: its unit knows that already.
    if (!connection) return done();
    const { topic, qos, retain } = packet;
    const isPlain = qos < 2 && !retain;
    if (isPlain && topic === connection.topics.up) return connection.take(packet.payload as Uint8Array, done);
    if (isPlain && topic === connection.topics.gone) return done();
    this.#count("topics", `${connection.name} as ${client.id} publishes to ${quoted(topic)} with QoS ${qos}${retain ? ", retained" : ""}; its own up topic, QoS 0 or 1, not retained is accepted`);
    connection.close("it published what it may not");
  }

  #maySubscribe(client: Client, { topic, qos }: Subscription): boolean {
    const connection = this.#of(client);
    if (!connection) return false;
    connection.pace();
    if (topic === connection.topics.down) connection.follows(qos);
    if (topic === connection.topics.down || topic === mqttGoneTopic(this.#self)) return true;
    this.#count("topics", `${connection.name} as ${client.id} subscribes to ${quoted(topic)}; its own down topic is accepted`);
    connection.refuse();
    return false;
  }

  #of(client: Client): BrokerConnection | undefined {
    return this.#connections.get(client.conn);
  }

  #connectionOf(name: string): BrokerConnection | undefined {
    return [...this.#connections.values()].find((connection) => connection.clientName === name);
  }

  /** Whoever tries much must not fill the log: the first is written, and then every hundredth. */
  #count(kind: keyof MqttBroker["refused"], line: string): void {
    const count = ++this.refused[kind];
    if (count % 100 === 1) this.log("warning", `mqtt client refused (number ${count}): ${line}`);
  }
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode });
}

/** What a stranger sends goes into the log short and without control characters. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
