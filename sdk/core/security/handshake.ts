/**
 * What makes two units that share no key yet agree on a session: the interface, behind which EDHOC (RFC 9528) takes the place of `certified-handshake.ts` when joining is built.
 * A handshake provisions, once: what it establishes is what a session key file holds. Opening the session under it, after every lost link and every restart, is the session's own matter.
 */
import type { Delegation, UnitCredential } from "./credential";
import type { KeyHandle } from "./crypto-port";
import type { SessionConfig } from "./session-config";

/** What a handshake leaves. */
export interface Established {
  /** The other unit. */
  readonly peer: UnitCredential;
  /** What the other unit has opened: under these it may make requests in the session. */
  readonly delegations: readonly Delegation[];
  /** The same at both ends. */
  readonly config: SessionConfig;
  /** For "derive"; whoever takes it destroys it. */
  readonly secret: KeyHandle;
  /** When the first of the credentials that it rests on expires, in seconds since 1970; Infinity: none does. */
  readonly expiresS: number;
}

/** What a message has led to. */
export interface HandshakeStep {
  /** To be sent to the other end. */
  readonly send?: Uint8Array;
  /** This end is finished; a message of the same step is sent first. */
  readonly done?: Established;
  /** It has failed, for this reason; it is closed. */
  readonly failed?: string;
}

/** One end of one handshake. It knows nothing of links and time: whoever runs it gives it up after a while. */
export interface Handshake {
  /** The first message, at the end that begins. */
  start?(): Uint8Array;
  /** Takes one message; nothing that it holds makes this throw. What does not belong to this handshake leads to nothing: an empty step. */
  receive(message: Uint8Array): HandshakeStep;
  /** Gives it up, and every key that it has made; may be called twice. */
  close(): void;
}
