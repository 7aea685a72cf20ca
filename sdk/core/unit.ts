/**
 * A management unit: the modules of the communication platform wired together. It does no I/O, has no timers and makes no promises; a driver
 * hands it what comes in and calls `tick` when asked to, so the same inputs give the same outputs on every engine.
 */
import { AccessControl } from "./access/access-control";
import { PolicyTable } from "./access/policy-table";
import { SeriesTable } from "./access/series-table";
import { count, counted, newCounters, refused, type Counters } from "./counters";
import { Neighbours } from "./group/neighbours";
import { here, Routes, type Way } from "./group/routes";
import { badArgument, EbalanceError } from "./model/errors";
import { Names, type NameId } from "./model/names";
import { policyFromText, type Policy, type PolicyText } from "./model/policy";
import type { Registry } from "./model/registry";
import { Result, type ResultCode } from "./model/result";
import type { LinkPort, UnitPorts } from "./ports";
import { Neighbour } from "./neighbour";
import { OwnDevice } from "./own-device";
import { Relay } from "./requests/relay";
import { outcome, RequestProcessor } from "./requests/request-processor";
import { Subscriptions, type Notify, type NotifyOf, type Subscriber } from "./requests/subscriptions";
import type { KeyHandle } from "./security/crypto-port";
import { Session, type SessionConfig } from "./security/session";
import { Operation, type Request, type SessionBody } from "./wire/session-body";
import { defaultLimits, type UnitConfig, type UnitLimits } from "./unit-config";
import { parseEnvelope, type Envelope } from "./wire/session-message";

export { defaultLimits, type UnitConfig, type UnitLimits };

/** How far the time of a message may be from the receiver's, where both clocks are set. */
const maxSkewMs = 300_000;

export class ManagementUnit {
  readonly id: string;
  readonly registry: Registry;
  readonly names = new Names();
  readonly counters: Counters = newCounters();
  readonly #limits: UnitLimits;
  readonly #series: SeriesTable;
  readonly #policies: PolicyTable;
  readonly #subscriptions: Subscriptions;
  readonly #processor: RequestProcessor;
  readonly #routes: Routes;
  readonly #relay: Relay;
  readonly #neighbours = new Neighbours();
  /** What this unit does with the readings of its own device. */
  readonly own: OwnDevice;
  /** Outcomes of local services' requests that are due at the next tick: the call that made one has returned by then. */
  readonly #queue: { readonly start: () => void; readonly notify: Notify }[] = [];
  /** When the driver will call at the latest. */
  #awakeMs = Infinity;
  #lastId = 0;
  #closed = false;
  /** Requests that are made while a message is taken wait until it is: the stack of a device is small. */
  #isReceiving = false;

