// `npm run chip`: an example on the emulated chip, joined by its serial line to a real gateway process.
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stop } from "esbuild";
import { buildChip, chipCommand, RAM_BYTES } from "../targets/xs-host/chip.mjs";
import { runBenchTop } from "./bench-top.mjs";
import { bundleBoardForXs, bundleDerForXs, bundleExampleForBoard, bundleForNode, bundleSdkForXs, root } from "./bundles.mjs";

const help = `Runs an example on an emulated RV32 microcontroller with ${RAM_BYTES / 1024} kB of RAM, joined by a serial line to a gateway process.

usage: npm run chip -- EXAMPLE [options]

  EXAMPLE             folder with a main.ts for the board, as examples/sensor. Where it has a gateway.ts, that one is the gateway
  --seconds N         ends after so long, 1 to 86400 (default: at Ctrl-C)
  --flash FILE        keeps the chip's flash there, so that the next run goes on from it (default: forgotten at the end)
  --static BYTES      memory of the script: slots, chunks and stack (default: 94208, as on an ESP32-C3)
  --cut-after BYTES   cuts the power once so many bytes of flash were programmed or erased
  --fail-flash COUNT  lets the next writes and erases of flash fail
  --fail-reads SECTOR lets a sector of flash be unreadable, 0 to 31
  --no-clock          a board without a real-time clock
  --json              lines of JSON instead of text
  --help              this text

examples:
  npm run chip -- examples/sensor
  npm run chip -- examples/sensor --seconds 30 --flash sensor.flash
  npm run -s chip -- examples/sensor --seconds 30 --json

exit codes: 0 it ran, 1 it could not be built or started, 2 bad usage, 70 to 79 the chip ended (docs/firmware.md)`;

/** Bytes of flash behind the ring: 32 sectors. */
const flashBytes = 131_072;
const sectorBytes = 4096;
/** Of the RAM, what native code needs beside the script's memory: its stack, tables of the engine, keys, buffers of the serial line. */
const nativeBytes = 26_624;

/** What the chip itself is asked for, with the greatest number that it takes. */
const faults = { "cut-after": 1e12, "fail-flash": 1e6, "fail-reads": flashBytes / sectorBytes - 1 };

class UsageError extends Error {}

function parse() {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  try {
    return parseArgs({
      allowPositionals: true,
      options: { seconds: text, flash: text, static: text, "cut-after": text, "fail-flash": text, "fail-reads": text, "no-clock": flag, json: flag, help: flag },
    });
  } catch (error) {
    // What follows is about positional arguments.
    throw new UsageError(error.message.split(". ")[0]);
  }
}

/** @returns undefined for --help */
function readOptions() {
  const { values, positionals } = parse();
  if (values.help) return undefined;
  const number = (name, least, most) => {
    const value = values[name] === undefined ? undefined : Number(values[name]);
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) throw new UsageError(`--${name} ${values[name]} is not a whole number from ${least} to ${most}`);
    return value;
  };
  if (positionals.length !== 1) throw new UsageError(`one example has to be named, as examples/sensor, and options stand behind --${positionals.length > 1 ? `: npm run chip -- ${positionals[0]} --seconds 5` : ""}`);
  if (values.flash !== undefined) checkFlash(values.flash);
  return {
    entry: mainOf(positionals[0]),
    seconds: number("seconds", 1, 86_400),
    flash: values.flash,
    staticBytes: number("static", 8192, RAM_BYTES),
    given: Object.entries(faults).flatMap(([name, most]) => (values[name] === undefined ? [] : [`--${name}`, String(number(name, 0, most))])),
    args: values["no-clock"] ? ["no-clock"] : [],
    json: values.json ?? false,
  };
}

function mainOf(example) {
  const entry = `${example.replace(/\/*(main\.ts)?$/, "")}/main.ts`;
  if (!existsSync(root(entry))) throw new UsageError(`no ${entry}`);
  return entry;
}

/** A file that is something else is not written over. */
function checkFlash(file) {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return;
  const not = (what) => new UsageError(`--flash ${file}: ${what}. It is left as it is: name a new file, or remove it`);
  if (!found.isFile()) throw not("it is no file");
  if (found.size !== flashBytes) throw not(`it has ${found.size} bytes, and the flash of this chip ${flashBytes}`);
  const bytes = readFileSync(file);
  const heads = Array.from({ length: flashBytes / sectorBytes }, (_, sector) => bytes.toString("latin1", sector * sectorBytes, sector * sectorBytes + 4));
  if (!heads.some((head) => head === "EBS2" || head === "EBC2") && bytes.some((byte) => byte !== 0xff)) throw not("what is in it is no flash of a chip");
}

async function build(entry, log) {
  const folder = root("build/chip");
  mkdirSync(folder, { recursive: true });
  log("bundling the SDK, the board and the example");
  const main = await bundleExampleForBoard(entry, join(folder, "main.js"));
  const preload = [
    { file: await bundleSdkForXs(join(folder, "device.js")), specifier: "ebalance/device" },
    // What an example does not import takes no place on its device.
    ...(/^import [^"]*"ebalance\/der";$/m.test(readFileSync(main, "utf8")) ? [{ file: await bundleDerForXs(join(folder, "der.js")), specifier: "ebalance/der" }] : []),
    { file: await bundleBoardForXs(join(folder, "board.js")), specifier: "ebalance/board" },
  ];
  const program = await buildChip({ main, preload, log });
  const own = join(dirname(entry), "gateway.ts");
  return { program, gateway: await bundleForNode(existsSync(root(own)) ? own : "examples/sensor/gateway.ts", join(folder, "gateway.mjs")) };
}

/** What a line of the gateway or of the chip is printed as. */
function printed(from, text, json) {
  if (!json) return from === "gateway" ? text : `${new Date().toTimeString().slice(0, 8)} ${from} ${text}`;
  return JSON.stringify({ from, ...(objectOf(text) ?? { text }) });
}

function objectOf(text) {
  try {
    return text.startsWith("{") ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

async function run({ entry, seconds, flash, staticBytes, given, args, json }) {
  const note = (text) => process.stderr.write(`${text}\n`);
  const { program, gateway } = await build(entry, note);
  const { textBytes, imageBytes, ramBytes } = program;
  note(`flash: ${textBytes} bytes of engine, host and native modules, ${imageBytes} of bytecode; RAM taken before anything runs: ${ramBytes} of ${RAM_BYTES}`);
  const most = RAM_BYTES - ramBytes - nativeBytes;
  if (staticBytes > most) throw new UsageError(`--static ${staticBytes} is more than the ${most} bytes that are left: native code needs ${nativeBytes} beside them`);
  const code = await runBenchTop({
    gateway: (folder, line) => ({ command: process.execPath, args: [gateway, folder, ...(line ? [line] : []), ...(json ? ["--json"] : [])] }),
    chip: (folder) => {
      const options = ["--flash", `${flash ?? join(folder, "flash")}=${flashBytes}`, ...(staticBytes ? ["--static", String(staticBytes)] : []), ...given];
      return chipCommand(program.path, { args: [...options, join(folder, "sensor.key.json"), "uart0", "metering", ...args], serial: "pty" });
    },
    seconds,
    say: (from, text) => console.log(printed(from, text, json)),
  });
  if (code) note(`the chip has ended with exit code ${code}: see docs/firmware.md`);
  return code;
}

try {
  const options = readOptions();
  if (options) process.exitCode = await run(options);
  else console.log(help);
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\ntry: npm run chip -- --help` : error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
await stop(); // esbuild's own process
