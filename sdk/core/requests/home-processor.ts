/** The request processor of a unit that is the home of others' series: it takes what they write (DI-3). */
import { requesterOf, type Requester } from "../access/access-control";
import type { Series } from "../access/series-table";
import type { Instance } from "../model/instance";
import { grantedDelayS, Right } from "../model/policy";
import type { Appended } from "../../storage/store-port";
import { checkValue, type Value } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { Item, Source, WriteRequest } from "../wire/session-body";
import { maxAheadMs, outcome, RequestProcessor, type Notification } from "./request-processor";

/** One item of a write, and what it will be kept under. */
interface Planned {
  readonly item: Item;
  readonly series: Series;
  readonly timeMs: number;
  policy: number;
  policySequence: number;
}

export class HomeProcessor extends RequestProcessor {
  /** Every item is checked before the first is kept: a write takes effect whole or not at all. */
  protected override write(request: WriteRequest): Notification {
    const requester = requesterOf(request.source);
    const plan: Planned[] = [];
    for (const item of request.items) {
      const result = this.#admit(item, request.source, requester);
      if (result !== Result.done) return outcome(result, this.parts.access.retryAfterMs);
      const series = this.parts.series.open(item);
      if (!series) return outcome(Result.busy);
      const delayS = this.#writeDelayS(series, requester);
      if (delayS > 0 && plan.some((before) => before.series === series)) return outcome(Result.tooEarly, delayS * 1000);
      plan.push({ item, series, timeMs: this.#keptTimeOf(item, request.source, series), policy: series.policy, policySequence: series.policySequence });
    }
    const result = this.#planPolicies(plan, request.source, requester);
    const told = result === Result.done ? this.#keep(plan, requester) : outcome(result);
    // Only now: what is kept may make room in the catalogue.
    this.parts.policies.settle();
    return told;
  }

  /** Keeps an instance of a series whose home is another unit, which has proven it. */
  keepCopy(series: Series, value: Value, timeMs: number, policy: number): Appended {
    const appended = this.parts.store.append(series.index, value, timeMs, policy);
    if (appended !== "kept") return appended;
    series.newest = undefined;
    this.parts.counters.instancesKept++;
    this.match(series, value, timeMs, policy);
    return appended;
  }

  /** What comes from too far ahead is refused; what others write may be ahead, to keep its order. */
  protected override untilMs(): number {
    return Infinity;
  }

  /** The delay between two writes of a requester to a series; the owner has none. */
  #writeDelayS(series: Series, requester: Requester): number {
    if (requester.stakeholder === series.owner) return 0;
    return grantedDelayS(this.parts.policies.get(series.policy), Right.write, requester.grantee);
  }

  /** The device's own time counts for what it measured; what anybody else writes happens now. */
  #timeOf(item: Item, source: Source): number {
    return source.device === item.device && item.timeMs > 0 ? item.timeMs : this.parts.clock.wallMs();
  }

  /** What others write keeps its order, even where the clock was set back: the last that came is the last. */
  #keptTimeOf(item: Item, source: Source, series: Series): number {
    const timeMs = this.#timeOf(item, source);
    const newestMs = source.device === item.device ? -Infinity : this.parts.store.newestMs(series.index);
    return newestMs > timeMs ? newestMs + 1 : timeMs;
  }

  #admit(item: Item, source: Source, requester: Requester): ResultCode {
    const { registry, series, policies, access } = this.parts;
    const variable = registry.byId(item.variable);
    if (!variable) return Result.unknownVariable;
    // Of a series that is at home elsewhere, statements of its home alone are taken.
    if (series.ownerOf(item.device) !== item.owner || series.isCopyOf(item.device)) return Result.denied;
    if (variable.write === "device" && (source.device !== item.device || requester.stakeholder !== item.owner)) return Result.denied;
    if (this.#timeOf(item, source) > this.parts.clock.wallMs() + maxAheadMs) return Result.badTime;
    const known = series.find(item) ?? series.preview(item);
    const result = access.decide(known, policies.get(known.policy), Right.write, requester);
    return result === Result.done ? checkValue(variable, item.value) : result;
  }

  /**
   * Plans each item under the policy that holds when it comes: one that the owner sends holds from its item on (DI-3). It counts for what the sending device measures
   * itself, and from services of this unit: one device of an owner's must not shut others out of another.
   */
  #planPolicies(plan: readonly Planned[], source: Source, requester: Requester): ResultCode {
    const { policies } = this.parts;
    const newest = new Map<Series, Planned>();
    for (const planned of plan) {
      const { item, series } = planned;
      const before = newest.get(series);
      if (before) planned.policy = before.policy;
      if (before) planned.policySequence = before.policySequence;
      newest.set(series, planned);
      const counts = requester.stakeholder === item.owner && (source.device === item.device || source.device === this.parts.self);
      if (item.policy === undefined || !counts) continue;
      const index = item.policy instanceof Uint8Array ? policies.find(item.policy) : policies.add(item.policy, item.owner);
      if (index < 0) return item.policy instanceof Uint8Array ? Result.unknownPolicy : Result.busy;
      const { sequence } = policies.get(index);
      if (index !== planned.policy && sequence <= planned.policySequence) return Result.stalePolicy;
      planned.policy = index;
      planned.policySequence = sequence;
    }
    return Result.done;
  }

  #keep(plan: readonly Planned[], requester: Requester): Notification {
    const { store, policies, access, counters } = this.parts;
    const instances: Instance[] = [];
    const fresh: [Series, Instance][] = [];
    for (const { item, series, timeMs, policy, policySequence } of plan) {
      const { variable, device, owner, value } = item;
      if (!this.parts.series.keepRecord(series, policy, policySequence, policies.get(policy))) return outcome(Result.storageFailed);
      const appended = store.append(series.index, value, timeMs, policy);
      if (appended === "failed" || appended === "tooOld") return outcome(Result.storageFailed);
      this.parts.series.noteUse(series, policy, policySequence, policies.get(policy));
      access.record(series, Right.write, requester, grantedDelayS(policies.get(policy), Right.write, requester.grantee));
      const instance = { variable, device, owner, value, timeMs, policy };
      instances.push(instance);
      if (appended === "known") continue;
      if (timeMs >= (series.newest?.timeMs ?? 0)) series.newest = instance;
      counters.instancesKept++;
      fresh.push([series, instance]);
    }
    const { onKept } = this.parts;
    if (onKept) for (const [series, { timeMs }] of fresh) onKept(series, timeMs);
    for (const [series, { value, timeMs, policy }] of fresh) this.match(series, value, timeMs, policy);
    // Who names the policies by their hashes knows all that an answer could say: a sensor has many.
    return plan.every(({ item }) => item.policy instanceof Uint8Array) ? outcome(Result.done) : this.answer(...instances);
  }
}
