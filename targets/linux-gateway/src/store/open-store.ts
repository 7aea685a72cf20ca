/** Opens the store of a gateway: finds the engine, keeps to the one that the folder has. It knows nothing of how an engine works. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { EbalanceError, type Catalogue, type LogPort, type StatementStore, type StorePort } from "ebalance";
import { nodeTimers, systemClock } from "../node-ports";
import type { Durability } from "./durability";
import { FrameFileStore } from "./frame-file-store";
import { lockFolder } from "./folder-lock";
import { findSqlite } from "./sqlite-driver";
import { SqliteStore } from "./sqlite-store";

/** A store that survives a restart, `kill -9` and a power cut. */
export interface GatewayStore extends StorePort, Durability {
  /** `node:sqlite`, `better-sqlite3` or `frames`. */
  readonly engine: string;
  readonly catalogue: Catalogue;
  readonly statements: StatementStore;
  /** Puts on disk what waits, tells those who wait for it and lets go of the folder. May be called twice. */
  close(): void;
}

export interface StoreOptions {
  /** Where the store is; made if it is not there. One process at a time. */
  readonly folder: string;
  /** Samples kept of each series, 1 to 10,000,000; the oldest gives way. Default 100,000; 10,000 with the engine `frames`, which holds them in memory. */
  readonly samplesPerSeries?: number;
  /**
   * `sqlite`: that of Node from 22.13 on, or the optional package `better-sqlite3`. `frames`: files that need neither, for a small unit: all samples
   * are in memory. `auto`, the default: what the folder has; in a new one `sqlite` where it can be had, else `frames` with a warning.
   */
  readonly engine?: "auto" | "sqlite" | "frames";
  readonly log: LogPort;
}

const fileNames = { sqlite: "store.db", frames: "store.frames" } as const;
const timers = { ...nodeTimers, monotonicMs: systemClock.monotonicMs };

/**
 * Opens the store in a folder. A damaged one is set aside, reported, and a new one begun.
 * @throws EbalanceError `bad-configuration` where the folder cannot be used, another process uses it, or the engine is not to be had
 * @example
 * const store = await openStore({ folder: "/var/lib/ebalance", log: stderrLog("home") });
 * const driver = new UnitDriver(config, { clock: systemClock, crypto: new NodeCrypto(), store, log }, nodeTimers);
 */
export async function openStore(options: StoreOptions): Promise<GatewayStore> {
  const { folder, engine = "auto", log } = options;
  checkSamples(options.samplesPerSeries);
  makeFolder(folder);
  const found = (["sqlite", "frames"] as const).find((name) => existsSync(join(folder, fileNames[name])));
  if (found && engine !== "auto" && engine !== found) throw configuration(`folder ${folder} has a store of engine ${found}, not ${engine}: name that, or another folder`);
  const wanted = found ?? engine;
  const sqlite = wanted === "frames" ? "" : await findSqlite();
  if (typeof sqlite !== "string") return new SqliteStore(sqlite, join(folder, fileNames.sqlite), options.samplesPerSeries ?? 100_000, timers, log);
  const remedy = "run `npm install better-sqlite3` (needs a C++ compiler), or use Node 22.13 or later";
  if (wanted === "sqlite") throw configuration(`the store in ${folder} needs SQLite: ${sqlite}; ${remedy}`);
  if (wanted === "auto") log("warning", `NO SQLITE: ${sqlite}. The store in ${folder} is a frame file, which holds every sample in memory. To have SQLite, ${remedy}, and begin with an empty folder`);
  const unlock = await lockFolder(folder);
  try {
    return new FrameFileStore(join(folder, fileNames.frames), options.samplesPerSeries ?? 10_000, timers, log, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

function checkSamples(samples = 1): void {
  if (!Number.isInteger(samples) || samples < 1 || samples > 1e7) throw configuration(`samplesPerSeries ${samples} is not a whole number from 1 to 10000000`);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw configuration(`cannot make the folder ${folder} (${(error as NodeJS.ErrnoException).code}): name one that this user may write to`);
  }
}

function configuration(message: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", message);
}
