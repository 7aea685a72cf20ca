/** What goes wrong around a home: its broker, the home itself, its devices. Homes, devices and brokers are processes; the low-voltage unit runs in the test's own. */
import { connect } from "mqtt";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DataInterface, MemoryStore, Registry, standardVariables, UnitDriver, Uplink, type EventStream, type PolicyText, type Reading } from "ebalance";
import { checkConfig, Gateway, NodeCrypto, nodeTimers, readKeyFile, systemClock, tcpConnector, type Plan } from "@ebalance/gateway";
import type { CommandLine } from "../../examples/street/processes";
import { noHostReason } from "../../targets/xs-host/available";
import { engines } from "../../targets/linux-gateway/src/store/test-stores";
import { Mosquitto, noMosquittoReason } from "../peers/mosquitto";
import { from, GatewayProgram, kept, patience, Programs, RealGrid, type GatewayText, type Way } from "./real-grid";

const billing = { stakeholder: "supplier", service: "billing" };
const operator = { stakeholder: "operator", service: "grid" };
const policy = (sequence: number, ...readers: { stakeholder: string; service: string }[]): PolicyText => ({
  sequence,
  entries: [{ rights: "read", minDelayS: 0, grantees: [operator, ...readers] }],
});
const device = (more: object = {}) => ({ parent: "home", owner: "customer", services: ["metering"], ...more });
const plan: Plan = {
  domain: "faults",
  units: {
    lv: { owner: "operator", services: ["grid"] },
    home: { parent: "lv", owner: "customer", services: ["display"] },
    sensor: device(),
    neighbour: device(),
    meter: device({ policy: policy(3, billing) }),
  },
  services: [{ unit: "lv", ...billing }],
};
const series = (of: string) => ({ device: of, owner: "customer", variable: "activeEnergyImport" });

let gateway: CommandLine;
let meterProgram: CommandLine;
let sensorProgram: CommandLine;
beforeAll(async () => {
  const programs = new Programs("gateway-faults");
  gateway = await programs.gateway();
  meterProgram = await programs.node("tests/scenarios/counting-meter.ts");
  const entry = "tests/scenarios/counting-sensor.ts";
  sensorProgram = noHostReason ? await programs.deviceOnNode(entry) : await programs.deviceOnXs(entry);
}, 60_000);

let grid: RealGrid;
let lv: Gateway;
beforeEach(() => {
  grid = new RealGrid(plan);
});
afterEach(() => grid.close());

async function openLv(listen: Way = { mqtt: {} }): Promise<DataInterface> {
  lv = await Gateway.open(checkConfig({ unit: "lv", listen: [listen], units: [{ keyFile: grid.keyFile("home") }] }), { log: () => {} });
  grid.atEnd(() => lv.close());
  return lv.services(operator.stakeholder, operator.service);
}

function openHome(more: Partial<GatewayText>): Promise<GatewayProgram> {
  const units = ["sensor", "neighbour", "meter"].map((unit) => ({ keyFile: grid.keyFile(unit) }));
  return grid.gateway(gateway, { unit: "home", store: { folder: grid.store("home") }, units, policies: { customer: policy(1) }, ...more });
}

const parentAt = (port: number) => ({ keyFile: grid.keyFile("home"), url: `mqtt://127.0.0.1:${port}` });
const startMeter = (url: string, everyMs = 150) => grid.program("meter", meterProgram, grid.keyFile("meter"), url, "metering", String(everyMs));
const startSensor = (port: number, everyMs = 150) => grid.program("sensor", sensorProgram, grid.keyFile("sensor"), String(port), "metering", String(everyMs));

/** Subscribes as soon as that is possible. */
async function subscribed(open: () => EventStream): Promise<EventStream> {
  let stream = open();
  await expect.poll(async () => {
    if ((await stream.accepted).result !== "done") stream = open();
    return (await stream.accepted).result;
  }, patience).toBe("done");
  return stream;
}

/** Reads until a value of at least `last` comes. */
async function readUpTo(stream: EventStream, last: number): Promise<Reading[]> {
  const readings: Reading[] = [];
  while (!readings.length || newest(readings) < last) {
    const { value, done } = await stream.next();
    if (done) throw new Error(`the stream has ended with ${stream.endedWith?.result}`);
    readings.push(value);
  }
  return readings;
}

