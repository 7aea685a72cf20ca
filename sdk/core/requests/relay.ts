/**
 * Requests that this unit passes on (DI-10): each under an id of this unit's, its notifications back under the id of whoever asked. It knows nothing of where requests
 * go; it sees to it that nothing is left over when either side is gone.
 */
import { Result } from "../model/result";
import type { Neighbour } from "../neighbour";
import { isStanding, maxHops, Operation, type Request, type Source, type UnsubscribeRequest } from "../wire/session-body";
import { outcome } from "./request-processor";
import type { Notify } from "./subscriptions";

/** How long the next unit may take. Whoever asked has a time-out of its own unit's. */
const relayTimeoutMs = 30_000;

interface Relayed {
  /** This unit's id of it. */
  readonly id: number;
  readonly to: Neighbour;
  readonly source: Source;
  readonly standing: boolean;
}

export class Relay {
  /** By who asked, and by the id under which it did. */
  readonly #relayed = new Map<Neighbour, Map<number, Relayed>>();

  /** @param maxPending requests that may wait at one neighbour; who asks takes no more than half */
  constructor(
    private readonly nextId: () => number,
    private readonly maxPending: number,
  ) {}

  /** @param sequence the asker's id of the request */
  forward(request: Request, sequence: number, from: Neighbour, to: Neighbour, reply: Notify): void {
    const hops = (request.hops ?? 0) + 1;
    if (hops > maxHops) return reply(outcome(Result.unknownLocation));
    const relayed = this.#of(from);
    // Whoever has taken all of its places can still end something.
    const places = request.op === Operation.unsubscribe ? this.maxPending : this.maxPending / 2;
    if (relayed.size >= Math.max(4, places)) return reply(outcome(Result.busy));
    const entry: Relayed = { id: this.nextId(), to, source: request.source, standing: isStanding(request) };
    relayed.set(sequence, entry);
    const back: Notify = (notification) => {
      // After the asker has opened its session anew, this id may be that of another request.
      if (relayed.get(sequence) !== entry) return;
      if (!entry.standing || notification.result !== Result.done) relayed.delete(sequence);
      if (notification.result !== Result.timeout) reply(notification);
    };
    const result = to.request({ ...request, hops }, entry.id, back, relayTimeoutMs, this.maxPending);
    if (result !== Result.done) back(outcome(result));
  }

  /** Passes on the end of a subscription that was passed on. @returns false where it was none */
  unsubscribe(request: UnsubscribeRequest, sequence: number, from: Neighbour, reply: Notify): boolean {
    const subscription = this.#relayed.get(from)?.get(request.id);
    if (!subscription?.standing) return false;
    if (subscription.source.stakeholder !== request.source.stakeholder) reply(outcome(Result.unknownSubscription));
    else this.forward({ ...request, id: subscription.id }, sequence, from, subscription.to, (notification) => {
      if (notification.result === Result.done) this.#relayed.get(from)?.delete(request.id);
      reply(notification);
    });
    return true;
  }

  /** Who asked is gone: its subscriptions end, and answers that still come are for nobody. */
  lost(from: Neighbour): void {
    const relayed = this.#relayed.get(from);
    if (!relayed) return;
    const entries = [...relayed.values()];
    relayed.clear();
    this.#relayed.delete(from);
    for (const { id, to, source, standing } of entries)
      if (standing) to.request({ op: Operation.unsubscribe, source, id }, this.nextId(), () => {}, relayTimeoutMs, this.maxPending);
  }

  #of(from: Neighbour): Map<number, Relayed> {
    let relayed = this.#relayed.get(from);
    if (!relayed) this.#relayed.set(from, (relayed = new Map()));
    return relayed;
  }
}
