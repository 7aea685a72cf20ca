/** A unit one session away: its session, the link that leads there now, and what waits for an answer from it. */
import type { Counters } from "./counters";
import type { NameId } from "./model/names";
import { Result, type ResultCode } from "./model/result";
import type { LinkPort, UnitPorts } from "./ports";
import { fits } from "./requests/answers";
import { PendingRequests } from "./requests/pending-requests";
import { Reporter, type Schedule, type Sender } from "./requests/reporter";
import { outcome } from "./requests/request-processor";
import type { Notify, NotifyOf } from "./requests/subscriptions";
import type { Session } from "./security/session";
import type { Carrying } from "./wire/carry-body";
import { isStanding, maxTimeS, Operation, type AliveMessage, type AnnounceMessage, type NotifyMessage, type Request, type SessionBody, type Source, type UnsubscribeRequest } from "./wire/session-body";

/** An opening that has not led to a message of the peer under the new keys is made again after this time. */
const openRetryMs = 5000;
/**
 * How often an initiator looks whether it has heard its peer. A period without a message, and it sends `alive`, which is answered; {@link goneAfter} periods, and the session is
 * dead: a minute after the last message at most. Any message of the peer counts, so whoever is answered more often sends nothing for this.
 */
const checkMs = 15_000;
const goneAfter = 3;

export class Neighbour {
  link: LinkPort | undefined;
  readonly #pending = new PendingRequests();
  /** The unit's ids of subscriptions, and the sequences under which the neighbour knows them. */
  readonly #sequences = new Map<number, number>();
  /** When to open again; Infinity where no opening is under way. */
  #openAgainMs = Infinity;
  /** When it was opened last: a session that wears out at once must not be opened without pause. */
  #openedMs = -Infinity;
  /** When to look whether the peer was heard; Infinity for a responder, and while no session is in use. */
  #checkAtMs = Infinity;
  /** Checks since a message came. */
  #silent = 0;
  #reporter: Reporter | undefined;

