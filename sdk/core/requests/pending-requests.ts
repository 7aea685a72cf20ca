/** Requests that wait for their outcome, and subscriptions that wait for occurrences (DI-9). */
import { granteeId, type GranteeId } from "../model/names";
import { isStanding, Operation, type Request } from "../wire/session-body";
import type { Notify } from "./subscriptions";

interface Pending {
  readonly request: Request;
  readonly notify: Notify;
  /** When the requester is told `timeout`, on the monotonic clock; Infinity for a subscription that was accepted. */
  deadlineMs: number;
}

export class PendingRequests {
  readonly #pending = new Map<number, Pending>();

  /**
   * Whether one more may wait. Requests and accepted subscriptions have places of their own, and a service takes at most a quarter of either; whoever ends something needs
   * no place.
   */
  hasPlace(request: Request, capacity: number): boolean {
    if (request.op === Operation.unsubscribe) return true;
    // A sensor has one request under way at a time.
    if (this.#pending.size === 0) return capacity > 0;
    let all = 0;
    let own = 0;
    this.#pending.forEach((pending) => {
      if (isStanding(pending.request) !== isStanding(request)) return;
      all++;
      if (granteeOf(pending.request) === granteeOf(request)) own++;
    });
    return all < capacity && own < Math.max(4, capacity / 4);
  }

  add(id: number, request: Request, notify: Notify, deadlineMs: number): void {
    this.#pending.set(id, { request, notify, deadlineMs });
  }

  /** The request that a notification for this id answers. */
  requestOf(id: number): Request | undefined {
    return this.#pending.get(id)?.request;
  }

  /** Whom a notification for this id is for; `last` says that no other will follow. */
  answer(id: number, last: boolean): Notify | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    if (last || !isStanding(pending.request)) this.#pending.delete(id);
    else pending.deadlineMs = Infinity;
    return pending.notify;
  }

  /** Forgets a request; whoever waits is not told. */
  remove(id: number): void {
    this.#pending.delete(id);
  }

  /** Takes out those whose deadline has come, or all. */
  takeExpired(nowMs: number): Notify[] {
    const expired: Notify[] = [];
    this.#pending.forEach((pending, id) => {
      if (pending.deadlineMs > nowMs) return;
      this.#pending.delete(id);
      expired.push(pending.notify);
    });
    return expired;
  }

  takeAll(): Notify[] {
    const all = [...this.#pending.values()].map((pending) => pending.notify);
    this.#pending.clear();
    return all;
  }

  nextDeadlineMs(): number {
    let next = Infinity;
    this.#pending.forEach((pending) => (next = Math.min(next, pending.deadlineMs)));
    return next;
  }
}

function granteeOf({ source }: Request): GranteeId {
  return granteeId(source.stakeholder, source.service);
}
