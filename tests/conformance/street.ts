/** Two levels in one process: a low-voltage unit, two customer units below it, a meter below each; on a clock of its own. */
import type { SeriesKey } from "../../sdk/core/model/instance";
import { policyFromText, type PolicyText } from "../../sdk/core/model/policy";
import { Registry, type Value } from "../../sdk/core/model/registry";
import { resultName } from "../../sdk/core/model/result";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import type { CryptoPort } from "../../sdk/core/security/crypto-port";
import type { SessionConfig } from "../../sdk/core/security/session-config";
import { ManagementUnit, type UnitLimits } from "../../sdk/core/unit";
import { Operation, type Request } from "../../sdk/core/wire/session-body";
import { MemoryStore } from "../../sdk/storage/memory-store";
import { LocalLinkPair } from "../../sdk/transports/local-link";
import type { Security } from "./case";
import { domain, startMs, type Told } from "./world";

const names = ["lv", "home-1", "home-2", "meter-1", "meter-2", "operator", "customer-1", "customer-2", "grid", "watch", "metering", "display", "hub"];

/** The operator's grid service may read and write at any time, its watch every five seconds. */
export const streetPolicy: PolicyText = {
  sequence: 1,
  entries: [
    { rights: "read", minDelayS: 5, grantees: [{ stakeholder: "operator", service: "watch" }] },
    { rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] },
  ],
};

export class Street {
  nowMs = startMs;
  readonly units = new Map<string, ManagementUnit>();
  readonly #links = new Map<string, LocalLinkPair>();
  readonly #crypto: CryptoPort;
  readonly log: string[] = [];

  constructor({ crypto, seal }: Security, limits: Partial<UnitLimits> = {}) {
    this.#crypto = crypto;
    for (const [id, parent] of [["lv"], ["home-1", "lv"], ["home-2", "lv"], ["meter-1", "home-1"], ["meter-2", "home-2"]] as const) {
      const ports = {
        clock: { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs - startMs + 1000, isSet: () => true },
        crypto,
        seal,
        store: new MemoryStore(64),
        log: (level: string, line: string) => this.log.push(`${id} ${level} ${line}`),
        wake: () => {},
      };
      this.units.set(id, new ManagementUnit({ id, registry: new Registry(standardVariables), limits, ...(parent ? { parent } : {}) }, ports));
    }
    for (const n of [1, 2]) {
      this.#join(10 + n, `home-${n}`, "lv", this.#upper(n));
      this.#join(20 + n, `meter-${n}`, `home-${n}`, this.#lower(n));
      this.unit(`home-${n}`).setDefaultPolicy(`customer-${n}`, streetPolicy);
    }
    this.run();
  }

  unit(id: string): ManagementUnit {
    return this.units.get(id)!;
  }

