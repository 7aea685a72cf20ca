/** The vectors of an encrypted session: the same session as that of session-v1.json, with `protection: "encrypt"`. */
import { fromHex, toHex } from "../conformance/case";
import { deriveEncryptionKeys, encode, encryptPayload, sealPayload } from "./second-opinion";
import { replay } from "./session-replay";
import type { EncryptedVector, EncryptedVectorFile, RefusalVector, SessionInputs, VectorFile } from "./vector-file";

const about = [
  "Messages of an encrypted session of ebalance, wire version 1: sdk/core/wire/session-message.cddl describes them, tests/vectors/README.md this file.",
  "Inputs and openings are those of session-v1.json, but for the protection of the session. Bytes are in hex.",
];

/** @param plain the vectors of the session that is authenticated alone */
export function encryptedVectorFile(plain: Pick<VectorFile, "wireVersion" | "inputs" | "messages" | "keys">): EncryptedVectorFile {
  const inputs: SessionInputs = { ...plain.inputs, config: { ...plain.inputs.config, protection: "encrypt" } };
  const keys = deriveEncryptionKeys(inputs);
  const sealed = new Map([...replay(inputs).messages].map(([name, message]) => [name, toHex(message)]));
  const messages = inputs.bodies.map(({ name, sender, about: what, body }): EncryptedVector => {
    const { initiator, responder } = inputs.config;
    const [receiver, key] = sender === initiator ? [responder, keys.toResponder] : [initiator, keys.toInitiator];
    const plaintext = plain.messages.find((one) => one.name === name)!.payload;
    const { message: _, ...parts } = encryptPayload(inputs, key.key, receiver, body.sequence, fromHex(plaintext));
    const hex = Object.fromEntries(Object.entries(parts).map(([field, bytes]) => [field, toHex(bytes)])) as Record<keyof typeof parts, string>;
    const message = sealed.get(name)!;
    return { name, about: what, sender, receiver, ...hex, plaintext, message, bytes: message.length / 2 };
  });
  const openings = { open: sealed.get("open")!, opened: sealed.get("opened")! };
  return { about, wireVersion: plain.wireVersion, inputs, keys, openings, messages, refusals: refusalsOf(inputs, keys, messages, plain) };
}

/** Each differs from `writeRef` in one thing. */
function refusalsOf(inputs: SessionInputs, keys: EncryptedVectorFile["keys"], messages: readonly EncryptedVector[], plain: Pick<VectorFile, "keys">): RefusalVector[] {
  const good = messages.find(({ name }) => name === "writeRef")!;
  const [plaintext, ciphertext] = [fromHex(good.plaintext), fromHex(good.ciphertext)];
  const { kid } = inputs.config;
  const sequence = 1235;
  const encrypted = (key = keys.toResponder.key, receiver = "home", under = sequence, body = plaintext) => toHex(encryptPayload(inputs, key, receiver, under, body).message);
  const withHeader = (...entries: [number, unknown][]) => toHex(encode([encode(new Map(entries)), new Map(), ciphertext]));
  const [kidEntry, ivEntry]: readonly [[number, unknown], [number, unknown]] = [[4, Uint8Array.of(kid)], [6, Uint8Array.of(sequence >> 8, sequence & 255)]];
  const refusal = (name: string, fault: string, what: string, message: string): RefusalVector => ({
    name, about: what, receiver: "home", after: ["open", "alive"], fault, reason: fault === "header" || fault === "size" ? "malformed" : "notAuthentic", authentic: false, message,
  });
  const cut = ciphertext.slice(0, -1);
  return [
    refusal("authenticated alone", "downgrade", "the same body as a Mac0, under the keys that the session would have without encryption", toHex(sealPayload(inputs, plain.keys.toResponder.key, "home", "session", plaintext).message)),
    refusal("wrong key", "key", "encrypted under another key", encrypted("ff".repeat(16))),
    refusal("key of the other direction", "key", "encrypted for the home under the key towards the meter", encrypted(keys.toInitiator.key)),
    refusal("other receiver", "aad", "the right key, but another receiver in the external_aad", encrypted(keys.toResponder.key, "meter")),
    refusal("other sequence", "sequence", "the right key, but a partial IV that is not the sequence of the body", encrypted(keys.toResponder.key, "home", sequence + 1)),
    refusal("no body", "sequence", "the right key around bytes that are no body", encrypted(keys.toResponder.key, "home", sequence, Uint8Array.of(0xa0))),
    refusal("partial IV changed", "tag", "the partial IV of the next message over this ciphertext", withHeader(kidEntry, [6, Uint8Array.of(sequence >> 8, (sequence & 255) + 1)])),
    refusal("tag cut", "tag", "a tag of seven bytes", toHex(encode([fromHex(good.protected), new Map(), cut]))),
    refusal("shorter than a tag", "size", "a ciphertext of seven bytes", toHex(encode([fromHex(good.protected), new Map(), ciphertext.slice(0, 7)]))),
    refusal("algorithm in the header", "header", "a message cannot choose its algorithm", withHeader([1, 10], kidEntry, ivEntry)),
    refusal("whole IV", "header", "an IV in place of the partial one", withHeader(kidEntry, [5, fromHex(good.nonce)])),
    refusal("no partial IV", "header", "a header without it", withHeader(kidEntry)),
    refusal("partial IV longer", "header", "the sequence with a zero before it", withHeader(kidEntry, [6, Uint8Array.of(0, sequence >> 8, sequence & 255)])),
    refusal("unprotected header", "header", "a parameter that nothing authenticates", toHex(encode([fromHex(good.protected), new Map([[1, 10]]), ciphertext]))),
  ];
}
