/** Random parts of bodies, for the tests of what sessions and statements say. */
import fc from "fast-check";
import type { Condition } from "../../sdk/core/model/instance";
import { granteeId, type NameId } from "../../sdk/core/model/names";
import type { Policy } from "../../sdk/core/model/policy";

const operand = fc.oneof(fc.maxSafeInteger(), fc.double({ noNaN: true }).filter((n) => !Number.isSafeInteger(n)));
export const condition = fc.array(fc.record({ field: fc.constantFrom(1, 2), comparison: fc.integer({ min: 1, max: 5 }), operand }), { maxLength: 4 }) as fc.Arbitrary<Condition>;

/** Policies that name these. */
export function policyOf(name: fc.Arbitrary<NameId>): fc.Arbitrary<Policy> {
  return fc.record({
    sequence: fc.integer({ min: 1, max: 0x7fffffff }),
    entries: fc
      .uniqueArray(
        fc.record({
          rights: fc.integer({ min: 1, max: 3 }),
          minDelayS: fc.nat(100),
          grantees: fc.uniqueArray(fc.tuple(name, name).map(([a, b]) => granteeId(a, b)), { minLength: 1, maxLength: 4 }).map((list) => list.sort((a, b) => a - b)),
        }),
        { maxLength: 3, selector: (e) => `${e.rights}/${e.minDelayS}` },
      )
      .map((list) => list.sort((a, b) => a.rights - b.rights || a.minDelayS - b.minDelayS)),
  });
}
