/** A management unit with others below it: the home of their series. It passes requests on, up and down. */
import { Flapping } from "./group/flapping";
import { here, Routes, type Way } from "./group/routes";
import { LeafUnit } from "./leaf-unit";
import { endSession, renewed, whileHeld } from "./certified-neighbour";
import { counted } from "./counters";
import type { NameId } from "./model/names";
import type { Neighbour } from "./neighbour";
import type { LinkPort, UnitPorts } from "./ports";
import { HomeProcessor } from "./requests/home-processor";
import { Relay } from "./requests/relay";
import type { Series } from "./access/series-table";
import type { RequestProcessorParts } from "./requests/request-processor";
import type { Notify } from "./requests/subscriptions";
import { CertifiedSession, type Holds } from "./security/certified-session";
import type { KeyHandle } from "./security/crypto-port";
import type { Received } from "./security/session";
import type { SessionConfig } from "./security/session-config";
import type { CheckpointCounters } from "./statements/checkpoint-keeper";
import { CoveredStore } from "./statements/covered-store";
import type { SignedRequest } from "./statements/signed-requests";
import { StatementProcessor } from "./statements/statement-processor";
import type { UnitConfig } from "./unit-config";
import { carryingSeal, isCarried } from "./wire/carry-body";
import { portableSeal } from "./wire/reading-message";
import { Operation, type Request, type UnsubscribeRequest } from "./wire/session-body";
import type { Envelope } from "./wire/session-message";

export { defaultLimits, type UnitConfig, type UnitLimits } from "./unit-config";

export class ManagementUnit extends LeafUnit {
  readonly #routes: Routes;
  readonly #relay: Relay;
  readonly #flapping = new Map<Neighbour, Flapping>();
  readonly #statements: StatementProcessor;
  /** Made while the leaf is. */
  declare private processor: HomeProcessor;

