/** The ring of a device on the engine's own flash and sample port where it has them: every engine keeps, finds and adds up the same. */
import type { Value } from "../../sdk/core/model/registry";
import { crc16 } from "../../sdk/core/wire/crc-16";
import type { FlashPort } from "../../sdk/storage/flash-port";
import { MemoryFlash } from "../../sdk/storage/memory-flash";
import { PortableSamples } from "../../sdk/storage/ring/portable-samples";
import { RingStore } from "../../sdk/storage/ring/ring-store";
import type { SampleQuery, SeriesRecord, Summary } from "../../sdk/storage/store-port";
import { Dice, expectEqual, toHex, type Case } from "./case";

/** Sectors of the flash that an engine brings. */
const sectorCount = 8;
const startMs = 1_790_000_000_000;

interface Sample {
  readonly value: Value;
  readonly timeMs: number;
  readonly policy: number;
}

/** Runs a case on flash that is erased; `open` is a start of the device. */
function onFlash(run: (open: () => RingStore, flash: FlashPort) => unknown): Case["run"] {
  return ({ storage }) => {
    const flash = storage?.flash ?? new MemoryFlash(sectorCount);
    const samples = storage?.samples ?? new PortableSamples(flash);
    for (let sector = 0; sector < flash.sectorCount; sector++) flash.erase(sector);
    return run(() => new RingStore(flash, samples), flash);
  };
}

function visited(store: RingStore, series: number, fromMs = -Infinity, toMs = Infinity): Sample[] {
  const found: Sample[] = [];
  store.scan(series, fromMs, toMs, (value, timeMs, policy) => found.push({ value, timeMs, policy }) > 0);
  return found;
}

/** A text as a number: results of engines are compared by it. By code points, as engines differ in what an index of a text is. */
function mixed(print: number, text: string): number {
  for (const sign of text) print = (Math.imul(print, 31) + sign.codePointAt(0)!) | 0;
  return print;
}

/** All that a store says, as a number. */
function fingerprint(store: RingStore, seriesCount: number): number {
  const policies: number[] = [];
  store.policiesInUse((policy) => policies.push(policy));
  let print = mixed(0, JSON.stringify([policies, store.catalogue.restore()]));
  for (let series = 0; series < seriesCount; series++) {
    print = mixed(print, String(store.newestMs(series)));
    store.scan(series, -Infinity, Infinity, (value, timeMs, policy) => {
      print = mixed(print, `${typeof value} ${value instanceof Uint8Array ? toHex(value) : String(value)} ${timeMs} ${policy}`);
      return true;
    });
  }
  return print;
}

function record(variable: number): SeriesRecord {
  return { variable, device: "sensor", owner: "customer", policy: 1, policySequence: 1, longestDelayS: 60, policiesHad: [1] };
}

/** Made anew for each case: what stands in flash cannot be written, and buffers can. */
const edgeValues = (): Value[] => [0, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 0.5, -0.25, 2 ** 53 - 1, 1e300, true, false, "", "üäö€\u{1f50c}", new Uint8Array(0), Uint8Array.of(1, 255), new Uint8Array(120)];

/** Values of every type, most of them small whole numbers. */
function anyValue(dice: Dice): Value {
  const kind = dice.below(12);
  if (kind < 7) return dice.below(2000) - 1000;
  if (kind === 7) return (dice.below(2 ** 30) - 2 ** 29) * 4;
  if (kind === 8) return dice.below(2 ** 30) * 2 ** 20;
  if (kind === 9) return (dice.below(4001) - 2000) / 4;
  return kind === 10 ? dice.below(2) === 1 : dice.bytes(dice.below(121));
}

