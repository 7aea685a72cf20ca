/**
 * The request processor (CP-2): takes requests from local services and from remote units alike, sends every one through data access control,
 * carries it out on the store and notifies. It knows nothing of sessions, links or bytes.
 */
import { AccessControl, requesterOf, type Requester } from "../access/access-control";
import type { PolicyTable } from "../access/policy-table";
import type { Series, SeriesTable } from "../access/series-table";
import type { Counters } from "../counters";
import { satisfies, type Instance } from "../model/instance";
import { grantedDelayS, Right, type Policy } from "../model/policy";
import { checkValue, type Registry } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { ClockPort } from "../ports";
import type { StorePort } from "../../storage/store-port";
import { Operation, type EventRequest, type Item, type QueryRequest, type Request, type Source, type WriteRequest } from "../wire/session-body";
import { evaluateQuery } from "./evaluate-query";
import { Subscriptions, type Notify, type Subscriber, type Subscription } from "./subscriptions";

/** The outcome of a request, or an occurrence of a subscription (DI-8). */
export interface Notification {
  readonly result: ResultCode;
  /** The instance written, read or matched; for a write of several items all of them. Empty where the result is not `done`. */
  readonly instances: readonly Item[];
  /** With `tooEarly`: milliseconds until the delay has passed; otherwise 0. */
  readonly retryAfterMs: number;
}

/** Timestamps may be this far ahead of the unit's clock: the accuracy that synchronised clocks are expected to have. */
const maxAheadMs = 2000;
/** How long an occurrence waits when access control has no room to note its delivery. */
const busyRetryMs = 1000;

export interface RequestProcessorParts {
  readonly registry: Registry;
  readonly store: StorePort;
  readonly clock: ClockPort;
  readonly series: SeriesTable;
  readonly policies: PolicyTable;
  readonly access: AccessControl;
  readonly subscriptions: Subscriptions;
  readonly counters: Counters;
}

export class RequestProcessor {
  constructor(private readonly parts: RequestProcessorParts) {}

  /**
   * Carries out a request and notifies once; an accepted event notifies again at each occurrence.
   * @param id the requester's id of the request
   */
  process(request: Request, subscriber: Subscriber, id: number, notify: Notify): void {
    switch (request.op) {
      case Operation.write:
        return notify(this.#write(request));
      case Operation.query:
        return notify(this.#query(request));
      case Operation.event:
        return this.#event(request, subscriber, id, notify);
      case Operation.unsubscribe:
        return notify(outcome(this.#unsubscribe(request.source, subscriber, request.id)));
    }
  }

  // ---- write --------------------------------------------------------------------------------------------------------------------------

  /** Every item is checked before the first is kept: a write takes effect whole or not at all. */
  #write(request: WriteRequest): Notification {
    const requester = requesterOf(request.source);
    const accepted: { series: Series; instance: Instance }[] = [];
    const nowMs = this.parts.clock.wallMs();
    for (const item of request.items) {
      const result = this.#admit(item, request.source, requester);
      if (result !== Result.done) return outcome(result, this.parts.access.retryAfterMs);
      const series = this.parts.series.open(item);
      if (!series) return outcome(Result.busy);
      const timeMs = request.source.device === item.device && item.timeMs > 0 ? item.timeMs : nowMs;
      if (timeMs > nowMs + maxAheadMs) return outcome(Result.badTime);
      const { variable, device, owner, value } = item;
      accepted.push({ series, instance: { variable, device, owner, value, timeMs, policy: series.policy } });
    }
    const policyResult = this.#takePolicies(request.items, requester);
    this.parts.policies.settle();
    if (policyResult !== Result.done) return outcome(policyResult);
    return this.#keep(accepted, requester);
  }

  #admit(item: Item, source: Source, requester: Requester): ResultCode {
    const { registry, series, policies, access } = this.parts;
    const variable = registry.byId(item.variable);
    if (!variable) return Result.unknownVariable;
    if (series.ownerOf(item.device) !== item.owner) return Result.denied;
    if (variable.write === "device" && (source.device !== item.device || requester.stakeholder !== item.owner)) return Result.denied;
    const known = series.find(item) ?? series.preview(item);
    const result = access.decide(known, policies.get(known.policy), Right.write, requester);
    return result === Result.done ? checkValue(variable, item.value) : result;
  }

  /** Puts the policies that the owner sent in force; those of anybody else are ignored (DI-3). */
  #takePolicies(items: readonly Item[], requester: Requester): ResultCode {
    const taken: { series: Series; index: number; policy: Policy }[] = [];
    for (const item of items) {
      if (item.policy === undefined || requester.stakeholder !== item.owner) continue;
      const { policies } = this.parts;
      const index = item.policy instanceof Uint8Array ? policies.find(item.policy) : policies.add(item.policy);
      if (index < 0) return item.policy instanceof Uint8Array ? Result.unknownPolicy : Result.busy;
      const series = this.parts.series.open(item)!;
      const policy = policies.get(index);
      if (index !== series.policy && policy.sequence <= series.policySequence) return Result.stalePolicy;
      taken.push({ series, index, policy });
    }
    for (const { series, index, policy } of taken) {
      series.policy = index;
      series.policySequence = policy.sequence;
    }
    return Result.done;
  }

  #keep(accepted: readonly { series: Series; instance: Instance }[], requester: Requester): Notification {
    const { store, policies, access } = this.parts;
    const kept: Instance[] = [];
    for (const { series, instance } of accepted) {
      const policy = policies.get(series.policy);
      if (!store.append(series.index, instance.value, instance.timeMs, series.policy)) return outcome(Result.storageFailed);
      access.record(series, Right.write, requester, grantedDelayS(policy, Right.write, requester.grantee));
      for (const entry of policy.entries) series.longestDelayS = Math.max(series.longestDelayS, entry.minDelayS);
      this.parts.counters.instancesKept++;
      kept.push({ ...instance, policy: series.policy });
    }
    for (let i = 0; i < kept.length; i++) this.#match(accepted[i]!.series, kept[i]!);
    return this.#answer(...kept);
  }

