/** The units one session away, by the number of the session's key and by their id, and when the first of them has something to do. */
import type { NameId } from "../model/names";
import type { Neighbour } from "../neighbour";

export class Neighbours {
  readonly #byKid = new Map<number, Neighbour>();
  /** When the first of them has something to do, on the monotonic clock: with a thousand of them, not all are asked at each tick. */
  dueMs = Infinity;

  /** @param onDue told when that is sooner than it was */
  constructor(private readonly onDue: () => void) {}

  add(neighbour: Neighbour): void {
    this.#byKid.set(neighbour.session.kid, neighbour);
  }

  withKid(kid: number): Neighbour | undefined {
    return this.#byKid.get(kid);
  }

  withId(unit: NameId | undefined): Neighbour | undefined {
    let found: Neighbour | undefined;
    this.#byKid.forEach((neighbour) => {
      if (neighbour.session.peer === unit) found = neighbour;
    });
    return found;
  }

  remove(neighbour: Neighbour): void {
    this.#byKid.delete(neighbour.session.kid);
  }

  forEach(visit: (neighbour: Neighbour) => void): void {
    this.#byKid.forEach(visit);
  }

  clear(): void {
    this.#byKid.clear();
  }

  /** One of them has something to do at that time; of several moments the first counts. */
  dueAt(atMs: number): void {
    if (atMs >= this.dueMs) return;
    this.dueMs = atMs;
    this.onDue();
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    if (this.dueMs > nowMs) return;
    this.dueMs = Infinity;
    this.#byKid.forEach((neighbour) => {
      const dueMs = neighbour.tick();
      if (dueMs < this.dueMs) this.dueMs = dueMs;
    });
  }
}
