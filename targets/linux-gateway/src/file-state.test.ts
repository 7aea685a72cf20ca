import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StateName } from "ebalance";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileState } from "./file-state";

let folder: string;
let lines: string[];
const open = () => new FileState(join(folder, "state"), (level, line) => lines.push(`${level} ${line}`));
const some = (fill: number, size = 50) => new Uint8Array(size).fill(fill);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ebalance-state-"));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("SP-3 state records in files", () => {
  test("what was kept last is there after a restart, and one without bytes is none", () => {
    const state = open();
    expect([state.load("windows"), state.keep("windows", some(1)), state.keep("windows", some(2)), state.keep("session-9", some(3)), state.keep("session-9", some(0, 0))]).toEqual([undefined, true, true, true, true]);
    expect([open().load("windows"), open().load("session-9"), lines]).toEqual([some(2), undefined, []]);
  });

  test("nobody but its owner reads folder and files", () => {
    open().keep("credentials", some(1));
    chmodSync(join(folder, "state"), 0o755);
    open();
    expect([statSync(join(folder, "state")).mode & 0o777, statSync(join(folder, "state", "credentials")).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  test("a damaged record is none of a first start, whatever has happened to it, until the next is kept or a person removes it; a copy stays", () => {
    const path = join(folder, "state", "sequences");
    const damages = [() => truncateSync(path, 20), () => truncateSync(path, 0), () => writeFileSync(path, Buffer.from(readFileSync(path).map((byte, i) => (i === 30 ? byte ^ 1 : byte)))), () => writeFileSync(path, Buffer.alloc(58))];
    for (const damage of damages) {
      open().keep("sequences", some(5));
      damage();
      const state = open();
      for (const started of [open(), open(), state]) {
        expect(started.load("sequences")).toBe("damaged");
        expect(lines.pop()).toMatch(/^error state .*sequences is damaged$/);
      }
      expect([state.keep("sequences", some(6)), open().load("sequences"), state.keep("sequences", some(7)), lines]).toEqual([true, some(6), true, []]);
      damage();
      rmSync(path);
      expect(open().load("sequences")).toBeUndefined();
    }
    expect(readdirSync(join(folder, "state")).filter((name) => name.includes("damaged")).length).toBeGreaterThan(0);
  });

  test("a write that was cut off leaves the record before it", () => {
    open().keep("revocations", some(7));
    writeFileSync(join(folder, "state", "revocations.new"), some(8, 3));
    expect([open().load("revocations"), readdirSync(join(folder, "state"))]).toEqual([some(7), ["revocations"]]);
  });

  test("a folder that is none is named at once, and a disk that fails later is told", () => {
    writeFileSync(join(folder, "file"), "");
    expect(() => new FileState(join(folder, "file"), () => {})).toThrow(expect.objectContaining({ code: "bad-configuration", message: expect.stringContaining("cannot keep state in") as string }));
    const state = open();
    rmSync(join(folder, "state"), { recursive: true });
    expect([state.keep("windows", some(1)), state.load("windows"), lines]).toEqual([false, undefined, [`error state ${join(folder, "state", "windows")} cannot be kept (ENOENT)`]]);
  });

  test("a name that is a path is refused", () => {
    for (const name of ["../home.key.json", "a/b", "."]) {
      expect(() => open().keep(name as StateName, some(1))).toThrow(/is letters a to z/);
      expect(() => open().load(name as StateName)).toThrow(/is letters a to z/);
    }
  });
});
