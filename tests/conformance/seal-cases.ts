/** The engine's own seal port beside the one in TypeScript, under the same keys: the same bytes, and the same messages verified and refused. */
import { decodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import * as cbor from "../../sdk/core/wire/cbor";
import { Result } from "../../sdk/core/model/result";
import { standardRegistry } from "../../sdk/core/model/standard-variables";
import { portableSeal, readingTemplate, sealBody, type SealReading } from "../../sdk/core/wire/reading-message";
import { maxSequence, Operation, type BodyContext, type SessionBody } from "../../sdk/core/wire/session-body";
import { macContext, maxPayloadBytes, parseEnvelope, payloadOf, seal as sealPayload, startPayload, tagBytes } from "../../sdk/core/wire/session-message";
import type { Envelope, MacContext } from "../../sdk/core/wire/session-message";
import { Dice, expectEqual, toHex, type Case, type Security } from "./case";

type Numbers = Parameters<SealReading>;

const greatest = Number.MAX_SAFE_INTEGER;
/** Where the length of an encoded integer changes. */
const edges = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, greatest - 1];
const signed = edges.flatMap((edge) => [edge, edge + 1, -1 - edge]);
const upTo = (most: number) => [...edges.filter((edge) => edge < most), most];

/** A session whose names are the indexes themselves. */
const agreed: BodyContext = { registry: standardRegistry, nameIds: Array.from({ length: 256 }, (_, index) => index), nameId: (index) => index, nameIndex: (id) => id };
const source = { device: 3, service: 200, stakeholder: 5 };
const policy = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 255);

function withKeys(run: (security: Security, context: MacContext, other: MacContext) => unknown): Case["run"] {
  return ({ crypto, seal }) => {
    const keys = [1, 2].map((fill) => crypto.importKey(new Uint8Array(32).fill(fill), "mac"));
    const [context, other] = keys.map((key) => macContext(key, 300, "test-grid", "home", "session"));
    try {
      return run({ crypto, seal }, context!, other!);
    } finally {
      for (const key of keys) crypto.destroyKey(key);
    }
  };
}

/** Each number at every border while the others stay, then all of them at random, of every length. */
function manyReadings(): Numbers[] {
  const usual: Numbers = [1000, 1_790_000_000, 1, 230, -5];
  const borders = [upTo(maxSequence).filter((sequence) => sequence > 0), upTo(2 ** 32 - 1), upTo(65_535), signed, [...signed, -0]];
  const readings = borders.flatMap((values, place) => values.map((value) => usual.map((number, i) => (i === place ? value : number)) as Numbers));
  const dice = new Dice(11);
  const random = (most: number) => Math.floor(((dice.below(2 ** 30) + dice.below(2 ** 20) / 2 ** 20) / 2 ** 30) * 2 ** dice.below(Math.ceil(Math.log2(most))));
  for (let i = 0; i < 500; i++) {
    const sign = () => (dice.below(2) ? 1 : -1);
    readings.push([1 + random(maxSequence), random(2 ** 32), random(65_536), sign() * random(2 ** 53), sign() * random(2 ** 53)]);
  }
  return readings;
}

/** Changes a copy of the message at one place. */
function flipped(envelope: Envelope, at: number): Envelope {
  const message = envelope.message.slice();
  message[at] = message[at]! ^ (1 << at % 8);
  return { ...envelope, message };
}

