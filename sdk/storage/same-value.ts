/** What makes a sample known: stores compare values with this. */
import type { Value } from "../core/model/registry";

export function sameValue(a: Value, b: Value): boolean {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
