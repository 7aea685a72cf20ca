/** Whether a statement is genuine, of a signer who may say that, meant for this unit and, where it asks for something, new. */
import { bytesKey } from "../model/bytes";
import { EbalanceError, notTrusted } from "../model/errors";
import type { ClockPort } from "../ports";
import { Rates, type RateSettings } from "../rate";
import type { ReadContext } from "../wire/session-body";
import { bodyOfStatement, parseStatement, signatureOf, signedBytes, type ParsedStatement } from "../wire/statement";
import { isRequest, StatementKind, type RequestStatement, type StatementBody } from "../wire/statement-body";
import type { CertificateStore } from "./certificate-store";
import type { Credential } from "./credential";
import type { CryptoPort } from "./crypto-port";
import { EchoNonces } from "./echo-nonces";
import type { Numbered, ReplayWindows } from "./replay-windows";
import { checkScope, checkSigner } from "./statement-rules";

/** Clocks of two units may differ by this. */
const clockToleranceS = 300;

/** For whom statements are verified, and how many. */
export interface StatementVerifierSettings {
  /** Id of the unit that verifies: requests are for it alone. */
  readonly unit: string;
  /** The units above it, as far as they are known: statements for all that lies below one of them are accepted too. */
  readonly above: readonly string[];
  /** Gives the types of values. */
  readonly registry: ReadContext["registry"];
  /** Signatures that are verified for one signer and the neighbour that brings them. Left out: {@link defaultBudget}. */
  readonly budget?: RateSettings;
}

/** Signatures a second, and at once after a quiet time, for one signer and the neighbour that brings its statements. */
export const defaultBudget: RateSettings = Object.freeze({ perSecond: 50, burst: 200 });

/** For whom a statement under a delegation speaks (SP-1). */
export interface StatementSource {
  readonly device: string;
  readonly service: string;
  readonly stakeholder: string;
}

/** What a statement says, and who says it: its signature was valid, and its signer held, when it was verified. */
export interface VerifiedStatement {
  /** Under which credential it was signed. */
  readonly signer: Credential;
  /** Undefined where the operator or a stakeholder has signed it itself. */
  readonly source: StatementSource | undefined;
  readonly body: StatementBody;
  /** As it was received. */
  readonly bytes: Uint8Array;
}

/**
 * Verifies statements, cheap things first, the signature last. A request is accepted once, over restarts too: it is kept as accepted before it takes effect. Data, policies, checkpoints and
 * revocations may come again: what takes them up goes by sequences and times.
 * @example
 * const verifier = new StatementVerifier(store, clock, crypto, new ReplayWindows(state), { unit: "home", above: ["station"], registry });
 * try {
 *   take(verifier.verify(bytes));
 * } catch (error) {
 *   if (error.code === "not-fresh") answer(verifier.nonceFor(parseStatement(bytes).signerId));
 * }
 */
export class StatementVerifier {
  readonly #budget: Rates;
  readonly #nonces: EchoNonces;

  constructor(
    private readonly store: CertificateStore,
    private readonly clock: ClockPort,
    crypto: CryptoPort,
    private readonly windows: ReplayWindows,
    private readonly settings: StatementVerifierSettings,
  ) {
    this.#budget = new Rates(clock, settings.budget ?? defaultBudget);
    this.#nonces = new EchoNonces(crypto, clock);
  }

  /**
   * @param from id of the neighbour that has brought it, whose budget it is verified on; left out: this unit itself
   * @throws EbalanceError `malformed`; `not-trusted` where the signer is unknown, does not hold, may not say that, has said it before or has not signed it; `not-fresh` for a genuine request that has to
   * be signed anew with the nonce of {@link nonceFor}; `storage-failed` for one that could not be kept as accepted. Then it must not take effect.
   */
  verify(bytes: Uint8Array, from = ""): VerifiedStatement {
    const parsed = parseStatement(bytes);
    const signer = this.#signerOf(parsed);
    const body = bodyOfStatement(parsed, signer, this.settings.registry);
    checkScope(body, this.settings.unit, this.settings.above);
    this.#checkTime(body);
    checkSigner(signer, body, this.store);
    const isFresh = isRequest(body) ? this.#isFresh(parsed.signerId, body) : true;
    // Whoever sends statements in somebody's name, genuine or not, takes nothing from what others bring of that signer.
    if (!this.#budget.take(`${from} ${bytesKey(signer.id)}`)) notTrusted(`more statements of ${signer.subject} than are verified`);
    const signed = signedBytes(parsed, signer, this.store.domain, body.scope);
    if (!this.store.verify(signer, signed, signed.length, signatureOf(parsed))) notTrusted(`not signed by ${signer.subject}`);
    if (!isFresh) throw new EbalanceError("not-fresh", "peer", `a request of ${signer.subject} cannot be told from a replay: sign it anew with the nonce of the receiver`);
    if (isRequest(body)) this.windows.accept(parsed.signerId, numbered(body));
    return { signer, source: sourceOf(signer), body, bytes };
  }

  /** What a request of a signer has to repeat where {@link verify} said `not-fresh`: 8 bytes, which hold for a minute at least. */
  nonceFor(signerId: Uint8Array): Uint8Array {
    return this.#nonces.make(signerId, this.windows.generation);
  }

  /** Destroys the key of the nonces. */
  close(): void {
    this.#nonces.close();
  }

  #signerOf({ signerId, use }: ParsedStatement): Credential {
    const signer = this.store.find(signerId) ?? notTrusted("a statement of a signer that is not known here");
    if (signer.key.use !== use) notTrusted(`a statement signed with ${use}, the key of ${signer.subject} is for ${signer.key.use}`);
    const refusal = this.store.refusal(signer);
    return refusal === undefined ? signer : notTrusted(refusal);
  }

  #checkTime({ timeMs, expiresS }: StatementBody): void {
    if (!this.clock.isSet()) return;
    const nowS = this.clock.wallMs() / 1000;
    if (expiresS !== undefined && nowS >= expiresS) notTrusted(`a statement that expired at ${expiresS} s`);
    if (timeMs !== undefined && timeMs / 1000 > nowS + clockToleranceS) notTrusted(`a statement of ${timeMs} ms, which is to come`);
  }

  /**
   * Whether a request is new: it has not been accepted, no later write has where it is one, and where that is not known it repeats a nonce. Without a clock it always does: it may have
   * expired.
   */
  #isFresh(signerId: Uint8Array, body: RequestStatement): boolean {
    const isSet = this.clock.isSet();
    const freshness = this.windows.judge(signerId, numbered(body), isSet ? Math.ceil(this.clock.wallMs() / 1000) + clockToleranceS : undefined);
    if (freshness === "replayed") notTrusted(`request ${body.sequence} is replayed, or older than what was accepted since`);
    if (isSet && freshness === "fresh") return true;
    return body.nonce !== undefined && this.#nonces.holds(body.nonce, signerId, this.windows.generation);
  }
}

function numbered({ kind, sequence, timeMs }: RequestStatement): Numbered {
  return { sequence, timeS: timeMs / 1000, isWrite: kind === StatementKind.write };
}

function sourceOf(signer: Credential): StatementSource | undefined {
  return signer.type === "delegation" ? { device: signer.subject, service: signer.service, stakeholder: signer.issuer } : undefined;
}
