import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { granteeId, Names } from "./names";
import { denyAll, grantedDelayS, policyFromText, policyToText, Right, type PolicyText } from "./policy";

const someone = { stakeholder: "supplier", service: "billing" };
const badArgument = (part: string) => expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(part) as string });
const policy = (entries: unknown, sequence: unknown = 1) => ({ sequence, entries }) as unknown as PolicyText;
const entry = (change: object) => policy([{ rights: "read", minDelayS: 0, grantees: [someone], ...change }]);

const stakeholders = ["a", "b", "ü", "customer"];
const services = ["x", "y", "z"];
const anyGrantee = fc.record({ stakeholder: fc.constantFrom(...stakeholders), service: fc.constantFrom(...services) });
/** Any policy that is valid: entries with different rights or delays, grantees named once. */
const anyPolicy: fc.Arbitrary<PolicyText> = fc.record({
  sequence: fc.integer({ min: 1, max: 0x7fffffff }),
  entries: fc.uniqueArray(
    fc.record({
      rights: fc.constantFrom("read" as const, "write" as const, "read-write" as const),
      minDelayS: fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 0x7fffffff })),
      grantees: fc.uniqueArray(anyGrantee, { minLength: 1, maxLength: 12, selector: (g) => `${g.stakeholder}/${g.service}` }),
    }),
    { maxLength: 8, selector: (e) => `${e.rights}/${e.minDelayS}` },
  ),
});

describe("SP-2 a policy that is wrong is refused by the field", () => {
  test.each([
    ["policy.sequence 0", entry({}), 0],
    ["policy.sequence 2147483648", entry({}), 2147483648],
    ["policy.sequence 1.5", entry({}), 1.5],
    ["policy.sequence NaN", entry({}), NaN],
    ["policy.sequence undefined", entry({}), "none"],
    ["minDelayS -1", entry({ minDelayS: -1 }), 1],
    ["minDelayS 0.5", entry({ minDelayS: 0.5 }), 1],
    ["minDelayS Infinity", entry({ minDelayS: Infinity }), 1],
    ["rights all are not read, write or read-write", entry({ rights: "all" }), 1],
    ["rights undefined", entry({ rights: undefined }), 1],
    ["rights constructor", entry({ rights: "constructor" }), 1],
    ["grantees: 0, from 1 to 16", entry({ grantees: [] }), 1],
    ["grantees: 17, from 1 to 16", entry({ grantees: Array.from({ length: 17 }, (_, i) => ({ stakeholder: `s${i}`, service: "x" })) }), 1],
    ["one is named twice", entry({ grantees: [someone, someone] }), 1],
    ['name ""', entry({ grantees: [{ stakeholder: "", service: "x" }] }), 1],
    ["entries: 9,", policy(Array.from({ length: 9 }, (_, i) => ({ rights: "read", minDelayS: i, grantees: [someone] }))), 1],
    ["two have the same rights and delay", policy([1, 2].map((i) => ({ rights: "read", minDelayS: 5, grantees: [{ stakeholder: `s${i}`, service: "x" }] }))), 1],
  ])("%s", (part, text, sequence) => {
    const changed = { ...text, sequence: sequence === "none" ? undefined : sequence } as PolicyText;
    expect(() => policyFromText(changed, new Names())).toThrow(badArgument(part));
  });

  test.each([
    ["entries", { sequence: 1 }],
    ["grantees", policy([{ rights: "read", minDelayS: 0 }])],
    ["entries", policy([null])],
  ])("what JSON may hold instead of %s is a bad argument too, and no other error", (part, text) => {
    expect(() => policyFromText(text as PolicyText, new Names())).toThrow(badArgument(part));
  });
});

describe("SP-2 what a policy grants", () => {
  test("an empty policy and the policy of nobody deny every right to everybody", () => {
    const names = new Names();
    const anyone = granteeId(names.id("a"), names.id("x"));
    for (const none of [denyAll, policyFromText(policy([]), names)])
      expect([grantedDelayS(none, Right.read, anyone), grantedDelayS(none, Right.write, anyone)]).toEqual([-1, -1]);
  });

  test("whoever is not named for a right is denied; where several entries match the longest delay holds", () => {
    fc.assert(
      fc.property(anyPolicy, anyGrantee, fc.constantFrom("read" as const, "write" as const), (text, who, right) => {
        const names = new Names();
        const inside = policyFromText(text, names);
        const matching = text.entries.filter(
          (e) => (e.rights === right || e.rights === "read-write") && e.grantees.some((g) => g.stakeholder === who.stakeholder && g.service === who.service),
        );
        const expected = matching.length ? Math.max(...matching.map((e) => e.minDelayS)) : -1;
        expect(grantedDelayS(inside, Right[right], granteeId(names.id(who.stakeholder), names.id(who.service)))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("the order in which entries and grantees are written makes no difference", () => {
    fc.assert(
      fc.property(anyPolicy, (text) => {
        const names = new Names();
        const turned = { ...text, entries: [...text.entries].reverse().map((e) => ({ ...e, grantees: [...e.grantees].reverse() })) };
        expect(policyFromText(turned, names)).toEqual(policyFromText(text, names));
      }),
    );
  });

  test("a policy comes back as text with the same grants", () => {
    fc.assert(
      fc.property(anyPolicy, (text) => {
        const names = new Names();
        const inside = policyFromText(text, names);
        expect(policyFromText(policyToText(inside, names), names)).toEqual(inside);
      }),
    );
  });

  test("a policy cannot be changed once it is made", () => {
    const made = policyFromText(entry({}), new Names());
    expect(Object.isFrozen(made) && Object.isFrozen(made.entries) && Object.isFrozen(made.entries[0]) && Object.isFrozen(made.entries[0]!.grantees)).toBe(true);
  });
});
