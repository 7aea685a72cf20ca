/** Units over TCP: a server that takes in the units below, and a connector to the unit above. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { boundedStream } from "./bounded-stream";
import { Closings } from "./closings";
import type { Durability } from "./store/durability";
import { EbalanceError, overStreams, StreamLink, type ByteStream, type LinkConnector, type LogPort, type StreamConnector, type UnitDriver } from "ebalance";

/** Bytes that may wait for a slow peer; beyond that the stream takes no more. */
const maxQueuedBytes = 65_536;
/** A connection that has sent nothing authentic by then is closed. */
const authenticateWithinMs = 10_000;
/** After this time of silence the operating system asks whether the peer is still there: after a power cut nobody else would notice. */
const keepAliveMs = 30_000;
/** Messages of one connection that are taken in a second. */
const maxMessagesPerS = 1000;

export interface TcpServerOptions {
  /** Default 127.0.0.1: units on this machine only. */
  readonly host?: string;
  /** 0 to 65535; 0, the default, lets the system choose. */
  readonly port?: number;
  /** Connections at once; beyond that a new one takes the place of the oldest that has sent nothing authentic. Default 64. */
  readonly maxConnections?: number;
  /** Where the unit's store says when what it kept is on disk: until then no message, which may acknowledge it, leaves. */
  readonly durability?: Durability | undefined;
}

/** Takes in units over TCP and hands their messages to one unit. */
export class TcpServer {
  readonly #sockets = new Set<Socket>();
  /** Connections that have sent nothing authentic yet, oldest first: they give way to new ones. */
  readonly #strangers = new Map<Socket, StreamLink>();
  readonly #closings: Closings;
  #server: Server | undefined;

  constructor(
    private readonly driver: UnitDriver,
    private readonly log: LogPort,
    private readonly options: TcpServerOptions = {},
  ) {
    this.#closings = new Closings(log);
  }

  /** @returns the port. @throws EbalanceError `bad-configuration` where it cannot be listened on */
  listen(): Promise<number> {
    const { host = "127.0.0.1", port = 0 } = this.options;
    const server = (this.#server = createServer((socket) => this.#accept(socket)));
    return new Promise((resolve, reject) => {
      server.on("error", (error: NodeJS.ErrnoException) => {
        this.log("error", `tcp ${host}:${port}: ${error.code ?? error.message}`);
        reject(configuration(`cannot listen on ${host} port ${port} (${error.code ?? error.message})`));
      });
      if (!isPort(port) && port !== 0) return reject(configuration(`cannot listen on port ${port}: a port is from 0 to 65535`));
      server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
    });
  }

  /** Closes the server and every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
  }

  #accept(socket: Socket): void {
    const { maxConnections = 64, durability } = this.options;
    if (this.#sockets.size >= maxConnections) {
      const [oldest] = this.#strangers.values();
      if (!oldest) return void socket.destroy();
      oldest.close(`${maxConnections} connections, and it has sent nothing authentic`);
    }
    this.#sockets.add(socket);
    socket.setKeepAlive(true, keepAliveMs);
    const pace = new Pace(socket);
    const deadline = setTimeout(() => link.close(`nothing authentic within ${authenticateWithinMs} ms`), authenticateWithinMs);
    const link = new StreamLink(
      socketStream(socket, durability),
      (message, from) => {
        pace.count();
        const authentic = this.driver.receive(from, message);
        if (authentic && this.#strangers.delete(socket)) clearTimeout(deadline);
        return authentic;
      },
      (from, reason) => {
        clearTimeout(deadline);
        pace.stop();
        this.#sockets.delete(socket);
        this.#closings.add(from.name, reason, !this.#strangers.delete(socket));
        this.driver.unit.linkLost(from);
      },
    );
    this.#strangers.set(socket, link);
    socket.on("data", (chunk) => link.push(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => link.close(error.code ?? error.message));
    socket.on("close", () => link.close("ended by the peer"));
  }
}

/** Lets no connection take the whole processor: one that sends more than its share is read again in the next second. */
class Pace {
  #messages = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly socket: Socket) {
    this.#timer = setInterval(() => {
      if (this.#messages > maxMessagesPerS) socket.resume();
      this.#messages = 0;
    }, 1000);
  }

  count(): void {
    if (++this.#messages > maxMessagesPerS) this.socket.pause();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Connects to a unit above. @throws EbalanceError `bad-configuration` for a port that is none */
export function tcpConnector(host: string, port: number, durability?: Durability): LinkConnector {
  return overStreams(tcpStreams(host, port, durability));
}

/** Makes streams to a port. @throws EbalanceError `bad-configuration` for a port that is none */
export function tcpStreams(host: string, port: number, durability?: Durability): StreamConnector {
  if (!isPort(port)) throw configuration(`cannot connect to ${host}: port ${port} is not from 1 to 65535`);
  return (onOpen, onData) => {
    const socket = connect({ host, port });
    let reason = "ended by the peer";
    socket.on("connect", onOpen);
    socket.on("data", (chunk) => onData(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => (reason = error.code ?? error.message));
    socket.on("close", () => onData(null, reason));
    return socketStream(socket, durability, `tcp ${host}:${port}`);
  };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function configuration(message: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", message);
}

function socketStream(socket: Socket, durability?: Durability, name = `tcp ${socket.remoteAddress}:${socket.remotePort}`): ByteStream {
  socket.setNoDelay(true);
  return boundedStream(socket, { name, maxQueuedBytes, durability, close: () => void socket.destroy() });
}
