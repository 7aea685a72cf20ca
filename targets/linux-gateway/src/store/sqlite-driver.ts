/** SQLite as two libraries offer it, through what both have in common. It knows nothing of what is stored. */

export type SqliteValue = number | string | Uint8Array;

export interface SqliteStatement {
  run(...values: SqliteValue[]): unknown;
  /** The first row, undefined where there is none. */
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
}

export interface SqliteDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

export interface SqliteDriver {
  readonly name: "node:sqlite" | "better-sqlite3";
  open(path: string): SqliteDatabase;
}

/** The SQLite of this Node, or the library that was installed; else why there is neither. */
export async function findSqlite(): Promise<SqliteDriver | string> {
  const builtin = process.getBuiltinModule("node:sqlite") as unknown as { readonly DatabaseSync: new (path: string) => SqliteDatabase } | undefined;
  if (builtin) return { name: "node:sqlite", open: (path) => new builtin.DatabaseSync(path) };
  try {
    const { default: Database } = await import("better-sqlite3");
    // Its native part is looked for when a database is opened.
    new Database(":memory:").close();
    return { name: "better-sqlite3", open: (path) => new Database(path) };
  } catch (error) {
    return `node:sqlite is not in Node ${process.versions.node}, and better-sqlite3 does not load (${(error as Error).message.split("\n")[0]})`;
  }
}

const codes = { busy: ["SQLITE_BUSY", 5], damaged: ["SQLITE_CORRUPT", 11], notADatabase: ["SQLITE_NOTADB", 26] } as const;

export function isSqlite(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" && /^(ERR_)?SQLITE_/.test(code);
}

export function isBusy(error: unknown): boolean {
  return hasCode(error, codes.busy);
}

export function isDamaged(error: unknown): boolean {
  return hasCode(error, codes.damaged) || hasCode(error, codes.notADatabase);
}

/** better-sqlite3 names the extended code, node:sqlite gives its number, whose low byte is the primary code. */
function hasCode(error: unknown, [name, number]: readonly [string, number]): boolean {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  return (typeof code === "string" && code.startsWith(name)) || (typeof errcode === "number" && (errcode & 0xff) === number);
}
