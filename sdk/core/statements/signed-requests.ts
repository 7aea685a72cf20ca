/**
 * Requests over several hops (SP-1): the unit that asks signs them under the delegation of its service, the unit that is asked verifies them, carries them out like all others and signs what they
 * bring under the owner's delegation, and the unit that asked verifies that. Units between can keep either from arriving, refuse in another's
 * name, and hold a request back until whoever asked is told of its time-out; a write that a later one has overtaken is refused. It knows nothing of links.
 */
import { EbalanceError, isStorageFailure } from "../model/errors";
import type { Names, NameTexts } from "../model/names";
import { Right } from "../model/policy";
import type { Registry } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { ClockPort, LogPort } from "../ports";
import { fits } from "../requests/answers";
import { outcome, type Notification } from "../requests/request-processor";
import type { Notify } from "../requests/subscriptions";
import type { Delegation } from "../security/credential";
import type { VerifiedStatement } from "../security/statement-verifier";
import { maxCarriedBytes } from "../wire/carry-body";
import { Operation, type Item, type Request, type Source, type UnsubscribeRequest } from "../wire/session-body";
import { policyHashBytes } from "../wire/policy-codec";
import { isRequest, StatementKind, type AnswerStatement, type RequestStatement, type StatementItem } from "../wire/statement-body";
import type { Answer, TakeAnswer } from "./carrier";
import type { Signatory, Unnumbered } from "./signatory";
import { TakenNames } from "./taken-names";

/** Instances of a write whose proof fits into a message. */
const maxWritten = 8;

export type SignedRequest = Exclude<Request, UnsubscribeRequest>;

/** A request of this unit's that is under way. */
export interface Asking {
  readonly request: SignedRequest;
  /** The unit that is asked. */
  readonly to: string;
  readonly timeoutMs: number;
  readonly notify: Notify;
}
/** Sends a statement, and has its answers taken. @returns `done`, or why it was not sent */
export type SendStatement = (statement: Uint8Array, take: TakeAnswer) => ResultCode;

/** A request as it is sent, and what it has in common with the one that is signed anew. */
interface Signed {
  readonly bytes: Uint8Array;
  readonly sequence: number;
  readonly delegation: Delegation;
  readonly times: { readonly timeMs: number; readonly expiresS: number };
}

/** What a request is signed anew with. */
interface Demanded {
  readonly nonce: Uint8Array;
  readonly first: Signed;
}

/** A request of another unit's: what it asks and how its outcomes are proven; or why it is not carried out. */
export type Asked = { readonly request: SignedRequest; readonly prove: (notification: Notification) => Answer } | { readonly refusal: Answer };

export class SignedRequests {
  readonly #taken: TakenNames;

  constructor(
    private readonly self: string,
    private readonly signatory: Signatory,
    private readonly names: Names,
    private readonly registry: Registry,
    private readonly clock: ClockPort,
    private readonly log: LogPort,
  ) {
    this.#taken = new TakenNames(names);
  }

  // ---- the unit that asks ---------------------------------------------------------------------------------------------------------------

  /** Signs a request and sends it. @returns `done` where it was sent; otherwise why not, and nobody is told */
  ask(asking: Asking, send: SendStatement): ResultCode {
    return this.#ask(asking, send, undefined);
  }

