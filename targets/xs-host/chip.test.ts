// SPDX-License-Identifier: Apache-2.0
// The emulated chip: what is flash cannot be written, what runs is counted exactly, and every way to end has its exit code.
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReadStream } from "node:tty";
import { describe, expect, it, onTestFinished } from "vitest";
import { serialFrame, SerialFrameReader } from "../../sdk/transports/serial-framing";
import { Dice } from "../../tests/conformance/case";
import { memoryMap, noChipReason, RAM_BYTES } from "./chip.mjs";
import { EXIT, runOnXs, type RunOptions } from "./run.mjs";

const reason = await noChipReason();

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "ebalance-chip-test-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function files(main: string, modules: Record<string, string> = {}) {
  const at = folder();
  const write = (name: string, text: string) => {
    writeFileSync(join(at, name), text);
    return join(at, name);
  };
  return { main: write("main.js", main), preload: Object.entries(modules).map(([specifier, text], i) => ({ file: write(`module-${i}.js`, text), specifier })) };
}

async function onChip(main: string, { modules = {}, ...options }: Omit<RunOptions, "main" | "preload" | "target"> & { modules?: Record<string, string> } = {}) {
  const { code, lines } = await runOnXs({ ...files(main, modules), target: "chip", ...options });
  return { code, lines };
}

/** What a module may not do with what it made at its top level. */
const unsafe = {
  "a Map": "const seen = new Map(); export function remember(key) { seen.set(key, 1); }",
  "a Set": "const seen = new Set(); export function remember(key) { seen.add(key); }",
  "a WeakMap": "const seen = new WeakMap(); export function remember(key) { seen.set({ key }, 1); }",
  "a WeakSet": "const seen = new WeakSet(); export function remember(key) { seen.add({ key }); }",
  "a buffer": "const seen = new Uint8Array(4); export function remember(key) { seen[0] = key; }",
  "a static of a class": "class Seen { static last = 0; } export function remember(key) { Seen.last = key; }",
};

