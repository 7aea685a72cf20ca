/** A DER controller and its home in one process, on a clock of its own: the device is a real one, what it controls is an inverter in words. */
import type { DeviceAccess, ProgramPorts } from "../../sdk/client/device-access";
import { openDevice, type Device } from "../../sdk/client/device";
import { LocalDevice } from "../../sdk/client/local-device";
import { QueryFunction, type QueryFunctionCode } from "../../sdk/core/model/instance";
import { Registry, fromPhysical, toPhysical, type Value, type Variable } from "../../sdk/core/model/registry";
import { resultName } from "../../sdk/core/model/result";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import type { LinkConnector, LinkPort } from "../../sdk/core/ports";
import type { Notification } from "../../sdk/core/requests/request-processor";
import { parseKeyFile } from "../../sdk/core/security/key-file";
import { ManagementUnit, type UnitLimits } from "../../sdk/core/unit";
import { Operation } from "../../sdk/core/wire/session-body";
import { DerController, type DerSettings } from "../../sdk/services/der/der-controller";
import type { InverterPort, InverterProblem, InverterReading, Nameplate } from "../../sdk/services/der/inverter-port";
import { MemoryStore } from "../../sdk/storage/memory-store";
import type { Security } from "./case";
import { startMs } from "./world";

const keyFile = JSON.stringify({
  type: "ebalance-session-key",
  version: 1,
  kid: 1,
  key: "0123456789abcdef".repeat(4),
  domain: "test-grid",
  initiator: "inverter-1",
  responder: "home",
  owner: "customer",
  names: ["inverter-1", "home", "customer", "der", "operator", "grid", "watch", "slow"],
  sources: [{ device: "inverter-1", service: "der", stakeholder: "customer" }],
  policy: {
    sequence: 1,
    entries: [
      { rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] },
      { rights: "read", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "watch" }] },
      { rights: "read-write", minDelayS: 5, grantees: [{ stakeholder: "operator", service: "slow" }] },
    ],
  },
});

/** An inverter of 5 kW that answers after 50 ms and obeys at once, unless it is told otherwise. */
export class InverterInWords implements InverterPort {
  availableW = 4000;
  voltageV = 230;
  share = 100;
  fault: InverterProblem["problem"] | undefined;
  ignores = false;
  limits = 0;

  constructor(private readonly world: DerWorld) {}

  identify(done: (result: Nameplate | InverterProblem) => void): void {
    this.#answer(done, () => ({ maker: "Maker", model: "5000", serialNumber: "1", nominalPowerW: 5000, limitShare: this.share }));
  }

  read(done: (result: InverterReading | InverterProblem) => void): void {
    const powerW = Math.min(this.availableW, this.ignores ? 5000 : 50 * this.share);
    this.#answer(done, () => ({ powerW, voltageL1V: this.voltageV, voltageL2V: undefined, voltageL3V: undefined, frequencyHz: 50, energyWh: 1000 }));
  }

  limit(share: number, done: (problem: InverterProblem | undefined) => void): void {
    this.limits++;
    if (!this.fault) this.share = share;
    this.#answer<InverterProblem | undefined>(done, () => (this.ignores ? { problem: "notObeyed", detail: "ignores" } : undefined));
  }

  close(): void {}

  #answer<T>(done: (result: T | InverterProblem) => void, value: () => T): void {
    this.world.after(50, () => done(this.fault ? { problem: this.fault, detail: "as it was told" } : value()));
  }
}

export class DerWorld {
  nowMs = 1000;
  /** Wall clock of the device and of the home, against the one that does not jump. */
  deviceJumpMs = 0;
  readonly home: ManagementUnit;
  readonly inverter = new InverterInWords(this);
  readonly log: string[] = [];
  controller: DerController | undefined;
  device: Device | undefined;
  local: LocalDevice | undefined;
  reachable = true;
  #cut: (() => void) | undefined;
  readonly #timers: { atMs: number; callback: () => void }[] = [];
  readonly #messages: (() => void)[] = [];

