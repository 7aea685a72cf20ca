/** Today's code against the published statements: one that it does not take, or writes otherwise, is a new wire version. */
import { describe, expect, test } from "vitest";
import { Names } from "../../sdk/core/model/names";
import type { VerifiedStatement } from "../../sdk/core/security/statement-verifier";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { bodyOfStatement, impliedNames, parseStatement, signedBytes } from "../../sdk/core/wire/statement";
import { StatementKind } from "../../sdk/core/wire/statement-body";
import { encodeStatementBody } from "../../sdk/core/wire/statement-body-write";
import { fromHex, toHex } from "../conformance/case";
import { issuedS } from "./credential-inputs";
import credentialFile from "./credential-v1.json";
import { decode, encode, externalAadOf, headerOf, sigStructure, verifies } from "./second-opinion";
import type { CredentialFile, StatementFile } from "./signed-file";
import { statementFromText } from "./signed-text";
import { Street } from "./statement-replay";
import file from "./statement-v1.json";

const { statements, refusals, ...about } = file as unknown as StatementFile;
const { keys, credentials } = credentialFile as unknown as CredentialFile;
const street = new Street();
const { registry } = street;

const credentialOf = (name: string) => street.credential(name);
const keyOf = (name: string) => keys[credentials.find((c) => c.name === name)!.claims.key]!;
const named = (name: string) => statements.find((s) => s.name === name)!;
const cases = statements.map((s) => [s.name, s] as const);

/** Verifies a statement as the unit does that it is for, at the time that it says. */
function verify(message: Uint8Array, signerName: string): VerifiedStatement {
  const parsed = parseStatement(message);
  const signer = credentialOf(signerName);
  expect(toHex(parsed.signerId)).toBe(toHex(signer.id));
  const { scope, timeMs } = bodyOfStatement(parsed, signer, registry);
  street.nowMs = (timeMs ?? issuedS * 1000) + 1000;
  const verifier = street.verifier(scope ?? "home", signerName);
  try {
    return verifier.verify(message);
  } finally {
    verifier.close();
  }
}

describe("SP-3 statements of wire version 1", () => {
  test("the file is of this wire version and has every kind", () => {
    expect(about.wireVersion).toBe(wireVersion);
    expect(new Set(statements.map((s) => s.body.kind))).toEqual(new Set(Object.keys(StatementKind)));
    expect(new Set(refusals.map((r) => r.name)).size).toBe(31);
  });

  test.each(cases)("%s is read and verified", (_name, { message, signer, bytes }) => {
    expect(verify(fromHex(message), signer).signer).toBe(credentialOf(signer));
    expect(bytes).toBe(message.length / 2);
  });

  test.each(cases)("%s is written to the same bytes, from what it says and from what was read", (_name, { message, payload, signer, signed, body, implied }) => {
    const credential = credentialOf(signer);
    expect(impliedNames(credential)).toEqual(implied);
    const parsed = parseStatement(fromHex(message));
    const read = bodyOfStatement(parsed, credential, registry);
    expect(toHex(encodeStatementBody(read, impliedNames(credential), registry))).toBe(payload);
    expect(toHex(encodeStatementBody(statementFromText(body, new Names(), registry), impliedNames(credential), registry))).toBe(payload);
    expect(toHex(signedBytes(parsed, credential, about.domain, body.scope))).toBe(signed);
  });

  test("one that is signed with Ed25519 is made again, byte for byte", () => {
    const { message, body, signer } = named("revocationBySupplier");
    expect(toHex(street.sign(signer, body))).toBe(message);
  });
});

