/** Bodies of session messages from CBOR: strict, so that a body has one encoding. */
import { malformed } from "../model/errors";
import { maxTerms, type ComparisonCode, type Condition, type FieldCode, type SeriesKey, type Term } from "../model/instance";
import type { NameId } from "../model/names";
import { maxInt31, type Policy } from "../model/policy";
import type { Value } from "../model/registry";
import { lastResultCode, Result, type ResultCode } from "../model/result";
import * as cbor from "./cbor";
import { policyHashBytes, readPolicy } from "./policy-codec";
import { maxAnnounced, maxHops, maxItems, maxPeriodMs, maxSequence, maxTimeS, Operation, type Item, type ReadContext, type SessionBody, type Source } from "./session-body";
import type { Envelope } from "./session-message";

/** Longest text or byte value that is read at all; the registry sets the bound of each variable. */
const maxValueBytes = 256;

/** What one pass over the map of a body finds. */
export interface Fields {
  op: number;
  source?: Source;
  sequence: number;
  timeMs: number | undefined;
  items?: Item[];
  selector?: SeriesKey;
  condition?: Condition;
  id?: number;
  function?: number;
  result?: number;
  retryAfterMs?: number;
  periodMs?: number;
  hops?: number;
  units?: NameId[];
  at?: NameId;
}

/** Keys that each operation must have (bit 2^key), and those it may have besides. */
export const bit = (...keys: number[]) => keys.reduce((bits, key) => bits | (1 << key), 0);
const shapes: Readonly<Record<number, readonly [must: number, may: number]>> = Object.freeze({
  [Operation.write]: [bit(1, 2, 3, 5), bit(4, 16)],
  [Operation.query]: [bit(1, 2, 3, 6, 7, 10), bit(4, 16, 18)],
  [Operation.event]: [bit(1, 2, 3, 6, 7), bit(4, 16, 18)],
  [Operation.periodic]: [bit(1, 2, 3, 6, 15), bit(4, 16, 18)],
  [Operation.unsubscribe]: [bit(1, 2, 3, 9), bit(4, 16)],
  [Operation.alive]: [bit(1, 3), bit(4)],
  [Operation.notify]: [bit(1, 3, 9), bit(4, 5, 11, 12)],
  [Operation.announce]: [bit(1, 3, 17), bit(4)],
});

const lastKey = 18;

/** The sequence of the last body, for an answer to one that turned out to be malformed; 0 where it was not reached. */
export let sequenceRead = 0;

/** Reads the body that is the payload of an envelope. @throws EbalanceError `malformed` naming what is wrong */
export function readBody({ message, start, end }: Envelope, context: ReadContext): SessionBody {
  cbor.startReading(message, start, end);
  const fields: Fields = { op: 0, sequence: 0, timeMs: undefined };
  sequenceRead = 0;
  const length = cbor.readLength(cbor.Major.map, 12);
  let keys = 0;
  for (let i = 0; i < length; i++) {
    const key = cbor.readUint(lastKey);
    if (keys >> key !== 0) malformed(`key ${key} is not above the one before it`);
    keys |= 1 << key;
    readField(key, fields, context);
  }
  cbor.readEnd();
  const shape = shapes[fields.op];
  if (!shape) malformed(`operation ${fields.op} is unknown`);
  if ((keys & shape[0]) !== shape[0] || (keys & ~(shape[0] | shape[1])) !== 0) malformed(`operation ${fields.op} has the wrong fields`);
  return asBody(fields);
}

function asBody(fields: Fields): SessionBody {
  if (fields.op !== Operation.notify) return fields as unknown as SessionBody;
  const { sequence, timeMs, id, result, items, retryAfterMs } = fields;
  return { op: 7, sequence, timeMs, id: id!, result: (result ?? Result.done) as ResultCode, items: items ?? [], retryAfterMs: retryAfterMs ?? 0 };
}