export const sealCases: readonly Case[] = [
  {
    name: "SP-1 the engine takes the same envelopes apart as TypeScript, into the same parts, and no others",
    run: withKeys(({ crypto, seal }, context) => {
      const dice = new Dice(5);
      const compare = (message: Uint8Array) => {
        let expected: Envelope | undefined;
        try {
          expected = parseEnvelope(message);
        } catch {
          expected = undefined;
        }
        const found = seal.parse(message);
        const parts = (envelope: Envelope | undefined) => envelope && [envelope.kid, envelope.start, envelope.end];
        expectEqual(parts(found), parts(expected), toHex(message.slice(0, 24)));
        return expected ? 1 : 0;
      };
      let taken = 0;
      for (const kid of [1, 23, 24, 255, 256, 65_535])
        for (const size of [0, 1, 23, 24, 255, 256, maxPayloadBytes]) {
          startPayload();
          cbor.writeRaw(new Uint8Array(size));
          const message = sealPayload(crypto, macContext(context.key, kid, "test-grid", "home", "session"));
          taken += compare(message);
          taken += compare(message.slice(0, message.length - 1));
          for (let at = 0; at < 14 && at < message.length; at++) {
            const changed = message.slice();
            changed[at] = dice.below(256);
            taken += compare(changed);
          }
        }
      // Heads that are right and not in their shortest form, and a payload that is too long for any message.
      const tag = joined(Uint8Array.of(0x40 | tagBytes), new Uint8Array(tagBytes));
      const withHead = (head: readonly number[], size: number) => compare(joined(joined(context.head, Uint8Array.from(head)), joined(new Uint8Array(size), tag)));
      for (const size of [5, 23]) expectEqual([withHead([0x40 + size], size), withHead([0x58, size], size), withHead([0x59, 0, size], size)], [1, 0, 0], `heads of ${size} bytes`);
      for (const size of [24, 255]) expectEqual([withHead([0x58, size], size), withHead([0x59, 0, size], size)], [1, 0], `heads of ${size} bytes`);
      for (const size of [maxPayloadBytes, maxPayloadBytes + 1, maxPayloadBytes + 20]) expectEqual(withHead([0x59, size >> 8, size & 255], size), size === maxPayloadBytes ? 1 : 0, `payload of ${size} bytes`);
      for (let i = 0; i < 300; i++) taken += compare(dice.bytes(dice.below(40)));
      return taken;
    }),
  },
  {
    name: "SP-1 the engine's seal of a reading is, byte for byte, that of TypeScript, and says what was to be said",
    run: withKeys(({ crypto, seal }, context) => {
      const template = readingTemplate(agreed, source, policy);
      const own = seal.readingSealer(context, template);
      const twin = portableSeal(crypto).readingSealer(context, template);
      const digest = new Uint8Array(32);
      for (const numbers of manyReadings()) {
        const message = own(...numbers);
        expectEqual(toHex(message), toHex(twin(...numbers)), `reading ${numbers.join(" ")}`);
        const [sequence, timeS, variable, value, offsetMs] = numbers;
        const said = decodeCbor(payloadOf(parseEnvelope(message))) as Map<number, CborValue>;
        expectEqual([said.get(1), said.get(2), said.get(3), said.get(4)], [1, [3, 200, 5], sequence, timeS], "operation, source, sequence, time");
        expectEqual((said.get(5) as CborValue[][])[0]!.slice(0, 5), [variable, value, offsetMs + 0, 3, 5], "item");
        crypto.sha256(joined(digest, message), digest.length + message.length, digest);
      }
      return toHex(digest);
    }),
  },
  {
    name: "SP-1 what the engine seals of answers is, byte for byte, what TypeScript seals, and it leaves the others to it",
    run: withKeys(({ crypto, seal }, context) => {
      const digest = new Uint8Array(32);
      const usual = { device: 3, owner: 200, variable: 3, value: 230, timeMs: 1_790_000_000_250, policy };
      const answer = { op: Operation.notify, sequence: 77, timeMs: 1_790_000_000_000, id: 5, result: Result.done, items: [usual], retryAfterMs: 0 } as const;
      const power = standardRegistry.named("powerFactor").id;
      const answers: SessionBody[] = [
        ...signed.map((value) => ({ ...answer, items: [{ ...usual, value }] })),
        ...edges.map((timeMs) => ({ ...answer, items: [{ ...usual, timeMs }] })),
        ...upTo(maxSequence).slice(1).flatMap((id) => [{ ...answer, id }, { ...answer, sequence: id }]),
        ...[0.5, -0, NaN, Infinity, true, "text", Uint8Array.of(1)].map((value) => ({ ...answer, items: [{ ...usual, value }] })),
        ...[1, 0.25].map((value) => ({ ...answer, items: [{ ...usual, variable: power, value }] })),
        { ...answer, items: [{ ...usual, policy: undefined }] },
        { ...answer, items: [usual, usual] },
        { ...answer, items: [] },
        { ...answer, timeMs: undefined },
        { ...answer, result: Result.denied, items: [] },
        { ...answer, result: Result.tooEarly, items: [], retryAfterMs: 400 },
      ];
      let own = 0;
      for (const body of answers) {
        const expected = sealBody(crypto, context, body, agreed);
        const message = seal.seal(context, body, agreed);
        if (message) own++;
        expectEqual(toHex(message ?? expected), toHex(expected), `answer ${answers.indexOf(body)}`);
        crypto.sha256(joined(digest, expected), digest.length + expected.length, digest);
      }
      if (own < signed.length + edges.length) throw new Error(`only ${own} answers were sealed`);
      return toHex(digest);
    }),
  },
  {
    name: "SP-1 the engine and TypeScript verify the same messages: good ones, and none with a bit changed, under another key or for another receiver",
    run: withKeys(({ crypto, seal }, context, other) => {
      const twin = portableSeal(crypto);
      const verifies = (under: MacContext, envelope: Envelope, good: boolean, what: string) =>
        expectEqual([seal.verify(under, envelope), twin.verify(under, envelope)], [good, good], `${what} of ${envelope.end - envelope.start} bytes`);
      const elsewhere = [
        macContext(context.key, 300, "test-grid", "meter", "session"),
        macContext(context.key, 300, "test-grid", "home", "open"),
        macContext(context.key, 301, "test-grid", "home", "session"),
      ];
      const dice = new Dice(12);
      for (const length of [0, 1, 23, 24, 255, 256, maxPayloadBytes]) {
        startPayload();
        cbor.writeRaw(dice.bytes(length));
        const envelope = parseEnvelope(sealPayload(crypto, context));
        const { message, start, end } = envelope;
        verifies(context, envelope, true, "message");
        verifies(other, envelope, false, "another key");
        for (const under of elsewhere) verifies(under, envelope, false, "another context");
        for (let i = 1; i <= tagBytes; i++) verifies(context, flipped(envelope, message.length - i), false, "changed tag");
        for (let i = start; i < end; i += 37) verifies(context, flipped(envelope, i), false, "changed payload");
        if (length > 0) verifies(context, { ...envelope, end: end - 1 }, false, "shorter payload");
      }
      return true;
    }),
  },
];

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
