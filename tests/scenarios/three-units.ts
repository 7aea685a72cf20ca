/**
 * Three units for tests: a home, the low-voltage unit above it and the top, with credentials, on a clock of the test. Each can be started anew with what it had kept; the unit in the middle may be one
 * that lies.
 */
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { Member } from "../conformance/credential-world";
import { MemoryState } from "../../sdk/storage/memory-state";
import { MemoryStore } from "../../sdk/storage/memory-store";
import type { StorePort } from "../../sdk/storage/store-port";
import { type EbalanceError } from "../../sdk/core/model/errors";
import { policyFromText, type PolicyText } from "../../sdk/core/model/policy";
import { Registry } from "../../sdk/core/model/registry";
import { resultName } from "../../sdk/core/model/result";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import type { LinkPort } from "../../sdk/core/ports";
import type { Notification } from "../../sdk/core/requests/request-processor";
import { CertificateStore } from "../../sdk/core/security/certificate-store";
import { parseCredential } from "../../sdk/core/security/credential";
import { signRevocations } from "../../sdk/core/security/revocation-list";
import { ReplayWindows } from "../../sdk/core/security/replay-windows";
import { SequenceReservation } from "../../sdk/core/security/sequence-reservation";
import { Session } from "../../sdk/core/security/session";
import type { SessionConfig } from "../../sdk/core/security/session-config";
import { StatementVerifier } from "../../sdk/core/security/statement-verifier";
import { ManagementUnit } from "../../sdk/core/unit";
import { Names } from "../../sdk/core/model/names";
import type { UnitConfig } from "../../sdk/core/unit-config";
import { carryingSeal, isCarried, type CarriedBody, type Carrying } from "../../sdk/core/wire/carry-body";
import { encryptingSeal } from "../../sdk/core/wire/encrypting-seal";
import { portableSeal } from "../../sdk/core/wire/reading-message";
import { Operation, type SessionBody } from "../../sdk/core/wire/session-body";
import { Signatory } from "../../sdk/core/statements/signatory";

export const startMs = 1_800_000_600_000;
export const crypto = new NodeCrypto();
export const registry = new Registry(standardVariables);
export const power = 1;

export const grant = (sequence: number, ...grantees: string[]): PolicyText => ({
  sequence,
  entries: grantees.length ? [{ rights: "read-write", minDelayS: 0, grantees: grantees.map((stakeholder) => ({ stakeholder, service: "billing" })) }] : [],
});

const ids = ["home", "station", "top"] as const;
export type UnitName = (typeof ids)[number];
/** Sessions: of the home with the station (1) and of the station with the top (2). */
export const sessions: readonly SessionConfig[] = [
  { kid: 1, domain: "elm-street", initiator: "home", responder: "station", owner: "customer", names: ["home", "station", "meter", "customer"], sources: [], below: ["meter"] },
  { kid: 2, domain: "elm-street", initiator: "station", responder: "top", owner: "operator", names: ["home", "station", "top", "meter", "customer", "operator"], sources: [], below: ["home", "meter"], protection: "encrypt" },
];
const seal = encryptingSeal(crypto, portableSeal(crypto));
export const secretOf = (kid: number) => crypto.importKey(new Uint8Array(32).fill(kid), "derive");

/** A message under way. */
interface Under {
  readonly to: UnitName;
  readonly message: Uint8Array;
}

/** What a unit has kept over a restart. */
interface Kept {
  readonly state: MemoryState;
  store: StorePort;
}

/** Whatever stands between the home and the top. */
interface Middle {
  receive(link: LinkPort, message: Uint8Array): boolean;
  linkUp(link: LinkPort, neighbour: string): void;
  linkLost(link: LinkPort): void;
  tick(): number;
}

