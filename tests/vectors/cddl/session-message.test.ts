/** The CDDL of session messages against the code: neither allows what the other refuses, but for what CDDL cannot say. */
import { describe, expect, test } from "vitest";
import { EbalanceError } from "../../../sdk/core/model/errors";
import { Comparison, Field, maxTerms, QueryFunction } from "../../../sdk/core/model/instance";
import { maxGrantees, maxInt31, maxPolicyEntries } from "../../../sdk/core/model/policy";
import { Registry } from "../../../sdk/core/model/registry";
import { lastResultCode, Result } from "../../../sdk/core/model/result";
import * as cbor from "../../../sdk/core/wire/cbor";
import { isOpening, nonceBytes, readOpening } from "../../../sdk/core/wire/opening";
import { policyHashBytes } from "../../../sdk/core/wire/policy-codec";
import { readBody } from "../../../sdk/core/wire/read-body";
import { maxAnnounced, maxHops, maxItems, maxPeriodMs, maxSequence, maxTimeS, Operation, type BodyContext, type SessionBody } from "../../../sdk/core/wire/session-body";
import { parseEncrypted } from "../../../sdk/core/wire/encrypted-message";
import { parseEnvelope, payloadOf, tagBytes, type Envelope } from "../../../sdk/core/wire/session-message";
import { writeBody } from "../../../sdk/core/wire/write-body";
import { fromHex } from "../../conformance/case";
import encryptedFile from "../session-encrypted-v1.json";
import file from "../session-v1.json";
import { writeItem } from "./data-item";
import { readCddl, type Type } from "./grammar";
import { cddlSource, holdRule, ruleLine } from "./hold";
import { fits } from "./judge";

const source = cddlSource("session-message.cddl");
const grammar = readCddl(source);
const nameCount = 30;
/** A name is its index here, and the registry knows no variable: so a value is of any type. */
const context: BodyContext = {
  registry: new Registry({}),
  nameIds: Array.from({ length: nameCount }, (_, index) => index),
  nameId(index) {
    if (index < nameCount) return index;
    throw new EbalanceError("malformed", "peer", `name ${index} is not one of the ${nameCount} agreed`);
  },
  nameIndex: (id) => id,
};
/** Names that were agreed, and times of items that a message's time and a double can carry to the millisecond. */
const narrower: Readonly<Record<string, Type>> = {
  name: { is: "int", least: 0n, most: BigInt(nameCount - 1) },
  "time-offset": { is: "int", least: -(10n ** 14n), most: 10n ** 14n },
};

/** What a reader refuses though it fits: rules that CDDL has no words for. */
const beyondCddl =
  /not sorted and unique|operand .* as a float|kid is not 1 to 65535 in its shortest form|kid or partial IV is zero or not in its shortest form|partial IV \d+ is above|name \d+ is not one of|at most (1024 bytes|984 are accepted)|message of \d+ bytes/;

function read(envelope: Envelope): SessionBody | undefined {
  if (!isOpening(envelope)) return readBody(envelope, context);
  readOpening(envelope);
  return undefined;
}

const whole = (bytes: Uint8Array): Envelope => ({ kid: 1, message: bytes, start: 0, end: bytes.length });

function written(body: SessionBody): Uint8Array {
  const buffer = new Uint8Array(1 << 16);
  cbor.startWriting(buffer);
  writeBody(body, context);
  return buffer.slice(0, cbor.writePosition());
}

