/** Prints a vector file for today's code, with `encrypted` that of an encrypted session. README.md has the command, and says when it may be used. */
import { createHash } from "node:crypto";
import { Names } from "../../sdk/core/model/names";
import { policyFromText } from "../../sdk/core/model/policy";
import * as cbor from "../../sdk/core/wire/cbor";
import { writePolicy } from "../../sdk/core/wire/policy-codec";
import { parseEnvelope, payloadOf, tagOf, wireVersion } from "../../sdk/core/wire/session-message";
import { toHex } from "../conformance/case";
import { encryptedVectorFile } from "./encrypted";
import { Refusals } from "./refusals";
import { deriveKeys, sealPayload } from "./second-opinion";
import { policy, sessionInputs } from "./session-inputs";
import { replay } from "./session-replay";
import type { MessageVector, SessionInputs, VectorFile } from "./vector-file";

const about = [
  "Session messages of ebalance, wire version 1: sdk/core/wire/session-message.cddl describes them, tests/vectors/README.md this file.",
  "Bytes are in hex. Times are milliseconds since 1970-01-01 UTC; on the wire a message has whole seconds and an item its offset in milliseconds.",
  "Values are whole steps of the variable's scale (sdk/core/model/variables.json): Wh for energies, 0.1 W for powers.",
  "The key is a test key, never to be used.",
];

function hashOfPolicy(): VectorFile["policyHash"] {
  const names = new Names();
  const buffer = new Uint8Array(1024);
  cbor.startWriting(buffer);
  writePolicy(policyFromText(policy, names), (id) => names.text(id));
  const encoded = buffer.slice(0, cbor.writePosition());
  const sha256 = createHash("sha256").update(encoded).digest("hex");
  return { policy, encoded: toHex(encoded), sha256, hash: sha256.slice(0, 16) };
}

function describe(inputs: SessionInputs, keys: VectorFile["keys"], name: string, message: Uint8Array): MessageVector {
  const { initiator, responder } = inputs.config;
  const given = inputs.bodies.find((body) => body.name === name);
  const sender = given?.sender ?? (name === "open" ? initiator : responder);
  const receiver = sender === initiator ? responder : initiator;
  const kind = given ? "session" : "open";
  const key = !given ? keys.open : receiver === responder ? keys.toResponder : keys.toInitiator;
  const envelope = parseEnvelope(message);
  const [payload, tag] = [payloadOf(envelope), tagOf(envelope)];
  const sealed = sealPayload(inputs, key.key, receiver, kind, payload);
  return {
    name,
    about: given?.about ?? (name === "open" ? "{1: 16, 13: nonce of the initiator}" : "{1: 17, 13: nonce of the responder, 14: nonce of the initiator}"),
    sender,
    receiver,
    kind,
    protected: toHex(sealed.protected),
    externalAad: toHex(sealed.externalAad),
    macStructure: toHex(sealed.macStructure),
    payload: toHex(payload),
    tag: toHex(tag),
    message: toHex(message),
    bytes: message.length,
  };
}

function vectorFile(): VectorFile {
  const policyHash = hashOfPolicy();
  const inputs = sessionInputs(policyHash.hash);
  const keys = deriveKeys(inputs);
  const messages = [...replay(inputs).messages].map(([name, message]) => describe(inputs, keys, name, message));
  const refusals = new Refusals(inputs, keys, messages).all();
  return { about, wireVersion, inputs, policyHash, keys, messages, refusals };
}

console.log(JSON.stringify(process.argv[2] === "encrypted" ? encryptedVectorFile(vectorFile()) : vectorFile(), null, 2));
