/**
 * Statements at a unit (DI-10): its own requests to units further away, those of others that are for it or go on, and data for whoever keeps copies. What goes on is passed on unchanged; what is for
 * this unit takes the same way as every request.
 */
import { badArgument, malformed } from "../model/errors";
import type { NameId, Names } from "../model/names";
import type { Registry } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { UnitPorts } from "../ports";
import type { PolicyTable } from "../access/policy-table";
import type { Series, SeriesTable } from "../access/series-table";
import { here, type Routes, type Way } from "../group/routes";
import type { Neighbour } from "../neighbour";
import type { HomeProcessor } from "../requests/home-processor";
import { outcome } from "../requests/request-processor";
import type { Notify, NotifyOf, Subscriptions } from "../requests/subscriptions";
import type { UnitConfig } from "../unit-config";
import type { CarriedBody } from "../wire/carry-body";
import { isStanding, Operation, type NotifyMessage } from "../wire/session-body";
import { StatementKind } from "../wire/statement-body";
import { addressOf, type Address } from "./address";
import { Carrier, type Answer } from "./carrier";
import { CheckpointKeeper, type CheckpointCounters } from "./checkpoint-keeper";
import type { CoveredStore } from "./covered-store";
import { PolicyStatements } from "./policy-statements";
import { defaultPublishMs, Publisher, type PublisherParts } from "./publisher";
import { Replica, type ReplicaParts } from "./replica";
import { SignedRequests, type SignedRequest } from "./signed-requests";

/** How long the next unit may take. Whoever asked has a time-out of its own unit's. */
const relayTimeoutMs = 30_000;

export interface StatementProcessorParts {
  readonly config: UnitConfig;
  readonly ports: UnitPorts;
  readonly self: NameId;
  readonly names: Names;
  readonly registry: Registry;
  readonly series: SeriesTable;
  readonly policies: PolicyTable;
  readonly subscriptions: Subscriptions;
  readonly processor: HomeProcessor;
  readonly routes: Routes;
  /** {@link UnitLimits.maxPending} */
  readonly maxPending: number;
  /** Carries out a request that goes no further, or tells why not. */
  readonly decide: (request: SignedRequest, way: typeof here | ResultCode, from: Neighbour, id: number, notify: NotifyOf) => void;
}

export class StatementProcessor {
  readonly #carrier: Carrier;
  readonly #signed: SignedRequests | undefined;
  readonly #policies: PolicyStatements | undefined;
  readonly #checkpoints: CheckpointKeeper | undefined;
  readonly #replica: Replica | undefined;
  readonly #publisher: Publisher | undefined;
  /** Requests of this unit's services that stand. */
  readonly #standing = new Set<number>();
  /** Outcomes that are told at the next tick: the call that made the request has returned by then. */
  readonly #later: (() => void)[] = [];

  /** @throws EbalanceError `bad-argument` where copies are kept or series published without a signatory, or without a store that keeps statements */
  constructor(private readonly parts: StatementProcessorParts) {
    const { config, ports, names, registry, maxPending } = parts;
    const { signatory, clock, log, wake } = ports;
    const isAtWork = config.copies?.length || config.publish?.length;
    if (isAtWork && !(signatory && ports.store.statements)) badArgument(`unit ${config.id} keeps copies or publishes: it needs a signatory, and a store that keeps statements`);
    this.#carrier = new Carrier(clock, maxPending, wake);
    if (signatory) this.#signed = new SignedRequests(config.id, signatory, names, registry, clock, log);
    if (signatory) this.#policies = new PolicyStatements({ ...parts, signatory, log });
    if (signatory) this.#checkpoints = new CheckpointKeeper({ ...parts, ...ports, signatory, onCheckpoint: config.onCheckpoint });
    if (config.copies?.length) this.#replica = new Replica({ ...parts, ...ports, copies: config.copies, store: ports.store as CoveredStore } as ReplicaParts);
    if (config.publish?.length)
      this.#publisher = new Publisher({ ...parts, ...ports, published: config.publish, everyMs: config.publishEveryMs ?? defaultPublishMs, send: (statement, take) => this.#sendUp(statement, take) } as PublisherParts);
  }

  // ---- requests of this unit's services -------------------------------------------------------------------------------------------------

