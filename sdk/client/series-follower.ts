/**
 * Follows series of a device in their home unit: an event subscription for each, made again whenever it is lost, and a query for what was written meanwhile. One request
 * is under way at a time, and one instance of each series waits at most: this runs on devices.
 */
import { QueryFunction, type SeriesKey } from "../core/model/instance";
import { toPhysical, type Variable } from "../core/model/registry";
import { Result, resultName } from "../core/model/result";
import { outcome, type Notification } from "../core/requests/request-processor";
import type { Notify } from "../core/requests/subscriptions";
import type { LeafUnit } from "../core/leaf-unit";
import { Operation, type Request, type Source } from "../core/wire/session-body";
import type { ServiceText } from "./data-interface";
import type { DeviceAccess, Following, ProgramPorts, Written } from "./device-access";
import type { TimerHandle } from "./driver";

const firstRetryMs = 1000;
const lastRetryMs = 60_000;

interface Followed {
  readonly variable: Variable;
  readonly selector: SeriesKey;
  /** Id of the request that subscribed, and whether it was accepted and has not ended. */
  id: number;
  subscribed: boolean;
  /** Whether the home unit was asked for the newest instance since the subscription. */
  caughtUp: boolean;
  /** Waits until all series are caught up, so that all are told in the order in which they are followed. */
  held: Written | undefined;
  /** Time of the newest instance that was told. */
  newestMs: number;
}

/** All that the program of one device follows. */
export class Followers {
  readonly #all = new Set<SeriesFollower>();
  readonly #source: Source;
  #open = false;

  constructor(
    private readonly unit: LeafUnit,
    source: ServiceText,
    private readonly ports: ProgramPorts,
  ) {
    const { names } = unit;
    this.#source = { device: names.id(source.device ?? unit.id), service: names.id(source.service), stakeholder: names.id(source.stakeholder) };
  }

  /** As {@link DeviceAccess.follow}. */
  follow(...[variables, onWritten, onHome = () => {}]: Parameters<DeviceAccess["follow"]>): Following {
    const follower = new SeriesFollower(this.unit, this.#source, this.ports, variables, onWritten, onHome);
    this.#all.add(follower);
    follower.linkChanged(this.#open);
    return {
      close: () => {
        follower.close();
        this.#all.delete(follower);
      },
    };
  }

  /** The way to the home unit is open, anew perhaps, or lost. */
  linkChanged(open: boolean): void {
    this.#open = open;
    this.#all.forEach((follower) => follower.linkChanged(open));
  }

  /** Ends all; to be called before the unit is closed. */
  close(): void {
    this.#all.forEach((follower) => follower.close());
    this.#all.clear();
  }
}

class SeriesFollower {
  readonly #series: readonly Followed[];
  #open = false;
  #asking = false;
  #upToDate = false;
  #retryMs = firstRetryMs;
  #pause: TimerHandle | undefined;
  #closed = false;

  constructor(
    private readonly unit: LeafUnit,
    private readonly source: Source,
    private readonly ports: ProgramPorts,
    variables: readonly string[],
    private readonly onWritten: (written: Written) => void,
    private readonly onHome: (there: boolean) => void,
  ) {
    this.#series = variables.map((name) => {
      const variable = unit.registry.named(name);
      const selector = { variable: variable.id, device: source.device, owner: source.stakeholder };
      return { variable, selector, id: 0, subscribed: false, caughtUp: false, held: undefined, newestMs: 0 };
    });
  }

