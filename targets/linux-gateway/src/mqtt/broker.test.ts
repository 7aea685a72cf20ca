import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IClientOptions } from "mqtt";
import { maxMessageBytes } from "ebalance";
import { describe, expect, test } from "vitest";
import type { Durability } from "../store/durability";
import { broker, cleanUp, client, closed, closedSocket, down, gone, hello, message, publish, raw, up } from "./broker-for-tests";

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

    test("whose unit is held to be two is refused, so that the one that was there is served", async () => {
      const { port, state } = await broker();
      state.held = "meter";
      await expect(joined(port)).rejects.toThrow(/[Nn]ot authorized/);
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
