/** A grid whose units are processes, as a user starts them: gateways by `ebalance run`, devices as programs of their own. It starts and ends them, and keeps what they tell. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mqttPassword, Registry, standardVariables, type Value } from "ebalance";
import { keyFilesOf, NodeCrypto, openStore, readKeyFile, type GatewayEvent, type Plan } from "@ebalance/gateway";
import { expect, vi } from "vitest";
import { Process, type CommandLine } from "../../examples/street/processes";
import { bundleCertifiedDeviceForXs, bundleCertifiedForXs, bundleDerForXs, bundleDeviceForNode, bundleDeviceForXs, bundleForNode, bundleSdkForXs, root } from "../../scripts/bundles.mjs";
import { toPhysical } from "../../sdk/core/model/registry";
import { xsHost } from "../../targets/xs-host/available";

/** Whatever is waited for comes within this time: links, brokers and inverters are tried again with pauses of some seconds. */
export const patience = { timeout: 30_000, interval: 50 };
const readyWithinMs = 20_000;

export type Way = { readonly tcp: { readonly port?: number } } | { readonly mqtt: { readonly port?: number } } | { readonly broker: object } | { readonly serial: { readonly path: string } };

/** The configuration of a gateway, as its file says it. */
export interface GatewayText {
  readonly unit: string;
  readonly listen?: readonly Way[];
  readonly [field: string]: unknown;
}

/** Bundles for one test file: those of another must not be written over while they are read. */
export class Programs {
  readonly #folder: string;

  constructor(name: string) {
    this.#folder = root(`build/tests/${name}`);
    mkdirSync(this.#folder, { recursive: true });
  }

  /** A program for Node. */
  async node(entry: string): Promise<CommandLine> {
    return { command: process.execPath, args: [await bundleForNode(entry, `${this.#folder}/${nameOf(entry)}.mjs`)] };
  }

  /** A device on this computer. */
  async deviceOnNode(entry: string): Promise<CommandLine> {
    return { command: process.execPath, args: [await bundleDeviceForNode(entry, `${this.#folder}/${nameOf(entry)}-device.mjs`)] };
  }

  /** A device on XS, in the memory of an ESP32-C3: what runs here leaves some of its 384 slots of stack. */
  async deviceOnXs(entry: string): Promise<CommandLine> {
    const sdk = await bundleSdkForXs(`${this.#folder}/device.js`);
    const der = await bundleDerForXs(`${this.#folder}/der.js`);
    const main = await bundleDeviceForXs(entry, `${this.#folder}/${nameOf(entry)}-xs.js`);
    return { command: xsHost!.path, args: ["--stack", "360", "--preload", `${sdk}=ebalance/device`, "--preload", `${der}=ebalance/der`, main] };
  }

  /** The same for a device with credentials, with flash in a file. A handshake takes more stack than a reading. */
  async certifiedDeviceOnXs(entry: string, flash: string): Promise<CommandLine> {
    const sdk = await bundleCertifiedForXs(`${this.#folder}/certified.js`);
    const main = await bundleCertifiedDeviceForXs(entry, `${this.#folder}/${nameOf(entry)}-certified-xs.js`);
    return { command: xsHost!.path, args: ["--stack", "720", "--flash", flash, "--preload", `${sdk}=ebalance/certified`, main] };
  }

  gateway(): Promise<CommandLine> {
    return this.node("targets/linux-gateway/src/bin.ts");
  }
}

function nameOf(entry: string): string {
  return entry.replace(/\.ts$/, "").replaceAll("/", "-");
}

/** A process and what it says. */
export class Program {
  readonly out: string[] = [];
  /** Why it ended without being asked to. */
  ended = "";
  readonly #process: Process;

  /** @param errors where the lines of its standard error go */
  constructor(name: string, commandLine: CommandLine, readonly errors: string[] = [], onLine: (line: string) => void = (line) => this.out.push(line)) {
    this.#process = new Process(name, commandLine, onLine, (line) => this.errors.push(line), (reason) => (this.ended = reason));
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.#process.pid!, signal);
  }

  /** Ends it as a power cut does, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill();
    await this.#process.stop();
  }

  /** Asks it to end, and waits until it has. */
  stop(): Promise<void> {
    return this.#process.stop();
  }
}

/** A gateway: started anew it is at the same ports. */
export class GatewayProgram {
  readonly events: GatewayEvent[] = [];
  /** Lines of its log, of all its runs. */
  readonly log: string[] = [];
  readonly #configFile: string;
  #program: Program | undefined;

  constructor(
    folder: string,
    private readonly commandLine: CommandLine,
    private config: GatewayText,
  ) {
    this.#configFile = join(folder, `${config.unit}.yaml`);
  }

