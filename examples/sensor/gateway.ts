// The home of a sensor on a serial line: a gateway with a store, and two services. The customer's display follows what the sensor reports; the operator's grid service asks the
// sensor itself, and switches its lamp. Each line of standard output is JSON. Arguments: FOLDER, where key file and store stand, and LINE, the device of the serial line; without
// a line it only makes the key file.
import { existsSync, writeFileSync } from "node:fs";
import { checkConfig, Gateway, keyFilesOf, type Plan } from "@ebalance/gateway";

const [folder, line] = process.argv.slice(2);
if (!folder) {
  console.error("usage: gateway FOLDER [LINE]");
  process.exit(2);
}
const keyFile = `${folder}/sensor.key.json`;
const policy = { sequence: 1, entries: [{ rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] } as const;
const plan: Plan = {
  domain: "bench-top",
  units: { home: { owner: "customer", services: ["display"], asks: ["sensor"] }, sensor: { parent: "home", owner: "customer", services: ["metering"], policy } },
  services: [{ unit: "home", service: "grid", stakeholder: "operator" }],
};
for (const { text } of existsSync(keyFile) ? [] : keyFilesOf(plan)) writeFileSync(keyFile, text, { mode: 0o600 });
if (!line) process.exit(0);

const say = (event: object) => console.log(JSON.stringify(event));
const config = checkConfig({
  unit: "home",
  store: { folder: `${folder}/store` },
  listen: [{ serial: { path: line, baudRate: 115_200 } }],
  units: [{ keyFile }],
  policies: { customer: policy },
});
const gateway = await Gateway.open(config, { log: (level, text) => say({ log: level, text }) });

const display = gateway.services("customer", "display");
const grid = gateway.services("operator", "grid");
const load = { variable: "processorLoad", device: "sensor", owner: "customer" };

async function follow(): Promise<void> {
  for await (const { value, unit, timeMs } of display.event(load)) say({ reading: value, unit, timeMs });
}

/** Every five seconds: how many samples the sensor itself has kept, and their deviation; and the lamp on or off. */
async function ask(on: boolean): Promise<void> {
  const count = await grid.query({ ...load, function: "count", at: "sensor" });
  const deviation = await grid.query({ ...load, function: "deviation", at: "sensor" });
  say({ asked: "sensor", result: count.result, samples: count.readings[0]?.value, deviation: deviation.readings[0]?.value });
  const { result } = await grid.write({ variable: "switchState", device: "sensor", owner: "customer", value: on });
  say({ lamp: on, result });
}

void follow();
let on = false;
const asking = setInterval(() => void ask((on = !on)), 5000);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    clearInterval(asking);
    void gateway.close();
  });
