import { describe, expect, test } from "vitest";
import type { StateName } from "../core/ports";
import { FlashState } from "./flash-state";
import { MemoryFlash, PowerCut } from "./memory-flash";

const silent = () => {};
const open = (flash: MemoryFlash) => new FlashState(flash, silent);
const some = (fill: number, size = 90) => new Uint8Array(size).fill(fill);
const restarted = (flash: MemoryFlash) => open(new MemoryFlash(flash.sectorCount, flash.bytes, flash.sectorBytes));

describe("SP-3 state records in flash", () => {
  test("the newest of each is there after a restart, however often they change, and one without bytes is none", () => {
    const flash = new MemoryFlash(2);
    const state = open(flash);
    for (let i = 1; i <= 300; i++) {
      expect(state.keep("sequences", some(i & 255, 40))).toBe(true);
      expect(state.keep(`session-${i % 3}`, some(i & 255))).toBe(true);
      expect(restarted(flash).load("sequences")).toEqual(some(i & 255, 40));
    }
    expect(state.keep("session-1", some(0, 0))).toBe(true);
    const again = restarted(flash);
    expect((["sequences", "session-0", "session-1", "session-2", "windows"] as const).map((name) => again.load(name)?.[0])).toEqual([44, 44, undefined, 43, undefined]);
    // Each record is written once: a sector is erased when it is full, not before.
    expect(flash.erases.reduce((sum, count) => sum + count)).toBeLessThan(14);
  });

  test("what is kept already is not written again", () => {
    const flash = new MemoryFlash(2);
    const state = open(flash);
    state.keep("windows", some(1));
    const { programmed } = flash;
    expect([state.keep("windows", some(1)), state.keep("revocations", some(0, 0)), flash.programmed]).toEqual([true, true, programmed]);
  });

  test("power may go at every byte: the record before it or the new one is there, and what was acknowledged stays", { timeout: 60_000 }, () => {
    const flash = new MemoryFlash(2, undefined, 512);
    const state = open(flash);
    state.keep("session-7", some(7, 100));
    for (let i = 1; i <= 8; i++) {
      for (let cut = 0, done = false; !done; cut++) {
        const torn = new MemoryFlash(2, flash.bytes.slice(), 512);
        const opened = open(torn);
        torn.bytesLeft = cut;
        try {
          done = opened.keep("sequences", some(200 + i));
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        torn.bytesLeft = Infinity;
        const again = restarted(torn);
        const before = i === 1 ? undefined : some(100 + i - 1);
        expect(done ? [some(200 + i)] : [before, some(200 + i)]).toContainEqual(again.load("sequences"));
        expect(again.load("session-7")).toEqual(some(7, 100));
        // It goes on from there, and nothing that was torn comes back.
        expect(again.keep("sequences", some(99))).toBe(true);
        expect(restarted(torn).load("sequences")).toEqual(some(99));
      }
      state.keep("sequences", some(100 + i));
    }
    expect(flash.erases.every((count) => count > 0)).toBe(true);
  });

  test("power may go a second time, while it starts again", () => {
    const flash = new MemoryFlash(2, undefined, 512);
    for (let i = 1; i <= 6; i++) open(flash).keep("windows", some(i));
    for (let cut = 0; cut < 700; cut += 3) {
      const torn = new MemoryFlash(2, flash.bytes.slice(), 512);
      for (const left of [cut, 5, 8]) {
        torn.bytesLeft = left;
        try {
          open(torn).keep("windows", some(50));
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
      }
      torn.bytesLeft = Infinity;
      expect([6, 50]).toContain(restarted(torn).load("windows")![0]);
    }
  });

  test("damage brings nothing older back: every record counts as damaged, over restarts and whatever else is kept, until it is kept anew", () => {
    const flash = new MemoryFlash(2);
    const state = open(flash);
    for (const sequence of [1, 2, 3]) state.keep("revocations", some(sequence));
    const records = flash.bytes.findIndex((byte, i) => i > 12 && byte === 0xff);
    for (let at = 0; at < records; at++)
      for (const bit of [0, 7]) {
        const rotten = new MemoryFlash(2, flash.bytes.slice());
        rotten.bytes[at]! ^= 1 << bit;
        const lines: string[] = [];
        const again = new FlashState(rotten, (level, line) => lines.push(`${level} ${line}`));
        const found = again.load("revocations");
        expect(["damaged", some(3)]).toContainEqual(found);
        if (found !== "damaged") continue;
        expect(lines.join()).toMatch(/error state: (damaged at \d+|the head) of half [01]/);
        expect([restarted(rotten).load("masks"), again.keep("sequences", some(9)), again.keep("windows", some(0, 0))]).toEqual(["damaged", true, true]);
        for (let i = 0; i < 100; i++) again.keep("session-7", some(i));
        const later = restarted(rotten);
        expect((["sequences", "windows", "revocations", "session-7", "session-8"] as const).map((name) => later.load(name))).toEqual([some(9), undefined, "damaged", some(99), undefined]);
        later.keep("revocations", some(4));
        expect(restarted(rotten).load("revocations")).toEqual(some(4));
      }
  });

  test("power that goes while the half is replaced that is damaged leaves it damaged", () => {
    const flash = new MemoryFlash(2, undefined, 512);
    for (let i = 1; i <= 3; i++) open(flash).keep("revocations", some(i));
    const live = flash.bytes[512] === 0x45 ? 512 : 0;
    for (const at of [live + 1, live + 40])
      for (let cut = 0; cut < 300; cut++) {
        const torn = new MemoryFlash(2, flash.bytes.slice(), 512);
        torn.bytes[at]! ^= 1;
        torn.bytesLeft = cut;
        try {
          open(torn).keep("sequences", some(9));
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        torn.bytesLeft = Infinity;
        expect(restarted(torn).load("revocations")).toBe("damaged");
      }
  });

  test("flash that fails keeps nobody from going on, and a record that does not fit is refused", () => {
    const flash = new MemoryFlash(2);
    const lines: string[] = [];
    const state = new FlashState(flash, (_level, line) => lines.push(line));
    expect(state.keep("credentials", some(1, 3000))).toBe(true);
    expect(state.keep("windows", some(1, 3000))).toBe(false);
    expect(state.keep("windows", some(1, 65_530))).toBe(false);
    flash.fails = () => true;
    expect(state.keep("credentials", some(2, 30))).toBe(false);
    flash.isUnreadable = () => true;
    expect([state.load("credentials"), new FlashState(flash, silent).load("credentials")]).toEqual(["damaged", "damaged"]);
    expect(lines).toEqual([
      "state: 6042 bytes of state do not fit into 4096",
      "state: state windows: 65530 bytes, a record of flash has fewer than 65,536",
      "state: flash: sector 1 has failed",
      "state: flash: sector 1 has failed",
    ]);
  });

  test("a name that is none is refused", () => {
    for (const name of ["", "../key", "Session", "session-", "a".repeat(17)]) expect(() => open(new MemoryFlash(2)).keep(name as StateName, some(1))).toThrow(/is letters a to z/);
    expect(() => open(new MemoryFlash(1))).toThrow(/at least 2/);
  });
});