  /** Starts it, and waits until it is ready. */
  async start(): Promise<this> {
    writeFileSync(this.#configFile, JSON.stringify(this.config), { mode: 0o600 });
    const { command, args } = this.commandLine;
    const run = { command, args: [...args, "run", this.#configFile, "--events"] };
    let ready = false;
    const program = (this.#program = new Program(this.config.unit, run, this.log, (line) => {
      const event = JSON.parse(line) as GatewayEvent;
      if (event.type === "ready") ready = true;
      this.events.push(event);
    }));
    await vi.waitUntil(() => ready || program.ended, { timeout: readyWithinMs, interval: 20 });
    if (!ready) throw new Error(`${this.config.unit} ${program.ended}: ${this.log.join("\n")}`);
    this.#keepPorts();
    return this;
  }

  /** The next start listens where this one does: that is where its units look for it. */
  #keepPorts(): void {
    const { listening } = this.#ready;
    const listen = this.config.listen?.map((way, i) => {
      const { port } = listening[i]!;
      return "tcp" in way ? { tcp: { ...way.tcp, port } } : "mqtt" in way ? { mqtt: { ...way.mqtt, port } } : way;
    });
    if (listen) this.config = { ...this.config, listen };
  }

  get #ready(): Extract<GatewayEvent, { type: "ready" }> {
    return this.of("ready").at(-1)!;
  }

  /** Store engine of the last start. */
  get engine(): string {
    return this.#ready.store;
  }

  port(kind: "tcp" | "mqtt"): number {
    return this.#ready.listening.find((way) => way.kind === kind)!.port;
  }

  /** Address of its own broker. */
  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.port("mqtt")}`;
  }

  of<T extends GatewayEvent["type"]>(type: T): Extract<GatewayEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<GatewayEvent, { type: T }> => event.type === type);
  }

  /** How often a session with a unit was opened. */
  openings(peer: string): number {
    return this.of("session").filter((event) => event.peer === peer && event.open).length;
  }

  isOpen(peer: string): boolean {
    return this.of("session").filter((event) => event.peer === peer).at(-1)?.open ?? false;
  }

  /** Values that a device has written of a variable so far, as this unit has decided on them. */
  written(device: string, variable: string): Value[] {
    return this.of("decision")
      .filter(({ by, operation }) => operation === "write" && by.device === device)
      .flatMap(({ instances }) => instances.filter((instance) => instance.variable === variable).map(({ value }) => value));
  }

  signal(signal: NodeJS.Signals): void {
    this.#program!.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
    expect(this.#program?.ended ?? "").toBe("");
  }
}

export class RealGrid {
  readonly folder = mkdtempSync(join(tmpdir(), "ebalance-scenario-"));
  readonly #ends: (() => unknown)[] = [];

  constructor(plan: Plan) {
    for (const { fileName, text } of keyFilesOf(plan)) this.writeSecret(fileName, text);
  }

  readonly keyFile = (unit: string): string => join(this.folder, `${unit}.key.json`);

  /** @returns the path */
  writeSecret(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** The MQTT password of a unit, as its key file gives it. */
  password(unit: string): string {
    const { session, key } = readKeyFile(this.keyFile(unit));
    const crypto = new NodeCrypto();
    return mqttPassword(crypto, key.importInto(crypto, "derive"), session);
  }

  /** Folder of a gateway's store. */
  store(unit: string): string {
    return join(this.folder, `${unit}-store`);
  }

  async gateway(commandLine: CommandLine, config: GatewayText): Promise<GatewayProgram> {
    const gateway = new GatewayProgram(this.folder, commandLine, config);
    this.atEnd(() => gateway.kill());
    return gateway.start();
  }

  program(name: string, { command, args }: CommandLine, ...more: readonly string[]): Program {
    const started = new Program(name, { command, args: [...args, ...more] });
    this.atEnd(() => started.kill());
    return started;
  }

  /** Done at the end, the last first. */
  atEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Ends every process, and removes keys and data. */
  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Kept {
  readonly value: Value;
  readonly timeMs: number;
}

/** What the store of a gateway that has ended keeps of a series, in order of time. */
export async function kept(folder: string, device: string, variableName: string): Promise<Kept[]> {
  expect(existsSync(folder)).toBe(true);
  const registry = new Registry(standardVariables);
  const variable = registry.named(variableName);
  const said: string[] = [];
  const store = await openStore({ folder, log: (level, line) => said.push(`${level} ${line}`) });
  try {
    // Nothing was damaged, and nothing begun anew.
    expect(said).toEqual([]);
    const { series } = store.catalogue.restore();
    const index = series.findIndex((record) => record.device === device && record.variable === variable.id);
    const samples: Kept[] = [];
    if (index >= 0) store.scan(index, 0, Infinity, (value, timeMs) => samples.push({ value: toPhysical(variable, value), timeMs }) > 0);
    return samples;
  } finally {
    store.close();
  }
}

/** The numbers from one on. */
export const from = (first: number, length: number): number[] => Array.from({ length }, (_unused, i) => first + i);
