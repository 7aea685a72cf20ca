import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { openStore, type GatewayStore, type StoreOptions } from "./open-store";
import { isBusy, isDamaged, isSqlite } from "./sqlite-driver";
import { engines, newFolder, removeFolders, samplesOf } from "./test-stores";

const noSqlite = engines[0]!.reason;
const hasBuiltin = process.getBuiltinModule("node:sqlite") !== undefined;
const opened: GatewayStore[] = [];
const log: string[] = [];

async function open(options: Partial<StoreOptions> & { folder: string }): Promise<GatewayStore> {
  const store = await openStore({ log: (level, line) => log.push(`${level} ${line}`), ...options });
  opened.push(store);
  return store;
}

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  log.length = 0;
  vi.doUnmock("better-sqlite3");
  vi.restoreAllMocks();
});
afterAll(removeFolders);

const configuration = (message: string) => expect.objectContaining({ code: "bad-configuration", message: expect.stringContaining(message) as string }) as Error;

/** As on an older Node where the optional package could not be built. */
function withoutSqlite(): void {
  vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
  vi.doMock("better-sqlite3", () => {
    throw new Error("no such package");
  });
}

describe("CP-6 opening a store", () => {
  test.skipIf(noSqlite)(`auto takes SQLite, without a word${noSqlite && ` (left out: ${noSqlite})`}`, async () => {
    const folder = join(newFolder(), "made", "when", "missing");
    const { engine } = await open({ folder });
    expect([engine, log]).toEqual([hasBuiltin ? "node:sqlite" : "better-sqlite3", []]);
  });

  test.skipIf(noSqlite)(`the SQLite of Node goes before the package${noSqlite && ` (left out: ${noSqlite})`}`, async () => {
    const { default: Database } = await import("better-sqlite3");
    vi.spyOn(process, "getBuiltinModule").mockReturnValue({ DatabaseSync: Database } as never);
    expect((await open({ folder: newFolder() })).engine).toBe("node:sqlite");
  });

  test("both libraries' errors are told apart", () => {
    const ofPackage = (code: string) => Object.assign(new Error(), { code });
    const ofNode = (errcode: number) => Object.assign(new Error(), { code: "ERR_SQLITE_ERROR", errcode });
    expect([ofPackage("SQLITE_BUSY_RECOVERY"), ofNode(5), ofNode(261)].map(isBusy)).toEqual([true, true, true]);
    expect([ofPackage("SQLITE_CORRUPT_VTAB"), ofPackage("SQLITE_NOTADB"), ofNode(267), ofNode(26)].map(isDamaged)).toEqual([true, true, true, true]);
    expect([ofPackage("SQLITE_FULL"), ofNode(13), new Error("SQLITE_CORRUPT")].map((error) => isBusy(error) || isDamaged(error))).toEqual([false, false, false]);
    expect([ofPackage("SQLITE_FULL"), ofNode(13), new TypeError("x")].map(isSqlite)).toEqual([true, true, false]);
  });

  test("without SQLite, auto takes the frame file and says loudly what is missing and how to get it; `sqlite` is refused", async () => {
    withoutSqlite();
    const folder = newFolder();
    const { engine } = await open({ folder });
    expect([engine, log]).toEqual(["frames", [expect.stringMatching(/^warning NO SQLITE: node:sqlite is not in Node [\d.]+, and better-sqlite3 does not load .*npm install better-sqlite3.*Node 22\.13/)]]);
    await expect(open({ folder: newFolder(), engine: "sqlite" })).rejects.toThrow(configuration("needs SQLite"));
  });

  test("a folder stays with its engine: nothing that was kept is left behind in silence", async () => {
    const folder = newFolder();
    const frames = await open({ folder, engine: "frames" });
    frames.append(0, 1, 1, 0);
    frames.close();
    const again = await open({ folder });
    expect([again.engine, samplesOf(again, 0).length]).toEqual(["frames", 1]);
    await expect(open({ folder, engine: "sqlite" })).rejects.toThrow(configuration(`folder ${folder} has a store of engine frames, not sqlite`));
  });

  test.skipIf(noSqlite)(`a database is not passed over where SQLite has gone${noSqlite && ` (left out: ${noSqlite})`}`, async () => {
    const folder = newFolder();
    (await open({ folder })).close();
    withoutSqlite();
    await expect(open({ folder })).rejects.toThrow(configuration(`the store in ${folder} needs SQLite`));
    await expect(open({ folder, engine: "frames" })).rejects.toThrow(configuration("has a store of engine sqlite, not frames"));
    expect(readdirSync(folder)).toEqual(["store.db"]);
  });

  test.each([0, 1.5, 1e7 + 1, NaN])("%d samples a series are refused", async (samplesPerSeries) => {
    await expect(open({ folder: newFolder(), samplesPerSeries })).rejects.toThrow(configuration(`samplesPerSeries ${samplesPerSeries}`));
  });

  test("what was appended is on disk a few milliseconds later, without being asked for", async () => {
    const store = await open({ folder: newFolder() });
    store.append(0, 1, 1, 0);
    let told: boolean | undefined;
    store.afterCommit((kept) => (told = kept));
    expect(told).toBe(undefined);
    await expect.poll(() => told).toBe(true);
    store.afterCommit((kept) => (told = !kept));
    expect(told).toBe(false);
  });
});

for (const { name: engine, file, reason } of engines)
  describe.skipIf(reason)(`CP-6 opening a store: ${engine}${reason && ` (left out: ${reason})`}`, () => {
    test("one has the store at a time", async () => {
      const folder = newFolder();
      const first = await open({ folder, engine });
      await expect(open({ folder, engine })).rejects.toThrow(configuration("another process uses it"));
      expect(first.append(0, 1, 1, 0)).toBe("kept");
      first.close();
      expect(samplesOf(await open({ folder, engine }), 0)).toHaveLength(1);
    });

    test("a folder that cannot be used is named", async () => {
      const folder = newFolder();
      writeFileSync(join(folder, "file"), "");
      await expect(open({ folder: join(folder, "file"), engine })).rejects.toThrow(configuration(join(folder, "file")));
      mkdirSync(join(folder, file));
      await expect(open({ folder, engine })).rejects.toThrow(configuration(`cannot open the store ${join(folder, file)}`));
    });
  });