  linkChanged(open: boolean): void {
    this.#open = open;
    this.#endPause();
    this.#retryMs = firstRetryMs;
    for (const one of this.#series) this.#lose(one);
    this.#goOn();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endPause();
    for (const { id, subscribed } of this.#series) if (subscribed) this.#ask({ op: Operation.unsubscribe, source: this.source, id }, () => {});
  }

  /** Where too many requests wait already, it is tried again like one that the home unit has no room for. */
  #ask(request: Request, notify: Notify): number {
    try {
      return this.unit.request(request, notify);
    } catch {
      notify(outcome(Result.busy));
      return 0;
    }
  }

  /** Makes the next request that is missing; when none is, tells what was held. */
  #goOn(): void {
    if (!this.#open || this.#closed || this.#asking || this.#pause !== undefined || this.#upToDate) return;
    for (const one of this.#series) if (!one.subscribed) return this.#subscribe(one);
    for (const one of this.#series) if (!one.caughtUp) return this.#catchUp(one);
    this.#upToDate = true;
    this.#retryMs = firstRetryMs;
    this.#tellHeld();
    this.#guarded(() => this.onHome(true));
  }

  #subscribe(one: Followed): void {
    this.#asking = true;
    one.id = this.#ask({ op: Operation.event, source: this.source, selector: one.selector, condition: [] }, (notification) => {
      if (one.subscribed && notification.result === Result.done) return this.#occurred(one, notification);
      if (!one.subscribed) this.#asking = false;
      one.subscribed = notification.result === Result.done;
      if (!one.subscribed) this.#failed(one, notification);
      this.#goOn();
    });
  }

  /** An occurrence is new, whatever the clocks say. */
  #occurred(one: Followed, { instances }: Notification): void {
    const written = this.#written(one, instances, true);
    if (!written || this.#closed) return;
    if (this.#upToDate) this.#tell(one, written);
    else one.held = written;
  }

  #catchUp(one: Followed): void {
    this.#asking = true;
    this.#ask({ op: Operation.query, source: this.source, selector: one.selector, condition: [], function: QueryFunction.last }, (notification) => {
      this.#asking = false;
      const { result, instances } = notification;
      one.caughtUp = result === Result.done || result === Result.noData;
      if (!one.caughtUp) this.#failed(one, notification);
      const written = this.#written(one, instances, false);
      if (written && written.timeMs > one.newestMs) one.held ??= written;
      this.#goOn();
    });
  }

  #written({ variable }: Followed, instances: Notification["instances"], live: boolean): Written | undefined {
    const item = instances[0];
    if (!item) return undefined;
    const { clock } = this.ports;
    const ageMs = live || !clock.isSet() ? 0 : Math.max(0, clock.wallMs() - item.timeMs);
    return { variable: variable.name, value: toPhysical(variable, item.value), timeMs: item.timeMs, ageMs };
  }

  #tellHeld(): void {
    for (const one of this.#series) {
      const { held } = one;
      one.held = undefined;
      if (held) this.#tell(one, held);
    }
  }

  #tell(one: Followed, written: Written): void {
    one.newestMs = Math.max(one.newestMs, written.timeMs);
    this.#guarded(() => this.onWritten(written));
  }

  /** What the application does wrong must not disturb the unit. */
  #guarded(tell: () => void): void {
    try {
      if (!this.#closed) tell();
    } catch (error) {
      this.ports.log("error", `follow: ${(error as Error).message}`);
    }
  }

  /** The home unit is not heard of this series: all are caught up again. */
  #lose(one: Followed): void {
    one.subscribed = one.caughtUp = false;
    one.held = undefined;
    if (!this.#upToDate) return;
    this.#upToDate = false;
    this.#guarded(() => this.onHome(false));
  }

  #failed(one: Followed, { result, retryAfterMs }: Notification): void {
    this.#lose(one);
    if (!this.#open || this.#closed || this.#pause !== undefined) return;
    const pauseMs = Math.min(Math.max(this.#retryMs, retryAfterMs), lastRetryMs);
    // A lost link is told by whoever keeps it; the same failure again and again is told once.
    if (result !== Result.linkLost && this.#retryMs === firstRetryMs) this.ports.log("warning", `following ${one.variable.name}: ${resultName(result)}; trying again in ${pauseMs} ms`);
    this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
    this.#pause = this.ports.timers.after(pauseMs, () => {
      this.#pause = undefined;
      this.#goOn();
    });
  }

  #endPause(): void {
    if (this.#pause !== undefined) this.ports.timers.cancel(this.#pause);
    this.#pause = undefined;
  }
}
