/**
 * A unit with nothing below it, as a device is: it keeps what it measures, answers for that, and has its home above. The modules of the communication platform wired together;
 * {@link ManagementUnit} adds what a unit with others below it does. It does no I/O, has no timers and makes no promises; a driver hands it what comes in and calls `tick` when
 * asked to, so the same inputs give the same outputs on every engine.
 */
import { AccessControl } from "./access/access-control";
import { notKept, PolicyTable, tableFull } from "./access/policy-table";
import { SeriesTable } from "./access/series-table";
import { count, counted, newCounters, refused, type Counters } from "./counters";
import { Neighbours } from "./group/neighbours";
import { here, type Way } from "./group/routes";
import { badArgument, EbalanceError } from "./model/errors";
import { Names, type NameId } from "./model/names";
import { policyFromText, type Policy, type PolicyText } from "./model/policy";
import type { Registry } from "./model/registry";
import { Result, type ResultCode } from "./model/result";
import type { LinkPort, UnitPorts } from "./ports";
import { Neighbour } from "./neighbour";
import { OwnDevice } from "./own-device";
import { outcome, RequestProcessor, type RequestProcessorParts } from "./requests/request-processor";
import { Subscriptions, type Notify, type NotifyOf, type Subscriber } from "./requests/subscriptions";
import type { KeyHandle } from "./security/crypto-port";
import { Session, type Received } from "./security/session";
import type { SessionConfig } from "./security/session-config";
import { Operation, type Request, type SessionBody, type UnsubscribeRequest } from "./wire/session-body";
import { defaultLimits, type UnitConfig, type UnitLimits } from "./unit-config";
import { parseEnvelope, type Envelope } from "./wire/session-message";

/** How far the time of a message may be from the receiver's, where both clocks are set. */
const maxSkewMs = 300_000;

export class LeafUnit {
  readonly id: string;
  readonly registry: Registry;
  readonly names = new Names();
  readonly counters: Counters = newCounters();
  protected readonly self: NameId;
  /** Id of the unit above; undefined: there is none. */
  protected readonly parent: NameId | undefined;
  protected readonly limits: UnitLimits;
  protected readonly series: SeriesTable;
  protected readonly policies: PolicyTable;
  protected readonly subscriptions: Subscriptions;
  readonly #processor: RequestProcessor;
  protected readonly neighbours: Neighbours;
  /** What this unit does with the readings of its own device. */
  readonly own: OwnDevice;
  /** Outcomes of local services' requests that are due at the next tick: the call that made one has returned by then. */
  readonly #queue: { readonly start: () => void; readonly notify: Notify }[] = [];
  /** When the driver will call at the latest. */
  #awakeMs = Infinity;
  protected lastId = 0;
  #closed = false;
  /** Requests that are made while a message is taken wait until it is: the stack of a device is small. */
  #isReceiving = false;

