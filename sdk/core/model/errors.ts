/**
 * The SDK's one error class. `code` is stable, `fault` says who can mend it, the message names field, value and remedy
 * and never holds a secret.
 */
export type Fault = "caller" | "peer" | "device" | "sdk";

export type ErrorCode =
  /** An argument of the public API is not what its documentation asks for. */
  | "bad-argument"
  /** A configuration or key file is not usable. */
  | "bad-configuration"
  /** Received bytes are not the strict encoding of this wire version. */
  | "malformed"
  /** A credential or statement whose signer is not trusted for it: unknown, expired, revoked, of another domain, beyond its scope, or not the signer at all. */
  | "not-trusted"
  /** A genuine request that its receiver cannot tell from a replay: to be signed anew with the nonce that the receiver gives. */
  | "not-fresh"
  /** Something does not fit into its buffer or bound. */
  | "too-large"
  /** The link, unit or subscription is closed. */
  | "closed"
  /** Flash or disk did not take or give what it should. */
  | "storage-failed";

export class EbalanceError extends Error {
  declare readonly name: "EbalanceError";
  constructor(
    readonly code: ErrorCode,
    readonly fault: Fault,
    message: string,
  ) {
    super(message);
    // Defined and not assigned: on a device `Error.prototype.name` is frozen.
    Object.defineProperty(this, "name", { value: "EbalanceError" });
  }
}

/** Throws `malformed` with the peer at fault. */
export function malformed(message: string): never {
  throw new EbalanceError("malformed", "peer", message);
}

/** Throws `not-trusted` with the peer at fault. */
export function notTrusted(message: string): never {
  throw new EbalanceError("not-trusted", "peer", message);
}

/** Throws `bad-argument` with the caller at fault. */
export function badArgument(message: string): never {
  throw new EbalanceError("bad-argument", "caller", message);
}

/** Whether an error says that flash or a disk has failed: by its code, since what native modules throw is of a class of their own bundle. */
export function isStorageFailure(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "storage-failed";
}
