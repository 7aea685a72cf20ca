/** Makes carry-v1.json: the payloads by cbor-x, the messages by today's code. */
import { wireVersion } from "../../sdk/core/wire/session-message";
import { fromHex, toHex } from "../conformance/case";
import type { CarryFile, CarryInputs, CarryText } from "./carry-file";
import { replayCarried, statements, withProtection } from "./carry-replay";
import { deriveEncryptionKeys, deriveKeys, encode, encryptPayload, sealPayload } from "./second-opinion";
import type { EncryptedVector, MessageVector, RefusalVector } from "./vector-file";

const about = [
  "Messages of ebalance, wire version 1, that take statements over several hops: sdk/core/wire/carry.cddl describes them, tests/vectors/README.md this file.",
  "The statements are those of statement-v1.json, by their names there. Bytes are in hex.",
  "The key is a test key, never to be used.",
];
const codes = { alive: 6, notify: 7, carry: 9 };

/** A payload, without the SDK. */
export function carriedPayload({ op, sequence, timeMs, hops, id, nonce, statement }: CarryText): Uint8Array {
  const fields: [number, unknown][] = [
    [1, codes[op]],
    [3, sequence],
    [4, timeMs === undefined ? undefined : timeMs / 1000],
    [8, nonce === undefined ? undefined : fromHex(nonce)],
    [9, id],
    [16, hops],
    [19, statement === undefined ? undefined : fromHex(statements.find(({ name }) => name === statement)!.message)],
  ];
  return encode(new Map(fields.filter(([, value]) => value !== undefined)));
}

export function carryFile(inputs: CarryInputs): CarryFile {
  const { initiator, responder } = inputs.config;
  const [plain, encrypt] = [withProtection(inputs, "mac"), withProtection(inputs, "encrypt")];
  const [keys, encryptedKeys] = [deriveKeys(plain), deriveEncryptionKeys(encrypt)];
  const [sealed, encrypted] = [replayCarried(inputs, "mac"), replayCarried(inputs, "encrypt")];
  const hex = (parts: object) => Object.fromEntries(Object.entries(parts).map(([field, bytes]) => [field, toHex(bytes as Uint8Array)]));
  const vectors = inputs.bodies.map(({ name, sender, about: what, body }) => {
    const receiver = sender === initiator ? responder : initiator;
    const direction = receiver === responder ? "toResponder" : "toInitiator";
    const head = { name, about: what, sender, receiver };
    const payload = carriedPayload(body);
    const { message: _, ...parts } = hex(sealPayload(plain, keys[direction].key, receiver, "session", payload));
    const { message: __, ...encryptedParts } = hex(encryptPayload(encrypt, encryptedKeys[direction].key, receiver, body.sequence, payload));
    const [message, other] = [sealed.get(name)!, encrypted.get(name)!];
    return {
      mac: { ...head, kind: "session", ...parts, payload: toHex(payload), message: toHex(message), bytes: message.length } as MessageVector,
      encrypted: { ...head, ...encryptedParts, plaintext: toHex(payload), message: toHex(other), bytes: other.length } as EncryptedVector,
    };
  });
  const messages = vectors.map(({ mac }) => mac);
  const openings = { open: toHex(sealed.get("open")!), opened: toHex(sealed.get("opened")!) };
  return { about, wireVersion, inputs, keys, openings, messages, encrypted: { keys: encryptedKeys, messages: vectors.map((vector) => vector.encrypted) }, refusals: refusalsOf(inputs, keys, messages) };
}

