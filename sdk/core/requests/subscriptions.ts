/** Standing subscriptions to events (DI-5) and periodic ones (DI-6) on the series that a unit is home of. */
import type { Requester } from "../access/access-control";
import type { Series } from "../access/series-table";
import type { Condition, Instance } from "../model/instance";
import type { NameId } from "../model/names";
import type { Notification } from "./request-processor";

/** Takes the notifications of one request or subscription. */
export type Notify = (notification: Notification) => void;

/** Whoever subscriptions belong to and end with: a session, or the unit's own services. */
export type Subscriber = object;

export interface Subscription {
  readonly subscriber: Subscriber;
  /** The subscriber's id of the request that made it. */
  readonly id: number;
  readonly series: Series;
  readonly condition: Condition;
  /** Time between two notifications of a periodic subscription; 0 for an event. */
  readonly periodMs: number;
  /** Device that the subscriber's service runs on. */
  readonly device: NameId;
  readonly requester: Requester;
  readonly notify: Notify;
  /** The newest matching instance that the minimum delay still holds back. */
  pending: Instance | undefined;
  /** When the delay ends, or the period of a periodic subscription; on the monotonic clock. */
  pendingUntilMs: number;
}

export class Subscriptions {
  readonly #bySeries = new Map<Series, Subscription[]>();
  #count = 0;

  constructor(private readonly capacity: number) {}

  /** @returns false where no more can be kept */
  add(subscription: Subscription): boolean {
    if (this.#count >= this.capacity || this.#countOf(subscription.subscriber) >= Math.max(4, this.capacity / 2)) return false;
    this.#count++;
    const list = this.#bySeries.get(subscription.series);
    if (list) list.push(subscription);
    else this.#bySeries.set(subscription.series, [subscription]);
    return true;
  }

  /** Nobody takes more than half of the table. */
  #countOf(subscriber: Subscriber): number {
    return this.all().filter((subscription) => subscription.subscriber === subscriber).length;
  }

  of(series: Series): readonly Subscription[] {
    return this.#bySeries.get(series) ?? none;
  }

  remove(subscription: Subscription): void {
    const list = this.#bySeries.get(subscription.series);
    const index = list ? list.indexOf(subscription) : -1;
    if (index < 0) return;
    list!.splice(index, 1);
    if (list!.length === 0) this.#bySeries.delete(subscription.series);
    this.#count--;
  }

  find(subscriber: Subscriber, id: number): Subscription | undefined {
    for (const subscription of this.all()) if (subscription.subscriber === subscriber && subscription.id === id) return subscription;
    return undefined;
  }

  /** Ends all subscriptions of a subscriber. */
  removeAll(subscriber: Subscriber): void {
    for (const subscription of this.all()) if (subscription.subscriber === subscriber) this.remove(subscription);
  }

  all(): Subscription[] {
    const all: Subscription[] = [];
    this.#bySeries.forEach((list) => all.push(...list));
    return all;
  }
}

const none: readonly Subscription[] = Object.freeze([]);
