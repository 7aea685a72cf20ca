/** Units over MQTT: the broker inside the gateway, and mosquitto between gateway and device; real sockets and processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "mqtt";
import { DataInterface, MemoryStore, mqttPassword, openDevice, Registry, standardVariables, UnitDriver, Uplink, type Device, type LogPort } from "ebalance";
import { BrokerClient, MqttBroker, mqttConnector, NodeCrypto, nodeDevicePlatform, nodeTimers, readKeyFile, systemClock, type Durability } from "@ebalance/gateway";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Mosquitto, noMosquittoReason } from "../peers/mosquitto";
import { Home } from "./home";

/** A home's way in over MQTT, and what can happen to the broker. */
interface Way {
  readonly url: string;
  /** The broker is there, and the home on it. */
  open(): Promise<unknown>;
  /** The broker is gone at once. */
  kill(): Promise<unknown>;
  /** The broker is there again. */
  again(): Promise<unknown>;
  close(): Promise<unknown>;
}

let home: Home;
let password: string;
const ends: (() => unknown)[] = [];
const log: string[] = [];
const note: LogPort = (level, line) => void log.push(`${level} ${line}`);

beforeEach(() => {
  home = new Home();
  log.length = 0;
  const { session, key } = readKeyFile(home.keyFile);
  const crypto = new NodeCrypto();
  password = mqttPassword(crypto, key.importInto(crypto, "derive"), session);
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await home.close();
});

function embedded(): Way {
  let port = 0;
  let broker: MqttBroker;
  const open = async () => {
    broker = new MqttBroker(home.driver, note, { port, clients: [{ id: "sensor", password }, { id: "neighbour", password: "neighbour's" }] });
    port = await broker.listen();
  };
  return { open, again: open, kill: () => broker.close(), close: () => broker.close(), get url() { return `mqtt://127.0.0.1:${port}`; } };
}

/** A store whose commits the test makes. */
class HeldCommits implements Durability {
  readonly #waiting: ((kept: boolean) => void)[] = [];
  held = false;

  afterCommit(action: (kept: boolean) => void): void {
    if (this.held) this.#waiting.push(action);
    else action(true);
  }

  /** @returns how many waited */
  commit(kept: boolean): number {
    const actions = this.#waiting.splice(0);
    for (const action of actions) action(kept);
    return actions.length;
  }
}

function external(durability?: Durability): Way & { readonly leave: () => Promise<unknown> } {
  const clients = [{ id: "home", password: "home's" }, { id: "sensor", password }, { id: "neighbour", password: "neighbour's" }];
  const mosquitto = new Mosquitto("home", clients);
  let client: BrokerClient | undefined;
  return {
    get url() { return mosquitto.url; },
    async open() {
      await mosquitto.start();
      client = new BrokerClient(home.driver, note, { url: mosquitto.url, password: "home's", children: ["sensor", "neighbour"], durability });
      await client.listen();
    },
    kill: () => mosquitto.kill(),
    again: () => mosquitto.start(),
    leave: () => client!.close(),
    async close() {
      await client?.close();
      await mosquitto.close();
    },
  };
}

/** A device that makes requests too. */
function sensorUnit(url: string) {
  const { session, key } = readKeyFile(home.keyFile);
  const crypto = new NodeCrypto();
  const driver = new UnitDriver({ id: "sensor", registry: new Registry(standardVariables), parent: "home" }, { clock: systemClock, crypto, store: new MemoryStore(1), log: note }, nodeTimers);
  driver.unit.addSession(session, key.importInto(crypto, "derive"));
  const uplink = new Uplink(driver, "home", mqttConnector({ url, parent: "home", self: "sensor", password }), nodeTimers, note);
  ends.push(() => {
    uplink.close();
    driver.close();
  });
  return new DataInterface(driver.unit, { service: "metering", stakeholder: "customer" });
}

function device(url: string): Device {
  const made = openDevice(nodeDevicePlatform({ keyFile: home.keyFile, url, service: "metering", log: note }));
  ends.push(() => made.close());
  return made;
}

/** mosquitto's own client, run to its end: whether it was let in is not the question, but what comes of it. */
async function mosquittoPub(args: readonly string[]): Promise<void> {
  await once(spawn("mosquitto_pub", args, { stdio: "ignore" }), "exit");
}

const from = (first: number, length: number) => Array.from({ length }, (_unused, i) => first + i);
const sensorOnce = async () => {
  while (home.sessions < 1) await home.sessionChange();
};

const ways = [
  { name: "the broker inside the gateway", make: embedded, reason: "" },
  { name: "mosquitto between gateway and device", make: external, reason: noMosquittoReason },
];

