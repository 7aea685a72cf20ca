/** Damaged files: what can be read is kept, the rest is set aside, the unit starts, and no older policy comes into force again. */
import { appendFileSync, closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { PolicyRecord, SeriesRecord } from "ebalance";
import { afterAll, describe, expect, test } from "vitest";
import { readEntries } from "./records";
import { findSqlite, type SqliteDriver } from "./sqlite-driver";
import { SqliteStore } from "./sqlite-store";
import { SqliteTables } from "./sqlite-tables";
import { copyOf, engines, ManualTimers, newFolder, removeFolders, samplesOf, type Engine, type Opened } from "./test-stores";

afterAll(removeFolders);

const found = await findSqlite();
const driver = () => found as SqliteDriver;
const [sqlite, frames] = engines as readonly [Engine, Engine];
const series: SeriesRecord = { variable: 3, device: "meter", owner: "customer", policy: 1, policySequence: 7, longestDelayS: 5, policiesHad: [0, 1] };
const policy = (sequence: number): PolicyRecord => ({ owner: "customer", policy: { sequence, entries: [] } });
const aside = (folder: string, file: string) => readdirSync(folder).filter((name) => name.startsWith(`${file}.damaged-`));

/** Keeps some samples of one series; each call is one commit. */
function keep({ store, timers }: Opened, from: number, to: number): void {
  for (let i = from; i < to; i++) expect(store.append(0, i, i, 1)).toBe("kept");
  const told: boolean[] = [];
  store.afterCommit((kept) => told.push(kept));
  timers.fire();
  expect(told).toEqual([true]);
}

function overwrite(path: string, at: number, bytes: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(bytes, 0x5a), 0, bytes, at);
  closeSync(file);
}

const values = ({ store }: Opened) => samplesOf(store, 0).map((sample) => sample.value);
const upTo = (n: number, from = 0) => Array.from({ length: n - from }, (_, i) => from + i);

for (const { name, file, reason, open } of engines)
  describe.skipIf(reason)(`CP-6 damage: ${name}${reason && ` (left out: ${reason})`}`, () => {
    test("what is no store at all is set aside whole, said by name, and a new store begun", () => {
      const folder = newFolder();
      writeFileSync(join(folder, file), "this is no store\n".repeat(1000));
      const opened = open(folder);
      const [name] = aside(folder, file);
      expect(opened.log).toEqual([expect.stringContaining(`error store ${join(folder, file)} is damaged`)]);
      expect(opened.log[0]).toContain(join(folder, name!));
      expect(readFileSync(join(folder, name!), "utf8")).toContain("this is no store");
      keep(opened, 0, 10);
      opened.store.close();
      const again = open(folder, 1000);
      expect([values(again), again.log]).toEqual([upTo(10), []]);
      again.store.close();
    });

    test("an empty file, as a power cut at the first start leaves it, is a new store", () => {
      const folder = newFolder();
      writeFileSync(join(folder, file), "");
      const opened = open(folder);
      keep(opened, 0, 3);
      expect([values(opened), opened.log]).toEqual([[0, 1, 2], []]);
      opened.store.close();
    });

    test("a store of a later release is left as it is", () => {
      const folder = newFolder();
      open(folder).store.close();
      const path = join(folder, file);
      const handle = openSync(path, "r+");
      // The version: user_version in the header of SQLite, the second word of a frame file.
      writeSync(handle, Uint8Array.of(name === "sqlite" ? 0 : 9, 0, 0, name === "sqlite" ? 9 : 0), 0, 4, name === "sqlite" ? 60 : 4);
      closeSync(handle);
      const before = readFileSync(path);
      expect(() => open(folder)).toThrow(expect.objectContaining({ code: "bad-configuration", message: expect.stringContaining("has version 9") as string }));
      expect([readFileSync(path).equals(before), aside(folder, file)]).toEqual([true, []]);
    });
  });

