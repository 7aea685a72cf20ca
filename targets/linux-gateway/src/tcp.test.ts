import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { frame, type LinkPort, type UnitDriver } from "ebalance";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TcpServer, tcpStreams, type TcpServerOptions } from "./tcp";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** A server whose unit takes or refuses messages as the test says. */
async function server(options: TcpServerOptions = {}) {
  const received: Uint8Array[] = [];
  const links: LinkPort[] = [];
  const lost: LinkPort[] = [];
  const log: string[] = [];
  const state = { takes: (_message: Uint8Array): boolean => true };
  const waiting: (() => void)[] = [];
  const changed = () => waiting.splice(0).forEach((go) => go());
  const driver = {
    receive(link: LinkPort, message: Uint8Array) {
      received.push(message);
      if (!links.includes(link)) links.push(link);
      changed();
      return state.takes(message);
    },
    unit: {
      linkLost(link: LinkPort) {
        lost.push(link);
        changed();
      },
    },
  };
  const made = new TcpServer(driver as unknown as UnitDriver, (_level, line) => log.push(line), options);
  const port = await made.listen();
  cleanUp.push(() => made.close());
  const until = async (met: () => boolean) => {
    while (!met()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { server: made, port, received, links, lost, log, state, until };
}

async function client(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  cleanUp.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}
const closed = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, "close"));
const message = (byte: number) => frame(Uint8Array.of(byte));

describe("CP-8 a unit that listens on TCP", () => {
  test("where all places are taken, the oldest that has sent nothing authentic gives way, and never one that has", async () => {
    const { port, log, received, until } = await server({ maxConnections: 2 });
    const peer = await client(port);
    peer.write(message(1));
    await until(() => received.length === 1);
    const oldest = await client(port);
    const newest = await client(port);
    await closed(oldest);
    expect(log.at(-1)).toContain("2 connections, and it has sent nothing authentic");
    peer.write(message(2));
    newest.write(message(3));
    await until(() => received.length === 3);
    const late = await client(port);
    await closed(late);
    peer.write(message(4));
    await until(() => received.length === 4);
  });

  test("hands over the messages of each connection in order, and the link leads back", async () => {
    const { port, received, links, until } = await server();
    const socket = await client(port);
    socket.write(Buffer.concat([message(1), message(2)]));
    await until(() => received.length === 2);
    expect(received.map((m) => m[0])).toEqual([1, 2]);
    expect(links[0]!.send(Uint8Array.of(7))).toBe(true);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    expect(Array.from(chunk)).toEqual(Array.from(message(7)));
  });

  test("says that a link is lost, once, when the peer has gone, and takes nothing for it any more", async () => {
    const { port, links, lost, until, received } = await server();
    const socket = await client(port);
    socket.write(message(1));
    await until(() => received.length === 1);
    socket.destroy();
    await until(() => lost.length > 0);
    expect([lost, links[0]!.send(Uint8Array.of(1))]).toEqual([links, false]);
  });

  test("closes a connection after 16 messages in a row that were refused", async () => {
    const { port, received, lost, log, state, until } = await server();
    state.takes = () => false;
    const socket = await client(port);
    for (let i = 0; i < 15; i++) socket.write(message(i));
    await until(() => received.length === 15);
    expect(lost.length).toBe(0);
    socket.write(Buffer.concat([message(15), message(16), message(17)]));
    await closed(socket);
    await until(() => lost.length === 1);
    expect([received.length, log.some((line) => line.includes("16 messages refused in a row"))]).toEqual([16, true]);
  });

  test("a message that is authentic begins the count anew", async () => {
    const { port, received, lost, state, until } = await server();
    state.takes = (m) => m[0] === 1;
    const socket = await client(port);
    const round = [...Array<number>(15).fill(0), 1];
    for (const byte of [...round, ...round, ...Array<number>(15).fill(0)]) socket.write(message(byte));
    await until(() => received.length === 47);
    expect(lost.length).toBe(0);
  });

  test("closes a connection that has sent nothing authentic within 10 s, and leaves the others", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanUp.push(() => vi.useRealTimers());
    const { port, received, links, lost, log, state, until } = await server();
    state.takes = (m) => m[0] === 1;
    const [good, bad] = [await client(port), await client(port)];
    good.write(message(1));
    bad.write(message(2));
    await until(() => received.length === 2);
    vi.advanceTimersByTime(9999);
    expect(lost.length).toBe(0);
    vi.advanceTimersByTime(1);
    await closed(bad);
    expect(lost).toEqual([links[received.findIndex((m) => m[0] === 2)]]);
    expect(log.filter((line) => line.includes("nothing authentic within 10000 ms")).length).toBe(1);
    expect(links[received.findIndex((m) => m[0] === 1)]!.send(Uint8Array.of(1))).toBe(true);
  });

  test("closes a connection that sends no frame, with the reason in the log", async () => {
    const { port, log, lost, until } = await server();
    const socket = await client(port);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await closed(socket);
    await until(() => lost.length === 1);
    expect(log.some((line) => line.includes("wire version 71"))).toBe(true);
  });

  test("writes the closing of the first stranger and of every hundredth, and of each unit that was authentic", async () => {
    const { port, received, lost, log, until } = await server({ maxConnections: 400 });
    const strangers = await Promise.all(Array.from({ length: 201 }, () => client(port)));
    for (const stranger of strangers) stranger.write("GET / HTTP/1.1\r\n\r\n");
    await until(() => lost.length === 201);
    expect(log.map((line) => /number (\d+)/.exec(line)?.[1])).toEqual(["1", "101", "201"]);
    for (const count of [1, 2]) {
      const unit = await client(port);
      unit.write(message(count));
      await until(() => received.length === count);
      unit.destroy();
      await until(() => lost.length === 201 + count);
    }
    expect(log.length).toBe(5);
  });

  test("takes no more connections at once than its bound, and another when one has gone", async () => {
    const { port, received, lost, until } = await server({ maxConnections: 2 });
    const [first, second] = [await client(port), await client(port)];
    first.write(message(1));
    second.write(message(2));
    await until(() => received.length === 2);
    const third = connect({ host: "127.0.0.1", port });
    third.on("error", () => {});
    cleanUp.push(() => third.destroy());
    await closed(third);
    first.destroy();
    await until(() => lost.length === 1);
    const fourth = await client(port);
    fourth.write(message(4));
    await until(() => received.length === 3);
  });

  test("a peer that reads nothing is sent a bounded amount, the link says so, and what was taken arrives whole", async () => {
    const { port, received, links, until } = await server();
    const socket = await client(port);
    socket.write(message(1));
    await until(() => received.length === 1);
    const large = new Uint8Array(1024).fill(7);
    let taken = 0;
    while (taken < 100_000 && links[0]!.send(large)) taken++;
    expect(taken).toBeLessThan(100_000);
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
    while (bytes < taken * frame(large).length) await once(socket, "data");
    expect(bytes).toBe(taken * frame(large).length);
    expect(links[0]!.send(large)).toBe(true);
  });

  test("closing ends every connection and frees the port", async () => {
    const { server: listening, port } = await server();
    const sockets = [await client(port), await client(port)];
    await Promise.all([listening.close(), ...sockets.map(closed)]);
    const again = await server({ port });
    expect(again.port).toBe(port);
  });

  test("a port that is taken, or none at all, is a configuration error that names host, port and cause", async () => {
    const { port } = await server();
    await expect(server({ port })).rejects.toMatchObject({ code: "bad-configuration", message: `cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)` });
    await expect(server({ port: 70_000 })).rejects.toMatchObject({ code: "bad-configuration", message: expect.stringContaining("70000") as string });
  });
});

