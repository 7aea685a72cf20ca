/**
 * The store without SQLite: every sample is in memory, and what comes is appended to a frame file by the group commit. The file is written anew when
 * it holds much more than what is kept. What could not be written stays in memory and is tried again.
 */
import { copyFileSync, renameSync, rmSync } from "node:fs";
import { EbalanceError, MemoryStore, type Appended, type KeptStatement, type LogPort, type SampleVisitor, type StatementStore, type Value } from "ebalance";
import { FrameFile, readFrameFile, type FrameFileContent } from "./frame-file";
import { GroupCommit, type CommitTimers } from "./group-commit";
import { KeptCatalogue } from "./kept-catalogue";
import type { GatewayStore } from "./open-store";
import { asideSuffix, DamagedStore, quarantine } from "./quarantine";
import { EntryWriter, isCatalogue, readEntries, type CatalogueEntry, type Entry, type SampleEntry } from "./records";

/** Bytes that wait for a disk that takes none; beyond that nothing more is kept. */
const maxUncommittedBytes = 4_000_000;
/** A smaller file is not written anew. */
const minCompactBytes = 4_000_000;
/** A file that has grown by this factor since it was written anew is written anew. */
const compactFactor = 3;
/** About what a frame holds in a file that is written anew. */
const compactFrameBytes = 65_536;

