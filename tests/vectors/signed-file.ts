/** What the files of credentials and statements hold: what each message is made from, and every part of it. Bytes are in hex. */
import type { Comparison, Field, QueryFunctionName } from "../../sdk/core/model/instance";
import type { PolicyText } from "../../sdk/core/model/policy";
import type { CredentialType } from "../../sdk/core/security/claims";
import type { SignatureUse } from "../../sdk/core/security/crypto-port";
import type { StatementKind } from "../../sdk/core/wire/statement-body";
import type { ItemText } from "./body-text";

/** A key pair for tests, never to be used. */
export interface KeyText {
  readonly use: SignatureUse | "ecdh-p256";
  readonly private: string;
  readonly public: string;
}

export interface ClaimsText {
  readonly type: CredentialType;
  readonly subject: string;
  readonly domain: string;
  /** Name of the subject's key in `keys`. */
  readonly key: string;
  readonly epoch: number;
  readonly issuedS: number;
  /** Left out: it does not expire. */
  readonly expiresS?: number;
  readonly role?: "device" | "gateway";
  readonly owner?: string;
  readonly parents?: readonly string[];
  readonly below?: readonly string[];
  /** Name of a key in `keys`. */
  readonly agreementKey?: string;
  readonly service?: string;
  readonly rights?: number;
  readonly devices?: readonly string[];
  readonly variables?: readonly number[];
}

export interface StatementText {
  readonly kind: keyof typeof StatementKind;
  readonly sequence?: number;
  readonly timeMs?: number;
  readonly scope?: string;
  readonly expiresS?: number;
  readonly nonce?: string;
  readonly items?: readonly ItemText[];
  readonly selector?: { readonly variable: string | null; readonly device: string; readonly owner: string };
  readonly at?: string;
  readonly condition?: readonly { readonly field: keyof typeof Field; readonly comparison: keyof typeof Comparison; readonly operand: number }[];
  readonly function?: QueryFunctionName;
  readonly periodMs?: number;
  readonly id?: number;
  readonly policy?: PolicyText;
  readonly fromS?: number;
  readonly toS?: number;
  readonly series?: readonly { readonly variable: string; readonly device: string; readonly count: number; readonly digest: string }[];
  readonly epochs?: readonly { readonly subject: string; readonly leastEpoch: number }[];
  readonly transcript?: string;
}

/** A COSE_Sign1 and what it is made of. */
export interface SignedParts {
  readonly protected: string;
  readonly externalAad: string;
  /** The Sig_structure. */
  readonly signed: string;
  readonly payload: string;
  readonly signature: string;
  readonly message: string;
  readonly bytes: number;
}

export interface CredentialVector extends SignedParts {
  readonly name: string;
  readonly about: string;
  /** Name of the credential under which it is signed; of the root its own. */
  readonly issuer: string;
  readonly claims: ClaimsText;
  readonly hash: string;
  readonly id: string;
}

export interface StatementVector extends SignedParts {
  readonly name: string;
  readonly about: string;
  /** Name of the credential under which it is signed. */
  readonly signer: string;
  /** The names that the credential implies: indexes 0, 1, 2. */
  readonly implied: readonly string[];
  readonly body: StatementText;
}

/** A message that differs from a good one in one thing. */
export interface SignedRefusal {
  readonly name: string;
  readonly about: string;
  /** What refuses it: its form, or its signature. */
  readonly by: "form" | "signature";
  /** Of a statement: name of the credential under which it claims to be signed. */
  readonly signer?: string;
  readonly message: string;
}

export interface CredentialFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly domain: string;
  readonly keys: Readonly<Record<string, KeyText>>;
  readonly credentials: readonly CredentialVector[];
  readonly refusals: readonly SignedRefusal[];
}

export interface StatementFile {
  readonly about: readonly string[];
  readonly wireVersion: number;
  readonly domain: string;
  readonly statements: readonly StatementVector[];
  readonly refusals: readonly SignedRefusal[];
}
