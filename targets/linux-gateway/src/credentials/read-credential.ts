/** Credentials from disk. */
import { readFileSync } from "node:fs";
import { EbalanceError, defaultCertificateLimits, parseCredential, type Credential } from "ebalance";
import type { NodeCrypto } from "../node-crypto";

/** The first byte of a credential: an array of four, without a tag. */
export const firstOfCredential = 0x84;

/** What helps where a credential is longer than others accept. */
export const fewerNames = "make it anew with ebalance keys, with fewer units, devices or variables in it";

/** The bytes of a file, or undefined where there is none. @throws EbalanceError `bad-configuration` where it cannot be read */
export function readIfThere(path: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > defaultCertificateLimits.maxBytes) throw new EbalanceError("bad-configuration", "caller", `${path} has ${bytes.length} bytes, at most ${defaultCertificateLimits.maxBytes} are read; ${fewerNames}`);
    return new Uint8Array(bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw error instanceof EbalanceError ? error : new EbalanceError("bad-configuration", "caller", `${path} cannot be read (${code})`);
  }
}

/** The credential in a file, well-formed and no more; undefined where there is no file. @throws EbalanceError `bad-configuration` for a file that holds none */
export function readCredential(path: string, crypto: NodeCrypto): Credential | undefined {
  const bytes = readIfThere(path);
  return bytes && credentialOf(bytes, path, crypto);
}

export function credentialOf(bytes: Uint8Array, path: string, crypto: NodeCrypto): Credential {
  try {
    return parseCredential(bytes, crypto);
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    throw new EbalanceError("bad-configuration", "caller", `${path} holds no credential: ${whatIsWrong(bytes)}; put it aside, and make it anew with ebalance keys, or copy it again`);
  }
}

/** What the decoder says of half a file, the lengths in it that are too long, leads nobody to what has happened. */
function whatIsWrong(bytes: Uint8Array): string {
  if (bytes.length === 0) return "the file is empty";
  return bytes[0] === firstOfCredential ? `its ${bytes.length} bytes have been cut off or changed` : "it is a file of another kind";
}

/** Whether a credential that only a root signs, or that names a root as its issuer, is not signed by this one. */
export function isOfAnotherRoot({ type, issuer, issuerId }: Credential, root: Credential): boolean {
  const isRoots = type === "unit" || type === "stakeholder" || (type === "service" && issuer === root.subject);
  return isRoots && Buffer.compare(issuerId, root.id) !== 0;
}
