/** Bodies of statements from CBOR: strict, so that a body has one encoding. */
import { badArgument, malformed } from "../model/errors";
import type { QueryFunctionCode } from "../model/instance";
import type { NameId, NameTexts } from "../model/names";
import { maxInt31, type Policy } from "../model/policy";
import { compareCodePoints } from "../model/utf8";
import * as cbor from "./cbor";
import { readPolicy } from "./policy-codec";
import { bit, readField, readId, readItemPolicy, readItems, readName, type Fields } from "./read-body";
import { maxSequence, maxTimeS, type Item, type ReadContext } from "./session-body";
import {
  digestBytes,
  echoBytes,
  firstOwnName,
  maxStatementItems,
  maxStatementNames,
  StatementKind,
  transcriptBytes,
  type ImpliedNames,
  type LeastEpoch,
  type SeriesDigest,
  type StatementBody,
  type StatementItem,
} from "./statement-body";
import { areColumns, isTime, readTimes, readValues } from "./statement-columns";

/** Keys that each kind must have, and those it may have besides. */
const request = bit(1, 3, 4, 21, 22);
const shapes: Readonly<Record<number, readonly [must: number, may: number]>> = Object.freeze({
  [StatementKind.write]: [request | bit(5), bit(8, 20)],
  [StatementKind.query]: [request | bit(6, 7, 10), bit(8, 18, 20)],
  [StatementKind.event]: [request | bit(6, 7), bit(8, 18, 20)],
  [StatementKind.periodic]: [request | bit(6, 15), bit(8, 18, 20)],
  [StatementKind.unsubscribe]: [request | bit(9), bit(8, 20)],
  [StatementKind.data]: [bit(1, 3, 4), bit(5, 6, 20, 21, 22, 25)],
  [StatementKind.policy]: [bit(1, 3, 6, 28), bit(4, 20, 21, 22)],
  [StatementKind.checkpoint]: [bit(1, 3, 4, 27), bit(20, 21, 22)],
  [StatementKind.revocation]: [bit(1, 3, 26), bit(4, 20, 21, 22)],
  [StatementKind.answer]: [bit(1, 3, 4, 9, 21), bit(5, 20, 22)],
  [StatementKind.open]: [bit(1, 21, 23), bit(4, 20, 22)],
});
const lastKey = 28;
const maxNameBytes = 64;

/** What one pass over the map of a body finds, besides what a session's body has. */
interface StatementFields extends Fields {
  nonce?: Uint8Array;
  scope?: NameId;
  expiresS?: number;
  transcript?: Uint8Array;
  epochs?: LeastEpoch[];
  checkpoint?: { fromS: number; toS: number; series: SeriesDigest[] };
  policy?: Policy;
}

/** The names of a statement as it is read: ids are their indexes on the wire. Its own list comes after most of what refers to it. */
class StatementNames implements ReadContext, NameTexts {
  readonly #texts: (string | undefined)[];
  readonly #used: boolean[] = [];

  constructor(
    readonly registry: ReadContext["registry"],
    implied: ImpliedNames,
  ) {
    this.#texts = [implied[0], implied[1], implied[2]];
  }

  nameId(index: number): NameId {
    if (index >= firstOwnName + maxStatementNames) malformed(`name ${index}`);
    this.#used[index] = true;
    return index;
  }

  text(id: NameId): string {
    return this.#texts[id] ?? badArgument(`no name has id ${id}`);
  }

  readOwn(): void {
    const length = cbor.readLength(cbor.Major.array, maxStatementNames);
    if (length === 0) malformed("an empty list of names");
    for (let i = 0; i < length; i++) {
      const text = cbor.readText(maxNameBytes);
      const previous = this.#texts[firstOwnName + i - 1];
      if (text === "" || (i > 0 && compareCodePoints(previous!, text) >= 0)) malformed("names are not sorted and unique, of 1 to 64 bytes");
      this.#texts.push(text);
    }
  }

