/** Session messages, credentials and statements made a second way, without the SDK: node:crypto for keys, tags, ciphertexts and signatures, cbor-x for the structures around the payload. */
import { createCipheriv, createHmac, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from "node:crypto";
import { Encoder } from "cbor-x";
import { fromHex, toHex } from "../conformance/case";
import type { DerivedKey, EncryptedVectorFile, SessionInputs, VectorFile } from "./vector-file";

const codec = new Encoder({ useRecords: false, tagUint8Array: false, mapsAsObjects: false });

export function encode(value: unknown): Uint8Array {
  return Uint8Array.from(codec.encode(value));
}

export function decode(bytes: Uint8Array): unknown {
  return codec.decode(bytes);
}

function derive(inputs: SessionInputs, salt: Uint8Array, kind: string, receiver: string): DerivedKey {
  return deriveFor(inputs, salt, ["ebalance", 1, inputs.config.domain, kind, receiver], 32);
}

function deriveFor(inputs: SessionInputs, salt: Uint8Array, purpose: readonly unknown[], bytes: number): DerivedKey {
  const info = encode(purpose);
  return { salt: toHex(salt), info: toHex(info), key: toHex(new Uint8Array(hkdfSync("sha256", fromHex(inputs.key), salt, info, bytes))) };
}

export function deriveEncryptionKeys(inputs: SessionInputs): EncryptedVectorFile["keys"] {
  const { domain, initiator, responder } = inputs.config;
  const salt = fromHex(inputs.nonces.initiator + inputs.nonces.responder);
  const towards = (receiver: string) => deriveFor(inputs, salt, ["ebalance", 1, domain, "session", receiver, 10], 16);
  return { toResponder: towards(responder), toInitiator: towards(initiator) };
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

/** In the shortest form. */
function kidOf({ config: { kid } }: SessionInputs): Uint8Array {
  return kid > 255 ? Uint8Array.of(kid >> 8, kid & 255) : Uint8Array.of(kid);
}

/** Seals a payload under a key in hex. */
export function sealPayload(inputs: SessionInputs, key: string, receiver: string, kind: "open" | "session", payload: Uint8Array): Sealed {
  const protectedHeader = encode(new Map([[4, kidOf(inputs)]]));
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
  return encode([header, new Map(), payload, use === "es256" ? withSmallS(Uint8Array.from(signature)) : Uint8Array.from(signature)]);
}

const orderOfP256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other signature that is as valid as this one: (r, n - s) for (r, s). */
export function otherSignature(signature: Uint8Array): Uint8Array {
  const s = orderOfP256 - BigInt(`0x${toHex(signature.subarray(32))}`);
  return Uint8Array.of(...signature.subarray(0, 32), ...fromHex(s.toString(16).padStart(64, "0")));
}

/** A credential has one form, with the smaller s. */
function withSmallS(signature: Uint8Array): Uint8Array {
  const other = otherSignature(signature);
  return toHex(other.subarray(32)) < toHex(signature.subarray(32)) ? other : signature;
}

export function verifies(use: "es256" | "ed25519", publicKey: string, signed: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(spkiHead[use] + publicKey, "hex"), format: "der", type: "spki" });
  return verify(use === "es256" ? "sha256" : null, signed, { key, dsaEncoding: "ieee-p1363" }, signature);
}

export interface Encrypted {
  readonly protected: Uint8Array;
  readonly externalAad: Uint8Array;
  readonly encStructure: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly message: Uint8Array;
}

/** Encrypts a payload under a key in hex. */
export function encryptPayload(inputs: SessionInputs, key: string, receiver: string, sequence: number, payload: Uint8Array): Encrypted {
  const nonce = new Uint8Array(13);
  new DataView(nonce.buffer).setUint32(9, sequence);
  const partialIv = nonce.slice(nonce.findIndex((byte) => byte !== 0));
  const protectedHeader = encode(new Map([[4, kidOf(inputs)], [6, partialIv]]));
  const externalAad = encode(["ebalance", 1, inputs.config.domain, receiver, "session", 10]);
  const encStructure = encode(["Encrypt0", protectedHeader, externalAad]);
  const cipher = createCipheriv("aes-128-ccm", fromHex(key), nonce, { authTagLength: 8 });
  cipher.setAAD(encStructure, { plaintextLength: payload.length });
  const ciphertext = Uint8Array.of(...cipher.update(payload), ...cipher.final(), ...cipher.getAuthTag());
  return { protected: protectedHeader, externalAad, encStructure, nonce, ciphertext, message: encode([protectedHeader, new Map(), ciphertext]) };
}
