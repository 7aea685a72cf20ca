// Makes the key file that a home and one device of its customer's share. Both ends get a copy of it.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";

const file = {
  type: "ebalance-session-key",
  version: 1,
  kid: 1,
  key: randomBytes(32).toString("hex"),
  domain: "elm-street",
  initiator: "meter-1",
  responder: "home",
  owner: "customer",
  names: ["home", "meter-1", "metering", "customer", "supplier", "billing"],
  sources: [{ device: "meter-1", service: "metering", stakeholder: "customer" }],
  policy: { sequence: 1, entries: [{ rights: "read", minDelayS: 900, grantees: [{ stakeholder: "supplier", service: "billing" }] }] },
};
writeFileSync("meter-1.key.json", JSON.stringify(file, null, 2), { mode: 0o600, flag: "wx" });
console.log("made meter-1.key.json");