describe.skipIf(reason)(`the emulated chip${reason ? ` (left out: ${reason})` : ""}`, { timeout: 120_000 }, () => {
  it("prints, keeps time and timers, and takes arguments", async () => {
    const main = `
      const before = host.monotonicMs(); let ticks = 0;
      const timer = host.setTimer(50, true, () => { if (++ticks === 3) { host.clearTimer(timer); host.print(host.args.join(" ") + " " + (host.monotonicMs() - before >= 150)); } });`;
    expect(await onChip(main, { args: ["a", "b,c"] })).toEqual({ code: EXIT.ok, lines: ["a b,c true"] });
  });

  it("counts the same instructions in every run", async () => {
    const main = `const { instructions } = host; const start = instructions(); let sum = 0; for (let i = 0; i < 1000; i++) sum += i; host.print(start + " " + (instructions() - start)); host.exit(0);`;
    // Several at once, so that the computer is late now and then.
    const [first, ...others] = await Promise.all(Array.from({ length: 6 }, () => onChip(main)));
    expect(Number(first!.lines[0]!.split(" ")[1])).toBeGreaterThan(100_000);
    for (const other of others) expect(other).toEqual(first);
  });

  it("counts no instructions while it sleeps", async () => {
    const main = `const { instructions, setTimer } = host; const start = instructions(); setTimer(500, false, () => host.print(String(instructions() - start)));`;
    expect(Number((await onChip(main)).lines[0])).toBeLessThan(100_000);
  });

  it.each(Object.entries(unsafe))("a preloaded module that writes to %s of its top level is named, as on the Linux host", async (_what, text) => {
    const main = `import { remember } from "meter/memory"; remember(5);`;
    const modules = { "meter/memory": text };
    const named = /remember stands in the preloaded module meter\/memory/;
    const chip = await onChip(main, { modules });
    expect([chip.code, chip.lines.some((line) => named.test(line))]).toEqual([EXIT.unhandled, true]);
    const linux = await runOnXs(files(main, modules));
    expect([linux.code, named.test(linux.errors)]).toEqual([EXIT.unhandled, true]);
  });

  it("where the call that writes was returned, so that nobody is in the stack, what to look for is said", async () => {
    const main = `import { remember } from "meter/memory"; remember(5);`;
    const modules = { "meter/memory": "const seen = new Map(); export function remember(key) { return seen.set(key, 1); }" };
    const said = /a preloaded module made it at its top level.*host\.frozen\(\)/;
    const chip = await onChip(main, { modules });
    expect([chip.code, chip.lines.some((line) => said.test(line))]).toEqual([EXIT.unhandled, true]);
    const linux = await runOnXs(files(main, modules));
    expect([linux.code, said.test(linux.errors)]).toEqual([EXIT.unhandled, true]);
  });

  it("an application's own function is not taken for a preloaded one of that name", async () => {
    const main = `import { remember as theirs } from "meter/memory"; const fixed = Object.freeze({ last: 0 }); function remember(key) { fixed.last = key; } theirs(5); remember(5);`;
    const modules = { "meter/memory": "export function remember(key) { return key; }" };
    const { code, lines } = await onChip(main, { modules });
    expect([code, lines.some((line) => line.includes("remember")), lines.some((line) => line.includes("preloaded module"))]).toEqual([EXIT.unhandled, true, false]);
  });

  it("plain objects, arrays and variables of a preloaded module are copied to RAM when they are written", async () => {
    const modules = { "meter/memory": "let count = 0; const seen = {}; const list = []; export function remember(key) { count++; seen[key] = 1; list.push(key); return count + list.length; }" };
    expect(await onChip(`import { remember } from "meter/memory"; remember(5); host.print(String(remember(6)));`, { modules })).toEqual({ code: EXIT.ok, lines: ["4"] });
  });

  it("ends with its exit code when memory or stack are used up", async () => {
    expect((await onChip(`const all = []; for (;;) all.push(new Uint8Array(1000));`)).code).toBe(EXIT.memory);
    expect((await onChip(`const deeper = (n) => deeper(n + 1) + 1; deeper(0);`)).code).toBe(EXIT.stack);
    expect((await onChip(`throw new Error("no");`)).code).toBe(EXIT.unhandled);
  });

  it("has no more RAM than it says: the static block and the heap beside it fit, a larger block does not", async () => {
    expect((await onChip(`host.print("runs");`, { staticBytes: RAM_BYTES - 65_536 })).lines).toEqual(["runs"]);
    // All around what the C stack leaves: a heap that reached into it would be written over.
    const { nativeHeapBytes } = JSON.parse((await onChip(`host.print(JSON.stringify(host.memory()));`, { staticBytes: RAM_BYTES - 65_536 })).lines[0]!) as { nativeHeapBytes: number };
    for (let staticBytes = RAM_BYTES; staticBytes > 2 * RAM_BYTES - 65_536 - nativeHeapBytes - 20_480; staticBytes -= 2048) {
      expect([EXIT.ok, EXIT.memory, EXIT.usage]).toContain((await onChip(`host.print("runs");`, { staticBytes })).code);
    }
  });

  describe("its memory protection", () => {
    const { flashStart, flashWindow, flashEnd, ramStart, stackGuard, stackLow, ramEnd } = memoryMap();
    /** What becomes of a byte that C reads, or reads and writes back. */
    const touch = (access: "read" | "write", address: number) =>
      onChip(`const [access, address] = [host.args[0], Number(host.args[1])], byte = host.peek(address); if (access === "write") host.poke(address, byte); host.print("done");`, { args: [access, String(address)] });
    const done = { code: EXIT.ok, lines: ["done"] };
    const ended = (code: number, text: RegExp) => ({ code, lines: [expect.stringMatching(text) as string] });

    it.each([["first byte of the code", flashStart], ["first byte of the root machine", flashWindow], ["last byte", flashEnd - 1]])("lets the %s in flash be read and not written", async (_what, address) => {
      expect(await touch("read", address)).toEqual(done);
      expect(await touch("write", address)).toEqual(ended(EXIT.flash, new RegExp(`write to flash at address ${address.toString(16)} `)));
    });

    it.each([["behind flash", flashEnd], ["before RAM", ramStart - 1], ["behind RAM", ramEnd], ["far behind", 0x81ff_ffff]])("lets nothing be read %s", async (_what, address) => {
      expect(await touch("read", address)).toEqual(ended(EXIT.flash, new RegExp(`trap at address ${address.toString(16)} `)));
    });

    it("lets the C stack be written, and not the guard below it", async () => {
      expect(await touch("write", stackLow)).toEqual(done);
      for (const address of [stackGuard, stackLow - 1]) expect(await touch("read", address)).toEqual(ended(EXIT.stack, /stack overflow/));
    });
  });

  it("ends when the C stack is used up, wherever that happens, and never writes over the heap", async () => {
    const main = `
      const key = host.crypto.importKey(new Uint8Array(32), 1), out = new Uint8Array(32), depth = Number(host.args[0]);
      const deeper = (n) => { if (n === 0) host.crypto.deriveKey(key, out, out, 0); else [2, 1].sort((a, b) => { deeper(n - 1); return a - b; }); };
      deeper(depth); host.print("done");`;
    const ends = [];
    for (const depth of [1, 5, 6, 7, 8, 9, 10, 50]) ends.push((await onChip(main, { stackSlots: 4000, staticBytes: 150_000, args: [String(depth)] })).code);
    expect(ends[0]).toBe(EXIT.ok);
    expect(ends.slice(ends.indexOf(EXIT.stack)).every((code) => code === EXIT.stack)).toBe(true);
    expect(ends.at(-1)).toBe(EXIT.stack);
  });

  it("a profile gives each function the share that it takes, exactly counted, across turns", async () => {
    const main = `
      function light() { let sum = 0; for (let i = 0; i < 500; i++) sum += i; }
      function heavy() { [1].push(2); let sum = 0; for (let i = 0; i < 1500; i++) sum += i; }
      const { instructions } = host;
      const cost = (work) => { const before = instructions(); work(); return instructions() - before; };
      host.print("ratio " + cost(heavy) / cost(light));
      let turns = 0; host.profileStart(700);
      host.setTimer(10, true, () => { light(); heavy(); if (++turns === 5) { host.print(host.profileStop()); host.exit(0); } });`;
    const { code, lines } = await onChip(main);
    expect(code).toBe(EXIT.ok);
    const count = (name: string) => Number(lines.find((line) => line.endsWith(` ${name}`))?.split(" ")[0] ?? 0);
    const ratio = Number(lines.find((line) => line.startsWith("ratio "))?.slice(6));
    expect(count("heavy") / count("light") / ratio).toBeGreaterThan(0.95);
    expect(count("heavy") / count("light") / ratio).toBeLessThan(1.05);
    expect(count("push")).toBeLessThan(count("light") / 20);
  });

  it("what the serial line brings is heard while a profile runs", async () => {
    const main = `
      let heard = false;
      host.serial.open("uart0", 115200); host.serial.onInput(() => { host.serial.read(); heard = true; });
      host.profileStart(700); host.print("listens");
      host.setTimer(10, true, () => { if (heard) host.exit(0); });`;
    let terminal = "";
    const onLine = (line: string) => {
      terminal = /redirected to (\S+)/.exec(line)?.[1] ?? terminal;
      if (line !== "listens") return;
      const open = openSync(terminal, constants.O_RDWR | constants.O_NOCTTY);
      onTestFinished(() => closeSync(open));
      writeSync(open, "noise\n");
    };
    expect((await onChip(main, { serial: "pty", onLine })).code).toBe(EXIT.ok);
  });

  it("CP-8 hears the frames of its serial line through noise, half frames and silence as the twin does, answers, and gives back the memory", async () => {
    const main = `
      const { serial, crypto, memory, print } = host, heap = () => memory().nativeHeapBytes, hex = (b) => Array.from(b, (byte) => byte.toString(16)).join(" ");
      const useKeys = () => { const none = new Uint8Array(16), secret = crypto.importKey(none, 1), key = crypto.deriveKey(secret, none, none, 0); crypto.destroyKey(key); crypto.destroyKey(secret); };
      useKeys();
      const before = heap();
      useKeys();
      print("keys " + (heap() - before));
      let quiet, kept;
      const listen = () => { serial.open("uart0", 115200); serial.onInput(take); print("listens"); };
      const take = () => {
        if (quiet !== undefined) host.clearTimer(quiet);
        for (let message; (message = serial.read()); ) {
          print("heard " + hex(message) + " dropped " + serial.dropped());
          serial.send(message);
          if (message.length === 1) { quiet = undefined; return end(); }
        }
        quiet = host.setTimer(300, false, () => print("silence"));
      };
      const end = () => host.setTimer(50, false, () => {
        serial.onInput(null); serial.close();
        if (kept !== undefined) { print("kept " + (heap() - kept)); return host.exit(0); }
        kept = heap(); listen();
      });
      listen();`;
    const dice = new Dice(3);
    const expected: string[] = [];
    const twin = new SerialFrameReader((message) => expected.push(`heard ${Array.from(message, (byte) => byte.toString(16)).join(" ")} dropped ${twin.dropped}`));
    const messages = [dice.bytes(2), dice.bytes(300), new Uint8Array(1024), dice.bytes(40)];
    const whole = messages.flatMap((message) => [dice.bytes(1 + dice.below(60)), serialFrame(dice.bytes(50)).subarray(0, 20), serialFrame(message)]);
    const late = serialFrame(dice.bytes(500));
    const last = serialFrame(Uint8Array.of(1));
    // What is silent in the middle of a frame goes on with it; a message of one byte closes the line, which is opened once more.
    const parts = [Buffer.concat([...whole, late.subarray(0, 200)]), Buffer.concat([late.subarray(200), new Uint8Array(3000).fill(7), last])];
    for (const part of parts) twin.push(part);
    parts.push(Buffer.from(last));
    const answers: Uint8Array[] = [];
    const answerReader = new SerialFrameReader((message) => answers.push(message.slice()));
    let terminal = "";
    const open = () => openSync(terminal, constants.O_RDWR | constants.O_NOCTTY);
    const write = (bytes: Uint8Array) => {
      const line = open();
      writeSync(line, bytes);
      closeSync(line);
    };
    const onLine = (text: string) => {
      terminal ||= /redirected to (\S+)/.exec(text)?.[1] ?? "";
      if (text === "listens" && parts.length === 3) new ReadStream(open()).on("data", (bytes: Uint8Array) => answerReader.push(bytes)).on("error", () => {});
      if (text === "listens" || text === "silence") write(parts.shift() ?? new Uint8Array(0));
    };
    const { code, lines } = await onChip(main, { serial: "pty", onLine });
    expect([code, lines.filter((text) => !/redirected|listens/.test(text))]).toEqual([EXIT.ok, ["keys 0", ...expected.slice(0, -2), "silence", ...expected.slice(-2), "heard 1 dropped 0", "kept 0"]]);
    expect([expected.length, answers.length]).toEqual([6, 7]);
  });

  it("has random bytes, others at each call", async () => {
    const { lines } = await onChip(`for (let i = 0; i < 2; i++) host.print(host.random(16).join(" "));`);
    expect(lines.map((line) => line.split(" ").length)).toEqual([16, 16]);
    expect(lines[0]).not.toBe(lines[1]);
  });

  it("computes as node:crypto does: SHA-256 of abc", async () => {
    const main = `const out = new Uint8Array(32); host.crypto.sha256(Uint8Array.of(97, 98, 99), 3, out); host.print(Array.from(out, (b) => b.toString(16).padStart(2, "0")).join(""));`;
    expect((await onChip(main)).lines).toEqual(["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]);
  });
});
