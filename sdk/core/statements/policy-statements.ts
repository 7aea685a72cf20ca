/**
 * Policies that owners sign (DI-3, SP-2): the home of a series puts them in force, whoever has handed them over. Like one that comes with a value, a policy holds for what is kept from then on; what was
 * kept before keeps its own. Copies have it with the first data that are published under it.
 */
import type { Names } from "../model/names";
import type { Registry } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { LogPort } from "../ports";
import { notKept, tableFull, type PolicyTable } from "../access/policy-table";
import type { Series, SeriesTable } from "../access/series-table";
import { StatementKind, type PolicyStatement } from "../wire/statement-body";
import { refusalOf } from "./refusal";
import type { Signatory } from "./signatory";
import { TakenNames } from "./taken-names";

export interface PolicyStatementsParts {
  readonly signatory: Signatory;
  readonly names: Names;
  readonly registry: Registry;
  readonly series: SeriesTable;
  readonly policies: PolicyTable;
  readonly log: LogPort;
}

export class PolicyStatements {
  readonly #taken: TakenNames;

  constructor(private readonly parts: PolicyStatementsParts) {
    this.#taken = new TakenNames(parts.names);
  }

  /** @returns `done` once the policy is in force, or is already; `stalePolicy` where one of a higher sequence is, or another of the same; `denied` where the series are not at home here, or another's */
  take(statement: Uint8Array, from?: string): ResultCode {
    const { signatory, policies, log } = this.parts;
    try {
      const { body } = signatory.verify(statement, from);
      return body.kind === StatementKind.policy ? this.#take(body) : Result.unsupported;
    } catch (error) {
      return refusalOf(error, "policy", log);
    } finally {
      policies.settle();
    }
  }

  /** That the owner is the stakeholder who has signed, or let sign, was verified. */
  #take({ selector, policy, names: theirs }: PolicyStatement): ResultCode {
    const { names, registry, series: table, policies } = this.parts;
    const key = { variable: selector.variable, device: names.find(theirs.text(selector.device)) ?? -1, owner: names.find(theirs.text(selector.owner)) ?? -1 };
    if (!table.isHomeOf(key.device) || table.ownerOf(key.device) !== key.owner) return Result.denied;
    if (key.variable !== wholeDevice && !registry.byId(key.variable)) return Result.unknownVariable;
    const known = this.#taken.policy(policy, theirs, names.text(key.owner));
    const index = known ? policies.add(known, key.owner) : tableFull;
    if (index < 0) return index === notKept ? Result.storageFailed : Result.busy;
    const meant = table.open(key);
    if (!meant) return Result.busy;
    const isInForce = meant.policy === index && meant.policySequence === policy.sequence;
    if (!isInForce && policy.sequence <= meant.policySequence) return Result.stalePolicy;
    // The one that stands for all last: until then the statement may come again.
    const others = key.variable === wholeDevice ? table.all().filter(({ device, owner, policySequence }) => device === key.device && owner === key.owner && policySequence < policy.sequence) : [];
    return [...others.filter((series) => series !== meant), meant].every((series) => this.#putInForce(series, index)) ? Result.done : Result.storageFailed;
  }

  #putInForce(series: Series, index: number): boolean {
    const { series: table, policies } = this.parts;
    const policy = policies.get(index);
    if (!table.keepRecord(series, index, policy.sequence, policy)) return false;
    table.noteUse(series, index, policy.sequence, policy);
    return true;
  }
}

/** In place of a variable: all of the device's, those too that come later. The series table keeps what holds for them as a series of this variable, which has no samples. */
const wholeDevice = 0;
