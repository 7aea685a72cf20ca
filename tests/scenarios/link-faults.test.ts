/** What goes wrong between a sensor and its home, on real processes and sockets. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bundleDeviceForNode, bundleDeviceForXs, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { noHostReason, xsHost } from "../../targets/xs-host/available";
import { Home } from "./home";

const entry = "tests/scenarios/counting-sensor.ts";
const folder = root("build/tests");
mkdirSync(folder, { recursive: true });

const engines = [
  {
    engine: "XS",
    reason: noHostReason,
    async command(): Promise<[string, string[]]> {
      const sdk = await bundleSdkForXs(`${folder}/scenario-device.js`);
      const main = await bundleDeviceForXs(entry, `${folder}/scenario-xs.js`);
      // An ESP32-C3 has 384 slots of stack; what runs here must leave some of them to an application.
      return [xsHost!.path, ["--stack", "360", "--preload", `${sdk}=ebalance/device`, main]];
    },
  },
  {
    engine: "Node",
    reason: "",
    async command(): Promise<[string, string[]]> {
      return [process.execPath, [await bundleDeviceForNode(entry, `${folder}/scenario-node.mjs`)]];
    },
  },
];

let home: Home;
let sensors: ChildProcess[] = [];

async function startSensor(command: [string, string[]], port: number): Promise<ChildProcess> {
  const [file, args] = command;
  const child = spawn(file, [...args, home.keyFile, String(port), "metering"], { stdio: "ignore" });
  sensors.push(child);
  await once(child, "spawn");
  return child;
}

beforeEach(() => {
  home = new Home();
});

afterEach(async () => {
  for (const sensor of sensors) sensor.kill("SIGKILL");
  sensors = [];
  await home.close();
});

const from = (first: number, length: number) => Array.from({ length }, (_unused, i) => first + i);

for (const { engine, reason, command } of engines) {
  describe.skipIf(reason)(`a sensor on ${engine}${reason ? ` (left out: ${reason})` : ""}`, () => {
    test("DI-9 MU-1 loses no reading and sends none twice while the home is away, as long as its outbox holds", { timeout: 60_000 }, async () => {
      await startSensor(await command(), await home.open());
      const before = await home.valuesUpTo(10);
      const lost = home.sessionChange();
      await home.cut();
      await lost;
      await home.open();
      const after = await home.valuesUpTo(before.at(-1)! + 40);
      const all = [...before, ...after];
      expect(all).toEqual(from(1, all.length));
      expect(home.sessions).toBe(2);
    });

    test("MU-1 joins again after a power cut, and its old messages are worth nothing", { timeout: 60_000 }, async () => {
      const port = await home.open();
      const first = await startSensor(await command(), port);
      await home.valuesUpTo(5);
      first.kill("SIGKILL");
      await startSensor(await command(), port);
      while (home.sessions < 2) await home.sessionChange();
      // The numbers of the new run begin at 1 again.
      let value = Infinity;
      while (value > 3) value = (await home.readings.next()).value!.value as number;
      const more = await home.valuesUpTo(20);
      expect([value, ...more]).toEqual(from(value, more.length + 1));
    });
  });
}

describe("the home's port", () => {
  test.each([
    ["bytes that are no frame", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /wire version 71, this unit speaks 1/],
    ["a frame that is too long", Buffer.from([1, 0xff, 0xff, 0]), /frame of 65535 bytes/],
    ["many messages of nobody's", Buffer.concat(Array.from({ length: 100 }, () => Buffer.from([1, 0, 1, 0xa0]))), /16 messages refused in a row/],
  ])("CP-8 closes a connection that sends %s, and serves the others", async (_what, bytes, reason) => {
    const socket = connect(await home.open(), "127.0.0.1");
    socket.on("error", () => {}); // the home may reset the connection while bytes are still under way
    socket.write(bytes);
    socket.resume();
    await once(socket, "close");
    await expect.poll(() => home.log.join("\n")).toMatch(reason);
    await startSensor(await engines[1]!.command(), await reopened());
    expect(await home.valuesUpTo(2)).toEqual([1, 2]);
  });

  async function reopened(): Promise<number> {
    await home.cut();
    return home.open();
  }
});
