/** What goes wrong on a serial line between a device and a gateway, both of them processes: every reading arrives all the same, once. */
import { describe, expect, test } from "vitest";
import type { Plan } from "@ebalance/gateway";
import { bundleBoardForXs, bundleExampleForBoard, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { noCryptoReason, xsHost } from "../../targets/xs-host/available";
import { noSocatReason, SerialCable, type Spoil } from "../peers/serial-cable";
import { from, kept, patience, Programs, RealGrid } from "./real-grid";

const plan: Plan = { domain: "serial", units: { home: { owner: "customer" }, sensor: { parent: "home", owner: "customer", services: ["metering"] } } };
/** What is lost is missed after ten seconds: the outbox holds for three times as long. */
const periodMs = "500";
const programs = new Programs("serial-line");

const engines = [
  {
    engine: "Node",
    reason: noSocatReason,
    line: (path: string) => `serial://${path}`,
    program: () => programs.node("tests/scenarios/counting-meter.ts"),
  },
  {
    engine: "XS",
    reason: noSocatReason || noCryptoReason,
    line: (path: string) => path,
    async program() {
      const folder = root("build/tests/serial-line");
      const sdk = await bundleSdkForXs(`${folder}/device.js`);
      const board = await bundleBoardForXs(`${folder}/board.js`);
      const main = await bundleExampleForBoard("tests/scenarios/counting-sensor.ts", `${folder}/sensor.js`);
      return { command: xsHost!.path, args: ["--stack", "360", "--preload", `${sdk}=ebalance/device`, "--preload", `${board}=ebalance/board`, main] };
    },
  },
];

const nothing = new Uint8Array(0);
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
/** Noise before all that comes, with half a frame in it. */
const noise: Spoil = (bytes) => joined(Uint8Array.of(0x55, 0, 9, 0xff, 0x31), bytes.subarray(0, 9), bytes);

/** Does this to the next of so many pieces, and to no other. */
function once(spoil: Spoil): Spoil & { readonly done: () => boolean } {
  let done = false;
  const spoiled: Spoil = (bytes) => {
    if (done || bytes.length < 20) return bytes;
    done = true;
    return spoil(bytes);
  };
  return Object.assign(spoiled, { done: () => done });
}

describe.concurrent.each(engines)("$engine", ({ engine, reason, line, program }) => {
  test.skipIf(reason)(`CP-8 DI-9 a sensor on a serial line loses no reading to noise, half frames, silence, a gateway that starts again or a plug pulled out${reason && ` (left out: ${reason})`}`, { timeout: 180_000 }, async ({ onTestFinished }) => {
    const cable = await SerialCable.lay();
    onTestFinished(() => cable.close());
    const grid = new RealGrid(plan);
    onTestFinished(() => grid.close());
    const [gatewayProgram, sensorProgram] = [await programs.gateway(), await program()];
    const home = await grid.gateway(gatewayProgram, {
      unit: "home",
      store: { folder: grid.store("home") },
      listen: [{ serial: { path: cable.a.path } }],
      units: [{ keyFile: grid.keyFile("sensor") }],
      policies: {},
    });
    const sensor = grid.program("sensor", sensorProgram, grid.keyFile("sensor"), line(cable.b.path), "metering", periodMs);
    const arrived = () => home.written("sensor", "activeEnergyImport").length;
    const more = async (count: number) => {
      const before = arrived();
      await expect.poll(arrived, { ...patience, message: `${engine}: ${home.log.join("\n")} ${sensor.errors.join("\n")}` }).toBeGreaterThanOrEqual(before + count);
    };
    await more(3);

    cable.spoil = noise;
    await more(5);
    expect(home.openings("sensor")).toBe(1);

    for (const spoil of [once((bytes) => bytes.map((byte, i) => (i === 12 ? byte ^ 4 : byte))), once((bytes) => bytes.subarray(0, bytes.length >> 1))]) {
      cable.spoil = spoil;
      await expect.poll(spoil.done, patience).toBe(true);
      await more(3);
    }
    cable.mend();

    cable.spoil = () => nothing;
    await expect.poll(() => home.isOpen("sensor"), patience).toBe(false);
    expect(home.log.join("\n")).toMatch(/serial .*: silent for 8 s/);
    cable.mend();
    await more(10);

    await home.kill();
    await home.start();
    await more(10);

    await cable.a.unplug();
    await expect.poll(() => home.isOpen("sensor"), patience).toBe(false);
    await cable.a.plugIn();
    await more(10);

    await sensor.stop();
    await home.stop();
    const values = (await kept(grid.store("home"), "sensor", "activeEnergyImport")).map(({ value }) => value);
    expect(values).toEqual(from(1, values.length));
    expect(values.length).toBeGreaterThan(40);
  });
});
