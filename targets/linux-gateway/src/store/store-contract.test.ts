/** What every store promises, against the store in memory as the model: the engines of the gateway, over restarts and power cuts. */
import fc from "fast-check";
import { MemoryStore, type KeptStatement, type PolicyRecord, type SeriesRecord, type StorePort, type Value } from "ebalance";
import { afterAll, describe, expect, test } from "vitest";
import { copyOf, engines, newFolder, removeFolders, samplesOf, type Opened } from "./test-stores";

afterAll(removeFolders);

const hostileValues: Value[] = [0, 1, -1.5, 1e300, 2 ** 53 - 1, true, false, "", "1", "a\u0000b", "ü€😀", new Uint8Array(), Uint8Array.of(1), Uint8Array.of(49)];

const stores = [
  { name: "memory", reason: "", open: (samples = 1024): StorePort => new MemoryStore(samples) },
  ...engines.map(({ name, reason, open }) => ({ name, reason, open: (samples = 1024): StorePort => open(newFolder(), samples).store })),
];

for (const { name, reason, open } of stores)
  describe.skipIf(reason)(`CP-6 the contract of a store: ${name}${reason && ` (left out: ${reason})`}`, () => {
    test("values of every type come back as they were, in the order in which those of one time came", () => {
      const store = open();
      hostileValues.forEach((value, policy) => expect(store.append(3, value, 1000.5, policy)).toBe("kept"));
      expect(samplesOf(store, 3)).toEqual(hostileValues.map((value, policy) => ({ value, timeMs: 1000.5, policy })));
      for (const value of hostileValues) expect(store.append(3, value, 1000.5, 99)).toBe("known");
      for (const { value } of samplesOf(store, 3)) if (value instanceof Uint8Array) expect(value.constructor).toBe(Uint8Array);
    });

    test("a full series gives up its oldest, and takes none that is older", () => {
      const store = open(3);
      [10, 30, 20, 40].forEach((timeMs) => expect(store.append(0, timeMs, timeMs, timeMs)).toBe("kept"));
      expect(store.append(0, 1, 19, 1)).toBe("tooOld");
      expect(store.append(0, 20, 20, 1)).toBe("known");
      expect(store.append(0, 21, 20, 1)).toBe("kept");
      expect(samplesOf(store, 0).map((sample) => sample.value)).toEqual([21, 30, 40]);
    });

    test("SP-2 the policies in use are those of the samples that are kept, and of no other", () => {
      const store = open(2);
      [1, 2, 3, 4].forEach((policy) => store.append(0, 0, policy, policy));
      store.append(7, 0, 0, 9);
      samplesOf(store, 0);
      const used = new Set<number>();
      store.policiesInUse((policy) => used.add(policy));
      expect([...used].sort()).toEqual([3, 4, 9]);
    });

    test("a scan keeps to its bounds, ends where the visitor says so, and may be longer than one page", () => {
      const store = open(5000);
      for (let i = 0; i < 3500; i++) store.append(0, i, Math.floor(i / 2), 0);
      expect(samplesOf(store, 0).map((sample) => sample.value)).toEqual(Array.from({ length: 3500 }, (_, i) => i));
      expect(samplesOf(store, 0, 2, 4).map((sample) => sample.value)).toEqual([4, 5, 6, 7]);
      const seen: Value[] = [];
      store.scan(0, 499, Infinity, (value) => seen.push(value) < 1003);
      expect([seen.length, seen[0], seen[1002]]).toEqual([1003, 998, 2000]);
      expect([samplesOf(store, 1), samplesOf(store, 0, 9, 9)]).toEqual([[], []]);
    });

    test("the time of the newest sample is known, in whatever order they came", () => {
      const store = open();
      expect(store.newestMs(0)).toBe(-Infinity);
      for (const timeMs of [20, 10.5, 30, 25]) store.append(0, 1, timeMs, 0);
      store.append(2, 1, 7, 0);
      expect([store.newestMs(0), store.newestMs(1), store.newestMs(2)]).toEqual([30, -Infinity, 7]);
    });

    test("a visitor may write to the store", () => {
      const store = open();
      for (let i = 0; i < 10; i++) store.append(0, i, i, 0);
      store.scan(0, 0, 10, (value, timeMs) => store.append(1, value, 9 - timeMs, 0) === "kept");
      expect(samplesOf(store, 1).map((sample) => sample.value)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    });
  });

/** A statement about samples from one time to another, both among them. */
const statement = (series: number, firstMs: number, lastMs: number, byte: number): KeptStatement => ({ series, fromMs: firstMs, toMs: lastMs + 1, bytes: new Uint8Array(300).fill(byte), signer: signers[byte % 3]! });
const signers = [0, 1, 40_000].map((length) => new Uint8Array(length).fill(length));
const statementsOf = (store: StorePort, series: number, fromMs = -Infinity, toMs = Infinity) => store.statements!.of(series, fromMs, toMs).map(({ bytes }) => bytes[0]);

for (const { name, reason, open } of stores)
  describe.skipIf(reason)(`SP-1 the contract of a store of statements: ${name}${reason && ` (left out: ${reason})`}`, () => {
    test("statements come back as they were, those that have samples in the time asked for, in order of their ends, each once", () => {
      const store = open();
      const { statements } = store;
      expect([statement(3, 10, 19, 1), statement(3, 30, 39, 3), statement(3, 20, 29, 2), statement(4, 10, 19, 9), statement(3, 25, 29, 4)].map((one) => statements!.keep(one))).toEqual(Array(5).fill("kept"));
      expect([statements!.keep(statement(3, 20, 29, 2)), statements!.keep(statement(4, 10, 19, 9))]).toEqual(["known", "known"]);
      expect(statements!.of(3, 20, 21)).toEqual([statement(3, 20, 29, 2)]);
      expect([statementsOf(store, 3), statementsOf(store, 3, 19, 30), statementsOf(store, 3, 39), statementsOf(store, 3, 40), statementsOf(store, 3, 0, 10), statementsOf(store, 7)]).toEqual([[1, 2, 4, 3], [1, 2, 4], [3], [], [], []]);
    });

    test("what is kept is a copy: whoever goes on using its bytes changes nothing", () => {
      const store = open();
      const one = statement(0, 1, 2, 5);
      store.statements!.keep(one);
      one.bytes.fill(6);
      expect(statementsOf(store, 0)).toEqual([5]);
    });

    test("a statement goes when its last sample has gone, and not before", () => {
      const store = open(3);
      store.statements!.keep(statement(0, 1, 2, 1));
      store.statements!.keep(statement(0, 3, 4, 2));
      for (const timeMs of [1, 2, 3, 4]) store.append(0, timeMs, timeMs, 0);
      samplesOf(store, 0);
      expect(statementsOf(store, 0)).toEqual([1, 2]);
      store.append(0, 5, 5, 0);
      samplesOf(store, 0);
      expect(statementsOf(store, 0)).toEqual([2]);
    });
  });

const record = (sequence: number): SeriesRecord => ({ variable: 3, device: "meter", owner: "cüstomer", policy: 1, policySequence: sequence, longestDelayS: 5, policiesHad: [0, 1] });
const policy = (sequence: number): PolicyRecord => ({ owner: "customer", policy: { sequence, entries: [{ rights: "read", minDelayS: 5, grantees: [{ stakeholder: "supplier", service: "billing" }] }] } });

type Step = ["append", number, Value, number, number] | ["scan", number, number, number] | ["commit"] | ["series", number, number] | ["policy", number, number] | ["reopen"] | ["powerCut"];
const small = fc.integer({ min: 0, max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(fc.constant("append" as const), fc.nat(2), fc.oneof(fc.nat(2), fc.constantFrom(...hostileValues)), small, fc.nat(5)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("scan" as const), fc.nat(2), fc.integer({ min: -1, max: 21 }), fc.integer({ min: -1, max: 21 })) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("commit" as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("series" as const), fc.nat(2), small) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("policy" as const), fc.nat(5), small) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("reopen" as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("powerCut" as const)) },
);

