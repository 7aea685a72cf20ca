/**
 * Group commit: many records share one wait for the disk. It decides when to commit and tells those who wait for it; it knows nothing of what is
 * committed or how.
 */
import type { LogPort, TimerPort } from "ebalance";
import type { Durability } from "./durability";

/** Records in one commit; with more, the commit does not wait for its time. */
const maxRecords = 512;
/** Time between two commits. A record that comes after a quiet time does not wait for it. */
const commitEveryMs = 5;
/** Who waits for one commit. Beyond that nobody is let wait, for so many come only where the disk takes nothing. */
const maxWaiting = 8192;
/** After a failed commit the next is tried after this time. */
const retryMs = 1000;

/** Timers, and the clock that they run on. */
export interface CommitTimers extends TimerPort {
  monotonicMs(): number;
}

export class GroupCommit implements Durability {
  /** Records that are not on disk. */
  #records = 0;
  readonly #waiting: ((kept: boolean) => void)[] = [];
  /** Who is to be told, and what. They are never told from inside a call that keeps something: the unit is at work then. */
  readonly #told: { readonly action: (kept: boolean) => void; readonly kept: boolean }[] = [];
  #timer: unknown;
  #lastMs = -Infinity;
  #failing = false;
  #closed = false;

  /** @param commit puts on disk everything that was kept so far; false where it could not: the next commit tries again */
  constructor(
    private readonly commit: () => boolean,
    private readonly timers: CommitTimers,
    private readonly log: LogPort,
  ) {}

  /** One more record waits for a commit. */
  add(): void {
    this.#records++;
    if (this.#records >= maxRecords && !this.#failing) {
      this.#commit();
      this.#tellIn(0);
    } else if (this.#timer === undefined) {
      this.#tellIn(this.#failing ? retryMs : Math.max(0, this.#lastMs + commitEveryMs - this.timers.monotonicMs()));
    }
  }

  afterCommit(action: (kept: boolean) => void): void {
    if (this.#closed || this.#waiting.length >= maxWaiting) action(false);
    else if (this.#records) this.#waiting.push(action);
    else if (this.#told.length) this.#told.push({ action, kept: true });
    else action(true);
  }

  /** Commits now and tells those who wait. */
  flush(): void {
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#timer = undefined;
    if (this.#records) this.#commit();
    this.#tell();
    if (this.#records && this.#timer === undefined) this.#tellIn(retryMs);
  }

  /** Commits a last time; what could not be kept then is given up, and whoever asks from now on is told so. */
  close(): void {
    this.flush();
    this.#closed = true;
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#timer = undefined;
  }

  #commit(): void {
    this.#lastMs = this.timers.monotonicMs();
    const kept = this.commit();
    this.#failing = !kept;
    if (kept) this.#records = 0;
    for (const action of this.#waiting.splice(0)) this.#told.push({ action, kept });
  }

  #tell(): void {
    // Who is told stays in the list until all are, so that whoever comes meanwhile is told after them.
    for (let i = 0; i < this.#told.length; i++) {
      const { action, kept } = this.#told[i]!;
      try {
        action(kept);
      } catch (error) {
        this.log("error", `after a commit: ${(error as Error).message}`);
      }
    }
    this.#told.length = 0;
  }

  #tellIn(ms: number): void {
    if (this.#timer !== undefined) this.timers.cancel(this.#timer);
    this.#timer = this.timers.after(ms, () => {
      this.#timer = undefined;
      this.flush();
    });
  }
}
