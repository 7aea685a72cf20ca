/** A small grid in one process: a home (customer unit), a meter below it, a supplier and a grid operator beside it, on a clock of its own. */
import type { PolicyText } from "../../sdk/core/model/policy";
import { Comparison, Field, QueryFunction, type Condition, type QueryFunctionCode } from "../../sdk/core/model/instance";
import { policyFromText } from "../../sdk/core/model/policy";
import { Registry, type Value } from "../../sdk/core/model/registry";
import { resultName } from "../../sdk/core/model/result";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import type { LinkPort } from "../../sdk/core/ports";
import type { CryptoPort } from "../../sdk/core/security/crypto-port";
import type { SessionConfig } from "../../sdk/core/security/session-config";
import { LeafUnit } from "../../sdk/core/leaf-unit";
import { ManagementUnit, type UnitLimits } from "../../sdk/core/unit";
import { Operation, type Item, type Source } from "../../sdk/core/wire/session-body";
import { MemoryStore } from "../../sdk/storage/memory-store";
import type { StorePort } from "../../sdk/storage/store-port";
import { LocalLinkPair } from "../../sdk/transports/local-link";
import type { Security } from "./case";

export const domain = "test-grid";
export const startMs = 1_790_000_000_000;

/** The supplier's billing may read every 5 s, the aggregator every 60 s; nobody else may do anything. */
export const readPolicy: PolicyText = {
  sequence: 1,
  entries: [
    { rights: "read", minDelayS: 5, grantees: [{ stakeholder: "supplier", service: "billing" }] },
    { rights: "read", minDelayS: 60, grantees: [{ stakeholder: "aggregator", service: "balancing" }] },
  ],
};

const names = ["home", "meter", "supplier-unit", "operator-unit", "customer", "supplier", "operator", "aggregator", "sensor", "billing", "balancing", "grid"];

export function sessionConfig(kid: number, initiator: string, owner: string, service: string): SessionConfig {
  return { kid, domain, initiator, responder: "home", owner, names, sources: [{ device: initiator, service, stakeholder: owner }] };
}

/** How a world may differ: limits of its units, further sources of the meter's session, samples of its stores, another store for the meter. */
export type WorldOptions = [limits?: Partial<UnitLimits>, meterSources?: SessionConfig["sources"], samples?: number, meterStore?: StorePort];

/** What a requester was told, in a form that can be compared. */
export interface Told {
  result: string;
  value?: unknown;
  timeMs?: number;
  retryAfterMs?: number;
}

export class World {
  nowMs = startMs;
  monotonicMs = 1000;
  readonly log: string[] = [];
  readonly home: ManagementUnit;
  readonly meter: LeafUnit;
  readonly supplier: LeafUnit;
  readonly operator: LeafUnit;
  readonly #links: LocalLinkPair[] = [];
  readonly #units: LeafUnit[];
  /** Everything that was sent to the home, for replays. */
  readonly recorded: Uint8Array[] = [];

  /** When set, takes what is sent to the home; what it says true to goes no further. */
  intercept: ((message: Uint8Array) => boolean) | undefined;

  /**
   * @param meterSources sources of the meter's session besides its own
   * @param samples that each store keeps of a series
   * @param meterStore that of the meter
   */
  constructor({ crypto, seal }: Security, ...[limits = {}, meterSources = [], samples = 256, meterStore]: WorldOptions) {
    const ports = (id: string, store: StorePort = new MemoryStore(samples)) => ({
      clock: { wallMs: () => this.nowMs, monotonicMs: () => this.monotonicMs, isSet: () => true },
      crypto,
      seal,
      store,
      log: (level: string, line: string) => this.log.push(`${id} ${level} ${line}`),
      wake: () => {},
    });
    const registry = new Registry(standardVariables);
    const leaf = (id: string, store?: StorePort) => new LeafUnit({ id, registry, limits, parent: "home" }, ports(id, store));
    this.home = new ManagementUnit({ id: "home", registry, limits }, ports("home"));
    this.meter = leaf("meter", meterStore);
    this.supplier = leaf("supplier-unit");
    this.operator = leaf("operator-unit");
    this.#units = [this.home, this.meter, this.supplier, this.operator];
    this.home.setDefaultPolicy("customer", readPolicy);
    const meterSession = sessionConfig(1, "meter", "customer", "sensor");
    this.#join(this.meter, { ...meterSession, sources: [...meterSession.sources, ...meterSources] }, crypto);
    this.#join(this.supplier, sessionConfig(2, "supplier-unit", "supplier", "billing"), crypto);
    this.#join(this.operator, sessionConfig(3, "operator-unit", "operator", "grid"), crypto);
    this.run();
  }

