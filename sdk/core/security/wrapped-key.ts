/** Layout of a wrapped key, for the implementations of {@link KeyWrapPort} that are written in TypeScript: nonce, encrypted key, tag. */
import { badArgument } from "../model/errors";

export const wrapNonceBytes = 13;
export const wrapTagBytes = 16;

/** Whether a key of this use may leave the port wrapped: secret and private keys but those that wrap or make tags. Public keys need no wrapping. */
export function isWrappable(use: string): boolean {
  return use !== "wrap" && use !== "mac" && !use.startsWith("verify-");
}

/** The use of a wrapped key as it is authenticated: its name in ASCII. */
export function useBytes(use: string): Uint8Array {
  return Uint8Array.from(use, (letter) => letter.charCodeAt(0));
}

/** A wrapped key taken apart, in place. @throws EbalanceError `bad-argument` */
export function wrappedParts(wrapped: Uint8Array): { nonce: Uint8Array; sealed: Uint8Array } {
  if (wrapped.length <= wrapNonceBytes + wrapTagBytes) notUnwrapped();
  return { nonce: wrapped.subarray(0, wrapNonceBytes), sealed: wrapped.subarray(wrapNonceBytes) };
}

/** One refusal for all that is wrong: it says nothing of the key. */
export function notUnwrapped(): never {
  return badArgument("wrapped key is not accepted: it was wrapped under another key or for another use, or was changed since");
}
