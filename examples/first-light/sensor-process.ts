/** The sensor as a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";

/** How to start the sensor: the command, and the engine it runs on in words. */
export interface SensorCommand {
  readonly engine: string;
  readonly command: string;
  readonly args: readonly string[];
}

const killAfterMs = 2000;

export class SensorProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #stopping = false;

  /** @param onEnd told when the process has ended without being asked to */
  constructor(sensor: SensorCommand, args: readonly string[], onLine: (line: string) => void, onEnd: (reason: string) => void) {
    this.#child = spawn(sensor.command, [...sensor.args, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => text.split("\n").filter(Boolean).forEach(onLine));
    }
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        onEnd(error.message);
        resolve();
      });
      this.#child.once("exit", (code, signal) => {
        if (!this.#stopping) onEnd(signal ?? `exit code ${code}`);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends the process at once. */
  kill(): void {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
  }

  /** Ends the process, the hard way if it does not end by itself. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), killAfterMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
