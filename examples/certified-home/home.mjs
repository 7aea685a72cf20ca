// The same home as a program: a unit with credentials, out of the parts of the SDK. Takes in every device whose credential names it, joins the unit above where its own names one, and shows
// what a meter reports. Arguments: PORT and the port of the unit above, both on this computer. Ctrl-C ends it.
import { CertificateStore, certifiedConnector, CertifiedSessions, DataInterface, Doorkeeper, encryptingSeal, MemoryStore, parseCredentialsFile, portableSeal, Registry, Resumption, StandingSubscription, standardVariables, UnitDriver, Uplink } from "ebalance";
import { FileState, NodeCrypto, nodeTimers, readSecretText, stderrLog, systemClock, TcpServer, tcpConnector } from "@ebalance/gateway";

const [port = "4712", portAbove = "4713"] = process.argv.slice(2);
const fileName = "grid/units/home/credentials.json"; // ebalance keys provision home --out grid
const crypto = new NodeCrypto();
const log = stderrLog("home");
const clock = systemClock;
const registry = new Registry(standardVariables);

// What has to survive a restart: sessions, their keys wrapped, and the newest revocation list.
const state = new FileState("home-state", log);

// Who the unit is. Each credential comes after the one that signed it: the store follows its chain up to the root before it takes it in.
const { root, credential: own, others, revocations, keys } = parseCredentialsFile(readSecretText(fileName), fileName);
const store = new CertificateStore(crypto, clock, root, {}, state);
if (revocations) store.addRevocations(revocations);
const credential = store.add(own);
for (const other of others) store.add(other);
const signingKey = keys.es256.importPrivateInto(crypto, "es256");
const agreementKey = keys["ecdh-p256"].importPrivateInto(crypto, "ecdh-p256");
const wrapping = keys.wrap.importInto(crypto, "wrap");
for (const secret of Object.values(keys)) secret.wipe();
const delegations = store.delegations(credential.subject).map((one) => ({ credential: one, key: signingKey }));
const party = { crypto, store, registry, credential, signingKey, agreementKey, delegations };

// The unit, and the sessions that handshakes make for it.
const [parent] = credential.parents;
const ports = { clock, crypto, seal: encryptingSeal(crypto, portableSeal(crypto)), store: new MemoryStore(10_000), log };
let uplink;
const onSession = (unit, isOpen) => {
  log("info", `${unit} has ${isOpen ? "joined" : "left"}`);
  if (isOpen && unit === parent) uplink?.sessionOpened();
};
const driver = new UnitDriver({ id: credential.subject, registry, onSession, ...(parent && { parent }) }, ports, nodeTimers);
const { unit } = driver;
const resumption = new Resumption({ state, crypto, wrapping, party, clock, log });
const sessions = new CertifiedSessions({ unit, party, clock, log, resumption });

// The way in, and the way up.
const door = new Doorkeeper({ unit, party, sessions, clock, log });
driver.door = door;
const server = new TcpServer(driver, log, { port: Number(port) });
log("info", `listening on port ${await server.listen()}`);
if (parent) uplink = new Uplink(driver, parent, certifiedConnector(tcpConnector("127.0.0.1", Number(portAbove)), { unit, party, sessions, parent, timers: nodeTimers, clock, log }), nodeTimers, log);

// A subscription to a device that has not come yet is refused: this one is made again until it stands.
const display = new DataInterface(unit, { service: "display", stakeholder: "customer" });
const show = ({ value, unit: watt, timeMs }) => console.log(new Date(timeMs).toISOString(), value, watt);
const shown = new StandingSubscription("display", () => display.event({ variable: "activePower", device: "meter-1", owner: "customer" }), { timers: nodeTimers, log }, show);

process.once("SIGINT", async () => {
  shown.close();
  uplink?.close();
  await server.close();
  door.close();
  driver.close();
  store.close();
  for (const key of [signingKey, agreementKey, wrapping]) crypto.destroyKey(key);
});
