/** Whether an answer fits what was asked: a unit on the way, or at its end, cannot pass off one series for another, nor a value that its variable cannot have. */
import { QueryFunction, type SeriesKey } from "../model/instance";
import { checkValue, type Registry } from "../model/registry";
import { Result } from "../model/result";
import { Operation, type Item, type NotifyMessage, type Request } from "../wire/session-body";

/** An answer with another result than `done` brings no instances. */
export function fits(request: Request, { result, items }: Pick<NotifyMessage, "result" | "items">, registry: Registry): boolean {
  if (result !== Result.done) return items.length === 0;
  switch (request.op) {
    case Operation.write:
      return items.length <= request.items.length && items.every((item, i) => isOf(item, request.items[i]!) && hasValue(item, registry));
    case Operation.query:
      return items.length === 1 && isOf(items[0]!, request.selector) && (isCalculated(request.function) ? isNumber(items[0]!) : hasValue(items[0]!, registry));
    case Operation.unsubscribe:
      return items.length === 0;
    default:
      return items.length <= 1 && items.every((item) => isOf(item, request.selector) && hasValue(item, registry));
  }
}

/** A count is no value of the variable, an average may lie between two of its steps, and a deviation outside of its range. */
function isCalculated(code: number): boolean {
  return code === QueryFunction.count || code === QueryFunction.average || code === QueryFunction.deviation;
}

function isNumber({ value }: Item): boolean {
  return typeof value === "number" && value === value;
}

function isOf(item: SeriesKey, { variable, device, owner }: SeriesKey): boolean {
  return item.variable === variable && item.device === device && item.owner === owner;
}

/** Where this unit does not know the variable, the home's word has to do. */
function hasValue({ variable: id, value }: Item, registry: Registry): boolean {
  const variable = registry.byId(id);
  return !variable || checkValue(variable, value) === Result.done;
}