describe("CP-8 a stream to the unit above", () => {
  /** What the connector tells, in order; `until` resolves when the last line is there. */
  function stream(port: number) {
    const told: string[] = [];
    const waiting: (() => void)[] = [];
    const tell = (line: string) => {
      told.push(line);
      waiting.splice(0).forEach((go) => go());
    };
    const made = tcpStreams("127.0.0.1", port)(() => tell("open"), (chunk) => tell(chunk ? `data ${Array.from(chunk).join(" ")}` : "null"));
    cleanUp.push(() => made.close());
    const until = async (line: string) => {
      while (!told.includes(line)) await new Promise<void>((resolve) => waiting.push(resolve));
    };
    return { made, told, until };
  }

  test("to a port where nobody listens ends with one null, and is never open", async () => {
    const reserve = createServer().listen(0, "127.0.0.1");
    await once(reserve, "listening");
    const { port } = reserve.address() as AddressInfo;
    await new Promise((resolve) => reserve.close(resolve));
    const { told, made, until } = stream(port);
    expect(told).toEqual([]);
    await until("null");
    await new Promise((resolve) => setImmediate(resolve));
    expect([told, made.write(Uint8Array.of(1))]).toEqual([["null"], false]);
  });

  test("opens, carries bytes both ways, and ends with one null when the other end closes", async () => {
    const { port, received, links, until: met, server: listening } = await server();
    const { made, told, until } = stream(port);
    await until("open");
    expect(made.write(message(5))).toBe(true);
    await met(() => received.length === 1);
    links[0]!.send(Uint8Array.of(6));
    await until(`data ${Array.from(message(6)).join(" ")}`);
    await listening.close();
    await until("null");
    expect(told).toEqual(["open", "data 1 0 1 6", "null"]);
  });

  test("may be closed twice, and takes nothing afterwards", async () => {
    const { port } = await server();
    const { made, until, told } = stream(port);
    await until("open");
    made.close();
    made.close();
    await until("null");
    expect([made.write(Uint8Array.of(1)), told]).toEqual([false, ["open", "null"]]);
  });

  test("its name says where it leads", () => {
    expect(stream(9).made.name).toBe("tcp 127.0.0.1:9");
  });
});
