/** Standing subscriptions to events (DI-5) and periodic ones (DI-6) on the series that a unit is home of. */
import type { Requester } from "../access/access-control";
import type { Series } from "../access/series-table";
import type { Condition, Instance } from "../model/instance";
import type { NameId } from "../model/names";
import type { Value } from "../model/registry";
import type { Notification } from "./request-processor";

/** Takes the notifications of one request or subscription. */
export type Notify = (notification: Notification) => void;

/** Takes those of any: one for all of a subscriber's, since a function of its own for each would take a device half as much RAM again as the subscription. */
export type NotifyOf = (notification: Notification, id: number) => void;

/** Whoever subscriptions belong to and end with: a session, or the unit's own services. */
export type Subscriber = object;

export interface Subscription extends Requester {
  readonly subscriber: Subscriber;
  /** The subscriber's id of the request that made it. */
  readonly id: number;
  readonly series: Series;
  /** What matches lies between these. */
  readonly least: number;
  readonly greatest: number;
  /** What must hold besides; undefined where they say all. */
  readonly condition: Condition | undefined;
  /** Time between two notifications of a periodic subscription; 0 for an event. */
  readonly periodMs: number;
  /** Device that the subscriber's service runs on. */
  readonly device: NameId;
  readonly notify: NotifyOf;
  /** The newest matching instance that the minimum delay still holds back: an object of this subscription's own. */
  pending: Held | undefined;
  /** When the delay ends, or the period of a periodic subscription; on the monotonic clock. */
  pendingUntilMs: number;
}

/** An instance whose place the next one takes. */
export interface Held extends Instance {
  value: Value;
  timeMs: number;
}

export class Subscriptions {
  readonly #all: Subscription[] = [];

  constructor(private readonly capacity: number) {}

  /** @returns false where no more can be kept */
  add(subscription: Subscription): boolean {
    if (this.#all.length >= this.capacity || this.#countOf(subscription.subscriber) >= Math.max(4, this.capacity / 2)) return false;
    this.#all.push(subscription);
    insert((subscription.series.subscriptions ??= []), subscription);
    return true;
  }

  /** Nobody takes more than half of the table. */
  #countOf(subscriber: Subscriber): number {
    return this.#all.filter((subscription) => subscription.subscriber === subscriber).length;
  }

  remove(subscription: Subscription): void {
    const { series } = subscription;
    drop(this.#all, subscription);
    if (series.subscriptions) drop(series.subscriptions, subscription);
    if (series.subscriptions?.length === 0) series.subscriptions = undefined;
  }

  find(subscriber: Subscriber, id: number): Subscription | undefined {
    return this.#all.find((subscription) => subscription.subscriber === subscriber && subscription.id === id);
  }

  /** Ends all subscriptions of a subscriber. */
  removeAll(subscriber: Subscriber): void {
    for (const subscription of this.all()) if (subscription.subscriber === subscriber) this.remove(subscription);
  }

  all(): Subscription[] {
    return this.#all.slice();
  }

  /** Calls `use` with the policy of every instance that waits. */
  policiesInUse(use: (policy: number) => void): void {
    for (const { pending } of this.#all) if (pending) use(pending.policy);
  }
}

/** Keeps the subscriptions to a series ascending by the least value: a reading is compared with no more of them than it may match. */
function insert(list: Subscription[], subscription: Subscription): void {
  let place = list.length;
  while (place > 0 && list[place - 1]!.least > subscription.least) place--;
  list.splice(place, 0, subscription);
}

function drop(list: Subscription[], subscription: Subscription): void {
  const index = list.indexOf(subscription);
  if (index >= 0) list.splice(index, 1);
}
