/** Clients that flood, stall, guess and lie, at the level of bytes. */
import { connect as connectTcp } from "node:net";
import { generate, parser as newParser, type Packet } from "mqtt-packet";
import { describe, expect, test, vi } from "vitest";
import { broker, cleanUp, client, closedSocket, down, hello, publish, raw, until, up } from "./broker-for-tests";

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
    expect(log.filter((line) => line.includes("nothing authentic within 10000 ms")).length).toBe(1);
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

  test("where all places are taken, the oldest that has shown no password gives way, and never one that has", async () => {
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

  test("a flood of strangers takes the place of no client with the right password, though its session is not open yet", async () => {
    const { port, received } = await broker({ maxConnections: 4 });
    const meter = await raw(port);
    meter.send(hello());
    await expect.poll(() => meter.packets.length).toBe(1);
    const strangers = await Promise.all(Array.from({ length: 100 }, () => raw(port)));
    await Promise.all(strangers.slice(0, -3).map(({ socket }) => closedSocket(socket)));
    meter.send(publish(1, "still here"));
    await expect.poll(() => received).toEqual(["still here"]);
  });

  test("answers a right password at once, however many wrong ones came before, and closes and counts each of those", async () => {
    const { port, broker: listening } = await broker({ maxConnections: 400 });
    fakeTimers();
    const guesses = await Promise.all(Array.from({ length: 300 }, () => raw(port)));
    for (const guess of guesses) guess.send(hello({ password: Buffer.from("guess") }));
    const meter = await raw(port);
    meter.send(hello());
    await until(() => meter.packets.length > 0);
    expect(meter.packets).toMatchObject([{ cmd: "connack", returnCode: 0 }]);
    await Promise.all(guesses.map(({ socket }) => closedSocket(socket)));
    expect(guesses.filter(({ packets }) => packets[0]?.cmd === "connack" && packets[0].returnCode === 4).length).toBe(300);
    expect(listening.refused.credentials).toBe(300);
  });

  test("writes the closing of the first stranger and of every hundredth, and of each client that was authentic", async () => {
    const { port, received, log } = await broker({ maxConnections: 400 });
    const leave = async (packets: readonly Packet[]) => {
      const peer = await raw(port);
      for (const packet of packets) peer.send(packet);
      await expect.poll(() => peer.packets.length).toBe(packets.length);
      peer.socket.destroy();
    };
    await Promise.all(Array.from({ length: 201 }, () => leave([])));
    const closings = () => log.filter((line) => line.includes(" closed"));
    await expect.poll(() => closings().at(-1)).toContain("number 201");
    expect(closings().length).toBe(3);
    for (const text of ["one", "two"]) await leave([hello(), publish(1, text)]);
    await expect.poll(() => closings().length).toBe(5);
    expect(received).toEqual(["one", "two"]);
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

  test("reads one that floods with something else no faster", async () => {
    const { port } = await broker();
    const peer = await raw(port);
    peer.send(hello());
    await expect.poll(() => peer.packets.length).toBe(1);
    const startMs = performance.now();
    const ping = generate({ cmd: "pingreq" });
    // More than two reads of the socket give.
    const total = 100_000;
    peer.socket.write(Buffer.concat(Array<Buffer>(total).fill(ping)));
    await expect.poll(() => peer.packets.length, { timeout: 10_000 }).toBe(total + 1);
    expect(performance.now() - startMs).toBeGreaterThan(900);
  }, 15_000);

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