  /** What the session between a home and the low-voltage unit permits. */
  #upper(n: number): Partial<SessionConfig> {
    const display = { device: `meter-${n}`, service: "display", stakeholder: `customer-${n}`, via: `home-${n}` };
    const operator = ["grid", "watch"].map((service) => ({ device: "lv", service, stakeholder: "operator" }));
    const neighbour = { device: `meter-${3 - n}`, service: "display", stakeholder: `customer-${3 - n}`, via: "lv" };
    return { owner: `customer-${n}`, below: [`meter-${n}`], sources: [{ device: `home-${n}`, service: "hub", stakeholder: `customer-${n}` }, display, ...operator, neighbour] };
  }

  #lower(n: number): Partial<SessionConfig> {
    const own = ["metering", "display"].map((service) => ({ device: `meter-${n}`, service, stakeholder: `customer-${n}` }));
    return { owner: `customer-${n}`, sources: own };
  }

  #join(kid: number, initiator: string, responder: string, config: Partial<SessionConfig>): void {
    const session = { kid, domain, initiator, responder, names, ...config } as SessionConfig;
    for (const id of [initiator, responder]) this.unit(id).addSession(session, this.#crypto.importKey(new Uint8Array(32).fill(kid), "derive"));
    this.connect(initiator, responder);
  }

  /** Makes the link of a unit to the one above, and opens the session. */
  connect(initiator: string, responder: string): void {
    const pair = new LocalLinkPair(this.unit(initiator), this.unit(responder));
    this.#links.set(initiator, pair);
    this.unit(initiator).linkUp(pair.a, responder);
  }

  /** The link of a unit to the one above is lost. */
  cut(initiator: string): void {
    const pair = this.#links.get(initiator)!;
    this.#links.delete(initiator);
    this.units.forEach((unit) => {
      unit.linkLost(pair.a);
      unit.linkLost(pair.b);
    });
  }

  run(): void {
    for (let moved = 1; moved > 0; ) {
      moved = 0;
      this.units.forEach((unit) => unit.tick());
      this.#links.forEach((link) => (moved += link.pump()));
    }
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.run();
  }

  close(): void {
    this.units.forEach((unit) => unit.close());
  }

  selector(at: ManagementUnit, variable: string, device: string, owner: string): SeriesKey {
    return { variable: at.registry.named(variable).id, device: at.names.id(device), owner: at.names.id(owner) };
  }

  /** Makes a request as a service on a unit; the returned list goes on growing for a subscription. */
  ask(device: string, service: string, stakeholder: string, request: (at: ManagementUnit) => object): Told[] & { id: number } {
    const at = this.unit(device);
    const told: Told[] = [];
    const source = { device: at.names.id(device), service: at.names.id(service), stakeholder: at.names.id(stakeholder) };
    const id = at.request({ source, ...request(at) } as Request, ({ result, instances, retryAfterMs }) =>
      told.push({ result: resultName(result), ...(instances[0] ? { value: instances[0].value } : {}), ...(retryAfterMs ? { retryAfterMs } : {}) }),
    );
    this.run();
    return Object.assign(told, { id });
  }

  /** A meter measures. */
  measure(n: number, value: Value, variable = "activePower"): Told {
    const key = (at: ManagementUnit) => this.selector(at, variable, `meter-${n}`, `customer-${n}`);
    return this.ask(`meter-${n}`, "metering", `customer-${n}`, (at) => ({ op: Operation.write, items: [{ ...key(at), value, timeMs: this.nowMs, policy: undefined }] }))[0]!;
  }

  /** A write of a set-point to a meter, from anywhere. */
  set(device: string, service: string, stakeholder: string, n: number, value: Value, policy?: PolicyText): Told[] {
    return this.ask(device, service, stakeholder, (at) => ({
      op: Operation.write,
      items: [{ ...this.selector(at, "powerLimit", `meter-${n}`, `customer-${n}`), value, timeMs: 0, policy: policy && policyFromText(policy, at.names) }],
    }));
  }

  query(device: string, service: string, stakeholder: string, n: number, variable = "activePower"): Told[] {
    return this.ask(device, service, stakeholder, (at) => ({ op: Operation.query, selector: this.selector(at, variable, `meter-${n}`, `customer-${n}`), condition: [], function: 1 }));
  }

  event(device: string, service: string, stakeholder: string, n: number, variable = "activePower"): Told[] & { id: number } {
    return this.ask(device, service, stakeholder, (at) => ({ op: Operation.event, selector: this.selector(at, variable, `meter-${n}`, `customer-${n}`), condition: [] }));
  }

  periodic(device: string, service: string, stakeholder: string, n: number, periodMs: number): Told[] & { id: number } {
    return this.ask(device, service, stakeholder, (at) => ({ op: Operation.periodic, selector: this.selector(at, "activePower", `meter-${n}`, `customer-${n}`), periodMs }));
  }

  unsubscribe(device: string, service: string, stakeholder: string, id: number): string {
    return this.ask(device, service, stakeholder, () => ({ op: Operation.unsubscribe, id }))[0]!.result;
  }
}
