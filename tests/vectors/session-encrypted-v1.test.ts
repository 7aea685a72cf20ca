/** Today's code against the published session that is encrypted: a byte that changes here is a new wire version. */
import { createDecipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { fromHex, toHex } from "../conformance/case";
import { bodyFromText } from "./body-text";
import { decode, deriveEncryptionKeys, encryptPayload } from "./second-opinion";
import { End, replay } from "./session-replay";
import type { EncryptedVector, EncryptedVectorFile, RefusalVector, VectorFile } from "./vector-file";
import encryptedFile from "./session-encrypted-v1.json";
import file from "./session-v1.json";

const vectors = encryptedFile as unknown as EncryptedVectorFile;
const plain = file as unknown as VectorFile;
const { inputs, messages, refusals, openings } = vectors;
const named = (name: string) => messages.find((m) => m.name === name)!;
const keyOf = ({ receiver }: EncryptedVector) => (receiver === inputs.config.responder ? vectors.keys.toResponder : vectors.keys.toInitiator).key;
const sequenceOf = ({ name }: EncryptedVector) => inputs.bodies.find((body) => body.name === name)!.body.sequence;

test("the file is the session of session-v1.json, encrypted: other messages, but for those that open it", () => {
  expect(vectors.wireVersion).toBe(wireVersion);
  expect(inputs).toEqual({ ...plain.inputs, config: { ...plain.inputs.config, protection: "encrypt" } });
  const before = new Map(plain.messages.map((m) => [m.name, m]));
  expect(openings).toEqual({ open: before.get("open")!.message, opened: before.get("opened")!.message });
  for (const { name, plaintext, ciphertext, message, bytes } of messages) {
    expect(plaintext).toBe(before.get(name)!.payload);
    expect(message).not.toContain(plaintext.slice(0, 16));
    expect(message.endsWith(ciphertext)).toBe(true);
    // Two to six: a byte less for the head of the tag, two and those of the sequence more for the partial IV, one more where the ciphertext's own head grows by its tag.
    const more = bytes - before.get(name)!.bytes;
    expect(more).toBeGreaterThanOrEqual(2);
    expect(more).toBeLessThanOrEqual(4);
  }
});

test("today's code encrypts to the same bytes from the same inputs", () => {
  const sealed = replay(inputs).messages;
  expect(Object.fromEntries([...sealed].map(([name, bytes]) => [name, toHex(bytes)]))).toEqual({ ...openings, ...Object.fromEntries(messages.map((m) => [m.name, m.message])) });
  for (const { message, bytes } of messages) expect(bytes).toBe(message.length / 2);
});

test("today's code opens the published bytes and finds the bodies in them", () => {
  const { home, meter } = openEnds();
  for (const { name, sender, body } of inputs.bodies) {
    const receiver = sender === inputs.config.initiator ? home : meter;
    expect(receiver.receive(fromHex(named(name).message)), name).toMatchObject({ kind: "body", body: bodyFromText(body, receiver.names, receiver.registry) });
  }
});

describe("a second opinion, by node:crypto and cbor-x", () => {
  test("the keys derived from the provisioned key and the nonces: others than those of tags", () => {
    expect(deriveEncryptionKeys(inputs)).toEqual(vectors.keys);
    for (const { key } of Object.values(plain.keys)) for (const other of Object.values(vectors.keys)) expect(key.startsWith(other.key)).toBe(false);
  });

  test.each(messages.map((m) => [m.name, m] as const))("%s", (_name, vector) => {
    const encrypted = encryptPayload(inputs, keyOf(vector), vector.receiver, sequenceOf(vector), fromHex(vector.plaintext));
    const { protected: header, externalAad, encStructure, nonce, ciphertext, message } = vector;
    expect(Object.fromEntries(Object.entries(encrypted).map(([field, bytes]) => [field, toHex(bytes)]))).toEqual({ protected: header, externalAad, encStructure, nonce, ciphertext, message });
  });

  test.each(messages.map((m) => [m.name, m] as const))("%s, decrypted from its bytes alone", (_name, vector) => {
    const [header, unprotected, ciphertext] = decode(fromHex(vector.message)) as [Uint8Array, Map<number, unknown>, Uint8Array];
    const headers = decode(header) as Map<number, Uint8Array>;
    expect([unprotected.size, [...headers.keys()], headers.get(4)]).toEqual([0, [4, 6], Uint8Array.of(17)]);
    const nonce = new Uint8Array(13);
    nonce.set(headers.get(6)!, 13 - headers.get(6)!.length);
    const decipher = createDecipheriv("aes-128-ccm", fromHex(keyOf(vector)), nonce, { authTagLength: 8 });
    decipher.setAuthTag(ciphertext.subarray(-8));
    decipher.setAAD(fromHex(vector.encStructure), { plaintextLength: ciphertext.length - 8 });
    expect(toHex(Uint8Array.of(...decipher.update(ciphertext.subarray(0, -8)), ...decipher.final()))).toBe(vector.plaintext);
  });
});

describe("SP-1 refused", () => {
  test.each(refusals.map((r) => [r.name, r] as const))("%s", (_name, refusal) => {
    expect(reasonOf(refusal)).toBe(refusal.reason);
  });

  test("the message that the refused ones are made from is accepted in their place", () => {
    const { home } = openEnds();
    home.receive(fromHex(named("alive").message));
    expect(home.receive(fromHex(named("writeRef").message)).kind).toBe("body");
  });
});

function openEnds(): { home: End; meter: End } {
  const [home, meter] = [new End(inputs, "home"), new End(inputs, "meter")];
  expect(toHex(meter.session.open())).toBe(openings.open);
  expect(home.receive(fromHex(openings.open)).kind).toBe("reply");
  expect(meter.receive(fromHex(openings.opened)).kind).toBe("opened");
  return { home, meter };
}

/** By its envelope or by the session. */
function reasonOf({ after, message }: RefusalVector): string {
  const home = new End(inputs, "home");
  for (const name of after) expect(home.receive(fromHex(name === "open" ? openings.open : named(name).message)).kind, name).not.toBe("refused");
  try {
    const received = home.receive(fromHex(message));
    return received.kind === "refused" ? received.refusal : received.kind;
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}
