/** Today's code against the published session: a byte that changes here is a new wire version. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { EbalanceError } from "../../sdk/core/model/errors";
import { policyFromText } from "../../sdk/core/model/policy";
import type { Received } from "../../sdk/core/security/session";
import { hashPolicy } from "../../sdk/core/wire/policy-codec";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { fromHex, toHex } from "../conformance/case";
import { bodyFromText } from "./body-text";
import { decode, deriveKeys, sealPayload } from "./second-opinion";
import { End, replay } from "./session-replay";
import type { MessageVector, RefusalVector, VectorFile } from "./vector-file";
import file from "./session-v1.json";

const vectors = file as unknown as VectorFile;
const { inputs, messages, refusals } = vectors;
const named = (name: string) => messages.find((m) => m.name === name)!;

/** What the code must say about each fault: a refusal for another reason would hide that the fault passes. */
const says: Readonly<Record<string, RegExp>> = {
  replayed: /sequence \d+ of session 17|another opening/,
  tag: /session 17/,
  notOpen: /session 17/,
  trailing: /^1 bytes after the end/,
  notShortest: /not in its shortest form/,
  majorOrLength: /major type 6|indefinite length/,
  entries: /1 entries, at most 0/,
  header: /2 entries, at most 1/,
  tagLength: /tag of 4 bytes/,
  cutOff: /is cut off/,
  unsorted: /key \d is not above the one before it/,
  unknownKey: /key 8 is unknown/,
  fields: /operation 1 has the wrong fields/,
  operation: /operation 4 has the wrong fields/,
  depth: /byte 129 at \d+ is not a boolean/,
  floatLength: /float at \d+ is not in its shortest form/,
  name: /name 255 is not one of/,
  zero: /sequence or id 0/,
  policyOrder: /policy entries are not sorted and unique/,
  granteeOrder: /grantees are not sorted and unique/,
  right: /grants no right/,
  grantee: /has no grantee/,
  hash: /policy hash of 7 bytes/,
};

test("the file is of this wire version and has the messages of a whole session", () => {
  expect(vectors.wireVersion).toBe(wireVersion);
  expect(messages.map((m) => m.name)).toEqual(["open", "opened", ...inputs.bodies.map((b) => b.name)]);
  expect(new Set(refusals.map((r) => r.name)).size).toBe(37);
});

test("today's code seals the same bytes from the same inputs", () => {
  const sealed = replay(inputs).messages;
  expect(Object.fromEntries([...sealed].map(([name, bytes]) => [name, toHex(bytes)]))).toEqual(
    Object.fromEntries(messages.map((m) => [m.name, m.message])),
  );
  for (const { message, bytes } of messages) expect(bytes).toBe(message.length / 2);
});

test("today's code opens the published bytes and finds the bodies in them", () => {
  const { home, meter } = openEnds();
  for (const { name, sender, body } of inputs.bodies) {
    const receiver = sender === inputs.config.initiator ? home : meter;
    const received = receiver.receive(fromHex(named(name).message));
    expect(received, name).toMatchObject({ kind: "body", body: bodyFromText(body, receiver.names, receiver.registry) });
  }
});

test("the hash of the policy is the head of the SHA-256 of its encoding with names", () => {
  const { policy, encoded, sha256, hash } = vectors.policyHash;
  const { names } = new End(inputs, "home");
  expect(toHex(hashPolicy(policyFromText(policy, names), names, new NodeCrypto()))).toBe(hash);
  expect(createHash("sha256").update(fromHex(encoded)).digest("hex")).toBe(sha256);
  expect(sha256.startsWith(hash)).toBe(true);
  const grantees = policy.entries.map((e) => [1, e.minDelayS, e.grantees.map((g) => [g.stakeholder, g.service])]);
  expect(decode(fromHex(encoded))).toEqual(new Map<number, unknown>([[1, policy.sequence], [2, grantees]]));
});

