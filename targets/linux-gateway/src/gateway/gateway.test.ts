/** Gateways on real sockets and stores: two levels over MQTT, values kept over a restart, and what a start that fails leaves behind. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDevice } from "ebalance";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nodeDevicePlatform } from "../node-device";
import { checkConfig } from "./config";
import type { GatewayEvent } from "./events";
import { Gateway } from "./gateway";
import { keyFilesOf } from "./plan";

const policy = { sequence: 1, entries: [{ rights: "read-write" as const, minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] };
let folder = "";
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ebalance-gateway-"));
  const units = {
    lv: { owner: "operator", services: ["grid"] },
    home: { parent: "lv", owner: "customer", services: ["display"] },
    meter: { parent: "home", owner: "customer", services: ["metering"] },
  };
  for (const { fileName, text } of keyFilesOf({ domain: "test", units })) writeFileSync(join(folder, fileName), text, { mode: 0o600 });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

const keyFile = (unit: string) => join(folder, `${unit}.key.json`);

async function open(config: object, onEvent: (event: GatewayEvent) => void = () => {}): Promise<Gateway> {
  const gateway = await Gateway.open(checkConfig(config), { log: () => {}, onEvent });
  closing.push(() => gateway.close());
  return gateway;
}

const top = () => ({ unit: "lv", listen: [{ mqtt: {} }], units: [{ keyFile: keyFile("home") }] });
const home = (port: number) => ({
  unit: "home",
  store: { folder: join(folder, "data") },
  listen: [{ mqtt: {} }],
  parent: { keyFile: keyFile("home"), url: `mqtt://127.0.0.1:${port}` },
  units: [{ keyFile: keyFile("meter") }],
  policies: { customer: policy },
});

describe("MU-3 CP-9 a gateway", () => {
  test("DI-10 IF-1 IF-3 carries values up and set-points down over MQTT on both sides, and keeps them over a restart", async () => {
    const decisions: Extract<GatewayEvent, { type: "decision" }>[] = [];
    const lv = await open(top());
    const grid = lv.services("operator", "grid");
    let gateway = await open(home(lv.listening[0]!.port), (event) => event.type === "decision" && decisions.push(event));
    const device = openDevice(nodeDevicePlatform({ keyFile: keyFile("meter"), url: `mqtt://127.0.0.1:${gateway.listening[0]!.port}`, service: "metering", log: () => {} }));
    closing.push(() => device.close());
    const heard: unknown[] = [];
    device.follow(["switchState"], ({ value }) => heard.push(value));
    const series = { device: "meter", owner: "customer" };
    device.write("activePower", 1234.5);
    const last = async () => (await grid.query({ ...series, variable: "activePower" })).readings[0]?.value;
    await expect.poll(last, { timeout: 10_000 }).toBe(1234.5);
    expect((await grid.write({ ...series, variable: "switchState", value: true })).result).toBe("done");
    await expect.poll(() => heard).toEqual([true]);
    expect(decisions).toContainEqual(
      expect.objectContaining({ by: { device: "lv", service: "grid", stakeholder: "operator" }, operation: "write", series: { variable: "switchState", ...series }, result: "done" }),
    );

    device.close();
    await gateway.close();
    gateway = await open(home(lv.listening[0]!.port));
    await expect.poll(last, { timeout: 10_000 }).toBe(1234.5);
  });

  test("a start that fails gives everything back: port, store, keys", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    closing.push(() => taken.close());
    const { port } = taken.address() as { port: number };
    const config = { unit: "home", store: { folder: join(folder, "data") }, units: [{ keyFile: keyFile("meter") }], listen: [{ mqtt: {} }, { tcp: { port } }] };
    await expect(open(config)).rejects.toThrow(`cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)`);
    // The store's lock is free again, and so is the broker's port.
    await open({ ...config, listen: [{ mqtt: {} }] });
  });

  test.each([
    ["a key file that is not there", { unit: "home", units: [{ keyFile: "/nowhere/x.json" }], listen: [{ tcp: {} }] }, /x\.json cannot be read \(ENOENT\)/],
    ["a key file of other units", () => ({ unit: "home-9", units: [{ keyFile: keyFile("meter") }], listen: [{ tcp: {} }] }), /unit home-9: units\.0\.keyFile: \S+ is for meter below home; here belongs one of home-9 with a unit below/],
  ])("%s is refused by name", async (_what, config, message) => {
    await expect(open(typeof config === "function" ? config() : config)).rejects.toThrow(message);
    expect(readdirSync(folder).filter((name) => name === "data")).toEqual([]);
  });
});
