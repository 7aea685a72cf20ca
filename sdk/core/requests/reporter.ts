/**
 * The short way of a sensor's readings to their home: a write of one whole number under a policy that the home knows, one at a time. All of it but five numbers is made
 * once, so that a reading takes a microcontroller a tenth of the instructions of a request. It lasts as long as the session does not change.
 */
import { Result, type ResultCode } from "../model/result";
import type { ClockPort, LinkPort } from "../ports";
import type { ReadingSealer } from "../wire/reading-message";

/** How long the home of a reading may take. */
const timeoutMs = 10_000;

/** Whoever sends readings: told the outcome of each. An object and not a function of its own, which would take a device RAM. */
export interface Sender {
  answered(result: ResultCode, retryAfterMs: number): void;
}

/** Told when, on the monotonic clock, there is something to do; of several moments the first counts. */
export interface Schedule {
  dueAt(atMs: number): void;
}

const { floor } = Math;

export class Reporter {
  /** Sequence of the message that is under way; 0 where there is none. */
  sequence = 0;
  /** When its time is over, on the monotonic clock. */
  dueMs = Infinity;
  /** When the neighbour looks after it. */
  #tickMs = -Infinity;

  constructor(
    private readonly link: LinkPort,
    private readonly clock: ClockPort,
    private readonly sealer: ReadingSealer,
    private readonly sender: Sender,
    private readonly schedule: Schedule,
  ) {}

  /**
   * @param variable id of a variable of type `integer`
   * @param value in whole steps
   * @param timeMs whole milliseconds since 1970-01-01 UTC, less than 2^51
   * @returns false where it cannot be sent this way now: then it is a request like any other
   */
  send(variable: number, value: number, timeMs: number): boolean {
    if (this.sequence) return false;
    const { sealer, clock } = this;
    const timeS = floor(clock.wallMs() / 1000);
    // What no message can carry is not from 0 to 2^32 - 1.
    if (timeS >>> 0 !== timeS) return false;
    const message = sealer.seal(timeS, variable, value, timeMs - timeS * 1000);
    if (!message || !this.link.send(message)) return false;
    this.sequence = sealer.sequence;
    const nowMs = clock.monotonicMs();
    this.dueMs = nowMs + timeoutMs;
    if (nowMs > this.#tickMs) this.schedule.dueAt((this.#tickMs = this.dueMs));
    return true;
  }

  /** What is under way has its outcome. */
  done(result: ResultCode, retryAfterMs = 0): void {
    if (!this.sequence) return;
    this.sequence = 0;
    this.dueMs = Infinity;
    this.sender.answered(result, retryAfterMs);
  }

  tick(nowMs: number): void {
    if (this.dueMs <= nowMs) this.done(Result.timeout);
  }
}
