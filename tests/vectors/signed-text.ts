/** Claims and bodies of statements as the code has them, from their readable form. */
import { Comparison, Field, QueryFunction, type Term } from "../../sdk/core/model/instance";
import type { Names } from "../../sdk/core/model/names";
import { policyFromText } from "../../sdk/core/model/policy";
import type { Registry } from "../../sdk/core/model/registry";
import type { Claims } from "../../sdk/core/security/claims";
import type { SignatureUse } from "../../sdk/core/security/crypto-port";
import { StatementKind, type StatementBody } from "../../sdk/core/wire/statement-body";
import { fromHex } from "../conformance/case";
import { itemFromText } from "./body-text";
import type { ClaimsText, KeyText, StatementText } from "./signed-file";

export function claimsFromText({ key, agreementKey, expiresS, ...rest }: ClaimsText, keys: Readonly<Record<string, KeyText>>): Claims {
  const { use, public: bytes } = keys[key]!;
  return {
    ...rest,
    key: { use: use as SignatureUse, bytes: fromHex(bytes) },
    expiresS: expiresS ?? Infinity,
    ...(agreementKey !== undefined && { agreementKey: fromHex(keys[agreementKey]!.public) }),
  } as Claims;
}

export function statementFromText(text: StatementText, names: Names, registry: Registry): StatementBody {
  const { kind, nonce, items, selector, at, condition, policy, series, epochs, transcript, ...rest } = text;
  const variable = (name: string | null) => (name === null ? 0 : registry.named(name).id);
  return {
    ...rest,
    names,
    kind: StatementKind[kind],
    ...(nonce !== undefined && { nonce: fromHex(nonce) }),
    ...(items && { items: items.map((item) => itemFromText(item, names, registry)) }),
    ...(selector && { selector: { variable: variable(selector.variable), device: names.id(selector.device), owner: names.id(selector.owner) } }),
    ...(at !== undefined && { at: names.id(at) }),
    ...(condition && { condition: condition.map((t): Term => ({ field: Field[t.field], comparison: Comparison[t.comparison], operand: t.operand })) }),
    ...(text.function && { function: QueryFunction[text.function] }),
    ...(policy && { policy: policyFromText(policy, names) }),
    ...(series && { series: series.map((s) => ({ variable: variable(s.variable), device: names.id(s.device), count: s.count, digest: fromHex(s.digest) })) }),
    ...(epochs && { epochs: epochs.map((e) => ({ subject: names.id(e.subject), leastEpoch: e.leastEpoch })) }),
    ...(transcript !== undefined && { transcript: fromHex(transcript) }),
  } as unknown as StatementBody;
}
