/** Bodies of session messages to CBOR. */
import { EbalanceError } from "../model/errors";
import type { Condition, SeriesKey } from "../model/instance";
import type { Value } from "../model/registry";
import * as cbor from "./cbor";
import { writePolicy } from "./policy-codec";
import { maxItems, Operation, type Item, type SessionBody, type Source, type WriteContext } from "./session-body";

/** Writes a body with the CBOR writer. */
export function writeBody(body: SessionBody, context: WriteContext): void {
  const { op, timeMs } = body;
  const withId = op === Operation.unsubscribe || op === Operation.notify;
  const items = op === Operation.write || op === Operation.notify ? body.items : [];
  const source = "source" in body ? body.source : undefined;
  const hops = "hops" in body ? body.hops : undefined;
  const at = "at" in body ? body.at : undefined;
  const entries = 2 + (timeMs === undefined ? 0 : 1) + (source ? 1 : 0) + (items.length ? 1 : 0) + (withId ? 1 : 0) + (hops ? 1 : 0) + (at === undefined ? 0 : 1) + ownEntries(body);
  cbor.writeHead(cbor.Major.map, entries);
  writeEntry(1, op);
  if (source) writeSource(source, context);
  writeEntry(3, body.sequence);
  if (timeMs !== undefined) writeEntry(4, timeMs / 1000);
  if (items.length) writeItems(items, timeMs, context, maxItems);
  if (op === Operation.query || op === Operation.event || op === Operation.periodic) writeSelector(body.selector, context);
  if (op === Operation.query || op === Operation.event) writeCondition(body.condition);
  if (withId) writeEntry(9, body.id);
  if (op === Operation.query) writeEntry(10, body.function);
  if (op === Operation.notify && body.result) writeEntry(11, body.result);
  if (op === Operation.notify && body.retryAfterMs) writeEntry(12, body.retryAfterMs);
  if (op === Operation.periodic) writeEntry(15, body.periodMs);
  if (hops) writeEntry(16, hops);
  if (op === Operation.announce) writeUnits(body.units, context);
  if (at !== undefined) writeEntry(18, context.nameIndex(at));
}

/** How many entries of the map only this operation has. */
function ownEntries(body: SessionBody): number {
  switch (body.op) {
    case Operation.query:
      return 3;
    case Operation.event:
    case Operation.periodic:
      return 2;
    case Operation.announce:
      return 1;
    case Operation.notify:
      return (body.result ? 1 : 0) + (body.retryAfterMs ? 1 : 0);
    default:
      return 0;
  }
}

function writeUnits(units: readonly number[], context: WriteContext): void {
  cbor.writeInteger(17);
  cbor.writeHead(cbor.Major.array, units.length);
  for (const unit of units) cbor.writeInteger(context.nameIndex(unit));
}

export function writeEntry(key: number, value: number): void {
  cbor.writeInteger(key);
  cbor.writeInteger(value);
}

export function writeSource(source: Source, context: WriteContext): void {
  cbor.writeInteger(2);
  cbor.writeHead(cbor.Major.array, 3);
  cbor.writeInteger(context.nameIndex(source.device));
  cbor.writeInteger(context.nameIndex(source.service));
  cbor.writeInteger(context.nameIndex(source.stakeholder));
}

export function writeSelector(selector: SeriesKey, context: WriteContext): void {
  cbor.writeInteger(6);
  cbor.writeHead(cbor.Major.array, 3);
  cbor.writeInteger(selector.variable);
  cbor.writeInteger(context.nameIndex(selector.device));
  cbor.writeInteger(context.nameIndex(selector.owner));
}

export function writeCondition(condition: Condition): void {
  cbor.writeInteger(7);
  cbor.writeHead(cbor.Major.array, condition.length);
  for (const term of condition) {
    cbor.writeHead(cbor.Major.array, 3);
    cbor.writeInteger(term.field);
    cbor.writeInteger(term.comparison);
    writeNumber(term.operand);
  }
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value)) cbor.writeInteger(value + 0);
  else cbor.writeFloat(value);
}

export function writeItems(items: readonly Item[], timeMs: number | undefined, context: WriteContext, most: number): void {
  if (items.length > most) throw new EbalanceError("too-large", "caller", `${items.length} items, at most ${most} in a message`);
  cbor.writeInteger(5);
  cbor.writeHead(cbor.Major.array, items.length);
  for (const item of items) {
    cbor.writeHead(cbor.Major.array, 6);
    cbor.writeInteger(item.variable);
    writeValue(item.value, context.registry.byId(item.variable)?.type === "float");
    cbor.writeInteger(timeMs === undefined ? 0 : Math.round(item.timeMs - timeMs));
    cbor.writeInteger(context.nameIndex(item.device));
    cbor.writeInteger(context.nameIndex(item.owner));
    if (item.policy === undefined) cbor.writeNull();
    else if (item.policy instanceof Uint8Array) cbor.writeBytes(item.policy);
    else writePolicy(item.policy, (id) => context.nameIndex(id));
  }
}

export function writeValue(value: Value, asFloat: boolean): void {
  if (typeof value === "number") {
    if (asFloat) cbor.writeFloat(value);
    else writeNumber(value);
  } else if (typeof value === "string") cbor.writeText(value);
  else if (typeof value === "boolean") cbor.writeBoolean(value);
  else cbor.writeBytes(value);
}
