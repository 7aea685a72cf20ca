/** The CDDL of the bodies that take statements on against the code that reads and makes them. */
import { describe, expect, test } from "vitest";
import { Result } from "../../../sdk/core/model/result";
import { carryOperation, maxCarriedBytes, readCarried, writeCarried, type CarriedBody } from "../../../sdk/core/wire/carry-body";
import * as cbor from "../../../sdk/core/wire/cbor";
import { maxHops, maxSequence, maxTimeS, Operation } from "../../../sdk/core/wire/session-body";
import { echoBytes } from "../../../sdk/core/wire/statement-body";
import { readCddl } from "./grammar";
import { cddlSource, holdRule, ruleLine } from "./hold";
import { fits } from "./judge";

const source = cddlSource("carry.cddl");
const grammar = readCddl(source);

const head = { sequence: 7, timeMs: 1_800_000_000_000 };
const told = { op: Operation.notify, ...head, id: 3, items: [], retryAfterMs: 0 } as const;
const statement = new Uint8Array(200).fill(0x40);
const bodies: readonly CarriedBody[] = [
  { op: carryOperation, ...head, statement, hops: 2 },
  { op: carryOperation, sequence: maxSequence, timeMs: undefined, statement: new Uint8Array(maxCarriedBytes) },
  { op: carryOperation, ...head, id: 6 },
  { ...told, result: Result.done, statement },
  { ...told, result: Result.notTrusted, nonce: new Uint8Array(echoBytes) },
];

function written(body: CarriedBody): Uint8Array {
  cbor.startWriting(new Uint8Array(2048));
  writeCarried(body);
  return cbor.writtenBuffer().slice(0, cbor.writePosition());
}

const samples = bodies.map(written);

describe("carry.cddl and the code", () => {
  test("a body of each kind fits", () => expect(samples.map((bytes) => fits(grammar, "body", bytes))).toEqual(samples.map(() => true)));

  // There is nothing that CDDL has no words for.
  holdRule({ grammar, rule: "body", read: (bytes) => readCarried(bytes, 0, bytes.length), beyondCddl: /^$/, samples, write: (body) => written(body as CarriedBody) });

  const numbers: readonly (readonly [rule: string, says: string])[] = [
    ["carry", `{ 1: ${carryOperation}, `],
    ["forget", `{ 1: ${carryOperation}, `],
    ["proven", `{ 1: ${Operation.notify}, `],
    ["demand", `{ 1: ${Operation.notify}, `],
    ["nonce", `.size ${echoBytes}`],
    ["statement", `(1..${maxCarriedBytes})`],
    ["sequence", `1..${maxSequence}`],
    ["request-id", `1..${maxSequence}`],
    ["time", `0..${maxTimeS}`],
    ["hops", `1..${maxHops}`],
  ];
  test.each(numbers)("%s: %s", (rule, says) => expect(ruleLine(source, rule)).toContain(says));
});
