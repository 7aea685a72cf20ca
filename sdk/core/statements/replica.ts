/**
 * Copies of series whose home is another unit (SP-2): this unit takes the statements that their homes publish, keeps them with the samples that they bring, and answers from what they prove alone,
 * through the same access control, under the policies that came with them. It hands the statements on to whoever may see all of them.
 */
import { sameBytes } from "../model/bytes";
import type { NameId, Names } from "../model/names";
import { denyAll, type Policy } from "../model/policy";
import { checkValue, type Registry } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { ClockPort, LogPort } from "../ports";
import type { PolicyTable } from "../access/policy-table";
import type { Series, SeriesTable } from "../access/series-table";
import type { HomeProcessor } from "../requests/home-processor";
import { maxAheadMs } from "../requests/request-processor";
import type { CryptoPort } from "../security/crypto-port";
import { sameValue } from "../../storage/same-value";
import type { StatementStore } from "../../storage/statement-store";
import { StatementKind, type DataStatement } from "../wire/statement-body";
import { hashPolicy } from "../wire/policy-codec";
import { parseStatement, statementHash } from "../wire/statement";
import type { CoveredStore, IsProven } from "./covered-store";
import { ProvenSamples } from "./proven-samples";
import { refusalOf } from "./refusal";
import type { Signatory } from "./signatory";
import { TakenNames } from "./taken-names";

/** A device whose series are at home elsewhere, who owns them, and which unit their home is: it alone says what they are. */
export interface CopiedDevice {
  readonly device: string;
  readonly owner: string;
  readonly home: string;
}

export interface ReplicaParts {
  readonly copies: readonly CopiedDevice[];
  readonly signatory: Signatory;
  readonly names: Names;
  readonly registry: Registry;
  readonly clock: ClockPort;
  readonly crypto: CryptoPort;
  readonly series: SeriesTable;
  readonly policies: PolicyTable;
  readonly processor: HomeProcessor;
  readonly store: CoveredStore & { readonly statements: StatementStore };
  readonly log: LogPort;
}

/** Policies in use that each owner may have, however many owners there are. */
const leastShare = 16;

export class Replica {
  /** The home of each device. */
  readonly #homes = new Map<NameId, string>();
  readonly #taken: TakenNames;
  /** Policies that are known at once, while owners are few. */
  readonly #policies: number;
  readonly #proven: ProvenSamples;

  constructor(private readonly parts: ReplicaParts) {
    const { copies, names, series, store, signatory, crypto, log } = parts;
    for (const { device, owner, home } of copies) {
      series.enrolCopy(names.id(device), names.id(owner));
      this.#homes.set(names.id(device), home);
    }
    this.#taken = new TakenNames(names, () => this.#owners());
    this.#policies = parts.policies.capacity;
    this.#divide();
    this.#proven = new ProvenSamples(store.statements, signatory.kept, crypto, (index, why) => log("error", `a kept statement about ${this.#nameOf(index)} is not served: ${why}`));
    store.provers = (index, fromMs, toMs) => this.#isProven(index, fromMs, toMs);
  }