  constructor(
    private readonly config: UnitConfig,
    private readonly ports: UnitPorts,
  ) {
    const limits = (this.#limits = { ...defaultLimits, ...config.limits });
    const { clock, crypto, store } = ports;
    this.id = config.id;
    this.registry = config.registry;
    this.names.id(config.id);
    this.#series = new SeriesTable(limits.maxSeries, this.names, store.catalogue);
    this.#policies = new PolicyTable(this.names, crypto, limits.maxPolicies, (use) => this.#policiesInUse(use), store.catalogue);
    const kept = store.catalogue?.restore();
    if (kept) this.#policies.restore(kept.policies);
    if (kept) this.#series.restore(kept.series);
    this.#subscriptions = new Subscriptions(limits.maxSubscriptions);
    const access = new AccessControl(clock, limits.maxAccessStates, this.#series);
    const parent = config.parent === undefined ? undefined : this.names.id(config.parent);
    this.#routes = new Routes(this.names.id(config.id), parent, limits.maxRoutes, this.#series, this.#neighbours);
    this.#relay = new Relay(() => ++this.#lastId, limits.maxPending);
    this.#processor = new RequestProcessor({
      registry: config.registry,
      store,
      clock,
      series: this.#series,
      policies: this.#policies,
      access,
      subscriptions: this.#subscriptions,
      counters: this.counters,
      unit: this,
      self: this.names.id(config.id),
    });
    this.own = new OwnDevice(this.names.id(config.id), parent, this.#series, this.#processor, this.#neighbours, () => this.#wake());
  }

  // ---- configuration ------------------------------------------------------------------------------------------------------------------

  /**
   * Adds the session with a neighbour. An initiator with units below it keeps series itself, its own too; one without is a device, whose series are at home in the unit
   * above.
   * @param secret the provisioned key, with use "derive"; it is the unit's from here on
   * @throws EbalanceError `bad-argument` naming the field that is wrong
   */
  addSession(config: SessionConfig, secret: KeyHandle): void {
    if (this.#neighbours.withKid(config.kid)) badArgument(`unit ${this.id} has a session with kid ${config.kid} already`);
    const peer = config.initiator === this.id ? config.responder : config.initiator;
    if (this.#neighbours.withId(this.names.find(peer))) badArgument(`unit ${this.id} has a session with ${peer} already`);
    const session = new Session(config, this.id, secret, this.registry, this.names, this.ports.crypto, this.ports.seal);
    const neighbour = new Neighbour(session, this.ports, this.counters, (atMs) => this.#dueAt(atMs));
    this.#neighbours.add(neighbour);
    const keepsItself = config.below !== undefined && config.below.length > 0;
    if (session.isInitiator === keepsItself) this.enrol(config.initiator, config.owner);
    else if (keepsItself) this.#routes.lead(session.peer, neighbour);
  }

  /** Binds a device (by unit id) to the stakeholder who owns it and its measurements: this unit is the home of its series, and says so to the unit above. */
  enrol(device: string, owner: string): void {
    this.#series.enrol(this.names.id(device), this.names.id(owner));
    this.#routes.announce([this.names.id(device)]);
  }

  /** Sets the policy that holds for an owner's series until the owner gives another with a value (DI-3). */
  setDefaultPolicy(owner: string, policy: PolicyText): void {
    this.putInForce(this.names.id(owner), policyFromText(policy, this.names));
  }

  /** As {@link setDefaultPolicy}, of a policy in the unit's form. */
  putInForce(owner: NameId, policy: Policy): void {
    const index = this.#policies.add(policy, owner);
    if (index < 0) badArgument(`more than ${this.#limits.maxPolicies} policies in use`);
    this.#series.setDefaultPolicy(owner, index);
    this.#policies.settle();
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
    const id = ++this.#lastId;
    if (this.#queue.length >= this.#limits.maxPending) throw new EbalanceError("too-large", "caller", `more than ${this.#limits.maxPending} requests at once`);
    const way = request.op === Operation.unsubscribe ? this.#keeper(request.id) : this.#routes.wayOf(request, undefined);
    if (way === here || typeof way === "number") {
      this.#later(() => this.#decide(request, way, this, id, notify), notify);
      return id;
    }
    const told = counted(this.counters, notify);
    if (this.#isReceiving) this.#later(() => this.#ask(way, request, id, told, timeoutMs), told);
    else this.#ask(way, request, id, told, timeoutMs);
    return id;
  }

  #ask(neighbour: Neighbour, request: Request, id: number, notify: Notify, timeoutMs: number): void {
    const result = neighbour.request(request, id, notify, timeoutMs, this.#limits.maxPending);
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
    this.#neighbours.forEach((neighbour) => {
      if (neighbour.keeps(id)) keeper = neighbour;
    });
    return keeper;
  }

  // ---- what comes in --------------------------------------------------------------------------------------------------------------------

  /** A link to a neighbour is there: opens the session that this unit initiates with it. */
  linkUp(link: LinkPort, neighbour: string): void {
    const known = this.#neighbours.withId(this.names.find(neighbour));
    if (!known || !known.session.isInitiator) badArgument(`unit ${this.id} initiates no session with ${neighbour}`);
    known.open(link);
    this.#wake();
  }

  /** A link is gone: whoever waits for something over it is told. */
  linkLost(link: LinkPort): void {
    this.#neighbours.forEach((neighbour) => {
      neighbour.session.dropCandidate(link);
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
    let envelope: Envelope;
    try {
      // What the engine's own parser does not take, the other refuses with a reason.
      envelope = this.ports.seal?.parse(message) ?? parseEnvelope(message);
    } catch (error) {
      return this.#refuse("malformed", link, (error as Error).message);
    }
    const neighbour = this.#neighbours.withKid(envelope.kid);
    if (!neighbour) return this.#refuse("unknownKey", link, `kid ${envelope.kid}`);
    return this.#receiveFrom(neighbour, link, envelope);
  }

  #receiveFrom(neighbour: Neighbour, link: LinkPort, envelope: Envelope): boolean {
    if (neighbour.isHeldAgainst(link)) return this.#refuse("foreignLink", link, `session ${neighbour.session.kid} is opened too often; the link that is there keeps its place`);
    const received = neighbour.session.receive(envelope, link);
    switch (received.kind) {
      case "refused":
        return this.#refuse(received.refusal, link, received.detail);
      case "reply":
        link.send(received.message);
        return false;
      case "opened":
        this.#tellLost(neighbour);
        neighbour.opened(link);
        this.#routes.announceAll();
        this.#tellOpen(neighbour);
        return true;
      case "malformed":
        this.#refuse("malformed", link, received.detail);
        if (received.sequence) neighbour.notify(outcome(Result.malformed), received.sequence);
        return received.sequence > 0;
      case "body":
        if (!received.reopened && neighbour.link !== link) return this.#refuse("foreignLink", link, `session ${neighbour.session.kid} is open over another link`);
        if (received.reopened) this.#reopened(neighbour, link);
        neighbour.heard();
        this.#receiveBody(neighbour, received.body);
        return true;
    }
  }

  #receiveBody(neighbour: Neighbour, body: SessionBody): void {
    if (body.op === Operation.alive) return;
    if (body.op === Operation.notify) {
      if (!neighbour.answered(body)) this.#refuse("malformed", neighbour.link!, `an answer that does not fit the request ${body.id}`);
      return;
    }
    if (body.op === Operation.announce) return this.#routes.learn(body.units, neighbour);
    const { clock } = this.ports;
    if (!neighbour.session.allows(body.source)) {
      this.#refuse("foreignSource", neighbour.link!, `session ${neighbour.session.kid}`);
      return this.#answer(neighbour, body.sequence, Result.denied);
    }
    if (body.timeMs !== undefined && clock.isSet() && Math.abs(body.timeMs - clock.wallMs()) > maxSkewMs) return this.#answer(neighbour, body.sequence, Result.badTime);
    this.#carryOut(body, body.sequence, neighbour);
  }

  #answer(neighbour: Neighbour, sequence: number, result: ResultCode): void {
    count(this.counters, result);
    neighbour.notify(outcome(result), sequence);
  }

  /** Carries out a request of a neighbour's, or passes it on. */
  #carryOut(request: Request, sequence: number, from: Neighbour): void {
    if (request.op === Operation.unsubscribe) {
      if (!this.#relay.unsubscribe(request, sequence, from, this.#relayed(from, sequence))) this.#decide(request, here, from, sequence, from.notify);
      return;
    }
    const way = this.#routes.wayOf(request, from);
    if (way === here || typeof way === "number") this.#decide(request, way, from, sequence, from.notify);
    else this.#relay.forward(request, sequence, from, way, this.#relayed(from, sequence));
  }

  /** What takes the notifications of a request that is passed on for a neighbour. */
  #relayed(from: Neighbour, sequence: number): Notify {
    return counted(this.counters, (notification) => from.notify(notification, sequence));
  }