describe("session-message.cddl and the published vectors", () => {
  test.each(file.messages.map((m) => [m.name, m] as const))("%s fits, and so does its external_aad", (_name, { message, payload, externalAad }) => {
    expect(fits(grammar, "message", fromHex(message))).toBe(true);
    expect(fits(grammar, "body", fromHex(payload))).toBe(true);
    expect(fits(grammar, "external_aad", writeItem({ kind: "bytes", bytes: fromHex(externalAad) }))).toBe(true);
  });

  /** Right in their shape: what is wrong is their tag or when they come, an order or a length that CDDL does not see, or a name. */
  const shapely = ["replayed", "tag", "notOpen", "notShortest", "unsorted", "floatLength", "name", "policyOrder", "granteeOrder"];

  test.each(file.refusals.map((r) => [r.name, r] as const))("refused: %s", (name, { fault, message }) => {
    expect(fits(grammar, "message", fromHex(message))).toBe(shapely.includes(fault) && name !== "body: key twice");
  });

  test.each(encryptedFile.messages.map((m) => [m.name, m] as const))("encrypted: %s fits, and so does its external_aad", (_name, { message, externalAad }) => {
    expect(fits(grammar, "encrypted", fromHex(message))).toBe(true);
    expect(fits(grammar, "encrypted_aad", writeItem({ kind: "bytes", bytes: fromHex(externalAad) }))).toBe(true);
  });

  test.each(encryptedFile.refusals.map((r) => [r.name, r] as const))("encrypted, refused: %s", (name, { reason, fault, message }) => {
    // A number has a shortest form that CDDL does not see.
    expect(fits(grammar, "encrypted", fromHex(message))).toBe((reason === "notAuthentic" && fault !== "downgrade") || name === "partial IV longer");
  });
});

describe("session-message.cddl and the readers", () => {
  const held = { grammar, narrower, beyondCddl };
  holdRule({ ...held, rule: "body", read: (bytes) => read(whole(bytes)), samples: file.messages.map((m) => fromHex(m.payload)), write: (body) => (body ? written(body as SessionBody) : undefined) });
  holdRule({ ...held, rule: "encrypted", read: parseEncrypted, samples: encryptedFile.messages.map((m) => fromHex(m.message)) });
  holdRule({ ...held, rule: "message", read: (bytes) => read(parseEnvelope(bytes)), samples: file.messages.map((m) => fromHex(m.message)) });
});

describe("numbers in session-message.cddl are those of the code", () => {
  const last = (codes: object) => Math.max(...(Object.values(codes) as number[]));
  const numbers: readonly (readonly [rule: string, says: string])[] = [
    ["sequence", `1..${maxSequence}`],
    ["request-id", `1..${maxSequence}`],
    ["time", `0..${maxTimeS}`],
    ["hops", `1..${maxHops}`],
    ["period", `1..${maxPeriodMs}`],
    ["name", `0..${maxInt31}`],
    ["min-delay", `0..${maxInt31}`],
    ["integer", `${Number.MIN_SAFE_INTEGER}..${Number.MAX_SAFE_INTEGER}`],
    ["retry-after", `1..${Number.MAX_SAFE_INTEGER}`],
    ["rights", "1..3"],
    ["function", `1..${last(QueryFunction)}`],
    ["comparison", `1..${last(Comparison)}`],
    ["field", Object.values(Field).join(" / ")],
    ["result", `1..${Result.timeout - 1} / ${Result.timeout + 1}..${lastResultCode}`],
    ["condition", `[0*${maxTerms} [`],
    ["policy", `1..${maxInt31}, 2: [0*${maxPolicyEntries} [rights, min-delay, [1*${maxGrantees} [`],
    ["write", `5: [1*${maxItems} item]`],
    ["notify", `? 5: [1*${maxItems} item]`],
    ["announce", `17: [1*${maxAnnounced} name]`],
    ["nonce", `bstr .size ${nonceBytes}`],
    ["policy-hash", `bstr .size ${policyHashBytes}`],
    ["message", `tag: bstr .size ${tagBytes}]`],
    ...Object.entries(Operation).map(([name, code]) => [name, `{ 1: ${code}, `] as const),
  ];

  test.each(numbers)("%s: %s", (rule, says) => {
    expect(ruleLine(source, rule)).toContain(says);
  });

  test("the kinds of body are the operations and the two openings", () => {
    const body = grammar.types.get("body")!;
    expect(body.is === "choice" && body.of.map((type) => type.is === "name" && type.name).sort()).toEqual(["open", "opened", ...Object.keys(Operation)].sort());
    expect(payloadOf(parseEnvelope(fromHex(file.messages[0]!.message)))).toEqual(fromHex(file.messages[0]!.payload));
  });
});
