// `npm run chip`: an example on the emulated chip, joined by its serial line to a real gateway process.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { stop } from "esbuild";
import { buildChip, chipCommand, RAM_BYTES } from "../targets/xs-host/chip.mjs";
import { bundleBoardForXs, bundleDerForXs, bundleExampleForBoard, bundleForNode, bundleSdkForXs, root } from "./bundles.mjs";

const help = `Runs an example on an emulated RV32 microcontroller with ${RAM_BYTES / 1024} kB of RAM, joined by a serial line to a gateway process.

usage: npm run chip -- EXAMPLE [options]

  EXAMPLE          folder with a main.ts for the board, as examples/sensor
  --seconds N      ends after so long, 1 to 86400 (default: at Ctrl-C)
  --flash FILE     keeps the chip's flash there, so that the next run goes on from it (default: forgotten at the end)
  --static BYTES   memory of the script: slots, chunks and stack (default: 94208, as on an ESP32-C3)
  --json           lines of JSON instead of text
  --help           this text

examples:
  npm run chip -- examples/sensor
  npm run chip -- examples/sensor --seconds 30 --flash sensor.flash
  npm run -s chip -- examples/sensor --seconds 30 --json

exit codes: 0 it ran, 1 it could not be built or started, 2 bad usage, 70 to 79 the chip ended (targets/xs-host/README.md)`;

/** Bytes of flash behind the ring: 32 sectors. */
const flashBytes = 131_072;

/** @returns undefined for --help */
function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: "string" }, flash: { type: "string" }, static: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help) return undefined;
  if (positionals.length !== 1) throw new Error("one example has to be named, as examples/sensor");
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
  if (seconds !== undefined && !(seconds >= 1 && seconds <= 86_400)) throw new Error(`--seconds ${values.seconds} is not a number from 1 to 86400`);
  const staticBytes = values.static === undefined ? undefined : Number(values.static);
  if (staticBytes !== undefined && !(Number.isInteger(staticBytes) && staticBytes >= 8192 && staticBytes <= RAM_BYTES)) throw new Error(`--static ${values.static} is not a whole number from 8192 to ${RAM_BYTES}`);
  return { entry: `${positionals[0].replace(/\/(main\.ts)?$/, "")}/main.ts`, seconds, flash: values.flash, staticBytes, json: values.json ?? false };
}

async function build(entry, log) {
  const folder = root("build/chip");
  mkdirSync(folder, { recursive: true });
  log("bundling the SDK, the board and the example");
  const preload = [
    { file: await bundleSdkForXs(join(folder, "device.js")), specifier: "ebalance/device" },
    { file: await bundleDerForXs(join(folder, "der.js")), specifier: "ebalance/der" },
    { file: await bundleBoardForXs(join(folder, "board.js")), specifier: "ebalance/board" },
  ];
  // What an example does not import takes no place on its device.
  const main = await bundleExampleForBoard(entry, join(folder, "main.js"));
  const program = await buildChip({ main, preload: preload.filter(({ specifier }) => specifier !== "ebalance/der" || entry.includes("der")), log });
  return { program, gateway: await bundleForNode("examples/sensor/gateway.ts", join(folder, "gateway.mjs")) };
}

/** Starts a process whose lines are told; @returns it and when it has ended. */
function start({ command, args }, onLine, onError) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  createInterface({ input: child.stdout }).on("line", onLine);
  createInterface({ input: child.stderr }).on("line", onError);
  const ended = new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code) => resolve(code));
  });
  return { child, ended };
}

/** QEMU says which terminal it has made of the serial line. */
const lineOf = (text) => /redirected to (\S+)/.exec(text)?.[1];

async function run({ entry, seconds, flash, staticBytes, json }) {
  const note = (text) => process.stderr.write(`${text}\n`);
  const say = (from, text) => console.log(json ? JSON.stringify({ from, ...(text.startsWith("{") ? JSON.parse(text) : { text }) }) : `${from.padEnd(8)}${text}`);
  const { program, gateway } = await build(entry, note);
  note(`flash: ${program.textBytes} bytes of engine, host and native modules, ${program.imageBytes} of bytecode; RAM taken before anything runs: ${program.ramBytes} of ${RAM_BYTES}`);
  const folder = mkdtempSync(join(tmpdir(), "ebalance-chip-"));
  const children = [];
  const end = () => children.forEach(({ child }) => child.exitCode === null && child.kill("SIGTERM"));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, end);
  const timer = seconds && setTimeout(end, seconds * 1000);
  try {
    await start({ command: process.execPath, args: [gateway, folder] }, () => {}, note).ended;
    const options = ["--flash", `${flash ?? join(folder, "flash")}=${flashBytes}`, ...(staticBytes ? ["--static", String(staticBytes)] : [])];
    const joinGateway = (line) => children.push(start({ command: process.execPath, args: [gateway, folder, line] }, (text) => say("gateway", text), (text) => say("gateway", text)));
    const heard = (text) => (lineOf(text) ? joinGateway(lineOf(text)) : say("chip", text));
    const chip = start(chipCommand(program.path, { args: [...options, join(folder, "sensor.key.json"), "uart0", "metering"], serial: "pty" }), heard, heard);
    children.push(chip);
    const code = await chip.ended;
    end();
    await Promise.all(children.map(({ ended }) => ended));
    // Asked to end, it has no code of its own.
    return code ?? 0;
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  }
}

let options;
try {
  options = readOptions();
} catch (error) {
  console.error(`${error.message}\ntry: npm run chip -- --help`);
  process.exit(2);
}
if (!options) console.log(help);
else {
  try {
    process.exitCode = await run(options);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
  await stop(); // esbuild's own process
}