const newest = (readings: readonly { value: unknown }[]) => readings.at(-1)!.value as number;
const written = (home: GatewayProgram, of: string) => (home.written(of, "activeEnergyImport").at(-1) as number | undefined) ?? 0;

/** Every number that the device has given, once and in order. */
async function expectWhole(home: GatewayProgram, ...devices: string[]): Promise<void> {
  await home.stop();
  for (const one of devices) {
    const values = (await kept(grid.store("home"), one, "activeEnergyImport")).map(({ value }) => value);
    expect(values.length).toBeGreaterThan(20);
    expect(values).toEqual(from(1, values.length));
  }
}

describe.skipIf(noMosquittoReason)(`brokers of another project${noMosquittoReason ? ` (left out: ${noMosquittoReason})` : ""}`, () => {
  test("DI-9 DI-12 CP-9 are killed and come back: whoever waits is told, links come back by themselves, nothing is lost and nothing comes twice", { timeout: 90_000 }, async () => {
    const upper = new Mosquitto("lv", [{ id: "lv", password: "lv's" }, { id: "home", password: grid.password("home") }]);
    const lower = new Mosquitto("home", [{ id: "home", password: "home's" }, { id: "meter", password: grid.password("meter") }]);
    grid.atEnd(() => Promise.all([upper.close(), lower.close()]));
    await Promise.all([upper.start(), lower.start()]);
    const broker = (unit: string, url: string) => ({ broker: { url, username: unit, passwordFile: grid.writeSecret(`${unit}.password`, `${unit}'s\n`) } });
    const data = await openLv(broker("lv", upper.url));
    const home = await openHome({ parent: parentAt(upper.port), listen: [broker("home", lower.url)] });
    startMeter(lower.url);
    const stream = await subscribed(() => data.event(series("meter")));
    const before = await readUpTo(stream, 10);

    await Promise.all([upper.kill(), lower.kill()]);
    for await (const reading of stream) before.push(reading);
    expect(stream.endedWith?.result).toBe("linkLost");
    await expect.poll(() => home.isOpen("meter") || home.isOpen("lv"), patience).toBe(false);
    expect((await data.query(series("meter"))).result).toBe("linkLost");
    await Promise.all([upper.start(), lower.start()]);

    const again = await subscribed(() => data.event(series("meter")));
    const after = await readUpTo(again, newest(before) + 30);
    const seen = [...before, ...after].map(({ value }) => value as number);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect([home.openings("meter"), home.openings("lv")]).toEqual([2, 2]);
    await expectWhole(home, "meter");
  });
});

const kills = { sqlite: 3, frames: 1 };

describe.each(engines)("a home with the store $name", ({ name: engine, reason }) => {
  test.skipIf(reason)(`DI-9 SP-2 is killed under load: what was acknowledged is kept once, policies hold, whoever waits is told${reason ? ` (left out: ${reason})` : ""}`, { timeout: 120_000 }, async () => {
    const data = await openLv();
    const home = await openHome({ store: { folder: grid.store("home"), engine }, parent: parentAt(lv.listening[0]!.port), listen: [{ tcp: {} }, { mqtt: {} }] });
    startSensor(home.port("tcp"));
    const meter = startMeter(home.mqttUrl);
    for (let time = 1; time <= kills[engine]; time++) {
      const stream = await subscribed(() => data.event(series("sensor")));
      const waits = data.periodic({ ...series("sensor"), periodMs: 60_000 });
      await waits.accepted;
      const counts = [written(home, "sensor"), written(home, "meter")];
      await expect.poll(() => Math.min(written(home, "sensor") - counts[0]!, written(home, "meter") - counts[1]!), patience).toBeGreaterThan(12);
      await home.kill();
      for await (const _reading of stream);
      for await (const _reading of waits);
      expect([stream.endedWith?.result, waits.endedWith?.result]).toEqual(["linkLost", "linkLost"]);
      await home.start();
    }
    await expect.poll(() => home.isOpen("meter") && home.isOpen("sensor"), patience).toBe(true);
    const counts = [written(home, "sensor"), written(home, "meter")];
    await expect.poll(() => written(home, "sensor") > counts[0]! + 10 && written(home, "meter") > counts[1]! + 10, patience).toBe(true);

    // Without the meter: nobody brings its policy again.
    await meter.kill();
    await home.kill();
    await home.start();
    await expect.poll(async () => (await data.query(series("meter"))).result, patience).toBe("done");
    const supplier = lv.services(billing.stakeholder, billing.service);
    const lastSeen = (await supplier.query(series("meter"))).readings[0]!.value;
    expect(lastSeen).toBeGreaterThan(counts[1]!);
    expect((await supplier.query(series("sensor"))).result).toBe("denied");
    const newPolicy = await asMeter(home.port("tcp"));
    expect([await newPolicy(2), await newPolicy(4)]).toEqual(["stalePolicy", "done"]);
    // What was measured under the earlier policy may still be seen, what has the new one not.
    expect((await supplier.query(series("meter"))).readings[0]!.value).toBe(lastSeen);
    expect(home.engine).toMatch(engine);
    expect(home.log.join("\n")).not.toMatch(/ error |set aside|damaged/);
    await expectWhole(home, "sensor");
    const values = (await kept(grid.store("home"), "meter", "activeEnergyImport")).map(({ value }) => value);
    expect(values).toEqual([...from(1, values.length - 1), 0]);
  });
});

