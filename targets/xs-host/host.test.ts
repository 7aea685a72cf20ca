// SPDX-License-Identifier: Apache-2.0
// How runs end, and the memory budget, on the real engine.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noHostReason, xsHost } from "./available";
import { EXIT, runOnXs } from "./run.mjs";
import { workbench } from "./scripts-for-tests";

describe.skipIf(!xsHost)(`exit codes of the XS host ${noHostReason}`, () => {
  const { run, folder } = workbench();

  it("ends with 0 when nothing is left to wait for", async () => {
    const result = await run(`host.print("done");`);
    expect(result).toMatchObject({ code: EXIT.ok, lines: ["done"], errors: "" });
  });

  it("ends with the code given to host.exit, at once", async () => {
    const result = await run(`host.setTimer(100000, false, () => {}); host.exit(7); host.print("not reached");`);
    expect(result).toMatchObject({ code: 7, lines: [] });
  });

  it("refuses the host's own codes in host.exit", async () => {
    const result = await run(`try { host.exit(70); } catch (e) { host.print(e.name); }`);
    expect(result).toMatchObject({ code: EXIT.ok, lines: ["RangeError"] });
  });

  it("ends with 70 when objects exceed the budget", async () => {
    const result = await run(`const kept = []; try { for (;;) kept.push({ x: 1 }); } catch { host.print("caught"); }`);
    expect(result).toMatchObject({ code: EXIT.memory, lines: [] });
    expect(result.errors).toContain("memory full");
  });

  it("ends with 71 on endless recursion", async () => {
    const result = await run(`function f() { return f() + 1; } try { f(); } catch { host.print("caught"); }`);
    expect(result).toMatchObject({ code: EXIT.stack, lines: [] });
  });

  it("ends with 72 on an exception nobody catches, and prints message and stack", async () => {
    const result = await run(`function thrower() { throw new RangeError("too far"); } thrower();`);
    expect(result.code).toBe(EXIT.unhandled);
    expect(result.errors).toContain("RangeError: too far");
    expect(result.errors).toContain("thrower");
  });

  it("ends with 72 on an exception in a callback", async () => {
    const result = await run(`host.setTimer(1, false, () => { throw new Error("late"); });`);
    expect(result.code).toBe(EXIT.unhandled);
    expect(result.errors).toContain("Error: late");
  });

  it("ends with 72 on a rejection nobody handles, but not on one handled in the same turn", async () => {
    const rejected = await run(`Promise.reject(new Error("nobody")); host.setTimer(100000, false, () => {});`);
    expect(rejected.code).toBe(EXIT.unhandled);
    expect(rejected.errors).toContain("nobody");
    const handled = await run(`const p = Promise.reject(new Error("somebody")); await null; p.catch(() => host.print("ok"));`);
    expect(handled).toMatchObject({ code: EXIT.ok, lines: ["ok"] });
  });

  it("ends with 72 on a syntax error", async () => {
    expect((await run(`let let = ;`)).code).toBe(EXIT.unhandled);
  });

  it("ends with 73 when a turn computes beyond the meter, counted anew each turn", async () => {
    expect((await run(`for (;;);`, { meter: 100000 })).code).toBe(EXIT.meter);
    const turns = await run(
      `let n = 0; const id = host.setTimer(1, true, () => { for (let i = 0; i < 5000; i++); if (++n === 20) host.clearTimer(id); });`,
      { meter: 100000 },
    );
    expect(turns.code).toBe(EXIT.ok);
  });

  it("ends with 74 on a bad command line, a missing file, a missing module", async () => {
    expect(spawnSync(xsHost!.path, ["--what", "1", "x.js"]).status).toBe(EXIT.usage);
    expect(spawnSync(xsHost!.path, []).status).toBe(EXIT.usage);
    expect((await runOnXs({ main: `${folder}/none.js` })).code).toBe(EXIT.usage);
    const missing = await run(`import "no/such/module";`);
    expect(missing.code).toBe(EXIT.usage);
    expect(missing.errors).toContain("no/such/module");
  });

  it("ends with 75 when a script makes up more property names than allowed", async () => {
    const text = (count: number) => `const o = {}; for (let i = 0; i < ${count}; i++) o["made_up_" + i] = i;`;
    expect((await run(text(30), { keys: 32 })).code).toBe(EXIT.ok);
    expect((await run(text(40), { keys: 32 })).code).toBe(EXIT.keys);
  });

  it("ends with 0 on SIGTERM and SIGINT while waiting", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const result = await run(`host.setTimer(1000000, false, () => {}); host.print("waiting");`, {
        onLine: (_line, child) => child.kill(signal),
      });
      expect(result).toMatchObject({ code: EXIT.ok, signal: null, timedOut: false });
    }
  });

  it("lists every exit code in --help and in run.mjs as in exit-codes.h", () => {
    const header = readFileSync(new URL("engine/exit-codes.h", import.meta.url), "utf8");
    const codes = [...header.matchAll(/^\tEXIT_\w+ = (\d+),/gm)].map((match) => Number(match[1]));
    const help = spawnSync(xsHost!.path, ["--help"], { encoding: "utf8" });
    const listed = [...help.stdout.matchAll(/^ +(\d+) {2}/gm)].map((match) => Number(match[1]));
    expect(codes.length).toBe(10);
    expect(listed).toEqual(codes);
    expect(Object.values(EXIT)).toEqual(codes);
  });
});

