/** The form of session-v1.json and of session-encrypted-v1.json. Bytes are in hex. */
import type { PolicyText } from "../../sdk/core/model/policy";
import type { SessionConfig } from "../../sdk/core/security/session-config";
import type { BodyText } from "./body-text";

/** What has to be known to make every byte of the messages. */
export interface SessionInputs {
  /** The provisioned key: a test key, never to be used. */
  readonly key: string;
  readonly nonces: { readonly initiator: string; readonly responder: string };
  readonly config: SessionConfig;
  /** The bodies in the order in which they are sent, after `open` and `opened`. */
  readonly bodies: readonly { readonly name: string; readonly sender: string; readonly about: string; readonly body: BodyText }[];
}

/** HKDF-SHA-256 of the provisioned key. */
export interface DerivedKey {
  readonly salt: string;
  readonly info: string;
  readonly key: string;
}

export interface MessageVector {
  readonly name: string;
  readonly about: string;
  readonly sender: string;
  readonly receiver: string;
  readonly kind: "open" | "session";
  readonly protected: string;
  readonly externalAad: string;
  readonly macStructure: string;
  readonly payload: string;
  readonly tag: string;
  readonly message: string;
  readonly bytes: number;
}

/** A message of an encrypted session, but for those that open it. */
export interface EncryptedVector {
  readonly name: string;
  readonly about: string;
  readonly sender: string;
  readonly receiver: string;
  readonly protected: string;
  readonly externalAad: string;
  readonly encStructure: string;
  readonly nonce: string;
  readonly plaintext: string;
  /** With the tag at its end. */
  readonly ciphertext: string;
  readonly message: string;
  readonly bytes: number;
}

export type RefusalReason = "malformed" | "notAuthentic" | "replayed" | "notOpen";

export interface RefusalVector {
  readonly name: string;
  readonly about: string;
  readonly receiver: string;
  /** Messages that the receiver has taken before, by name. */
  readonly after: readonly string[];
  /** The one thing that is wrong, as a word. */
  readonly fault: string;
  /** The reason under which it is counted. */
  readonly reason: RefusalReason;
  /** Whether the tag is right, so that the sender gets the answer `malformed` where the sequence can be read and is new. */
  readonly authentic: boolean;
  readonly message: string;
}

export interface VectorFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly inputs: SessionInputs;
  readonly policyHash: { readonly policy: PolicyText; readonly encoded: string; readonly sha256: string; readonly hash: string };
  readonly keys: { readonly open: DerivedKey; readonly toResponder: DerivedKey; readonly toInitiator: DerivedKey };
  readonly messages: readonly MessageVector[];
  readonly refusals: readonly RefusalVector[];
}

export interface EncryptedVectorFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly inputs: SessionInputs;
  readonly keys: { readonly toResponder: DerivedKey; readonly toInitiator: DerivedKey };
  /** The whole messages that open the session: those of session-v1.json. */
  readonly openings: { readonly open: string; readonly opened: string };
  readonly messages: readonly EncryptedVector[];
  readonly refusals: readonly RefusalVector[];
}
