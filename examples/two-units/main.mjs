// Two units in one program: a meter writes under its owner's policy, a supplier asks the home for an average.
// In a project of your own: npm install ebalance @ebalance/gateway, then node main.mjs
import { DataInterface, LocalLinkPair, ManagementUnit, MemoryStore, Registry, standardVariables } from "ebalance";
import { NodeCrypto, systemClock } from "@ebalance/gateway";

const crypto = new NodeCrypto();
const registry = new Registry(standardVariables);

function makeUnit(id, parent) {
  const ports = { clock: systemClock, crypto, store: new MemoryStore(1000), log: (level, line) => console.error(level, line), wake() {} };
  return new ManagementUnit({ id, registry, ...(parent && { parent }) }, ports);
}

// Both ends of a session hold the same names, the same key and who may ask for what in it.
function join(child, home, kid, service, owner) {
  const names = ["home", "meter", "supplier-unit", "metering", "billing", "customer", "supplier"];
  const sources = [{ device: child.id, service, stakeholder: owner }];
  const session = { kid, domain: "example", initiator: child.id, responder: home.id, owner, names, sources };
  const key = new Uint8Array(32);
  crypto.random(key);
  for (const unit of [child, home]) unit.addSession(session, crypto.importKey(key, "derive"));
  const link = new LocalLinkPair(child, home);
  child.linkUp(link.a, home.id);
  return link;
}

const home = makeUnit("home");
const meter = makeUnit("meter", "home");
const supplier = makeUnit("supplier-unit", "home");
const links = [join(meter, home, 1, "metering", "customer"), join(supplier, home, 2, "billing", "supplier")];

// Units do nothing by themselves: the program gives them time and carries their messages.
function run() {
  for (const unit of [home, meter, supplier]) unit.tick();
  while (links.reduce((moved, link) => moved + link.pump(), 0) > 0) for (const unit of [home, meter, supplier]) unit.tick();
}
run();

const metering = new DataInterface(meter, { service: "metering", stakeholder: "customer" });
const billing = new DataInterface(supplier, { service: "billing", stakeholder: "supplier" });
const series = { variable: "activePower", device: "meter", owner: "customer" };
const policy = { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] };

for (const value of [230.5, 412, 198.5]) {
  const written = metering.write({ ...series, value, policy });
  run();
  console.log("write", value, "W:", (await written).result);
}
const asked = billing.query({ ...series, function: "average" });
run();
const { result, readings } = await asked;
console.log("the supplier's average:", result, readings[0]?.value, readings[0]?.unit);
for (const unit of [meter, supplier, home]) unit.close();
