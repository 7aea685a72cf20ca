/** What a peer can do that holds the keys of its session: no more than its session and the owners' policies allow. */
import { maxSequence } from "../../sdk/core/wire/session-body";
import { encodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import { Dice, expectEqual, type Case, type Platform } from "./case";
import { HostilePeer } from "./hostile-peer";
import { startMs, type World } from "./world";

const meterKid = 1;
const timeS = startMs / 1000;
const source = [1, 8, 4]; // meter, sensor, customer
const item: CborValue[] = [3, 100, 0, 1, 4, null];

/** A body with these fields besides or in place of those of a good write; undefined takes one away. */
function body(sequence: number, change: Record<number, CborValue | undefined> = {}): Uint8Array {
  const fields = new Map<number, CborValue>([[1, 1], [2, source], [3, sequence], [4, timeS], [5, [item]]]);
  for (const key of Object.keys(change)) {
    const value = change[Number(key)];
    if (value === undefined) fields.delete(Number(key));
    else fields.set(Number(key), value);
  }
  return encodeCbor(fields);
}

function withPolicy(entries: CborValue, sequence: CborValue = 2): Record<number, CborValue> {
  return { 5: [[3, 100, 0, 1, 4, new Map<number, CborValue>([[1, sequence], [2, entries]])]] };
}

/** Authentic bodies that are no bodies of this wire version. */
const malformedBodies: [what: string, change: Record<number, CborValue | undefined>][] = [
  ["no items", { 5: [] }],
  ["17 items", { 5: Array.from({ length: 17 }, () => item) }],
  ["an item of five", { 5: [[3, 100, 0, 1, 4]] }],
  ["an item of seven", { 5: [[3, 100, 0, 1, 4, null, 0]] }],
  ["an array for a value", { 5: [[3, [100], 0, 1, 4, null]] }],
  ["a map for a value", { 5: [[3, new Map([[1, 1]]), 0, 1, 4, null]] }],
  ["null for a value", { 5: [[3, null, 0, 1, 4, null]] }],
  ["a device that was not agreed", { 5: [[3, 100, 0, 99, 4, null]] }],
  ["a negative name", { 5: [[3, 100, 0, -1, 4, null]] }],
  ["a variable beyond 65535", { 5: [[65536, 100, 0, 1, 4, null]] }],
  ["a policy hash of 7 bytes", { 5: [[3, 100, 0, 1, 4, new Uint8Array(7)]] }],
  ["a policy without rights", withPolicy([[0, 5, [[5, 9]]]])],
  ["a policy with a right too many", withPolicy([[4, 5, [[5, 9]]]])],
  ["a policy entry twice", withPolicy([[1, 5, [[5, 9]]], [1, 5, [[5, 9]]]])],
  ["policy entries out of order", withPolicy([[1, 5, [[5, 9]]], [1, 4, [[5, 9]]]])],
  ["a grantee twice", withPolicy([[1, 5, [[5, 9], [5, 9]]]])],
  ["17 grantees", withPolicy([[1, 5, Array.from({ length: 17 }, (_unused, i) => [5, i])]])],
  ["policy sequence 0", withPolicy([], 0)],
  ["a delay beyond 2^31 - 1", withPolicy([[1, 2 ** 31, [[5, 9]]]])],
  ["a source of two", { 2: [1, 8] }],
  ["no source", { 2: undefined }],
  ["a text for the time", { 4: "now" }],
  ["a field of another operation", { 10: 1 }],
  ["an unknown operation", { 1: 4 }],
  ["an unknown field", { 8: 1 }],
  ["arrays in arrays", { 5: [[3, 100, 0, 1, 4, [[[[[[[[[[1]]]]]]]]]]]] }],
];

/** Runs an attack and lets go of the keys. */
function attack<T>(platform: Platform, act: (peer: HostilePeer, world: World) => T): T {
  const world = platform.open();
  const peer = new HostilePeer(world, platform.crypto, meterKid);
  try {
    return act(peer, world);
  } finally {
    peer.close();
  }
}

export const hostileCases: Case[] = [
  {
    name: "DI-12 an authentic message that is no request is answered with `malformed`, counted, and nothing is kept",
    run: (platform) =>
      attack(platform, (peer, world) => {
        let sequence = 1;
        for (const [what, change] of malformedBodies) {
          const [answer] = peer.say(body(++sequence, change));
          // A source that cannot be read comes before the sequence, which an answer would have to name.
          expectEqual([answer?.get(11), answer?.get(9)], what.startsWith("a source") ? [undefined, undefined] : [6, sequence], what);
        }
        expectEqual([world.home.counters.refused.malformed, world.home.counters.instancesKept], [malformedBodies.length, 0], "counters");
        expectEqual(peer.say(body(++sequence))[0]?.get(11), undefined, "the session goes on");
        return world.log;
      }),
  },
  {
    name: "SP-1 sequences: 0, a jump to the last, and everything after it",
    run: (platform) =>
      attack(platform, (peer, world) => {
        expectEqual(peer.say(body(0)), [], "0 is not answered");
        expectEqual(peer.say(body(maxSequence)).length, 1, "the last");
        expectEqual(peer.say(body(maxSequence)), [], "again");
        // Otherwise a wire that holds a request back could undo what was asked after it.
        expectEqual(peer.say(body(maxSequence - 1)), [], "a request after a newer one");
        expectEqual(peer.say(body(maxSequence - 32)), [], "behind the window");
        return world.home.counters.refused;
      }),
  },
  {
    name: "DI-1 DI-3 a device can neither take another owner, nor put a value beyond its range, nor weaken with an old policy",
    run: (platform) =>
      attack(platform, (peer, world) => {
        const results = [
          { 5: [[3, 100, 0, 1, 5, null]] }, // owner: supplier
          { 5: [[3, 100, 0, 0, 4, null]] }, // device: home
          { 5: [[3, 2 ** 40, 0, 1, 4, null]] },
          { 5: [[3, 1.5, 0, 1, 4, null]] },
          { 5: [[32, 1, 0, 1, 4, null]] }, // an integer for a float
          { 5: [[999, 1, 0, 1, 4, null]] },
          { 5: [[3, 1, 2001, 1, 4, null]] }, // in the future
          { 4: timeS + 301 },
          { 4: timeS - 301 },
          withPolicy([[1, 5, [[5, 9]]]], 2),
          withPolicy([[1, 0, [[5, 9]]]], 1),
          { 2: [1, 9, 5] }, // in the supplier's name
        ].map((change, i) => peer.say(body(i + 2, change as Record<number, CborValue>))[0]?.get(11) ?? 0);
        expectEqual(results, [1, 1, 4, 5, 5, 3, 14, 14, 14, 0, 12, 1], "results");
        expectEqual(world.home.counters.instancesKept, 1, "instances kept");
        return results;
      }),
  },
  {
    name: "random changes of authentic bodies: nothing throws, and what is kept is in range",
    run: (platform) => attack(platform, (peer, world) => fuzzBodies(platform, peer, world)),
  },
];

const firstSequence = 0x10000;

function fuzzBodies({ fuzzCount, fuzzSeed }: Platform, peer: HostilePeer, world: World): unknown {
  const dice = new Dice(fuzzSeed + 1);
  const changes = [
    {},
    withPolicy([[1, 5, [[5, 9]]]]),
    { 1: 2, 5: undefined, 6: [3, 1, 4], 7: [[1, 3, 5]], 10: 4 },
    { 1: 3, 5: undefined, 6: [3, 1, 4], 7: [] },
    { 1: 7, 2: undefined, 5: undefined, 9: 3, 11: 1 },
  ];
  const { counters } = world.home;
  for (let i = 0; i < fuzzCount / 5; i++) {
    const payload = body(firstSequence + i, changes[dice.below(changes.length)]);
    const good = payload.slice();
    const sequenceAt = findSequence(good);
    for (let n = 1 + dice.below(3); n > 0; n--) payload[dice.below(payload.length)] = dice.below(256);
    // Each message keeps a sequence of its own: otherwise one far ahead would make replays of all that follow.
    payload.set(good.subarray(sequenceAt, sequenceAt + 6), sequenceAt);
    peer.say(payload);
  }
  expectEqual([counters.refused.failed, counters.refused.replayed], [0, 0], "failures of our own, replays");
  return [counters.refused, counters.results, counters.instancesKept];
}

/** Where key 3 and the five bytes of its integer stand. */
function findSequence(payload: Uint8Array): number {
  return payload.findIndex((byte, i) => byte === 3 && payload[i + 1] === 0x1a && payload[i + 2] === 0 && payload[i + 3]! >= 1);
}