  /** Signs a request to another unit and sends it; the outcome comes as that of any request. */
  ask(request: SignedRequest, id: number, to: string, notify: Notify, timeoutMs: number): void {
    if (isStanding(request)) this.#standing.add(id);
    const tell: Notify = (notification) => {
      if (notification.result !== Result.done && this.#standing.delete(id)) this.#carrier.forget(undefined, id);
      notify(notification);
    };
    const result = this.#signed ? this.#signed.ask({ request, to, timeoutMs, notify: tell }, (statement, take) => this.#send(statement, request, id, to, timeoutMs, take)) : Result.notTrusted;
    if (result !== Result.done) this.#tellLater(() => tell(outcome(result)));
  }

  #send(statement: Uint8Array, request: SignedRequest, id: number, to: string, timeoutMs: number, take: (answer: Answer) => void): ResultCode {
    const way = this.parts.routes.wayToUnit(this.parts.names.find(to), undefined);
    if (typeof way === "number") return way;
    if (way === here) return Result.unsupported;
    return this.#carrier.send({ statement, hops: 0, standing: isStanding(request), from: undefined, id, timeoutMs }, way, take);
  }

  #tellLater(tell: () => void): void {
    this.#later.push(tell);
    this.parts.ports.wake(0);
  }

  /** Ends a subscription that was made with {@link ask}. @returns false where it is none */
  unsubscribe(id: number, notify: Notify): boolean {
    if (!this.#standing.delete(id)) return false;
    this.#carrier.forget(undefined, id);
    this.#tellLater(() => notify(outcome(Result.done)));
    return true;
  }

  // ---- what comes in --------------------------------------------------------------------------------------------------------------------

  /** Takes a body of carry-body.ts. */
  receive(body: CarriedBody, from: Neighbour): void {
    if (body.op === Operation.notify) return void this.answered(body, from);
    if ("statement" in body) return this.#carry(body.statement, body.hops ?? 0, body.sequence, from);
    if (this.#carrier.forget(from, body.id)) return;
    const subscription = this.parts.subscriptions.find(from, body.id);
    if (subscription) this.parts.subscriptions.remove(subscription);
  }

  /** Takes a notification, which may answer a statement. */
  answered(message: NotifyMessage, from: Neighbour): boolean {
    return this.#carrier.answered(from, message);
  }

  #carry(statement: Uint8Array, hops: number, id: number, from: Neighbour): void {
    let address: Address;
    try {
      address = this.#addressOf(statement);
    } catch {
      return from.notify(outcome(Result.malformed), id);
    }
    const { kind, scope, device } = address;
    if (device !== undefined) return this.#takePolicy(statement, device, hops, id, from);
    if (kind === StatementKind.data && scope === undefined) return this.#takeData(statement, hops, id, from);
    if (kind === StatementKind.checkpoint && scope === undefined && this.#checkpoints) return this.#checkpoints.take(statement, this.#nameOf(from), (result) => from.notify(outcome(result), id));
    if (kind > StatementKind.periodic || scope === undefined) return from.notify(outcome(Result.unsupported), id);
    const way = this.parts.routes.wayToUnit(this.parts.names.find(scope), from);
    if (way === here) this.#carryOut(statement, id, from);
    else this.#passOn(statement, hops, id, from, way, kind !== StatementKind.query && kind !== StatementKind.write);
  }

  #passOn(statement: Uint8Array, hops: number, id: number, from: Neighbour, way: Way, standing: boolean, back = (answer: Answer) => this.#passBack(answer, id, from)): void {
    if (typeof way !== "object") return back(outcome(way === here ? Result.unknownLocation : way));
    const result = this.#carrier.send({ statement, hops, standing, from, id, timeoutMs: relayTimeoutMs }, way, (answer) => answer.result !== Result.timeout && back(answer));
    if (result !== Result.done) back(outcome(result));
  }

  #passBack({ statement, nonce, ...notification }: Answer, id: number, from: Neighbour): void {
    const told = { op: Operation.notify, id, items: [], retryAfterMs: 0 } as const;
    if (statement) from.send({ ...told, result: Result.done, statement });
    else if (nonce) from.send({ ...told, result: Result.notTrusted, nonce });
    else from.notify(notification, id);
  }

  /** A request that is for this unit. */
  #carryOut(statement: Uint8Array, id: number, from: Neighbour): void {
    const { routes, decide, subscriptions } = this.parts;
    const asked = this.#signed?.receive(statement, this.#nameOf(from)) ?? { refusal: outcome(Result.unsupported) };
    if ("refusal" in asked) return this.#passBack(asked.refusal, id, from);
    const way = routes.wayOf(asked.request, undefined);
    decide(asked.request, typeof way === "object" ? Result.unknownLocation : way, from, id, (notification) => {
      const answer = asked.prove(notification);
      const subscription = answer.result === Result.done ? undefined : subscriptions.find(from, id);
      if (subscription) subscriptions.remove(subscription);
      this.#passBack(answer, id, from);
    });
  }

  #nameOf(neighbour: Neighbour): string {
    return this.parts.names.text(neighbour.session.peer);
  }

  #addressOf(statement: Uint8Array): Address {
    return addressOf(statement, (signerId) => this.parts.ports.signatory?.impliedNames(signerId));
  }

  // ---- policies, for the home of their series -------------------------------------------------------------------------------------------

  /**
   * Hands in a policy that its owner has signed; the outcome comes as that of any request.
   * @throws EbalanceError `malformed` where it is none
   */
  handIn(statement: Uint8Array, notify: Notify, timeoutMs: number): void {
    const { device = malformed("a statement that is no policy") } = this.#addressOf(statement);
    const way = this.#wayToHome(device, undefined);
    if (way === here) return this.#tellLater(() => notify(outcome(this.#putInForce(statement))));
    const take = ({ result }: Answer) => notify(outcome(result));
    const result = typeof way === "number" ? way : this.#carrier.send({ statement, hops: 0, standing: false, from: undefined, id: 0, timeoutMs }, way, take);
    if (result !== Result.done) this.#tellLater(() => notify(outcome(result)));
  }

  #takePolicy(statement: Uint8Array, device: string, hops: number, id: number, from: Neighbour): void {
    const way = this.#wayToHome(device, from);
    if (way === here) from.notify(outcome(this.#putInForce(statement, from)), id);
    else this.#passOn(statement, hops, id, from, way, false);
  }

  #wayToHome(device: string, from: Neighbour | undefined): Way {
    const { names, routes } = this.parts;
    const known = names.find(device);
    return known === undefined ? routes.wayUp(from) : routes.wayToHome(known, from);
  }

  #putInForce(statement: Uint8Array, from?: Neighbour): ResultCode {
    return this.#policies?.take(statement, from && this.#nameOf(from)) ?? Result.unsupported;
  }

  // ---- data for whoever keeps copies ----------------------------------------------------------------------------------------------------

  /** Data go up, and every unit on the way that keeps a copy takes one: the outcome is `done` when all of them have it. */
  #takeData(statement: Uint8Array, hops: number, id: number, from: Neighbour): void {
    const taken = this.#replica?.take(statement, this.#nameOf(from)) ?? Result.unknownLocation;
    const isTaken = taken === Result.done;
    if (!isTaken && taken !== Result.unknownLocation) return from.notify(outcome(taken), id);
    const back = (answer: Answer) => from.notify(outcome(isTaken && answer.result === Result.unknownLocation ? Result.done : answer.result), id);
    this.#passOn(statement, hops, id, from, this.parts.routes.wayUp(from), false, back);
  }

  #sendUp(statement: Uint8Array, take: (answer: Answer) => void): ResultCode {
    const way = this.parts.routes.wayUp(undefined);
    if (typeof way !== "object") return Result.unknownLocation;
    return this.#carrier.send({ statement, hops: 0, standing: false, from: undefined, id: 0, timeoutMs: relayTimeoutMs }, way, take);
  }

  /** An instance was kept of a series that is at home here. */
  kept(series: Series, timeMs: number): void {
    this.#publisher?.kept(series, timeMs);
  }

  /** The statements that prove what this unit has of a series of a copied device, in fromMs <= time < toMs: to be handed on to whoever may see all that they say. */
  statementsOf(device: string, variable: number, fromMs: number, toMs: number): readonly Uint8Array[] {
    return this.#replica?.statementsOf(device, variable, fromMs, toMs) ?? [];
  }

  // ---- checkpoints of the devices that are at home here ---------------------------------------------------------------------------------

  /** What has come of those that were handed in since the start. */
  get checkpointCounters(): CheckpointCounters {
    return this.#checkpoints?.counters ?? { taken: 0, differing: 0, refused: 0 };
  }

  /** Those of a device that are kept here. */
  checkpointsOf(device: string, fromMs: number, toMs: number): readonly Uint8Array[] {
    return this.#checkpoints?.of(device, fromMs, toMs) ?? [];
  }

  // ---- links and time -------------------------------------------------------------------------------------------------------------------

  opened(): void {
    this.#publisher?.retry();
  }

  lost(neighbour: Neighbour): void {
    this.#carrier.lost(neighbour);
    this.#checkpoints?.lost(this.#nameOf(neighbour));
  }

  /** Does what is due. @returns milliseconds until the next call is needed */
  tick(): number {
    for (const tell of this.#later.splice(0)) tell();
    const dueMs = Math.min(this.#carrier.tick(), this.#publisher?.tick() ?? Infinity, this.#checkpoints?.tick() ?? Infinity);
    return this.#later.length ? 0 : Math.max(0, dueMs - this.parts.ports.clock.monotonicMs());
  }
}
