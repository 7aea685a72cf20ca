/** Where a statement goes, for units that pass it on: they need neither the credential of its signer nor a signature for that. */
import { malformed } from "../model/errors";
import { decodeCbor } from "../wire/cbor-value";
import { parseStatement } from "../wire/statement";
import { firstOwnName, StatementKind, type ImpliedNames } from "../wire/statement-body";

export interface Address {
  /** One of `StatementKind`. */
  readonly kind: number;
  /** The unit that it is for; undefined: the whole domain. */
  readonly scope: string | undefined;
  /** Of a policy: whose series it is for. */
  readonly device?: string;
}

/**
 * @param impliedOf the names that a signer implies, by the id of its credential, where that is known here
 * @throws EbalanceError `malformed`, also where a scope is one of the signer's names: nobody asks himself
 */
export function addressOf(statement: Uint8Array, impliedOf: (signerId: Uint8Array) => ImpliedNames | undefined): Address {
  const { bytes, start, end, signerId } = parseStatement(statement);
  const body = decodeCbor(bytes.subarray(start, end));
  if (!(body instanceof Map)) return malformed("the body of a statement is not a map");
  const kind: unknown = body.get(1);
  const index: unknown = body.get(21);
  const names: unknown = body.get(20);
  if (typeof kind !== "number") return malformed("a statement without a kind");
  if (kind === StatementKind.policy) {
    const selector: unknown = body.get(6);
    const at: unknown = Array.isArray(selector) ? selector[1] : undefined;
    const named: unknown = typeof at !== "number" ? undefined : at < firstOwnName ? impliedOf(signerId)?.[at] : Array.isArray(names) ? names[at - firstOwnName] : undefined;
    return typeof named === "string" ? { kind, scope: undefined, device: named } : malformed("the device of a policy is none of the names that are known");
  }
  if (index === undefined) return { kind, scope: undefined };
  const scope: unknown = Array.isArray(names) && typeof index === "number" ? names[index - firstOwnName] : undefined;
  return typeof scope === "string" ? { kind, scope } : malformed("the scope of a statement is none of its names");
}