/** What must be in the store after a list of steps. */
class Model {
  readonly memory: MemoryStore;
  series: SeriesRecord[] = [];
  policies: (PolicyRecord | undefined)[] = [];

  constructor(
    private readonly capacity: number,
    readonly steps: Step[] = [],
  ) {
    this.memory = new MemoryStore(capacity);
    for (const one of steps.splice(0)) this.do(one);
  }

  do(one: Step): string | undefined {
    this.steps.push(one);
    if (one[0] === "append") return this.memory.append(one[1], one[2], one[3], one[4]);
    if (one[0] === "series") this.series[Math.min(one[1], this.series.length)] = record(one[2]);
    if (one[0] === "policy") this.policies[one[1]] = policy(one[2]);
    return undefined;
  }

  copy(): Model {
    return new Model(this.capacity, [...this.steps]);
  }
}

for (const { name, reason, open } of engines)
  describe.skipIf(reason)(`CP-6 kept over restarts: ${name}${reason && ` (left out: ${reason})`}`, () => {
    test("any steps leave what the store in memory would have; a power cut leaves all that was acknowledged, and nothing else", () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, capacity) => {
          let folder = newFolder();
          let opened: Opened = open(folder, capacity);
          let model = new Model(capacity);
          let acknowledged = model.copy();
          const commit = () => {
            const at = model.copy();
            opened.store.afterCommit((kept) => kept && (acknowledged = at));
            opened.timers.fire();
            expect(acknowledged).toBe(at);
          };
          const policies = (store: StorePort) => {
            const used = new Set<number>();
            store.policiesInUse((index) => used.add(index));
            return [...used].sort();
          };
          const check = () => {
            for (let series = 0; series < 3; series++) expect(samplesOf(opened.store, series)).toEqual(samplesOf(model.memory, series));
            expect(policies(opened.store)).toEqual(policies(model.memory));
            expect(opened.store.catalogue.restore()).toEqual({ series: model.series, policies: Array.from(model.policies) });
          };
          for (const one of steps) {
            if (one[0] === "append") expect(opened.store.append(one[1], one[2], one[3], one[4])).toBe(model.do(one));
            if (one[0] === "scan") expect(samplesOf(opened.store, one[1], one[2], one[3])).toEqual(samplesOf(model.memory, one[1], one[2], one[3]));
            if (one[0] === "series") expect(opened.store.catalogue.keepSeries(Math.min(one[1], model.series.length), record(one[2]))).toBe(true);
            if (one[0] === "policy") expect(opened.store.catalogue.keepPolicy(one[1], policy(one[2]))).toBe(true);
            if (one[0] === "series" || one[0] === "policy") model.do(one);
            if (one[0] === "commit") commit();
            if (one[0] === "reopen") {
              opened.store.close();
              opened = open(folder, capacity);
              acknowledged = model.copy();
              check();
            }
            if (one[0] === "powerCut") {
              folder = copyOf(folder);
              opened.store.close();
              opened = open(folder, capacity);
              model = acknowledged.copy();
              check();
            }
            expect(opened.log).toEqual([]);
          }
          check();
          opened.store.close();
          removeFolders();
        }),
        { numRuns: 150 },
      );
    }, 60_000);

    test("more samples than are sorted in at once, kept over a power cut with the policies that they use", () => {
      const folder = newFolder();
      const { store, timers } = open(folder, 700);
      for (let i = 0; i < 5000; i++) expect(store.append(i % 5, i, i, i % 7)).toBe("kept");
      timers.fire();
      const { store: again } = open(copyOf(folder), 700);
      for (let series = 0; series < 5; series++) {
        const samples = samplesOf(again, series);
        expect([samples.length, samples[0]!.value, samples[699]!.value]).toEqual([700, 1500 + series, 4995 + series]);
      }
      const used = new Set<number>();
      again.policiesInUse((index) => used.add(index));
      expect([...used].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
      store.close();
      again.close();
    });

    test("SP-1 a statement is acknowledged with its samples or not at all, and goes with them after a restart", () => {
      const folder = newFolder();
      const { store, timers } = open(folder, 3);
      const take = (timeMs: number) => [store.statements.keep(statement(0, timeMs, timeMs, timeMs)), store.append(0, timeMs, timeMs, 0)];
      [1, 2].forEach(take);
      timers.fire();
      expect([take(3), samplesOf(store, 0).length, statementsOf(store, 0)]).toEqual([["kept", "kept"], 3, [1, 2, 3]]);
      const cut = open(copyOf(folder), 3).store;
      expect([samplesOf(cut, 0).map(({ value }) => value), statementsOf(cut, 0)]).toEqual([[1, 2], [1, 2]]);
      cut.close();
      store.close();
      const { store: again } = open(folder, 3);
      expect([again.statements.keep(statement(0, 2, 2, 2)), again.statements.of(0, 3, 4)]).toEqual(["known", [statement(0, 3, 3, 3)]]);
      again.append(0, 4, 4, 0);
      expect([samplesOf(again, 0).length, statementsOf(again, 0)]).toEqual([3, [2, 3]]);
      again.close();
    });

    test("opened to keep fewer samples, a series keeps the newest from its next sample on", () => {
      const folder = newFolder();
      const before = open(folder, 10);
      for (let i = 0; i < 10; i++) before.store.append(0, i, i, i);
      before.store.close();
      const { store } = open(folder, 3);
      store.append(0, 10, 10, 10);
      expect(samplesOf(store, 0).map((sample) => sample.value)).toEqual([8, 9, 10]);
      store.close();
    });

    test("a store that was closed keeps nothing more, and says so", () => {
      const { store } = open(newFolder());
      store.append(0, 1, 1, 0);
      const told: boolean[] = [];
      store.afterCommit((kept) => told.push(kept));
      store.close();
      store.close();
      store.afterCommit((kept) => told.push(kept));
      expect([told, store.append(0, 2, 2, 0), store.catalogue.keepPolicy(1, policy(1))]).toEqual([[true, false], "failed", false]);
    });
  });
