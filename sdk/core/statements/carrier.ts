/**
 * Statements that this unit has sent to a neighbour, its own and those that it passes on for another, and whose answers they wait for (DI-10). It reads none of them; it sees to it that
 * nothing is left over when either side is gone, and that nobody takes more than a share.
 */
import { Result, type ResultCode } from "../model/result";
import type { ClockPort } from "../ports";
import type { Neighbour } from "../neighbour";
import { outcome, type Notification } from "../requests/request-processor";
import { carryOperation } from "../wire/carry-body";
import { maxHops, type NotifyMessage } from "../wire/session-body";

/** An outcome, or an occurrence; what it brings stands in the statement. */
export interface Answer extends Notification {
  readonly statement?: Uint8Array;
  /** With `notTrusted`: the request is to be signed anew, with this. */
  readonly nonce?: Uint8Array;
}
export type TakeAnswer = (answer: Answer) => void;

/** What is sent on, for whom. */
export interface Carried {
  readonly statement: Uint8Array;
  /** How many units have passed it on before this one. */
  readonly hops: number;
  /** It is answered again and again until it ends. */
  readonly standing: boolean;
  /** The neighbour that it came from; undefined: this unit itself. */
  readonly from: Neighbour | undefined;
  /** The number under which whoever sent it knows it. */
  readonly id: number;
  readonly timeoutMs: number;
}

interface Waiting extends Pick<Carried, "standing" | "from" | "id"> {
  readonly take: TakeAnswer;
  /** On the monotonic clock; Infinity for a subscription that was accepted. */
  deadlineMs: number;
}

export class Carrier {
  /** By the neighbour that was asked, and by the sequence of the message to it. */
  readonly #waiting = new Map<Neighbour, Map<number, Waiting>>();

  /**
   * @param maxPending statements that may wait for one neighbour; whoever asks takes no more than half
   * @param wake asks for a tick after that time in milliseconds
   */
  constructor(
    private readonly clock: Pick<ClockPort, "monotonicMs">,
    private readonly maxPending: number,
    private readonly wake: (inMs: number) => void,
  ) {}

  /**
   * Sends a statement to a neighbour.
   * @param take told what comes of it: once, or until another result than `done`. Told nothing where it was not sent
   * @returns `done` where it was sent, else why not
   */
  send(carried: Carried, to: Neighbour, take: TakeAnswer): ResultCode {
    const { statement, from, id, standing, timeoutMs } = carried;
    const hops = carried.hops + (from ? 1 : 0);
    if (hops > maxHops) return Result.unknownLocation;
    if (!to.link || !to.session.isOpen) return Result.linkLost;
    const waiting = this.#at(to);
    if (waiting.size >= this.maxPending || this.#countOf(waiting, from) >= Math.max(4, this.maxPending / 2)) return Result.busy;
    const sequence = to.session.nextSequence;
    if (!to.send({ op: carryOperation, statement, hops: hops || undefined })) return Result.busy;
    waiting.set(sequence, { take, standing, from, id, deadlineMs: this.clock.monotonicMs() + timeoutMs });
    this.wake(timeoutMs);
    return Result.done;
  }

  #at(neighbour: Neighbour): Map<number, Waiting> {
    let waiting = this.#waiting.get(neighbour);
    if (!waiting) this.#waiting.set(neighbour, (waiting = new Map()));
    return waiting;
  }

  #countOf(waiting: ReadonlyMap<number, Waiting>, from: Neighbour | undefined): number {
    let count = 0;
    waiting.forEach((one) => (count += one.from === from ? 1 : 0));
    return count;
  }

  /** Gives a notification of a neighbour's to whoever waits for it. @returns whether anybody does */
  answered(from: Neighbour, message: NotifyMessage & Pick<Answer, "statement" | "nonce">): boolean {
    const { id, result, retryAfterMs, statement, nonce } = message;
    const waiting = this.#waiting.get(from);
    const known = waiting?.get(id);
    if (!known) return false;
    if (known.standing && result === Result.done) known.deadlineMs = Infinity;
    else waiting!.delete(id);
    known.take({ result, instances: [], retryAfterMs, ...(statement && { statement }), ...(nonce && { nonce }) });
    return true;
  }

  /**
   * Whoever sent a statement waits for nothing more of it.
   * @returns false where nothing was known of it
   */
  forget(from: Neighbour | undefined, id: number): boolean {
    return this.#drop((waiting) => waiting.from === from && waiting.id === id);
  }

  /** A session is over: what waits for the neighbour is told, and what waited on its behalf is for nobody. */
  lost(neighbour: Neighbour): void {
    const waiting = [...(this.#waiting.get(neighbour)?.values() ?? [])];
    this.#waiting.delete(neighbour);
    this.#drop(({ from }) => from === neighbour);
    for (const { take } of waiting) take(outcome(Result.linkLost));
  }

  /** Takes out what nobody waits for, and tells the neighbours that were asked. */
  #drop(isOver: (waiting: Waiting) => boolean): boolean {
    let found = false;
    this.#waiting.forEach((waiting, to) =>
      waiting.forEach((one, sequence) => {
        if (!isOver(one)) return;
        found = waiting.delete(sequence);
        if (one.standing) to.send({ op: carryOperation, id: sequence });
      }),
    );
    return found;
  }

  /** Tells whoever has waited too long. @returns when, on the monotonic clock, the next will have */
  tick(): number {
    const nowMs = this.clock.monotonicMs();
    const expired: Waiting[] = [];
    let nextMs = Infinity;
    this.#waiting.forEach((waiting, to) =>
      waiting.forEach((one, sequence) => {
        if (one.deadlineMs > nowMs) nextMs = Math.min(nextMs, one.deadlineMs);
        else if (waiting.delete(sequence)) {
          expired.push(one);
          if (one.standing) to.send({ op: carryOperation, id: sequence });
        }
      }),
    );
    for (const { take } of expired) take(outcome(Result.timeout));
    return nextMs;
  }
}
