/**
 * The device kit: what a device's firmware calls. It keeps the link to the parent, reports readings on schedule, holds back what could not
 * be delivered yet, and hears of what is written for the device.
 */
import { LeafUnit } from "../core/leaf-unit";
import { badArgument, EbalanceError } from "../core/model/errors";
import { policyFromText } from "../core/model/policy";
import { checkedFromPhysical, Registry, type Value, type VariableDefinition } from "../core/model/registry";
import { standardRegistry } from "../core/model/standard-variables";
import type { ClockPort, LinkConnector, LogPort } from "../core/ports";
import type { CryptoPort } from "../core/security/crypto-port";
import { parseKeyFile, type KeyFile } from "../core/security/key-file";
import type { SessionConfig } from "../core/security/session-config";
import type { UnitConfig, UnitLimits } from "../core/unit-config";
import type { SealPort } from "../core/wire/reading-message";
import { noStore } from "../storage/no-store";
import type { StorePort } from "../storage/store-port";
import { readingTimeMs, type DeviceAccess, type Following, type Written } from "./device-access";
import { Driver, type TimerHandle, type TimerPort } from "./driver";
import { Outbox } from "./outbox";
import { OwnCopy } from "./own-copy";
import { Followers } from "./series-follower";
import { Uplink } from "./uplink";

/** What a platform offers to a device. Implementations: targets/xs-host, targets/linux-gateway. */
export interface DevicePlatform {
  readonly clock: ClockPort;
  readonly crypto: CryptoPort;
  readonly timers: TimerPort;
  readonly log: LogPort;
  /** The text of the key file that this device was provisioned with. It is asked for once, when the device starts: a platform need not keep it. */
  readonly keyFile: { readonly name: string; readonly text: string };
  /** Name of the service that this device runs, as the key file's sources name it. */
  readonly service: string;
  /** Makes links to the parent. */
  readonly connect: LinkConnector;
  /** Where the device keeps what it measures, to answer those who ask it itself. Left out: nowhere, and the home has the only copy. */
  readonly store?: StorePort;
  /** Left out: in TypeScript, over the crypto port. */
  readonly seal?: SealPort;
}

/** A device sends what it measures to its parent and is home of no series, so nobody can make it keep anything. */
const deviceLimits: Partial<UnitLimits> = Object.freeze({ maxSeries: 0, maxPolicies: 2, maxAccessStates: 0, maxSubscriptions: 0, maxPending: 64 });
/**
 * With a store of its own it answers for what it has measured (a DER controller: 12 series); its parent has half of the subscriptions, as any other unit. A sample that a query
 * looks at takes an ESP32-C3 about a thousand instructions: its parent's questions have a tenth of its time, and may look through a whole ring at once.
 */
const keepingLimits: Partial<UnitLimits> = Object.freeze({ maxSeries: 16, maxPolicies: 8, maxAccessStates: 32, maxSubscriptions: 16, maxPending: 64, maxScanned: 16_000 });

export interface DeviceOptions {
  /** The variables of this device, instead of the SDK's registry: a subset of `standardVariables`, or variables of its own. */
  readonly variables?: Readonly<Record<string, VariableDefinition>>;
}

export interface ReportOptions {
  /** Period in milliseconds, 10 to 2^31 - 1. */
  readonly everyMs: number;
  /** Gives the value in the variable's unit of measure; undefined where there is none now. */
  readonly read: () => Value | undefined;
}

/** What a device is provisioned with, besides its keys. */
type DeviceProvision = Pick<KeyFile, "policy"> & { readonly session: Pick<SessionConfig, "kid" | "initiator" | "responder" | "owner" | "sources"> };

export class Device implements DeviceAccess {
  readonly #driver: Driver<LeafUnit>;
  protected readonly outbox: Outbox;
  readonly #copy: OwnCopy | undefined;
  readonly #uplink: Uplink;
  readonly #reports: Report[] = [];
  readonly #followers: Followers;

  /** Use {@link openDevice}. */
  constructor(
    private readonly platform: Omit<DevicePlatform, "keyFile">,
    { session, policy: text }: DeviceProvision,
    driver: Driver<LeafUnit>,
    config: DeviceConfig,
  ) {
    const { log, timers } = platform;
    this.#driver = driver;
    config.onSession = (peer, open) => this.#sessionChanged(peer, open);
    const source = { service: platform.service, stakeholder: session.owner };
    if (!session.sources.some((s) => s.device === session.initiator && s.service === platform.service && s.stakeholder === session.owner))
      throw new EbalanceError("bad-configuration", "caller", `service ${platform.service} of ${session.owner} is not in the sources of session ${session.kid}`);
    const { unit } = driver;
    // One for the readings that are kept and for those that are sent.
    const policy = text && policyFromText(text, unit.names);
    if (platform.store) this.#copy = new OwnCopy(unit, unit.names.id(session.owner), policy, platform.store, platform.clock, log);
    this.#uplink = new Uplink(driver, session.responder, platform.connect, timers, log);
    this.outbox = new Outbox(unit, source, platform, policy, this.#uplink);
    this.#followers = new Followers(unit, source, platform);
  }

  #sessionChanged(parent: string, open: boolean): void {
    this.platform.log("info", `session with ${parent} is ${open ? "open" : "lost"}`);
    if (open) this.#uplink.sessionOpened();
    this.outbox.linkChanged(open);
    this.#followers.linkChanged(open);
  }