  constructor(
    private readonly security: Security,
    limits: Partial<UnitLimits> = {},
  ) {
    const { crypto, seal } = security;
    this.home = new ManagementUnit({ id: "home", registry: new Registry(standardVariables), limits }, { ...this.#ports(() => 0, "home"), crypto, seal, store: new MemoryStore(64), wake: () => {} });
    const { session, key, policy } = parseKeyFile(keyFile, "inverter-1.json");
    this.home.addSession(session, key.importInto(crypto, "derive"));
    this.home.setDefaultPolicy("customer", policy!);
  }

  #ports(jumpMs: () => number, name: string): ProgramPorts {
    return {
      clock: { wallMs: () => startMs + this.nowMs + jumpMs(), monotonicMs: () => this.nowMs, isSet: () => true },
      timers: { after: (ms, callback) => this.after(ms, callback), cancel: (timer) => this.cancel(timer) },
      log: (level, line) => void this.log.push(`${name} ${level} ${line}`),
    };
  }

  after(ms: number, callback: () => void): object {
    const timer = { atMs: this.nowMs + ms, callback };
    this.#timers.push(timer);
    return timer;
  }

  cancel(timer: unknown): void {
    const index = this.#timers.indexOf(timer as { atMs: number; callback: () => void });
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /** Starts the device, as after a power cut. */
  openDevice(): Device {
    const ports = this.#ports(() => this.deviceJumpMs, "inverter-1");
    const { crypto, seal } = this.security;
    this.device = openDevice({ ...ports, crypto, seal, keyFile: { name: "inverter-1.json", text: keyFile }, service: "der", connect: (events) => this.#connect(events) });
    return this.device;
  }

  /** The device is one of the home itself. */
  openLocal(): LocalDevice {
    this.local = new LocalDevice(this.home, this.#ports(() => 0, "home"), { device: "inverter-1", stakeholder: "customer", service: "der" });
    return this.local;
  }

  control(device: DeviceAccess = this.openDevice(), settings: Partial<DerSettings> = {}): void {
    this.controller = new DerController(device, this.inverter, this.#ports(() => this.deviceJumpMs, "der"), { everyMs: 1000, safeLimitShare: 40, gatewayTimeoutMs: 30_000, ...settings });
    this.pass(1000);
  }

  #connect(events: Parameters<LinkConnector>[0]): LinkPort {
    let open = this.reachable;
    const end = (reason: string) => {
      if (open) this.home.linkLost(there);
      open = false;
      this.#messages.push(() => events.down(reason));
    };
    const way = (take: (message: Uint8Array) => void) => (message: Uint8Array) => open && this.#messages.push(() => open && take(message)) > 0;
    const there: LinkPort = { name: "to inverter-1", send: way((message) => events.message(message)), close: end };
    const here: LinkPort = { name: "to home", send: way((message) => this.home.receive(there, message)), close: end };
    if (open) this.#messages.push(() => events.up());
    else end("nobody there");
    this.#cut = () => end("cut");
    return here;
  }

  cut(): void {
    this.reachable = false;
    this.#cut?.();
    this.pass(0);
  }

  close(): void {
    this.controller?.close();
    this.device?.close();
    this.local?.close();
    this.home.close();
  }

  /** Lets time pass, and everything happen in its order. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      this.#settle();
      let next: { atMs: number; callback: () => void } | undefined;
      for (const timer of this.#timers) if (timer.atMs <= untilMs && !(next && next.atMs <= timer.atMs)) next = timer;
      if (!next) break;
      this.cancel(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = untilMs;
  }

  #settle(): void {
    do {
      this.home.tick();
      this.#messages.shift()?.();
    } while (this.#messages.length);
    this.home.tick();
  }

  /** The operator writes to the device's series in its home. */
  write(...values: readonly (readonly [variable: string, value: Value])[]): string {
    const { names: n, registry } = this.home;
    const items = values.map(([name, value]) => {
      const variable = registry.named(name);
      return { variable: variable.id, value: fromPhysical(variable, value), timeMs: 0, device: n.id("inverter-1"), owner: n.id("customer"), policy: undefined };
    });
    let told = "";
    this.home.request({ op: Operation.write, source: { device: n.id("home"), service: n.id("grid"), stakeholder: n.id("operator") }, items }, ({ result }) => (told = resultName(result)));
    this.pass(0);
    return told;
  }

  /** A set-point as a service writes it. */
  setPoint(share: number, timeToLiveS: number): string {
    return this.write(["setPointTimeToLive", timeToLiveS], ["powerLimitShare", share]);
  }

  /** The newest value that the home keeps, or the result where there is none. */
  last(name: string): Value {
    const variable = this.home.registry.named(name);
    const { result, instances } = this.#query(variable, QueryFunction.last);
    return instances[0] ? toPhysical(variable, instances[0].value) : resultName(result);
  }

  /** How many values the home keeps. */
  reports(name: string): number {
    return this.#query(this.home.registry.named(name), QueryFunction.count).instances[0]!.value as number;
  }

  #query(variable: Variable, queryFunction: QueryFunctionCode): Notification {
    const { names: n } = this.home;
    const selector = { variable: variable.id, device: n.id("inverter-1"), owner: n.id("customer") };
    const told: Notification[] = [];
    const source = { device: n.id("home"), service: n.id("grid"), stakeholder: n.id("operator") };
    this.home.request({ op: Operation.query, source, selector, condition: [], function: queryFunction }, (notification) => told.push(notification));
    this.pass(0);
    return told[0]!;
  }

  /** State, alarms and confirmed limit as the home knows them, and the limit that the inverter has. */
  get status(): readonly Value[] {
    return [this.last("controllerState"), this.last("alarms"), this.last("powerLimitInForce"), this.inverter.share];
  }
}
