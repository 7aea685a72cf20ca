/** Today's code against the published messages that take statements over several hops: a byte that changes here is a new wire version. */
import { createDecipheriv, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Received } from "../../sdk/core/security/session";
import type { Protection } from "../../sdk/core/security/session-config";
import { isCarried } from "../../sdk/core/wire/carry-body";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { fromHex, toHex } from "../conformance/case";
import { carriedPayload } from "./carry";
import { carriedFromText, type CarryFile } from "./carry-file";
import { replayCarried, statements, withProtection } from "./carry-replay";
import file from "./carry-v1.json";
import { decode, deriveEncryptionKeys, deriveKeys, encryptPayload, sealPayload } from "./second-opinion";
import { End } from "./session-replay";
import type { RefusalVector } from "./vector-file";

const vectors = file as unknown as CarryFile;
const { inputs, messages, encrypted, keys, openings, refusals } = vectors;
const protections: readonly Protection[] = ["mac", "encrypt"];
const publishedOf = (protection: Protection) => new Map<string, string>((protection === "mac" ? messages : encrypted.messages).map(({ name, message }) => [name, message]));
const textOf = (name: string) => inputs.bodies.find((body) => body.name === name)!.body;
const directionTo = (receiver: string) => (receiver === inputs.config.responder ? "toResponder" : "toInitiator");
const hexOf = (parts: object) => Object.fromEntries(Object.entries(parts).map(([field, bytes]) => [field, toHex(bytes as Uint8Array)]));

describe("DI-10 messages over several hops, of wire version 1", () => {
  test("the file is of this wire version and has every body of carry.cddl, in both protections", () => {
    expect(vectors.wireVersion).toBe(wireVersion);
    const forms = inputs.bodies.map(({ body }) => `${body.op}${body.statement ? " statement" : ""}${body.nonce ? " nonce" : ""}`);
    expect(new Set(forms)).toEqual(new Set(["alive", "carry", "carry statement", "notify", "notify statement", "notify nonce"]));
    for (const protection of protections) expect([...publishedOf(protection).keys()]).toEqual(inputs.bodies.map(({ name }) => name));
    for (const { message, bytes } of [...messages, ...encrypted.messages]) expect(bytes).toBe(message.length / 2);
  });

  test.each(protections)("%s: today's code writes the same bytes from the same inputs", (protection) => {
    expect(hexOf(Object.fromEntries(replayCarried(inputs, protection)))).toEqual({ ...openings, ...Object.fromEntries(publishedOf(protection)) });
  });

  test.each(protections)("%s: today's code opens the published bytes, and finds the statements in them unchanged", (protection) => {
    const [home, above] = openEnds(protection);
    for (const { name, sender, body: text } of inputs.bodies) {
      const received = (sender === "home" ? above : home).receive(fromHex(publishedOf(protection).get(name)!));
      const body = received.kind === "body" ? received.body : undefined;
      expect(body, name).toEqual(carriedFromText(text, statements));
      expect(isCarried(body!), name).toBe(text.op === "carry" || text.statement !== undefined || text.nonce !== undefined);
    }
  });
});

