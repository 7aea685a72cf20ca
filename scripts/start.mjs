// `npm start`: builds what first light needs and runs it.
import { mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { stop } from "esbuild";
import { buildHost } from "../targets/xs-host/build.mjs";
import { bundleDeviceForNode, bundleDeviceForXs, bundleForNode, bundleSdkForXs, root } from "./bundles.mjs";

const help = `First light: a reading from a sensor, kept by a home, given to whoever may see it and to nobody else.

usage: npm start -- [options]

  --seconds N   end by itself after N seconds (1 to 86400); without it, Ctrl-C ends it
  --json        at the end one line {"ok", "devices", "steps"} on standard output; everything else goes to standard error
  --node        run the sensor on Node instead of the XS engine
  --help        this text

examples:
  npm start
  npm start -- --seconds 30 --json

exit codes: 0 every step was seen, 1 a step was not seen, 2 bad usage, 130 ended by Ctrl-C`;

const say = (text) => process.stderr.write(`${text}\n`);

function readOptions() {
  try {
    const { values } = parseArgs({
      options: { seconds: { type: "string" }, json: { type: "boolean" }, node: { type: "boolean" }, help: { type: "boolean" } },
    });
    const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
    if (seconds !== undefined && !(Number.isInteger(seconds) && seconds >= 1 && seconds <= 86400))
      throw new Error(`--seconds ${values.seconds} is not a whole number from 1 to 86400`);
    return { ...values, seconds };
  } catch (error) {
    say(`${error.message}\ntry: npm start -- --help`);
    process.exit(2);
  }
}

/** The sensor on XS; on Node where there is no engine, and then loudly. */
async function sensorCommand(folder, onNode) {
  if (!onNode) {
    try {
      const host = await buildHost({ log: say });
      for (const note of host.notes) say(`note: ${note}`);
      const sdk = await bundleSdkForXs(`${folder}/device.js`);
      const main = await bundleDeviceForXs("examples/sensor/main.ts", `${folder}/sensor-xs.js`);
      const preload = ["--preload", `${sdk}=ebalance/device`, main];
      const engine = `XS, ${host.slotBytes * 2}-bit, ESP32-C3 memory`;
      if (host.crypto === "psa") return { engine: `${engine}, native crypto`, command: host.path, args: preload };
      // Cryptography in JavaScript calls deeper than the 384 slots of stack that a device with native cryptography has.
      return { engine: `${engine} with a stack of 1024 slots, portable crypto`, command: host.path, args: ["--stack", "1024", ...preload] };
    } catch (error) {
      if (!error.code) throw error;
      say(`\n*** THE SENSOR RUNS ON NODE, NOT ON XS: ${error.message} ***\n`);
    }
  }
  const main = await bundleDeviceForNode("examples/sensor/main.ts", `${folder}/sensor-node.mjs`);
  return { engine: `Node ${process.versions.node} (no XS)`, command: process.execPath, args: [main] };
}

const options = readOptions();
if (options.help) {
  console.log(help);
  process.exit(0);
}
const folder = root("build/start");
mkdirSync(folder, { recursive: true });
const sensor = await sensorCommand(folder, options.node);
const main = await bundleForNode("examples/first-light/main.ts", `${folder}/first-light.mjs`);
const { firstLight } = await import(pathToFileURL(main).href);
await stop(); // esbuild's own process
process.exitCode = await firstLight({ seconds: options.seconds, json: options.json ?? false, sensor });
