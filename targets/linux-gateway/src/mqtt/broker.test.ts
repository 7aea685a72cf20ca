import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { generate, parser as newParser, type IConnectPacket, type Packet } from "mqtt-packet";
import { maxMessageBytes, type LinkPort, type UnitDriver } from "ebalance";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Durability } from "../store/durability";
import { MqttBroker, type MqttBrokerOptions } from "./broker";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

const clients = [
  { id: "meter", password: "secret-1" },
  { id: "boiler", password: "secret-2" },
];
const up = "ebalance/1/home/meter/up";
const down = "ebalance/1/home/meter/down";
const gone = "ebalance/1/home/meter/gone";

/** A broker whose unit takes or refuses messages as the test says. */
async function broker(options: MqttBrokerOptions = {}) {
  const received: string[] = [];
  const links: LinkPort[] = [];
  const lost: LinkPort[] = [];
  const log: string[] = [];
  const state = { takes: (_message: Uint8Array): boolean => true };
  const driver = {
    receive(link: LinkPort, message: Uint8Array) {
      received.push(Buffer.from(message).toString());
      if (!links.includes(link)) links.push(link);
      return state.takes(message);
    },
    unit: { id: "home", linkLost: (link: LinkPort) => lost.push(link) },
  };
  const made = new MqttBroker(driver as unknown as UnitDriver, (_level, line) => log.push(line), { clients, ...options });
  const port = await made.listen();
  cleanUp.push(() => made.close());
  return { broker: made, port, received, links, lost, log, state };
}

/** A client of another project; resolves when connected, rejects when refused. */
async function client(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const made = connect({ port, host: "127.0.0.1", protocol: "mqtt", clientId: "meter", username: "meter", password: "secret-1", reconnectPeriod: 0, ...options });
  cleanUp.push(() => made.end(true));
  await new Promise<void>((resolve, reject) => {
    made.once("connect", () => resolve());
    made.on("error", reject);
    made.once("close", () => reject(new Error("closed")));
  });
  return made;
}
const closed = (made: MqttClient) => new Promise<void>((resolve) => (made.connected ? void made.once("close", () => resolve()) : resolve()));

/** The next message to a client, with its topic. */
const message = (to: MqttClient) => new Promise<string>((resolve) => to.once("message", (topic, payload) => resolve(`${topic} ${payload.toString()}`)));

