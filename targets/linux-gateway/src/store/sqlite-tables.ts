/**
 * The tables of the SQLite store and the statements on them. Samples stand in `sample`, in the order of series and time. What was committed since
 * they were last sorted in stands in `journal`, as the entries that were made: one row a commit is far less to write than one page a series.
 */
import { crc32 } from "node:zlib";
import { EbalanceError } from "ebalance";
import { DamagedStore } from "./quarantine";
import type { CatalogueEntry } from "./records";
import type { SqliteDatabase, SqliteDriver, SqliteStatement } from "./sqlite-driver";

/** Rises with every change of the tables that an older release could not read. */
const version = 3;
/** Pages of 4 kB in the write-ahead log before they are copied into the database: the same pages are written many times. */
const checkpointPages = 4000;

const statements = `
  CREATE TABLE signer (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL UNIQUE);
  CREATE TABLE statement (series INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, bytes BLOB NOT NULL, signer INTEGER NOT NULL); -- first <= ms since 1970 < last
  CREATE INDEX statement_place ON statement (series, last, first);
  CREATE INDEX statement_signer ON statement (signer);`;

const schema = `
  CREATE TABLE series (id INTEGER PRIMARY KEY, record TEXT NOT NULL, crc INTEGER NOT NULL);
  CREATE TABLE policy (id INTEGER PRIMARY KEY, record TEXT NOT NULL, crc INTEGER NOT NULL);
  CREATE TABLE sample (
    series INTEGER NOT NULL,
    time INTEGER NOT NULL, -- ms since 1970
    n INTEGER NOT NULL,    -- order of the samples of one time
    tag INTEGER NOT NULL,  -- type of the value: see records.ts
    value NOT NULL,
    policy INTEGER NOT NULL,
    PRIMARY KEY (series, time, n)
  ) WITHOUT ROWID;
  CREATE TABLE kept (series INTEGER PRIMARY KEY, counts TEXT NOT NULL); -- JSON [[policy, samples], ...]
  CREATE TABLE journal (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
  ${statements}`;
/** What makes tables of an earlier version those of this one; the first makes them all. Statements of version 2 cannot be verified any more: their homes publish them again. */
const upgrades = [schema, statements, `DROP TABLE statement; ${statements}`];

export interface SampleRow {
  readonly time: number;
  readonly n: number;
  readonly tag: number;
  readonly value: unknown;
  readonly policy: number;
}

export class SqliteTables {
  readonly #database: SqliteDatabase;
  readonly journal: SqliteStatement;
  readonly emptyJournal: SqliteStatement;
  /** series, time, n, tag, value, policy */
  readonly insert: SqliteStatement;
  /** As `insert`, after the samples of the same time: series, time, tag, value, policy, series, time */
  readonly insertLate: SqliteStatement;
  /** tag, value, series, time => {known}: null or 0 where there is no such sample */
  readonly known: SqliteStatement;
  /** series => {time} */
  readonly oldest: SqliteStatement;
  /** series, series, number less one => [{policy}, ...]: removes the oldest */
  readonly trim: SqliteStatement;
  /** series, time, n, end of time, rows => rows after that place */
  readonly after: SqliteStatement;
  /** bytes: where they are not there yet */
  readonly insertSigner: SqliteStatement;
  /** series, first, last, bytes, bytes of the signer, which are there */
  readonly insertStatement: SqliteStatement;
  /** series, first, last, bytes => a row where the same statement is kept */
  readonly knownStatement: SqliteStatement;
  /** series, from, to => [{first, last, bytes, signer}, ...] */
  readonly statements: SqliteStatement;
  /** series, series => a row each: removes the statements whose samples are gone */
  readonly trimStatements: SqliteStatement;
  /** Removes the signers that no statement has. */
  readonly trimSigners: SqliteStatement;
  /** series, counts */
  readonly count: SqliteStatement;
  readonly #catalogue: Readonly<Record<CatalogueEntry["kind"], SqliteStatement>>;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;