  /** @throws EbalanceError `bad-argument` for a configuration that needs ports which are not there */
  constructor(config: UnitConfig, ports: UnitPorts) {
    const store = config.copies?.length ? new CoveredStore(ports.store) : ports.store;
    super(config, { ...ports, store, seal: carryingSeal(ports.seal ?? portableSeal(ports.crypto), ports.crypto) });
    this.#routes = new Routes(this.self, this.parent, this.limits.maxRoutes, this.series, this.neighbours);
    this.#relay = new Relay(() => ++this.lastId, this.limits.maxPending);
    const { self, names, registry, series, policies, subscriptions, processor, limits } = this;
    this.#statements = new StatementProcessor({
      ...{ config, ports: this.ports, self, names, registry, series, policies, subscriptions, processor, routes: this.#routes, maxPending: limits.maxPending },
      decide: (request, way, from, id, notify) => this.decide(request, way, from, id, notify),
    });
  }

  protected override newProcessor(parts: RequestProcessorParts): HomeProcessor {
    const onKept = this.config.publish?.length ? (series: Series, timeMs: number) => this.#statements.kept(series, timeMs) : undefined;
    return (this.processor = new HomeProcessor(onKept ? { ...parts, onKept } : parts));
  }

  /**
   * Adds the session with a neighbour. An initiator with units below it keeps series itself, its own too; one without is a device, whose series are at home in the unit
   * above.
   * @param secret the provisioned key, with use "derive"; it is the unit's from here on
   * @throws EbalanceError `bad-argument` naming the field that is wrong
   */
  override addSession(config: SessionConfig, secret: KeyHandle): void {
    this.#take(this.join(this.newSession(config, secret)), config);
  }

  /**
   * Takes the session that a handshake has made, in the place of any with the same neighbour: who waits for something in that one is told that the link is lost. The neighbour is free to open
   * the new one from then on, or this unit is, by {@link linkUp}.
   * @param secret for "derive"; it is the unit's from here on
   * @param holds asked at each request of the neighbour's, besides its source
   * @param link the one over which the handshake came; another that the old session was open over is closed
   * @throws EbalanceError `bad-argument` naming the field that is wrong; then all is as before
   */
  provision(config: SessionConfig, secret: KeyHandle, holds: Holds, link?: LinkPort): void {
    const session = new CertifiedSession(holds, config, this.id, secret, this.registry, this.names, this.ports.crypto, this.ports.seal);
    this.#take(renewed(this, this.neighbours, session, link) ?? this.join(session), config);
  }

  /** Ends the session with a neighbour for good, and forgets its key. */
  withdraw(neighbour: string): void {
    const known = this.neighbours.withId(this.names.find(neighbour));
    if (!known) return;
    const { link } = known;
    endSession(this, this.neighbours, known);
    this.#routes.forget(known);
    this.#flapping.delete(known);
    link?.close(`the session with ${neighbour} has ended`);
  }

  /** Whether no session of this unit has a number. */
  isFree(kid: number): boolean {
    return !this.neighbours.withKid(kid);
  }

  #take(neighbour: Neighbour, config: SessionConfig): void {
    // One that opens again and again does not become another by a new session.
    if (!this.#flapping.has(neighbour)) this.#flapping.set(neighbour, new Flapping());
    this.#routes.forget(neighbour);
    const { session } = neighbour;
    const keepsItself = config.below !== undefined && config.below.length > 0;
    if (session.isInitiator === keepsItself) this.enrol(config.initiator, config.owner);
    else if (keepsItself) this.#routes.lead(session.peer, neighbour);
  }

  /** Binds a device (by unit id) to the stakeholder who owns it and its measurements: this unit is the home of its series, and says so to the unit above. */
  enrol(device: string, owner: string): void {
    this.series.enrol(this.names.id(device), this.names.id(owner));
    this.#routes.announce([this.names.id(device)]);
  }

  // ---- requests over several hops -------------------------------------------------------------------------------------------------------

  /**
   * Makes a request to another unit, however many units away, in a statement that it alone accepts: signed under the delegation that the source's stakeholder has given this unit for the source's service.
   * What it brings is signed by the unit that was asked, under the owner's delegation: units between can keep either from arriving, refuse in
   * another's name, and hold the request back until its time-out. A write is refused where a later one of the same delegation was accepted; the clocks of the two units must agree better than the time-out.
   * @param to id of the unit that is asked
   * @param notify as of {@link LeafUnit.request}; `notTrusted` where there is no such delegation here, or what came is not proven
   * @returns as {@link LeafUnit.request}: what ends a subscription
   */
  requestSigned(request: SignedRequest, to: string, notify: Notify, timeoutMs = 10_000): number {
    const id = ++this.lastId;
    this.#statements.ask(request, id, to, counted(this.counters, notify), timeoutMs);
    return id;
  }

  /**
   * Hands in a policy that the owner of the series has signed, or a delegate of its for the service `policy` (DI-3): it goes to the home of the series, however many units away, and holds from then on.
   * `done` comes from whoever is next on the way: what proves that a policy is in force is its hash with the data that the home signs.
   * @param statement of kind `policy`, as `StakeholderModule.signPolicy` makes it
   * @param notify told once: `done`, also where it is in force already; `stalePolicy` where it is not above the one in force; `notTrusted`; `denied` where no such series are at home where it came
   * @throws EbalanceError `malformed` for another statement
   */
  handInPolicy(statement: Uint8Array, notify: Notify, timeoutMs = 10_000): number {
    this.#statements.handIn(statement, counted(this.counters, notify), timeoutMs);
    return ++this.lastId;
  }

  override request(request: Request, notify: Notify, timeoutMs = 10_000): number {
    if (request.op === Operation.unsubscribe && this.#statements.unsubscribe(request.id, notify)) return ++this.lastId;
    return super.request(request, notify, timeoutMs);
  }

  /** The statements that prove what this unit has of a series of a copied device, in fromMs <= time < toMs: to be handed on to whoever may see all that they say. */
  statementsOf(device: string, variable: number, fromMs: number, toMs: number): readonly Uint8Array[] {
    return this.#statements.statementsOf(device, variable, fromMs, toMs);
  }

  /**
   * The checkpoints of a device at home here that are kept with its samples, of fromMs <= time < toMs, as the device has signed them: its owner verifies them, and compares them with the samples
   * (`checkCheckpoint`), without trust in this unit.
   */
  checkpointsOf(device: string, fromMs: number, toMs: number): readonly Uint8Array[] {
    return this.#statements.checkpointsOf(device, fromMs, toMs);
  }

  /** Checkpoints that were handed in since the start: taken, of those differing from what is held here, refused. */
  get checkpointCounters(): CheckpointCounters {
    return this.#statements.checkpointCounters;
  }

  override tick(): number {
    const inMs = super.tick();
    return Math.min(inMs, this.#statements.tick());
  }

  // ---- sessions -------------------------------------------------------------------------------------------------------------------------

  /** Whether a neighbour that is there keeps its place for now, whoever else comes with its identity: a transport may refuse the other at once. */
  isHeld(neighbour: string): boolean {
    const known = this.neighbours.withId(this.names.find(neighbour));
    return known !== undefined && this.#isHeldAgainst(known, undefined);
  }

  /** Whether the session of a neighbour is open over a link. */
  isOpenOver(link: LinkPort): boolean {
    let isOpen = false;
    this.neighbours.forEach((neighbour) => (isOpen ||= neighbour.link === link && neighbour.session.isOpen));
    return isOpen;
  }

  /** Whether the present link of a neighbour keeps its place against this one, or any other. */
  #isHeldAgainst(neighbour: Neighbour, link: LinkPort | undefined): boolean {
    return neighbour.link !== undefined && neighbour.link !== link && neighbour.session.isOpen && this.#flapping.get(neighbour)!.isHeld(this.ports.clock.monotonicMs());
  }

  override linkLost(link: LinkPort): void {
    this.neighbours.forEach((neighbour) => neighbour.session.dropCandidate(link));
    super.linkLost(link);
  }

  protected override receiveFrom(neighbour: Neighbour, link: LinkPort, envelope: Envelope): boolean {
    if (this.#isHeldAgainst(neighbour, link)) return this.refuse("foreignLink", link, `session ${neighbour.session.kid} is opened too often; the link that is there keeps its place`);
    return super.receiveFrom(neighbour, link, envelope);
  }

  protected override take(received: Received, neighbour: Neighbour, link: LinkPort): boolean {
    if (received.kind === "reply") link.send(received.message);
    if (received.kind === "body" && received.reopened) this.#reopened(neighbour, link);
    // To a leaf it says that the neighbour is there, and nothing more.
    const carried = received.kind === "body" && isCarried(received.body) ? received.body : undefined;
    const taken = super.take(carried ? { kind: "body", body: { op: Operation.alive, sequence: carried.sequence, timeMs: undefined }, reopened: false } : received, neighbour, link);
    if (taken && carried) this.#statements.receive(carried, neighbour);
    else if (taken && received.kind === "body" && received.body.op === Operation.notify) this.#statements.answered(received.body, neighbour);
    // The first of an opening was answered when its keys were taken in use.
    if (taken && received.kind === "body" && received.body.op === Operation.alive && !received.reopened && !neighbour.session.isInitiator) neighbour.send({ op: Operation.alive });
    return taken;
  }

  /** A peer opened its session anew: what was under way in the old one is over. */
  #reopened(neighbour: Neighbour, link: LinkPort): void {
    this.tellLost(neighbour);
    const before = neighbour.link;
    neighbour.link = link;
    if (before !== link) before?.close("its unit has opened the session over another link");
    neighbour.send({ op: Operation.alive });
    this.tellOpen(neighbour);
  }

  protected override tellOpen(neighbour: Neighbour): void {
    if (neighbour.session.isInitiator) this.#routes.announceAll();
    super.tellOpen(neighbour);
    this.#statements.opened();
    if (!this.#flapping.get(neighbour)!.noteOpening(neighbour.link, this.ports.clock.monotonicMs())) return;
    const peer = this.names.text(neighbour.session.peer);
    this.ports.log("warning", `${peer} opens its session again and again: two devices with one identity, or a link that comes and goes`);
    this.config.onFlapping?.(peer);
  }

  protected override tellLost(neighbour: Neighbour): void {
    super.tellLost(neighbour);
    this.#relay.lost(neighbour);
    this.#statements.lost(neighbour);
  }

  // ---- requests that go on --------------------------------------------------------------------------------------------------------------

  protected override learn(units: readonly NameId[], from: Neighbour): void {
    this.#routes.learn(units, from);
  }

  protected override wayOf(request: Exclude<Request, UnsubscribeRequest>, from: Neighbour | undefined): Way {
    return this.#routes.wayOf(request, from);
  }

  /** Carries out a request of a neighbour's, or passes it on. */
  protected override carryOut(request: Request, sequence: number, from: Neighbour): void {
    if (request.op === Operation.unsubscribe) {
      if (!this.#relay.unsubscribe(request, sequence, from, this.#relayed(from, sequence))) this.decide(request, here, from, sequence, from.notify);
      return;
    }
    const way = this.wayOf(request, from);
    if (way === here || typeof way === "number") this.decide(request, way, from, sequence, whileHeld(request, from, from.notify, (id) => this.#end(from, id)));
    else this.#relay.forward(request, sequence, from, way, this.#relayedWhileHeld(request, sequence, from));
  }

  #end(from: Neighbour, id: number): void {
    const subscription = this.subscriptions.find(from, id);
    if (subscription) this.subscriptions.remove(subscription);
  }

  /** Of a subscription that is passed on, the right may end before it does: then it is ended where it is kept. */
  #relayedWhileHeld(request: Request, sequence: number, from: Neighbour): Notify {
    const { source } = request;
    const told = this.#relayed(from, sequence);
    const notify = whileHeld(request, from, told, (id) => this.#relay.unsubscribe({ op: Operation.unsubscribe, source, id }, -id, from, () => {}));
    return (notification) => notify(notification, sequence);
  }

  /** What takes the notifications of a request that is passed on for a neighbour. */
  #relayed(from: Neighbour, sequence: number): Notify {
    return counted(this.counters, (notification) => from.notify(notification, sequence));
  }
}
