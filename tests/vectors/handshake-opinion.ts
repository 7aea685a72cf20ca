/** The keys and tags of a handshake a second way, without the SDK: node:crypto and cbor-x. */
import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from "node:crypto";
import { fromHex, toHex } from "../conformance/case";
import type { HandshakeName, HandshakeVector } from "./handshake-file";
import { decode, encode } from "./second-opinion";
import type { CredentialFile } from "./signed-file";
import type { DerivedKey } from "./vector-file";

const privateHead = "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420";
const publicHead = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

/** A tag is 16 bytes behind their head. */
const withoutTag = (message: string) => message.slice(0, -34);
const sha256 = (...hex: string[]) => createHash("sha256").update(fromHex(hex.join(""))).digest("hex");

export type Opinion = Pick<HandshakeVector, "z" | "th" | "keys"> & { readonly tags: Readonly<Record<Exclude<HandshakeName, "hello">, string>> };

export function opinionOf(messages: HandshakeVector["messages"], [lower, upper]: readonly [string, string], { keys, credentials, domain }: CredentialFile): Opinion {
  const { hello, answer, open, accept } = messages;
  const hashOf = (unit: string) => credentials.find(({ name }) => name === unit)!.hash;
  const z = diffieHellman({
    privateKey: createPrivateKey({ key: Buffer.from(privateHead + keys[`${lower} agreement`]!.private, "hex"), format: "der", type: "pkcs8" }),
    publicKey: createPublicKey({ key: Buffer.from(publicHead + keys[`${upper} agreement`]!.public, "hex"), format: "der", type: "spki" }),
  });
  const nonceOf = (message: string) => toHex((decode(fromHex(message)) as Uint8Array[])[3]!);
  const salt = nonceOf(hello) + nonceOf(answer);
  const derive = (...parts: unknown[]): DerivedKey => {
    const info = encode(["ebalance", 1, domain, ...parts]);
    return { salt, info: toHex(info), key: toHex(new Uint8Array(hkdfSync("sha256", z, fromHex(salt), info, 32))) };
  };
  const th = sha256(hello, withoutTag(answer), hashOf(lower), hashOf(upper));
  const [toInitiator, toResponder] = [derive("handshake", lower, fromHex(th)), derive("handshake", upper, fromHex(th))];
  const tag = ({ key }: DerivedKey, transcript: string, message: string) => createHmac("sha256", fromHex(key)).update(fromHex(transcript + withoutTag(message))).digest("hex").slice(0, 32);
  return {
    z: z.toString("hex"),
    th,
    keys: { toInitiator, toResponder, session: derive("session", fromHex(sha256(th, open, accept))) },
    tags: { answer: tag(toInitiator, th, answer), open: tag(toResponder, th, open), accept: tag(toInitiator, sha256(th, open), accept) },
  };
}