  /** Id of this unit. */
  get id(): string {
    return this.#driver.unit.id;
  }

  /**
   * Reports a reading now. It is kept until the parent has acknowledged it, as long as the outbox holds.
   * @param value in the variable's unit of measure
   * @throws EbalanceError `bad-argument` for an unknown variable, a value outside its type or range, or what is no time
   */
  write(variable: string, value: Value, timeMs?: number): void {
    const known = this.#driver.unit.registry.named(variable);
    const inUnitForm = checkedFromPhysical(known, value);
    const atMs = readingTimeMs(timeMs === undefined ? this.platform.clock.wallMs() : timeMs);
    this.#copy?.keep(known.id, inUnitForm, atMs);
    this.outbox.add(known, inUnitForm, atMs);
  }

  /**
   * Reports a variable on schedule, first now, until the device is closed. Readings out of range are logged and left out.
   * @throws EbalanceError `bad-argument` for an unknown variable, a period out of range or a `read` that is no function
   */
  report(variable: string, options: ReportOptions): void {
    const { everyMs, read } = options;
    if (!(everyMs >= 10 && everyMs <= 0x7fffffff)) badArgument(`${variable}: everyMs ${everyMs} is not from 10 to 2147483647`);
    if (typeof read !== "function") badArgument(`${variable}: read is no function`);
    this.#driver.unit.registry.named(variable);
    const report = new Report(this, this.platform, variable, everyMs, read);
    this.#reports.push(report);
    report.next();
  }

  /** As {@link DeviceAccess.follow}; the home unit is the parent. */
  follow(variables: readonly string[], onWritten: (written: Written) => void, onHome?: (there: boolean) => void): Following {
    return this.#followers.follow(variables, onWritten, onHome);
  }

  /** Ends the reports and the link, and forgets the keys. Readings that were not acknowledged are lost. */
  close(): void {
    this.#reports.forEach((report) => report.end());
    this.#followers.close();
    this.outbox.close();
    this.#uplink.close();
    this.#driver.close();
  }
}

/** A variable that is reported on schedule. */
class Report {
  #timer: TimerHandle;
  #isMissing = false;
  /** Reads now, and again after each period. */
  readonly next = () => {
    this.#timer = this.platform.timers.after(this.everyMs, this.next);
    this.#write();
  };

  constructor(
    private readonly device: Device,
    private readonly platform: Omit<DevicePlatform, "keyFile">,
    private readonly variable: string,
    private readonly everyMs: number,
    private readonly read: ReportOptions["read"],
  ) {}

  #write(): void {
    const { variable, platform, read } = this;
    try {
      const value = read();
      if (value === undefined && !this.#isMissing) platform.log("info", `${variable}: nothing to read here`);
      this.#isMissing = value === undefined;
      if (value !== undefined) this.device.write(variable, value);
    } catch (error) {
      platform.log("warning", `${variable}: ${(error as Error).message}`);
    }
  }

  end(): void {
    this.platform.timers.cancel(this.#timer);
  }
}

/**
 * Starts a device on its platform.
 * @throws EbalanceError `bad-configuration` for a key file that is not usable
 * @example
 * import { openDevice } from "ebalance/device";
 * import { platform } from "ebalance:platform";
 * openDevice(platform).report("temperature", { everyMs: 10_000, read: platform.readings.temperature });
 */
export function openDevice(platform: DevicePlatform, options: DeviceOptions = {}): Device {
  const file = parseKeyFile(platform.keyFile.text, platform.keyFile.name);
  const config = configOf(platform, file.session, options);
  const { clock, crypto, timers, log, store, seal } = platform;
  // One after the other, and not the device's constructor all of it: the stack of a microcontroller is small.
  const driver = new Driver({ clock, crypto, log, store: store ?? noStore, seal }, timers, (ports) => new LeafUnit(config, ports));
  driver.unit.addSession(file.session, file.key.importInto(crypto, "derive"));
  file.key.wipe();
  return new Device(platform, file, driver, config);
}

/** What the unit of a device is made with. The device is made last, and is told of the session from then on. */
type DeviceConfig = Omit<UnitConfig, "onSession"> & { onSession: NonNullable<UnitConfig["onSession"]> };

export function configOf({ store }: Pick<DevicePlatform, "store">, { initiator: id, responder: parent }: Pick<SessionConfig, "initiator" | "responder">, { variables }: DeviceOptions): DeviceConfig {
  return { id, registry: variables ? new Registry(variables) : standardRegistry, parent, limits: store ? keepingLimits : deviceLimits, onSession: () => {} };
}
