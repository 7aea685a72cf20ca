// SPDX-License-Identifier: Apache-2.0
// Starts scripts on the test host and collects what they print.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { buildHost } from "./build.mjs";

/** Exit codes of the host, as in exit-codes.h. */
export const EXIT = Object.freeze({
  ok: 0, memory: 70, stack: 71, unhandled: 72, meter: 73, usage: 74, keys: 75, engine: 76, flash: 77, power: 78,
});

function commandLine({ main, preload = [], budget = "esp32c3", staticBytes, stackSlots, keys, meter, flash, cutAfter, args = [] }) {
  const options = ["--budget", budget];
  if (staticBytes !== undefined) options.push("--static", String(staticBytes));
  if (stackSlots !== undefined) options.push("--stack", String(stackSlots));
  if (keys !== undefined) options.push("--keys", String(keys));
  if (meter !== undefined) options.push("--meter", String(meter));
  if (flash !== undefined) options.push("--flash", flash);
  if (cutAfter !== undefined) options.push("--cut-after", String(cutAfter));
  for (const { file, specifier } of preload) options.push("--preload", `${file}=${specifier}`);
  return [...options, main, ...args];
}

/**
 * Starts a script; `result` resolves when it has ended, with
 * `{ code, signal, lines, errors, timedOut }`. `onLine(line, child)` sees every
 * line of standard output as it comes. A script that outlives `timeoutMs` is killed.
 */
export async function startOnXs({ onLine, timeoutMs = 30_000, ...options }) {
  const { path } = await buildHost();
  const child = spawn(path, commandLine(options), { stdio: ["ignore", "pipe", "pipe"] });
  const lines = [];
  let errors = "";
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const reader = createInterface({ input: child.stdout });
  const read = new Promise((resolve) => reader.on("close", resolve));
  reader.on("line", (line) => {
    lines.push(line);
    onLine?.(line, child);
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
  const result = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", async (code, signal) => {
      clearTimeout(timer);
      await read;
      resolve({ code, signal, lines, errors, timedOut });
    });
  });
  return { child, result };
}

/** Runs a script to its end. */
export async function runOnXs(options) {
  return (await startOnXs(options)).result;
}