/** What a query has to give, from each sample that is visited. */
function expected(store: RingStore, query: SampleQuery): unknown[] {
  const looked = visited(store, query.series, query.fromMs, query.toMs);
  const seen = looked.filter(({ policy }) => (query.policies >>> policy) & 1);
  const counted = seen.filter(({ value }) => typeof value === "number" && value >= query.least && value <= query.greatest) as (Sample & { readonly value: number })[];
  const first = counted[0]?.value ?? 0;
  const pick = (better: (one: Sample, best: Sample) => boolean) => counted.reduce((best, one) => (better(one, best) ? one : best), counted[0]!);
  return [
    [looked.length, looked.length - seen.length, counted.length, first],
    counted.length ? [pick((one, best) => one.value < best.value), pick((one, best) => one.value > best.value), pick((one, best) => one.timeMs >= best.timeMs)] : [],
    [rounded(counted.reduce((sum, { value }) => sum + value, 0)), rounded(counted.reduce((sum, { value }) => sum + (value - first) ** 2, 0))],
  ];
}

function told({ looked, hidden, count, pivot, minimum, maximum, last, total, squares }: Summary): unknown[] {
  return [[looked, hidden, count, pivot], count ? [minimum, maximum, last] : [], [rounded(total), rounded(squares)]];
}

/** The order in which doubles are added is left to the engine. */
function rounded(sum: number): number {
  return Number(sum.toPrecision(10));
}

