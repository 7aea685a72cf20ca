/** The published steps of the handshakes are those of their messages, and today's code opens their sessions with the published bytes. */
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../conformance/case";
import credentialFile from "./credential-v1.json";
import type { HandshakeFile } from "./handshake-file";
import { openingInputs, stepsOf, type StepsFile } from "./handshake-steps";
import file from "./handshake-steps-v1.json";
import handshakeFile from "./handshake-v1.json";
import { verifies } from "./second-opinion";
import { replay } from "./session-replay";
import type { CredentialFile } from "./signed-file";

const { handshakes, wireVersion } = handshakeFile as unknown as HandshakeFile;
const steps = file as unknown as StepsFile;
const street = credentialFile as unknown as CredentialFile;

test("every published handshake has its steps", () => {
  expect([steps.wireVersion, steps.handshakes.map(({ name }) => name)]).toEqual([wireVersion, handshakes.map(({ name }) => name)]);
});

describe.each(handshakes.map((vector, i) => [vector.name, vector, steps.handshakes[i]!] as const))("SP-1 the steps of the handshake %s", (_name, vector, published) => {
  test("are those of its messages, by node:crypto and cbor-x", () => {
    expect(published).toEqual(stepsOf(vector, street));
  });

  test("lead to its tags and its secret", () => {
    const { messages, th, keys } = vector;
    for (const name of ["answer", "open", "accept"] as const) expect(messages[name], name).toBe(`${published.tags[name].untagged}50${published.tags[name].tag}`);
    expect(published.th.sha256).toBe(th);
    expect(keys.session.info.endsWith(published.whole.sha256)).toBe(true);
  });

  test("have statements that verify, by the key of who has signed", () => {
    for (const { signer, signed, signature } of [...published.bodies.open.statements, ...published.bodies.accept.statements]) {
      const { key } = street.credentials.find(({ name }) => name === signer)!.claims;
      expect(verifies("es256", street.keys[key]!.public, fromHex(signed), fromHex(signature)), signer).toBe(true);
    }
  });

  test("go on with an opening that today's code makes and takes, byte for byte", () => {
    const { messages } = replay(openingInputs(vector));
    expect([...messages].map(([name, message]) => [name, toHex(message)])).toEqual(published.opening.messages.map(({ name, message }) => [name, message]));
  });
});
