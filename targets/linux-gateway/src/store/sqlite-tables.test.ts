/** What is in force on the connection that is open: the libraries are not built with the same defaults. */
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findSqlite, type SqliteDatabase, type SqliteDriver } from "./sqlite-driver";
import { SqliteTables } from "./sqlite-tables";
import { newFolder, removeFolders } from "./test-stores";

afterAll(removeFolders);

const sqlite = await findSqlite();
const reason = typeof sqlite === "string" ? sqlite : "";

/** The settings of the connection that the tables work on. */
function settingsOf(path: string): unknown[] {
  let database: SqliteDatabase | undefined;
  const real = sqlite as SqliteDriver;
  const tables = new SqliteTables({ name: real.name, open: (name) => (database = real.open(name)) }, path);
  const setting = (name: string) => (database!.prepare(`PRAGMA ${name}`).get() as Record<string, unknown>)[name];
  const settings = ["journal_mode", "synchronous", "locking_mode"].map(setting);
  tables.close();
  return settings;
}

describe.skipIf(reason)(`CP-6 an open database${reason && ` (left out: ${reason})`}`, () => {
  test("writes a log ahead, waits for the disk at each commit (2: FULL) and lets nobody else in; opened again, too", () => {
    const path = join(newFolder(), "store.db");
    expect(settingsOf(path)).toEqual(["wal", 2, "exclusive"]);
    expect(settingsOf(path)).toEqual(["wal", 2, "exclusive"]);
  });

  test("of the release before it has statements from then on, and the samples that it had", () => {
    const path = join(newFolder(), "store.db");
    new SqliteTables(sqlite as SqliteDriver, path).close();
    const old = (sqlite as SqliteDriver).open(path);
    old.exec("DROP TABLE statement; PRAGMA user_version = 1; INSERT INTO sample VALUES (0, 5, 0, 0, 7, 0)");
    old.close();
    const tables = new SqliteTables(sqlite as SqliteDriver, path);
    tables.insertStatement.run(0, 5, 6, Uint8Array.of(1));
    expect([tables.proven(), tables.oldest.get(0)]).toEqual([[0], expect.objectContaining({ time: 5 })]);
    tables.close();
  });
});
