/** Bodies of statements to CBOR. */
import { badArgument } from "../model/errors";
import type { SeriesKey } from "../model/instance";
import type { NameId, NameTexts } from "../model/names";
import { compareCodePoints } from "../model/utf8";
import * as cbor from "./cbor";
import { writePolicy } from "./policy-codec";
import { maxSequence, maxTimeS, type WriteContext } from "./session-body";
import {
  firstOwnName,
  maxBodyBytes,
  maxStatementItems,
  maxTimeMs,
  maxStatementNames,
  StatementKind,
  type CheckpointStatement,
  type DataStatement,
  type ImpliedNames,
  type RevocationStatement,
  type StatementBody,
  type StatementItem,
} from "./statement-body";
import { areColumns, isTime, writeTimes, writeValues } from "./statement-columns";
import { writeCondition, writeEntry, writeItems, writeSelector } from "./write-body";

const firstBytes = 512;

/** The names that a body uses. They are found by writing it once; then it is written with their indexes. */
class UsedNames implements WriteContext {
  readonly #own: string[] = [];
  #isCollecting = true;

  constructor(
    readonly registry: WriteContext["registry"],
    private readonly names: NameTexts,
    private readonly implied: ImpliedNames,
  ) {}

  /** Ends the collecting. @returns the names of the statement's own list, sorted */
  settle(): readonly string[] {
    this.#isCollecting = false;
    if (this.#own.length > maxStatementNames) badArgument(`statement with ${this.#own.length} names, at most ${maxStatementNames}`);
    return this.#own.sort(compareCodePoints);
  }

  nameIndex(id: NameId): number {
    return this.textIndex(this.names.text(id));
  }

  textIndex(text: string): number {
    const implied = this.implied.indexOf(text);
    if (implied >= 0) return implied;
    if (this.#isCollecting && !this.#own.includes(text)) this.#own.push(text);
    return this.#own.indexOf(text) + firstOwnName;
  }
}

/**
 * A body in CBOR.
 * @throws EbalanceError `bad-argument` for what no statement can say, `too-large`
 */
export function encodeStatementBody(body: StatementBody, implied: ImpliedNames, registry: WriteContext["registry"]): Uint8Array {
  check(body);
  const context = new UsedNames(registry, body.names, implied);
  cbor.startWriting(new Uint8Array(firstBytes), 0, maxBodyBytes);
  writeFields(body, context, []);
  const own = context.settle();
  cbor.startWriting(cbor.writtenBuffer(), 0, maxBodyBytes);
  writeFields(body, context, own);
  return cbor.writtenBuffer().slice(0, cbor.writePosition());
}

/** What the types do not say. */
function check(body: StatementBody): void {
  const wrong = (what: string) => badArgument(`statement of kind ${body.kind}: ${what}`);
  const isWithin = (value: number | undefined, least: number, most: number) => value === undefined || (Number.isInteger(value) && value >= least && value <= most);
  if (body.kind !== StatementKind.open && !isWithin(body.sequence, 1, maxSequence)) wrong(`sequence ${body.sequence} is not from 1 to ${maxSequence}`);
  if (!isWithin(body.timeMs, 0, maxTimeMs) || (body.timeMs ?? 0) % 1000 !== 0) wrong(`time ${body.timeMs} is not of whole seconds from 1970 to 2106`);
  if (!isWithin(body.expiresS, 0, maxTimeS)) wrong(`expiry ${body.expiresS} is not of whole seconds from 1970 to 2106`);
  if ("items" in body && !isBare(body)) checkItems(body.items, wrong);
  if (body.kind === StatementKind.revocation && (body.epochs.length === 0 || body.epochs.length > maxStatementNames)) wrong(`${body.epochs.length} epochs, from 1 to ${maxStatementNames}`);
  if (body.kind === StatementKind.checkpoint && (body.series.length === 0 || body.series.length > maxStatementItems)) wrong(`${body.series.length} series, from 1 to ${maxStatementItems}`);
}

function checkItems(items: readonly StatementItem[], wrong: (what: string) => never): void {
  if (items.length === 0 || items.length > maxStatementItems) wrong(`${items.length} items, from 1 to ${maxStatementItems}`);
  for (const { timeMs, value } of items) {
    if (!isTime(timeMs)) wrong(`time ${timeMs} of an item is not of whole milliseconds from 1970 to 2106`);
    if (value !== value) wrong("the value of an item is not a number");
  }
}

/** An answer that brings nothing says that its request was accepted. */
function isBare(body: StatementBody): boolean {
  return body.kind === StatementKind.answer && body.items.length === 0;
}

/** Entries in the order of their keys. */
function writeFields(body: StatementBody, context: UsedNames, own: readonly string[]): void {
  const entries: (() => void)[] = [];
  const add = (write: () => void) => entries.push(write);
  const addInteger = (key: number, value: number | undefined) => value !== undefined && add(() => writeEntry(key, value));
  const addBytes = (key: number, bytes: Uint8Array | undefined) => bytes && add(() => writeKeyed(key, () => cbor.writeBytes(bytes)));
  const series = seriesOf(body, context);

  addInteger(1, body.kind);
  if (body.kind !== StatementKind.open) addInteger(3, body.sequence);
  addInteger(4, body.timeMs === undefined ? undefined : body.timeMs / 1000);
  if ("items" in body && !series && !isBare(body)) add(() => writeItems(body.items, body.timeMs, context, maxStatementItems));
  if (series) add(() => writeSelector(series, context));
  if ("condition" in body) add(() => writeCondition(body.condition));
  if ("nonce" in body) addBytes(8, body.nonce);
  if ("id" in body) addInteger(9, body.id);
  if ("function" in body) addInteger(10, body.function);
  if ("periodMs" in body) addInteger(15, body.periodMs);
  if ("at" in body && body.at !== undefined) addInteger(18, context.nameIndex(body.at));
  if (own.length > 0) add(() => writeKeyed(20, () => writeTexts(own)));
  if (body.scope !== undefined) addInteger(21, context.textIndex(body.scope));
  addInteger(22, body.expiresS);
  if ("transcript" in body) addBytes(23, body.transcript);
  if (body.kind === StatementKind.data && series) add(() => writeKeyed(25, () => writeColumns(body, context)));
  if ("epochs" in body) add(() => writeKeyed(26, () => writeEpochs(body, context)));
  if (body.kind === StatementKind.checkpoint) add(() => writeKeyed(27, () => writeCheckpoint(body, context)));
  if (body.kind === StatementKind.policy) add(() => writeKeyed(28, () => writePolicy(body.policy, (id) => context.nameIndex(id))));

  cbor.writeHead(cbor.Major.map, entries.length);
  for (const write of entries) write();
}

/** The series that a body is about, or of which it has columns. */
function seriesOf(body: StatementBody, context: UsedNames): SeriesKey | undefined {
  if ("selector" in body) return body.selector;
  return body.kind === StatementKind.data && areColumns(body.items, context.registry) ? body.items[0] : undefined;
}

function writeKeyed(key: number, writeValue: () => void): void {
  cbor.writeInteger(key);
  writeValue();
}

function writeTexts(texts: readonly string[]): void {
  cbor.writeHead(cbor.Major.array, texts.length);
  for (const text of texts) cbor.writeText(text);
}

function writeColumns({ items, timeMs }: DataStatement, context: UsedNames): void {
  const { variable, policy } = items[0]!;
  cbor.writeHead(cbor.Major.array, 3);
  if (policy instanceof Uint8Array) cbor.writeBytes(policy);
  else writePolicy(policy, (id) => context.nameIndex(id));
  writeValues(items.map((item) => item.value), context.registry.byId(variable)?.type);
  writeTimes(items.map((item) => item.timeMs), timeMs);
}

function writeEpochs({ epochs }: RevocationStatement, context: UsedNames): void {
  const pairs = epochs.map(({ subject, leastEpoch }) => [context.nameIndex(subject), leastEpoch] as const).sort((a, b) => a[0] - b[0]);
  cbor.writeHead(cbor.Major.array, pairs.length);
  for (const [subject, leastEpoch] of pairs) {
    cbor.writeHead(cbor.Major.array, 2);
    cbor.writeInteger(subject);
    cbor.writeInteger(leastEpoch);
  }
}

function writeCheckpoint({ fromS, toS, series }: CheckpointStatement, context: UsedNames): void {
  const entries = series.map((entry) => ({ ...entry, device: context.nameIndex(entry.device) })).sort((a, b) => a.device - b.device || a.variable - b.variable);
  cbor.writeHead(cbor.Major.array, 3);
  cbor.writeInteger(fromS);
  cbor.writeInteger(toS);
  cbor.writeHead(cbor.Major.array, entries.length);
  for (const { variable, device, count, digest } of entries) {
    cbor.writeHead(cbor.Major.array, 4);
    cbor.writeInteger(variable);
    cbor.writeInteger(device);
    cbor.writeInteger(count);
    cbor.writeBytes(digest);
  }
}
