/**
 * The store on SQLite. Entries wait in memory, are journaled by the group commit, and are sorted into the series in bulk, or as soon as somebody
 * reads. What could not be committed stays in memory and is tried again: the unit and the disk never differ for good. A database that turns out
 * to be damaged is set aside and a new one begun, with the catalogue that is in memory.
 */
import { EbalanceError, type Appended, type KeptStatement, type LogPort, type SampleVisitor, type StatementStore, type Value } from "ebalance";
import { GroupCommit, type CommitTimers } from "./group-commit";
import { KeptCatalogue } from "./kept-catalogue";
import type { GatewayStore } from "./open-store";
import { DamagedStore, quarantine } from "./quarantine";
import { EntryWriter, fromStored, isCatalogue, readEntries, toStored, type Entry, type SampleEntry, type StatementEntry } from "./records";
import { isBusy, isDamaged, isSqlite, type SqliteDriver } from "./sqlite-driver";
import { SqliteTables, type SampleRow } from "./sqlite-tables";

/** Entries that wait to be sorted into the series. More take longer at once, fewer longer each. */
const maxUnsorted = 2048;
/** Entries that wait for a disk that takes none; beyond that nothing more is kept. */
const maxUncommitted = 8192;
/** Samples read at once. */
const rowsPerPage = 1000;

/** What is known of the samples of a series without looking. */
interface SeriesState {
  newestMs: number;
  /** The time of the newest that is sorted in. */
  sortedMs: number;
  /** Of the samples that are sorted in: their number, */
  samples: number;
  /** and their number by policy. */
  readonly policies: Map<number, number>;
}

export class SqliteStore implements GatewayStore {
  readonly engine: string;
  readonly catalogue = new KeptCatalogue((entry) => this.#take(entry));
  readonly statements: StatementStore = { keep: (statement) => this.#keepStatement(statement), of: (series, fromMs, toMs) => this.#statementsOf(series, fromMs, toMs) };
  readonly #group: GroupCommit;
  #tables: SqliteTables | undefined;
  #states: SeriesState[] = [];
  /** Series that have had statements. */
  #proven = new Set<number>();
  /** Entries that no commit has put into the tables, oldest first; the first of them are sorted in by the transaction under way, if there is one. */
  #entries: Entry[] = [];
  #sorted = 0;
  /** The entries that are not in the journal either. */
  readonly #unjournaled = new EntryWriter();
  #uncommitted = 0;
  /** The series that the transaction under way has changed, as they were before it. */
  readonly #changed = new Map<number, SeriesState>();
  #closed = false;
  /** The failure that was reported last; empty once a commit has succeeded. */
  #problem = "";

  /** @throws EbalanceError `bad-configuration` where the file cannot be opened or another process uses it */
  constructor(
    private readonly driver: SqliteDriver,
    private readonly path: string,
    private readonly samplesPerSeries: number,
    timers: CommitTimers,
    private readonly log: LogPort,
  ) {
    this.engine = driver.name;
    this.#group = new GroupCommit(() => this.#commit(), timers, log);
    try {
      this.#open();
    } catch (error) {
      this.#tables?.close();
      if (error instanceof EbalanceError) throw error;
      const reason = isBusy(error) ? "another process uses it" : (error as Error).message;
      throw new EbalanceError("bad-configuration", "caller", `cannot open the store ${path}: ${reason}`);
    }
  }

  append(series: number, value: Value, timeMs: number, policy: number): Appended {
    if (timeMs <= this.#state(series).newestMs) {
      const appended = this.#admit(series, value, timeMs);
      if (appended !== "kept") return appended;
    }
    return this.#take({ kind: "sample", series, value, timeMs, policy }) ? "kept" : "failed";
  }

  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void {
    if (!this.#states[series]) return;
    let place = { time: fromMs, n: -1 };
    for (;;) {
      const rows = this.#onTables((tables) => readRows(tables.after.all(series, place.time, place.n, toMs, rowsPerPage)));
      for (const { time, value, policy } of rows ?? []) if (!visit(value, time, policy)) return;
      if (!rows || rows.length < rowsPerPage) return;
      place = rows[rowsPerPage - 1]!;
    }
  }

  newestMs(series: number): number {
    return this.#states[series]?.newestMs ?? -Infinity;
  }

  policiesInUse(use: (policy: number) => void): void {
    for (const state of this.#states) state?.policies.forEach((_samples, policy) => use(policy));
    for (let i = this.#sorted; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.kind === "sample") use(entry.policy);
    }
  }

  afterCommit(action: (kept: boolean) => void): void {
    this.#group.afterCommit(action);
  }

  close(): void {
    if (this.#closed) return;
    this.#group.close();
    this.#guarded((tables) => this.#commitTables(tables));
    this.#closed = true;
    this.#tables?.close();
  }

  // ---- statements ---------------------------------------------------------------------------------------------------------------------

  #keepStatement(statement: KeptStatement): "kept" | "known" | "failed" {
    const { series, fromMs, toMs, bytes, signer } = statement;
    const known = this.#onTables((tables) => tables.knownStatement.get(series, fromMs, toMs, bytes) !== undefined);
    if (known === true) return "known";
    return known === false && this.#take({ kind: "statement", series, fromMs, toMs, bytes: bytes.slice(), signer: signer.slice() }) ? "kept" : "failed";
  }

  #statementsOf(series: number, fromMs: number, toMs: number): readonly KeptStatement[] {
    const rows = (this.#onTables((tables) => tables.statements.all(series, fromMs, toMs)) ?? []) as { first: number; last: number; bytes: Uint8Array; signer: Uint8Array }[];
    return rows.map(({ first, last, bytes, signer }) => ({ series, fromMs: first, toMs: last, bytes: new Uint8Array(bytes), signer: new Uint8Array(signer) }));
  }

  // ---- what is kept -------------------------------------------------------------------------------------------------------------------

  /** Decides on a sample that is not the newest of its series. */
  #admit(series: number, value: Value, timeMs: number): Appended {
    const { tag, value: stored } = toStored(value);
    return (
      this.#onTables((tables): Appended => {
        if ((tables.known.get(tag, stored, series, timeMs) as { known: number | null }).known) return "known";
        const isFull = this.#state(series).samples >= this.samplesPerSeries;
        return isFull && timeMs < (tables.oldest.get(series) as { time: number }).time ? "tooOld" : "kept";
      }) ?? "failed"
    );
  }

  #take(entry: Entry): boolean {
    if (this.#closed || this.#uncommitted >= maxUncommitted) return false;
    this.#uncommitted++;
    this.#wait(entry);
    this.#unjournaled.write(entry);
    this.#group.add();
    return true;
  }

  #wait(entry: Entry): void {
    this.#entries.push(entry);
    if (entry.kind !== "sample") return;
    const state = this.#state(entry.series);
    state.newestMs = Math.max(state.newestMs, entry.timeMs);
  }