/** Each differs in one thing from what the unit above would take: a carry, an end of one, an answer, a demand. */
function refusalsOf(inputs: CarryInputs, keys: CarryFile["keys"], messages: readonly MessageVector[]): RefusalVector[] {
  const session = withProtection(inputs, "mac");
  const named = (name: string) => messages.find((message) => message.name === name)!;
  const statement = fromHex(statements.find(({ name }) => name === "query")!.message);
  const nonce = fromHex("4041424344454647");
  const sequence = 1234;
  const seal = (payload: Uint8Array, key = keys.toResponder.key, receiver = "lv-unit") => toHex(sealPayload(session, key, receiver, "session", payload).message);
  const malformed = (name: string, fault: string, what: string, ...entries: [number, unknown][]): RefusalVector => ({
    name, about: what, receiver: "lv-unit", after: ["open", "alive"], fault, reason: "malformed", authentic: true, message: seal(encode(new Map(entries))),
  });
  const payload = fromHex(named("carryQuery").payload);
  const longHops = Uint8Array.of(0xa4, 0x01, 0x09, 0x03, 0x19, 0x04, 0xd2, 0x10, 0x18, 0x02, 0x13, ...encode(statement));
  const unknown = { ...malformed("", "", ""), fault: "tag", reason: "notAuthentic", authentic: false } as const;
  return [
    { ...malformed("replayed", "replayed", "the same message a second time"), after: ["open", "alive", "carryQuery"], reason: "replayed", message: named("carryQuery").message },
    { ...unknown, name: "key of the other direction", about: "sealed for the unit above under the key towards the home", message: seal(payload, keys.toInitiator.key) },
    { ...unknown, name: "other receiver", about: "the right key, but another receiver in the external_aad", message: seal(payload, keys.toResponder.key, "home") },
    { ...unknown, name: "statement changed", about: "one bit of the statement, under the tag of the message before it was changed", message: named("carryQuery").message.replace(toHex(statement.slice(-4)), toHex(statement.slice(-4).map((byte, i) => (i === 3 ? byte ^ 1 : byte)))) },
    malformed("carry: no sequence", "field", "a carry without a sequence", [1, 9], [19, statement]),
    malformed("carry: nothing", "field", "neither a statement nor an id", [1, 9], [3, sequence]),
    malformed("carry: both", "field", "a statement and the end of another", [1, 9], [3, sequence], [9, 1], [19, statement]),
    malformed("carry: empty", "size", "a statement of no bytes", [1, 9], [3, sequence], [19, new Uint8Array(0)]),
    malformed("carry: too long", "size", "961 bytes in place of a statement", [1, 9], [3, sequence], [19, new Uint8Array(961)]),
    malformed("carry: no bytes", "type", "a text in place of the statement", [1, 9], [3, sequence], [19, "query"]),
    malformed("carry: hops 0", "range", "hops that are none have no key", [1, 9], [3, sequence], [16, 0], [19, statement]),
    malformed("carry: hops 8", "range", "one hop more than there may be", [1, 9], [3, sequence], [16, 8], [19, statement]),
    { ...malformed("carry: long hops", "form", "hops that are not in their shortest form"), message: seal(longHops) },
    malformed("carry: source", "field", "a source beside the statement", [1, 9], [2, [0, 1, 2]], [3, sequence], [19, statement]),
    malformed("carry: order", "form", "the statement before the sequence", [1, 9], [19, statement], [3, sequence]),
    malformed("forget: id 0", "range", "no message has the sequence 0", [1, 9], [3, sequence], [9, 0]),
    malformed("forget: hops", "field", "the end of a carry, passed on", [1, 9], [3, sequence], [9, 1], [16, 1]),
    malformed("proven: no id", "field", "an answer to nothing", [1, 7], [3, sequence], [19, statement]),
    malformed("proven: result", "field", "a refusal with a statement", [1, 7], [3, sequence], [9, 1], [11, 1], [19, statement]),
    malformed("proven: items", "field", "items beside the statement", [1, 7], [3, sequence], [5, []], [9, 1], [19, statement]),
    malformed("proven: nonce", "field", "a demand with a statement", [1, 7], [3, sequence], [8, nonce], [9, 1], [19, statement]),
    malformed("demand: short nonce", "size", "a nonce of seven bytes", [1, 7], [3, sequence], [8, nonce.slice(1)], [9, 1]),
    malformed("demand: no id", "field", "a demand that answers nothing", [1, 7], [3, sequence], [8, nonce]),
    malformed("other operation", "field", "an alive with a statement", [1, 6], [3, sequence], [19, statement]),
  ];
}