  /** Sends the outcome of a request of the neighbour's, or an occurrence. */
  readonly notify: NotifyOf = ({ result, instances, retryAfterMs }, id) => {
    // Written out and not copied from another object, which takes longer than to authenticate it: a gateway sends one for each reading.
    const whole = { op: Operation.notify, id, result, items: instances, retryAfterMs, sequence: this.session.nextSequence, timeMs: this.#timeMs() };
    // The instances of a large write may not fit once each names its policy; its result always does.
    if (!this.#sendWhole(whole) && !(instances.length > 1 && this.#sendWhole({ ...whole, items: [] }))) this.counters.notificationsLost++;
  };

  /** @param schedule told when, on the monotonic clock, {@link tick} has to be called at the latest */
  constructor(
    public session: Session,
    private readonly ports: UnitPorts,
    private readonly counters: Counters,
    private readonly schedule: Schedule,
  ) {}

  /** Opens the session over a link. */
  open(link: LinkPort): void {
    this.link = link;
    this.#openedMs = this.ports.clock.monotonicMs();
    this.#openAgainIn(openRetryMs);
    link.send(this.session.open());
  }

  #openAgainIn(ms: number): void {
    this.#openAgainMs = this.ports.clock.monotonicMs() + ms;
    this.schedule.dueAt(this.#openAgainMs);
  }

  /** The peer has answered the opening; it takes the new keys in use with the first message under them. */
  opened(link: LinkPort): void {
    this.link = link;
    this.#openAgainIn(openRetryMs);
    this.send({ op: Operation.alive });
  }

  /** A message has come under the keys of the session: the peer has them in use. */
  heard(): void {
    this.#silent = 0;
    if (this.#openAgainMs < Infinity) this.#inUse();
    this.#noteWear();
  }

  /** The opening is over. */
  #inUse(): void {
    this.#openAgainMs = Infinity;
    this.#checkAtMs = this.ports.clock.monotonicMs() + checkMs;
    this.schedule.dueAt(this.#checkAtMs);
  }

  /** A session that wears out is opened anew. */
  #noteWear(): void {
    if (this.session.isInitiator && this.session.isWorn) this.schedule.dueAt(this.#wornMs());
  }

  /** When to open anew because the session wears out; Infinity where that is not due. */
  #wornMs(): number {
    const { isInitiator, isWorn } = this.session;
    return isInitiator && isWorn && this.link && this.#openAgainMs === Infinity ? this.#openedMs + openRetryMs : Infinity;
  }

  /**
   * Sends a request of this unit's. Once it is sent, its outcome goes to `notify`, whatever becomes of the link.
   * @returns `done` where it was sent; otherwise why not, and nobody is told
   */
  request(request: Request, id: number, notify: Notify, timeoutMs: number, maxPending: number): ResultCode {
    if (!this.link || !this.session.isOpen) return Result.linkLost;
    if (!this.#pending.hasPlace(request, maxPending)) return Result.busy;
    const sent = this.#translate(request);
    if (!sent) return Result.unknownSubscription;
    const sequence = this.session.nextSequence;
    const message = this.#seal(this.#whole(sent));
    if (!message) return Result.unsupported;
    if (!this.link.send(message)) return Result.busy;
    if (isStanding(request)) this.#sequences.set(id, sequence);
    const deadlineMs = this.ports.clock.monotonicMs() + timeoutMs;
    this.#pending.add(sequence, request, this.#forget(request, id, notify), deadlineMs);
    this.schedule.dueAt(deadlineMs);
    return Result.done;
  }

  /** The short way of readings, as {@link OwnDevice.reporter} says. */
  reporter(source: Source, policy: Uint8Array, sender: Sender): Reporter | undefined {
    const { clock } = this.ports;
    if (!this.link || !this.session.isOpen || !clock.isSet()) return undefined;
    return (this.#reporter = new Reporter(this.link, clock, this.session.readingSealer(source, policy), sender, this.schedule));
  }

  /** A subscription is known to the neighbour by the sequence of the request that made it. */
  #translate(request: Request): Request | undefined {
    if (request.op !== Operation.unsubscribe) return request;
    const sequence = this.#sequences.get(request.id);
    return sequence === undefined ? undefined : { ...request, id: sequence };
  }

  /** Lets go of what is kept for a subscription when it ends. */
  #forget(request: Request, id: number, notify: Notify): Notify {
    const standing = isStanding(request);
    if (!standing && request.op !== Operation.unsubscribe) return notify;
    return (notification) => {
      // The peer may have accepted it all the same: an occurrence that nobody waits for must not go on for ever.
      if (standing && (notification.result === Result.timeout || notification.result === Result.malformed))
        this.send({ op: Operation.unsubscribe, source: request.source, id: this.#sequences.get(id)! });
      const ended = standing ? notification.result !== Result.done : notification.result === Result.done;
      const subscription = request.op === Operation.unsubscribe ? request.id : id;
      if (ended) {
        this.#pending.remove(this.#sequences.get(subscription) ?? 0);
        this.#sequences.delete(subscription);
      }
      notify(notification);
    };
  }

  /** Whether a subscription of this unit's is kept by the neighbour. */
  keeps(id: number): boolean {
    return this.#sequences.has(id);
  }

  /** Tells the neighbour which units can be reached through this one. */
  announce(units: readonly NameId[]): void {
    this.send({ op: Operation.announce, units });
  }

  /** Sends one of the bodies that wait for no answer, or whose answers others wait for. @returns whether a link took it */
  send(body: AliveMessage | AnnounceMessage | UnsubscribeRequest | Carrying): boolean {
    return this.#sendWhole(this.#whole(body));
  }

  #sendWhole(body: SessionBody): boolean {
    const message = this.link && this.session.isOpen ? this.#seal(body) : undefined;
    return message !== undefined && this.link!.send(message);
  }

  /** A body with sequence and time. */
  #whole(body: Request | AliveMessage | AnnounceMessage | Carrying): SessionBody {
    return { ...body, sequence: this.session.nextSequence, timeMs: this.#timeMs() } as SessionBody;
  }

  /** A clock that says what no message can carry is not set. */
  #timeMs(): number | undefined {
    const { clock } = this.ports;
    const timeS = clock.isSet() ? Math.floor(clock.wallMs() / 1000) : -1;
    return timeS >= 0 && timeS <= maxTimeS ? timeS * 1000 : undefined;
  }

  /** Seals a body; undefined, and a line in the log, for one that this session cannot carry. */
  #seal(body: SessionBody): Uint8Array | undefined {
    try {
      const message = this.session.seal(body);
      this.#noteWear();
      return message;
    } catch (error) {
      this.ports.log("error", `message not sent: ${(error as Error).message}`);
      return undefined;
    }
  }

  /**
   * Gives a notification of the neighbour's to whoever waits for it; others are let go.
   * @returns whether it fits what was asked: one that does not is told as `malformed`, without what it brings
   */
  answered(message: NotifyMessage): boolean {
    const { id, retryAfterMs } = message;
    const reporter = this.#reporter;
    if (reporter && reporter.sequence === id) {
      reporter.done(message.result, retryAfterMs);
      return true;
    }
    const request = this.#pending.requestOf(id);
    const fitting = !request || fits(request, message, this.session.registry);
    const { result, items: instances } = fitting ? message : { result: Result.malformed, items: [] };
    this.#pending.answer(id, result !== Result.done)?.({ result, instances, retryAfterMs });
    return fitting;
  }

  /** The session is over or opened anew: nobody who waits will be answered. */
  lost(): void {
    this.#openAgainMs = this.#checkAtMs = Infinity;
    this.#sequences.clear();
    this.#reporter?.done(Result.linkLost);
    this.#reporter = undefined;
    for (const notify of this.#pending.takeAll()) notify(outcome(Result.linkLost));
  }

  /** A link may be there and the session not: the peer has started again, or the way up was cut. */
  #check(nowMs: number): void {
    this.#checkAtMs = nowMs + checkMs;
    if (++this.#silent > goneAfter) this.link?.close(`nothing was heard in the session for ${(goneAfter * checkMs) / 1000} s`);
    else if (this.#silent > 1) this.send({ op: Operation.alive });
  }

  /** Does what is due. @returns when it has to be called again, on the monotonic clock */
  tick(): number {
    const nowMs = this.ports.clock.monotonicMs();
    this.#reporter?.tick(nowMs);
    for (const notify of this.#pending.takeExpired(nowMs)) notify(outcome(Result.timeout));
    const worn = this.#wornMs() <= nowMs;
    if (this.link && this.session.isInitiator && (worn || this.#openAgainMs <= nowMs)) {
      const { kid, initiator, responder } = this.session.identity;
      if (!worn) this.ports.log("warning", `${responder} does not answer the opening of session ${kid} by ${initiator}: compare kid, key, domain and protection in both key files`);
      this.open(this.link);
    }
    if (this.#checkAtMs <= nowMs) this.#check(nowMs);
    return Math.min(this.#pending.nextDeadlineMs(), this.#reporter?.dueMs ?? Infinity, this.#openAgainMs, this.#checkAtMs, this.#wornMs());
  }
}
