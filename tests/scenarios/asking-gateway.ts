/** A gateway as `ebalance run FILE --events` starts it, with a service that asks its meter itself, and switches its lamp. */
import { Gateway, readConfig, stderrLog } from "@ebalance/gateway";

const gateway = await Gateway.open(readConfig(process.argv[3]!), { log: stderrLog("home"), onEvent: (event) => console.log(JSON.stringify(event)) });
const display = gateway.services("customer", "display");

setInterval(() => {
  void display.query({ variable: "activePower", device: "meter", owner: "customer", at: "meter", function: "count" }).then(({ result, readings }) => console.error(`meter asked: ${result} ${readings.length ? "with samples" : ""}`));
  void display.write({ variable: "switchState", device: "meter", owner: "customer", value: true });
}, 500);
