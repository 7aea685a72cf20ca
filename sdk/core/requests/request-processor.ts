/**
 * The request processor (CP-2): takes requests from local services and from remote units alike, sends every one through data access control,
 * carries it out on the store and notifies. It knows nothing of sessions, links or bytes.
 */
import { AccessControl, requesterOf, type Requester } from "../access/access-control";
import type { PolicyTable } from "../access/policy-table";
import type { Series, SeriesTable } from "../access/series-table";
import type { Counters } from "../counters";
import { isStorageFailure } from "../model/errors";
import { boundsOf, Field, QueryFunction, satisfies, type Condition, type Instance } from "../model/instance";
import type { NameId } from "../model/names";
import { grantedDelayS, Right } from "../model/policy";
import type { Registry, Value } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { ClockPort } from "../ports";
import type { StorePort } from "../../storage/store-port";
import { Operation, type EventRequest, type Item, type PeriodicRequest, type QueryRequest, type Request, type Source, type WriteRequest } from "../wire/session-body";
import { evaluateQuery, type QueryAnswer } from "./evaluate-query";
import { ScanBudget } from "./scan-budget";
import { Subscriptions, type Held, type NotifyOf, type Subscriber, type Subscription } from "./subscriptions";

/** The outcome of a request, or an occurrence of a subscription (DI-8). */
export interface Notification {
  readonly result: ResultCode;
  /** The instance written, read or matched; for a write of several items all of them. Empty where the result is not `done`. */
  readonly instances: readonly Item[];
  /** With `tooEarly`: milliseconds until the delay has passed; otherwise 0. */
  readonly retryAfterMs: number;
}

/** Timestamps may be this far ahead of the unit's clock: the accuracy that synchronised clocks are expected to have. */
export const maxAheadMs = 2000;
/** How long an occurrence waits when access control has no room to note its delivery. */
const busyRetryMs = 1000;
/** Shortest period of a periodic subscription. */
export const minPeriodMs = 100;

export interface RequestProcessorParts {
  readonly registry: Registry;
  readonly store: StorePort;
  readonly clock: ClockPort;
  readonly series: SeriesTable;
  readonly policies: PolicyTable;
  readonly access: AccessControl;
  readonly subscriptions: Subscriptions;
  readonly counters: Counters;
  /** The subscriber that stands for services of this unit, and the unit's id. */
  readonly unit: Subscriber;
  readonly self: NameId;
  /** {@link UnitLimits.maxScanned} */
  readonly maxScanned: number;
  /** Told of each instance that others have written. */
  readonly onKept?: (series: Series, timeMs: number) => void;
}

export class RequestProcessor {
  /** When the first delay or period ends, on the monotonic clock; Infinity where none is waited for. With a thousand subscriptions, not all are looked at each time. */
  dueMs = Infinity;

  readonly #scans: ScanBudget;

  constructor(protected readonly parts: RequestProcessorParts) {
    this.#scans = new ScanBudget(parts.clock, parts.maxScanned);
  }

