/** A gateway: one management unit with its store, its ways up and down, its bridges and services, as a configuration says (MU-3, MU-9, CP-9). */
import { DataInterface, decisionOf, encryptingSeal, granteesOf, MemoryStore, mqttPassword, portableSeal, Registry, ReplayWindows, SequenceReservation, Signatory, standardVariables, StatementVerifier, UnitDriver, Uplink, type LogPort, type StorePort, type UnitConfig } from "ebalance";
import { openUnitFolder } from "../credentials/open-unit-folder";
import type { UnitFolder } from "../credentials/unit-folder";
import type { FileState } from "../file-state";
import type { MqttAccount, MqttClientText } from "../mqtt/credentials";
import { NodeCrypto } from "../node-crypto";
import { nodeTimers, systemClock } from "../node-ports";
import { readKeyFile } from "../read-key-file";
import { openStore, type GatewayStore } from "../store/open-store";
import { ModbusBuses, startSunSpec } from "./bridges";
import { Certified } from "./certified";
import { checkStart } from "./check";
import type { GatewayConfig } from "./configuration";
import type { GatewayEvent, Listening } from "./events";
import { connectorOf, openListener, type Listener } from "./links";
import { startService } from "./services";

/** Counters are told this often, where somebody listens. */
const countersMs = 1000;

export interface GatewayOptions {
  readonly log: LogPort;
  /** Told what happens; see {@link GatewayEvent}. */
  readonly onEvent?: (event: GatewayEvent) => void;
}

/** What has to be ended, in this order. */
type Closer = () => unknown;

export class Gateway {
  readonly driver: UnitDriver;
  /** Where it listens; the ports are those that the system chose. */
  listening: readonly Listening[] = [];
  readonly #crypto = new NodeCrypto();
  readonly #closers: Closer[] = [];
  readonly #folder: { readonly folder: UnitFolder; readonly state: FileState } | undefined;
  #certified: Certified | undefined;
  #signatory: Signatory | undefined;
  #uplink: Uplink | undefined;

