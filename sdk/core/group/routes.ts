/**
 * Where requests go (DI-10): here, down or up. Which neighbour leads to a unit further down is learnt from announcements; a unit that nobody announced and that is not
 * enrolled here is looked for above.
 */
import type { SeriesTable } from "../access/series-table";
import type { NameId } from "../model/names";
import { Result, type ResultCode } from "../model/result";
import type { Neighbour } from "../neighbour";
import type { Neighbours } from "./neighbours";
import { maxAnnounced, Operation, type Request, type UnsubscribeRequest } from "../wire/session-body";

/** Where a request goes: a neighbour, this unit itself, or nowhere and why. */
export type Way = Neighbour | typeof here | ResultCode;
export const here = "here";

export class Routes {
  readonly #via = new Map<NameId, Neighbour>();

  /**
   * @param self id of this unit
   * @param above id of the unit above; undefined: this is the top
   * @param capacity most units further down that are known at once
   * @param series says which devices are enrolled here
   */
  constructor(
    private readonly self: NameId,
    private readonly above: NameId | undefined,
    private readonly capacity: number,
    private readonly series: SeriesTable,
    private readonly neighbours: Pick<Neighbours, "withId">,
  ) {}

  /** The neighbour above, once there is a session with it. */
  #parent(): Neighbour | undefined {
    return this.above === undefined ? undefined : this.neighbours.withId(this.above);
  }

  /** The way of a request: all of its items go to one unit, since it is carried out whole or not at all. */
  wayOf(request: Exclude<Request, UnsubscribeRequest>, from: Neighbour | undefined): Way {
    if (request.op !== Operation.write) return request.at === undefined ? this.wayToHome(request.selector.device, from) : this.wayToUnit(request.at, from);
    const way = this.wayToHome(request.items[0]!.device, from);
    for (const item of request.items) if (this.wayToHome(item.device, from) !== way) return Result.unsupported;
    return way;
  }

  /**
   * Down where a unit was announced, else here where it is enrolled, else up; never back to where the request came from. The top unit answers for units that nobody
   * announced: absent and denied look alike there.
   */
  wayToHome(device: NameId, from: Neighbour | undefined): Way {
    const below = this.#via.get(device);
    if (!below && (this.above === undefined || this.series.isHomeOf(device))) return here;
    return this.#onward(below ?? this.#parent(), from);
  }

  /** To the unit itself, wherever the series of its devices are at home; one that this unit has never heard of is looked for above. */
  wayToUnit(unit: NameId | undefined, from: Neighbour | undefined): Way {
    if (unit === undefined) return this.wayUp(from);
    return unit === this.self ? here : this.#onward(this.neighbours.withId(unit) ?? this.#via.get(unit) ?? this.#parent(), from);
  }

  wayUp(from: Neighbour | undefined): Way {
    return this.#onward(this.#parent(), from);
  }

  #onward(next: Neighbour | undefined, from: Neighbour | undefined): Way {
    // The session with the unit above is yet to be agreed on.
    if (!next && this.above !== undefined) return Result.linkLost;
    return next && next !== from ? next : Result.unknownLocation;
  }

  /** A neighbour below that keeps series itself: the way to it is known without an announcement. */
  lead(unit: NameId, neighbour: Neighbour): void {
    this.#via.set(unit, neighbour);
  }

  /** Forgets what is reached through a neighbour. */
  forget(neighbour: Neighbour): void {
    this.#via.forEach((via, unit) => via === neighbour && this.#via.delete(unit));
  }

  /**
   * Takes an announcement from below, and passes on what is new. The newest holds: a unit that has moved is announced by its new parent. What the session does not
   * permit is left out. A way stays known while its link is down.
   */
  learn(units: readonly NameId[], from: Neighbour): void {
    if (from.session.isInitiator) return;
    const fresh: NameId[] = [];
    for (const unit of units) {
      const known = this.#via.has(unit);
      if (!from.session.mayBeBelow(unit) || (!known && this.#via.size >= this.capacity)) continue;
      this.#via.set(unit, from);
      if (!known) fresh.push(unit);
    }
    this.announce(fresh);
  }

  /** Tells the unit above of everything that can be reached through this one. */
  announceAll(): void {
    this.announce([...this.series.devices(), ...this.#via.keys()]);
  }

  /** Tells the unit above, where its session is open, of those units that the session permits. */
  announce(units: readonly NameId[]): void {
    const parent = this.#parent();
    if (!parent?.session.isOpen) return;
    const permitted = units.filter((unit) => parent.session.mayBeBelow(unit));
    for (let i = 0; i < permitted.length; i += maxAnnounced) parent.announce(permitted.slice(i, i + maxAnnounced));
  }
}
