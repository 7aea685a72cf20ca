import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Names } from "../model/names";
import { policyToText, type Policy } from "../model/policy";
import { Registry, type Value } from "../model/registry";
import { standardVariables } from "../model/standard-variables";
import { condition, policyOf } from "../../../tests/vectors/random-bodies";
import { decodeCbor } from "./cbor-value";
import { maxSequence } from "./session-body";
import { StatementKind, type ImpliedNames, type StatementBody, type StatementItem } from "./statement-body";
import { readStatementBody } from "./statement-body-read";
import { encodeStatementBody } from "./statement-body-write";

const registry = new Registry(standardVariables);
const implied: ImpliedNames = ["customer", "home", "metering"];
/** A unit's table: among others the names of the signer, which the wire does not repeat. */
const names = new Names();
const texts = ["zeta", "meter", "customer", "supplier", "home", "aggregator", "metering", "billing", "balancing", "gr\u00fcn", "\u{1f50c}"];
for (const text of texts) names.id(text);

const bytesOf = (body: StatementBody) => encodeStatementBody(body, implied, registry);
const bodyOf = (bytes: Uint8Array) => readStatementBody(bytes, 0, bytes.length, implied, registry);

/** A body with texts in place of ids, so that two of different tables can be compared. */
function inTexts(body: StatementBody): unknown {
  const text = (id: number) => body.names.text(id);
  const selectorIn = (s: { variable: number; device: number; owner: number }) => ({ ...s, device: text(s.device), owner: text(s.owner) });
  const policyIn = (policy: Policy | Uint8Array) => {
    if (policy instanceof Uint8Array) return policy;
    const { sequence, entries } = policyToText(policy, body.names);
    const key = (g: { stakeholder: string; service: string }) => `${g.stakeholder}/${g.service}`;
    return { sequence, entries: entries.map((e) => ({ ...e, grantees: e.grantees.map(key).sort() })) };
  };
  return {
    ...body,
    names: undefined,
    ...("items" in body && { items: body.items.map((item) => ({ ...item, ...selectorIn(item), policy: policyIn(item.policy) })) }),
    ...("selector" in body && { selector: selectorIn(body.selector) }),
    ...("at" in body && { at: body.at === undefined ? undefined : text(body.at) }),
    ...("policy" in body && { policy: policyIn(body.policy) }),
    ...("epochs" in body && { epochs: body.epochs.map((e) => `${text(e.subject)} ${e.leastEpoch}`).sort() }),
    ...("series" in body && { series: body.series.map((s) => `${text(s.device)} ${s.variable} ${s.count} ${s.digest.join()}`).sort() }),
  };
}

const name = fc.integer({ min: 0, max: texts.length - 1 });
const nameText = fc.constantFrom(...texts);
const sequence = fc.integer({ min: 1, max: maxSequence });
const selector = fc.record({ variable: fc.integer({ min: 0, max: 0xffff }), device: name, owner: name });
const policy = policyOf(name);
const itemPolicy = fc.oneof(fc.uint8Array({ minLength: 8, maxLength: 8 }), policy);
const time = fc.integer({ min: 0, max: 0xffffffff }).map((s) => s * 1000);
const itemTime = fc.integer({ min: 0, max: 0xffffffff * 1000 + 999 });
const valueOf: Readonly<Record<number, fc.Arbitrary<Value>>> = {
  1: fc.integer(),
  3: fc.maxSafeInteger(),
  16: fc.boolean(),
  32: fc.double({ noNaN: true }),
  64: fc.string({ unit: "binary", maxLength: 30 }),
  65: fc.uint8Array({ maxLength: 120 }),
  // No variable of the registry: whatever it is sent as.
  999: fc.oneof(fc.integer(), fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)), fc.boolean()),
};
const variable = fc.constantFrom(...Object.keys(valueOf).map(Number));
const item: fc.Arbitrary<StatementItem> = variable.chain((id) => fc.record({ variable: fc.constant(id), value: valueOf[id]!, timeMs: itemTime, device: name, owner: name, policy: itemPolicy }));
/** A batch of one series: what stands as columns, and what nearly does. */
const batch: fc.Arbitrary<StatementItem[]> = fc.record({ variable, device: name, owner: name, policy: itemPolicy }).chain((series) =>
  fc.array(fc.record({ value: valueOf[series.variable]!, timeMs: itemTime }), { minLength: 1, maxLength: 64 }).map((list) => list.map((sample) => ({ ...series, ...sample }))),
);
const items = fc.oneof(fc.array(item, { minLength: 1, maxLength: 20 }), batch);
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });

const head = { names: fc.constant(names), sequence, timeMs: fc.option(time, { nil: undefined }), scope: fc.option(nameText, { nil: undefined }), expiresS: fc.option(fc.nat(0xffffffff), { nil: undefined }) };
const asked = { ...head, timeMs: time, scope: nameText, expiresS: fc.nat(0xffffffff), nonce: fc.option(fc.uint8Array({ minLength: 8, maxLength: 8 }), { nil: undefined }) };
const at = fc.option(name, { nil: undefined });
const is = <K extends number>(kind: K) => fc.constant(kind);
const anyBody: fc.Arbitrary<StatementBody> = fc.oneof(
  fc.record({ ...asked, kind: is(StatementKind.write), items }),
  fc.record({ ...asked, kind: is(StatementKind.query), selector, at, condition, function: fc.integer({ min: 1, max: 6 }) as fc.Arbitrary<1> }),
  fc.record({ ...asked, kind: is(StatementKind.event), selector, at, condition }),
  fc.record({ ...asked, kind: is(StatementKind.periodic), selector, at, periodMs: fc.integer({ min: 1, max: 0x7fffffff }) }),
  fc.record({ ...asked, kind: is(StatementKind.unsubscribe), id: sequence }),
  fc.record({ ...head, timeMs: time, kind: is(StatementKind.data), items }),
  fc.record({ ...head, timeMs: time, scope: nameText, kind: is(StatementKind.answer), items: fc.array(item, { minLength: 0, maxLength: 20 }), id: sequence }),
  fc.record({ ...head, kind: is(StatementKind.policy), selector, policy }),
  fc.record({
    ...head,
    timeMs: time,
    kind: is(StatementKind.checkpoint),
    fromS: fc.nat(1000),
    toS: fc.integer({ min: 1001, max: 0xffffffff }),
    series: fc.uniqueArray(fc.record({ variable: fc.nat(0xffff), device: name, count: fc.nat(), digest }), { minLength: 1, maxLength: 20, selector: (s) => `${s.variable}/${s.device}` }),
  }),
  fc.record({ ...head, kind: is(StatementKind.revocation), epochs: fc.uniqueArray(fc.record({ subject: name, leastEpoch: fc.nat(maxSequence) }), { minLength: 1, maxLength: 8, selector: (e) => e.subject }) }),
  fc.record({ names: head.names, timeMs: head.timeMs, expiresS: head.expiresS, kind: is(StatementKind.open), scope: nameText, transcript: digest }),
);

describe("bodies of statements", () => {
  test("what is written is read as the same body: columns give the same instances as items", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        expect(inTexts(bodyOf(bytesOf(body)))).toEqual(inTexts(body));
      }),
      { numRuns: 1000 },
    );
  });

  test("two encodings of a body never differ: what is read is written as the same bytes, which are deterministic CBOR", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const bytes = bytesOf(body);
        expect(bytesOf(bodyOf(bytes))).toEqual(bytes);
        expect(decodeCbor(bytes)).toBeInstanceOf(Map);
      }),
      { numRuns: 1000 },
    );
  });
});
