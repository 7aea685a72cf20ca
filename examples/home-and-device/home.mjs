// A home (customer unit): takes in one device over TCP, keeps what it reports, and shows it. Ctrl-C ends it.
import { DataInterface, MemoryStore, Registry, standardVariables, UnitDriver } from "ebalance";
import { NodeCrypto, nodeTimers, readKeyFile, stderrLog, systemClock, TcpServer } from "@ebalance/gateway";

const crypto = new NodeCrypto();
const log = stderrLog("home");
const onSession = (unit, open) => log("info", `${unit} has ${open ? "joined" : "left"}`);
const ports = { clock: systemClock, crypto, store: new MemoryStore(10_000), log };
const driver = new UnitDriver({ id: "home", registry: new Registry(standardVariables), onSession }, ports, nodeTimers);

const { session, key } = readKeyFile("meter-1.key.json");
driver.unit.addSession(session, key.importInto(crypto, "derive"));
key.wipe();

const server = new TcpServer(driver, log, { port: 4712 });
log("info", `listening on port ${await server.listen()}`);
process.once("SIGINT", async () => {
  await server.close();
  driver.close();
});

const display = new DataInterface(driver.unit, { service: "display", stakeholder: "customer" });
for await (const { value, unit, timeMs } of display.event({ variable: "activePower", device: "meter-1", owner: "customer" }))
  console.log(new Date(timeMs).toISOString(), value, unit);
