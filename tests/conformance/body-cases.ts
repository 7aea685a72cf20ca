/** The engine's own reader of bodies beside the one in TypeScript: the same bodies, and none that the other refuses. */
import type { ComparisonCode, Condition } from "../../sdk/core/model/instance";
import { standardRegistry } from "../../sdk/core/model/standard-variables";
import { lastResultCode, type ResultCode } from "../../sdk/core/model/result";
import * as cbor from "../../sdk/core/wire/cbor";
import { readBody } from "../../sdk/core/wire/read-body";
import type { SealPort } from "../../sdk/core/wire/reading-message";
import { maxSequence, Operation, type BodyContext, type Item, type SessionBody } from "../../sdk/core/wire/session-body";
import type { Envelope } from "../../sdk/core/wire/session-message";
import { writeBody } from "../../sdk/core/wire/write-body";
import { Dice, expectEqual, toHex, type Case } from "./case";

const names = Array.from({ length: 30 }, (_, index) => index + 1000);
const agreed: BodyContext = {
  registry: standardRegistry,
  nameIds: names,
  nameId: (index) => {
    if (index >= names.length) throw new Error(`name ${index} was not agreed`);
    return names[index]!;
  },
  nameIndex: (id) => id - 1000,
};
const source = { device: 1000, service: 1023, stakeholder: 1029 };
const selector = { variable: 3, device: 1002, owner: 1024 };
const policy = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 255);
const timeMs = 1_790_000_000_000;
const reading: Item = { variable: 3, value: 230, timeMs: timeMs - 250, device: 1002, owner: 1024, policy };
const greatest = Number.MAX_SAFE_INTEGER;
const terms: Condition = [0, -1, 255, 65_536, 2 ** 32, -greatest, greatest].map((operand, i) => ({ field: i % 2 ? 1 : 2, comparison: (1 + (i % 5)) as ComparisonCode, operand }));

/** What a device is sent all day, at its borders. */
const usual: readonly SessionBody[] = [
  ...[1, 23, 24, 255, 256, 65_536, maxSequence].flatMap((sequence): SessionBody[] => [
    { op: Operation.alive, sequence, timeMs: undefined },
    { op: Operation.unsubscribe, source, sequence, timeMs, id: sequence },
    { op: Operation.notify, sequence, timeMs, id: sequence, result: 0, items: [], retryAfterMs: 0 },
    { op: Operation.periodic, source, sequence, timeMs, selector, periodMs: 2 * sequence, hops: 7, at: 1000 },
  ]),
  ...[0, -5, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 40, greatest, -greatest, true, false].map((value): SessionBody => ({ op: Operation.write, source, sequence: 9, timeMs, items: [{ ...reading, value, policy: value ? policy : undefined }] })),
  ...[0, 1000, 0xffffffff * 1000].map((at): SessionBody => ({ op: Operation.write, source, sequence: 9, timeMs: at, items: [{ ...reading, timeMs: at }, { ...reading, timeMs: at + 2 ** 33 }, { ...reading, timeMs: at - 86_400_000, policy: undefined }], hops: 1 })),
  { op: Operation.write, source, sequence: 9, timeMs: undefined, items: [{ ...reading, timeMs: 0 }] },
  ...[0, 1, 2, 4].flatMap((count): SessionBody[] => [
    { op: Operation.query, source, sequence: 9, timeMs, selector, condition: terms.slice(0, count), function: 6, at: 1002 },
    { op: Operation.event, source, sequence: 9, timeMs: undefined, selector, condition: terms.slice(7 - count) },
  ]),
  ...Array.from({ length: lastResultCode }, (_, i) => (i + 1) as ResultCode)
    .filter((result) => result !== 9)
    .map((result): SessionBody => ({ op: Operation.notify, sequence: 9, timeMs, id: 8, result, items: [reading], retryAfterMs: result === 2 ? greatest : 0 })),
];

/** Good too, but rare. */
const rare: readonly SessionBody[] = [
  { op: Operation.announce, sequence: 9, timeMs, units: [1000, 1029] },
  { op: Operation.query, source, sequence: 9, timeMs, selector, condition: [{ field: 1, comparison: 1, operand: 0.5 }], function: 1 },
  { op: Operation.write, source, sequence: 9, timeMs, items: [{ ...reading, variable: 32, value: 0.5 }] },
  { op: Operation.write, source, sequence: 9, timeMs, items: [{ ...reading, variable: 64, value: "text" }] },
  { op: Operation.write, source, sequence: 9, timeMs, items: [{ ...reading, variable: 65, value: policy }] },
  { op: Operation.write, source, sequence: 9, timeMs, items: [{ ...reading, policy: { sequence: 1, entries: [] } }] },
  { op: Operation.notify, sequence: 9, timeMs, id: 8, result: 0, items: Array.from({ length: 16 }, () => reading), retryAfterMs: 0 },
];