export class FrameFileStore implements GatewayStore {
  readonly engine = "frames";
  readonly catalogue = new KeptCatalogue((entry) => this.#take(entry));
  readonly statements: StatementStore = { keep: (statement) => this.#keepStatement(statement), of: (series, fromMs, toMs) => this.#memory.statements.of(series, fromMs, toMs) };
  readonly #group: GroupCommit;
  #memory: MemoryStore;
  #file: FrameFile;
  /** The number of samples of each series, */
  #samples: number[] = [];
  /** and of each policy. */
  readonly #policies = new Map<number, number>();
  readonly #unwritten = new EntryWriter();
  /** Records of the catalogue in the file and in what is not written. */
  #catalogueCount = 0;
  #compactAtBytes = minCompactBytes;
  #closed = false;
  #problem = "";

  /** @throws EbalanceError `bad-configuration` where the file cannot be opened */
  constructor(
    private readonly path: string,
    private readonly samplesPerSeries: number,
    timers: CommitTimers,
    private readonly log: LogPort,
    private readonly unlock: () => void,
  ) {
    this.#group = new GroupCommit(() => this.#commit(), timers, log);
    this.#memory = new MemoryStore(samplesPerSeries);
    try {
      rmSync(newPath(path), { force: true });
      this.#file = this.#open();
      if (this.#file.bytes > this.#compactAtBytes) this.#compact();
    } catch (error) {
      if (error instanceof EbalanceError) throw error;
      throw new EbalanceError("bad-configuration", "caller", `cannot open the store ${path}: ${(error as Error).message}`);
    }
  }

  append(series: number, value: Value, timeMs: number, policy: number): Appended {
    if (this.#isFull()) return "failed";
    const entry: SampleEntry = { kind: "sample", series, value, timeMs, policy };
    const appended = this.#remember(entry);
    if (appended === "kept") this.#take(entry);
    return appended;
  }

  #keepStatement(statement: KeptStatement): "kept" | "known" | "failed" {
    if (this.#isFull()) return "failed";
    const kept = this.#memory.statements.keep(statement);
    if (kept === "kept") this.#take({ ...statement, kind: "statement" });
    return kept;
  }

  newestMs(series: number): number {
    return this.#memory.newestMs(series);
  }

  scan(series: number, fromMs: number, toMs: number, visit: SampleVisitor): void {
    this.#memory.scan(series, fromMs, toMs, visit);
  }

  policiesInUse(use: (policy: number) => void): void {
    this.#policies.forEach((_samples, policy) => use(policy));
  }

  afterCommit(action: (kept: boolean) => void): void {
    this.#group.afterCommit(action);
  }

  close(): void {
    if (this.#closed) return;
    this.#group.close();
    this.#closed = true;
    this.#file.close();
    this.unlock();
  }

  #remember({ series, value, timeMs, policy }: SampleEntry): Appended {
    const samples = this.#samples[series] ?? 0;
    const isFull = samples === this.samplesPerSeries;
    const oldest = isFull ? this.#oldestPolicy(series) : 0;
    const appended = this.#memory.append(series, value, timeMs, policy);
    if (appended !== "kept") return appended;
    this.#policies.set(policy, (this.#policies.get(policy) ?? 0) + 1);
    if (!isFull) this.#samples[series] = samples + 1;
    else if (this.#policies.get(oldest) === 1) this.#policies.delete(oldest);
    else this.#policies.set(oldest, this.#policies.get(oldest)! - 1);
    return appended;
  }

  #oldestPolicy(series: number): number {
    let oldest = 0;
    this.#memory.scan(series, -Infinity, Infinity, (_value, _timeMs, policy) => {
      oldest = policy;
      return false;
    });
    return oldest;
  }

  // ---- writing ------------------------------------------------------------------------------------------------------------------------

  #isFull(): boolean {
    return this.#closed || this.#unwritten.length > maxUncommittedBytes;
  }

  #take(entry: Entry): boolean {
    if (this.#isFull()) return false;
    this.#unwritten.write(entry);
    if (isCatalogue(entry)) this.#catalogueCount++;
    this.#group.add();
    return true;
  }

  #commit(): boolean {
    try {
      if (this.#unwritten.length) this.#file.append({ content: this.#unwritten.bytes(), catalogue: this.#catalogueCount });
    } catch (error) {
      const problem = (error as Error).message;
      if (problem !== this.#problem) this.log("error", `store ${this.path}: ${problem}; tried again until it succeeds, and nothing is acknowledged meanwhile`);
      this.#problem = problem;
      return false;
    }
    if (this.#problem) this.log("info", `store ${this.path}: goes on`);
    this.#problem = "";
    this.#unwritten.clear();
    if (this.#file.bytes > this.#compactAtBytes) this.#compact();
    return true;
  }

  /** Writes what is kept into a new file, which takes the place of this one at once or, where that fails, not at all. */
  #compact(): void {
    try {
      const file = this.#writeAnew();
      this.#file.close();
      this.#file = file;
    } catch (error) {
      this.log("warning", `store ${this.path}: could not be written anew (${(error as Error).message}); it grows until that succeeds`);
    }
    this.#compactAtBytes = Math.max(minCompactBytes, compactFactor * this.#file.bytes);
  }

  #writeAnew(): FrameFile {
    const file = FrameFile.create(newPath(this.path));
    try {
      const writer = new EntryWriter();
      let catalogue = 0;
      const write = (entry: Entry | undefined) => {
        if (writer.length && (!entry || writer.length > compactFrameBytes)) {
          file.write({ content: writer.bytes(), catalogue });
          writer.clear();
        }
        if (entry) writer.write(entry);
        if (entry && isCatalogue(entry)) catalogue++;
      };
      this.catalogue.entries().forEach(write);
      for (let series = 0; series < this.#samples.length; series++)
        this.#memory.scan(series, -Infinity, Infinity, (value, timeMs, policy) => {
          write({ kind: "sample", series, value, timeMs, policy });
          return true;
        });
      for (const statement of this.#memory.statements.all()) write({ ...statement, kind: "statement" });
      write(undefined);
      file.sync();
      renameSync(newPath(this.path), this.path);
      this.#catalogueCount = catalogue;
      return file;
    } catch (error) {
      file.close();
      rmSync(newPath(this.path), { force: true });
      throw error;
    }
  }
  // ---- the start ----------------------------------------------------------------------------------------------------------------------

  #open(): FrameFile {
    try {
      const content = readFrameFile(this.path);
      if (!content) return FrameFile.create(this.path);
      this.#load(content);
      return this.#goOn(content);
    } catch (error) {
      if (!(error instanceof DamagedStore)) throw error;
      this.#memory = new MemoryStore(this.samplesPerSeries);
      this.#samples = [];
      this.#policies.clear();
      this.#catalogueCount = 0;
      this.log("error", `store ${this.path} is damaged (${error.message}): it was set aside as ${this.path}${quarantine(this.path)}, and a new one is begun`);
      return FrameFile.create(this.path);
    }
  }

  /** @throws DamagedStore where a record of the catalogue is lost: an older policy must not come into force again */
  #load({ frames }: FrameFileContent): void {
    const records: CatalogueEntry[] = [];
    for (const { content, catalogue } of frames) {
      for (const entry of readEntries(content)) {
        if (isCatalogue(entry)) records.push(entry);
        else if (entry.kind === "sample") this.#remember(entry);
        else this.#memory.statements.keep(entry);
      }
      if (records.length !== catalogue) throw new DamagedStore(`${catalogue - records.length} records of series or policies are lost`);
    }
    this.catalogue.takeAll(records);
    this.#catalogueCount = records.length;
  }

  /** Goes on after the last whole frame; leaves damaged places behind in a copy. */
  #goOn({ damagedAt, end, bytes }: FrameFileContent): FrameFile {
    if (damagedAt.length) {
      const copy = this.path + asideSuffix();
      copyFileSync(this.path, copy);
      this.log("error", `store ${this.path} is damaged at ${damagedAt.length} places, the first at byte ${damagedAt[0]}: samples there are lost; the file as it was is ${copy}`);
    }
    if (bytes > end) this.log("warning", `store ${this.path}: the last ${bytes - end} bytes were torn off while they were written, and were removed`);
    this.#compactAtBytes = damagedAt.length ? 0 : minCompactBytes;
    return FrameFile.goOn(this.path, end);
  }
}

function newPath(path: string): string {
  return `${path}.new`;
}
