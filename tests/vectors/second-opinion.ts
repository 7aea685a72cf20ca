/** Session messages, credentials and statements made a second way, without the SDK: node:crypto for keys, tags and signatures, cbor-x for the structures around the payload. */
import { createHmac, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from "node:crypto";
import { Encoder } from "cbor-x";
import { fromHex, toHex } from "../conformance/case";
import type { DerivedKey, SessionInputs, VectorFile } from "./vector-file";

const codec = new Encoder({ useRecords: false, tagUint8Array: false, mapsAsObjects: false });

export function encode(value: unknown): Uint8Array {
  return Uint8Array.from(codec.encode(value));
}

export function decode(bytes: Uint8Array): unknown {
  return codec.decode(bytes);
}

function derive(inputs: SessionInputs, salt: Uint8Array, kind: string, receiver: string): DerivedKey {
  const info = encode(["ebalance", 1, inputs.config.domain, kind, receiver]);
  return { salt: toHex(salt), info: toHex(info), key: toHex(new Uint8Array(hkdfSync("sha256", fromHex(inputs.key), salt, info, 32))) };
}

export function deriveKeys(inputs: SessionInputs): VectorFile["keys"] {
  const { initiator, responder } = inputs.config;
  const salt = fromHex(inputs.nonces.initiator + inputs.nonces.responder);
  return {
    open: derive(inputs, new Uint8Array(0), "open", ""),
    toResponder: derive(inputs, salt, "session", responder),
    toInitiator: derive(inputs, salt, "session", initiator),
  };
}

export interface Sealed {
  readonly protected: Uint8Array;
  readonly externalAad: Uint8Array;
  readonly macStructure: Uint8Array;
  readonly tag: Uint8Array;
  readonly message: Uint8Array;
}

/** Seals a payload under a key in hex. */
export function sealPayload(inputs: SessionInputs, key: string, receiver: string, kind: "open" | "session", payload: Uint8Array): Sealed {
  const protectedHeader = encode(new Map([[4, Uint8Array.of(inputs.config.kid)]]));
  const externalAad = encode(["ebalance", 1, inputs.config.domain, receiver, kind, 4]);
  const macStructure = encode(["MAC0", protectedHeader, externalAad, payload]);
  const tag = Uint8Array.from(createHmac("sha256", fromHex(key)).update(macStructure).digest().subarray(0, 8));
  return { protected: protectedHeader, externalAad, macStructure, tag, message: encode([protectedHeader, new Map(), payload, tag]) };
}

const spkiHead = { es256: "3059301306072a8648ce3d020106082a8648ce3d030107034200", ed25519: "302a300506032b6570032100" };
const pkcs8Head = { es256: "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", ed25519: "302e020100300506032b657004220420" };
const algorithmOf = { es256: -7, ed25519: -8 };

export interface Sign1Input {
  readonly use: "es256" | "ed25519";
  /** In hex. */
  readonly privateKey: string;
  /** Id of the credential of the signer; a root has none. */
  readonly kid: Uint8Array | undefined;
  readonly externalAad: Uint8Array;
  readonly payload: Uint8Array;
}

export function headerOf(use: "es256" | "ed25519", kid: Uint8Array | undefined): Uint8Array {
  return encode(new Map<number, unknown>([[1, algorithmOf[use]], ...(kid ? [[4, kid] as const] : [])]));
}

export function externalAadOf(domain: string, scope: string, credentialHash: Uint8Array): Uint8Array {
  return encode(["ebalance", 1, domain, scope, "statement", credentialHash]);
}

export function sigStructure(protectedHeader: Uint8Array, externalAad: Uint8Array, payload: Uint8Array): Uint8Array {
  return encode(["Signature1", protectedHeader, externalAad, payload]);
}

/** Signs a payload as a credential or statement. */
export function sign1({ use, privateKey, kid, externalAad, payload }: Sign1Input): Uint8Array {
  const header = headerOf(use, kid);
  const key = createPrivateKey({ key: Buffer.from(pkcs8Head[use] + privateKey, "hex"), format: "der", type: "pkcs8" });
  const signature = sign(use === "es256" ? "sha256" : null, sigStructure(header, externalAad, payload), { key, dsaEncoding: "ieee-p1363" });
  return encode([header, new Map(), payload, Uint8Array.from(signature)]);
}

export function verifies(use: "es256" | "ed25519", publicKey: string, signed: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(spkiHead[use] + publicKey, "hex"), format: "der", type: "spki" });
  return verify(use === "es256" ? "sha256" : null, signed, { key, dsaEncoding: "ieee-p1363" }, signature);
}