describe.skipIf(sqlite.reason)(`CP-6 a damaged database${sqlite.reason && ` (left out: ${sqlite.reason})`}`, () => {
  test("damage that is found under way costs the samples that were sorted in, not the catalogue, nor what comes", () => {
    const folder = newFolder();
    const first = sqlite.open(folder, 1e5);
    first.store.catalogue.keepSeries(0, series);
    first.store.catalogue.keepPolicy(1, policy(7));
    keep(first, 0, 20_000);
    first.store.close();
    const path = join(folder, sqlite.file);
    overwrite(path, 200_000, statSync(path).size - 250_000);
    const opened = sqlite.open(folder, 1e5);
    expect(opened.log).toEqual([]);
    const readable = values(opened);
    expect(readable.length).toBeLessThan(20_000);
    expect(readable).toEqual(upTo(readable.length));
    expect(opened.log).toEqual([expect.stringMatching(/^error store .* is damaged \(.*\): it was set aside as .*damaged-.*, and a new one is begun$/)]);
    expect(aside(folder, sqlite.file)).toHaveLength(1);
    keep(opened, 20_000, 20_010);
    const again = sqlite.open(copyOf(folder), 1e5);
    expect([values(again), again.log]).toEqual([upTo(20_010, 20_000), []]);
    expect(again.store.catalogue.restore()).toEqual({ series: [series], policies: [undefined, policy(7)] });
    again.store.close();
    opened.store.close();
  });

  test("SP-2 a record of the catalogue that differs by one letter is not taken", () => {
    const folder = newFolder();
    const first = sqlite.open(folder);
    first.store.catalogue.keepSeries(0, series);
    first.store.catalogue.keepPolicy(1, policy(7));
    first.store.close();
    const path = join(folder, sqlite.file);
    const bytes = readFileSync(path);
    bytes.write("D", bytes.indexOf('"device":"meter"') + 1);
    writeFileSync(path, bytes);
    const opened = sqlite.open(folder);
    expect(opened.log[0]).toContain("the checksum of series 0 is wrong");
    expect(opened.store.catalogue.restore()).toEqual({ series: [], policies: [] });
    opened.store.close();
  });

  test("SP-2 a catalogue with a gap is not taken: what follows would go to the wrong series", () => {
    const folder = newFolder();
    const first = sqlite.open(folder);
    [0, 1, 2].forEach((index) => first.store.catalogue.keepSeries(index, series));
    first.store.close();
    const database = driver().open(join(folder, sqlite.file));
    database.exec("DELETE FROM series WHERE id = 1");
    database.close();
    const opened = sqlite.open(folder);
    expect(opened.log[0]).toContain("the record of series 1 is missing");
    expect(opened.store.catalogue.restore().series).toEqual([]);
    opened.store.close();
  });

  test("set aside while the disk is full, it gets its catalogue back as soon as there is room", () => {
    const folder = newFolder();
    const path = join(folder, sqlite.file);
    const first = sqlite.open(folder, 1e5);
    // More than fits into the pages that empty tables take.
    for (let i = 0; i < 100; i++) first.store.catalogue.keepSeries(i, { ...series, device: `meter ${i} ${"x".repeat(400)}` });
    keep(first, 0, 20_000);
    const before = first.store.catalogue.restore();
    first.store.close();
    overwrite(path, 200_000, statSync(path).size - 250_000);

    let pages = 1e6;
    const limited: SqliteDriver = {
      name: driver().name,
      open: (name) => {
        const database = driver().open(name);
        database.exec(`PRAGMA max_page_count = ${pages}`);
        return database;
      },
    };
    const timers = new ManualTimers();
    const log: string[] = [];
    const store = new SqliteStore(limited, path, 1e5, timers, (level, line) => log.push(`${level} ${line}`));
    pages = 12;
    expect(store.append(0, 1, 20_000, 1)).toBe("kept");
    const told: boolean[] = [];
    const ask = () => store.afterCommit((kept) => told.push(kept));
    ask();
    samplesOf(store, 0);
    timers.fire();
    pages = 1e6;
    ask();
    timers.fire();
    expect(told).toEqual([false, true]);
    expect(log.filter((line) => line.includes("set aside"))).toHaveLength(1);
    const again = sqlite.open(copyOf(folder));
    expect([again.store.catalogue.restore(), samplesOf(again.store, 0).length]).toEqual([before, 1]);
    again.store.close();
    store.close();
  });

  test("the journal is short, however much is kept and nobody reads", () => {
    const folder = newFolder();
    const opened = sqlite.open(folder);
    for (let from = 0; from < 20_000; from += 100) keep(opened, from, from + 100);
    const tables = new SqliteTables(driver(), join(copyOf(folder), sqlite.file));
    expect(tables.journaled().flatMap(readEntries).length).toBeLessThanOrEqual(2048);
    tables.close();
    opened.store.close();
  });
});

