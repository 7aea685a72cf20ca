/** State records in memory, for tests: what a restart leaves of a unit. */
import type { StateName, StatePort } from "../core/ports";
import { checkState } from "./state-name";

/**
 * @example
 * const state = new MemoryState();
 * state.keep("revocations", list);
 * const afterRestart = new MemoryState(state.records);
 */
export class MemoryState implements StatePort {
  /** Asked at each record that is to be kept whether that fails. */
  fails: (name: StateName) => boolean = () => false;
  /** Records that cannot be read. */
  readonly damaged = new Set<StateName>();

  /** @param records those that are there; this state keeps its own among them */
  constructor(readonly records = new Map<StateName, Uint8Array>()) {}

  load(name: StateName): Uint8Array | "damaged" | undefined {
    return this.damaged.has(name) ? "damaged" : this.records.get(name)?.slice();
  }

  keep(name: StateName, bytes: Uint8Array): boolean {
    checkState(name, bytes);
    if (this.fails(name)) return false;
    this.damaged.delete(name);
    if (bytes.length) this.records.set(name, bytes.slice());
    else this.records.delete(name);
    return true;
  }
}
