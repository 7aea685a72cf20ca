// What `npm run chip` runs: the emulated chip, a gateway at the other end of its serial line, and a folder for both; and the end of all three, whatever ends it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A program that does not end when it is asked to is killed after so long. */
const stopMs = 5000;

/** A program whose lines are told. It has a group of its own: Ctrl-C and a terminal that is closed reach this process alone, which ends the others in order. */
class Program {
  #child;

  constructor({ command, args }, onLine) {
    this.#child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    const told = [this.#child.stdout, this.#child.stderr].map((input) => once(createInterface({ input }).on("line", onLine), "close"));
    /** Its exit code, or in words what ended it. */
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("close", (code, signal) => Promise.all(told).then(() => resolve(code ?? signal)));
    });
  }

  kill(signal = "SIGKILL") {
    this.#child.kill(signal);
  }

  async stop() {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), stopMs);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Resolves when somebody wants it to end: a signal, or nobody reads what is printed any more. A second signal ends at once. */
function wantedEnd() {
  return new Promise((resolve) => {
    let isWanted = false;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
      process.on(signal, () => {
        if (isWanted) process.exit(1);
        isWanted = true;
        resolve();
      });
    for (const stream of [process.stdout, process.stderr]) stream.on("error", resolve);
  });
}

/** QEMU says which terminal it has made of the serial line. */
const lineOf = (text) => /redirected to (\S+)/.exec(text)?.[1];

/**
 * Runs until the chip ends, somebody wants it to end, or `seconds` are over.
 * @param gateway gives its command for the folder, and for the line where there is one
 * @param chip gives its command for the folder
 * @param say told each line: from whom, and the text
 * @returns the exit code
 * @throws Error where the gateway does not do what it is there for
 */
export async function runBenchTop({ gateway, chip, seconds, say }) {
  const wanted = wantedEnd();
  const folder = mkdtempSync(join(tmpdir(), "ebalance-chip-"));
  const programs = [];
  let isEnding = false;
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const atOnce = () => {
    for (const program of programs) program.kill();
    remove();
  };
  const start = (command, onLine) => {
    const program = new Program(command, (text) => isEnding || onLine(text));
    programs.push(program);
    return program;
  };
  process.once("exit", atOnce);
  let timer;
  try {
    await makeKeyFile(start, gateway(folder));
    const gatewayEnded = new Promise((resolve, reject) => {
      const join = (line) => start(gateway(folder, line), (text) => say("gateway", text)).ended.then((how) => reject(new Error(`the gateway has ended: ${how}`)));
      const hear = (text) => (lineOf(text) ? join(lineOf(text)) : say("chip", text));
      const running = start(chip(folder), hear);
      void running.ended.then(resolve);
    });
    const timeIsOver = new Promise((resolve) => (timer = seconds && setTimeout(resolve, seconds * 1000)));
    const how = await Promise.race([gatewayEnded, wanted.then(() => 0), timeIsOver.then(() => 0)]);
    if (typeof how === "string") throw new Error(`the emulator has ended: ${how}`);
    return how;
  } finally {
    isEnding = true;
    clearTimeout(timer);
    // The gateway first: it would tell of a line that is gone.
    for (const program of programs.reverse()) await program.stop();
    process.off("exit", atOnce);
    remove();
  }
}

async function makeKeyFile(start, command) {
  const lines = [];
  const how = await start(command, (text) => lines.push(text)).ended;
  if (how !== 0) throw new Error(`the gateway made no key file: ${lines.join("\n") || how}`);
}