describe("a second opinion, by node:crypto and cbor-x", () => {
  test("the keys derived from the provisioned key and the nonces", () => {
    expect(deriveKeys(withProtection(inputs, "mac"))).toEqual(keys);
    expect(deriveEncryptionKeys(withProtection(inputs, "encrypt"))).toEqual(encrypted.keys);
  });

  test.each(messages.map((m) => [m.name, m] as const))("%s, authenticated", (name, vector) => {
    const { protected: header, externalAad, macStructure, payload, tag, message, receiver } = vector;
    const key = keys[directionTo(receiver)].key;
    expect(toHex(carriedPayload(textOf(name)))).toBe(payload);
    expect(hexOf(sealPayload(withProtection(inputs, "mac"), key, receiver, "session", fromHex(payload)))).toEqual({ protected: header, externalAad, macStructure, tag, message });
    expect(createHmac("sha256", fromHex(key)).update(fromHex(macStructure)).digest("hex").slice(0, 16)).toBe(tag);
  });

  test.each(encrypted.messages.map((m) => [m.name, m] as const))("%s, encrypted", (name, vector) => {
    const { protected: header, externalAad, encStructure, nonce, ciphertext, plaintext, message, receiver } = vector;
    const key = encrypted.keys[directionTo(receiver)].key;
    expect(plaintext).toBe(messages.find((m) => m.name === name)!.payload);
    expect(hexOf(encryptPayload(withProtection(inputs, "encrypt"), key, receiver, textOf(name).sequence, fromHex(plaintext)))).toEqual({ protected: header, externalAad, encStructure, nonce, ciphertext, message });
    const sealed = fromHex(ciphertext);
    const decipher = createDecipheriv("aes-128-ccm", fromHex(key), fromHex(nonce), { authTagLength: 8 });
    decipher.setAuthTag(sealed.subarray(-8));
    decipher.setAAD(fromHex(encStructure), { plaintextLength: sealed.length - 8 });
    expect(toHex(Uint8Array.of(...decipher.update(sealed.subarray(0, -8)), ...decipher.final()))).toBe(plaintext);
  });

  test("each body, field by field", () => {
    const fields = (name: string) => [...(decode(fromHex(messages.find((m) => m.name === name)!.payload)) as Map<number, unknown>)];
    const statement = (name: string) => fromHex(statements.find((s) => s.name === name)!.message);
    const time = 1_789_993_634;
    expect(fields("carryQuery")).toEqual([[1, 9], [3, 1234], [4, time], [19, statement("query")]]);
    expect(fields("demand")).toEqual([[1, 7], [3, 1235], [4, time], [8, fromHex("4041424344454647")], [9, 1234]]);
    expect(fields("carryEvent")).toEqual([[1, 9], [3, 1236], [16, 2], [19, statement("event")]]);
    expect(fields("forget")).toEqual([[1, 9], [3, 1237], [4, time], [9, 1236]]);
    expect(fields("proven")).toEqual([[1, 7], [3, 1236], [4, time], [9, 1200], [19, statement("answer")]]);
  });
});

describe("SP-1 refused", () => {
  test.each(refusals.map((r) => [r.name, r] as const))("%s", (_name, { after, message, reason, authentic }) => {
    expect(outcomeOf(receiveAfter(after, message))).toEqual({ reason, authentic });
  });

  test("what they are made from is accepted in their place, and none of them in an encrypted session", () => {
    const good = publishedOf("mac").get("carryQuery")!;
    expect(receiveAfter(["open", "alive"], good).kind).toBe("body");
    for (const { message } of [...refusals, { message: good }]) {
      const [, above] = openEnds("encrypt");
      expect(() => expectTaken(above.receive(fromHex(message)))).toThrow();
    }
  });

  test("an encrypted statement of which one bit has changed, anywhere, is no message", () => {
    const good = fromHex(publishedOf("encrypt").get("carryQuery")!);
    for (let at = 0; at < good.length; at++) {
      const [, above] = openEnds("encrypt");
      const changed = good.map((byte, i) => (i === at ? byte ^ 1 : byte));
      expect(() => expectTaken(above.receive(changed)), `byte ${at}`).toThrow();
    }
  });
});

function openEnds(protection: Protection): readonly [End, End] {
  const session = withProtection(inputs, protection);
  const [home, above] = [new End(session, "home"), new End(session, "lv-unit")];
  expect(toHex(home.session.open())).toBe(openings.open);
  expect(above.receive(fromHex(openings.open)).kind).toBe("reply");
  expect(home.receive(fromHex(openings.opened)).kind).toBe("opened");
  return [home, above];
}

/** Hands a message to the unit above that has taken others before. */
function receiveAfter(after: RefusalVector["after"], message: string): Received {
  const above = new End(withProtection(inputs, "mac"), "lv-unit");
  for (const name of after) expectTaken(above.receive(fromHex(name === "open" ? openings.open : publishedOf("mac").get(name)!)));
  return above.receive(fromHex(message));
}

function expectTaken({ kind }: Received): void {
  if (kind !== "reply" && kind !== "body") throw new Error(kind);
}

/** By the session, or authentic but malformed. */
function outcomeOf(received: Received): Pick<RefusalVector, "reason" | "authentic"> {
  if (received.kind === "malformed") return { reason: "malformed", authentic: true };
  if (received.kind !== "refused") throw new Error(`accepted as ${received.kind}`);
  return { reason: received.refusal as RefusalVector["reason"], authentic: received.refusal === "replayed" };
}
