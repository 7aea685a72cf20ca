// SPDX-License-Identifier: Apache-2.0
// Starts scripts on the XS host, on Linux or on the emulated chip, and collects what they print.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { buildHost } from "./build.mjs";
import { buildChip, chipCommand } from "./chip.mjs";

/** Exit codes of the host, as in exit-codes.h. */
export const EXIT = Object.freeze({
  ok: 0, memory: 70, stack: 71, unhandled: 72, meter: 73, usage: 74, keys: 75, engine: 76, flash: 77, power: 78,
});

/** Options that both targets have. */
function hostOptions({ budget = "esp32c3", staticBytes, stackSlots, keys, meter, flash, cutAfter, failFlash, failReads }) {
  const options = ["--budget", budget];
  if (staticBytes !== undefined) options.push("--static", String(staticBytes));
  if (stackSlots !== undefined) options.push("--stack", String(stackSlots));
  if (keys !== undefined) options.push("--keys", String(keys));
  if (meter !== undefined) options.push("--meter", String(meter));
  if (flash !== undefined) options.push("--flash", flash);
  if (cutAfter !== undefined) options.push("--cut-after", String(cutAfter));
  if (failFlash !== undefined) options.push("--fail-flash", String(failFlash));
  if (failReads !== undefined) options.push("--fail-reads", String(failReads));
  return options;
}

async function linuxCommand({ main, preload = [], args = [], ...options }) {
  const { path } = await buildHost();
  const preloads = preload.flatMap(({ file, specifier }) => ["--preload", `${file}=${specifier}`]);
  return { command: path, args: [...hostOptions(options), ...preloads, main, ...args] };
}

async function commandOnChip({ main, preload, ramBytes, fullCrypto, serial, args = [], ...options }) {
  const { path } = await buildChip({ main, preload, ramBytes, fullCrypto });
  return chipCommand(path, { args: [...hostOptions(options), ...args], serial });
}

/**
 * Starts a script; `result` resolves when it has ended, with
 * `{ code, signal, lines, errors, timedOut }`. `onLine(line, child)` sees every
 * line of standard output as it comes. A script that outlives `timeoutMs` is killed.
 * The chip prints all to standard error, the emulator the name of its terminal to either: there every line counts.
 */
export async function startOnXs({ target = "linux", onLine, timeoutMs = 30_000, ...options }) {
  const { command, args } = await (target === "chip" ? commandOnChip(options) : linuxCommand(options));
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const lines = [];
  let errors = "";
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const read = (target === "chip" ? [child.stdout, child.stderr] : [child.stdout]).map((input) => {
    const reader = createInterface({ input });
    reader.on("line", (line) => {
      lines.push(line);
      onLine?.(line, child);
    });
    return new Promise((resolve) => reader.on("close", resolve));
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  const result = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", async (code, signal) => {
      clearTimeout(timer);
      await Promise.all(read);
      resolve({ code, signal, lines, errors, timedOut });
    });
  });
  return { child, result };
}

/** Runs a script to its end. */
export async function runOnXs(options) {
  return (await startOnXs(options)).result;
}