  /**
   * Carries out a request.
   * @param id the requester's id of the request
   * @param notify told of the occurrences of a subscription once the outcome was told
   */
  process(request: Request, subscriber: Subscriber, id: number, notify: NotifyOf): Notification {
    switch (request.op) {
      case Operation.write:
        return this.write(request);
      case Operation.query:
        return this.#query(request, subscriber);
      case Operation.event:
      case Operation.periodic:
        return this.#subscribe(request, subscriber, id, notify);
      case Operation.unsubscribe:
        return outcome(this.#unsubscribe(request.source, subscriber, request.id));
    }
  }

  /** What others write is taken by the home of its series. */
  protected write(_request: WriteRequest): Notification {
    return outcome(Result.denied);
  }

  /** Keeps what this unit's own device has measured: its owner may always write it. See {@link OwnDevice.record}. */
  record(series: Series, value: Value, timeMs: number): ResultCode {
    const { parts } = this;
    const { policy, policiesHad } = series;
    // Of most series there is one policy.
    if (policiesHad[0] !== policy && policiesHad.indexOf(policy) < 0) {
      const { policies, series: table } = parts;
      if (!table.keepRecord(series, policy, series.policySequence, policies.get(policy))) return Result.storageFailed;
      table.noteUse(series, policy, series.policySequence, policies.get(policy));
    }
    const appended = parts.store.append(series.index, value, timeMs, policy);
    if (appended !== "kept") return appended === "known" ? Result.done : Result.storageFailed;
    // Looked up in the store when somebody asks for it.
    series.newest = undefined;
    parts.counters.instancesKept++;
    this.match(series, value, timeMs, policy);
    return Result.done;
  }

  // ---- query --------------------------------------------------------------------------------------------------------------------------

  #query(request: QueryRequest, subscriber: Subscriber): Notification {
    const { registry, series: table, policies, access, store } = this.parts;
    const variable = registry.byId(request.selector.variable);
    if (!variable) return outcome(Result.unknownVariable);
    const requester = requesterOf(request.source);
    // Absent and denied look alike to whoever has no grant.
    if (table.ownerOf(request.selector.device) !== request.selector.owner) return outcome(Result.denied);
    const series = table.find(request.selector);
    if (!series) return outcome(this.#grantsNothing(table.preview(request.selector), requester) ? Result.denied : Result.noData);
    // The policy in force is asked first, which spares the work; the samples that were seen may ask for a longer delay.
    const current = grantedDelayS(policies.get(series.policy), Right.read, requester.grantee);
    if (current < 0 && this.#grantsNothing(series, requester)) return outcome(Result.denied);
    const early = current < 0 ? Result.done : access.decideDelay(series, Right.read, requester, current);
    if (early !== Result.done) return outcome(early, access.retryAfterMs);

    const isRemote = subscriber !== this.parts.unit;
    if (isRemote && !this.#scans.allows(subscriber)) return outcome(Result.busy);
    let answer: QueryAnswer;
    try {
      answer = evaluateQuery(series, variable, request.condition, request.function, requester, store, (index) => policies.get(index), this.untilMs());
    } catch (error) {
      return unread(error);
    }
    if (isRemote) this.#scans.spend(subscriber, answer.looked);
    if (answer.result === Result.unsupported) return outcome(current < 0 && requester.stakeholder !== series.owner ? Result.denied : answer.result);
    const delayS = Math.max(answer.delayS, current);
    if (delayS < 0 && requester.stakeholder !== series.owner) return outcome(Result.denied);
    const late = access.decideDelay(series, Right.read, requester, delayS);
    if (late !== Result.done) return outcome(late, access.retryAfterMs);
    // `noData` is an access too: were it free, a value could be guessed from many of them.
    access.record(series, Right.read, requester, delayS);
    if (answer.result !== Result.done) return outcome(answer.result);
    const { device, owner } = series;
    return this.answer({ variable: series.variable, device, owner, value: answer.value, timeMs: answer.timeMs, policy: answer.policy });
  }

  /** Whether no policy that the series ever had lets the requester read: then it is not looked at, and takes no longer than an absent one. */
  #grantsNothing(series: Series, requester: Requester): boolean {
    const grants = (index: number) => grantedDelayS(this.parts.policies.get(index), Right.read, requester.grantee) >= 0;
    return requester.stakeholder !== series.owner && !grants(series.policy) && !series.policiesHad.some(grants);
  }

  // ---- subscriptions -------------------------------------------------------------------------------------------------------------------------

  #subscribe(request: EventRequest | PeriodicRequest, subscriber: Subscriber, id: number, notify: NotifyOf): Notification {
    const { registry, series: table, policies, subscriptions } = this.parts;
    const requester = requesterOf(request.source);
    const variable = registry.byId(request.selector.variable);
    if (!variable) return outcome(Result.unknownVariable);
    const periodMs = request.op === Operation.periodic ? request.periodMs : 0;
    if (request.op === Operation.periodic && !(periodMs >= minPeriodMs)) return outcome(Result.unsupported);
    if (table.ownerOf(request.selector.device) !== request.selector.owner) return outcome(Result.denied);
    const known = table.find(request.selector) ?? table.preview(request.selector);
    const isOwner = requester.stakeholder === known.owner;
    const delayS = isOwner ? 0 : grantedDelayS(policies.get(known.policy), Right.read, requester.grantee);
    if (delayS < 0) return outcome(Result.denied);
    if (periodMs && periodMs < delayS * 1000) return outcome(Result.tooEarly, delayS * 1000);
    // Only the owner makes a series by subscribing to it: otherwise a reader could use up the table.
    const series = isOwner ? table.open(request.selector) : table.find(request.selector);
    if (!series) return outcome(isOwner ? Result.busy : Result.noData);
    const matching = matchingOf(request.op === Operation.event ? request.condition : [], variable.type === "integer");
    const pendingUntilMs = this.parts.clock.monotonicMs();
    const subscription: Subscription = { ...requester, subscriber, id, series, ...matching, periodMs, device: request.source.device, notify, pending: undefined, pendingUntilMs };
    if (periodMs && this.#hasPeriodic(subscription)) return outcome(Result.alreadySubscribed);
    const added = subscriptions.add(subscription);
    if (added && periodMs) this.#dueAt(pendingUntilMs);
    return outcome(added ? Result.done : Result.busy);
  }

  /** A service has at most one periodic subscription to a series. */
  #hasPeriodic({ series, subscriber, device, grantee }: Subscription): boolean {
    const same = (other: Subscription) => other.subscriber === subscriber && other.device === device && other.grantee === grantee;
    return (series.subscriptions ?? []).some((other) => other.periodMs > 0 && same(other));
  }

  #unsubscribe(source: Source, subscriber: Subscriber, id: number): ResultCode {
    const subscription = this.parts.subscriptions.find(subscriber, id);
    if (!subscription || subscription.stakeholder !== source.stakeholder) return Result.unknownSubscription;
    this.parts.subscriptions.remove(subscription);
    return Result.done;
  }