describe("a second opinion, by node:crypto and cbor-x", () => {
  test.each(cases)("%s: header, external_aad, what is signed, signature", (_name, vector) => {
    const credential = credentials.find((c) => c.name === vector.signer)!;
    const use = keyOf(vector.signer).use as "es256" | "ed25519";
    const header = headerOf(use, fromHex(credential.id));
    const aad = externalAadOf(about.domain, vector.body.scope ?? "", fromHex(credential.hash));
    expect([toHex(header), toHex(aad)]).toEqual([vector.protected, vector.externalAad]);
    expect(toHex(sigStructure(header, aad, fromHex(vector.payload)))).toBe(vector.signed);
    expect(verifies(use, keyOf(vector.signer).public, fromHex(vector.signed), fromHex(vector.signature))).toBe(true);
    expect(toHex(encode([header, new Map(), fromHex(vector.payload), fromHex(vector.signature)]))).toBe(vector.message);
  });

  const fieldsOf = (name: string) => decode(fromHex(named(name).payload)) as Map<number, unknown>;
  const own = ["aggregator", "balancing", "billing", "meter", "supplier"];
  const policy = new Map<number, unknown>([[1, 3], [2, [[1, 5, [[3, 4]]], [1, 900, [[7, 5]]]]]]);

  test("data1, field by field", () => {
    const { items } = named("data1").body;
    expect([...fieldsOf("data1")]).toEqual([[1, 20], [3, 1234], [4, issuedS], [5, [[1, 1_408_187, items![0]!.timeMs - issuedS * 1000, 6, 0, policy]]], [20, own]]);
  });

  test("data64: what the columns say are the readings", () => {
    const { items } = named("data64").body;
    const fields = fieldsOf("data64");
    const [columnPolicy, values, [first, step, deviations]] = fields.get(25) as [unknown, number[], [number, number, number[]]];
    expect([...fields.keys()]).toEqual([1, 3, 4, 6, 20, 25]);
    expect(fields.get(6)).toEqual([1, 6, 0]);
    expect(columnPolicy).toEqual(policy);
    expect(values.map((_, i) => values.slice(0, i + 1).reduce((sum, difference) => sum + difference, 0))).toEqual(items!.map((item) => item.value));
    expect([0, ...deviations].map((deviation, i) => named("data64").body.timeMs! + first + i * step + deviation)).toEqual(items!.map((item) => item.timeMs));
  });

  test("dataOnTheLine: columns without deviations, policy by hash", () => {
    const { items, scope, timeMs } = named("dataOnTheLine").body;
    const fields = fieldsOf("dataOnTheLine");
    expect(fields.get(25)).toEqual([fromHex("ad3816b73d05b029"), [-15_324, 23, 15_575], [-1_800_000, 900_000]]);
    expect([fields.get(4), fields.get(20), fields.get(21), fields.get(22)]).toEqual([timeMs! / 1000, [scope, "meter"], 3, issuedS + 86_400]);
    expect(items).toHaveLength(3);
  });
});

/** What the code must say about each: a refusal for another reason would hide that the fault passes. */
const says: Readonly<Record<string, RegExp>> = {
  "trailing byte": /^1 bytes after the end/,
  "cut off": /is cut off/,
  tagged: /major type 6/,
  "unprotected header": /protected header is not/,
  "no algorithm": /protected header is not/,
  "other algorithm": /algorithm 5 is neither/,
  "header out of order": /integer 4 is above 1/,
  "short key id": /protected header is not/,
  "short signature": /signature of 63 bytes/,
  detached: /major type 7/,
  "body: trailing byte": /^1 bytes after the end/,
  "body: long integer": /not in its shortest form/,
  "body: unknown kind": /integer 26 is above/,
  "body: no sequence": /kind 20 has the wrong fields/,
  "body: sequence 0": /sequence or id 0/,
  "body: key of another kind": /kind 20 has the wrong fields/,
  "body: no policy": /without a policy/,
  "names: unsorted": /names are not sorted/,
  "names: not used": /name 8 is not used/,
  "names: implied": /has an index before/,
  "names: missing": /name 7 is not one of/,
  "columns: one value": /columns of 1 values/,
  "columns: no deviation": /deviations that are all zero/,
  "columns: another step": /is not the mean distance/,
  "columns and rows": /items or columns|wrong fields/,
};

describe("SP-3 statements that are refused", () => {
  test.each(refusals.map((r) => [r.name, r] as const))("%s", (name, { by, message, signer }) => {
    const expected = by === "signature" ? { code: "not-trusted", message: /^not signed by home$/ } : { code: "malformed", message: says[name]! };
    expect(() => verify(fromHex(message), signer!)).toThrow(expect.objectContaining({ code: expected.code, message: expect.stringMatching(expected.message) as string }));
  });

  test("what they are made from is accepted in their place", () => {
    for (const name of ["data1", "dataOnTheLine", "dataOfTwoSeries"]) expect(verify(fromHex(named(name).message), named(name).signer).body.kind).toBe(StatementKind.data);
  });
});
