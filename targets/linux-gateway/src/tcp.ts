/** Units over TCP: a server that takes in the units below, and a connector to the unit above. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { EbalanceError, StreamLink, type ByteStream, type LogPort, type StreamConnector, type UnitDriver } from "ebalance";

/** Bytes that may wait for a slow peer; beyond that the stream takes no more. */
const maxQueuedBytes = 65_536;
/** A connection that has sent nothing authentic by then is closed. */
const authenticateWithinMs = 10_000;
/** Messages refused in a row after which a connection is closed. */
const maxRefusedInARow = 16;

export interface TcpServerOptions {
  /** Default 127.0.0.1: units on this machine only. */
  readonly host?: string;
  /** 0 to 65535; 0, the default, lets the system choose. */
  readonly port?: number;
  /** Connections at once; further ones are closed. Default 64. */
  readonly maxConnections?: number;
}

/** Takes in units over TCP and hands their messages to one unit. */
export class TcpServer {
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(
    private readonly driver: UnitDriver,
    private readonly log: LogPort,
    private readonly options: TcpServerOptions = {},
  ) {}

  /** @returns the port. @throws EbalanceError `bad-configuration` where it cannot be listened on */
  listen(): Promise<number> {
    const { host = "127.0.0.1", port = 0, maxConnections = 64 } = this.options;
    const server = (this.#server = createServer((socket) => this.#accept(socket)));
    server.maxConnections = maxConnections;
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException) =>
        reject(new EbalanceError("bad-configuration", "caller", `cannot listen on ${host} port ${port} (${error.code ?? error.message})`));
      server.once("error", fail);
      if (!Number.isInteger(port) || port < 0 || port > 65535) return fail(new Error("a port is from 0 to 65535"));
      server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
    });
  }

  /** Closes the server and every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let refused = 0;
    const deadline = setTimeout(() => link.close(`nothing authentic within ${authenticateWithinMs} ms`), authenticateWithinMs);
    const link = new StreamLink(
      socketStream(socket),
      (message, from) => {
        if (this.driver.receive(from, message)) {
          refused = 0;
          clearTimeout(deadline);
        } else if (++refused >= maxRefusedInARow) from.close(`${refused} messages refused in a row`);
      },
      (from, reason) => {
        clearTimeout(deadline);
        this.log("info", `${from.name} closed: ${reason}`);
        this.driver.unit.linkLost(from);
      },
    );
    socket.on("data", (chunk) => link.push(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => link.close(error.code ?? error.message));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      link.close("ended by the peer");
    });
  }
}

/** Connects to a unit above. */
export function tcpConnector(host: string, port: number): StreamConnector {
  return (onOpen, onData) => {
    const socket = connect({ host, port });
    socket.on("connect", onOpen);
    socket.on("data", (chunk) => onData(chunk));
    socket.on("error", () => {});
    socket.on("close", () => onData(null));
    return socketStream(socket, `tcp ${host}:${port}`);
  };
}

function socketStream(socket: Socket, name = `tcp ${socket.remoteAddress}:${socket.remotePort}`): ByteStream {
  socket.setNoDelay(true);
  return {
    name,
    write(bytes) {
      if (socket.destroyed || socket.writableLength + bytes.length > maxQueuedBytes) return false;
      socket.write(bytes);
      return true;
    },
    close: () => void socket.destroy(),
  };
}
