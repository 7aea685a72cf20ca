/** SunSpec inverters on a feeder as a program: options, commands on standard input, lines on standard output. */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { EbalanceError } from "ebalance";
import { z } from "zod";
import { SunSpecSimulator } from "./sunspec-simulator";

const help = `Simulates SunSpec inverters on one feeder, behind a Modbus TCP port. Ends when standard input does.

  --host ADDRESS       default 127.0.0.1
  --port PORT          default 0: the system chooses
  --unit ID:NOMINAL_W  an inverter, 1 to 247; repeatable, default 1:5000
  --ramp-ms MS         time from nominal power to nothing, default 2000
  --rise V             volts that each kW fed in adds to the feeder's voltage, default 1
  --base V             the feeder's voltage without infeed, default 230
  --report-ms MS       prints the state of all units in this interval
  --json               prints {"port":…} when it listens, and states as JSON
  --help               this text

commands, JSON lines on standard input (unit 1 where none is named):
  {"unit":1,"availableW":4200}   what the sun would give
  {"unit":1,"silent":true}       answers nothing; false: answers again
  {"unit":1,"garbage":true}      answers with bytes that are no Modbus
  {"baseV":239}                  the feeder's voltage without infeed`;

const command = z.strictObject({
  baseV: z.number().min(0).max(1000).optional(),
  unit: z.number().default(1),
  availableW: z.number().min(0).max(1e9).optional(),
  silent: z.boolean().optional(),
  garbage: z.boolean().optional(),
});

function options() {
  const text = { type: "string" } as const;
  return parseArgs({
    options: {
      host: { ...text, default: "127.0.0.1" },
      port: { ...text, default: "0" },
      unit: { ...text, multiple: true, default: ["1:5000"] },
      "ramp-ms": { ...text, default: "2000" },
      rise: { ...text, default: "1" },
      base: { ...text, default: "230" },
      "report-ms": { ...text, default: "0" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

/** @throws EbalanceError `bad-argument` */
function number(name: string, value: string, least: number, most: number): number {
  const parsed = Number(value);
  if (value.trim() === "" || !(parsed >= least && parsed <= most)) throw new EbalanceError("bad-argument", "caller", `${name} ${value} is not from ${least} to ${most}`);
  return parsed;
}

function obey(simulator: SunSpecSimulator, line: string): void {
  const { success, data, error } = command.safeParse(JSON.parse(line));
  if (!success) throw new EbalanceError("bad-argument", "caller", error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; "));
  const { baseV, unit, availableW, silent, garbage } = data;
  if (baseV !== undefined) simulator.baseV = baseV;
  if (availableW !== undefined) simulator.inverter(unit).availableW = availableW;
  if (silent !== undefined || garbage !== undefined) simulator.behave(unit, silent ? "silent" : garbage ? "garbage" : "good");
}

async function main(): Promise<void> {
  const chosen = options();
  if (chosen.help) return console.log(help);
  const port = number("--port", chosen.port, 0, 65535);
  const simulator = new SunSpecSimulator({ host: chosen.host, port, baseV: number("--base", chosen.base, 0, 1000) });
  const rampMs = number("--ramp-ms", chosen["ramp-ms"], 0, 3_600_000);
  const riseVPerKw = number("--rise", chosen.rise, 0, 1000);
  for (const text of chosen.unit) {
    const [id = "", nominal = ""] = text.split(":");
    const nominalW = number("--unit ID:NOMINAL_W, nominal power", nominal, 10, 300_000);
    simulator.add(number("--unit ID:NOMINAL_W, id", id, 1, 247), { nominalW, rampMs, riseVPerKw });
  }
  const listening = await simulator.listen();
  console.log(chosen.json ? JSON.stringify({ port: listening }) : `inverters listen on ${chosen.host} port ${listening}`);
  const reportMs = number("--report-ms", chosen["report-ms"], 0, 3_600_000);
  const report = () => {
    for (const state of simulator.states()) {
      const { unit, powerW, voltageV, limitShare } = state;
      console.log(chosen.json ? JSON.stringify(state) : `unit ${unit}: ${powerW.toFixed(0)} W, ${voltageV.toFixed(1)} V, ${limitShare === undefined ? "no limit" : `limit ${limitShare} %`}`);
    }
  };
  const timer = reportMs > 0 ? setInterval(report, reportMs) : undefined;
  for await (const line of createInterface(process.stdin)) {
    if (line.trim() === "") continue;
    try {
      obey(simulator, line);
    } catch (error) {
      console.error(`command ${line}: ${(error as Error).message}`);
    }
  }
  clearInterval(timer);
  await simulator.close();
}

try {
  await main();
} catch (error) {
  console.error(`${(error as Error).message}\ntry: --help`);
  process.exitCode = 2;
}
