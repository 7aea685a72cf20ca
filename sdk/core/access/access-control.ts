/**
 * Data access control (CP-3): the one gate through which every value leaves a unit and every write enters. It decides from the policy of the
 * instance, the requester and the time of the requester's last access; it knows nothing of messages or stores.
 */
import { granteeId, type GranteeId, type NameId } from "../model/names";
import { grantedDelayS, type Policy, type RightCode } from "../model/policy";
import { Result, type ResultCode } from "../model/result";
import type { ClockPort } from "../ports";
import type { Source } from "../wire/session-body";
import type { Series } from "./series-table";

/** A decision is taken with every reading of a device, whose engine reads a constant of the module faster than a property. */
const { done, denied, tooEarly } = Result;

/** Who asks, as access control sees it. */
export interface Requester {
  readonly stakeholder: NameId;
  readonly grantee: GranteeId;
}

export function requesterOf(source: Source): Requester {
  return { stakeholder: source.stakeholder, grantee: granteeId(source.stakeholder, source.service) };
}

/** The last access of one grantee to one series with one right. */
export interface LastAccess {
  atMs: number;
  /** The delay that held at the access: when it has passed, this record may be let go. */
  heldS: number;
  /** The policy that was asked last, and the delay that it sets: who asks again under it is not looked for in it again. */
  policy: Policy | undefined;
  delayS: number;
}

export class AccessControl {
  #states = 0;
  readonly #bootMs: number;
  #leftMs = 0;

  /**
   * @param clock only the monotonic one: setting the wall clock must not shorten a delay
   * @param capacity most records of last accesses; when all are in use, accesses with a delay are refused with `busy`
   */
  constructor(
    private readonly clock: Pick<ClockPort, "monotonicMs">,
    private readonly capacity: number,
    private readonly table: { all(): readonly Series[] },
  ) {
    // A restart must not give anybody a second access within the delay: the boot counts as everybody's last access.
    this.#bootMs = clock.monotonicMs();
  }

  /** After a decision `tooEarly`: milliseconds until the delay has passed. */
  get retryAfterMs(): number {
    return Math.ceil(this.#leftMs);
  }

  /** Whether `requester` may use `right` on an instance with this policy now. The owner always may. */
  decide(series: Series, policy: Policy, right: RightCode, requester: Requester): ResultCode {
    if (requester.stakeholder === series.owner) return done;
    const last = series.lastAccess?.get(requester.grantee * 4 + right);
    // In one piece for whoever asks again under the same policy, as a subscriber does with every reading of a device.
    if (last === undefined || last.policy !== policy) return this.#decideAnew(series, policy, right, requester, last);
    const leftMs = last.atMs + last.delayS * 1000 - this.clock.monotonicMs();
    if (leftMs <= 0) return done;
    this.#leftMs = leftMs;
    return tooEarly;
  }

  #decideAnew(series: Series, policy: Policy, right: RightCode, requester: Requester, last: LastAccess | undefined): ResultCode {
    const delayS = grantedDelayS(policy, right, requester.grantee);
    if (delayS < 0) return denied;
    if (last) {
      last.policy = policy;
      last.delayS = delayS;
    }
    return this.decideDelay(series, right, requester, delayS);
  }

  /** The delay that a policy sets, -1 where it does not grant the right. The owner has none. */
  delayS(series: Series, policy: Policy, right: RightCode, requester: Requester): number {
    return requester.stakeholder === series.owner ? 0 : grantedDelayS(policy, right, requester.grantee);
  }

  /** As {@link decide}, where the right is granted with a delay that is known. */
  decideDelay(series: Series, right: RightCode, requester: Requester, delayS: number): ResultCode {
    if (delayS === 0 || requester.stakeholder === series.owner) return done;
    const last = series.lastAccess?.get(requester.grantee * 4 + right);
    const leftMs = (last ? last.atMs : this.#bootMs) + delayS * 1000 - this.clock.monotonicMs();
    this.#leftMs = leftMs;
    if (leftMs > 0) return tooEarly;
    return last || this.#states < this.capacity || this.#letGo() ? done : Result.busy;
  }

  /** Notes an access that was decided with `done` under the given delay. */
  record(series: Series, right: RightCode, requester: Requester, delayS: number): void {
    if (delayS <= 0 || requester.stakeholder === series.owner) return;
    const states = (series.lastAccess ??= new Map());
    const key = requester.grantee * 4 + right;
    const atMs = this.clock.monotonicMs();
    const last = states.get(key);
    if (last) {
      last.atMs = atMs;
      last.heldS = delayS;
    } else {
      states.set(key, { atMs, heldS: delayS, policy: undefined, delayS: 0 });
      this.#states++;
    }
  }

  /** Lets go of the records whose delay has passed. */
  #letGo(): boolean {
    const nowMs = this.clock.monotonicMs();
    for (const series of this.table.all()) {
      series.lastAccess?.forEach((last, key, states) => {
        // A policy may have got a longer delay since: what the longest needs is kept.
        if (last.atMs + Math.max(last.heldS, series.longestDelayS) * 1000 > nowMs) return;
        states.delete(key);
        this.#states--;
      });
    }
    return this.#states < this.capacity;
  }
}
