/** The engines as the tests open them: in folders of their own, with timers that run when the test says so. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorePort, Value } from "ebalance";
import { FrameFileStore } from "./frame-file-store";
import type { CommitTimers } from "./group-commit";
import type { GatewayStore } from "./open-store";
import { findSqlite } from "./sqlite-driver";
import { SqliteStore } from "./sqlite-store";

/** One timer at most is set: that of the group commit. */
export class ManualTimers implements CommitTimers {
  nowMs = 0;
  dueMs = Infinity;
  #callback: (() => void) | undefined;

  monotonicMs(): number {
    return this.nowMs;
  }
  after(ms: number, callback: () => void): unknown {
    if (this.#callback) throw new Error("a timer is set already");
    this.dueMs = this.nowMs + ms;
    this.#callback = callback;
    return callback;
  }
  cancel(): void {
    this.#callback = undefined;
    this.dueMs = Infinity;
  }
  /** Lets the time come that the timer waits for, if one is set. */
  fire(): void {
    const callback = this.#callback;
    this.nowMs = Math.max(this.nowMs, this.dueMs === Infinity ? 0 : this.dueMs);
    this.cancel();
    callback?.();
  }
}

export interface Opened {
  readonly store: GatewayStore;
  readonly timers: ManualTimers;
  readonly log: string[];
}

export interface Engine {
  readonly name: "sqlite" | "frames";
  /** The file that the engine keeps in a folder. */
  readonly file: string;
  /** Why it cannot be tested here; empty where it can. */
  readonly reason: string;
  open(folder: string, samplesPerSeries?: number): Opened;
}

const sqlite = await findSqlite();

function opener(make: (folder: string, samples: number, timers: ManualTimers, log: (level: string, line: string) => void) => GatewayStore) {
  return (folder: string, samplesPerSeries = 1000): Opened => {
    const timers = new ManualTimers();
    const log: string[] = [];
    return { store: make(folder, samplesPerSeries, timers, (level, line) => log.push(`${level} ${line}`)), timers, log };
  };
}

export const engines: readonly Engine[] = [
  {
    name: "sqlite",
    file: "store.db",
    reason: typeof sqlite === "string" ? sqlite : "",
    open: opener((folder, samples, timers, log) => {
      if (typeof sqlite === "string") throw new Error(sqlite);
      return new SqliteStore(sqlite, join(folder, "store.db"), samples, timers, log);
    }),
  },
  {
    name: "frames",
    file: "store.frames",
    reason: "",
    open: opener((folder, samples, timers, log) => new FrameFileStore(join(folder, "store.frames"), samples, timers, log, () => {})),
  },
];

const folders: string[] = [];

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ebalance-store-"));
  folders.push(folder);
  return folder;
}

/** A folder as a power cut would leave it now. */
export function copyOf(folder: string): string {
  const copy = newFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function samplesOf(store: StorePort, series: number, fromMs = -Infinity, toMs = Infinity): { value: Value; timeMs: number; policy: number }[] {
  const found: { value: Value; timeMs: number; policy: number }[] = [];
  store.scan(series, fromMs, toMs, (value, timeMs, policy) => found.push({ value, timeMs, policy }) > 0);
  return found;
}
