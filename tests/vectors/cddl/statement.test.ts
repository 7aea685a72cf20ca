/** The CDDL of statements against the code that reads and makes them. */
import { NodeCrypto } from "@ebalance/gateway";
import { describe, expect, test } from "vitest";
import { Registry } from "../../../sdk/core/model/registry";
import { parseStatement, bodyOfStatement, signatureOf } from "../../../sdk/core/wire/statement";
import { echoBytes, maxStatementItems, maxStatementNames, maxTimeMs, StatementKind, type ImpliedNames, type StatementBody } from "../../../sdk/core/wire/statement-body";
import { readStatementBody } from "../../../sdk/core/wire/statement-body-read";
import { encodeStatementBody } from "../../../sdk/core/wire/statement-body-write";
import { StatementWorld } from "../../conformance/statement-world";
import type { Type } from "./grammar";
import { readCddl } from "./grammar";
import { cddlSource, holdRule, ruleLine } from "./hold";
import { fits } from "./judge";

const source = cddlSource("statement.cddl");
const grammar = readCddl(source, cddlSource("session-message.cddl"));
const world = new StatementWorld(new NodeCrypto());
const { names } = world;

const head = { names, timeMs: world.timeMs, sequence: 7 };
const selector = { variable: 3, device: names.id("meter"), owner: names.id("customer") };
const asked = { ...head, scope: "home", expiresS: 1_900_000_000 };
const bodies: readonly StatementBody[] = [
  world.write({ nonce: new Uint8Array(8) }),
  { ...asked, kind: StatementKind.query, selector, condition: [{ field: 1, comparison: 3, operand: 7 }], function: 4, at: names.id("station") },
  { ...asked, kind: StatementKind.event, selector, condition: [] },
  { ...asked, kind: StatementKind.periodic, selector, periodMs: 5000 },
  { ...asked, kind: StatementKind.unsubscribe, id: 6 },
  world.data([world.item(5)]),
  world.data([5, 9, 7].map((value, i) => world.item(value, { timeMs: world.timeMs + i * 100 + (i % 2) }))),
  world.data([world.item(5), world.item(6, { variable: 4 })]),
  world.policyStatement({ scope: "station" }),
  { ...head, kind: StatementKind.checkpoint, fromS: 1_800_000_000, toS: 1_800_003_600, series: [{ variable: 3, device: names.id("meter"), count: 4, digest: new Uint8Array(32) }] },
  { ...head, kind: StatementKind.revocation, epochs: [{ subject: names.id("home"), leastEpoch: 2 }, { subject: names.id("plug"), leastEpoch: 3 }] },
  { names, timeMs: undefined, kind: StatementKind.open, scope: "home", transcript: new Uint8Array(32) },
  { ...head, kind: StatementKind.answer, scope: "home", id: 5, items: [world.item(5)] },
];
const implied: ImpliedNames = ["customer", "meter", "metering"];
/** No variable is known, so a value is of any type. */
const registry = new Registry({});
const payloads = bodies.map((body) => encodeStatementBody(body, implied, registry));
const statements = bodies.map((body) => world.sign(body));

/** Without names of their own most are readable; times that a double carries to the millisecond. */
const narrower: Readonly<Record<string, Type>> = {
  name: { is: "int", least: 0n, most: 2n },
  "time-offset": { is: "int", least: -1_000_000n, most: 1_000_000n },
  time: { is: "int", least: 2000n, most: 4_294_960_000n },
};
const beyondCddl =
  /not sorted and unique|names are not sorted|name \d+ is not (used|one of)|operand .* as a float|whole values beside others|value beyond 2\^53|step -?\d+ is not the mean|not \d+ deviations|deviations that are all zero|not in columns|of the wrong form: its value|ends before it begins|at most 8192/;

describe("statement.cddl and the code", () => {
  test("a statement of each kind fits, and so does its body", () => {
    expect(payloads.map((bytes) => fits(grammar, "statement-body", bytes))).toEqual(payloads.map(() => true));
    expect(statements.map((bytes) => fits(grammar, "statement", bytes))).toEqual(statements.map(() => true));
    expect(new Set(bodies.map(({ kind }) => kind))).toEqual(new Set(Object.values(StatementKind)));
  });

  const read = (bytes: Uint8Array) => readStatementBody(bytes, 0, bytes.length, implied, registry);
  holdRule({ grammar, narrower, beyondCddl, rule: "statement-body", read, samples: payloads, write: (body) => encodeStatementBody(body as StatementBody, implied, registry) });
  holdRule({
    grammar,
    narrower,
    beyondCddl,
    rule: "statement",
    read: (bytes) => bodyOfStatement(parseStatement(bytes), world.metering, registry),
    samples: statements,
  });

  const numbers: readonly (readonly [rule: string, says: string])[] = [
    ["statement", `signature: bstr .size ${signatureOf(parseStatement(statements[0]!)).length}`],
    ["statement-header", `4: bstr .size ${world.metering.id.length} `],
    ["statement-items", `[1*${maxStatementItems} [`],
    ["columns", `[2*${maxStatementItems} value]`],
    ["times", `[1*${maxStatementItems - 1} deviation]`],
    ["step", `-${maxTimeMs}..${maxTimeMs}`],
    ["names", `[1*${maxStatementNames} tstr`],
    ["revocation", `[1*${maxStatementNames} [subject`],
    ["echo", `bstr .size ${echoBytes}`],
  ];
  test.each(numbers)("%s: %s", (rule, says) => expect(ruleLine(source, rule)).toContain(says));
});