describe("CP-6 a damaged frame file", () => {
  /** Three commits; the second ends with a record of the catalogue where `policyToo` says so. */
  function written(policyToo: boolean): { folder: string; path: string; ends: number[] } {
    const folder = newFolder();
    const path = join(folder, frames.file);
    const opened = frames.open(folder);
    opened.store.catalogue.keepSeries(0, series);
    opened.store.catalogue.keepPolicy(1, policy(6));
    const ends = [0, 10, 20].map((from) => {
      if (from === 10 && policyToo) opened.store.catalogue.keepPolicy(1, policy(7));
      keep(opened, from, from + 10);
      return statSync(path).size;
    });
    opened.store.close();
    return { folder, path, ends };
  }

  test("cut anywhere in its last frame, it has what was committed before, and goes on", () => {
    const { folder, path, ends } = written(false);
    for (let length = ends[1]!; length < ends[2]!; length++) {
      const copy = copyOf(folder);
      truncateSync(join(copy, frames.file), length);
      const opened = frames.open(copy);
      expect(values(opened)).toEqual(upTo(20));
      expect(opened.log).toEqual(length === ends[1] ? [] : [expect.stringMatching(/^warning .* the last \d+ bytes were torn off/)]);
      keep(opened, 20, 23);
      opened.store.close();
      const again = frames.open(copy);
      expect([values(again), again.log]).toEqual([upTo(23), []]);
      again.store.close();
    }
    expect(existsSync(path)).toBe(true);
    removeFolders();
  });

  test("a damaged place in the middle costs the samples of its frame only; the file as it was is kept, and the damage is said once", () => {
    const { folder, path, ends } = written(false);
    const reference = readFileSync(path);
    for (let at = ends[0]!; at < ends[1]!; at++) {
      const copy = newFolder();
      const damaged = Buffer.from(reference);
      damaged[at]! ^= 1 << at % 8;
      writeFileSync(join(copy, frames.file), damaged);
      const opened = frames.open(copy);
      expect(values(opened)).toEqual([...upTo(10), ...upTo(30, 20)]);
      expect(opened.log).toEqual([expect.stringContaining(`is damaged at 1 places, the first at byte ${ends[0]}`)]);
      expect(readFileSync(join(copy, aside(copy, frames.file)[0]!)).equals(damaged)).toBe(true);
      opened.store.close();
      const again = frames.open(copy);
      expect([values(again), again.log, again.store.catalogue.restore()]).toEqual([[...upTo(10), ...upTo(30, 20)], [], { series: [series], policies: [undefined, policy(6)] }]);
      again.store.close();
    }
    expect(readdirSync(folder)).toEqual([frames.file]);
    removeFolders();
  });

  test("SP-2 where a damaged place has swallowed a policy, nothing is taken: an older one must not come into force again", () => {
    const { folder, path, ends } = written(true);
    overwrite(path, ends[1]! - 5, 1);
    const opened = frames.open(folder);
    expect(opened.log[0]).toContain("1 records of series or policies are lost): it was set aside as");
    expect([values(opened), opened.store.catalogue.restore()]).toEqual([[], { series: [], policies: [] }]);
    expect(aside(folder, frames.file)).toHaveLength(1);
    opened.store.close();
  });

  test("is written anew when it holds much more than what is kept, and a half-written new file is no harm", { timeout: 20_000 }, () => {
    const folder = newFolder();
    const path = join(folder, frames.file);
    const opened = frames.open(folder, 100);
    opened.store.catalogue.keepSeries(0, series);
    opened.store.catalogue.keepPolicy(1, policy(7));
    let largest = 0;
    for (let from = 0; from < 200_000; from += 500) {
      keep(opened, from, from + 500);
      largest = Math.max(largest, statSync(path).size);
    }
    expect(largest).toBeGreaterThan(3_900_000);
    expect(statSync(path).size).toBeLessThan(2_000_000);
    copyFileSync(path, `${path}.new`);
    truncateSync(`${path}.new`, 100);
    opened.store.close();
    const again = frames.open(folder, 100);
    expect([values(again), again.log]).toEqual([upTo(200_000, 199_900), []]);
    expect(again.store.catalogue.restore()).toEqual({ series: [series], policies: [undefined, policy(7)] });
    expect(readdirSync(folder)).toEqual([frames.file]);
    again.store.close();
  });

  test("what follows the last frame is removed, be it a piece of an older one", () => {
    const { folder, path, ends } = written(false);
    appendFileSync(path, readFileSync(path).subarray(ends[0], ends[0]! + 40));
    const opened = frames.open(folder);
    keep(opened, 30, 31);
    opened.store.close();
    const again = frames.open(folder);
    expect([values(again), again.log]).toEqual([upTo(31), []]);
    again.store.close();
  });
});