/** A peer that sends packets, or pieces of them, as it likes. */
async function raw(port: number): Promise<{ socket: Socket; packets: Packet[]; send: (packet: Packet) => void }> {
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
const hello = (more: Partial<IConnectPacket> = {}): IConnectPacket => ({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: "meter", keepalive: 0, username: "meter", password: Buffer.from("secret-1"), ...more });
const publish = (messageId: number, payload: string | Buffer, topic = up): Packet => ({ cmd: "publish", topic, payload, qos: 1, retain: false, dup: false, messageId });
/** Waits without a timer, for tests whose timers stand still. */
const until = async (met: () => boolean) => {
  while (!met()) await new Promise((resolve) => setImmediate(resolve));
};
const closedSocket = (socket: Socket) => (socket.closed ? Promise.resolve() : once(socket, "close"));

for (const protocolVersion of [4, 5] as const) {
  describe(`CP-1 CP-8 a client of MQTT ${protocolVersion === 4 ? "3.1.1" : "5"}`, () => {
    const joined = (port: number, options: IClientOptions = {}) => client(port, { protocolVersion, ...options });

    test("hands its messages to the unit and gets those for it", async () => {
      const { port, received, links } = await broker();
      const meter = await joined(port);
      await meter.subscribeAsync(down, { qos: 1 });
      await meter.publishAsync(up, "one", { qos: 1 });
      await meter.publishAsync(up, "two", { qos: 0 });
      await expect.poll(() => received).toEqual(["one", "two"]);
      const told = message(meter);
      expect(links[0]!.send(Buffer.from("answer"))).toBe(true);
      expect([await told, links.length]).toEqual([`${down} answer`, 1]);
    });

    test.each([
      ["another's up topic", "ebalance/1/home/boiler/up", {}],
      ["its own down topic", down, {}],
      ["a system topic", "$SYS/x", {}],
      ["its own up topic, retained", up, { retain: true }],
      ["its own up topic, with QoS 2", up, { qos: 2 as const }],
    ])("that publishes to %s is closed, counted and logged, and nothing is delivered", async (_what, topic, options) => {
      const { port, received, log, lost, broker: listening } = await broker();
      const boiler = await joined(port, { clientId: "boiler", username: "boiler", password: "secret-2" });
      await boiler.subscribeAsync("ebalance/1/home/boiler/down", { qos: 1 });
      const told: string[] = [];
      boiler.on("message", (to) => told.push(to));
      const meter = await joined(port);
      await meter.subscribeAsync(down, { qos: 1 });
      meter.on("message", (to) => told.push(to));
      meter.publish(topic, "forged", { qos: 1, ...options });
      await closed(meter);
      expect(listening.refused.topics).toBe(1);
      expect(log.join("\n")).toContain(`as meter publishes to "${topic}"`);
      await expect.poll(() => lost.length).toBe(1);
      await boiler.publishAsync("ebalance/1/home/boiler/up", "fine", { qos: 1 });
      expect([received, told]).toEqual([["fine"], []]);
    });

    test.each(["ebalance/1/home/boiler/down", "ebalance/1/home/boiler/up", "ebalance/1/home/+/up", "#", "+/+/+/+/+", "$SYS/#", "$share/g/ebalance/1/home/meter/down", up])("may not subscribe to %s, and is told nothing of it", async (topic) => {
      const { port, broker: listening, links } = await broker();
      const meter = await joined(port);
      const told: string[] = [];
      meter.on("message", (to) => told.push(to));
      await expect(meter.subscribeAsync(topic, { qos: 1 })).rejects.toThrow(/Subscribe error/);
      const boiler = await joined(port, { clientId: "boiler", username: "boiler", password: "secret-2" });
      await boiler.subscribeAsync("ebalance/1/home/boiler/down", { qos: 1 });
      await boiler.publishAsync("ebalance/1/home/boiler/up", "x", { qos: 1 });
      const heard = message(boiler);
      links[0]!.send(Buffer.from("for the boiler"));
      await heard;
      await meter.publishAsync(up, "still here", { qos: 1 });
      expect(told).toEqual([]);
      // aedes itself answers for shared subscriptions of MQTT 5, which it has none of.
      expect(listening.refused.topics).toBe(protocolVersion === 5 && topic.startsWith("$share") ? 0 : 1);
    });

    test("with a wrong password, an unknown name or another's client id gets one and the same answer", async () => {
      const { port, broker: listening, lost } = await broker();
      const refusals = [{ password: "wrong" }, { username: "nobody", clientId: "nobody" }, { clientId: "boiler" }, { password: undefined, username: undefined }];
      const answers = await Promise.all(refusals.map((options) => joined(port, options as IClientOptions).then(() => "accepted", (error: { code: number; message: string }) => `${error.code} ${error.message}`)));
      expect(new Set(answers)).toEqual(new Set([protocolVersion === 4 ? "4 Connection refused: Bad username or password" : "134 Connection refused: Bad User Name or Password"]));
      expect([listening.refused.credentials, lost]).toEqual([4, []]);
    });

    test("may leave a will on its own gone topic and nowhere else, not retained", async () => {
      const { port, log } = await broker();
      const will = { payload: Buffer.alloc(0), qos: 1 as const, retain: false };
      for (const other of [{ ...will, topic: "ebalance/1/home/boiler/gone" }, { ...will, topic: "ebalance/1/home/boiler/up" }, { ...will, topic: gone, retain: true }, { ...will, topic: gone, payload: Buffer.alloc(2) }])
        await expect(joined(port, { will: other })).rejects.toThrow(/[Nn]ot authorized/);
      expect(log.join("\n")).toContain('will on "ebalance/1/home/boiler/gone"');
      await joined(port, { will: { ...will, topic: gone } });
    });

    test("may not ask for a session that outlives its connection: the broker would queue for it without end", async () => {
      const { port } = await broker();
      const options = protocolVersion === 4 ? { clean: false } : { clean: false, properties: { sessionExpiryInterval: 3600 } };
      await expect(joined(port, options)).rejects.toThrow(/[Nn]ot authorized/);
    });

    test("takes the place of one with the same identity; that one is closed, its link is lost, and the new one is served", async () => {
      const { port, links, lost, received, log } = await broker();
      const first = await joined(port);
      await first.publishAsync(up, "first", { qos: 1 });
      const second = await joined(port);
      await closed(first);
      await second.publishAsync(up, "second", { qos: 1 });
      const third = await joined(port);
      await closed(second);
      await third.publishAsync(up, "third", { qos: 1 });
      expect([received, links.length]).toEqual([["first", "second", "third"], 3]);
      expect(lost).toEqual(links.slice(0, 2));
      expect(log.filter((line) => line.includes("another client has connected with its identity")).length).toBe(2);
    });

    test("that sends more than a session message holds is refused like a forger, and an oversize packet ends the connection before it is taken in", async () => {
      const { port, received, lost } = await broker();
      const meter = await joined(port);
      await meter.publishAsync(up, Buffer.alloc(maxMessageBytes, 97), { qos: 1 });
      await meter.publishAsync(up, Buffer.alloc(maxMessageBytes + 1, 97), { qos: 1 });
      await meter.publishAsync(up, "", { qos: 1 });
      expect(received.length).toBe(1);
      meter.publish(up, Buffer.alloc(100_000), { qos: 1 });
      await closed(meter);
      await expect.poll(() => lost.length).toBe(1);
      expect(received.length).toBe(1);
    });
  });
}

describe("DI-9 a broker before a store", () => {
  /** A store whose commit the test makes. */
  function heldStore() {
    const waiting: ((kept: boolean) => void)[] = [];
    const durability: Durability = { afterCommit: (action) => void waiting.push(action) };
    return { durability, waiting, commit: (kept: boolean) => waiting.splice(0).forEach((action) => action(kept)) };
  }

  test("acknowledges a message, and sends what the unit says, once what was kept is on disk", async () => {
    const { durability, waiting, commit } = heldStore();
    const { port, received, links } = await broker({ durability });
    const peer = await raw(port);
    peer.send(hello());
    peer.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: down, qos: 1 }] });
    peer.send(publish(7, "a"));
    peer.send(publish(8, "b"));
    await expect.poll(() => received).toEqual(["a", "b"]);
    expect(links[0]!.send(Buffer.from("done"))).toBe(true);
    peer.send({ cmd: "pingreq" });
    await expect.poll(() => peer.packets.map(({ cmd }) => cmd)).toEqual(["connack", "suback", "pingresp"]);
    expect(waiting.length).toBe(3);
    commit(true);
    await expect.poll(() => peer.packets.slice(3).map(({ cmd, messageId }) => (cmd === "puback" ? `${cmd} ${messageId}` : cmd)).sort()).toEqual(["puback 7", "puback 8", "publish"]);
  });

  test("acknowledges nothing that could not be kept, and closes the link so that the client sends it again", async () => {
    const { durability, commit } = heldStore();
    const { port, received, links, lost, log } = await broker({ durability });
    const peer = await raw(port);
    peer.send(hello());
    peer.send(publish(7, "a"));
    await expect.poll(() => received.length).toBe(1);
    links[0]!.send(Buffer.from("done"));
    commit(false);
    await closedSocket(peer.socket);
    expect([lost, peer.packets.map(({ cmd }) => cmd)]).toEqual([links, ["connack"]]);
    expect(log.at(-1)).toContain("could not be kept on disk");
  });
});