/** The meter as a program that gives its readings a new policy. */
async function asMeter(port: number): Promise<(sequence: number) => Promise<string>> {
  const { session, key } = readKeyFile(grid.keyFile("meter"));
  const crypto = new NodeCrypto();
  const driver = new UnitDriver({ id: "meter", registry: new Registry(standardVariables), parent: "home" }, { clock: systemClock, crypto, store: new MemoryStore(1), log: () => {} }, nodeTimers);
  driver.unit.addSession(session, key.importInto(crypto, "derive"));
  const uplink = new Uplink(driver, "home", tcpConnector("127.0.0.1", port), nodeTimers, () => {});
  grid.atEnd(() => (uplink.close(), driver.close()));
  const data = new DataInterface(driver.unit, { service: "metering", stakeholder: "customer" });
  return async (sequence) => {
    const write = async () => (await data.write({ ...series("meter"), value: 0, policy: policy(sequence) })).result;
    let result = await write();
    await expect.poll(async () => (result === "linkLost" || result === "unknownLocation" ? (result = await write()) : result), patience).not.toMatch(/linkLost|unknownLocation/);
    return result;
  };
}

describe("devices of a home", () => {
  test("MU-1 DI-9 a sensor loses its power and is back: it joins by itself, nothing of before comes twice, the others do not notice", { timeout: 60_000 }, async () => {
    const home = await openHome({ listen: [{ tcp: {} }, { mqtt: {} }] });
    startMeter(home.mqttUrl, 50);
    const first = startSensor(home.port("tcp"), 50);
    await expect.poll(() => Math.min(written(home, "sensor"), written(home, "meter")), patience).toBeGreaterThan(15);
    await first.kill();
    await expect.poll(() => home.isOpen("sensor"), patience).toBe(false);
    const before = home.written("sensor", "activeEnergyImport").length;
    startSensor(home.port("tcp"), 50);
    await expect.poll(() => home.written("sensor", "activeEnergyImport").length, patience).toBeGreaterThan(before + 15);
    await expectWhole(home, "meter");
    expect(home.openings("meter")).toBe(1);
    // The numbers of the second run begin at 1 again; those of the first were acknowledged up to one that was under way.
    const values = (await kept(grid.store("home"), "sensor", "activeEnergyImport")).map(({ value }) => value as number);
    const second = values.lastIndexOf(1);
    expect(values).toEqual([...from(1, second), ...from(1, values.length - second)]);
    expect(second).toBeGreaterThanOrEqual(before);
  });

  test("SP-5 two with one identity, over TCP and over MQTT: one is served, the home says so, what the other logs is of use, and nobody else notices", { timeout: 90_000 }, async () => {
    const home = await openHome({ listen: [{ tcp: {} }, { mqtt: {} }] });
    startSensor(home.port("tcp"));
    const start = (unit: string, url: string) => [1, 2].map(() => grid.program(unit, meterProgram, grid.keyFile(unit), url, "metering", "100"));
    const pairs = { meter: start("meter", `tcp://127.0.0.1:${home.port("tcp")}`), neighbour: start("neighbour", home.mqttUrl) };
    await expect.poll(() => [...new Set(home.of("flapping").map(({ peer }) => peer))].sort(), patience).toEqual(["meter", "neighbour"]);
    for (const unit of ["meter", "neighbour"]) expect(home.log.join("\n")).toContain(`warning home: ${unit} opens its session again and again: two devices with one identity`);
    const openings = () => [home.openings("meter"), home.openings("neighbour")];
    const counts = ["meter", "neighbour", "sensor"].map((unit) => written(home, unit));
    const before = openings();
    await expect.poll(() => ["meter", "neighbour", "sensor"].every((unit, i) => written(home, unit) > counts[i]! + 20), patience).toBe(true);
    const warnings = (unit: keyof typeof pairs) => pairs[unit].flatMap(({ errors }) => errors.filter((line) => line.includes(" warning "))).join("\n");
    await expect.poll(() => warnings("meter"), patience).toContain("no session was opened: the key is not known there, or another has this identity");
    await expect.poll(() => warnings("neighbour"), patience).toContain("the broker refuses user neighbour");
    // The ones that are there keep their place for half a minute.
    expect(openings()).toEqual(before);
    expect(home.openings("sensor")).toBe(1);
    await expectWhole(home, "sensor");
  });

  // Of many refusals the first is in the log: either kind comes first once.
  test.each(["subscribes", "publishes"] as const)("CP-8 SP-5 a client that tries another's topics with its own password, and %s first, reads and writes nothing there, is counted, and its own readings go on", { timeout: 60_000 }, async (first) => {
    const home = await openHome({ listen: [{ mqtt: {} }], store: { folder: grid.store("home") } });
    startMeter(home.mqttUrl);
    await expect.poll(() => written(home, "meter"), patience).toBeGreaterThan(5);
    const overheard = await tryTopicsOf("meter", home.mqttUrl, first);
    expect(overheard).toEqual([]);
    await expect.poll(() => home.log.join("\n"), patience).toMatch(new RegExp(`mqtt client refused \\(number 1\\): .* as sensor ${first} to "`));
    const own = grid.program("sensor", meterProgram, grid.keyFile("sensor"), home.mqttUrl, "metering", "100");
    const count = written(home, "meter");
    await expect.poll(() => written(home, "meter") > count + 20 && written(home, "sensor") > 10, patience).toBe(true);
    expect([home.openings("meter"), home.openings("sensor"), own.ended]).toEqual([1, 1, ""]);
    await expectWhole(home, "meter");
  });

  /** With the sensor's own password: listens to all topics and to those of another, and publishes there, in this order or the other. @returns what was delivered */
  async function tryTopicsOf(other: string, url: string, first: "subscribes" | "publishes"): Promise<string[]> {
    const overheard: string[] = [];
    const channels = ["up", "down", "gone"].map((channel) => `ebalance/1/home/${other}/${channel}`);
    const join = async () => {
      const client = connect(url, { clientId: "sensor", username: "sensor", password: grid.password("sensor"), reconnectPeriod: 0 });
      client.on("message", (topic) => overheard.push(topic));
      client.on("error", () => {});
      const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
      await new Promise<void>((resolve) => client.once("connect", () => resolve()));
      grid.atEnd(() => client.endAsync(true));
      return { client, closed };
    };
    const subscribe = async () => {
      const { client } = await join();
      for (const topic of ["#", "+/+/+/+/+", "$SYS/#", `$share/x/${channels[0]}`, ...channels]) await client.subscribeAsync(topic, { qos: 1 }).catch(() => {});
    };
    const publish = async () => {
      for (const topic of [...channels, "ebalance/1/home/gone", "elsewhere"]) {
        const { client, closed } = await join();
        client.publish(topic, "forged", { qos: 1, retain: topic.endsWith("down") }, () => {});
        await closed;
      }
    };
    for (const step of first === "subscribes" ? [subscribe, publish] : [publish, subscribe]) await step();
    return overheard;
  }
});