  protected match(series: Series, value: Value, timeMs: number, policy: number): void {
    const { subscriptions } = series;
    if (!subscriptions) return;
    // Most instances match nothing, and nothing is made for them.
    let matching: Subscription[] | undefined;
    for (let i = 0; ; i++) {
      const subscription = subscriptions[i];
      // Of values that are no numbers, neither is ever true.
      if (!subscription || (value as number) < subscription.least) break;
      if ((value as number) > subscription.greatest || subscription.periodMs !== 0) continue;
      const { condition, pending } = subscription;
      if (condition && !satisfies(condition, value, timeMs)) continue;
      if (pending && pending.policy === policy) {
        // What holds back the one before holds back this one, which takes its place.
        pending.value = value;
        pending.timeMs = timeMs;
      } else (matching ??= []).push(subscription);
    }
    if (!matching) return;
    const { variable, device, owner } = series;
    for (const subscription of matching) this.#deliver(subscription, { variable, device, owner, value, timeMs, policy });
  }

  /** Delivers one occurrence, or holds it back until the delay has passed: then the newest match is delivered. */
  #deliver(subscription: Subscription, instance: Held): void {
    const { access, policies, clock, subscriptions } = this.parts;
    const { series } = subscription;
    const policy = policies.get(instance.policy);
    const result = access.decide(series, policy, Right.read, subscription);
    subscription.pending = undefined;
    if (result === Result.tooEarly || result === Result.busy) {
      subscription.pending = instance;
      subscription.pendingUntilMs = clock.monotonicMs() + (result === Result.tooEarly ? access.retryAfterMs : busyRetryMs);
      this.#dueAt(subscription.pendingUntilMs);
    } else if (result === Result.done) {
      access.record(series, Right.read, subscription, access.delayS(series, policy, Right.read, subscription));
      subscription.notify(this.answer(instance), subscription.id);
    } else if (result === Result.denied) {
      subscriptions.remove(subscription);
      subscription.notify(outcome(Result.denied), subscription.id);
    }
  }

  /**
   * Delivers the newest instance of a periodic subscription, if there is one and its policy permits it now; a period in which it does not is left out. One that cannot be read
   * ends the subscription.
   */
  #deliverPeriodic(subscription: Subscription, nowMs: number): void {
    const { series, periodMs } = subscription;
    const nextMs = subscription.pendingUntilMs + periodMs;
    let newest: Instance | undefined;
    try {
      newest = series.newest ??= this.#newest(series);
    } catch (error) {
      this.parts.subscriptions.remove(subscription);
      return subscription.notify(unread(error), subscription.id);
    }
    if (newest) this.#deliver(subscription, newest);
    subscription.pending = undefined;
    // After a long pause one notification is enough.
    subscription.pendingUntilMs = nextMs > nowMs ? nextMs : nowMs + periodMs;
  }

  /**
   * Samples from this time on are passed over: a clock that was ahead for a while has left them, and the home has refused them. While the clock is not set nothing is kept,
   * and nothing known to be ahead.
   */
  protected untilMs(): number {
    const { clock } = this.parts;
    return clock.isSet() ? Math.floor(clock.wallMs()) + maxAheadMs : Infinity;
  }

  /** The newest instance that is kept of a series. */
  #newest(series: Series): Instance | undefined {
    const { index, variable, device, owner } = series;
    let newest: Instance | undefined;
    const { store, registry, policies } = this.parts;
    const untilMs = this.untilMs();
    if (store.newestMs(index) >= untilMs) {
      // As its owner sees it.
      const requester = { stakeholder: owner, grantee: 0 };
      const { result, value, timeMs, policy } = evaluateQuery(series, registry.byId(variable)!, [], QueryFunction.last, requester, store, (i) => policies.get(i), untilMs);
      return result === Result.done ? { variable, device, owner, value, timeMs, policy } : undefined;
    }
    store.scan(index, store.newestMs(index), Infinity, (value, timeMs, policy) => {
      newest = { variable, device, owner, value, timeMs, policy };
      return true;
    });
    return newest;
  }

  /** An instance leaves with its policy, by content hash. */
  protected answer(...instances: Instance[]): Notification {
    const items = instances.map(({ variable, device, owner, value, timeMs, policy }) => ({ variable, device, owner, value, timeMs, policy: this.parts.policies.hash(policy) }));
    return { result: Result.done, instances: items, retryAfterMs: 0 };
  }

  /** Delivers what the minimum delay held back, and what is due of periodic subscriptions. */
  deliverPending(): void {
    if (this.dueMs === Infinity) return;
    const nowMs = this.parts.clock.monotonicMs();
    if (this.dueMs <= nowMs) this.#deliverDue(nowMs);
  }

  #deliverDue(nowMs: number): void {
    this.dueMs = Infinity;
    for (const subscription of this.parts.subscriptions.all()) {
      const due = subscription.pendingUntilMs <= nowMs;
      if (subscription.periodMs && due) this.#deliverPeriodic(subscription, nowMs);
      else if (subscription.pending && due) this.#deliver(subscription, subscription.pending);
      if (subscription.periodMs || subscription.pending) this.#dueAt(subscription.pendingUntilMs);
    }
  }

  #dueAt(atMs: number): void {
    this.dueMs = Math.min(this.dueMs, atMs);
  }
}

/** What a subscription keeps of its condition: bounds say all of it where values are whole numbers, unless it is about time. */
function matchingOf(condition: Condition, whole: boolean): Pick<Subscription, "least" | "greatest" | "condition"> {
  const besides = whole ? condition.filter(({ field }) => field !== Field.value) : condition;
  return { ...boundsOf(condition, Field.value, whole), condition: besides.length ? besides : undefined };
}

/** Flash or a disk that does not give what it holds is an outcome too. */
function unread(error: unknown): Notification {
  if (!isStorageFailure(error)) throw error;
  return outcome(Result.storageFailed);
}

export function outcome(result: ResultCode, retryAfterMs = 0): Notification {
  return { result, instances: [], retryAfterMs: result === Result.tooEarly ? retryAfterMs : 0 };
}