describe("CP-8 a broker and hostile bytes", () => {
  const fakeTimers = () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanUp.push(() => vi.useRealTimers());
  };

  test("takes packets that arrive byte by byte", async () => {
    const { port, received } = await broker();
    const peer = await raw(port);
    for (const byte of Buffer.concat([generate(hello()), generate(publish(1, "slow"))])) {
      peer.socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => received).toEqual(["slow"]);
  });

  test.each([
    ["what is no MQTT", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a message before it has connected", generate(publish(1, "early"))],
    ["two connects", Buffer.concat([generate(hello()), generate(hello())])],
    ["a length that never ends", Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ["a topic with a wildcard", Buffer.concat([generate(hello()), Buffer.from([0x30, 4, 0, 1, 0x23, 0])])],
  ])("closes a connection that sends %s, and serves the others", async (_what, bytes) => {
    const { port, received } = await broker();
    const peer = await raw(port);
    peer.socket.write(bytes);
    await closedSocket(peer.socket);
    await (await client(port)).publishAsync(up, "fine", { qos: 1 });
    expect(received).toEqual(["fine"]);
  });

  test("closes a connection that has sent nothing authentic within 10 s, and leaves the others", async () => {
    const { port, received, lost, log, state, links } = await broker();
    state.takes = (message) => Buffer.from(message).toString() === "good";
    fakeTimers();
    const [good, bad, silent] = [await raw(port), await raw(port), await raw(port)];
    good.send(hello());
    good.send(publish(1, "good"));
    bad.send(hello({ clientId: "boiler", username: "boiler", password: Buffer.from("secret-2") }));
    bad.send(publish(1, "bad", "ebalance/1/home/boiler/up"));
    await until(() => received.length === 2);
    vi.advanceTimersByTime(9999);
    expect(lost.length).toBe(0);
    vi.advanceTimersByTime(1);
    await Promise.all([closedSocket(bad.socket), closedSocket(silent.socket)]);
    expect(log.filter((line) => line.includes("nothing authentic within 10000 ms")).length).toBe(2);
    expect(lost).toEqual([links[received.indexOf("bad")]]);
    expect(good.socket.closed).toBe(false);
  });

  test("closes a link after 16 messages in a row that were refused", async () => {
    const { port, received, state, log } = await broker();
    state.takes = () => false;
    const peer = await raw(port);
    peer.send(hello());
    for (let i = 1; i <= 20; i++) peer.send(publish(i, `${i}`));
    await closedSocket(peer.socket);
    expect([received.length, log.at(-1)]).toEqual([16, expect.stringContaining("16 messages refused in a row")]);
  });

  test("where all places are taken, the oldest that has sent nothing authentic gives way, and never one that has", async () => {
    const { port, received } = await broker({ maxConnections: 2 });
    const meter = await raw(port);
    meter.send(hello());
    meter.send(publish(1, "meter"));
    await expect.poll(() => received.length).toBe(1);
    const oldest = await raw(port);
    const newest = await raw(port);
    await closedSocket(oldest.socket);
    newest.send(hello({ clientId: "boiler", username: "boiler", password: Buffer.from("secret-2") }));
    newest.send(publish(1, "boiler", "ebalance/1/home/boiler/up"));
    await expect.poll(() => received.length).toBe(2);
    await closedSocket((await raw(port)).socket);
    meter.send(publish(2, "again"));
    await expect.poll(() => received.length).toBe(3);
  });

  test("looks at 16 wrong guesses in a second, and at more in the next", async () => {
    const { port, broker: listening } = await broker();
    fakeTimers();
    const guesses = await Promise.all(Array.from({ length: 20 }, () => raw(port)));
    for (const guess of guesses) guess.send(hello({ password: Buffer.from("guess") }));
    const answered = () => guesses.filter(({ packets }) => packets.length > 0).length;
    await until(() => answered() === 16);
    expect(listening.refused.credentials).toBe(16);
    vi.advanceTimersByTime(1000);
    await until(() => answered() === 20);
  });

  test("reads one that floods at 1000 messages a second, loses none, and serves the others meanwhile", async () => {
    const { port, received } = await broker();
    const peer = await raw(port);
    peer.send(hello());
    await expect.poll(() => peer.packets.length).toBe(1);
    const startMs = performance.now();
    const total = 9000;
    for (let i = 0; i < total; i++) peer.send(publish(1 + i, Buffer.alloc(100, 97)));
    await (await client(port, { clientId: "boiler", username: "boiler", password: "secret-2" })).publishAsync("ebalance/1/home/boiler/up", "meanwhile", { qos: 1 });
    expect(received.length).toBeLessThan(total);
    // What one read of the socket gives, up to 80 kB of these, is taken beyond the share.
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(total + 1);
    expect(performance.now() - startMs).toBeGreaterThan(4000);
  }, 30_000);

  test("sends a bounded amount to one that reads nothing, says so, and what was taken arrives whole", async () => {
    const { port, received, links } = await broker();
    const peer = await raw(port);
    peer.send(hello());
    peer.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: down, qos: 1 }] });
    peer.send(publish(1, "here"));
    await expect.poll(() => received.length).toBe(1);
    peer.socket.pause();
    const large = new Uint8Array(1024).fill(7);
    let [taken, refusedInARow] = [0, 0];
    while (refusedInARow < 100) {
      const fits = links[0]!.send(large);
      taken += fits ? 1 : 0;
      refusedInARow = fits ? 0 : refusedInARow + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(20_000);
    peer.socket.resume();
    const arrived = () => peer.packets.filter(({ cmd }) => cmd === "publish").length;
    await expect.poll(arrived, { timeout: 5000 }).toBe(taken);
    expect(links[0]!.send(large)).toBe(true);
  });

  test("keeps to the number of unacknowledged messages that a client of MQTT 5 takes", async () => {
    const { port, received, links } = await broker();
    const meter = connectTcp({ host: "127.0.0.1", port });
    cleanUp.push(() => meter.destroy());
    const packets: Packet[] = [];
    const parser = newParser({ protocolVersion: 5 });
    parser.on("packet", (packet) => packets.push(packet));
    meter.on("data", (chunk) => parser.parse(chunk));
    const v5 = { protocolVersion: 5 } as const;
    meter.write(generate(hello({ protocolVersion: 5, properties: { receiveMaximum: 2 } }), v5));
    meter.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: down, qos: 1 }] }, v5));
    meter.write(generate(publish(1, "here"), v5));
    await expect.poll(() => received.length).toBe(1);
    for (const text of ["1", "2", "3"]) links[0]!.send(Buffer.from(text));
    const arrived = () => packets.flatMap((packet) => (packet.cmd === "publish" ? [`${packet.payload as Buffer}`] : []));
    await expect.poll(arrived).toEqual(["1", "2"]);
    meter.write(generate({ cmd: "puback", messageId: packets.at(-2)!.messageId! }, v5));
    await expect.poll(arrived).toEqual(["1", "2", "3"]);
  });
});

