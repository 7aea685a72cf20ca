/** Deterministic CBOR and the session message under attack. */
import { QueryFunction } from "../../sdk/core/model/instance";
import { decodeCbor, encodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import { frame, FrameReader } from "../../sdk/transports/stream-framing";
import { Dice, expectEqual, expectError, fromHex, toHex, type Case, type Platform } from "./case";
import { startMs } from "./world";

const valid: [hex: string, value: CborValue][] = [
  ["00", 0], ["17", 23], ["1818", 24], ["18ff", 255], ["190100", 256], ["1a000f4240", 1000000], ["1b000000e8d4a51000", 1000000000000],
  ["20", -1], ["3903e7", -1000], ["1b001fffffffffffff", Number.MAX_SAFE_INTEGER], ["f93c01", 1.0009765625], ["fa47c35000", 100000],
  ["fb3ff199999999999a", 1.1], ["f97c00", Infinity], ["f98000", -0], ["f90001", 5.960464477539063e-8], ["f90400", 0.00006103515625],
  ["60", ""], ["62c3bc", "ü"], ["64f0908591", "\u{10151}"], ["6661f09f948c62", "a\u{1f50c}b"], ["4401020304", Uint8Array.of(1, 2, 3, 4)], ["83010203", [1, 2, 3]],
  ["a201020304", new Map([[1, 2], [3, 4]])], ["a26161016162820203", new Map<string, CborValue>([["a", 1], ["b", [2, 3]]])], ["f4", false], ["f5", true], ["f6", null],
];
const invalid = [
  "", "1800", "1817", "190018", "1900ff", "1a0000ffff", "1b00000000ffffffff", "1b0020000000000000", "1bffffffffffffffff", "3b001fffffffffffff", "1c", "1f",
  "5f4101ff", "9f01ff", "bf0102ff", "ff", "c001", "d81801", "f7", "f0", "f820", "fa3f800000", "fb3ff0000000000000", "f97e01", "fa7fc00000",
  "61ff", "62c080", "63eda080", "64f4908080", "42", "4201", "8201", "a2010203", "a202010102", "a201010102", "a16161", "a2616201616101", "0000", "8100f4", "a18001",
  "9b00ffffffffffffff", "bb00ffffffffffffff", "5b00ffffffffffffff", "818181818181818181818181818181818100",
];

export const wireCases: Case[] = [
  {
    name: "CBOR: the strict deterministic subset is read and written",
    run() {
      for (const [hex, value] of valid) {
        if (!hex.startsWith("fa47")) expectEqual(toHex(encodeCbor(value)), hex, "encoded");
        expectEqual(printable(decodeCbor(fromHex(hex))), printable(value), hex);
      }
      return valid.length;
    },
  },
  {
    name: "CBOR: everything else is refused with a message that names what is wrong",
    run() {
      return invalid.map((hex) => `${hex}: ${expectError(() => decodeCbor(fromHex(hex)), "malformed")}`);
    },
  },
  {
    name: "SP-1 a message that was changed, cut, replayed or meant for another is refused, counted, and changes nothing",
    run({ open }) {
      const world = open();
      world.write("activePower", 100);
      const good = world.recorded[world.recorded.length - 1]!;
      const { home } = world;
      const kept = home.counters.instancesKept;
      expectEqual(home.receive(world.homeLink(0), good), false, "replayed");
      for (let i = 0; i < good.length; i++) {
        const changed = good.slice();
        changed[i] = changed[i]! ^ 1;
        expectEqual(home.receive(world.homeLink(0), changed), false, `byte ${i} changed`);
        expectEqual(home.receive(world.homeLink(0), good.subarray(0, i)), false, `cut at ${i}`);
      }
      expectEqual(home.receive(world.homeLink(0), new Uint8Array(1025)), false, "oversized");
      expectEqual(world.supplier.receive(world.unitLink(1), good), false, "another unit");
      expectEqual([home.counters.instancesKept, home.counters.refused.replayed], [kept, 1], "kept, replayed");
      world.run();
      expectEqual(world.write("activePower", 101).result, "done", "the session goes on");
      return home.counters.refused;
    },
  },
  {
    name: "MU-1 the same inputs give the same bytes",
    run({ open }) {
      const world = open();
      world.write("activePower", 12345);
      world.pass(5000);
      world.query(world.supplier, "billing", "supplier", QueryFunction.average);
      return world.recorded.map(toHex);
    },
  },
  {
    name: "SP-1 a whole recorded session replayed after a restart of the peer gives nothing",
    run({ open }) {
      const world = open();
      for (let i = 0; i < 5; i++) world.write("activePower", i);
      const recorded = world.recorded.slice();
      world.home.linkLost(world.homeLink(0));
      const { instancesKept } = world.home.counters;
      for (const message of recorded) world.home.receive(world.homeLink(0), message);
      world.run();
      expectEqual(world.home.counters.instancesKept, instancesKept, "instances kept");
      return world.home.counters.refused;
    },
  },
  {
    name: "SP-1 a replayed opening does not disturb an open session",
    run({ open }) {
      const world = open();
      const opening = world.recorded[0]!;
      for (let i = 0; i < 10; i++) world.home.receive(world.homeLink(2), opening);
      expectEqual(world.write("activePower", 7).result, "done", "write");
      return world.home.counters.refused;
    },
  },
  {
    name: "CP-8 frames: pieces of any size give the same messages; a wrong version or length ends the stream",
    run() {
      const dice = new Dice(7);
      const messages = Array.from({ length: 40 }, () => dice.bytes(1 + dice.below(1024)));
      const stream = new Uint8Array(messages.reduce((sum, m) => sum + m.length + 3, 0));
      let at = 0;
      for (const message of messages) {
        stream.set(frame(message), at);
        at += message.length + 3;
      }
      const got: string[] = [];
      const reader = new FrameReader((message) => got.push(toHex(message)));
      for (let from = 0; from < stream.length; ) {
        const size = 1 + dice.below(700);
        reader.push(stream.subarray(from, from + size));
        from += size;
      }
      expectEqual(got, messages.map(toHex), "messages");
      return ["020001ff", "010000", "01ffff", "7b"].map((hex) => expectError(() => new FrameReader(() => {}).push(fromHex(hex)), "malformed"));
    },
  },
  {
    name: "random and mutated messages: nothing throws, nothing is kept, every one is counted",
    run(platform) {
      return fuzz(platform);
    },
  },
];

/** Maps and byte strings as JSON can show them. */
function printable(value: CborValue): unknown {
  if (value instanceof Map) return [...value].map(([k, v]) => [k, printable(v as CborValue)]);
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(printable);
  return Object.is(value, -0) ? "-0" : typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** Half of the messages are authentic ones with a few bytes changed, moved, cut or doubled; half are random. */
function fuzz({ open, fuzzCount, fuzzSeed }: Platform): unknown {
  const world = open();
  const dice = new Dice(fuzzSeed);
  for (let i = 0; i < 8; i++) world.write("activePower", i);
  world.query(world.supplier, "billing", "supplier", QueryFunction.average);
  const seeds = world.recorded.slice();
  const { counters } = world.home;
  const before = { kept: counters.instancesKept, refused: sum(counters.refused) };
  for (let i = 0; i < fuzzCount; i++) {
    const message = i % 2 ? mutated(seeds[dice.below(seeds.length)]!, dice) : dice.bytes(dice.below(120));
    world.home.receive(world.homeLink(dice.below(3)), message);
  }
  world.run();
  const refused = sum(counters.refused) - before.refused;
  expectEqual([counters.instancesKept - before.kept, refused], [0, fuzzCount], "kept, refused");
  expectEqual(world.write("activePower", 99).result, "done", "the session goes on");
  expectEqual(world.nowMs, startMs, "clock");
  return { malformed: counters.refused.malformed, unknownKey: counters.refused.unknownKey };
}

function mutated(seed: Uint8Array, dice: Dice): Uint8Array {
  const copy = seed.slice();
  const start = dice.below(copy.length);
  switch (dice.below(4)) {
    case 0:
      return copy.subarray(0, start);
    case 1:
      copy.copyWithin(start, dice.below(copy.length));
      copy[start] = copy[start]! ^ (1 << dice.below(8));
      break;
    case 2: {
      const longer = new Uint8Array(copy.length + 1 + dice.below(20));
      longer.set(copy);
      return longer;
    }
    default:
      for (let n = 1 + dice.below(4); n > 0; n--) copy[dice.below(copy.length)] = dice.below(256);
  }
  if (same(copy, seed)) copy[start] = copy[start]! ^ 0x55;
  return copy;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
