/** A database that is full at times: SQLite's own limit of pages makes it so, in the middle of whatever is under way. */
import { join } from "node:path";
import fc from "fast-check";
import { MemoryStore } from "ebalance";
import { afterAll, describe, expect, test } from "vitest";
import { findSqlite, type SqliteDatabase, type SqliteDriver } from "./sqlite-driver";
import { SqliteStore } from "./sqlite-store";
import { copyOf, ManualTimers, newFolder, removeFolders, samplesOf } from "./test-stores";

afterAll(removeFolders);

const sqlite = await findSqlite();
const reason = typeof sqlite === "string" ? sqlite : "";

function open(folder: string, samples: number) {
  let database: SqliteDatabase | undefined;
  const real = sqlite as SqliteDriver;
  const driver: SqliteDriver = { name: real.name, open: (path) => (database = real.open(path)) };
  const timers = new ManualTimers();
  const log: string[] = [];
  const store = new SqliteStore(driver, join(folder, "store.db"), samples, timers, (level, line) => log.push(`${level} ${line}`));
  return {
    store,
    timers,
    log,
    // A limit below what there is means: no page more.
    setFull: (full: boolean) => database!.exec(`PRAGMA max_page_count = ${full ? 1 : 1e6}`),
    /** Not even what would fit into the pages that there are. */
    takesNothing: (nothing: boolean) => database!.exec(`PRAGMA query_only = ${nothing ? 1 : 0}`),
  };
}

type Step = ["append", number, number, number] | ["scan"] | ["commit"] | ["full", boolean];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.constant("append" as const), fc.nat(2), fc.integer({ min: 0, max: 400 }), fc.nat(5)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("scan" as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("commit" as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("full" as const), fc.boolean()) },
);
// Long, so that there is soon no page left.
const text = "x".repeat(1500);

describe.skipIf(reason)(`CP-6 a full database${reason && ` (left out: ${reason})`}`, () => {
  test("takes up where it was as soon as there is room: nothing that was said to be kept is lost, no policy in use forgotten", () => {
    let refusals = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 300 }), fc.integer({ min: 3, max: 100 }), (steps, capacity) => {
        const folder = newFolder();
        const { store, timers, setFull } = open(folder, capacity);
        const model = new MemoryStore(capacity);
        let full = false;
        for (const one of steps) {
          if (one[0] === "full") setFull((full = one[1]));
          if (one[0] === "scan") samplesOf(store, 0);
          if (one[0] === "commit") {
            const told: boolean[] = [];
            store.afterCommit((kept) => told.push(kept));
            timers.fire();
            expect(told).toHaveLength(1);
            if (!told[0]) refusals++;
            expect(told[0] || full).toBe(true);
          }
          if (one[0] !== "append") continue;
          const [, series, timeMs, policy] = one;
          const appended = store.append(series, text + timeMs, timeMs, policy);
          if (appended === "failed") expect(full).toBe(true);
          else expect(appended).toBe(model.append(series, text + timeMs, timeMs, policy));
        }
        setFull(false);
        timers.fire();
        const { store: again } = open(copyOf(folder), capacity);
        for (const one of [store, again]) {
          for (let series = 0; series < 3; series++) expect(samplesOf(one, series)).toEqual(samplesOf(model, series));
          expect(policies(one)).toEqual(policies(model));
          one.close();
        }
        removeFolders();
      }),
      { numRuns: 60 },
    );
    expect(refusals).toBeGreaterThan(20);
  }, 60_000);

  test("that takes nothing any more lets 8192 entries wait and fails the next; with room again all of them are kept, and there is a place for more", () => {
    const folder = newFolder();
    const { store, timers, log, takesNothing } = open(folder, 10_000);
    takesNothing(true);
    const append = (timeMs: number) => store.append(0, timeMs, timeMs, 0);
    const waiting = Array.from({ length: 8192 }, (_, i) => i);
    expect(new Set(waiting.map(append))).toEqual(new Set(["kept"]));
    expect([append(8192), append(8193)]).toEqual(["failed", "failed"]);
    timers.fire();
    expect([append(8192), log.length]).toEqual(["failed", 1]);
    takesNothing(false);
    timers.fire();
    expect(append(8192)).toBe("kept");
    timers.fire();
    const { store: again } = open(copyOf(folder), 10_000);
    expect(samplesOf(again, 0).map((sample) => sample.value)).toEqual([...waiting, 8192]);
    for (const one of [store, again]) one.close();
  });
});

function policies(store: Pick<MemoryStore, "policiesInUse">): number[] {
  const used = new Set<number>();
  store.policiesInUse((policy) => used.add(policy));
  return [...used].sort();
}
