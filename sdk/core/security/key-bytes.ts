/** Lengths of secret keys, in bytes: one table for all implementations of the crypto port that are written in TypeScript. */
import { badArgument } from "../model/errors";
import type { KeyUse } from "./crypto-port";

const lengths: Readonly<Record<KeyUse, readonly [least: number, most: number, derived: number]>> = Object.freeze({
  mac: [16, 64, 32],
  derive: [16, 64, 32],
  wrap: [32, 32, 32],
  "aes-ccm-64": [16, 32, 16],
  "aes-ccm-128": [16, 32, 16],
  "aes-gcm": [16, 32, 16],
  "chacha20-poly1305": [32, 32, 32],
});

/** Tags of authenticated encryption, in bytes. */
export const tagBytes: Readonly<Record<string, number>> = Object.freeze({ "aes-ccm-64": 8, "aes-ccm-128": 16, "aes-gcm": 16, "chacha20-poly1305": 16 });

/** @throws EbalanceError `bad-argument` */
export function checkKeyBytes(length: number, use: KeyUse): void {
  const [least, most] = lengths[use] ?? badArgument(`use ${use} is none of ${Object.keys(lengths).join(", ")}`);
  const isOfAes = use.startsWith("aes");
  if (length < least || length > most || (isOfAes && length !== least && length !== most)) {
    badArgument(`key of ${length} bytes: ${use} takes ${least}${least === most ? "" : `${isOfAes ? " or " : " to "}${most}`}`);
  }
}

/** Bytes of a key that is derived. */
export function derivedKeyBytes(use: KeyUse): number {
  return (lengths[use] ?? badArgument(`use ${use} is none of ${Object.keys(lengths).join(", ")}`))[2];
}

/** @throws EbalanceError `bad-argument` for data shorter than `length`, or a place for the result that is not as long as that */
export function checkAeadLengths(use: string, nonce: Uint8Array, data: Uint8Array, length: number, expectedOut: number, out: Uint8Array): void {
  const least = use.startsWith("aes-ccm") ? 7 : 12;
  const most = use.startsWith("aes-ccm") ? 13 : 12;
  if (nonce.length < least || nonce.length > most) badArgument(`nonce of ${nonce.length} bytes: ${use} takes ${least === most ? least : `${least} to ${most}`}`);
  checkLength(data, length);
  if (out.length !== expectedOut) badArgument(`out has ${out.length} bytes, the result ${expectedOut}`);
}

/** @throws EbalanceError `bad-argument` */
export function checkLength(data: Uint8Array, length: number): void {
  if (!(length >= 0 && length <= data.length)) badArgument(`length ${length} of ${data.length} bytes`);
}
