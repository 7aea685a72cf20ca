/** The handshakes of handshake-v1.json step by step, and the openings of their sessions, without the SDK: node:crypto and cbor-x. */
import { createHash, createHmac } from "node:crypto";
import { fromHex, toHex } from "../conformance/case";
import type { HandshakeVector } from "./handshake-file";
import { decode, deriveEncryptionKeys, deriveKeys, encode, encryptPayload, externalAadOf, sealPayload, sigStructure } from "./second-opinion";
import type { CredentialFile } from "./signed-file";
import type { DerivedKey, SessionInputs } from "./vector-file";

/** A hash, and the bytes that it is of. */
interface Hashed {
  readonly input: string;
  readonly sha256: string;
}

interface TagSteps {
  /** Of the receiver. */
  readonly key: string;
  readonly transcript: string;
  /** The message as it is sent, up to its tag. */
  readonly untagged: string;
  readonly input: string;
  readonly tag: string;
}

interface StatementSteps {
  /** Name of the credential in credential-v1.json. */
  readonly signer: string;
  readonly externalAad: string;
  readonly payload: string;
  /** The Sig_structure. */
  readonly signed: string;
  readonly signature: string;
}

interface BodySteps {
  readonly body: string;
  readonly names: readonly string[];
  readonly statements: readonly StatementSteps[];
  /** Names in credential-v1.json, each brought whole or named by its id. */
  readonly credentials: readonly { readonly name: string; readonly as: "value" | "id" }[];
  readonly asksForEncryption: boolean;
}

interface OpeningStep {
  readonly name: string;
  readonly sender: string;
  readonly payload: string;
  readonly message: string;
}

export interface HandshakeSteps {
  /** In handshake-v1.json. */
  readonly name: string;
  readonly th: Hashed;
  readonly accepted: Hashed;
  readonly whole: Hashed;
  readonly tags: Readonly<Record<"answer" | "open" | "accept", TagSteps>>;
  readonly bodies: Readonly<Record<"open" | "accept", BodySteps>>;
  readonly opening: { readonly nonces: SessionInputs["nonces"]; readonly keys: { readonly open: DerivedKey; readonly toResponder: DerivedKey; readonly toInitiator: DerivedKey }; readonly messages: readonly OpeningStep[] };
}

export interface StepsFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly handshakes: readonly HandshakeSteps[];
}

/** Head and value of a tag, in hex. */
const tagDigits = 34;
const untagged = (message: string) => message.slice(0, -tagDigits);
const hashed = (...parts: readonly string[]): Hashed => ({ input: parts.join(""), sha256: createHash("sha256").update(fromHex(parts.join(""))).digest("hex") });

/** What is drawn for the opening of the session. */
const nonces = { initiator: "e0e1e2e3e4e5e6e7e8e9eaebecedeeef", responder: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" };
/** When each end sends its first message, in seconds since 1970. */
const aliveS = 1_789_994_500;

export function stepsOf(vector: HandshakeVector, street: CredentialFile): HandshakeSteps {
  const { name, messages, keys, initiator, responder } = vector;
  const { hello, answer, open, accept } = messages;
  const hashOf = (unit: string) => street.credentials.find((one) => one.name === unit)!.hash;
  const th = hashed(hello, untagged(answer), hashOf(initiator.unit), hashOf(responder.unit));
  const accepted = hashed(th.sha256, open);
  const tagOf = ({ key }: DerivedKey, transcript: string, message: string): TagSteps => {
    const input = transcript + untagged(message);
    return { key, transcript, untagged: untagged(message), input, tag: createHmac("sha256", fromHex(key)).update(fromHex(input)).digest("hex").slice(0, 32) };
  };
  return {
    name,
    th,
    accepted,
    whole: hashed(th.sha256, open, accept),
    tags: { answer: tagOf(keys.toInitiator, th.sha256, answer), open: tagOf(keys.toResponder, th.sha256, open), accept: tagOf(keys.toInitiator, accepted.sha256, accept) },
    bodies: { open: bodyOf(open, responder.unit, street), accept: bodyOf(accept, initiator.unit, street) },
    opening: openingOf(vector),
  };
}

function bodyOf(message: string, receiver: string, { credentials, domain }: CredentialFile): BodySteps {
  const body = (decode(fromHex(message)) as Uint8Array[])[2]!;
  const fields = decode(body) as Map<number, unknown>;
  const statements = (fields.get(21) as Uint8Array[]).map((statement): StatementSteps => {
    const [header, , payload, signature] = decode(statement) as [Uint8Array, unknown, Uint8Array, Uint8Array];
    const id = toHex((decode(header) as Map<number, Uint8Array>).get(4)!);
    const signer = credentials.find((one) => one.id === id)!;
    const externalAad = externalAadOf(domain, receiver, fromHex(signer.hash));
    return { signer: signer.name, externalAad: toHex(externalAad), payload: toHex(payload), signed: toHex(sigStructure(header, externalAad, payload)), signature: toHex(signature) };
  });
  const named = (fields.get(24) as Uint8Array[]).map((bytes) => {
    const as = bytes.length === 8 ? "id" : "value";
    return { name: credentials.find((one) => toHex(bytes) === (as === "id" ? one.id : one.message))!.name, as } as const;
  });
  return { body: toHex(body), names: fields.get(20) as string[], statements, credentials: named, asksForEncryption: fields.get(28) === 2 };
}

/** What a session under the secret of a handshake, or under one that was kept over a restart, begins with. */
export function openingInputs({ session, keys }: HandshakeVector): SessionInputs {
  const alive = (sender: string) => ({ name: `alive of ${sender}`, sender, about: "", body: { op: "alive", sequence: 1, timeMs: aliveS * 1000 } as const });
  return { key: keys.session.key, nonces, config: session, bodies: [alive(session.initiator), alive(session.responder)] };
}

function openingOf(vector: HandshakeVector): HandshakeSteps["opening"] {
  const inputs = openingInputs(vector);
  const { initiator, responder, protection } = inputs.config;
  const isEncrypted = protection === "encrypt";
  const keys = { ...deriveKeys(inputs), ...(isEncrypted ? deriveEncryptionKeys(inputs) : {}) };
  const [ofInitiator, ofResponder] = [fromHex(nonces.initiator), fromHex(nonces.responder)];
  const opening = (name: string, sender: string, receiver: string, body: Map<number, unknown>): OpeningStep => {
    const payload = encode(body);
    return { name, sender, payload: toHex(payload), message: toHex(sealPayload(inputs, keys.open.key, receiver, "open", payload).message) };
  };
  const alive = (sender: string, receiver: string, { key }: DerivedKey): OpeningStep => {
    const payload = encode(new Map([[1, 6], [3, 1], [4, aliveS]]));
    const { message } = isEncrypted ? encryptPayload(inputs, key, receiver, 1, payload) : sealPayload(inputs, key, receiver, "session", payload);
    return { name: `alive of ${sender}`, sender, payload: toHex(payload), message: toHex(message) };
  };
  return {
    nonces,
    keys,
    messages: [
      opening("open", initiator, responder, new Map<number, unknown>([[1, 16], [13, ofInitiator]])),
      opening("opened", responder, initiator, new Map<number, unknown>([[1, 17], [13, ofResponder], [14, ofInitiator]])),
      alive(initiator, responder, keys.toResponder),
      alive(responder, initiator, keys.toInitiator),
    ],
  };
}