export const storageCases: readonly Case[] = [
  {
    name: "CP-6 a ring of flash keeps values of every type, and after a restart all of them are there",
    run: onFlash((open) => {
      const edges = edgeValues();
      const store = open();
      edges.forEach((value, i) => expectEqual(store.append(i % 3, value, startMs + i, i), "kept", `value ${i}`));
      const before = fingerprint(store, 3);
      const again = open();
      edges.forEach((value, i) => {
        const found = visited(again, i % 3, startMs + i, startMs + i + 1);
        expectEqual(found, [{ value, timeMs: startMs + i, policy: i }], `value ${i}`);
        expectEqual(again.append(i % 3, value, startMs + i, i), "known", `value ${i} once more`);
      });
      expectEqual(fingerprint(again, 3), before, "all after a restart");
      return before;
    }),
  },
  {
    name: "CP-6 SP-2 a ring that is full gives up its oldest sector, and with it the policies that only its samples had",
    run: onFlash((open) => {
      const prints: number[] = [];
      let store = open();
      for (let i = 0; i < 4000; i++) {
        if (i % 500 === 0) expectEqual(store.catalogue.keepSeries(i % 3, record(i)), true, "the catalogue");
        expectEqual(store.append(i % 3, i, startMs + i * 1000, i >> 7), "kept", `sample ${i}`);
        if (i % 900 !== 899) continue;
        const before = fingerprint(store, 3);
        store = open();
        expectEqual(fingerprint(store, 3), before, "all after a restart");
        prints.push(before);
      }
      const policies = new Set<number>();
      let count = 0;
      for (let series = 0; series < 3; series++) {
        const kept = visited(store, series);
        kept.forEach(({ value, policy }, i) => {
          expectEqual(value, 3999 - ((3999 - series) % 3) - 3 * (kept.length - 1 - i), "the newest, without a gap");
          policies.add(policy);
        });
        count += kept.length;
      }
      const used: number[] = [];
      store.policiesInUse((policy) => used.push(policy));
      expectEqual(used, Array.from(policies).sort((a, b) => a - b), "policies in use");
      return [prints, count];
    }),
  },
  {
    name: "DI-4 samples are added up in flash as they are when each is visited",
    run: onFlash((open) => {
      const dice = new Dice(21);
      const writer = open();
      // Of the second series many are alike, and the clock goes back now and then.
      const valueOf = (series: number) => (series === 1 ? dice.below(3) : anyValue(dice));
      for (let i = 0; i < 900; i++) {
        const series = dice.below(3);
        writer.append(series, valueOf(series), startMs + i * 10 - (dice.below(3) === 0 ? 25 : 0), dice.below(4));
      }
      const store = open();
      let print = 0;
      for (let i = 0; i < 80; i++) {
        const fromMs = startMs + dice.below(9000) - 500.5;
        const query = {
          series: dice.below(4),
          fromMs: dice.below(4) ? fromMs : -Infinity,
          toMs: dice.below(4) ? fromMs + dice.below(9000) : Infinity,
          least: dice.below(2) ? dice.below(1200) - 1000.5 : -Infinity,
          greatest: dice.below(2) ? dice.below(2000) / 2 : Infinity,
          policies: dice.below(16),
        };
        const result = told(store.summarise(query));
        expectEqual(result, expected(store, query), `query ${i}`);
        print = mixed(print, JSON.stringify(result));
      }
      return print;
    }),
  },
  {
    name: "CP-6 a record whose length does not fit its type, or is above any, is damage whatever its checksum says: nothing of it is given, and the ring goes on",
    run: onFlash((open, flash) => {
      const lengths: [length: number, type: number][] = [[12, 1], [15, 1], [17, 1], [12, 2], [19, 2], [12, 3], [14, 3], [133, 4], [200, 5], [254, 9]];
      return lengths.map(([length, type]) => {
        for (let sector = 0; sector < flash.sectorCount; sector++) flash.erase(sector);
        const place = 2 * flash.sectorBytes + 20 + 16;
        expectEqual(open().append(0, 7, startMs, 0), "kept", "the first");
        const forged = new Uint8Array(length + 16);
        for (const [at, size, kind] of [[0, length, type], [length, 16, 1]] as const) {
          forged.set([size, kind, 0, 0, 0, 0, 0, 1, 0, 1], at);
          const crc = crc16(forged, at, at + size - 2);
          forged.set([crc & 0xff, crc >> 8], at + size - 2);
        }
        flash.program(place, forged, forged.length);
        const store = open();
        const all = { series: 0, fromMs: 0, toMs: Infinity, least: -Infinity, greatest: Infinity, policies: 1 };
        expectEqual([visited(store, 0).map(({ value }) => value), store.summarise(all).looked], [[7], 1], `length ${length}, type ${type}`);
        expectEqual(store.append(0, 8, startMs + 1, 0), "kept", "the next");
        return visited(open(), 0).map(({ value }) => value);
      });
    }),
  },
  {
    name: "CP-6 bits that have fallen in flash are found: nothing is given that was not kept, and the ring goes on",
    run: onFlash((open, flash) => {
      const dice = new Dice(22);
      const byte = new Uint8Array(1);
      const prints: number[] = [];
      let store = open();
      store.catalogue.keepSeries(0, record(1));
      let i = 0;
      for (let round = 0; round < 12; round++) {
        for (const end = i + 120; i < end; i++) expectEqual(store.append(0, i * 7, startMs + i, 1), "kept", `sample ${i}`);
        // The catalogue in every fourth round alone: without it all is given up.
        for (let fallen = 0; fallen < (round % 4 === 3 ? 1 : 6);) {
          const place = round % 4 === 3 ? dice.below(2) * flash.sectorBytes + dice.below(64) : 2 * flash.sectorBytes + dice.below((flash.sectorCount - 2) * flash.sectorBytes);
          flash.read(place, byte, 1);
          // Of what was not written yet nothing falls: it would only end the sector.
          if (byte[0] === 0 || byte[0] === 0xff) continue;
          byte[0] = byte[0]! & (byte[0]! - 1);
          flash.program(place, byte, 1);
          fallen++;
        }
        store = open();
        for (const { value, timeMs } of visited(store, 0)) expectEqual(value, (timeMs - startMs) * 7, "a sample that was kept");
        expectEqual(visited(store, 1).length + visited(store, 2).length, 0, "samples of other series");
        prints.push(fingerprint(store, 3));
        if (!store.catalogue.restore().series.length) expectEqual([visited(store, 0).length, store.catalogue.keepSeries(0, record(1))], [0, true], "without a catalogue");
      }
      return prints;
    }),
  },
];