describe("CP-8 the broker's port", () => {
  test("closing ends every connection, frees the port and leaves nothing that keeps the process", async () => {
    const resources = () => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Immediate/.test(name)).sort();
    await expect.poll(resources).toEqual([]);
    const { broker: listening, port, lost } = await broker();
    const meter = await client(port);
    const stranger = await raw(port);
    await meter.publishAsync(up, "x", { qos: 1 });
    await Promise.all([listening.close(), closed(meter), closedSocket(stranger.socket)]);
    expect(lost.length).toBe(1);
    meter.end(true);
    await expect.poll(resources).toEqual([]);
    expect((await broker({ port })).port).toBe(port);
  });

  test("a port that is taken is a configuration error that names host, port and cause", async () => {
    const { port } = await broker();
    await expect(broker({ port })).rejects.toMatchObject({ code: "bad-configuration", message: `cannot listen for MQTT on 127.0.0.1 port ${port} (EADDRINUSE)` });
  });

  test("a client that was removed is closed and comes in no more", async () => {
    const { broker: listening, port } = await broker();
    const meter = await client(port);
    listening.removeClient("meter");
    await closed(meter);
    await expect(client(port)).rejects.toThrow(/Bad username or password/i);
  });

  test("with key and certificate it speaks TLS, to clients that know who signed it and to no others", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ebalance-tls-"));
    cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
    const file = (name: string) => join(folder, name);
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", file("key"), "-out", file("cert")], { stdio: "ignore" });
    const [key, cert] = [readFileSync(file("key"), "utf8"), readFileSync(file("cert"), "utf8")];
    const { port, received } = await broker({ tls: { key, cert } });
    await expect(client(port, { protocol: "mqtts" })).rejects.toThrow(/self-signed/);
    await expect(client(port)).rejects.toThrow();
    const meter = await client(port, { protocol: "mqtts", ca: cert });
    await meter.publishAsync(up, "sealed", { qos: 1 });
    expect(received).toEqual(["sealed"]);
    await expect(broker({ tls: { key: "no key", cert } })).rejects.toMatchObject({ code: "bad-configuration" });
  });
});