  // ---- query --------------------------------------------------------------------------------------------------------------------------

  #query(request: QueryRequest): Notification {
    const { registry, series: table, policies, access, store } = this.parts;
    const variable = registry.byId(request.selector.variable);
    if (!variable) return outcome(Result.unknownVariable);
    const requester = requesterOf(request.source);
    // Absent and denied look alike to whoever has no grant.
    if (table.ownerOf(request.selector.device) !== request.selector.owner) return outcome(Result.denied);
    const series = table.find(request.selector) ?? table.preview(request.selector);

    // The policy in force is asked first: without it, an answer `noData` would be free, and a value could be guessed from many of them.
    const current = grantedDelayS(policies.get(series.policy), Right.read, requester.grantee);
    const early = current < 0 ? Result.done : access.decideDelay(series, Right.read, requester, current);
    if (early !== Result.done) return outcome(early, access.retryAfterMs);

    const answer = evaluateQuery(series, variable, request.condition, request.function, requester, store, (index) => policies.get(index));
    const delayS = Math.max(answer.delayS, current);
    const isOwner = requester.stakeholder === series.owner;
    if (answer.result !== Result.done && current < 0 && !isOwner) return outcome(Result.denied);
    const late = access.decideDelay(series, Right.read, requester, delayS);
    if (late !== Result.done) return outcome(late, access.retryAfterMs);
    access.record(series, Right.read, requester, delayS);
    if (answer.result !== Result.done) return outcome(answer.result);
    return this.#answer({ ...request.selector, value: answer.value, timeMs: answer.timeMs, policy: answer.policy });
  }

  // ---- events -------------------------------------------------------------------------------------------------------------------------

  #event(request: EventRequest, subscriber: Subscriber, id: number, notify: Notify): void {
    const { registry, series: table, policies, subscriptions } = this.parts;
    const requester = requesterOf(request.source);
    if (!registry.byId(request.selector.variable)) return notify(outcome(Result.unknownVariable));
    if (table.ownerOf(request.selector.device) !== request.selector.owner) return notify(outcome(Result.denied));
    const known = table.find(request.selector) ?? table.preview(request.selector);
    const granted = grantedDelayS(policies.get(known.policy), Right.read, requester.grantee) >= 0;
    if (!granted && requester.stakeholder !== known.owner) return notify(outcome(Result.denied));
    const series = table.open(request.selector);
    if (!series) return notify(outcome(Result.busy));
    const subscription: Subscription = { subscriber, id, series, condition: request.condition, requester, notify, pending: undefined, pendingUntilMs: 0 };
    notify(outcome(subscriptions.add(subscription) ? Result.done : Result.busy));
  }

  #unsubscribe(source: Source, subscriber: Subscriber, id: number): ResultCode {
    const subscription = this.parts.subscriptions.find(subscriber, id);
    if (!subscription || subscription.requester.stakeholder !== source.stakeholder) return Result.unknownSubscription;
    this.parts.subscriptions.remove(subscription);
    return Result.done;
  }

  #match(series: Series, instance: Instance): void {
    for (const subscription of [...this.parts.subscriptions.of(series)])
      if (satisfies(subscription.condition, instance.value, instance.timeMs)) this.#deliver(subscription, instance);
  }

  /** Delivers one occurrence, or holds it back until the delay has passed: then the newest match is delivered. */
  #deliver(subscription: Subscription, instance: Instance): void {
    const { access, policies, clock, subscriptions } = this.parts;
    const { series, requester } = subscription;
    const policy = policies.get(instance.policy);
    const result = access.decide(series, policy, Right.read, requester);
    subscription.pending = undefined;
    if (result === Result.tooEarly || result === Result.busy) {
      subscription.pending = instance;
      subscription.pendingUntilMs = clock.monotonicMs() + (result === Result.tooEarly ? access.retryAfterMs : busyRetryMs);
    } else if (result === Result.done) {
      access.record(series, Right.read, requester, grantedDelayS(policy, Right.read, requester.grantee));
      subscription.notify(this.#answer(instance));
    } else if (result === Result.denied) {
      subscriptions.remove(subscription);
      subscription.notify(outcome(Result.denied));
    }
  }

  /** An instance leaves with its policy, by content hash. */
  #answer(...instances: Instance[]): Notification {
    const items = instances.map((instance) => ({ ...instance, policy: this.parts.policies.hash(instance.policy) }));
    return { result: Result.done, instances: items, retryAfterMs: 0 };
  }

  /** Delivers what the minimum delay held back. @returns milliseconds until the next delay ends, Infinity where none is waited for */
  deliverPending(): number {
    const nowMs = this.parts.clock.monotonicMs();
    let nextMs = Infinity;
    for (const subscription of this.parts.subscriptions.all()) {
      if (subscription.pending && subscription.pendingUntilMs <= nowMs) this.#deliver(subscription, subscription.pending);
      if (subscription.pending) nextMs = Math.min(nextMs, subscription.pendingUntilMs - nowMs);
    }
    return nextMs;
  }
}

export function outcome(result: ResultCode, retryAfterMs = 0): Notification {
  return { result, instances: [], retryAfterMs: result === Result.tooEarly ? retryAfterMs : 0 };
}
