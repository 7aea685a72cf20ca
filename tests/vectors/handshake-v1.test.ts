/** Today's code against the published handshakes: one that it does not take, or writes otherwise, is a new wire version. */
import { createHmac, hkdfSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { CertifiedInitiator } from "../../sdk/core/security/certified-initiator";
import { CertifiedResponder } from "../../sdk/core/security/certified-responder";
import { HandshakeRefusal, HandshakeKind, handshakeTagBytes, maxHandshakeBytes, readHandshake } from "../../sdk/core/wire/handshake-message";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { fromHex, toHex } from "../conformance/case";
import { readCddl } from "./cddl/grammar";
import { cddlSource, ruleLine } from "./cddl/hold";
import { fits } from "./cddl/judge";
import credentialFile from "./credential-v1.json";
import { handshakeNames, type HandshakeFile } from "./handshake-file";
import { opinionOf } from "./handshake-opinion";
import { HandshakeEnd, runHandshake } from "./handshake-replay";
import file from "./handshake-v1.json";
import { decode, verifies } from "./second-opinion";
import type { CredentialFile } from "./signed-file";

const { handshakes, ...about } = file as unknown as HandshakeFile;
const street = credentialFile as unknown as CredentialFile;
const cases = handshakes.map((vector) => [vector.name, vector] as const);
const source = cddlSource("handshake.cddl");
const grammar = readCddl(source);

test("the file is of this wire version", () => {
  expect(about.wireVersion).toBe(wireVersion);
  expect(handshakes.map(({ name }) => name)).toEqual(["byValue", "encrypted", "byId"]);
  expect(handshakes.map(({ session }) => session.protection)).toEqual([undefined, "encrypt", undefined]);
});

describe.each(cases)("SP-1 the handshake %s", (_name, vector) => {
  const { initiator, responder, messages, bytes, keys, session } = vector;

  test("gives the same bytes and the same session, with the same randomness and signatures", () => {
    const [lower, upper] = [new HandshakeEnd(initiator), new HandshakeEnd(responder)];
    const run = runHandshake(lower, upper);
    for (const name of handshakeNames) expect([toHex(run[name]), run[name].length], name).toEqual([messages[name], bytes[name]]);
    expect([run.initiated.config, run.responded.config]).toEqual([session, session]);
    const derived = new Uint8Array(hkdfSync("sha256", fromHex(keys.session.key), new Uint8Array(0), new Uint8Array(0), 32));
    const tag = createHmac("sha256", derived).update(new Uint8Array(1)).digest("hex");
    expect([lower.tagUnder(run.initiated.secret), upper.tagUnder(run.responded.secret)]).toEqual([tag, tag]);
  });

  test("a second opinion finds the same secrets and tags, by node:crypto and cbor-x", () => {
    const { tags, ...secrets } = opinionOf(messages, [initiator.unit, responder.unit], street);
    expect(secrets).toEqual({ z: vector.z, th: vector.th, keys });
    for (const name of ["answer", "open", "accept"] as const) expect(messages[name].endsWith(`50${tags[name]}`), name).toBe(true);
  });

  test("the statements in open and accept are signed for this handshake and the other unit", () => {
    for (const [name, signer, other] of [["open", initiator, responder], ["accept", responder, initiator]] as const) {
      const body = decode((decode(fromHex(messages[name])) as Uint8Array[])[2]!) as Map<number, Uint8Array[]>;
      const statements = body.get(21)!;
      expect(statements).toHaveLength(signer.delegations.length);
      statements.forEach((statement, i) => {
        const [header, , payload, signature] = decode(statement) as [Uint8Array, unknown, Uint8Array, Uint8Array];
        const { hash } = street.credentials.find((credential) => credential.name === signer.delegations[i])!;
        const aad = new Uint8Array(Buffer.concat([Buffer.from("86686562616c616e636501", "hex"), text(street.domain), text(other.unit), text("statement"), Buffer.from(`5820${hash}`, "hex")]));
        const signed = new Uint8Array(Buffer.concat([Buffer.from("846a5369676e617475726531", "hex"), item(0x40, header), item(0x40, aad), item(0x40, payload)]));
        expect(verifies("es256", street.keys[signer.unit]!.public, signed, signature)).toBe(true);
        expect(toHex((decode(payload) as Map<number, Uint8Array>).get(23)!)).toBe(vector.th);
      });
    }
  });

  test("each message fits handshake.cddl", () => {
    for (const name of handshakeNames) expect(fits(grammar, name, fromHex(messages[name])), name).toBe(true);
  });

  test("a bit changed anywhere in answer or open leads to no session", () => {
    const flipped = (hex: string, at: number) => fromHex(hex).map((byte, i) => (i === at ? byte ^ 1 : byte));
    for (let at = 0; at < bytes.answer; at += 7) {
      const lower = new CertifiedInitiator(new HandshakeEnd(initiator).party, responder.unit, () => true);
      lower.start();
      // Where the credential was changed it may ask again with its own; it opens nothing.
      const { send, done } = lower.receive(flipped(messages.answer, at));
      expect([send === undefined || send[1] === HandshakeKind.hello, done], String(at)).toEqual([true, undefined]);
    }
    const upper = new CertifiedResponder(new HandshakeEnd(responder).party, () => true);
    expect(toHex(upper.receive(fromHex(messages.hello)).send!)).toBe(messages.answer);
    for (let at = 0; at < bytes.open; at += 7) expect(upper.receive(flipped(messages.open, at)), String(at)).toEqual({});
    expect(upper.receive(fromHex(messages.open)).done?.config).toEqual(session);
  });
});

/** Text and byte strings of less than 256 bytes. */
function item(major: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...(bytes.length < 24 ? [major | bytes.length] : [major | 24, bytes.length]), ...bytes);
}

function text(value: string): Uint8Array {
  return item(0x60, new TextEncoder().encode(value));
}

describe("numbers in handshake.cddl are those of the code", () => {
  test.each([
    ["tag", `bstr .size ${handshakeTagBytes}`],
    ["reason", `1..${Object.keys(HandshakeRefusal).length}`],
    ["hello", `[${HandshakeKind.hello}, `],
    ["answer", `[${HandshakeKind.answer}, `],
    ["open", `[${HandshakeKind.open}, `],
    ["accept", `[${HandshakeKind.accept}, `],
    ["refusal", `[${HandshakeKind.refusal}, `],
    ["unknown", `[${HandshakeKind.unknown}, `],
  ])("%s: %s", (rule, says) => expect(ruleLine(source, rule)).toContain(says));

  test("no message is longer than its parts", () => {
    expect(source).toContain(`at most ${maxHandshakeBytes}`);
    expect(() => readHandshake(new Uint8Array(maxHandshakeBytes + 1))).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
