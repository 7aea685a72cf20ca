/** Programs of other projects that tests run against, each a process of its own. What is not installed here has a reason in words instead. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("sunspec_inverter.py", import.meta.url));

/** Why there is no inverter on pymodbus here, or "". */
export const noPymodbusReason =
  spawnSync(python, ["-c", "import pymodbus.server.async_io"]).status === 0 ? "" : "no pymodbus for /usr/bin/python3: apt-get install python3-pymodbus";

export interface SunSpecPeerOptions {
  readonly base?: number;
  readonly units?: readonly number[];
  readonly nominalW?: number;
  /** Time from nominal power to nothing. */
  readonly rampS?: number;
  /** Default: the system chooses. */
  readonly port?: number;
}

/** What a unit can be told to do. */
export interface SunSpecPeerCommand {
  readonly unit?: number;
  readonly availableW?: number;
  /** Without infeed. */
  readonly voltageV?: number;
  /** What each kW that it feeds in adds to the voltage. */
  readonly riseVPerKw?: number;
  readonly rampS?: number;
  /** Everything as at the start. */
  readonly reset?: true;
  /** Takes limits into its registers, and does not obey. */
  readonly ignore?: boolean;
  /** Drops what is written. */
  readonly deaf?: boolean;
  readonly silent?: boolean;
  readonly garbage?: "voltage" | "power" | "frequency" | "scale" | "sentinels" | "count" | "transaction" | "unit" | "bytes" | "half" | null;
}

export interface SunSpecPeerState {
  readonly unit: number;
  readonly powerW: number;
  readonly limitShare: number;
  readonly enabled: boolean;
}

/** SunSpec inverters on pymodbus, at 127.0.0.1. */
export class SunSpecPeer {
  readonly #lines: AsyncIterator<string>;
  #port = 0;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  static async start({ base = 40_000, units = [1], nominalW = 5000, rampS = 0.2, port = 0 }: SunSpecPeerOptions = {}): Promise<SunSpecPeer> {
    const options = { base, "nominal-w": nominalW, "ramp-s": rampS, port };
    const args = [...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]), ...units.flatMap((unit) => ["--unit", String(unit)])];
    const child = spawn(python, [script, ...args]);
    child.stderr.pipe(process.stderr);
    const peer = new SunSpecPeer(child);
    peer.#port = Number((await peer.#line()).replace("ready ", ""));
    return peer;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resolves when it is in force. */
  async command(command: SunSpecPeerCommand): Promise<void> {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    await this.#line();
  }

  async state(): Promise<SunSpecPeerState[]> {
    this.child.stdin.write(`{"state":true}\n`);
    return JSON.parse(await this.#line()) as SunSpecPeerState[];
  }

  /** Ends the process at once, as a power cut does. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }

  async #line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done) throw new Error("the inverter on pymodbus has ended");
    return next.value;
  }
}