  /** Every name has one index, and the statement's own are all used. */
  check(): void {
    for (let i = 0; i < this.#used.length; i++) if (this.#used[i] && this.#texts[i] === undefined) malformed(`name ${i} is not one of the statement's`);
    for (let i = 0; i < this.#texts.length; i++) {
      if (i >= firstOwnName && !this.#used[i]) malformed(`name ${i} is not used`);
      if (this.#used[i] && this.#texts.indexOf(this.#texts[i]) < Math.min(i, firstOwnName)) malformed(`name ${i} has an index before`);
    }
  }
}

/**
 * Reads a body.
 * @param implied the names of its signer
 * @throws EbalanceError `malformed` naming what is wrong
 */
export function readStatementBody(bytes: Uint8Array, start: number, end: number, implied: ImpliedNames, registry: ReadContext["registry"]): StatementBody {
  cbor.startReading(bytes, start, end);
  const fields: StatementFields = { op: 0, sequence: 0, timeMs: undefined };
  const names = new StatementNames(registry, implied);
  const length = cbor.readLength(cbor.Major.map, lastKey);
  let keys = 0;
  for (let i = 0; i < length; i++) {
    const key = cbor.readUint(lastKey);
    if (keys >> key !== 0) malformed(`key ${key} is not above the one before it`);
    keys |= 1 << key;
    readStatementField(key, fields, names);
  }
  cbor.readEnd();
  const shape = shapes[fields.op];
  if (!shape) malformed(`kind ${fields.op} is unknown`);
  if ((keys & shape[0]) !== shape[0] || (keys & ~(shape[0] | shape[1])) !== 0) malformed(`a statement of kind ${fields.op} has the wrong fields`);
  names.check();
  return bodyOf(fields, keys, names);
}

function readStatementField(key: number, fields: StatementFields, names: StatementNames): void {
  switch (key) {
    case 1:
      fields.op = cbor.readUint(StatementKind.answer);
      break;
    case 3:
      fields.sequence = readId();
      break;
    case 5:
      fields.items = readItems(fields.timeMs, fields.op !== StatementKind.answer, names, maxStatementItems);
      break;
    case 8:
      fields.nonce = readBytes(echoBytes);
      break;
    case 20:
      names.readOwn();
      break;
    case 21:
      fields.scope = readName(names);
      break;
    case 22:
      fields.expiresS = cbor.readUint(maxTimeS);
      break;
    case 23:
      fields.transcript = readBytes(transcriptBytes);
      break;
    case 25:
      fields.items = readColumns(fields, names);
      break;
    case 26:
      fields.epochs = readEpochs(names);
      break;
    case 27:
      fields.checkpoint = readCheckpoint(names);
      break;
    case 28:
      fields.policy = readPolicy((index) => names.nameId(index));
      break;
    default:
      if ((bit(4, 6, 7, 9, 10, 15, 18) >> key) & 1) readField(key, fields, names);
      else malformed(`key ${key} is not of a statement`);
  }
}

function readBytes(length: number): Uint8Array {
  const bytes = cbor.readBytesCopy(length);
  return bytes.length === length ? bytes : malformed(`${bytes.length} bytes where ${length} are`);
}

function readColumns({ selector, timeMs }: StatementFields, names: StatementNames): Item[] {
  if (!selector || timeMs === undefined || cbor.readLength(cbor.Major.array, 3) !== 3) return malformed("columns are not [policy, values, times] of a series");
  const policy = readItemPolicy(names);
  const values = readValues(names.registry.byId(selector.variable)?.type);
  const times = readTimes(values.length, timeMs);
  return values.map((value, i) => ({ ...selector, value, timeMs: times[i]!, policy }));
}

function readEpochs(names: StatementNames): LeastEpoch[] {
  const length = cbor.readLength(cbor.Major.array, maxStatementNames);
  if (length === 0) malformed("no epochs");
  const epochs: LeastEpoch[] = [];
  let previous = -1;
  for (let i = 0; i < length; i++) {
    if (cbor.readLength(cbor.Major.array, 2) !== 2) malformed("epoch is not [name, least epoch]");
    const subject = readName(names);
    if (subject <= previous) malformed("epochs are not sorted and unique");
    epochs.push({ subject, leastEpoch: cbor.readUint(maxSequence) });
    previous = subject;
  }
  return epochs;
}

function readCheckpoint(names: StatementNames): { fromS: number; toS: number; series: SeriesDigest[] } {
  if (cbor.readLength(cbor.Major.array, 3) !== 3) malformed("checkpoint is not [from, to, series]");
  const fromS = cbor.readUint(maxTimeS);
  const toS = cbor.readUint(maxTimeS);
  if (fromS >= toS) malformed("checkpoint ends before it begins");
  const length = cbor.readLength(cbor.Major.array, maxStatementItems);
  if (length === 0) malformed("checkpoint of no series");
  const series: SeriesDigest[] = [];
  for (let i = 0; i < length; i++) {
    if (cbor.readLength(cbor.Major.array, 4) !== 4) malformed("series is not [variable, device, count, digest]");
    const variable = cbor.readUint(0xffff);
    const device = readName(names);
    const previous = series[i - 1];
    if (previous && (device - previous.device || variable - previous.variable) <= 0) malformed("series are not sorted and unique");
    series.push({ variable, device, count: cbor.readUint(maxInt31), digest: readBytes(digestBytes) });
  }
  return { fromS, toS, series };
}

/** The body of the fields that its shape says are there. */
function bodyOf(fields: StatementFields, keys: number, names: StatementNames): StatementBody {
  const { op, sequence, timeMs, expiresS, selector, condition, nonce, at } = fields;
  const scope = fields.scope === undefined ? undefined : names.text(fields.scope);
  const head = { names, sequence, timeMs, scope, expiresS };
  const asked = { ...head, timeMs: timeMs!, scope: scope!, expiresS: expiresS!, nonce };
  switch (op) {
    case StatementKind.write:
      return { ...asked, kind: op, items: itemsOf(fields) };
    case StatementKind.query:
      return { ...asked, kind: op, selector: selector!, at, condition: condition!, function: fields.function as QueryFunctionCode };
    case StatementKind.event:
      return { ...asked, kind: op, selector: selector!, at, condition: condition! };
    case StatementKind.periodic:
      return { ...asked, kind: op, selector: selector!, at, periodMs: fields.periodMs! };
    case StatementKind.unsubscribe:
      return { ...asked, kind: op, id: fields.id! };
    case StatementKind.data:
      return { ...head, timeMs: timeMs!, kind: op, items: dataOf(fields, keys, names) };
    case StatementKind.answer:
      return { ...head, timeMs: timeMs!, scope: scope!, kind: op, items: fields.items ? itemsOf(fields) : [], id: fields.id! };
    case StatementKind.policy:
      return { ...head, kind: op, selector: selector!, policy: fields.policy! };
    case StatementKind.checkpoint:
      return { ...head, timeMs: timeMs!, kind: op, ...fields.checkpoint! };
    case StatementKind.revocation:
      return { ...head, kind: op, epochs: fields.epochs! };
    default:
      return { kind: StatementKind.open, names, timeMs, scope: scope!, expiresS, transcript: fields.transcript! };
  }
}

/** Several items of one series stand as columns, others do not. */
function dataOf(fields: StatementFields, keys: number, names: StatementNames): readonly StatementItem[] {
  const form = keys & bit(5, 6, 25);
  if (form !== bit(5) && form !== bit(6, 25)) malformed("data are either items or columns");
  const items = itemsOf(fields);
  if (form === bit(5) && areColumns(items, names.registry)) malformed("several items of one series that are not in columns");
  return items;
}

function itemsOf({ items }: StatementFields): readonly StatementItem[] {
  for (const { value, timeMs, policy } of items!) {
    if (policy === undefined) malformed("an item without a policy");
    if (value !== value || !isTime(timeMs)) malformed("an item of the wrong form: its value, or its time");
  }
  return items as StatementItem[];
}