  #join(unit: LeafUnit, config: SessionConfig, crypto: CryptoPort): void {
    const key = new Uint8Array(32).fill(config.kid);
    unit.addSession(config, crypto.importKey(key, "derive"));
    this.home.addSession(config, crypto.importKey(key, "derive"));
    const recorder = {
      receive: (link: LinkPort, message: Uint8Array) => {
        this.recorded.push(message);
        if (this.intercept?.(message)) return true;
        return this.home.receive(link, message);
      },
    };
    const pair = new LocalLinkPair(unit, recorder);
    this.#links.push(pair);
    unit.linkUp(pair.a, "home");
  }

  close(): void {
    for (const unit of this.#units) unit.close();
  }

  /** The link over which the home hears from the unit that joined as number `index`. */
  homeLink(index: number): LinkPort {
    return this.#links[index]!.b;
  }

  unitLink(index: number): LinkPort {
    return this.#links[index]!.a;
  }

  /** Lets everything happen that is due now. */
  run(): void {
    for (let moved = 1; moved > 0; ) {
      moved = 0;
      for (const unit of this.#units) unit.tick();
      for (const link of this.#links) moved += link.pump();
    }
  }

  /** Lets time pass on both clocks. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.monotonicMs += ms;
    this.run();
  }

  source(unit: LeafUnit, service: string, stakeholder: string): Source {
    return { device: unit.names.id(unit.id), service: unit.names.id(service), stakeholder: unit.names.id(stakeholder) };
  }

  item(unit: LeafUnit, variable: string, value: Value, policy?: PolicyText | Uint8Array, timeMs = this.nowMs): Item {
    const { names: n, registry } = unit;
    const given = policy === undefined || policy instanceof Uint8Array ? policy : policyFromText(policy, n);
    return { variable: registry.named(variable).id, value, timeMs, device: n.id("meter"), owner: n.id("customer"), policy: given };
  }

  /** The meter writes in the unit's form. */
  write(variable: string, value: Value, policy?: PolicyText | Uint8Array, timeMs?: number): Told {
    const request = { op: Operation.write, source: this.source(this.meter, "sensor", "customer"), items: [this.item(this.meter, variable, value, policy, timeMs)] };
    return this.ask(this.meter, request)[0]!;
  }

  query(unit: LeafUnit, service: string, stakeholder: string, code: QueryFunctionCode = QueryFunction.last, condition: Condition = [], variable = "activePower"): Told {
    const { names: n, registry } = unit;
    const selector = { variable: registry.byName(variable)?.id ?? 999, device: n.id("meter"), owner: n.id("customer") };
    return this.ask(unit, { op: Operation.query, source: this.source(unit, service, stakeholder), selector, condition, function: code })[0]!;
  }

  /** Makes a request and lets it happen; the returned list goes on growing for an event. */
  ask(unit: LeafUnit, request: Parameters<LeafUnit["request"]>[0]): Told[] {
    const told: Told[] = [];
    unit.request(request, ({ result, instances, retryAfterMs }) =>
      told.push({
        result: resultName(result),
        ...(instances[0] ? { value: instances[0].value, timeMs: instances[0].timeMs - startMs } : {}),
        ...(retryAfterMs ? { retryAfterMs } : {}),
      }),
    );
    this.run();
    return told;
  }

  /** An event on the meter's active power above a value. */
  event(unit: LeafUnit, service: string, stakeholder: string, above: number): Told[] {
    const { names: n, registry } = unit;
    const selector = { variable: registry.named("activePower").id, device: n.id("meter"), owner: n.id("customer") };
    const condition = [{ field: Field.value, comparison: Comparison.above, operand: above }];
    return this.ask(unit, { op: Operation.event, source: this.source(unit, service, stakeholder), selector, condition });
  }
}
