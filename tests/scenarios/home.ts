/** A home on TCP for scenarios: one device may join, and a service of the customer's follows its readings. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataInterface, encryptingSeal, MemoryStore, portableSeal, Registry, standardVariables, UnitDriver, type EventStream, type Protection } from "ebalance";
import { NodeCrypto, nodeTimers, readKeyFile, systemClock, TcpServer } from "@ebalance/gateway";

/** Which device may join, and which of its variables is followed. */
export interface HomeOptions {
  readonly device: string;
  readonly service: string;
  readonly followed: string;
  /** Of its session. */
  readonly protection?: Protection;
}

export class Home {
  readonly folder = mkdtempSync(join(tmpdir(), "ebalance-scenario-"));
  readonly keyFile = join(this.folder, "device.key.json");
  readonly driver: UnitDriver;
  readonly readings: EventStream;
  readonly log: string[] = [];
  readonly #sessionWaiters: (() => void)[] = [];
  #server: TcpServer | undefined;
  #port = 0;
  sessions = 0;

  /** The grid operator may read and write. */
  readonly grid: DataInterface;

  constructor({ device, service, followed, protection }: HomeOptions = { device: "sensor", service: "metering", followed: "activeEnergyImport" }) {
    const file = {
      type: "ebalance-session-key",
      version: 1,
      kid: 1,
      key: randomBytes(32).toString("hex"),
      domain: "scenario",
      initiator: device,
      responder: "home",
      owner: "customer",
      names: [device, "home", service, "customer", "grid", "operator"],
      sources: [{ device, service, stakeholder: "customer" }],
      protection,
      policy: { sequence: 1, entries: [{ rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] }] },
    };
    writeFileSync(this.keyFile, JSON.stringify(file), { mode: 0o600 });
    const crypto = new NodeCrypto();
    const onSession = (_unit: string, open: boolean) => {
      if (open) this.sessions++;
      this.#sessionWaiters.splice(0).forEach((tell) => tell());
    };
    const ports = { clock: systemClock, crypto, seal: encryptingSeal(crypto, portableSeal(crypto)), store: new MemoryStore(4096), log: (_level: string, line: string) => void this.log.push(line) };
    this.driver = new UnitDriver({ id: "home", registry: new Registry(standardVariables), onSession }, ports, nodeTimers);
    const { session, key, policy } = readKeyFile(this.keyFile);
    this.driver.unit.addSession(session, key.importInto(crypto, "derive"));
    this.driver.unit.setDefaultPolicy("customer", policy!);
    this.grid = new DataInterface(this.driver.unit, { service: "grid", stakeholder: "operator" });
    const display = new DataInterface(this.driver.unit, { service: "display", stakeholder: "customer" });
    this.readings = display.event({ variable: followed, device, owner: "customer" });
  }

  /** Listens, at the same port every time. */
  async open(): Promise<number> {
    this.#server = new TcpServer(this.driver, (_level, line) => void this.log.push(line), { port: this.#port });
    return (this.#port = await this.#server.listen());
  }

  /** Every connection is cut, and no new one is taken. */
  async cut(): Promise<void> {
    await this.#server?.close();
  }

  /** When the session of the sensor was opened or lost next. */
  sessionChange(): Promise<void> {
    return new Promise((resolve) => this.#sessionWaiters.push(resolve));
  }

  /** The values of the next readings up to and including one of at least `last`. */
  async valuesUpTo(last: number): Promise<number[]> {
    const values: number[] = [];
    while ((values.at(-1) ?? 0) < last) {
      const next = await this.readings.next();
      if (next.done) throw new Error("the stream of readings has ended");
      values.push(next.value.value as number);
    }
    return values;
  }

  async close(): Promise<void> {
    await this.cut();
    this.driver.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
