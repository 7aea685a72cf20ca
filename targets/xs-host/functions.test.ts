// SPDX-License-Identifier: Apache-2.0
// The host's functions and its preloaded modules, on the real engine.
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { noHostReason, xsHost } from "./available";
import { bundle } from "./bundle.mjs";
import { EXIT, runOnXs } from "./run.mjs";
import { workbench } from "./scripts-for-tests";

/** A server on a free port for as long as `use` runs. */
async function withServer<T>(onSocket: (socket: Socket) => void, use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

describe.skipIf(!xsHost)(`functions of the XS host ${noHostReason}`, () => {
  const { run, file, folder } = workbench();
  const outcomes = (cases: Record<string, string>) =>
    `const attempt = (f) => { try { return String(f()); } catch (e) { return e.name; } };` +
    Object.entries(cases).map(([name, code]) => `host.print("${name}: " + attempt(() => ${code}));`).join("\n");

  it("passes arguments and prints UTF-8", async () => {
    const result = await run(`host.print(host.args.join("|") + " äß€😀"); host.printError("err 😀");`, { args: ["one", "zwei ü"] });
    expect(result.lines).toEqual(["one|zwei ü äß€😀"]);
    expect(result.errors).toBe("err 😀\n");
  });

  it("fires timers in the order they are due, repeats, and forgets cleared ones", async () => {
    const result = await run(`
      const out = [];
      host.setTimer(20, false, () => out.push("late"));
      host.setTimer(5, false, () => out.push("early"));
      const never = host.setTimer(10, false, () => out.push("never")); host.clearTimer(never);
      let n = 0;
      const id = host.setTimer(30, true, () => { out.push("tick"); if (++n === 3) { host.clearTimer(id); host.print(out.join(" ")); } });`);
    expect(result).toMatchObject({ code: EXIT.ok, lines: ["early late tick tick tick"] });
  });

  it("waits at least as long as asked", async () => {
    const result = await run(`const t = host.monotonicMs(); host.setTimer(50, false, () => host.print(String(host.monotonicMs() - t)));`);
    expect(Number(result.lines[0])).toBeGreaterThanOrEqual(50);
  });

  it("runs promise jobs between two timers that are due together", async () => {
    const result = await run(`
      const out = [];
      for (const name of ["a", "b"]) host.setTimer(1, false, async () => { out.push(name + 1); await null; out.push(name + 2); });
      host.setTimer(30, false, () => host.print(out.join(" ")));`);
    expect(result.lines).toEqual(["a1 a2 b1 b2"]);
  });

  it("bounds timers and checks their arguments", async () => {
    const result = await run(
      outcomes({
        text: `host.setTimer("1", false, () => {})`,
        negative: `host.setTimer(-1, false, () => {})`,
        nan: `host.setTimer(NaN, false, () => {})`,
        callback: `host.setTimer(1, false, 5)`,
        missing: `host.setTimer()`,
        many: `{ for (let i = 0; i < 17; i++) host.setTimer(1, false, () => {}); }`,
      }).replace("() => { for", "() => { for"),
    );
    expect(result.lines).toEqual([
      "text: TypeError", "negative: RangeError", "nan: RangeError", "callback: TypeError", "missing: TypeError", "many: RangeError",
    ]);
  });

  it("keeps a callback alive through garbage collections", async () => {
    const result = await run(`
      (() => { const text = "still " + "here"; host.setTimer(5, false, () => host.print(text)); })();
      for (let i = 0; i < 5000; i++) ({ text: "garbage" + i }); host.collect();`);
    expect(result.lines).toEqual(["still here"]);
  });

  it("exchanges bytes with a TCP server, more than the buffers hold", async () => {
    const size = 600_000;
    // The server reads nothing until the script has met a full buffer.
    let echo = () => {};
    const result = await withServer(
      (socket) => (echo = () => socket.pipe(socket)),
      (port) =>
        run(
          `
          const block = new Uint8Array(4096); let sent = 0, got = 0, wrong = 0, short = 0;
          function fill() {
            while (sent < ${size}) {
              const length = Math.min(4096, ${size} - sent);
              for (let i = 0; i < length; i++) block[i] = (sent + i) % 251;
              const taken = host.send(id, block, length); sent += taken;
              if (taken < length) { if (short++ === 0) host.print("full"); return; }
            }
          }
          const id = host.connect("127.0.0.1", ${port}, (data) => {
            if (data === null) { host.print("ended"); return; }
            for (let i = 0; i < data.length; i++) if (data[i] !== (got + i) % 251) wrong++;
            got += data.length;
            if (got === ${size}) { host.print([got, wrong].join(" ")); host.close(id); }
          }, fill);`,
          { onLine: (line) => line === "full" && echo() },
        ),
    );
    expect(result).toMatchObject({ code: EXIT.ok, lines: ["full", "600000 0"] });
  });

  it("reports the end of a connection, and a refused one, once with null", async () => {
    const ended = await withServer(
      (socket) => socket.end("bye"),
      (port) => run(`const id = host.connect("127.0.0.1", ${port}, (d) => host.print(d === null ? "null" : String.fromCharCode(...d)));`),
    );
    expect(ended).toMatchObject({ code: EXIT.ok, lines: ["bye", "null"] });
    // The port was free a moment ago and nothing listens there any more.
    const port = await withServer(() => {}, async (free) => free);
    const refused = await run(`host.connect("127.0.0.1", ${port}, (d) => host.print(String(d)), () => host.print("open")); host.print("asked");`);
    expect(refused).toMatchObject({ code: EXIT.ok, lines: ["asked", "null"] });
  });

  it("bounds connections and checks their arguments", async () => {
    const result = await withServer(
      (socket) => socket.on("error", () => {}),
      (port) =>
        run(
          outcomes({
            elsewhere: `host.connect("192.0.2.1", 80, () => {})`,
            name: `host.connect("localhost", 80, () => {})`,
            port: `host.connect("127.0.0.1", 70000, () => {})`,
            unknown: `host.send(99, new Uint8Array(1), 1)`,
            closed: `host.close(99)`,
            many: `{ for (let i = 0; i < 5; i++) host.connect("127.0.0.1", ${port}, () => {}); }`,
            early: `host.send(1, new Uint8Array(4), 4)`,
            beyond: `host.send(1, new Uint8Array(4), 5)`,
            nothing: `host.send(1, "text", 1)`,
          }) + `for (let id = 1; id < 5; id++) host.close(id);`,
        ),
    );
    expect(result).toMatchObject({
      code: EXIT.ok,
      lines: [
        "elsewhere: RangeError", "name: RangeError", "port: RangeError", "unknown: RangeError", "closed: undefined",
        "many: RangeError", "early: 0", "beyond: RangeError", "nothing: TypeError",
      ],
    });
  });

  it("reads files up to a limit", async () => {
    const path = file("data.bin", "0123456789");
    const result = await run(outcomes({
      whole: `host.readFile("${path}", 10).length`, large: `host.readFile("${path}", 9)`, none: `host.readFile("${path}.none", 9)`,
    }));
    expect(result.lines).toEqual(["whole: 10", "large: Error", "none: Error"]);
  });

  it("measures this computer and tells the time", async () => {
    const before = Date.now();
    const result = await run(`host.print(JSON.stringify([host.processorLoad() ?? -1, host.temperature() ?? -300, host.wallMs()]));`);
    const [load, celsius, wall] = JSON.parse(result.lines[0]!) as [number, number, number];
    expect(load).toBeGreaterThanOrEqual(process.platform === "linux" ? 0 : -1);
    expect(load).toBeLessThanOrEqual(100);
    expect(celsius === -300 || (celsius > -60 && celsius < 150)).toBe(true);
    expect(wall).toBeGreaterThanOrEqual(before);
    expect(wall).toBeLessThanOrEqual(Date.now());
  });

  it("has the text classes as modules and no parser, as a device", async () => {
    const result = await run(`
      import TextEncoder from "text/encoder"; import TextDecoder from "text/decoder";
      const bytes = new TextEncoder().encode("aé€😀");
      host.print(bytes.length + " " + new TextDecoder().decode(bytes) + " " + typeof globalThis.TextEncoder);
      try { (0, eval)("1"); host.print("parsed"); } catch (e) { host.print(e.message); }`);
    expect(result).toMatchObject({ code: EXIT.ok, lines: ["10 aé€😀 undefined", "no parser on a device"] });
  });

  it("runs what bundle makes of TypeScript, with preloaded modules left outside", async () => {
    const entry = { contents: `import { twice } from "lib/twice"; class A { #n = 4; n(): number { return twice(this.#n ?? 1); } } host.print(String(new A().n()));`, resolveDir: folder };
    const main = await bundle(entry, { outfile: join(folder, "bundled.js"), external: ["lib/twice"] });
    const lib = file("twice.js", `export const twice = (n) => n * 2;`);
    const result = await runOnXs({ main, preload: [{ file: lib, specifier: "lib/twice" }] });
    expect(result).toMatchObject({ code: EXIT.ok, lines: ["8"] });
  });
});

describe.skipIf(!xsHost)(`preloaded modules of the XS host ${noHostReason}`, () => {
  const { run } = workbench();
  const library = `
    export const map = new Map([["a", 1]]); export const set = new Set(); const weak = new WeakSet(); export const seen = (a) => weak.has(a); export const see = (a) => weak.add(a); export const bytes = new Uint8Array(4);
    export const plain = { n: 1, text: "t" + 1 }; export const list = [1, "s" + 2]; export const sticky = /a/g;
    let count = 0; export const next = () => ++count;
    export class Thing { static made = 0; #n = 1; bump() { return ++this.#n; } }`;

  it("lets go what the engine can copy to RAM, and refuses the rest", async () => {
    const result = await run(
      `import { map, set, bytes, plain, list, sticky, next, see, seen, Thing } from "lib";
       const attempt = (f) => { try { return String(f()); } catch (e) { return e.name; } };
       host.print([() => map.get("a"), () => map.set("b", 2), () => set.add(1), () => { bytes[0] = 1; }, () => sticky.exec("a"), () => see({}), () => seen(plain),
         () => { Thing.made = 1; }, () => { Array.prototype.x = 1; }, () => { host.print = 1; },
         () => { plain.n = 5; return plain.n + plain.text; }, () => list.push("x"), () => next() + next(), () => new Thing().bump()].map(attempt).join(" "));
       host.collect(); host.print(plain.text + list.join() + map.get("a"));`,
      { modules: { lib: library } },
    );
    expect(result.lines).toEqual([
      "1 TypeError TypeError TypeError TypeError TypeError false TypeError TypeError TypeError 5t1 3 3 2",
      "t11,s2,x1",
    ]);
    expect(result.code).toBe(EXIT.ok);
  });

  it("refuses writes to whatever the engine has built in, named by a constructor or not, and to the names of globals", async () => {
    const result = await run(`
      const iterator = Object.getPrototypeOf([][Symbol.iterator]()), generator = Object.getPrototypeOf(function* () {});
      const objects = { Math, JSON, Reflect, iterator, shared: Object.getPrototypeOf(iterator), generator, typed: Object.getPrototypeOf(Uint8Array), args: host.args };
      for (const name in objects) try { objects[name].made = 1; host.print(name); } catch (error) { if (!(error instanceof TypeError)) host.print(name + " " + error); }
      for (const name of ["Map", "Math", "host", "parseInt"]) try { globalThis[name] = 1; host.print(name); } catch (error) { if (!(error instanceof TypeError)) host.print(name + " " + error); }
      globalThis.ours = 1; host.print("ours " + ours);`);
    expect([result.errors, result.lines]).toEqual(["", ["ours 1"]]);
  });

  it("costs the script almost no RAM", async () => {
    const bulk = Array.from({ length: 400 }, (_, i) => `export function f${i}(a) { return "a result with some text, number ${i}: " + a.property${i}; }`).join("\n");
    const measure = `host.collect(); const m = host.memory(); host.print(String(m.peakStaticBytes) + " " + (m.chunkBytes + m.slotBytes));`;
    const empty = (await run(measure)).lines[0]!.split(" ").map(Number);
    const importing = (await run(`import { f7 } from "bulk"; f7({ property7: 1 });\n${measure}`, { modules: { bulk } })).lines[0]!.split(" ").map(Number);
    expect(bulk.length).toBeGreaterThan(35_000);
    expect(importing[1]! - empty[1]!).toBeLessThan(1000);
    expect(importing[0]! - empty[0]!).toBeLessThan(2000);
  });

  it("lets one preloaded module import an earlier or later one", async () => {
    const modules = { second: `import { one } from "first"; export const two = one + 1;`, first: `export const one = 1;` };
    expect(await run(`import { two } from "second"; host.print(String(two));`, { modules })).toMatchObject({ code: EXIT.ok, lines: ["2"] });
  });

  it("ends with 72 when a preloaded module throws", async () => {
    const result = await run(`host.print("not reached");`, { modules: { bad: `throw new Error("at build time");` } });
    expect(result).toMatchObject({ code: EXIT.unhandled, lines: [] });
    expect(result.errors).toContain("at build time");
  });
});