describe("a second opinion, by node:crypto and cbor-x", () => {
  test("the keys derived from the provisioned key and the nonces", () => expect(deriveKeys(inputs)).toEqual(vectors.keys));

  test.each(messages.map((m) => [m.name, m] as const))("%s", (_name, vector) => {
    const sealed = sealPayload(inputs, keyOf(vector), vector.receiver, vector.kind, fromHex(vector.payload));
    expect(Object.fromEntries(Object.entries(sealed).map(([field, bytes]) => [field, toHex(bytes)]))).toEqual({
      protected: vector.protected,
      externalAad: vector.externalAad,
      macStructure: vector.macStructure,
      tag: vector.tag,
      message: vector.message,
    });
  });

  test("the payload of the write, field by field", () => {
    const hash = fromHex(vectors.policyHash.hash);
    const body = (name: string) => decode(fromHex(named(name).payload)) as Map<number, unknown>;
    const policy = new Map<number, unknown>([[1, 3], [2, [[1, 5, [[5, 9]]], [1, 900, [[4, 8]]]]]]);
    const write = (sequence: number, time: number, item: unknown[]) => [[1, 1], [2, [1, 6, 3]], [3, sequence], [4, time], [5, [item]]];
    expect([...body("writeInline")]).toEqual(write(1234, 1789992734, [1, 1408146, 437, 1, 3, policy]));
    expect([...body("writeRef")]).toEqual(write(1235, 1789993634, [1, 1408214, 281, 1, 3, hash]));
    expect([...body("notify")]).toEqual([[1, 7], [3, 1240], [4, 1789994534], [5, [[2, 3055206, 437, 2, 3, hash]]], [9, 1237]]);
  });
});

describe("refused", () => {
  test.each(refusals.map((r) => [r.name, r] as const))("%s", (_name, refusal) => {
    const { outcome, detail } = refuse(refusal);
    expect(outcome).toEqual({ reason: refusal.reason, authentic: refusal.authentic });
    expect(detail).toMatch(says[refusal.fault]!);
  });

  test("the message that the refused ones are made from is accepted in their place", () => {
    const { message } = named("writeInline");
    for (const after of [["open", "alive"], ["open"]]) expect(refuseAfter("home", after, message).kind).toBe("body");
  });
});

function openEnds(): { home: End; meter: End } {
  const [home, meter] = [new End(inputs, "home"), new End(inputs, "meter")];
  expect(toHex(meter.session.open())).toBe(named("open").message);
  const reply = home.receive(fromHex(named("open").message));
  expect(reply.kind === "reply" && toHex(reply.message)).toBe(named("opened").message);
  expect(meter.receive(fromHex(named("opened").message)).kind).toBe("opened");
  return { home, meter };
}

function keyOf({ kind, receiver }: MessageVector): string {
  const { open, toResponder, toInitiator } = vectors.keys;
  return (kind === "open" ? open : receiver === inputs.config.responder ? toResponder : toInitiator).key;
}

/** Hands a message to a receiver that has taken others before. */
function refuseAfter(receiver: string, after: readonly string[], message: string): Received {
  const end = new End(inputs, receiver);
  if (receiver === inputs.config.initiator) end.session.open();
  for (const name of after) expect(end.receive(fromHex(named(name).message)).kind, name).not.toBe("refused");
  return end.receive(fromHex(message));
}

/** How the message of a refusal is refused: by its envelope, by the session, or authentic but malformed. */
function refuse({ receiver, after, message }: RefusalVector): { outcome: { reason: string; authentic: boolean }; detail: string } {
  let received: Received;
  try {
    received = refuseAfter(receiver, after, message);
  } catch (error) {
    const { code, message: detail } = error as EbalanceError;
    return { outcome: { reason: code, authentic: false }, detail };
  }
  if (received.kind === "malformed") return { outcome: { reason: "malformed", authentic: true }, detail: received.detail };
  if (received.kind !== "refused") throw new Error(`accepted as ${received.kind}`);
  return { outcome: { reason: received.refusal, authentic: received.refusal === "replayed" }, detail: received.detail };
}