/** The body inside of a message, with bytes around it that no reader may look at. */
function placed(body: Uint8Array): Envelope {
  const message = new Uint8Array(body.length + 10).fill(0);
  message.set(body, 5);
  return { kid: 1, message, start: 5, end: 5 + body.length };
}

function encoded(body: SessionBody): Uint8Array {
  const buffer = new Uint8Array(1024);
  cbor.startWriting(buffer);
  writeBody(body, agreed);
  return buffer.slice(0, cbor.writePosition());
}

/** A body as text: properties in order of their names, without those that are undefined, numbers to the last digit. */
function told(what: unknown): string {
  if (what instanceof Uint8Array) return toHex(what);
  if (Array.isArray(what)) return `[${what.map(told).join()}]`;
  if (typeof what !== "object" || what === null) return `${typeof what} ${what}`;
  const properties = Object.entries(what).filter(([, value]) => value !== undefined);
  return `{${properties.map(([name, value]) => `${name}: ${told(value)}`).sort().join()}}`;
}

function attempt(read: () => SessionBody | undefined): string {
  try {
    const body = read();
    return body ? told(body) : "";
  } catch {
    return "";
  }
}

/** Reads with both; the engine's own may leave a body to the other. @returns whether it took it */
function compare(seal: SealPort, bytes: Uint8Array): boolean {
  const envelope = placed(bytes);
  const own = attempt(() => seal.read(envelope, agreed));
  if (own) expectEqual(own, attempt(() => readBody(envelope, agreed)), toHex(bytes));
  return own !== "";
}

/** One to three changes: another byte, one too many, one too few. Most of the bytes are such as begin an item. */
function changed(bytes: Uint8Array, dice: Dice): Uint8Array {
  const list = [...bytes];
  const heads = [0x00, 0x01, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1f, 0x20, 0x38, 0x3b, 0x40, 0x48, 0x60, 0x80, 0x83, 0x86, 0x9f, 0xa0, 0xa4, 0xbf, 0xc0, 0xf4, 0xf6, 0xf9, 0xff];
  for (let i = dice.below(3); i >= 0; i--) {
    const byte = dice.below(3) ? heads[dice.below(heads.length)]! : dice.below(256);
    const at = dice.below(list.length + 1);
    const kind = dice.below(4);
    if (kind === 0) list.splice(at, 0, byte);
    else if (kind === 1) list.splice(at, 1);
    else list[Math.min(at, list.length - 1)] = byte;
  }
  return Uint8Array.from(list);
}

export const bodyCases: readonly Case[] = [
  {
    name: "SP-1 the engine reads the bodies that a device is sent all day, and as TypeScript reads them",
    run: ({ seal }) => {
      for (const body of usual) if (!compare(seal, encoded(body))) throw new Error(`not read: ${told(body)}`);
      for (const body of usual) expectEqual(told(readBody(placed(encoded(body)), agreed)), told(body), "what was written");
      for (const body of rare) compare(seal, encoded(body));
      return usual.length;
    },
  },
  {
    name: "SP-1 the engine reads no body that TypeScript refuses: cut off at each byte, each byte changed, changed at random",
    run: ({ seal }) => {
      const dice = new Dice(21);
      let read = 0;
      for (const body of [...usual, ...rare]) {
        const bytes = encoded(body);
        for (let length = 0; length < bytes.length; length++) if (compare(seal, bytes.slice(0, length))) throw new Error(`read ${length} bytes of ${toHex(bytes)}`);
        for (let i = 0; i < 40; i++) if (compare(seal, changed(bytes, dice))) read++;
      }
      if (read < 100) throw new Error(`only ${read} of the changed bodies were good`);
      return true;
    },
  },
  {
    name: "SP-1 the engine reads no integer for a float, nor names that were not agreed",
    run: ({ seal }) => {
      const write = (item: object) => encoded({ op: Operation.write, source, sequence: 9, timeMs, items: [{ ...reading, ...item }] });
      for (const item of [{ variable: 32, value: 1 }, { device: 1030 }, { owner: 2_000_000_000 }, { variable: 32, value: -1 }]) compare(seal, write(item));
      return true;
    },
  },
];
