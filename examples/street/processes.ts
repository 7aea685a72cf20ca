/** The processes of the street: started, listened to line by line, ended. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** A command and its arguments. */
export interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** Whoever does not end when asked is killed. */
const killAfterMs = 3000;

export class Process {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #stopping = false;

  /**
   * @param onLine told each line of standard output
   * @param onError told each line of standard error
   * @param onEnd told when it has ended without being asked to
   */
  constructor(
    readonly name: string,
    { command, args }: CommandLine,
    onLine: (line: string) => void,
    onError: (line: string) => void,
    onEnd: (reason: string) => void,
  ) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout! }).on("line", onLine);
    createInterface({ input: this.#child.stderr! }).on("line", onError);
    this.#child.stdin!.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        onEnd(error.message);
        resolve();
      });
      this.#child.once("close", (code, signal) => {
        if (!this.#stopping) onEnd(signal ? `ended by ${signal}` : `ended with exit code ${code}`);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Writes a line to its standard input. */
  say(line: string): void {
    if (this.#child.stdin!.writable) this.#child.stdin!.write(`${line}\n`);
  }

  /** Ends it at once, and does not wait. */
  kill(): void {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), killAfterMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
