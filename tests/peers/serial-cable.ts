/** Serial cables: each end is a terminal device, as a program opens it, and what runs through goes through the test, which may spoil it. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";

/** Why there are no terminal devices for tests here, or "". */
export const noSocatReason = spawnSync("socat", ["-V"]).status === 0 ? "" : "no socat here: apt-get install socat";

/** One end: a terminal device at a path, and the test where the rest of the cable would be. */
export class SerialEnd {
  readonly path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "ebalance-serial-"));
  #socat: ChildProcessWithoutNullStreams | undefined;
  /** Open all the time: else the device would be gone whenever its program closes it. */
  #held = -1;

  /** @param onBytes gets what a program writes into this end */
  constructor(private readonly onBytes: (bytes: Uint8Array) => void) {
    this.path = join(this.#folder, "tty");
  }

  /** The device appears. */
  async plugIn(): Promise<void> {
    const child = (this.#socat = spawn("socat", [`PTY,rawer,link=${this.path}`, "STDIO"]));
    child.stdout.on("data", (bytes: Uint8Array) => this.onBytes(bytes));
    child.stdin.on("error", () => {});
    await vi.waitUntil(() => existsSync(this.path), { timeout: 5000, interval: 5 });
    this.#held = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  }

  /** The device is gone, as when USB is pulled out. */
  async unplug(): Promise<void> {
    const child = this.#socat;
    this.#socat = undefined;
    if (!child) return;
    closeSync(this.#held);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await exit;
  }

  /** The program at this end reads these bytes. */
  write(bytes: Uint8Array): void {
    this.#socat?.stdin.write(bytes);
  }

  async close(): Promise<void> {
    await this.unplug();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What becomes of bytes on their way. */
export type Spoil = (bytes: Uint8Array) => Uint8Array;

const asTheyAre: Spoil = (bytes) => bytes;

/** A cable with two ends. */
export class SerialCable {
  /** In either direction. */
  spoil: Spoil = asTheyAre;
  readonly a = new SerialEnd((bytes) => this.b.write(this.spoil(bytes)));
  readonly b = new SerialEnd((bytes) => this.a.write(this.spoil(bytes)));

  static async lay(): Promise<SerialCable> {
    const cable = new SerialCable();
    await Promise.all([cable.a.plugIn(), cable.b.plugIn()]);
    return cable;
  }

  /** Bytes arrive as they are. */
  mend(): void {
    this.spoil = asTheyAre;
  }

  async close(): Promise<void> {
    await Promise.all([this.a.close(), this.b.close()]);
  }
}
