/** What a unit counts. Every message that is refused shows here, under the reason. */
import { resultName, type ResultCode, type ResultName } from "./model/result";
import type { LogPort } from "./ports";
import type { Notify } from "./requests/subscriptions";
import type { Refusal } from "./security/session";

export interface Counters {
  /** Messages that came in. */
  received: number;
  /** Messages refused without an answer, by reason. `unknownKey`: no session has the kid; `foreignLink`: the session is open over another link; `failed`: this unit could not take it. */
  refused: Record<Refusal | "unknownKey" | "foreignLink", number>;
  /** Requests of peers and of local services, by the result of their outcome. */
  results: Partial<Record<ResultName, number>>;
  /** Instances that were kept. */
  instancesKept: number;
  /** Notifications that no link could take. */
  notificationsLost: number;
}

export function newCounters(): Counters {
  return {
    received: 0,
    refused: { malformed: 0, unknownKey: 0, notAuthentic: 0, replayed: 0, notOpen: 0, foreignSource: 0, foreignLink: 0, failed: 0 },
    results: {},
    instancesKept: 0,
    notificationsLost: 0,
  };
}

/** Counts a message that is refused. Whoever sends much must not fill the log: the first is written, and then every hundredth. */
export function refused({ refused: counts }: Counters, refusal: keyof Counters["refused"], what: string, detail: string, log: LogPort): false {
  const count = ++counts[refusal];
  if (count % 100 === 1) log("warning", `${what} refused, ${refusal} (number ${count}): ${detail}`);
  return false;
}

/** Counts the outcome of a request. */
export function count({ results }: Counters, result: ResultCode): void {
  const name = resultName(result);
  results[name] = (results[name] ?? 0) + 1;
}

/** Counts the outcome of a request when it comes; the occurrences of a subscription that follow are not outcomes. */
export function counted(counters: Counters, notify: Notify): Notify {
  let isCounted = false;
  return (notification) => {
    if (!isCounted) count(counters, notification.result);
    isCounted = true;
    notify(notification);
  };
}