  /** A request that goes no further: it is carried out here, or there is no way on. */
  #decide(request: Request, way: typeof here | ResultCode, from: Subscriber, id: number, notify: NotifyOf): void {
    const notification = way === here ? this.#processor.process(request, from, id, notify) : outcome(way);
    count(this.counters, notification.result);
    notify(notification, id);
    this.config.onDecision?.(request, notification);
  }

  /** A peer opened its session anew: what was under way in the old one is over. */
  #reopened(neighbour: Neighbour, link: LinkPort): void {
    this.#tellLost(neighbour);
    const before = neighbour.link;
    neighbour.link = link;
    if (before !== link) before?.close("its unit has opened the session over another link");
    neighbour.send({ op: Operation.alive });
    this.#tellOpen(neighbour);
  }

  #tellOpen(neighbour: Neighbour): void {
    const peer = this.names.text(neighbour.session.peer);
    this.config.onSession?.(peer, true);
    if (!neighbour.flaps()) return;
    this.ports.log("warning", `${peer} opens its session again and again: two devices with one identity, or a link that comes and goes`);
    this.config.onFlapping?.(peer);
  }

  /** Whether a neighbour that is there keeps its place for now, whoever else comes with its identity: a transport may refuse the other at once. */
  isHeld(neighbour: string): boolean {
    return this.#neighbours.withId(this.names.find(neighbour))?.isHeldAgainst(undefined) ?? false;
  }

  /** Ends every session and forgets the keys; whoever waits for something is told. The unit cannot be used any more. */
  close(): void {
    this.#neighbours.forEach((neighbour) => {
      this.#lose(neighbour);
      neighbour.session.destroy();
    });
    this.#neighbours.clear();
    for (const { notify, id } of this.#subscriptions.all()) notify(outcome(Result.linkLost), id);
    this.#subscriptions.removeAll(this);
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
    this.#neighbours.tick(this.ports.clock.monotonicMs());
    const dueMs = (this.#awakeMs = this.#dueMs());
    return dueMs === Infinity ? Infinity : Math.max(0, dueMs - this.ports.clock.monotonicMs());
  }

  /** A neighbour has something to do at that time. */
  #dueAt(atMs: number): void {
    this.#neighbours.dueAt(atMs);
    if (atMs < this.#awakeMs) this.#wake();
  }

  /** When a tick is needed next, on the monotonic clock. */
  #dueMs(): number {
    if (this.#queue.length) return -Infinity;
    const { dueMs } = this.#processor;
    return dueMs < this.#neighbours.dueMs ? dueMs : this.#neighbours.dueMs;
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
    this.#tellLost(neighbour);
    if (wasOpen) this.config.onSession?.(this.names.text(neighbour.session.peer), false);
  }

  #tellLost(neighbour: Neighbour): void {
    this.#subscriptions.removeAll(neighbour);
    this.#relay.lost(neighbour);
    neighbour.lost();
  }

  #refuse(refusal: keyof Counters["refused"], link: LinkPort, detail: string): false {
    return refused(this.counters, refusal, `message from ${link.name}`, detail, this.ports.log);
  }

  #policiesInUse(use: (policy: number) => void): void {
    this.#series.policiesInUse(use);
    this.ports.store.policiesInUse(use);
    for (const subscription of this.#subscriptions.all()) if (subscription.pending) use(subscription.pending.policy);
  }
}