  constructor(
    protected readonly config: UnitConfig,
    protected readonly ports: UnitPorts,
  ) {
    const limits = (this.limits = { ...defaultLimits, ...config.limits });
    const { clock, crypto, store } = ports;
    const wake = () => this.#wake();
    this.neighbours = new Neighbours(wake);
    this.id = config.id;
    this.registry = config.registry;
    this.series = new SeriesTable(limits.maxSeries, this.names, store.catalogue);
    this.subscriptions = new Subscriptions(limits.maxSubscriptions);
    this.policies = new PolicyTable(this.names, crypto, limits.maxPolicies, [this.series, store, this.subscriptions], store.catalogue);
    const kept = store.catalogue?.restore();
    if (kept) this.policies.restore(kept.policies);
    if (kept) this.series.restore(kept.series);
    const access = new AccessControl(clock, limits.maxAccessStates, this.series);
    this.self = this.names.id(config.id);
    this.parent = config.parent === undefined ? undefined : this.names.id(config.parent);
    this.#processor = this.newProcessor({
      registry: config.registry,
      store,
      clock,
      series: this.series,
      policies: this.policies,
      access,
      subscriptions: this.subscriptions,
      counters: this.counters,
      unit: this,
      self: this.self,
      maxScanned: limits.maxScanned,
    });
    this.own = new OwnDevice(this.self, this.parent, this.series, this.#processor, this.neighbours, wake);
  }

  protected newProcessor(parts: RequestProcessorParts): RequestProcessor {
    return new RequestProcessor(parts);
  }

  // ---- configuration ------------------------------------------------------------------------------------------------------------------

  /**
   * Adds the session with the unit above, or with another neighbour that has nothing to reach through this unit.
   * @param secret the provisioned key, with use "derive"; it is the unit's from here on
   * @throws EbalanceError `bad-argument` naming the field that is wrong
   */
  addSession(config: SessionConfig, secret: KeyHandle): void {
    if (config.below?.length) badArgument(`session ${config.kid}: below names ${config.below.join(", ")}, and ${this.id} passes nothing on`);
    this.join(this.newSession(config, secret));
  }

  protected newSession(config: SessionConfig, secret: KeyHandle): Session {
    return new Session(config, this.id, secret, this.registry, this.names, this.ports.crypto, this.ports.seal);
  }

  protected join(session: Session): Neighbour {
    if (this.neighbours.withKid(session.kid)) badArgument(`unit ${this.id} has a session with kid ${session.kid} already`);
    if (this.neighbours.withId(session.peer)) badArgument(`unit ${this.id} has a session with ${this.names.text(session.peer)} already`);
    const neighbour = new Neighbour(session, this.ports, this.counters, this.neighbours);
    this.neighbours.add(neighbour);
    return neighbour;
  }

  /** Sets the policy that holds for an owner's series until the owner gives another with a value (DI-3). */
  setDefaultPolicy(owner: string, policy: PolicyText): void {
    this.putInForce(this.names.id(owner), policyFromText(policy, this.names));
  }

  /** As {@link setDefaultPolicy}, of a policy in the unit's form. Where there are too many, the oldest samples that were kept under earlier ones give way. */
  putInForce(owner: NameId, policy: Policy): void {
    const { store } = this.ports;
    let index = this.policies.add(policy, owner);
    while (index === tableFull && store.giveWay?.()) index = this.policies.add(policy, owner);
    if (index === notKept && store.trouble) throw store.trouble;
    if (index < 0) badArgument(`more than ${this.limits.maxPolicies} policies in use, or the store has failed`);
    this.series.setDefaultPolicy(owner, index);
    this.policies.settle();
  }

  // ---- requests of this unit's services -------------------------------------------------------------------------------------------------

  /**
   * Makes a request. Split-phase: the outcome comes later through `notify`, exactly once for a write, query or unsubscribe; for an event once
   * when it is accepted or refused, then at each occurrence, and a last time with another result than `done` when it ends.
   * @param timeoutMs after this time without an outcome the result is `timeout`
   * @returns the id of the request (of the subscription, for an event)
   * @throws EbalanceError `closed` after `close`, `too-large` where too many requests wait for the next tick
   */
  request(request: Request, notify: Notify, timeoutMs = 10_000): number {
    if (this.#closed) throw new EbalanceError("closed", "caller", `unit ${this.id} is closed`);
    const id = ++this.lastId;
    if (this.#queue.length >= this.limits.maxPending) throw new EbalanceError("too-large", "caller", `more than ${this.limits.maxPending} requests at once`);
    const way = request.op === Operation.unsubscribe ? this.#keeper(request.id) : this.wayOf(request, undefined);
    if (way === here || typeof way === "number") {
      this.#later(() => this.decide(request, way, this, id, notify), notify);
      return id;
    }
    const told = counted(this.counters, notify);
    if (this.#isReceiving) this.#later(() => this.#ask(way, request, id, told, timeoutMs), told);
    else this.#ask(way, request, id, told, timeoutMs);
    return id;
  }

  #ask(neighbour: Neighbour, request: Request, id: number, notify: Notify, timeoutMs: number): void {
    const result = neighbour.request(request, id, notify, timeoutMs, this.limits.maxPending);
    this.#wake();
    if (result !== Result.done) this.#later(() => notify(outcome(result)), notify);
  }

  /** At the next tick, when the call that made the request has returned. */
  #later(start: () => void, notify: Notify): void {
    this.#queue.push({ start, notify });
    this.#wake();
  }

  /** The neighbour that keeps a subscription of this unit's, or here. */
  #keeper(id: number): Way {
    let keeper: Way = here;
    this.neighbours.forEach((neighbour) => {
      if (neighbour.keeps(id)) keeper = neighbour;
    });
    return keeper;
  }

  /** Where a request goes: what is not for this unit itself goes up, and never back to where it came from. */
  protected wayOf(request: Exclude<Request, UnsubscribeRequest>, from: Neighbour | undefined): Way {
    if (request.op !== Operation.write && request.at === this.self) return here;
    const above = this.neighbours.withId(this.parent);
    return above && above !== from ? above : Result.unknownLocation;
  }

  // ---- what comes in --------------------------------------------------------------------------------------------------------------------

  /** A link to a neighbour is there: opens the session that this unit initiates with it. */
  linkUp(link: LinkPort, neighbour: string): void {
    const known = this.neighbours.withId(this.names.find(neighbour));
    if (!known || !known.session.isInitiator) badArgument(`unit ${this.id} initiates no session with ${neighbour}`);
    known.open(link);
    this.#wake();
  }

  /** A link is gone: whoever waits for something over it is told. */
  linkLost(link: LinkPort): void {
    this.neighbours.forEach((neighbour) => {
      if (neighbour.link === link) this.#lose(neighbour);
    });
  }

  /**
   * Takes one message. Nothing that it holds can make this throw.
   * @returns whether it came from the peer of an open session. A transport drops who sends many others: openings are among them, because an old
   * one can be sent again by anybody who has recorded it.
   */
  receive(link: LinkPort, message: Uint8Array): boolean {
    this.#isReceiving = true;
    try {
      return this.#receive(link, message);
    } finally {
      this.#isReceiving = false;
      this.#wake();
    }
  }

  #receive(link: LinkPort, message: Uint8Array): boolean {
    this.counters.received++;
    const envelope = this.ports.seal?.parse(message) ?? this.#parse(link, message);
    if (!envelope) return false;
    const neighbour = this.neighbours.withKid(envelope.kid);
    if (!neighbour) return this.refuse("unknownKey", link, `kid ${envelope.kid}`);
    return this.receiveFrom(neighbour, link, envelope);
  }

  /** What the engine's own parser did not take is refused with a reason. */
  #parse(link: LinkPort, message: Uint8Array): Envelope | undefined {
    try {
      return parseEnvelope(message);
    } catch (error) {
      this.refuse("malformed", link, (error as Error).message);
      return undefined;
    }
  }

  protected receiveFrom(neighbour: Neighbour, link: LinkPort, envelope: Envelope): boolean {
    return this.take(neighbour.session.receive(envelope, link), neighbour, link);
  }

  /** @returns as {@link receive} */
  protected take(received: Received, neighbour: Neighbour, link: LinkPort): boolean {
    switch (received.kind) {
      case "body":
        if (neighbour.link !== link) return this.refuse("foreignLink", link, `session ${neighbour.session.kid} is open over another link`);
        neighbour.heard();
        this.#receiveBody(neighbour, received.body);
        return true;
      case "refused":
        return this.refuse(received.refusal, link, received.detail);
      case "opened":
        this.tellLost(neighbour);
        neighbour.opened(link);
        this.tellOpen(neighbour);
        return true;
      case "malformed":
        this.refuse("malformed", link, received.detail);
        if (received.sequence) neighbour.notify(outcome(Result.malformed), received.sequence);
        return received.sequence > 0;
      // Openings are answered by units that have others below.
      case "reply":
        return false;
    }
  }

  #receiveBody(neighbour: Neighbour, body: SessionBody): void {
    if (body.op === Operation.alive) return;
    if (body.op === Operation.notify) {
      if (!neighbour.answered(body)) this.refuse("malformed", neighbour.link!, `an answer that does not fit the request ${body.id}`);
      return;
    }
    if (body.op === Operation.announce) return this.learn(body.units, neighbour);
    const { clock } = this.ports;
    if (!neighbour.session.allows(body)) {
      this.refuse("foreignSource", neighbour.link!, `session ${neighbour.session.kid}`);
      return this.#answer(neighbour, body.sequence, Result.denied);
    }
    if (body.timeMs !== undefined && clock.isSet() && Math.abs(body.timeMs - clock.wallMs()) > maxSkewMs) return this.#answer(neighbour, body.sequence, Result.badTime);
    this.carryOut(body, body.sequence, neighbour);
  }

  #answer(neighbour: Neighbour, sequence: number, result: ResultCode): void {
    count(this.counters, result);
    neighbour.notify(outcome(result), sequence);
  }

  /** A neighbour announces units: nothing is below a leaf. */
  protected learn(_units: readonly NameId[], _from: Neighbour): void {}

  /** Carries out a request of a neighbour's: a leaf passes nothing on. */
  protected carryOut(request: Request, sequence: number, from: Neighbour): void {
    const way = request.op === Operation.unsubscribe ? here : this.wayOf(request, from);
    this.decide(request, typeof way === "object" ? Result.unknownLocation : way, from, sequence, from.notify);
  }

  /** A request that goes no further: it is carried out here, or there is no way on. */
  protected decide(request: Request, way: typeof here | ResultCode, from: Subscriber, id: number, notify: NotifyOf): void {
    const notification = way === here ? this.#processor.process(request, from, id, notify) : outcome(way);
    count(this.counters, notification.result);
    notify(notification, id);
    this.config.onDecision?.(request, notification);
  }

  protected tellOpen(neighbour: Neighbour): void {
    this.config.onSession?.(this.names.text(neighbour.session.peer), true);
  }

  /** Ends every session and forgets the keys; whoever waits for something is told. The unit cannot be used any more. */
  close(): void {
    this.neighbours.forEach((neighbour) => {
      this.#lose(neighbour);
      neighbour.session.destroy();
    });
    this.neighbours.clear();
    for (const { notify, id } of this.subscriptions.all()) notify(outcome(Result.linkLost), id);
    this.subscriptions.removeAll(this);
    for (const { notify } of this.#queue.splice(0)) notify(outcome(Result.linkLost));
    this.#closed = true;
  }

  // ---- time -----------------------------------------------------------------------------------------------------------------------------

  /**
   * Does what is due: requests of local services, time-outs, occurrences that a minimum delay held back, openings without an answer.
   * @returns milliseconds until the next call is needed, Infinity where only `wake` will need one
   */
  tick(): number {
    this.#awakeMs = Infinity;
    if (this.#queue.length) for (const { start } of this.#queue.splice(0)) start();
    this.#processor.deliverPending();
    this.neighbours.tick(this.ports.clock.monotonicMs());
    const dueMs = (this.#awakeMs = this.#dueMs());
    return dueMs === Infinity ? Infinity : Math.max(0, dueMs - this.ports.clock.monotonicMs());
  }

  /** When a tick is needed next, on the monotonic clock. */
  #dueMs(): number {
    if (this.#queue.length) return -Infinity;
    const { dueMs } = this.#processor;
    return dueMs < this.neighbours.dueMs ? dueMs : this.neighbours.dueMs;
  }

  /** Asks the driver for a tick, where it is needed before the one that it was asked for last. */
  #wake(): void {
    const dueMs = this.#dueMs();
    if (dueMs >= this.#awakeMs) return;
    this.#awakeMs = dueMs;
    this.ports.wake(Math.max(0, dueMs - this.ports.clock.monotonicMs()));
  }

  // ---- inside ---------------------------------------------------------------------------------------------------------------------------

  #lose(neighbour: Neighbour): void {
    const wasOpen = neighbour.session.isOpen;
    neighbour.session.close();
    neighbour.link = undefined;
    this.tellLost(neighbour);
    if (wasOpen) this.config.onSession?.(this.names.text(neighbour.session.peer), false);
  }

  protected tellLost(neighbour: Neighbour): void {
    this.subscriptions.removeAll(neighbour);
    neighbour.lost();
  }

  protected refuse(refusal: keyof Counters["refused"], link: LinkPort, detail: string): false {
    return refused(this.counters, refusal, `message from ${link.name}`, detail, this.ports.log);
  }
}
