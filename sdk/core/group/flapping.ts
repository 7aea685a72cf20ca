/** Notices a neighbour whose session is opened again and again: two devices with one identity, or a link that comes and goes. */
import type { LinkPort } from "../ports";

/** So many openings within {@link windowMs} are too many for one device. */
const tooMany = 4;
const windowMs = 60_000;
/** How long a session that is served is then left alone. */
const holdMs = 30_000;

export class Flapping {
  readonly #openedMs: number[] = [];
  #heldUntilMs = -Infinity;
  /** The link over which the last opening was counted. */
  #countedLink: LinkPort | undefined;

  /** Notes that the session is open, on the monotonic clock; once a link. @returns whether it is one too many */
  noteOpening(link: LinkPort | undefined, nowMs: number): boolean {
    if (link === this.#countedLink) return false;
    this.#countedLink = link;
    if (this.#openedMs.push(nowMs) > tooMany) this.#openedMs.shift();
    const flapping = this.#openedMs.length === tooMany && nowMs - this.#openedMs[0]! < windowMs;
    if (flapping) this.#heldUntilMs = nowMs + holdMs;
    return flapping;
  }

  /** Whether the link that is there now keeps its place, whoever else opens the session: one of two is served, instead of neither. */
  isHeld(nowMs: number): boolean {
    return nowMs < this.#heldUntilMs;
  }
}
