/** What a unit counts. Every message that is refused shows here, under the reason. */
import type { ResultName } from "./model/result";
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
