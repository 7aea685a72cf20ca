// The home of a device on a serial line: a gateway with a store, and a service of the grid operator's, which asks the device itself about what it reports, and switches its lamp.
// Prints each reading that was authenticated and kept, whatever its variable, and what came of each question. Arguments: FOLDER, where key file and store stand; LINE, the device
// file of the serial line, without which it only makes the key file; --json for lines of JSON instead of text.
import { existsSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkConfig, Gateway, keyFilesOf, type GatewayEvent, type Plan } from "@ebalance/gateway";
import { decimalsOf, timeText, valueText } from "../street/screen/format";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const [folder, line] = positionals;
if (!folder) {
  console.error("usage: gateway FOLDER [LINE] [--json]");
  process.exit(2);
}
const keyFile = `${folder}/sensor.key.json`;
const policy = { sequence: 1, entries: [{ rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] } as const;
const plan: Plan = {
  domain: "bench-top",
  units: { home: { owner: "customer", asks: ["sensor"] }, sensor: { parent: "home", owner: "customer", services: ["metering"], policy } },
  services: [{ unit: "home", service: "grid", stakeholder: "operator" }],
};
for (const { text } of existsSync(keyFile) ? [] : keyFilesOf(plan)) writeFileSync(keyFile, text, { mode: 0o600 });
if (!line) process.exit(0);

/** Prints what happened, for a program or for people. */
function say(event: object, text: string, timeMs = Date.now()): void {
  console.log(values.json ? JSON.stringify(event) : `${timeText(timeMs)} ${text}`);
}

/** The variables that the sensor reports. */
const reported = new Set<string>();

/** What the sensor has written: kept, or refused. */
function heard(event: GatewayEvent): void {
  if (event.type !== "decision" || event.operation !== "write" || event.by.device !== "sensor") return;
  const { result, series, instances } = event;
  if (result !== "done") say({ refused: series?.variable, result }, `sensor ${series?.variable} refused: ${result}`);
  for (const { variable, value, unitOfMeasure: unit, timeMs } of instances) {
    reported.add(variable);
    const decimals = typeof value === "number" ? decimalsOf(value) : 0;
    say({ reading: value, variable, unit, timeMs }, `sensor ${variable} ${valueText(value, unit, decimals).join(" ").trim()}`, timeMs);
  }
}

const config = checkConfig({
  unit: "home",
  store: { folder: `${folder}/store` },
  listen: [{ serial: { path: line, baudRate: 115_200 } }],
  units: [{ keyFile }],
  policies: { customer: policy },
});
const log = (level: string, text: string) => say({ log: level, text }, `gateway ${level === "info" ? "" : `${level} `}${text}`);
const gateway = await Gateway.open(config, { log, onEvent: heard });
const grid = gateway.services("operator", "grid");

/** Asks the sensor itself how many samples of a variable it has kept, and their deviation. */
async function ask(variable: string): Promise<void> {
  const series = { variable, device: "sensor", owner: "customer", at: "sensor" };
  const count = await grid.query({ ...series, function: "count" });
  const { readings } = await grid.query({ ...series, function: "deviation" });
  const samples = count.readings[0]?.value;
  const deviation = readings[0]?.value;
  const found = count.result === "done" ? `${String(samples)} samples, deviation ${typeof deviation === "number" ? Number(deviation.toFixed(3)) : "unknown"}` : count.result;
  say({ asked: "sensor", variable, result: count.result, samples, deviation }, `grid asked sensor about its ${variable}: ${found}`);
}

async function light(on: boolean): Promise<void> {
  const { result } = await grid.write({ variable: "switchState", device: "sensor", owner: "customer", value: on });
  say({ lamp: on, result }, `grid switches the lamp ${on ? "on" : "off"}: ${result}`);
}

/** Every five seconds: asks about one variable, in turn, and the lamp on or off. */
let turn = 0;
const asking = setInterval(() => {
  const variable = [...reported][turn % reported.size];
  turn += 1;
  if (variable !== undefined) void ask(variable);
  void light(turn % 2 === 1);
}, 5000);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    clearInterval(asking);
    void gateway.close();
  });
