/** The street as processes: the low-voltage unit in this one, homes, devices and the inverters' simulator in others. It tells what happens and decides nothing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkConfig, Gateway, keyFilesOf, type GatewayEvent } from "@ebalance/gateway";
import type { LogPort } from "ebalance";
import { homeConfig, houses, streetPlan, top, topConfig } from "./grid";
import { Process, type CommandLine } from "./processes";

/** How to start what runs in processes of its own; arguments of the program come after. */
export interface StreetCommands {
  readonly gateway: CommandLine;
  readonly simulator: CommandLine;
  readonly meter: CommandLine;
  readonly replayMeter: CommandLine;
  readonly sensor: CommandLine;
  readonly derController: CommandLine;
}

/** Recorded series for a device: its id, and what the replay meter has to know of each. */
export interface Replay {
  readonly device: string;
  readonly series: readonly unknown[];
}

export interface StreetOptions {
  readonly commands: StreetCommands;
  readonly replays: readonly Replay[];
  readonly log: LogPort;
  /** Told what a unit tells of itself. */
  readonly onEvent: (unit: string, event: GatewayEvent) => void;
  /** Told when a process says something on standard error. */
  readonly onLine: (process: string, line: string) => void;
  /** Told when a process has ended without being asked to, and what it said last. */
  readonly onEnd: (process: string, reason: string) => void;
  /** Told the state of each inverter twice a second. */
  readonly onInverter: (state: InverterState) => void;
}

/** What the simulator says of an inverter. */
export interface InverterState {
  /** Modbus unit id: 1 behind der-1, 2 bridged as inverter-2. */
  readonly unit: number;
  /** What it feeds in, in W. */
  readonly powerW: number;
  /** At its terminals. */
  readonly voltageV: number;
}

/** Nominal power of each of the two inverters, in W. */
export const nominalW = 5000;
/** How much each kW that is fed in raises the voltage, in V: a long line with a weak transformer. */
const riseVPerKw = 2.2;
const baseV = 236;
const readyWithinMs = 20_000;

export class Street {
  readonly #folder = mkdtempSync(join(tmpdir(), "ebalance-street-"));
  readonly #processes: Process[] = [];
  #simulator: Process | undefined;
  #gateway: Gateway | undefined;

  constructor(private readonly options: StreetOptions) {}

  /** The low-voltage unit. */
  get gateway(): Gateway {
    return this.#gateway!;
  }

  /** Starts everything, from the top down. @throws Error where something does not get ready */
  async open(): Promise<void> {
    const { commands, replays, log, onEvent } = this.options;
    const replayed = replays.map(({ device }) => device);
    for (const { fileName, text } of keyFilesOf(streetPlan(replayed))) writeFileSync(join(this.#folder, fileName), text, { mode: 0o600 });
    this.#gateway = await Gateway.open(checkConfig(topConfig(this.#keyFileOf)), { log, onEvent: (event) => onEvent(top, event) });
    const modbusPort = await this.#startSimulator();
    const topUrl = `mqtt://127.0.0.1:${this.#gateway.listening[0]!.port}`;
    const surroundings = { keyFileOf: this.#keyFileOf, topUrl, folder: this.#folder, modbusPort, replayed };
    const [tcpPort, mqttPort] = await Promise.all(houses.map((house) => this.#startHome(house.home, homeConfig(house, surroundings))));
    const mqttUrl = `mqtt://127.0.0.1:${mqttPort}`;
    this.#start("sensor-1", commands.sensor, [this.#keyFileOf("sensor-1"), String(tcpPort), "metering"]);
    this.#start("der-1", commands.derController, [this.#keyFileOf("der-1"), String(tcpPort), "der", String(modbusPort)]);
    if (!replayed.includes("meter-2")) this.#start("meter-2", commands.meter, [this.#keyFileOf("meter-2"), mqttUrl, "metering"]);
    for (const { device, series } of replays) this.#start(device, commands.replayMeter, [this.#keyFileOf(device), mqttUrl, "metering", ...series.map((one) => JSON.stringify(one))]);
  }

  /** Power of the sun on both roofs, in W a roof. */
  setAvailable(availableW: number): void {
    for (const unit of [1, 2]) this.#simulator?.say(JSON.stringify({ unit, availableW: Math.round(availableW) }));
  }

  /** Ends every process at once, and removes keys and data: for the last moment of this one. */
  kill(): void {
    for (const one of this.#processes) one.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ends everything from the bottom up, and removes keys and data. */
  async close(): Promise<void> {
    for (const one of this.#processes.splice(0).reverse()) await one.stop();
    await this.#gateway?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  readonly #keyFileOf = (unit: string) => join(this.#folder, `${unit}.key.json`);

  #start(name: string, { command, args }: CommandLine, more: readonly string[], onLine: (line: string) => void = (line) => this.options.onLine(name, line)): Process {
    let last = "";
    const onError = (line: string) => {
      last = line;
      this.options.onLine(name, line);
    };
    const onEnd = (reason: string) => this.options.onEnd(name, last ? `${reason}: ${last}` : reason);
    const started = new Process(name, { command, args: [...args, ...more] }, onLine, onError, onEnd);
    this.#processes.push(started);
    return started;
  }

  /** @returns the port of its Modbus server */
  #startSimulator(): Promise<number> {
    const units = [1, 2].flatMap((unit) => ["--unit", `${unit}:${nominalW}`]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the inverters' simulator is not ready after ${readyWithinMs} ms`)), readyWithinMs);
      this.#simulator = this.#start("inverters", this.options.commands.simulator, ["--port", "0", ...units, "--json", "--base", String(baseV), "--rise", String(riseVPerKw), "--report-ms", "500"], (line) => {
        const said = JSON.parse(line) as { port: number } | InverterState;
        if ("unit" in said) return this.options.onInverter(said);
        clearTimeout(timer);
        resolve(said.port);
      });
    });
  }

  /** @returns the port that it listens on */
  #startHome(home: string, config: object): Promise<number> {
    const file = join(this.#folder, `${home}.yaml`);
    // JSON is YAML too.
    writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${home} is not ready after ${readyWithinMs} ms`)), readyWithinMs);
      this.#start(home, this.options.commands.gateway, ["run", file, "--events", "--log", "warning"], (line) => {
        const event = JSON.parse(line) as GatewayEvent;
        if (event.type === "ready") {
          clearTimeout(timer);
          resolve(event.listening[0]!.port);
        }
        this.options.onEvent(home, event);
      });
    });
  }
}