for (const { name, make, reason } of ways) {
  describe.skipIf(reason)(`over ${name}${reason ? ` (left out: ${reason})` : ""}`, () => {
    let way: Way;
    beforeEach(async () => {
      way = make();
      ends.push(() => way.close());
      await way.open();
    });

    test("CP-1 a device writes, is answered, and is told of an event", async () => {
      const sensor = sensorUnit(way.url);
      await sensorOnce();
      const series = { variable: "activeEnergyImport", device: "sensor", owner: "customer" };
      expect(await sensor.write({ ...series, value: 1 })).toMatchObject({ result: "done" });
      const events = sensor.event(series);
      await sensor.query(series); // an answer to what was asked later: the subscription stands
      await sensor.write({ ...series, value: 2 });
      expect((await events.next()).value).toMatchObject({ value: 2, variable: "activeEnergyImport" });
      expect(await home.valuesUpTo(2)).toEqual([1, 2]);
    });

    test("DI-9 the broker is killed and started again: both ends come back, nothing is lost and nothing comes twice as long as the outbox holds", { timeout: 60_000 }, async () => {
      let count = 0;
      device(way.url).report("activeEnergyImport", { everyMs: 150, read: () => ++count });
      const before = await home.valuesUpTo(10);
      const lost = home.sessionChange();
      await way.kill();
      await lost;
      await expect.poll(() => log.filter((line) => /link to home .* trying again in/.test(line)).length, { timeout: 5000 }).toBeGreaterThan(0);
      await way.again();
      const after = await home.valuesUpTo(before.at(-1)! + 40);
      const all = [...before, ...after];
      expect(all).toEqual(from(1, all.length));
      expect(home.sessions).toBe(2);
    });

    test("CP-8 a wrong password is refused, and said so in words", async () => {
      const told: string[] = [];
      mqttConnector({ url: way.url, parent: "home", self: "sensor", password: "wrong" })({ up: () => told.push("up"), message: () => false, down: (why) => told.push(why) });
      await expect.poll(() => told).toEqual([expect.stringMatching(/^the broker refuses user sensor \(.*(authori[sz]ed|password).*\)$/i)]);
    });

    // It needs mosquitto's clients.
    test.skipIf(noMosquittoReason)("CP-8 another project's client with its own identity reads and writes nothing of another's", async () => {
      const sensor = device(way.url);
      sensor.write("activeEnergyImport", 1);
      await home.valuesUpTo(1);
      const { hostname, port } = new URL(way.url);
      const as = ["-h", hostname, "-p", port, "-i", "neighbour", "-u", "neighbour", "-P", "neighbour's", "-q", "1"];
      const spy = connect(way.url, { clientId: "neighbour", username: "neighbour", password: "neighbour's", reconnectPeriod: 0 });
      ends.push(() => spy.end(true));
      const overheard: string[] = [];
      spy.on("message", (topic) => overheard.push(topic));
      spy.on("error", () => {});
      await new Promise<void>((resolve) => spy.once("connect", () => resolve()));
      // mosquitto grants what it will not deliver, the gateway's broker refuses it.
      for (const topic of ["#", "ebalance/1/home/sensor/up", "ebalance/1/home/sensor/down", "ebalance/1/home/+/down"]) await spy.subscribeAsync(topic, { qos: 1 }).catch(() => {});
      sensor.write("activeEnergyImport", 2);
      await home.valuesUpTo(2);
      spy.end(true);
      for (const topic of ["ebalance/1/home/sensor/up", "ebalance/1/home/sensor/down", "ebalance/1/home/sensor/gone", "ebalance/1/home/gone"])
        await mosquittoPub([...as, "-t", topic, "-m", "forged", ...(topic.endsWith("up") ? ["-r"] : [])]);
      await mosquittoPub([...as, "-t", "ebalance/1/home/neighbour/gone", "-n", "--will-topic", "ebalance/1/home/sensor/gone", "--will-payload", "x"]);
      sensor.write("activeEnergyImport", 3);
      expect(await home.valuesUpTo(3)).toEqual([3]);
      expect(overheard).toEqual([]);
      expect([home.sessions, home.driver.unit.counters.refused.malformed]).toEqual([1, 0]);
    });
  });
}

describe.skipIf(noMosquittoReason)(`a gateway on mosquitto${noMosquittoReason ? ` (left out: ${noMosquittoReason})` : ""}`, () => {
  const series = { variable: "activeEnergyImport", device: "sensor", owner: "customer" };

  test("DI-9 answers once what it kept is on disk, takes many messages into one commit, and where nothing could be kept the device begins anew", async () => {
    const commits = new HeldCommits();
    const way = external(commits);
    ends.push(() => way.close());
    await way.open();
    const sensor = sensorUnit(way.url);
    await sensorOnce();
    await sensor.query(series);
    commits.held = true;
    const results: string[] = [];
    for (let value = 1; value <= 10; value++) void sensor.write({ ...series, value }).then(({ result }) => results.push(result));
    await home.valuesUpTo(10);
    expect(results).toEqual([]);
    commits.held = false;
    // Ten messages and their ten answers.
    expect(commits.commit(true)).toBe(20);
    await expect.poll(() => results).toEqual(Array(10).fill("done"));
    commits.held = true;
    const lost = sensor.write({ ...series, value: 11 });
    await home.valuesUpTo(11);
    commits.held = false;
    commits.commit(false);
    expect(await lost).toMatchObject({ result: "linkLost" });
    await expect.poll(() => home.sessions, { timeout: 5000 }).toBe(2);
    expect(await sensor.write({ ...series, value: 12 })).toMatchObject({ result: "done" });
  });

  test("DI-9 that leaves is missed by its children at once, and a device that leaves by the gateway", async () => {
    const way = external();
    ends.push(() => way.close());
    await way.open();
    const first = device(way.url);
    await sensorOnce();
    const left = home.sessionChange();
    first.close();
    await left;
    expect(log.join("\n")).toContain("sensor closed: it has left the broker");
    device(way.url);
    await home.sessionChange();
    await way.leave();
    await expect.poll(() => log.join("\n")).toMatch(/link to home .* closed: home has left the broker; trying again/);
  });
});