  /** @throws what the library throws, `DamagedStore`, or EbalanceError `bad-configuration` for tables of a later release */
  constructor(driver: SqliteDriver, path: string) {
    const database = (this.#database = driver.open(path));
    try {
      // A second process is told at once; what was committed survives a power cut.
      database.exec(`PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${checkpointPages}; BEGIN IMMEDIATE; COMMIT`);
      const { user_version: found } = database.prepare("PRAGMA user_version").get() as { user_version: number };
      if (found > version) throw new EbalanceError("bad-configuration", "caller", `${path} has version ${found} of the tables; this release reads up to ${version}: use the later release that wrote it`);
      if (found < version) database.exec(`BEGIN; ${upgrades[found]!} PRAGMA user_version = ${version}; COMMIT`);
    } catch (error) {
      database.close();
      throw error;
    }
    const prepare = (sql: string) => database.prepare(sql);
    this.journal = prepare("INSERT INTO journal (entries) VALUES (?)");
    this.emptyJournal = prepare("DELETE FROM journal");
    this.insert = prepare("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?)");
    this.insertLate = prepare("INSERT INTO sample SELECT ?, ?, coalesce(max(n) + 1, 0), ?, ?, ? FROM sample WHERE series = ? AND time = ?");
    this.known = prepare("SELECT max(tag = ? AND value = ?) AS known FROM sample WHERE series = ? AND time = ?");
    this.oldest = prepare("SELECT min(time) AS time FROM sample WHERE series = ?");
    this.trim = prepare("DELETE FROM sample WHERE series = ? AND (time, n) <= (SELECT time, n FROM sample WHERE series = ? ORDER BY time, n LIMIT 1 OFFSET ?) RETURNING policy");
    this.after = prepare("SELECT time, n, tag, value, policy FROM sample WHERE series = ? AND (time, n) > (?, ?) AND time < ? ORDER BY time, n LIMIT ?");
    this.insertStatement = prepare("INSERT INTO statement SELECT ?, ?, ?, ?, id FROM signer WHERE bytes = ?");
    this.insertSigner = prepare("INSERT OR IGNORE INTO signer (bytes) VALUES (?)");
    this.knownStatement = prepare("SELECT 1 FROM statement WHERE series = ? AND first = ? AND last = ? AND bytes = ?");
    this.statements = prepare("SELECT first, last, statement.bytes, signer.bytes AS signer FROM statement JOIN signer ON signer.id = statement.signer WHERE series = ? AND last > ? AND first < ? ORDER BY last, statement.rowid");
    this.trimStatements = prepare("DELETE FROM statement WHERE series = ? AND last <= (SELECT min(time) FROM sample WHERE series = ?) RETURNING 1");
    this.trimSigners = prepare("DELETE FROM signer WHERE NOT EXISTS (SELECT 1 FROM statement WHERE statement.signer = signer.id)");
    this.count = prepare("INSERT INTO kept VALUES (?, ?) ON CONFLICT DO UPDATE SET counts = excluded.counts");
    const keep = (table: string) => prepare(`INSERT INTO ${table} VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET record = excluded.record, crc = excluded.crc`);
    this.#catalogue = { series: keep("series"), policy: keep("policy") };
    this.#begin = prepare("BEGIN IMMEDIATE");
    this.#commit = prepare("COMMIT");
  }

  begin(): void {
    this.#begin.run();
  }

  commit(): void {
    this.#commit.run();
  }

  /** Ends a transaction, if one is still under way. */
  rollback(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite has done it already.
    }
  }

  close(): void {
    this.#database.close();
  }

  keep({ kind, index, record }: CatalogueEntry): void {
    const text = JSON.stringify(record);
    this.#catalogue[kind].run(index, text, crc32(text));
  }

  /** The catalogue as it was kept. @throws DamagedStore */
  catalogue(): CatalogueEntry[] {
    return [...this.#records("series"), ...this.#records("policy")];
  }

  #records(kind: CatalogueEntry["kind"]): CatalogueEntry[] {
    const rows = this.#database.prepare(`SELECT id, record, crc FROM ${kind} ORDER BY id`).all() as { id: number; record: string; crc: number }[];
    return rows.map(({ id, record, crc }) => {
      if (crc32(record) !== crc) throw new DamagedStore(`the checksum of ${kind} ${id} is wrong`);
      return { kind, index: id, record: JSON.parse(record) } as CatalogueEntry;
    });
  }

  /** The series that have statements. */
  proven(): number[] {
    return (this.#database.prepare("SELECT DISTINCT series FROM statement").all() as { series: number }[]).map(({ series }) => series);
  }

  /** What the journal holds, a commit each. */
  journaled(): Uint8Array[] {
    return (this.#database.prepare("SELECT entries FROM journal ORDER BY id").all() as { entries: Uint8Array }[]).map((row) => row.entries);
  }

  /** For each series with samples: the time of the newest, and their number by policy. */
  counts(): { readonly series: number; readonly newestMs: number; readonly counts: [number, number][] }[] {
    const rows = this.#database.prepare("SELECT series, counts, (SELECT max(time) FROM sample WHERE sample.series = kept.series) AS newest FROM kept").all();
    return (rows as { series: number; counts: string; newest: number | null }[]).map(({ series, counts, newest }) => {
      if (newest === null) throw new DamagedStore(`series ${series} has lost its samples`);
      return { series, newestMs: newest, counts: JSON.parse(counts) as [number, number][] };
    });
  }
}
