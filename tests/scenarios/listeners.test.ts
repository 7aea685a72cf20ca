/** Who listens on the way between a device and its home, over each kind of link: what is authenticated alone is read there, what is encrypted is not. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { mqttPassword, openDevice, type LogPort, type Protection } from "ebalance";
import { MqttBroker, NodeCrypto, nodeDevicePlatform, readKeyFile, SerialListener } from "@ebalance/gateway";
import { afterEach, describe, expect, test } from "vitest";
import { noSocatReason, SerialCable } from "../peers/serial-cable";
import { Home } from "./home";

const ends: (() => unknown)[] = [];
const quiet: LogPort = () => {};
/** What the listener writes down. */
let heard: Uint8Array[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  heard = [];
});

/** A wire to a port with somebody in it who listens. @returns where to connect */
async function tapped(port: number): Promise<number> {
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.on("data", (bytes: Uint8Array) => {
        heard.push(bytes);
        to.write(bytes);
      });
      from.on("close", () => to.destroy());
      from.on("error", () => to.destroy());
    }
    ends.push(() => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function overTcp(home: Home): Promise<string> {
  return `tcp://127.0.0.1:${await tapped(await home.open())}`;
}

async function overMqtt(home: Home): Promise<string> {
  const { session, key } = readKeyFile(home.keyFile);
  const crypto = new NodeCrypto();
  const password = mqttPassword(crypto, key.importInto(crypto, "derive"), session);
  const broker = new MqttBroker(home.driver, quiet, { port: 0, clients: [{ id: "sensor", password }] });
  const port = await broker.listen();
  ends.push(() => broker.close());
  return `mqtt://127.0.0.1:${await tapped(port)}`;
}

async function overSerial(home: Home): Promise<string> {
  const cable = await SerialCable.lay();
  ends.push(() => cable.close());
  cable.spoil = (bytes) => {
    heard.push(bytes);
    return bytes;
  };
  const listener = new SerialListener(home.driver, quiet, { path: cable.a.path, baudRate: 115_200 });
  listener.listen();
  ends.push(() => listener.close());
  return `serial://${cable.b.path}`;
}

const links = [
  { kind: "TCP", lay: overTcp, reason: "" },
  { kind: "MQTT", lay: overMqtt, reason: "" },
  { kind: "a serial line", lay: overSerial, reason: noSocatReason },
];
const protections: readonly { readonly protection: Protection; readonly reads: boolean }[] = [
  { protection: "mac", reads: true },
  { protection: "encrypt", reads: false },
];
/** Their first bytes are the same on the wire, and stand nowhere else by chance. */
const values = [0x12345601, 0x12345602, 0x12345603];

describe.each(links)("over $kind", ({ lay, reason }) => {
  test.skipIf(reason).each(protections)(`SP-1 SP-3 the home has every reading of a session with protection $protection, and whoever listens reads it: $reads${reason && ` (left out: ${reason})`}`, { timeout: 30_000 }, async ({ protection, reads }) => {
    const home = new Home({ device: "sensor", service: "metering", followed: "activeEnergyImport", protection });
    ends.push(() => home.close());
    const device = openDevice(nodeDevicePlatform({ keyFile: home.keyFile, url: await lay(home), service: "metering", log: quiet }));
    ends.push(() => device.close());
    for (const value of values) {
      device.write("activeEnergyImport", value);
      expect(await home.valuesUpTo(value)).toEqual([value]);
    }
    expect(Buffer.concat(heard).includes(Buffer.from("123456", "hex"))).toBe(reads);
    expect(home.sessions).toBe(1);
  });
});
