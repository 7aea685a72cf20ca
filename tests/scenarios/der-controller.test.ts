/** The DER controller of examples/ as a process of its own, between a home and an inverter on another project's Modbus stack. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Alarm, ControllerState } from "ebalance";
import { bundleDerForXs, bundleDeviceForNode, bundleDeviceForXs, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { noHostReason, xsHost } from "../../targets/xs-host/available";
import { noPymodbusReason, SunSpecPeer } from "../peers/peers";
import { Home } from "./home";

const entry = "examples/der-controller/main.ts";
const folder = root("build/tests");
mkdirSync(folder, { recursive: true });

const engines = [
  {
    engine: "XS",
    reason: noPymodbusReason || noHostReason,
    async command(): Promise<[string, string[]]> {
      const sdk = await bundleSdkForXs(`${folder}/der-device.js`);
      const der = await bundleDerForXs(`${folder}/der-der.js`);
      const main = await bundleDeviceForXs(entry, `${folder}/der-xs.js`);
      // An ESP32-C3 has 384 slots of stack, as the host has; what runs here leaves some of them.
      return [xsHost!.path, ["--stack", "360", "--preload", `${sdk}=ebalance/device`, "--preload", `${der}=ebalance/der`, main]];
    },
  },
  {
    engine: "Node",
    reason: noPymodbusReason,
    async command(): Promise<[string, string[]]> {
      return [process.execPath, [await bundleDeviceForNode(entry, `${folder}/der-node.mjs`)]];
    },
  },
];

const device = { device: "inverter-1", owner: "customer" };
/** Nothing takes longer than the back-off of a link or an inverter that was away for some seconds. */
const patience = { timeout: 20_000, interval: 100 };

let home: Home;
let inverter: SunSpecPeer;
let controllers: ChildProcess[] = [];
let errors = "";

async function start([file, args]: [string, string[]], port: number): Promise<ChildProcess> {
  const child = spawn(file, [...args, home.keyFile, String(port), "der", `127.0.0.1:${inverter.port}`], { stdio: ["ignore", "ignore", "pipe"] });
  controllers.push(child);
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  await once(child, "spawn");
  return child;
}

async function last(variable: string): Promise<unknown> {
  const { readings, result } = await home.grid.query({ ...device, variable });
  return readings[0]?.value ?? result;
}

/** What the home knows of the controller: state, alarms, confirmed limit; and the limit in the inverter's registers. */
async function status(): Promise<unknown[]> {
  const [state] = await inverter.state();
  const known = await Promise.all(["controllerState", "alarms", "powerLimitInForce"].map(last));
  return [...known, state!.enabled ? state!.limitShare : 100];
}

async function setPoint(share: number, timeToLiveS: number): Promise<void> {
  const { result } = await home.grid.write({ ...device, variable: "setPointTimeToLive", value: timeToLiveS }, { ...device, variable: "powerLimitShare", value: share });
  expect(result).toBe("done");
}

beforeEach(async () => {
  errors = "";
  home = new Home({ device: "inverter-1", service: "der", followed: "activePower" });
  inverter = noPymodbusReason ? inverter : await SunSpecPeer.start();
});

afterEach(async () => {
  for (const controller of controllers) controller.kill("SIGKILL");
  controllers = [];
  await inverter?.close();
  await home.close();
});

for (const { engine, reason, command } of engines) {
  describe.skipIf(reason)(`a DER controller on ${engine}${reason ? ` (left out: ${reason})` : ""}`, () => {
    test("MU-5 IF-1 IF-3 reports the inverter, holds it to a set-point, and to its safe state when that runs out", { timeout: 60_000 }, async () => {
      await start(await command(), await home.open());
      await inverter.command({ availableW: 4000 });
      await expect.poll(status, patience).toEqual([ControllerState.free, 0, 100, 100]);
      await expect.poll(() => last("activePower"), patience).toBe(-4000);
      expect([await last("nominalPower"), await last("voltageL1"), await last("frequency")]).toEqual([5000, 230, 50]);
      await setPoint(30, 5);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 30, 30]);
      await expect.poll(() => last("activePower"), patience).toBe(-1500);
      await expect.poll(status, patience).toEqual([ControllerState.safe, 0, 40, 40]);
      expect(errors).toBe("");
    });

    test("MU-5 goes to its safe state when its home is gone with a set-point in force", { timeout: 60_000 }, async () => {
      await start(await command(), await home.open());
      await expect.poll(status, patience).toEqual([ControllerState.free, 0, 100, 100]);
      await setPoint(60, 600);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 60, 60]);
      await home.cut();
      await expect.poll(async () => (await inverter.state())[0]!.limitShare, patience).toBe(40);
      await home.open();
      await expect.poll(status, patience).toEqual([ControllerState.safe, 0, 40, 40]);
      await setPoint(80, 600);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 80, 80]);
    });

    test("MU-5 takes up its set-point again after a power cut", { timeout: 60_000 }, async () => {
      const run = await command();
      const port = await home.open();
      const first = await start(run, port);
      await expect.poll(status, patience).toEqual([ControllerState.free, 0, 100, 100]);
      await setPoint(30, 600);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 30, 30]);
      first.kill("SIGKILL");
      await once(first, "exit");
      await inverter.close();
      inverter = await SunSpecPeer.start();
      expect((await inverter.state())[0]!.enabled).toBe(false);
      await start(run, port);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 30, 30]);
    });

    test.each([
      ["is silent", { silent: true }, { silent: false }, Alarm.silent],
      ["says 6000 V", { garbage: "voltage" }, { garbage: null }, Alarm.nonsense],
    ] as const)("MU-5 IF-2 raises an alarm when the inverter %s, and goes on when it is well again", { timeout: 60_000 }, async (_what, ill, well, alarm) => {
      await start(await command(), await home.open());
      await expect.poll(status, patience).toEqual([ControllerState.free, 0, 100, 100]);
      await setPoint(30, 600);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 30, 30]);
      await inverter.command(ill);
      await expect.poll(() => Promise.all([last("controllerState"), last("alarms")]), patience).toEqual([ControllerState.fault, alarm]);
      await setPoint(50, 600);
      await inverter.command(well);
      await expect.poll(status, patience).toEqual([ControllerState.setPoint, 0, 50, 50]);
    });

    test("SP-5 says how it is called where the address of the inverter is missing", async () => {
      const [file, args] = await command();
      const child = spawn(file, [...args, home.keyFile, "4712", "der"], { stdio: ["ignore", "ignore", "pipe"] });
      controllers.push(child);
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
      const [code] = (await once(child, "close")) as [number];
      expect([code, errors]).toEqual([2, expect.stringMatching(/^usage: .*KEYFILE PORT SERVICE \[HOST:\]PORT\n$/)]);
    });
  });
}
