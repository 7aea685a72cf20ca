/** A lamp on XS that only follows, and a real gateway that loses its power, joined by a serial line: the line is quiet for too short to be noticed, the session is gone all the same. */
import { expect, test } from "vitest";
import { bundleBoardForXs, bundleExampleForBoard, bundleForNode, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { noCryptoReason, xsHost } from "../../targets/xs-host/available";
import { noSocatReason, SerialCable } from "../peers/serial-cable";
import { Program, RealGrid } from "./real-grid";

const reason = noSocatReason || noCryptoReason;
const folder = root("build/tests/following-lamp");
/** A dead session is noticed after a minute; on a busy machine everything takes longer. */
const patience = { timeout: 90_000, interval: 50 };

test.skipIf(reason)(`DI-9 MU-1 is switched again after its gateway was killed and started again${reason && ` (left out: ${reason})`}`, { timeout: 240_000 }, async ({ onTestFinished }) => {
  const sdk = await bundleSdkForXs(`${folder}/device.js`);
  const board = await bundleBoardForXs(`${folder}/board.js`);
  const main = await bundleExampleForBoard("tests/scenarios/following-lamp.ts", `${folder}/lamp.js`);
  const home = await bundleForNode("examples/sensor/gateway.ts", `${folder}/gateway.mjs`);
  const cable = await SerialCable.lay();
  onTestFinished(() => cable.close());
  const grid = new RealGrid({ domain: "lamp", units: { home: { owner: "customer" } } });
  onTestFinished(() => grid.close());
  const gateway = (...line: string[]): Program => grid.program("gateway", { command: process.execPath, args: [home, grid.folder, ...line] });
  // Without a line it makes the key of its sensor, and ends.
  const keys = gateway();
  await expect.poll(() => keys.ended, patience).toBe("ended with exit code 0");

  let running = gateway(cable.a.path);
  const args = ["--budget", "device", "--stack", "360", "--preload", `${sdk}=ebalance/device`, "--preload", `${board}=ebalance/board`, main];
  const lamp = grid.program("lamp", { command: xsHost!.path, args }, grid.keyFile("sensor"), cable.b.path, "metering");
  const said = () => lamp.errors.filter((line) => line.includes("home is"));
  const switched = (state: string) => expect.poll(() => lamp.out, { ...patience, message: lamp.errors.join("\n") }).toContain(`light ${state}`);
  await switched("on");
  await switched("off");
  expect(said()).toEqual(["warning home is there"]);

  await running.kill();
  lamp.out.length = 0;
  running = gateway(cable.a.path);
  await switched("on");
  await switched("off");
  expect(said()).toEqual(["home is there", "home is gone", "home is there"].map((what) => `warning ${what}`));
  expect([lamp.ended, running.ended]).toEqual(["", ""]);
});
