/** A subscription that stands: made again after a pause whenever it ends, for whatever reason. For services that run for years. */
import type { Reading } from "./data-interface";
import type { ProgramPorts } from "./device-access";
import type { EventStream } from "./event-stream";

const firstRetryMs = 2000;
const lastRetryMs = 60_000;

export class StandingSubscription {
  #closed = false;
  #stream: EventStream | undefined;
  /** Ends the pause between two subscriptions. */
  #resume: (() => void) | undefined;

  /**
   * @param name what log lines call it
   * @param subscribe makes the subscription
   * @param take told each reading; what it throws is logged, and ends the present subscription
   * @param onAccepted told whenever it was accepted, before the first reading
   * @example
   * new StandingSubscription("meter-1", () => grid.event({ variable: "voltageL1", device: "meter-1", owner: "customer" }), ports, show);
   */
  constructor(
    private readonly name: string,
    private readonly subscribe: () => EventStream,
    private readonly ports: ProgramPorts,
    private readonly take: (reading: Reading) => void,
    private readonly onAccepted: () => Promise<void> | void = () => {},
  ) {
    void this.#stand();
  }

  /** Unsubscribes, and does not subscribe again. */
  close(): void {
    this.#closed = true;
    this.#resume?.();
    void this.#stream?.return();
  }

  async #stand(): Promise<void> {
    for (let retryMs = firstRetryMs; !this.#closed; retryMs = Math.min(2 * retryMs, lastRetryMs)) {
      try {
        this.#stream = this.subscribe();
        const { result } = await this.#stream.accepted;
        if (result === "done") {
          retryMs = firstRetryMs;
          await this.onAccepted();
        }
        for await (const reading of this.#stream) this.take(reading);
      } catch (error) {
        void this.#stream?.return();
        this.ports.log("warning", `${this.name}: ${(error as Error).message}`);
      }
      if (!this.#closed) await this.#pause(retryMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.ports.timers.after(ms, resolve);
      this.#resume = () => {
        this.ports.timers.cancel(timer);
        resolve();
      };
    });
  }
}
