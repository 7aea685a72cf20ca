import { createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import fc from "fast-check";
import { generate, parser as newParser, type Packet } from "mqtt-packet";
import type { LinkPort, UnitDriver } from "ebalance";
import { afterEach, describe, expect, test, vi } from "vitest";
import { BrokerClient } from "./broker-client";
import { mqttConnector } from "./connector";
import { mosquittoAccess, mosquittoPasswords } from "./mosquitto-config";
import { PacketGuard } from "./packet-guard";
import { publishPackets } from "./publish-packet";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

describe("CP-1 packets of ours", () => {
  test("another's parser reads what was written, of every length, with both versions and QoS", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1024 }), fc.integer({ min: 0, max: 65535 }), fc.constantFrom(4, 5), fc.string({ minLength: 1, maxLength: 200 }), (payload, messageId, protocolVersion, topic) => {
        const packets: Packet[] = [];
        const parser = newParser({ protocolVersion });
        parser.on("packet", (packet) => packets.push(packet));
        parser.parse(publishPackets(topic, protocolVersion)(payload, messageId));
        expect(packets).toMatchObject([{ cmd: "publish", topic, qos: messageId ? 1 : 0, retain: false, dup: false, ...(messageId ? { messageId } : {}) }]);
        expect(Buffer.compare((packets[0] as { payload: Buffer }).payload, payload)).toBe(0);
      }),
    );
  });

  test("a stream of packets up to the bound passes in any pieces; one byte more, or a length that never ends, does not", () => {
    const packetOf = (length: number) => generate({ cmd: "publish", topic: "t", payload: Buffer.alloc(length - 3), qos: 0, retain: false, dup: false });
    const passes = (bytes: Uint8Array, pieces: number) => {
      const guard = new PacketGuard(2048);
      for (let i = 0; i < bytes.length; i += pieces) if (!guard.push(bytes.subarray(i, i + pieces))) return false;
      return true;
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 3, max: 2048 }), { maxLength: 8 }), fc.integer({ min: 1, max: 3000 }), (lengths, pieces) => {
        const bytes = Buffer.concat([Buffer.of(0xd0, 0), ...lengths.map(packetOf), Buffer.of(0xc0, 0)]);
        expect(passes(bytes, pieces)).toBe(true);
        expect(passes(Buffer.concat([bytes, packetOf(2049)]), pieces)).toBe(false);
        expect(passes(Buffer.concat([bytes, Buffer.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01)]), pieces)).toBe(false);
      }),
    );
  });
});

describe("CP-8 what mosquitto is told", () => {
  test("each child has its own space, the gateway that of its children, in names that no list gives a meaning to", () => {
    expect(mosquittoAccess("home/1").split("\n")).toEqual([
      "user home%2F1",
      "topic read ebalance/1/home%2F1/+/up",
      "topic read ebalance/1/home%2F1/+/gone",
      "topic write ebalance/1/home%2F1/+/down",
      "topic write ebalance/1/home%2F1/gone",
      "pattern write ebalance/1/home%2F1/%u/up",
      "pattern write ebalance/1/home%2F1/%u/gone",
      "pattern read ebalance/1/home%2F1/%u/down",
      "pattern read ebalance/1/home%2F1/gone",
      "",
    ]);
    expect(mosquittoPasswords([{ id: "a:b", password: "secret" }])).toMatch(/^a%3Ab:\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==\n$/);
  });
});

describe("CP-8 a link to a broker that is none", () => {
  /** Something that listens, and does with a connection what it wants. */
  async function listener(accept: (socket: Socket) => void): Promise<string> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      accept(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUp.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function link(url: string) {
    const told: string[] = [];
    const made = mqttConnector({ url, parent: "home", self: "meter", password: "x" })({ up: () => told.push("up"), message: () => true, down: (reason) => told.push(reason) });
    cleanUp.push(() => made.close("test over"));
    return { told, made };
  }
  const told = async (list: string[]) => {
    while (!list.length) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    return list;
  };
  const connack = generate({ cmd: "connack", returnCode: 0, sessionPresent: false });
  const qos2 = (messageId: number) => generate({ cmd: "publish", topic: "ebalance/1/home/meter/down", payload: "x".repeat(1024), qos: 2, retain: false, dup: false, messageId });

  test("where nobody listens ends once, with the reason", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { told: list, made } = link(`mqtt://127.0.0.1:${port}`);
    expect(list).toEqual([]);
    expect(await told(list)).toEqual(["ECONNREFUSED"]);
    expect(made.send(Uint8Array.of(1))).toBe(false);
  });

  test.each([
    ["hangs up", (socket: Socket) => void socket.end(), "ended by the broker"],
    ["sends a packet of no kind", (socket: Socket) => void socket.write(Buffer.of(0x00, 0x00)), /.+/],
    ["refuses the subscription", (socket: Socket) => void socket.once("data", () => { socket.write(connack); socket.once("data", (subscribe: Buffer) => socket.write(Buffer.of(0x90, 4, subscribe[2]!, subscribe[3]!, 0x80, 0x80))); }), /refuses a subscription/],
    ["sends messages with QoS 2", (socket: Socket) => void socket.once("data", () => socket.write(Buffer.concat([connack, ...Array.from({ length: 500 }, (_, i) => qos2(1 + i))]))), "the broker sent a message with QoS 2; 0 or 1 is accepted"],
    ["announces a packet of 256 MB", (socket: Socket) => void socket.once("data", () => socket.write(Buffer.concat([connack, Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f)]))), "the broker sent a packet of more than 2048 bytes"],
  ])("that %s ends once, and may be closed again", async (_what, accept, reason) => {
    const { told: list, made } = link(await listener(accept));
    expect(await told(list)).toEqual([expect.stringMatching(reason)]);
    made.close("again");
    expect([list.length, made.send(Uint8Array.of(1))]).toEqual([1, false]);
  });

  test("that floods a child's topic fills no log: of closings of links that never were authentic the first is written", async () => {
    const forged = generate({ cmd: "publish", topic: "ebalance/1/home/meter/up", payload: "forged", qos: 0, retain: false, dup: false });
    const url = await listener((socket) => void socket.once("data", () => socket.write(Buffer.concat([connack, ...Array<Buffer>(320).fill(forged)]))));
    const [lost, log]: [LinkPort[], string[]] = [[], []];
    const driver = { receive: () => false, unit: { id: "home", linkLost: (lostLink: LinkPort) => lost.push(lostLink) } };
    const below = new BrokerClient(driver as unknown as UnitDriver, (_level, line) => log.push(line), { url, password: "x", children: ["meter"] });
    cleanUp.push(() => below.close());
    void below.listen();
    await expect.poll(() => lost.length).toBe(20);
    expect(log).toEqual([expect.stringContaining("meter, which sent nothing authentic, closed (number 1): 16 messages refused in a row")]);
  });

  test("that says nothing ends after 10 s", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanUp.push(() => vi.useRealTimers());
    let connected = false;
    const { told: list } = link(await listener(() => (connected = true)));
    while (!connected) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(9999);
    expect(list).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await told(list)).toEqual(["connack timeout"]);
  });

  test.each(["http://127.0.0.1:1883", "mqtt://", "127.0.0.1:1883", "mqtt://user:secret@127.0.0.1"])("a URL that is none of a broker is a configuration error that tells no secret", (url) => {
    expect(() => mqttConnector({ url, parent: "home", self: "meter", password: "x" })).toThrow(/mqtt:\/\/host:port/);
    expect(() => mqttConnector({ url, parent: "home", self: "meter", password: "x" })).not.toThrow(/secret/);
  });
});