export function readField(key: number, fields: Fields, context: ReadContext): void {
  switch (key) {
    case 1:
      fields.op = cbor.readUint(Operation.announce);
      break;
    case 2:
      fields.source = readSource(context);
      break;
    case 3:
      fields.sequence = sequenceRead = readId();
      break;
    case 4:
      fields.timeMs = cbor.readUint(maxTimeS) * 1000;
      break;
    case 5:
      fields.items = readItems(fields.timeMs, fields.op !== Operation.notify, context, maxItems);
      break;
    case 6:
      fields.selector = readSelector(context);
      break;
    case 7:
      fields.condition = readCondition();
      break;
    case 9:
      fields.id = readId();
      break;
    case 10:
      fields.function = readCode(6);
      break;
    case 11:
      fields.result = readCode(lastResultCode);
      if (fields.result === Result.timeout) malformed("a result that only the requester's own unit can give");
      break;
    case 12:
      fields.retryAfterMs = readCode(Number.MAX_SAFE_INTEGER);
      break;
    case 15:
      fields.periodMs = readCode(maxPeriodMs);
      break;
    case 16:
      fields.hops = readCode(maxHops);
      break;
    case 17:
      fields.units = readUnits(context);
      break;
    case 18:
      fields.at = readName(context);
      break;
    default:
      malformed(`key ${key} is unknown`);
  }
}

export function readId(): number {
  const id = cbor.readUint(maxSequence);
  return id > 0 ? id : malformed("sequence or id 0");
}

export function readCode(last: number): number {
  const code = cbor.readUint(last);
  return code > 0 ? code : malformed("code 0");
}

function readSource(context: ReadContext): Source {
  if (cbor.readLength(cbor.Major.array, 3) !== 3) malformed("source is not [device, service, stakeholder]");
  return { device: readName(context), service: readName(context), stakeholder: readName(context) };
}

export function readName(context: ReadContext): NameId {
  return context.nameId(cbor.readUint(maxInt31));
}

export function readSelector(context: ReadContext): SeriesKey {
  if (cbor.readLength(cbor.Major.array, 3) !== 3) malformed("selector is not [variable, device, owner]");
  return { variable: cbor.readUint(0xffff), device: readName(context), owner: readName(context) };
}

function readUnits(context: ReadContext): NameId[] {
  const length = cbor.readLength(cbor.Major.array, maxAnnounced);
  if (length === 0) malformed("no units");
  const units: NameId[] = [];
  for (let i = 0; i < length; i++) units.push(readName(context));
  return units;
}

function readCondition(): Condition {
  const length = cbor.readLength(cbor.Major.array, maxTerms);
  const terms: Term[] = [];
  for (let i = 0; i < length; i++) {
    if (cbor.readLength(cbor.Major.array, 3) !== 3) malformed("term is not [field, comparison, operand]");
    terms.push({ field: readCode(2) as FieldCode, comparison: readCode(5) as ComparisonCode, operand: readNumber() });
  }
  return terms;
}

/** A number that is a float only where it has a fraction. */
function readNumber(): number {
  if (!cbor.nextIsFloat()) return cbor.readInteger();
  const value = cbor.readFloat();
  return Number.isSafeInteger(value) || value !== value ? malformed(`operand ${value} as a float`) : value;
}

export function readItems(timeMs: number | undefined, typed: boolean, context: ReadContext, most: number): Item[] {
  const length = cbor.readLength(cbor.Major.array, most);
  if (length === 0) malformed("no items");
  const items: Item[] = [];
  for (let i = 0; i < length; i++) {
    if (cbor.readLength(cbor.Major.array, 6) !== 6) malformed("item is not [variable, value, time offset, device, owner, policy]");
    const variable = cbor.readUint(0xffff);
    const value = readValue(typed ? context.registry.byId(variable)?.type : undefined);
    const itemTimeMs = (timeMs ?? 0) + cbor.readInteger();
    items.push({ variable, value, timeMs: itemTimeMs, device: readName(context), owner: readName(context), policy: readItemPolicy(context) });
  }
  return items;
}

/** Integers for floats and floats for integers come out as NaN, which no variable accepts: one encoding a value. */
export function readValue(type: string | undefined): Value {
  switch (cbor.peekMajor()) {
    case cbor.Major.uint:
    case cbor.Major.negative: {
      const value = cbor.readInteger();
      return type === "float" ? NaN : value;
    }
    case cbor.Major.text:
      return cbor.readText(maxValueBytes);
    case cbor.Major.bytes:
      return cbor.readBytesCopy(maxValueBytes);
    default: {
      if (!cbor.nextIsFloat()) return cbor.readBoolean();
      const value = cbor.readFloat();
      return type === "integer" ? NaN : value;
    }
  }
}

export function readItemPolicy(context: ReadContext): Policy | Uint8Array | undefined {
  if (cbor.readNull()) return undefined;
  if (cbor.peekMajor() !== cbor.Major.bytes) return readPolicy((index) => context.nameId(index));
  const hash = cbor.readBytesCopy(policyHashBytes);
  return hash.length === policyHashBytes ? hash : malformed(`policy hash of ${hash.length} bytes, not ${policyHashBytes}`);
}