  #state(series: number): SeriesState {
    return (this.#states[series] ??= { newestMs: -Infinity, sortedMs: -Infinity, samples: 0, policies: new Map() });
  }

  // ---- into the tables ----------------------------------------------------------------------------------------------------------------

  /** Puts on disk what is not there yet: into the journal as a rule, into the tables when much has gathered or a transaction is under way. */
  #commit(): boolean {
    const committed = this.#guarded((tables) => {
      if (this.#sorted || this.#entries.length >= maxUnsorted) return this.#commitTables(tables);
      if (this.#unjournaled.length) tables.journal.run(this.#unjournaled.bytes());
      return this.#committed();
    });
    if (committed && this.#problem) this.log("info", `store ${this.path}: goes on`);
    if (committed) this.#problem = "";
    return committed === true;
  }

  #commitTables(tables: SqliteTables): true {
    this.#sortIn(tables);
    if (this.#sorted) {
      for (const series of this.#changed.keys()) tables.count.run(series, JSON.stringify([...this.#states[series]!.policies]));
      tables.emptyJournal.run();
      tables.commit();
    }
    this.#entries = [];
    this.#sorted = 0;
    this.#changed.clear();
    return this.#committed();
  }

  #committed(): true {
    this.#unjournaled.clear();
    this.#uncommitted = 0;
    return true;
  }

  /** Sorts the entries that wait into the tables, in a transaction that the next commit ends. */
  #sortIn(tables: SqliteTables): void {
    if (!this.#sorted && this.#entries.length) tables.begin();
    for (; this.#sorted < this.#entries.length; this.#sorted++) {
      const entry = this.#entries[this.#sorted]!;
      if (entry.kind === "sample") this.#insert(tables, entry);
      else if (entry.kind === "statement") this.#insertStatement(tables, entry);
      else tables.keep(entry);
    }
  }

  #insertStatement(tables: SqliteTables, { series, fromMs, toMs, bytes, signer }: StatementEntry): void {
    tables.insertSigner.run(signer);
    tables.insertStatement.run(series, fromMs, toMs, bytes, signer);
    this.#proven.add(series);
  }

  #insert(tables: SqliteTables, { series, value: unstored, timeMs, policy }: SampleEntry): void {
    const state = this.#state(series);
    if (!this.#changed.has(series)) this.#changed.set(series, { ...state, policies: new Map(state.policies) });
    const { tag, value } = toStored(unstored);
    if (timeMs > state.sortedMs) tables.insert.run(series, timeMs, 0, tag, value, policy);
    else tables.insertLate.run(series, timeMs, tag, value, policy, series, timeMs);
    state.sortedMs = Math.max(state.sortedMs, timeMs);
    state.samples++;
    state.policies.set(policy, (state.policies.get(policy) ?? 0) + 1);
    if (state.samples > this.samplesPerSeries) this.#trim(tables, series, state);
  }

  /** Removes the oldest beyond what is kept of a series: one as a rule, more after the number was set lower. */
  #trim(tables: SqliteTables, series: number, state: SeriesState): void {
    const gone = tables.trim.all(series, series, state.samples - this.samplesPerSeries - 1) as { policy: number }[];
    if (this.#proven.has(series) && tables.trimStatements.all(series, series).length) tables.trimSigners.run();
    state.samples -= gone.length;
    for (const { policy } of gone) {
      const left = state.policies.get(policy)! - 1;
      if (left > 0) state.policies.set(policy, left);
      else state.policies.delete(policy);
    }
  }

  // ---- what can go wrong --------------------------------------------------------------------------------------------------------------

  /** Looks into tables that everything is sorted into. @returns undefined where that is not possible */
  #onTables<T>(look: (tables: SqliteTables) => T): T | undefined {
    return this.#guarded((tables) => {
      this.#sortIn(tables);
      return look(tables);
    });
  }

  /** Works on the tables. Where they fail, the transaction is undone; where they are damaged, the work is done on new ones. */
  #guarded<T>(work: (tables: SqliteTables) => T): T | undefined {
    if (this.#closed) return undefined;
    try {
      try {
        return work((this.#tables ??= this.#newTables()));
      } catch (error) {
        this.#undo();
        if (!damaged(error)) throw error;
        return work(this.#beginAnew((error as Error).message));
      }
    } catch (error) {
      this.#undo();
      if (!isSqlite(error) && !damaged(error)) throw error;
      this.#report((error as Error).message);
      return undefined;
    }
  }

  #report(problem: string): void {
    if (problem !== this.#problem) this.log("error", `store ${this.path}: ${problem}; tried again until it succeeds, and nothing is acknowledged meanwhile`);
    this.#problem = problem;
  }

  #undo(): void {
    this.#tables?.rollback();
    this.#sorted = 0;
    this.#changed.forEach((before, series) => (this.#states[series] = { ...before, newestMs: this.#states[series]!.newestMs }));
    this.#changed.clear();
  }

  /** Sets the database aside and makes a new one with the catalogue, and the samples that were not sorted in. */
  #beginAnew(problem: string): SqliteTables {
    this.#tables?.close();
    this.#tables = undefined;
    const suffix = quarantine(this.path, `${this.path}-wal`, `${this.path}-shm`);
    this.log("error", `store ${this.path} is damaged (${problem}): it was set aside as ${this.path}${suffix}, and a new one is begun`);
    const waiting = this.#entries.filter((entry) => !isCatalogue(entry));
    this.#states = [];
    this.#entries = [];
    for (const entry of [...this.catalogue.entries(), ...waiting]) this.#wait(entry);
    return (this.#tables = this.#newTables());
  }

  #newTables(): SqliteTables {
    const tables = new SqliteTables(this.driver, this.path);
    try {
      this.#commitTables(tables);
      return tables;
    } catch (error) {
      tables.close();
      throw error;
    }
  }

  // ---- the start ----------------------------------------------------------------------------------------------------------------------

  #open(): void {
    try {
      this.#restore((this.#tables = new SqliteTables(this.driver, this.path)));
    } catch (error) {
      this.#undo();
      if (!damaged(error)) throw error;
      this.#beginAnew((error as Error).message);
    }
  }

  #restore(tables: SqliteTables): void {
    const journaled = tables.journaled().flatMap(readEntries);
    this.catalogue.takeAll([...tables.catalogue(), ...journaled.filter(isCatalogue)]);
    for (const { series, newestMs, counts } of tables.counts()) {
      const policies = new Map(counts);
      this.#states[series] = { newestMs, sortedMs: newestMs, samples: [...policies.values()].reduce((sum, one) => sum + one, 0), policies };
    }
    this.#proven = new Set(tables.proven());
    for (const entry of journaled) this.#wait(entry);
    this.#commitTables(tables);
  }
}

function readRows(rows: unknown[]) {
  return (rows as SampleRow[]).map(({ time, n, tag, value, policy }) => ({ time, n, value: fromStored(tag, value), policy }));
}

function damaged(error: unknown): boolean {
  return error instanceof DamagedStore || isDamaged(error);
}