  /** Use {@link Gateway.open}. */
  private constructor(
    private readonly config: GatewayConfig,
    private readonly store: GatewayStore | undefined,
    private readonly options: GatewayOptions,
  ) {
    const { log } = options;
    this.#folder = config.credentials && openUnitFolder(config.credentials.folder, config.unit, { crypto: this.#crypto, log, stateFolder: config.credentials.stateFolder });
    const parent = parentOf(config, this.#folder?.folder);
    const tell = options.onEvent ?? (() => {});
    const onDecision: UnitConfig["onDecision"] = (request, notification) => tell({ type: "decision", timeMs: Date.now(), ...decisionOf(this.driver.unit, request, notification) });
    const registry = new Registry(standardVariables);
    const unit: UnitConfig = {
      id: config.unit,
      registry,
      copies: config.replicas,
      publish: config.publish.map(({ variable, ...series }) => ({ ...series, variable: registry.named(variable).id })),
      publishEveryMs: config.publishEveryS * 1000,
      limits: Object.fromEntries(Object.entries(config.limits).filter(([, value]) => value !== undefined)),
      ...(parent === undefined ? {} : { parent }),
      onSession: (peer: string, open: boolean) => {
        log("info", `session with ${peer} is ${open ? "open" : "lost"}`);
        if (open && peer === parent) this.#uplink?.sessionOpened();
        tell({ type: "session", peer, open });
      },
      onFlapping: (peer: string) => tell({ type: "flapping", peer }),
      onCheckpoint: (finding) => tell({ type: "checkpoint", ...finding }),
      ...(options.onEvent ? { onDecision } : {}),
    };
    const series: StorePort = store ?? new MemoryStore(4096);
    const crypto = this.#crypto;
    this.driver = new UnitDriver(unit, { clock: systemClock, crypto, seal: encryptingSeal(crypto, portableSeal(crypto)), store: series, signatory: (this.#signatory = this.#newSignatory(parent, registry)), log }, nodeTimers);
  }

  /** What the unit signs and verifies statements with, where it has credentials. */
  #newSignatory(parent: string | undefined, registry: Registry): Signatory | undefined {
    if (!this.#folder) return undefined;
    const { folder, state } = this.#folder;
    const { store } = folder;
    const unit = this.config.unit;
    const verifier = new StatementVerifier(store, systemClock, this.#crypto, new ReplayWindows(state), { unit, above: folder.above(parent), registry });
    return new Signatory({ unit, key: folder.key("es256"), crypto: this.#crypto, store, verifier, sequences: new SequenceReservation(state), registry });
  }

  /**
   * Opens the store, takes in the keys, listens, joins the unit above and starts bridges and services. Where one of these fails, what was opened is closed again.
   * @throws EbalanceError `bad-configuration` naming the place and the remedy
   * @example
   * const gateway = await Gateway.open(readConfig("home.yaml"), { log: stderrLog("home") });
   * process.once("SIGTERM", () => void gateway.close());
   */
  static async open(config: GatewayConfig, options: GatewayOptions): Promise<Gateway> {
    checkStart(config, (line) => options.log("warning", line));
    const store = config.store && (await openConfigured(config.store, options.log));
    let gateway: Gateway | undefined;
    try {
      gateway = new Gateway(config, store, options);
      await gateway.#start();
      return gateway;
    } catch (error) {
      if (gateway) await gateway.close();
      else store?.close();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { config, store, driver } = this;
    const { log, onEvent } = this.options;
    const { unit } = driver;
    for (const [owner, policy] of Object.entries(config.policies)) unit.setDefaultPolicy(owner, policy);
    const provisioned = config.units.map(({ keyFile }) => this.#addSession(keyFile)).map(({ self, password }) => ({ id: self, password: password() }));
    const clients = [...provisioned, ...this.#useCredentials()];
    this.#startBridges();
    for (const listen of config.listen) await this.#listen(listen, clients);
    if (config.parent) this.#join(config.parent);
    for (const service of config.services) this.#closers.unshift(startService(service, { driver, log, onEvent: onEvent ?? (() => {}) }));
    onEvent?.({ type: "ready", listening: this.listening, store: store?.engine ?? "memory" });
    if (onEvent) this.#tellCounters(onEvent);
  }

  #startBridges(): void {
    const { log } = this.options;
    const buses = new ModbusBuses();
    for (const { sunspec } of this.config.bridges) this.#closers.push(startSunSpec(sunspec, this.driver, buses, log));
    this.#closers.push(() => buses.close());
  }

  async #listen(listen: GatewayConfig["listen"][number], clients: readonly MqttClientText[]): Promise<void> {
    const listener: Listener = openListener(listen, { driver: this.driver, log: this.options.log, clients, durability: this.store });
    this.#closers.push(() => listener.close());
    const listening = await listener.listen();
    this.listening = [...this.listening, listening];
    this.options.log("info", `listens on ${listening.kind} ${listening.host}${listening.port ? `:${listening.port}` : ""}`);
  }

  #join(parent: NonNullable<GatewayConfig["parent"]>): void {
    const { log } = this.options;
    const isCertified = parent.keyFile === undefined;
    const account = isCertified ? this.#folder!.folder.accountAt(parentOf(this.config, this.#folder!.folder)!) : this.#addSession(parent.keyFile);
    const connector = connectorOf(parent, account, log, this.store);
    this.#uplink = new Uplink(this.driver, account.parent, isCertified ? this.#certified!.connector(connector, account.parent) : connector, nodeTimers, log);
    this.#closers.push(() => this.#uplink!.close());
  }

  /** @returns the units below that a broker may let in */
  #useCredentials(): readonly MqttClientText[] {
    if (!this.#folder) return [];
    const { folder, state } = this.#folder;
    const party = folder.party(granteesOf(Object.values(this.config.policies)), this.config.credentials!.protection);
    const certified = (this.#certified = new Certified({ folder, state, party, driver: this.driver, crypto: this.#crypto, log: this.options.log }));
    this.#closers.push(() => certified.close());
    return folder.clients;
  }

  /** Takes in the session of a key file. @returns who its lower end is to a broker of its upper one */
  #addSession(keyFile: string): MqttAccount {
    const { session, key } = readKeyFile(keyFile);
    const secret = key.importInto(this.#crypto, "derive");
    key.wipe();
    this.driver.unit.addSession(session, secret);
    return { self: session.initiator, parent: session.responder, password: () => mqttPassword(this.#crypto, secret, session) };
  }

  #tellCounters(onEvent: (event: GatewayEvent) => void): void {
    const timer = setInterval(() => {
      const { received, instancesKept, refused, results, notificationsLost } = this.driver.unit.counters;
      onEvent({ type: "counters", received, instancesKept, refused, results, notificationsLost });
    }, countersMs);
    this.#closers.push(() => clearInterval(timer));
  }

  /**
   * The data interface of a service on this unit.
   * @param to id of the unit that all requests go to, signed (SP-1): needs credentials, and the stakeholder's delegation to this unit. Left out: where the series are at home, from unit to unit
   * @example
   * const { result, readings } = await gateway.services("supplier", "billing", "home").query({ variable: "activePower", device: "meter", owner: "customer" });
   */
  services(stakeholder: string, service: string, to?: string): DataInterface {
    return new DataInterface(this.driver.unit, { stakeholder, service, ...(to === undefined ? {} : { to }) });
  }

  /** Ends services, bridges, links and listeners, then the unit, and closes the store once everything is on disk. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
    this.driver.close();
    this.#signatory?.close();
    this.#folder?.folder.close();
    this.store?.close();
  }
}

/** The unit above; undefined: there is none. */
function parentOf(config: GatewayConfig, folder: UnitFolder | undefined): string | undefined {
  if (!config.parent) return undefined;
  if (config.parent.keyFile === undefined) return folder!.parent(config.parent.unit);
  const { session, key } = readKeyFile(config.parent.keyFile);
  key.wipe();
  return session.responder;
}

function openConfigured({ samplesPerSeries, ...store }: NonNullable<GatewayConfig["store"]>, log: LogPort): Promise<GatewayStore> {
  return openStore({ ...store, log, ...(samplesPerSeries === undefined ? {} : { samplesPerSeries }) });
}
