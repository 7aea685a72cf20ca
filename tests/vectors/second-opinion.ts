/** The session message made a second way, without the SDK: node:crypto for keys and tags, cbor-x for the structures around the payload. */
import { createHmac, hkdfSync } from "node:crypto";
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