describe.skipIf(!xsHost)(`memory budget of the XS host ${noHostReason}`, () => {
  const { run } = workbench();
  const keepBytes = (bytes: number) => `globalThis.kept = new Uint8Array(${bytes}); host.print("kept");`;

  it("holds what fits in the static block and not more", async () => {
    expect(await run(keepBytes(60_000))).toMatchObject({ code: EXIT.ok, lines: ["kept"] });
    expect((await run(keepBytes(94_208))).code).toBe(EXIT.memory);
    expect(await run(keepBytes(94_208), { staticBytes: 150_000 })).toMatchObject({ code: EXIT.ok });
  });

  it("gives chunks and slots one block: what one takes the other lacks", async () => {
    const objects = `for (let i = 0, list = globalThis.list = []; i < 600; i++) list.push({ i });`;
    expect((await run(objects)).code).toBe(EXIT.ok);
    expect((await run(keepBytes(60_000))).code).toBe(EXIT.ok);
    expect((await run(keepBytes(60_000) + objects)).code).toBe(EXIT.memory);
  });

  it("collects garbage instead of failing, however much is made", async () => {
    const text = `let last; for (let i = 0; i < 20000; i++) last = { text: "n" + i, bytes: new Uint8Array(64) }; host.print(last.text);`;
    expect(await run(text)).toMatchObject({ code: EXIT.ok, lines: ["n19999"] });
  });

  it("has fixed areas with the budget esp32", async () => {
    expect((await run(keepBytes(70_000), { budget: "esp32" })).code).toBe(EXIT.ok);
    expect((await run(keepBytes(80_000), { budget: "esp32" })).code).toBe(EXIT.memory);
    const objects = (n: number) => `let head; for (let i = 0; i < ${n}; i++) head = { head };`;
    expect((await run(objects(2000), { budget: "esp32" })).code).toBe(EXIT.ok);
    expect((await run(objects(2500), { budget: "esp32" })).code).toBe(EXIT.memory);
  });

  it("limits the stack in slots", async () => {
    const depth = (n: number) => `function f(n) { return n ? f(n - 1) + 1 : 0; } host.print(String(f(${n})));`;
    expect(await run(depth(20))).toMatchObject({ code: EXIT.ok, lines: ["20"] });
    expect((await run(depth(100))).code).toBe(EXIT.stack);
    expect((await run(depth(100), { stackSlots: 2000 })).code).toBe(EXIT.ok);
    // Without an option it is that of an ESP32-C3: as deep as with 384 slots, and no deeper.
    const deepest = async (options: object) => {
      let low = 20;
      for (let high = 100; high - low > 1; ) {
        const middle = (low + high) >> 1;
        if ((await run(depth(middle), options)).code === EXIT.ok) low = middle;
        else high = middle;
      }
      return low;
    };
    const depths = [await deepest({}), await deepest({ stackSlots: 384 }), await deepest({ stackSlots: 448 })];
    expect(depths[0]).toBe(depths[1]);
    expect(depths[2]).toBeGreaterThan(depths[0]!);
  });

  it("reports memory that grows with what is kept, and peaks that stay", async () => {
    const result = await run(`
      host.collect(); const before = host.memory();
      let kept = new Uint8Array(10000); const during = host.memory();
      kept = undefined; host.collect(); const after = host.memory();
      host.print(JSON.stringify({ before, during, after }));`);
    const { before, during, after } = JSON.parse(result.lines[0]!);
    expect(during.chunkBytes - before.chunkBytes).toBeGreaterThanOrEqual(10000);
    expect(after.chunkBytes).toBeLessThan(during.chunkBytes - 9000);
    expect(after.peakChunkBytes).toBeGreaterThanOrEqual(during.chunkBytes);
    expect(after).toMatchObject({ staticBytes: 94208, slotSize: xsHost!.slotBytes });
  });

  it("keeps bytecode and names of MAIN out of RAM", async () => {
    const use = (text: string) => run(`${text}\nhost.collect(); const m = host.memory(); host.print(String(m.chunkBytes + m.slotBytes));`);
    const bulk = Array.from({ length: 200 }, (_, i) => `  o.property_${i} = () => "a string of some length ${i}";`).join("\n");
    const small = Number((await use(``)).lines[0]);
    const large = Number((await use(`function never(o) {\n${bulk}\n}`)).lines[0]);
    expect(large - small).toBeLessThan(600);
  });
});
