/** The grid of first light: a home (customer unit), and a supplier and a grid operator that join it over TCP, each under a key of its own. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataInterface, MemoryStore, Registry, standardVariables, UnitDriver, Uplink, type LogPort, type PolicyText } from "ebalance";
import { NodeCrypto, nodeTimers, readKeyFile, systemClock, TcpServer, tcpConnector } from "@ebalance/gateway";

/** The customer lets the supplier's billing read every five seconds, and nobody else. */
export const policy: PolicyText = {
  sequence: 1,
  entries: [{ rights: "read", minDelayS: 5, grantees: [{ stakeholder: "supplier", service: "billing" }] }],
};

export const sensor = { unit: "sensor", service: "metering", owner: "customer" } as const;
const supplier = { unit: "supplier-unit", service: "billing", owner: "supplier" } as const;
const operator = { unit: "operator-unit", service: "grid-watch", owner: "operator" } as const;
const members = [sensor, supplier, operator];
const names = ["home", ...members.flatMap((m) => [m.unit, m.service, m.owner])];

/** Key files in a folder that only this user can read. */
class KeyFolder {
  readonly path = mkdtempSync(join(tmpdir(), "ebalance-first-light-"));

  constructor() {
    members.forEach((member, i) => {
      const { unit, service, owner } = member;
      const file = {
        type: "ebalance-session-key",
        version: 1,
        kid: i + 1,
        key: randomBytes(32).toString("hex"),
        domain: "first-light",
        initiator: unit,
        responder: "home",
        owner,
        names,
        sources: [{ device: unit, service, stakeholder: owner }],
        ...(member === sensor ? { policy } : {}),
      };
      writeFileSync(this.file(unit), JSON.stringify(file, null, 2), { mode: 0o600 });
    });
  }

  file(unit: string): string {
    return join(this.path, `${unit}.key.json`);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class Grid {
  readonly #keys = new KeyFolder();
  readonly #crypto = new NodeCrypto();
  readonly #home: UnitDriver;
  readonly #server: TcpServer;
  readonly #uplinks: Uplink[] = [];
  readonly #drivers: UnitDriver[] = [];
  /** Services: the customer's own display on the home unit, the supplier's billing and the operator's watch on theirs. */
  readonly display: DataInterface;
  supplier!: DataInterface;
  operator!: DataInterface;

  /** @param onSession told when a unit joins or leaves */
  constructor(
    private readonly log: LogPort,
    private readonly onSession: (unit: string, open: boolean) => void,
  ) {
    this.#home = this.#unit("home", undefined, 4096);
    for (const member of members) this.#addSession(this.#home, member.unit);
    this.#server = new TcpServer(this.#home, log);
    this.display = new DataInterface(this.#home.unit, { service: "display", stakeholder: "customer" });
  }

  /** Starts to listen; the supplier and the operator join. @returns the port that the sensor joins at */
  async open(): Promise<number> {
    const port = await this.#server.listen();
    this.supplier = this.#join(supplier, port);
    this.operator = this.#join(operator, port);
    return port;
  }

  get sensorKeyFile(): string {
    return this.#keys.file(sensor.unit);
  }

  get counters() {
    return this.#home.unit.counters;
  }

  /** Removes the key files. */
  removeKeys(): void {
    this.#keys.remove();
  }

  async close(): Promise<void> {
    for (const uplink of this.#uplinks) uplink.close();
    await this.#server.close();
    for (const driver of this.#drivers) driver.close();
    this.removeKeys();
  }

  #unit(id: string, parent: string | undefined, samples: number): UnitDriver {
    const config = { id, registry: new Registry(standardVariables), ...(parent ? { parent } : { onSession: this.onSession }) };
    const driver = new UnitDriver(config, { clock: systemClock, crypto: this.#crypto, store: new MemoryStore(samples), log: this.log }, nodeTimers);
    this.#drivers.push(driver);
    return driver;
  }

  #addSession(driver: UnitDriver, member: string): void {
    const { session, key } = readKeyFile(this.#keys.file(member));
    driver.unit.addSession(session, this.#crypto.importKey(key, "derive"));
    key.fill(0);
  }

  #join(member: { unit: string; service: string; owner: string }, port: number): DataInterface {
    const driver = this.#unit(member.unit, "home", 1);
    this.#addSession(driver, member.unit);
    this.#uplinks.push(new Uplink(driver, "home", tcpConnector("127.0.0.1", port), nodeTimers, this.log));
    return new DataInterface(driver.unit, { service: member.service, stakeholder: member.owner });
  }
}