  /** Whose series are here, as copies or at home. */
  #owners(): number {
    const { copies, names, series } = this.parts;
    const ids = [...copies.map(({ device }) => names.id(device)), ...series.devices()].map((device) => series.ownerOf(device));
    return new Set(ids).size;
  }

  /** Gives each owner an equal share of the policies: what one has in use is no other's. Where owners are many the table grows with them. */
  #divide(): void {
    const { policies } = this.parts;
    const owners = this.#owners();
    policies.capacity = Math.max(this.#policies, owners * leastShare + 1);
    const share = Math.floor((policies.capacity - 1) / Math.max(2, owners));
    policies.share = () => share;
  }

  /** Takes a statement of data. @returns `done` once it is kept, or was before; `unknownLocation` where it is about none of the copies that are kept here */
  take(statement: Uint8Array, from?: string): ResultCode {
    try {
      const { body, source } = this.parts.signatory.verify(statement, from);
      if (body.kind !== StatementKind.data || body.scope !== undefined) return Result.unsupported;
      return this.#take(body, source?.device, statement);
    } catch (error) {
      return refusalOf(error, "statement of data", this.parts.log);
    }
  }

  /**
   * That the signer's delegation covers the series, and that its owner is the signer's stakeholder, was verified. Others than the home may write the series too, where their delegations let them: at the
   * home, under its rules.
   */
  #take(body: DataStatement, signer: string | undefined, bytes: Uint8Array): ResultCode {
    const { names, registry, series: table, policies, clock } = this.parts;
    const first = body.items[0]!;
    const key = { variable: first.variable, device: names.find(body.names.text(first.device)) ?? -1, owner: names.find(body.names.text(first.owner)) ?? -1 };
    if (!table.isCopyOf(key.device)) return Result.unknownLocation;
    if (table.ownerOf(key.device) !== key.owner || this.#homes.get(key.device) !== signer) return Result.denied;
    const variable = registry.byId(key.variable);
    if (!variable) return Result.unknownVariable;
    const latestMs = clock.wallMs() + maxAheadMs;
    for (const item of body.items) {
      if (item.variable !== first.variable || item.device !== first.device || item.owner !== first.owner || item.policy !== first.policy) return Result.unsupported;
      const result = item.timeMs > latestMs ? Result.badTime : checkValue(variable, item.value);
      if (result !== Result.done) return result;
    }
    const series = table.open(key);
    if (!series) return Result.busy;
    if (this.#hasAll(series, body)) return Result.done;
    const index = this.#policyOf(first.policy, body, series);
    const result = index < 0 ? -index as ResultCode : this.#keep(series, index, body, bytes);
    policies.settle();
    return result;
  }

  /** Whether all of its instances are proven already: it has come before, or others have. Each is looked for at its time, however long the time is that they take. */
  #hasAll({ index }: Series, { items }: DataStatement): boolean {
    return items.every((item) => {
      let isFound = false;
      this.parts.store.scan(index, item.timeMs, item.timeMs + 1, (value, timeMs) => !(isFound = timeMs === item.timeMs && sameValue(value, item.value)));
      return isFound;
    });
  }

  /** The index of the policy that came with it, or a result, negative: one whose sequence is not above that in force is an older one, or another that claims to be the same. */
  #policyOf(policy: Policy | Uint8Array, body: DataStatement, series: Series): number {
    const { policies } = this.parts;
    if (policy instanceof Uint8Array) return policies.find(policy) >= 0 ? policies.find(policy) : -Result.unknownPolicy;
    // One that is refused takes no room: neither for its names nor for itself.
    const isLater = policy.sequence > series.policySequence;
    const known = this.#taken.policy(policy, body.names, isLater ? this.parts.names.text(series.owner) : undefined);
    if (!isLater) return known && sameBytes(hashPolicy(known, this.parts.names, this.parts.crypto), policies.hash(series.policy)) ? series.policy : -Result.stalePolicy;
    if (known) this.#divide();
    const index = known ? policies.add(known, series.owner) : -1;
    return index < 0 ? -Result.busy : index;
  }

  /** The statement first: samples without one are not there, and a statement whose samples are not is taken again. */
  #keep(series: Series, index: number, { items }: DataStatement, bytes: Uint8Array): ResultCode {
    const { policies, series: table, processor, signatory, store } = this.parts;
    const policy = policies.get(index);
    if (!table.keepRecord(series, index, policy.sequence, policy)) return Result.storageFailed;
    const kept = () => ({ series: series.index, ...spanOf(items), bytes, signer: signatory.kept.chainOf(parseStatement(bytes).signerId) });
    if (!this.#isKept(series, items, bytes) && store.statements.keep(kept()) === "failed") return Result.storageFailed;
    table.noteUse(series, index, policy.sequence, policy);
    return items.every(({ value, timeMs }) => processor.keepCopy(series, value, timeMs, index) !== "failed") ? Result.done : Result.storageFailed;
  }

  /** Whether the statement is kept already, perhaps with another signature: of one that was made with ECDSA, anybody makes a second. */
  #isKept({ index }: Series, items: DataStatement["items"], bytes: Uint8Array): boolean {
    const { store, crypto, signatory } = this.parts;
    // Those with an instance of one time are few, those of all its time may be many.
    const [fromMs, toMs] = [items[0]!.timeMs, items[0]!.timeMs + 1];
    const hash = statementHash(parseStatement(bytes), crypto);
    return store.statements.of(index, fromMs, toMs).some((kept) => signatory.kept.tryRead(kept) && sameBytes(statementHash(parseStatement(kept.bytes), crypto), hash));
  }

  #isProven(index: number, fromMs: number, toMs: number): IsProven | undefined {
    const { series: table, policies, names } = this.parts;
    const series = table.all()[index];
    if (!series || !table.isCopyOf(series.device)) return undefined;
    const [device, owner] = [names.text(series.device), names.text(series.owner)];
    const prove = this.#proven.provers(index, fromMs, toMs, (item, body) => item.variable === series.variable && body.names.text(item.device) === device && body.names.text(item.owner) === owner);
    return (value, timeMs, policy) => {
      const hash = prove(value, timeMs);
      // A policy that is not known here is none: the record of the sample was changed.
      return hash !== undefined && policies.get(policy) !== denyAll && sameBytes(policies.hash(policy), hash);
    };
  }

  /** The statements that prove the instances of a series in fromMs <= time < toMs: for whoever may see all that they say. */
  statementsOf(device: string, variable: number, fromMs: number, toMs: number): readonly Uint8Array[] {
    const { names, series: table, store, signatory } = this.parts;
    const id = names.find(device) ?? -1;
    const series = table.find({ variable, device: id, owner: table.ownerOf(id) ?? -1 });
    return series ? store.statements.of(series.index, fromMs, toMs).filter((kept) => signatory.kept.tryRead(kept)).map(({ bytes }) => bytes) : [];
  }

  #nameOf(index: number): string {
    const { series, names, registry } = this.parts;
    const { variable, device } = series.all()[index]!;
    return `${registry.byId(variable)?.name ?? variable} of ${names.text(device)}`;
  }
}

/** The time that instances take: in order they need not be. */
export function spanOf(items: readonly { readonly timeMs: number }[]): { readonly fromMs: number; readonly toMs: number } {
  const times = items.map((item) => item.timeMs);
  return { fromMs: Math.min(...times), toMs: Math.max(...times) + 1 };
}
