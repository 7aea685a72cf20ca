/**
 * Who signed what is kept. Each statement was verified when it came, and the credentials of its signer are kept with it: so it proves what it says after they have expired, were renewed or given up, and
 * after a restart. They are judged at the time at which the statement was signed. What has been revoked since proves nothing.
 */
import { EbalanceError, malformed, notTrusted } from "../model/errors";
import type { CertificateStore } from "../security/certificate-store";
import { parseCredential, type Credential } from "../security/credential";
import type { CryptoPort } from "../security/crypto-port";
import { checkSigner } from "../security/statement-rules";
import type { ReadContext } from "../wire/session-body";
import { decodeCbor, encodeRecord } from "../wire/cbor-value";
import { bodyOfStatement, parseStatement, signatureOf, signedBytes } from "../wire/statement";
import type { StatementBody } from "../wire/statement-body";
import type { KeptStatement } from "../../storage/statement-store";

/** A statement that is kept, and what its signer is known by. */
export type Proof = Pick<KeptStatement, "bytes" | "signer">;

/** Of what was read: who has signed it, and when. */
export interface KeptBody {
  readonly body: StatementBody;
  readonly signer: Credential;
}

export class KeptSigners {
  /** The credentials of the signers, at the time of the statement that is looked at. */
  #past: CertificateStore;
  #nowMs = 0;

  constructor(
    private readonly crypto: CryptoPort,
    private readonly store: CertificateStore,
    private readonly registry: ReadContext["registry"],
  ) {
    this.#past = this.#newPast();
  }

  /** What has to be kept with a statement of a signer that is known now: its credential and those above it, the root's left out, issuers first. */
  chainOf(signerId: Uint8Array): Uint8Array {
    const chain: Uint8Array[] = [];
    for (let one = this.store.find(signerId); one && one.type !== "root"; one = this.store.find(one.issuerId)) chain.unshift(one.bytes);
    return encodeRecord(chain);
  }

  /** @throws EbalanceError `malformed` or `not-trusted`, where it is not as a signer has signed it who could do that then, and whom nobody has revoked since */
  read({ bytes, signer: chain }: Proof): KeptBody {
    const parsed = parseStatement(bytes);
    const credentials = chainIn(chain);
    const signer = parseCredential(credentials[credentials.length - 1] ?? malformed("no credential of its signer was kept"), this.crypto);
    const body = bodyOfStatement(parsed, signer, this.registry);
    this.#nowMs = body.timeMs ?? 0;
    this.#take(credentials);
    const problem = this.#past.refusal(signer);
    if (problem !== undefined) notTrusted(problem);
    checkSigner(signer, body, this.store);
    const signed = signedBytes(parsed, signer, this.store.domain, body.scope);
    if (!this.#past.verify(signer, signed, signed.length, signatureOf(parsed))) notTrusted(`it is not as ${signer.subject} has signed it`);
    return { body, signer };
  }

  /** As {@link read}; undefined in place of its errors. */
  tryRead(proof: Proof): StatementBody | undefined {
    try {
      return this.read(proof).body;
    } catch (error) {
      if (error instanceof EbalanceError) return undefined;
      throw error;
    }
  }

  /** Whether what was read still counts: false where its signer was revoked, and where it has to be read again. */
  holds({ body, signer }: KeptBody): boolean {
    this.#nowMs = body.timeMs ?? 0;
    return this.#past.refusal(signer) === undefined;
  }

  close(): void {
    this.#past.close();
  }

  #take(credentials: readonly Uint8Array[]): void {
    try {
      for (const credential of credentials) this.#past.add(credential);
    } catch (error) {
      if (!(error instanceof EbalanceError) || error.code !== "too-large") throw error;
      // They are all kept elsewhere.
      this.#past.close();
      this.#past = this.#newPast();
      for (const credential of credentials) this.#past.add(credential);
    }
  }

  #newPast(): CertificateStore {
    return this.store.at({ wallMs: () => this.#nowMs, monotonicMs: () => this.#nowMs, isSet: () => true });
  }
}

function chainIn(bytes: Uint8Array): readonly Uint8Array[] {
  const chain = bytes.length ? decodeCbor(bytes) : [];
  if (!Array.isArray(chain) || chain.length > 3 || !chain.every((one) => one instanceof Uint8Array)) return malformed("the credentials of its signer are not as they were kept");
  return chain as Uint8Array[];
}
