/** Bodies of session messages as a vector file shows them: names and words in place of numbers. */
import { Comparison, Field, QueryFunction, type QueryFunctionName, type Term } from "../../sdk/core/model/instance";
import type { Names } from "../../sdk/core/model/names";
import { policyFromText, type PolicyText } from "../../sdk/core/model/policy";
import type { Registry } from "../../sdk/core/model/registry";
import { Result, type ResultName } from "../../sdk/core/model/result";
import { Operation, type Item, type SessionBody } from "../../sdk/core/wire/session-body";
import { fromHex } from "../conformance/case";

export interface ItemText {
  readonly variable: string;
  /** In steps of the variable's scale. */
  readonly value: number;
  readonly timeMs: number;
  readonly device: string;
  readonly owner: string;
  /** Null: the policy in force. */
  readonly policy: PolicyText | { readonly hash: string } | null;
}

export interface BodyText {
  readonly op: keyof typeof Operation;
  readonly sequence: number;
  readonly timeMs: number;
  readonly source?: { readonly device: string; readonly service: string; readonly stakeholder: string };
  readonly items?: readonly ItemText[];
  readonly selector?: { readonly variable: string; readonly device: string; readonly owner: string };
  readonly condition?: readonly { readonly field: keyof typeof Field; readonly comparison: keyof typeof Comparison; readonly operand: number }[];
  readonly function?: QueryFunctionName;
  readonly id?: number;
  readonly result?: ResultName;
  readonly retryAfterMs?: number;
}

/** The body as one unit has it in memory, with that unit's ids for names. */
export function bodyFromText(text: BodyText, names: Names, registry: Registry): SessionBody {
  const { op, source, items, selector, condition, id, result, retryAfterMs } = text;
  const body = {
    op: Operation[op],
    sequence: text.sequence,
    timeMs: text.timeMs,
    ...(source && { source: { device: names.id(source.device), service: names.id(source.service), stakeholder: names.id(source.stakeholder) } }),
    ...(items && { items: items.map((item) => itemFromText(item, names, registry)) }),
    ...(selector && { selector: { variable: registry.named(selector.variable).id, device: names.id(selector.device), owner: names.id(selector.owner) } }),
    ...(condition && { condition: condition.map((t): Term => ({ field: Field[t.field], comparison: Comparison[t.comparison], operand: t.operand })) }),
    ...(text.function && { function: QueryFunction[text.function] }),
    ...(id !== undefined && { id }),
    ...(result && { result: Result[result], items: (items ?? []).map((item) => itemFromText(item, names, registry)), retryAfterMs: retryAfterMs ?? 0 }),
  };
  return body as SessionBody;
}

export function itemFromText(item: ItemText, names: Names, registry: Registry): Item {
  const { variable, value, timeMs, device, owner, policy } = item;
  const given = policy === null ? undefined : "hash" in policy ? fromHex(policy.hash) : policyFromText(policy, names);
  return { variable: registry.named(variable).id, value, timeMs, device: names.id(device), owner: names.id(owner), policy: given };
}