/** A unit between others that has the keys of its sessions and does with every statement what the test says. */
export class Liar implements Middle {
  /** What it does with a body for the other side. */
  onCarried: (body: CarriedBody, to: UnitName) => void = (body, to) => this.passOn(body, to);
  readonly seen: CarriedBody[] = [];
  /** Results of notifications without a statement. */
  readonly plain: number[] = [];
  readonly #sessions = new Map<UnitName, Session>();
  readonly #links = new Map<UnitName, LinkPort>();
  readonly #names = new Names();
  /** Of what it sent, the sequence under which it came. */
  readonly #asked = new Map<number, number>();

  constructor() {
    const carrying = carryingSeal(seal, crypto);
    for (const config of sessions) this.#sessions.set(config.kid === 1 ? "home" : "top", new Session(config, "station", secretOf(config.kid), registry, this.#names, crypto, carrying));
  }

  linkUp(link: LinkPort): void {
    this.#links.set("top", link);
    link.send(this.#sessions.get("top")!.open());
  }
  linkLost(): void {}
  tick(): number {
    return Infinity;
  }

  send(to: UnitName, body: Carrying | { readonly op: 6 } | { readonly op: 8; readonly units: readonly number[] }): number {
    const session = this.#sessions.get(to)!;
    const sequence = session.nextSequence;
    this.#links.get(to)!.send(session.seal({ ...body, sequence, timeMs: undefined } as SessionBody));
    return sequence;
  }

  /** What an honest unit does. */
  passOn(body: CarriedBody, to: UnitName): void {
    if (body.op !== Operation.notify) this.#asked.set(this.send(to, body), body.sequence);
    else this.send(to, { ...body, id: this.idOf(body.id) });
  }

  /** Under which number the other side knows what was sent under this one. */
  idOf(id: number): number {
    return this.#asked.get(id) ?? 1;
  }

  receive(link: LinkPort, message: Uint8Array): boolean {
    const from: UnitName = seal.parse(message)!.kid === 1 ? "home" : "top";
    const received = this.#sessions.get(from)!.receive(seal.parse(message)!, link);
    this.#links.set(from, link);
    if (received.kind === "reply") link.send(received.message);
    if (received.kind === "opened") {
      this.send(from, { op: Operation.alive });
      this.send(from, { op: Operation.announce, units: [this.#names.id("home")] });
    }
    if (received.kind !== "body") return true;
    if (received.body.op === Operation.alive && received.reopened) this.send(from, { op: Operation.alive });
    const to = from === "home" ? "top" : "home";
    if (isCarried(received.body)) {
      this.seen.push(received.body);
      this.onCarried(received.body, to);
    } else if (received.body.op === Operation.notify) {
      this.plain.push(received.body.result);
      this.passOn(received.body as never, to);
    }
    return true;
  }
}

export class ThreeUnits {
  nowMs = startMs;
  readonly log: string[] = [];
  readonly operator = new Member(crypto);
  readonly members = new Map<string, Member>();
  readonly #kept = new Map<UnitName, Kept>();
  readonly #links = new Map<number, { queue: Under[]; ends: [LinkPort, LinkPort] }>();
  readonly #delegations: Uint8Array[] = [];
  readonly #stores = new Map<UnitName, CertificateStore>();
  readonly units = new Map<UnitName, ManagementUnit>();
  liar: Liar | undefined;
  readonly clock = { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs, isSet: () => true };
  /** How far the clock of the home is ahead of the others. */
  homeAheadMs = 0;

  /** @param configs what units have besides id and parent */
  constructor(
    private readonly configs: Partial<Record<UnitName, Partial<UnitConfig>>> = {},
    { lies = false, samples = 4096, rights = {} as Readonly<Record<string, number>> } = {},
  ) {
    this.operator.credential = parseCredential(this.operator.signs({ type: "root", subject: "operator" }, { use: "es256", name: "operator" }), crypto);
    for (const subject of ["customer", "supplier", "advertiser"]) this.#enlist(subject, { type: "stakeholder" });
    for (const subject of ids) this.#enlist(subject, { type: "unit", role: "gateway" });
    this.delegate("customer", "home", "home", rights["home"] ?? 3);
    for (const [stakeholder, unit] of [["supplier", "top"], ["advertiser", "top"], ["supplier", "station"]] as const) this.delegate(stakeholder, unit, "billing", 3);
    for (const id of ids) this.#kept.set(id, { state: new MemoryState(), store: new MemoryStore(samples) });
    if (lies) this.liar = new Liar();
    for (const id of ids) this.start(id);
    this.pass(400_000);
  }

  #enlist(subject: string, given: object): void {
    const member = new Member(crypto);
    member.credential = parseCredential(this.operator.signs({ subject, key: member.key, ...given } as never), crypto);
    this.members.set(subject, member);
  }

  /** A stakeholder lets a unit act for it. */
  delegate(stakeholder: string, unit: string, service: string, rights: number, given: object = {}): void {
    this.#delegations.push(this.members.get(stakeholder)!.signs({ type: "delegation", subject: unit, service, rights, key: this.members.get(unit)!.key, ...given }));
  }

  /** A stakeholder revokes its delegations to a unit of lower epochs; all units hear of it. */
  revoke(stakeholder: string, unit: string, leastEpoch: number): void {
    const { signing, credential } = this.members.get(stakeholder)!;
    const list = signRevocations(crypto, signing, { issuer: credential, sequence: leastEpoch, entries: [{ subject: unit, leastEpoch }] }, this.nowMs);
    this.#stores.forEach((store) => store.addRevocations(list));
  }

  /** Where a unit keeps samples and statements from its next start on. */
  keepIn(id: UnitName, store: StorePort): void {
    this.#kept.get(id)!.store = store;
  }

  store(id: UnitName): StorePort {
    return this.#kept.get(id)!.store;
  }

  state(id: UnitName): MemoryState {
    return this.#kept.get(id)!.state;
  }

  #clockOf(id: UnitName): typeof this.clock {
    return id === "home" ? { ...this.clock, wallMs: () => this.nowMs + this.homeAheadMs } : this.clock;
  }

  signatory(id: UnitName): Signatory {
    const clock = this.#clockOf(id);
    const { state } = this.#kept.get(id)!;
    const store = new CertificateStore(crypto, clock, this.operator.credential.bytes, {}, state);
    this.#stores.set(id, store);
    for (const { credential } of this.members.values()) store.add(credential.bytes);
    for (const bytes of this.#delegations) {
      try {
        store.add(bytes);
      } catch (error) {
        if ((error as EbalanceError).code !== "not-trusted") throw error;
      }
    }
    const verifier = new StatementVerifier(store, clock, crypto, new ReplayWindows(state), { unit: id, above: ids.slice(ids.indexOf(id) + 1), registry });
    return new Signatory({ unit: id, key: this.members.get(id)!.signing, crypto, store, verifier, sequences: new SequenceReservation(state), registry });
  }

  #middle(id: UnitName): Middle {
    return (id === "station" ? this.liar : undefined) ?? this.unit(id);
  }

  unit(id: UnitName): ManagementUnit {
    return this.units.get(id)!;
  }

  /** Starts a unit, with what it had kept before; its links come back. */
  start(id: UnitName): void {
    const before = this.units.get(id);
    for (const config of sessions) if (config.initiator === id || config.responder === id) this.cut(config.kid);
    before?.close();
    if (id !== "station" || !this.liar) {
      const { store } = this.#kept.get(id)!;
      const parent = ids[ids.indexOf(id) + 1];
      const unit = new ManagementUnit(
        { id, registry, ...(parent ? { parent } : {}), ...this.configs[id] },
        { clock: this.#clockOf(id), crypto, store, seal, signatory: this.signatory(id), log: (_level, line) => this.log.push(`${id}: ${line}`), wake: () => {} },
      );
      for (const config of sessions) if (config.initiator === id || config.responder === id) unit.addSession(config, secretOf(config.kid));
      if (id === "home") {
        unit.enrol("meter", "customer");
        unit.setDefaultPolicy("customer", grant(1, "supplier"));
      }
      this.units.set(id, unit);
    }
    for (const config of sessions) if (config.initiator === id || config.responder === id) this.connect(config.kid);
  }

  /** The link of a session comes back. */
  connect(kid: number): void {
    const { initiator, responder } = sessions[kid - 1]!;
    if (![initiator, responder].every((id) => this.units.has(id as UnitName) || (id === "station" && this.liar))) return;
    const queue: Under[] = [];
    const end = (to: string): LinkPort => ({ name: `link ${kid}`, close: () => {}, send: (message) => queue.push({ to: to as UnitName, message }) > 0 });
    const ends: [LinkPort, LinkPort] = [end(responder), end(initiator)];
    this.#links.set(kid, { queue, ends });
    this.#middle(initiator as UnitName).linkUp(ends[0], responder);
    this.run();
  }

  reconnect(kid: number): void {
    if (!this.#links.has(kid)) this.connect(kid);
  }

  cut(kid: number): void {
    const link = this.#links.get(kid);
    if (!link) return;
    this.#links.delete(kid);
    const { initiator, responder } = sessions[kid - 1]!;
    this.#middle(initiator as UnitName).linkLost(link.ends[0]);
    this.#middle(responder as UnitName).linkLost(link.ends[1]);
  }

  /** Hands over all that is under way. */
  run(): void {
    let some = true;
    while (some) {
      some = false;
      this.units.forEach((unit) => unit.tick());
      this.#links.forEach(({ queue, ends }, kid) => {
        const { responder } = sessions[kid - 1]!;
        for (const { to, message } of queue.splice(0)) {
          some = true;
          this.#middle(to).receive(to === responder ? ends[1] : ends[0], message);
        }
      });
    }
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 10_000) {
      this.nowMs += Math.min(left, 10_000);
      this.run();
    }
  }

