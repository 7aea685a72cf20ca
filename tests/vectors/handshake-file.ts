/** What handshake-v1.json holds. Bytes are in hex. */
import type { SessionConfig } from "../../sdk/core/security/session-config";
import type { DerivedKey } from "./vector-file";
import type { EndInputs } from "./handshake-replay";

export const handshakeNames = ["hello", "answer", "open", "accept"] as const;
export type HandshakeName = (typeof handshakeNames)[number];

export interface HandshakeVector {
  readonly name: string;
  readonly about: string;
  readonly initiator: EndInputs;
  readonly responder: EndInputs;
  readonly messages: Readonly<Record<HandshakeName, string>>;
  readonly bytes: Readonly<Record<HandshakeName, number>>;
  /** The secret on which both agree by ECDH. */
  readonly z: string;
  readonly th: string;
  readonly keys: { readonly toInitiator: DerivedKey; readonly toResponder: DerivedKey; readonly session: DerivedKey };
  readonly session: SessionConfig;
}

export interface HandshakeFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly handshakes: readonly HandshakeVector[];
}
