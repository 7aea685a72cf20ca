/** The CDDL of session messages against the code: neither allows what the other refuses, but for what CDDL cannot say. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EbalanceError } from "../../sdk/core/model/errors";
import { Comparison, Field, maxTerms, QueryFunction } from "../../sdk/core/model/instance";
import { maxGrantees, maxInt31, maxPolicyEntries } from "../../sdk/core/model/policy";
import { Registry } from "../../sdk/core/model/registry";
import { lastResultCode, Result } from "../../sdk/core/model/result";
import * as cbor from "../../sdk/core/wire/cbor";
import { isOpening, nonceBytes, readOpening } from "../../sdk/core/wire/opening";
import { policyHashBytes } from "../../sdk/core/wire/policy-codec";
import { readBody } from "../../sdk/core/wire/read-body";
import { maxAnnounced, maxHops, maxItems, maxPeriodMs, maxSequence, maxTimeS, Operation, type BodyContext, type SessionBody } from "../../sdk/core/wire/session-body";
import { parseEnvelope, payloadOf, tagBytes, type Envelope } from "../../sdk/core/wire/session-message";
import { writeBody } from "../../sdk/core/wire/write-body";
import { fromHex, toHex } from "../conformance/case";
import { fitting } from "./cddl/arbitrary";
import { readItem, writeItem } from "./cddl/data-item";
import { readCddl, type Type } from "./cddl/grammar";
import { fits } from "./cddl/judge";
import { mutation } from "./cddl/mutation";
import file from "./session-v1.json";

const grammar = readCddl(readFileSync(new URL("../../sdk/core/wire/session-message.cddl", import.meta.url), "utf8"));
const runs = { numRuns: 3000, seed: 20261124 };
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
  /not sorted and unique|operand .* as a float|kid is not 1 to 65535 in its shortest form|name \d+ is not one of|at most (1024 bytes|984 are accepted)|message of \d+ bytes/;

function read(envelope: Envelope): SessionBody | undefined {
  if (!isOpening(envelope)) return readBody(envelope, context);
  readOpening(envelope);
  return undefined;
}

const whole = (bytes: Uint8Array): Envelope => ({ kid: 1, message: bytes, start: 0, end: bytes.length });

/** Why the reader refuses, or undefined. */
function refusalOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof EbalanceError && error.code === "malformed") return error.message;
    throw error;
  }
}

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
});

describe("session-message.cddl and the reader of bodies", () => {
  const bodies = fitting(grammar, "body", narrower);

  test("what fits is read, or refused for what CDDL cannot say; what is written of it fits", () => {
    let readable = 0;
    fc.assert(
      fc.property(bodies, (bytes) => {
        expect(fits(grammar, "body", bytes), toHex(bytes)).toBe(true);
        const why = refusalOf(() => read(whole(bytes)));
        if (why !== undefined) {
          expect(why, toHex(bytes)).toMatch(beyondCddl);
          return;
        }
        readable++;
        const body = read(whole(bytes));
        if (body) expect(fits(grammar, "body", written(body)), toHex(bytes)).toBe(true);
      }),
      runs,
    );
    expect(readable).toBeGreaterThan(runs.numRuns / 2);
  });

  test("what does not fit is refused: values, types and entries changed", () => {
    let unfit = 0;
    fc.assert(
      fc.property(fc.oneof(bodies, fc.constantFrom(...file.messages.map((m) => fromHex(m.payload)))), mutation, (good, change) => {
        const bytes = writeItem(change(readItem(good)));
        const why = refusalOf(() => read(whole(bytes)));
        if (fits(grammar, "body", bytes)) {
          if (why !== undefined) expect(why, toHex(bytes)).toMatch(beyondCddl);
          return;
        }
        unfit++;
        expect(why, toHex(bytes)).toBeDefined();
      }),
      { ...runs, numRuns: 6000 },
    );
    expect(unfit).toBeGreaterThan(2000);
  });
});

describe("session-message.cddl and the reader of envelopes", () => {
  const messages = fitting(grammar, "message", narrower);

  test("what fits is taken apart, or refused for what CDDL cannot say", () => {
    fc.assert(
      fc.property(messages, (bytes) => {
        const why = refusalOf(() => read(parseEnvelope(bytes)));
        if (why !== undefined) expect(why, toHex(bytes)).toMatch(beyondCddl);
      }),
      runs,
    );
  });

  test("what does not fit is refused: values, types, entries and bytes changed", () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
    let unfit = 0;
    fc.assert(
      fc.property(fc.oneof(messages, fc.constantFrom(...file.messages.map((m) => fromHex(m.message)))), mutation, flips, (good, change, bytesChanged) => {
        const bytes = bytesChanged.length ? good.slice() : writeItem(change(readItem(good)));
        for (const [at, byte] of bytesChanged) bytes[at % bytes.length] = byte;
        if (fits(grammar, "message", bytes)) return;
        unfit++;
        expect(refusalOf(() => read(parseEnvelope(bytes))), toHex(bytes)).toBeDefined();
      }),
      { ...runs, numRuns: 6000 },
    );
    expect(unfit).toBeGreaterThan(2000);
  });
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
    const source = readFileSync(new URL("../../sdk/core/wire/session-message.cddl", import.meta.url), "utf8");
    const line = source.split("\n").find((text) => text.replace(/ +/, " ").startsWith(`${rule} =`))!;
    expect(line.replace(/;.*/, "")).toContain(says);
  });

  test("the kinds of body are the operations and the two openings", () => {
    const body = grammar.types.get("body")!;
    expect(body.is === "choice" && body.of.map((type) => type.is === "name" && type.name).sort()).toEqual(["open", "opened", ...Object.keys(Operation)].sort());
    expect(payloadOf(parseEnvelope(fromHex(file.messages[0]!.message)))).toEqual(fromHex(file.messages[0]!.payload));
  });
});
