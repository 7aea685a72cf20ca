/** Log lines of connections that have closed, whatever they ran over. */
import type { LogPort } from "ebalance";

/** A stranger who connects often must not fill the log: of connections that never were authentic the first is written, and then every hundredth; of the others each. */
export class Closings {
  #strangers = 0;

  constructor(private readonly log: LogPort) {}

  /** @param name of the connection */
  add(name: string, reason: string, wasAuthentic: boolean): void {
    if (wasAuthentic) return this.log("info", `${name} closed: ${reason}`);
    const count = ++this.#strangers;
    if (count % 100 === 1) this.log("info", `${name}, which sent nothing authentic, closed (number ${count}): ${reason}`);
  }
}
