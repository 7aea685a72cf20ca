/** A request that a unit has decided, in words and physical units: who asked for what, and what came of it (SP-8 in a first form). */
import { QueryFunction, type QueryFunctionName, type SeriesKey } from "../core/model/instance";
import { toPhysical, type Value } from "../core/model/registry";
import { Result, resultName, type ResultName } from "../core/model/result";
import type { Notification } from "../core/requests/request-processor";
import type { ManagementUnit } from "../core/unit";
import { Operation, type Item, type Request } from "../core/wire/session-body";

export type RequestName = "write" | "query" | "event" | "periodic" | "unsubscribe";

/** An instance that was written or read. */
export interface DecidedInstance {
  readonly variable: string;
  readonly device: string;
  /** In `unitOfMeasure`; for the function `count` the number of instances. */
  readonly value: Value;
  readonly unitOfMeasure: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
}

export interface Decision {
  readonly by: { readonly device: string; readonly service: string; readonly stakeholder: string };
  readonly operation: RequestName;
  /** The series that is meant; for a write of several instances that of the first; none for unsubscribe. */
  readonly series?: { readonly variable: string; readonly device: string; readonly owner: string };
  /** Of a query. */
  readonly function?: QueryFunctionName;
  readonly result: ResultName;
  /** With `tooEarly`: milliseconds until the minimum delay has passed; otherwise 0. */
  readonly retryAfterMs: number;
  /** What was written or read; empty unless the result is `done`. */
  readonly instances: readonly DecidedInstance[];
}

const operations = Object.freeze(Object.keys(Operation) as (keyof typeof Operation)[]);
const functions = Object.freeze(Object.keys(QueryFunction) as QueryFunctionName[]);

/** What `UnitConfig.onDecision` is told, in words. */
export function decisionOf(unit: ManagementUnit, request: Request, notification: Notification): Decision {
  const { names, registry } = unit;
  const { device, service, stakeholder } = request.source;
  const key = seriesOf(request);
  const counted = request.op === Operation.query && request.function === QueryFunction.count;
  const instanceOf = ({ variable: id, device: of, value, timeMs }: Item): DecidedInstance => {
    const variable = registry.byId(id);
    const physical = variable && !counted ? toPhysical(variable, value) : value;
    return { variable: variable?.name ?? String(id), device: names.text(of), value: physical, unitOfMeasure: counted ? "" : (variable?.unit ?? ""), timeMs };
  };
  return {
    by: { device: names.text(device), service: names.text(service), stakeholder: names.text(stakeholder) },
    operation: operations.find((name) => Operation[name] === request.op) as RequestName,
    ...(key ? { series: { variable: registry.byId(key.variable)?.name ?? String(key.variable), device: names.text(key.device), owner: names.text(key.owner) } } : {}),
    ...(request.op === Operation.query ? { function: functions.find((name) => QueryFunction[name] === request.function)! } : {}),
    result: resultName(notification.result),
    retryAfterMs: notification.retryAfterMs,
    instances: instancesOf(request, notification).map(instanceOf),
  };
}

/** Whoever names a policy by its hash is told no more than that it was done: then what was written is what was asked. */
function instancesOf(request: Request, { result, instances }: Notification): readonly Item[] {
  return request.op === Operation.write && result === Result.done && instances.length === 0 ? request.items : instances;
}

function seriesOf(request: Request): SeriesKey | undefined {
  if (request.op === Operation.unsubscribe) return undefined;
  return request.op === Operation.write ? request.items[0] : request.selector;
}
