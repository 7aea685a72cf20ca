/** Requests that wait for their outcome, and subscriptions that wait for occurrences (DI-9). */
import type { Notify } from "./subscriptions";

interface Pending {
  readonly notify: Notify;
  /** When the requester is told `timeout`, on the monotonic clock; Infinity for a subscription that was accepted. */
  deadlineMs: number;
  /** Accepted subscriptions stay until they end. */
  readonly standing: boolean;
}

export class PendingRequests {
  readonly #pending = new Map<number, Pending>();

  get size(): number {
    return this.#pending.size;
  }

  add(id: number, notify: Notify, deadlineMs: number, standing: boolean): void {
    this.#pending.set(id, { notify, deadlineMs, standing });
  }

  /** Whom a notification for this id is for; `last` says that no other will follow. */
  answer(id: number, last: boolean): Notify | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    if (last || !pending.standing) this.#pending.delete(id);
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
