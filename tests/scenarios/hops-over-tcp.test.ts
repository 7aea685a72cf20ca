/** A home, the low-voltage unit above it and the top, over real TCP, with stores and state on disk: signed queries down two hops, published data up, with restarts in between. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { DataInterface, encryptingSeal, portableSeal, UnitDriver, Uplink, type Reading, type UnitConfig } from "ebalance";
import { FileState, nodeTimers, openStore, systemClock, TcpServer, tcpConnector, type GatewayStore } from "@ebalance/gateway";
import { CertificateStore } from "../../sdk/core/security/certificate-store";
import { parseCredential } from "../../sdk/core/security/credential";
import { ReplayWindows } from "../../sdk/core/security/replay-windows";
import { SequenceReservation } from "../../sdk/core/security/sequence-reservation";
import { StatementVerifier } from "../../sdk/core/security/statement-verifier";
import { Signatory } from "../../sdk/core/statements/signatory";
import { Member } from "../conformance/credential-world";
import { newFolder } from "../../targets/linux-gateway/src/store/test-stores";
import { crypto, grant, power, registry, sessions, secretOf } from "./three-units";

const ids = ["home", "station", "top"] as const;
type Id = (typeof ids)[number];
const variable = registry.byId(power)!.name;
const copies = [{ device: "meter", owner: "customer", home: "home" }];
const roles: Readonly<Record<Id, Partial<UnitConfig>>> = {
  home: { parent: "station", publish: [{ variable: power, device: "meter", owner: "customer" }], publishEveryMs: 1000 },
  station: { parent: "top", copies },
  top: { copies },
};

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** The credentials of the grid, and a folder for each unit. */
class Grid {
  readonly folder = newFolder();
  readonly #credentials: Uint8Array[] = [];
  readonly #operator = new Member(crypto);
  readonly #members = new Map<string, Member>();
  readonly ports = new Map<Id, number>();
  readonly running = new Map<Id, Awaited<ReturnType<Grid["start"]>>>();

  constructor() {
    cleanUp.push(() => rmSync(this.folder, { recursive: true, force: true }));
    const now = { issuedS: Math.floor(Date.now() / 1000) - 60, expiresS: Math.floor(Date.now() / 1000) + 86_400 };
    this.#operator.credential = parseCredential(this.#operator.signs({ type: "root", subject: "operator", ...now }, { use: "es256", name: "operator" }), crypto);
    for (const [type, subject] of [["stakeholder", "customer"], ["stakeholder", "supplier"], ["unit", "home"], ["unit", "station"], ["unit", "top"]] as const) {
      const member = new Member(crypto);
      const bytes = this.#operator.signs({ type, subject, key: member.key, ...now } as never);
      member.credential = parseCredential(bytes, crypto);
      this.#members.set(subject, member);
      this.#credentials.push(bytes);
    }
    for (const [stakeholder, subject, service] of [["customer", "home", "home"], ["supplier", "top", "billing"]] as const)
      this.#credentials.push(this.#members.get(stakeholder)!.signs({ type: "delegation", subject, service, rights: 3, key: this.#members.get(subject)!.key, ...now }));
  }

  #signatory(unit: Id, state: FileState): Signatory {
    const store = new CertificateStore(crypto, systemClock, this.#operator.credential.bytes);
    for (const bytes of this.#credentials) store.add(bytes);
    const verifier = new StatementVerifier(store, systemClock, crypto, new ReplayWindows(state), { unit, above: ids.slice(ids.indexOf(unit) + 1), registry });
    return new Signatory({ unit, key: this.#members.get(unit)!.signing, crypto, store, verifier, sequences: new SequenceReservation(state), registry });
  }

  async start(id: Id) {
    const log = () => {};
    const store: GatewayStore = await openStore({ folder: join(this.folder, id), log });
    const state = new FileState(join(this.folder, `${id}-state`), log);
    const uplink: { present?: Uplink } = {};
    const config: UnitConfig = { id, registry, ...roles[id], onSession: (peer, open) => open && peer === roles[id].parent && uplink.present?.sessionOpened() };
    const driver = new UnitDriver(config, { clock: systemClock, crypto, seal: encryptingSeal(crypto, portableSeal(crypto)), store, signatory: this.#signatory(id, state), log }, nodeTimers);
    const { unit } = driver;
    for (const session of sessions) if (session.initiator === id || session.responder === id) unit.addSession(session, secretOf(session.kid));
    if (id === "home") unit.enrol("meter", "customer");
    if (id === "home") unit.setDefaultPolicy("customer", grant(1, "supplier"));
    const server = id === "home" ? undefined : new TcpServer(driver, log, { durability: store, port: this.ports.get(id) ?? 0 });
    if (server) this.ports.set(id, await server.listen());
    const parent = roles[id].parent as Id | undefined;
    if (parent) uplink.present = new Uplink(driver, parent, tcpConnector("127.0.0.1", this.ports.get(parent)!, store), nodeTimers, log);
    const running = {
      driver,
      store,
      close: async () => {
        uplink.present?.close();
        await server?.close();
        driver.close();
        store.close();
      },
    };
    this.running.set(id, running);
    return running;
  }

  async restart(id: Id): Promise<void> {
    await this.running.get(id)!.close();
    await this.start(id);
  }

  as(id: Id, service: string, stakeholder: string, more: { device?: string; to?: string } = {}): DataInterface {
    return new DataInterface(this.running.get(id)!.driver.unit, { service, stakeholder, ...more }, 2000);
  }
}

test("SP-1 DI-10 signed queries go down two hops, published data come up, and restarts in between lose and double nothing", async () => {
  const grid = new Grid();
  for (const id of [...ids].reverse()) await grid.start(id);
  cleanUp.push(() => Promise.all([...grid.running.values()].map((one) => one.close())));
  const series = { variable, device: "meter", owner: "customer" };
  const ask = async (): Promise<readonly Reading[]> => (await grid.as("top", "billing", "supplier", { to: "home" }).query(series)).readings;
  const count = async (at: Id) => (await grid.as(at, "display", "customer").query({ ...series, at, function: "count" })).readings[0]?.value;

  let written = 0;
  for (const restarted of ["station", "home", "top", undefined] as const) {
    for (let i = 0; i < 30; i++) expect((await grid.as("home", "metering", "customer", { device: "meter" }).write({ ...series, value: ++written })).result).toBe("done");
    await vi.waitFor(async () => expect((await ask())[0]?.value).toBe(written), { timeout: 30_000, interval: 200 });
    if (restarted) await grid.restart(restarted);
  }
  await vi.waitFor(async () => expect([await count("station"), await count("top")]).toEqual([written, written]), { timeout: 60_000, interval: 500 });
  const { readings } = await grid.as("top", "billing", "supplier").query({ ...series, at: "top" });
  expect(readings[0]?.value).toBe(written);
  expect(grid.running.get("top")!.driver.unit.statementsOf("meter", power, 0, Infinity).length).toBeGreaterThan(1);
}, 180_000);