  #ask(asking: Asking, send: SendStatement, demanded: Demanded | undefined): ResultCode {
    const signed = this.#sign(asking, demanded);
    if (typeof signed === "number") return signed;
    const { sequence } = signed;
    let last = 0;
    return send(signed.bytes, (answer) => {
      // Once: whoever demands it again and again gets no more signatures. Nobody has signed the demand: of two requests of one sequence and time, at most one is accepted.
      if (answer.nonce && !demanded) {
        const result = this.#ask(asking, send, { nonce: answer.nonce, first: signed });
        if (result !== Result.done) asking.notify(outcome(result));
        return;
      }
      // Nobody has signed that: whoever passed on a success without a proof may have made it up.
      if (!answer.statement) return asking.notify(answer.result === Result.done ? outcome(Result.notTrusted) : { ...answer, instances: [] });
      const proven = this.#read(answer.statement, asking, sequence, last);
      last = proven?.sequence ?? last;
      asking.notify(proven?.notification ?? outcome(Result.notTrusted));
    });
  }

  #sign({ request, to, timeoutMs }: Asking, demanded: Demanded | undefined): Signed | ResultCode {
    const { names, clock } = this;
    if (!clock.isSet()) return Result.badTime;
    if (names.text(request.source.device) !== this.self) return Result.denied;
    const series = request.op === Operation.write ? request.items : [request.selector];
    if (series.length > maxWritten) return Result.unsupported;
    const named = series.map(({ variable, device }) => ({ variable, device: names.text(device) }));
    const delegation = demanded?.first.delegation ?? this.signatory.delegation(names.text(request.source.stakeholder), names.text(request.source.service), request.op === Operation.write ? Right.write : Right.read, named);
    if (!delegation) return Result.notTrusted;
    const nowMs = clock.wallMs();
    // No later than that: whoever is told that it has timed out may ask otherwise. What is left is a second, and what the clock of the unit that is asked is behind.
    const times = demanded?.first.times ?? { timeMs: Math.floor(nowMs / 1000) * 1000, expiresS: Math.ceil((nowMs + timeoutMs) / 1000) };
    const body = { names, ...times, scope: to, nonce: demanded?.nonce, ...askedBy(request) } as Unnumbered<RequestStatement>;
    const signed = this.#tryTo(() => this.signatory.sign(delegation, body, demanded?.first.sequence));
    if (!signed) return Result.storageFailed;
    return signed.bytes.length > maxCarriedBytes ? Result.unsupported : { ...signed, delegation, times };
  }

  /** What an answer brings, if it is the answer of the unit that was asked, under the owner's delegation, to this request and no earlier one. */
  #read(statement: Uint8Array, { request, to }: Asking, id: number, after: number): { notification: Notification; sequence: number } | undefined {
    const verified = this.#verify(statement);
    const body = verified?.body;
    if (body?.kind !== StatementKind.answer || body.scope !== this.self || body.id !== id || body.sequence <= after) return undefined;
    const asked = request.op === Operation.write ? request.items : [request.selector];
    const { source } = verified!;
    if (source?.device !== to || body.items.length > asked.length || asked.some(({ owner }) => this.names.text(owner) !== source.stakeholder)) return undefined;
    const items = body.items.map((item, i): Item => ({ ...item, variable: item.variable, device: asked[i]!.device, owner: asked[i]!.owner }));
    const areSame = body.items.every((item, i) => {
      const { device, owner } = asked[i]!;
      return body.names.text(item.device) === this.names.text(device) && body.names.text(item.owner) === this.names.text(owner);
    });
    const isFitting = areSame && fits(request, { result: Result.done, items }, this.registry);
    return isFitting ? { notification: { result: Result.done, instances: items, retryAfterMs: 0 }, sequence: body.sequence } : undefined;
  }

  // ---- the unit that is asked -----------------------------------------------------------------------------------------------------------

  /** Takes a request that is for this unit. Where it is carried out, `prove` makes an answer of each outcome and occurrence. */
  receive(statement: Uint8Array, from: string): Asked {
    let verified: VerifiedStatement;
    try {
      verified = this.signatory.verify(statement, from);
    } catch (error) {
      return { refusal: this.#refusal(statement, error) };
    }
    const { body, source } = verified;
    if (!isRequest(body) || !source) return { refusal: outcome(Result.unsupported) };
    const asker = { device: this.#taken.id(source.device, source.stakeholder), service: this.#taken.id(source.service, source.stakeholder), stakeholder: this.#taken.id(source.stakeholder, source.stakeholder) };
    if (asker.device === undefined || asker.service === undefined || asker.stakeholder === undefined) return { refusal: outcome(Result.busy) };
    const request = this.#requestOf(body, asker as Source);
    if (typeof request === "number") return { refusal: outcome(request) };
    if (!this.#ownersDelegation(request)) {
      // As of a name that is not known here: a stranger is not told which are.
      this.log("warning", "signed request refused: this unit holds no delegation of the one owner of all its series to sign the answer under");
      return { refusal: outcome(Result.denied) };
    }
    return { request, prove: (notification) => this.#prove(notification, request, verified) };
  }

  #refusal(statement: Uint8Array, error: unknown): Answer {
    const code = error instanceof EbalanceError ? error.code : undefined;
    if (code === undefined) throw error;
    if (code === "not-fresh") return { ...outcome(Result.notTrusted), nonce: this.signatory.nonceFor(statement) };
    this.log("warning", `signed request refused: ${(error as Error).message}`);
    return outcome(code === "malformed" ? Result.malformed : code === "storage-failed" ? Result.storageFailed : Result.notTrusted);
  }

  /** A request in the form of those that come in sessions. Names that this unit has never heard of belong to nothing here. */
  #requestOf(body: RequestStatement, source: Source): SignedRequest | ResultCode {
    if (body.kind === StatementKind.unsubscribe) return Result.unsupported;
    if (body.kind === StatementKind.write) {
      const items = body.items.map((item) => this.#located(item, body.names));
      const known = items.filter((item) => item !== undefined);
      // The policy of what others write is the owner's, whatever it says.
      return known.length < items.length ? Result.denied : { op: Operation.write, source, items: known.map((item) => ({ ...item, policy: undefined })) };
    }
    const selector = this.#located(body.selector, body.names);
    if (!selector) return this.registry.byId(body.selector.variable) ? Result.denied : Result.unknownVariable;
    const at = this.names.id(this.self);
    if (body.kind === StatementKind.query) return { op: Operation.query, source, selector, at, condition: body.condition, function: body.function };
    if (body.kind === StatementKind.event) return { op: Operation.event, source, selector, at, condition: body.condition };
    return { op: Operation.periodic, source, selector, at, periodMs: body.periodMs };
  }

  #located<Key extends { readonly device: number; readonly owner: number }>(key: Key, theirs: NameTexts): Key | undefined {
    const device = this.names.find(theirs.text(key.device));
    const owner = this.names.find(theirs.text(key.owner));
    return device === undefined || owner === undefined ? undefined : { ...key, device, owner };
  }

  /** That of the one owner of all series that a request is about. */
  #ownersDelegation(request: SignedRequest): ReturnType<Signatory["delegation"]> {
    const series = request.op === Operation.write ? request.items : [request.selector];
    const owner = series[0]!.owner;
    if (series.some((each) => each.owner !== owner)) return undefined;
    return this.signatory.delegation(
      this.names.text(owner),
      undefined,
      Right.write,
      series.map(({ variable, device }) => ({ variable, device: this.names.text(device) })),
    );
  }

  #prove(notification: Notification, request: SignedRequest, { source, signer, body }: VerifiedStatement): Answer {
    const { result, instances } = notification;
    if (result === Result.done && !this.signatory.holds(signer)) return outcome(Result.denied);
    if (result !== Result.done) return { ...notification, instances: [] };
    const delegation = this.#ownersDelegation(request);
    if (!delegation) return outcome(Result.notTrusted);
    const items = instances.map((item): StatementItem => ({ ...item, timeMs: Math.round(item.timeMs), policy: item.policy ?? noPolicy() }));
    const timeMs = Math.floor(this.clock.wallMs() / 1000) * 1000;
    const answer: Unnumbered<AnswerStatement> = { kind: StatementKind.answer, names: this.names, timeMs, scope: source!.device, id: (body as RequestStatement).sequence, items };
    const signed = this.#tryTo(() => this.signatory.sign(delegation, answer));
    return signed ? { ...outcome(Result.done), statement: signed.bytes } : outcome(Result.storageFailed);
  }

  #verify(statement: Uint8Array): VerifiedStatement | undefined {
    try {
      return this.signatory.verify(statement);
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      this.log("warning", `answer over several units refused: ${error.message}`);
      return undefined;
    }
  }

  /** What cannot be signed because no sequence could be reserved, or because it cannot be said, is an outcome too. */
  #tryTo<T>(sign: () => T): T | undefined {
    try {
      return sign();
    } catch (error) {
      if (!(error instanceof EbalanceError) && !isStorageFailure(error)) throw error;
      this.log("error", `not signed: ${(error as Error).message}`);
      return undefined;
    }
  }
}

function askedBy(request: SignedRequest): Partial<RequestStatement> {
  switch (request.op) {
    case Operation.write:
      return { kind: StatementKind.write, items: request.items.map((item) => ({ ...item, policy: noPolicy() })) };
    case Operation.query:
      return { kind: StatementKind.query, selector: request.selector, condition: request.condition, function: request.function };
    case Operation.event:
      return { kind: StatementKind.event, selector: request.selector, condition: request.condition };
    case Operation.periodic:
      return { kind: StatementKind.periodic, selector: request.selector, periodMs: request.periodMs };
  }
}

/** In place of the hash of a policy: none. */
function noPolicy(): Uint8Array {
  return new Uint8Array(policyHashBytes);
}
