import { expect, test } from "vitest";
import { flashPart } from "./flash-part";
import { FlashState } from "./flash-state";
import { MemoryFlash } from "./memory-flash";

test("state in a part of flash is there after a restart, and nothing beside it was written or erased", () => {
  const flash = new MemoryFlash(8);
  const state = () => new FlashState(flashPart(flash, 3, 4), () => {});
  for (let i = 1; i <= 40; i++) expect(state().keep("windows", new Uint8Array(1000).fill(i))).toBe(true);
  expect(state().load("windows")).toEqual(new Uint8Array(1000).fill(40));
  expect(flash.erases.map((count) => count > 0)).toEqual([false, false, false, true, true, true, true, false]);
  const beside = [flash.bytes.subarray(0, 3 * 4096), flash.bytes.subarray(7 * 4096)];
  for (const bytes of beside) expect(bytes.every((byte) => byte === 0xff)).toBe(true);
});

test("what lies beside a part cannot be reached through it", () => {
  const part = flashPart(new MemoryFlash(8), 3, 2);
  const bytes = new Uint8Array(16);
  const refusals = [() => part.read(-1, bytes, 2), () => part.program(2 * 4096 - 15, bytes, 16), () => part.erase(2), () => part.erase(-1)];
  for (const refused of refusals) expect(refused).toThrow(/are not in a part of 2 sectors/);
  expect(() => part.program(2 * 4096 - 16, bytes, 16)).not.toThrow();
});

test.each([[-1, 2], [0, 0], [7, 2], [0.5, 2], [NaN, 1]])("there is no part from sector %s with %s", (first, count) => {
  expect(() => flashPart(new MemoryFlash(8), first, count)).toThrow(/has no part/);
});