  /** The meter writes at the home. */
  write(value: number, timeMs = this.nowMs, policy?: PolicyText): string {
    const { names } = this.unit("home");
    const source = { device: names.id("meter"), service: names.id("metering"), stakeholder: names.id("customer") };
    let told = "";
    this.unit("home").request(
      { op: Operation.write, source, items: [{ variable: power, device: names.id("meter"), owner: names.id("customer"), value, timeMs, policy: policy && policyFromText(policy, names) }] },
      ({ result }) => (told = resultName(result)),
    );
    this.run();
    return told;
  }

  /** A signed query for the meter's power. */
  query(from: UnitName, to: string, { stakeholder = "supplier", service = "billing", code = 1 as 1 | 4 | 5 } = {}): { told: string[]; id: number } {
    const told: string[] = [];
    const { names } = this.unit(from);
    const source = { device: names.id(from), service: names.id(service), stakeholder: names.id(stakeholder) };
    const selector = { variable: power, device: names.id("meter"), owner: names.id("customer") };
    const id = this.unit(from).requestSigned({ op: Operation.query, source, selector, condition: [], function: code }, to, (n) => told.push(text(n)));
    this.run();
    return { told, id };
  }

  /** A query of the copy that a unit keeps, by a service there. */
  local(at: UnitName, { stakeholder = "supplier", service = "billing", code = 1 as 1 | 4 | 5 } = {}): string {
    const { names } = this.unit(at);
    const source = { device: names.id(at), service: names.id(service), stakeholder: names.id(stakeholder) };
    const selector = { variable: power, device: names.id("meter"), owner: names.id("customer") };
    let told = "";
    this.unit(at).request({ op: Operation.query, source, selector, at: names.id(at), condition: [], function: code }, (n) => (told = text(n)));
    this.run();
    return told;
  }
}

/** What somebody was told. */
export function text({ result, instances }: Notification): string {
  return instances.length ? instances.map(({ value }) => String(value)).join() : resultName(result);
}
