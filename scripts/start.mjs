// `npm start`: builds what the street needs and runs it.
import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { stop } from "esbuild";
import { buildHost } from "../targets/xs-host/build.mjs";
import { bundleDerForXs, bundleDeviceForNode, bundleDeviceForXs, bundleForNode, bundleSdkForXs, root } from "./bundles.mjs";

const say = (text) => process.stderr.write(`${text}\n`);
const folder = root("build/start");
const node = (...args) => ({ command: process.execPath, args });

/** The sensor and the DER controller on XS; on Node where there is no engine, and then loudly. */
async function deviceCommands(onNode) {
  if (!onNode) {
    try {
      return await commandsOnXs();
    } catch (error) {
      if (!error.code) throw error;
      say(`\n*** SENSOR AND DER CONTROLLER RUN ON NODE, NOT ON XS: ${error.message} ***\n`);
    }
  }
  const sensor = node(await bundleDeviceForNode("examples/sensor/main.ts", `${folder}/sensor-node.mjs`));
  const derController = node(await bundleDeviceForNode("examples/der-controller/main.ts", `${folder}/der-node.mjs`));
  return { engine: `Node ${process.versions.node} (no XS)`, sensor, derController };
}

async function commandsOnXs() {
  const host = await buildHost({ log: say });
  for (const note of host.notes) say(`note: ${note}`);
  const device = ["--preload", `${await bundleSdkForXs(`${folder}/device.js`)}=ebalance/device`];
  const der = ["--preload", `${await bundleDerForXs(`${folder}/der.js`)}=ebalance/der`];
  // Cryptography in JavaScript calls deeper than the 384 slots of stack that a device with native cryptography has.
  const stack = host.crypto === "psa" ? [] : ["--stack", "1024"];
  const engine = `XS, ${host.slotBytes * 2}-bit, ESP32-C3 memory${stack.length ? " with a stack of 1024 slots, portable" : ", native"} crypto`;
  const onXs = async (entry, name, preload) => ({ command: host.path, args: [...stack, ...preload, await bundleDeviceForXs(entry, `${folder}/${name}.js`)] });
  return {
    engine,
    sensor: await onXs("examples/sensor/main.ts", "sensor-xs", device),
    derController: await onXs("examples/der-controller/main.ts", "der-xs", [...device, ...der]),
  };
}

async function commands(onNode) {
  return {
    ...(await deviceCommands(onNode)),
    gateway: node(await bundleForNode("targets/linux-gateway/src/bin.ts", `${folder}/ebalance.mjs`)),
    simulator: node(await bundleForNode("targets/linux-gateway/src/modbus/simulator-main.ts", `${folder}/inverters.mjs`)),
    meter: node(await bundleForNode("examples/street/meter.ts", `${folder}/meter.mjs`)),
    replayMeter: node(await bundleForNode("examples/street/replay-meter.ts", `${folder}/replay-meter.mjs`)),
  };
}

mkdirSync(folder, { recursive: true });
const main = await bundleForNode("examples/street/main.ts", `${folder}/street.mjs`);
const { readOptions, runStreet } = await import(pathToFileURL(main).href);
const options = await readOptions(process.argv.slice(2));
if (typeof options === "number") process.exitCode = options;
else process.exitCode = await runStreet(options, await commands(options.node));
await stop(); // esbuild's own process
