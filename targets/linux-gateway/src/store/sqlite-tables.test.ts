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
    old.exec("DROP TABLE statement; DROP TABLE signer; PRAGMA user_version = 1; INSERT INTO sample VALUES (0, 5, 0, 0, 7, 0)");
    old.close();
    const tables = new SqliteTables(sqlite as SqliteDriver, path);
    tables.insertSigner.run(Uint8Array.of(2));
    tables.insertStatement.run(0, 5, 6, Uint8Array.of(1), Uint8Array.of(2));
    expect([tables.proven(), tables.oldest.get(0)]).toEqual([[0], expect.objectContaining({ time: 5 })]);
    tables.close();
  });

  test("SP-1 keeps what signers are known by once each, as long as a statement needs it", () => {
    const path = join(newFolder(), "store.db");
    const tables = new SqliteTables(sqlite as SqliteDriver, path);
    const signers = [1, 1, 2].map((byte) => new Uint8Array(700).fill(byte));
    signers.forEach((signer, i) => {
      tables.insertSigner.run(signer);
      tables.insertStatement.run(0, i, i + 1, Uint8Array.of(i), signer);
    });
    tables.insert.run(0, 1, 0, 0, 7, 0);
    const kept = () => (tables.trimStatements.all(0, 0), tables.trimSigners.run(), (tables.statements.all(0, 0, 9) as { signer: Uint8Array }[]).map(({ signer }) => signer[0]));
    expect(kept()).toEqual([1, 2]);
    tables.insert.run(0, 2, 0, 0, 7, 0);
    tables.trim.all(0, 0, 0);
    expect(kept()).toEqual([2]);
    tables.close();
    const database = (sqlite as SqliteDriver).open(path);
    expect(database.prepare("SELECT id, length(bytes) AS length FROM signer").all()).toEqual([{ id: 2, length: 700 }]);
    database.close();
  });
});
