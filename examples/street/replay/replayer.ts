/** Plays a recorded series in accelerated time. Knows when; not where the points come from nor where they go. */
import type { ClockPort, TimerHandle, TimerPort } from "ebalance";
import type { Point } from "./series";

export interface ReplayerOptions {
  readonly clock: ClockPort;
  readonly timers: TimerPort;
  /** Recorded milliseconds in a millisecond. */
  readonly speed: number;
  /** @param timeMs wall-clock time of the replay, never in the future */
  readonly onPoint: (value: number, timeMs: number) => void;
  /** Told once: the series is at its end, could not be read further (`error`), or `onPoint` has thrown. Not told after `close`. */
  readonly onEnd: (error?: unknown) => void;
}

const longestMs = 0x7fffffff;

/**
 * Every point is due at start + (recorded - first) / speed, whatever happened to those before it: gaps keep their length, and what came late delays
 * nothing that follows.
 */
export class Replayer {
  readonly #points: AsyncIterator<Point>;
  #timer: TimerHandle | undefined;
  #closed = false;
  #startWallMs = 0;
  #startMs = 0;
  #firstMs: number | undefined;

  constructor(
    points: AsyncIterable<Point>,
    private readonly options: ReplayerOptions,
  ) {
    this.#points = points[Symbol.asyncIterator]();
    this.#next();
  }

  /** No point is told any more; the series is left. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== undefined) this.options.timers.cancel(this.#timer);
    this.#timer = undefined;
    // A series that fails while it is left has nobody any more to be told.
    this.#points.return?.().catch(() => {});
  }

  #next(): void {
    this.#points.next().then(
      (next) => {
        if (this.#closed) return;
        if (next.done) this.#end();
        else this.#wait(next.value);
      },
      (error: unknown) => this.#end(error),
    );
  }

  #wait(point: Point): void {
    const { clock, speed, timers } = this.options;
    if (this.#firstMs === undefined) {
      this.#firstMs = point.timeMs;
      this.#startMs = clock.monotonicMs();
      this.#startWallMs = clock.wallMs();
    }
    const passedMs = (point.timeMs - this.#firstMs) / speed;
    const leftMs = this.#startMs + passedMs - clock.monotonicMs();
    if (leftMs <= 0) return this.#play(point.value, this.#startWallMs + Math.floor(passedMs));
    // A timer may come a little early, or be asked for more than it can hold: then what is left is waited for.
    this.#timer = timers.after(Math.min(Math.ceil(leftMs), longestMs), () => {
      this.#timer = undefined;
      this.#wait(point);
    });
  }

  #play(value: number, timeMs: number): void {
    try {
      this.options.onPoint(value, Math.min(timeMs, this.options.clock.wallMs()));
    } catch (error) {
      this.#end(error);
    }
    if (!this.#closed) this.#next();
  }

  #end(error?: unknown): void {
    if (this.#closed) return;
    this.close();
    this.options.onEnd(error);
  }
}
