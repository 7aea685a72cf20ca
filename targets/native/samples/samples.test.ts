// SPDX-License-Identifier: Apache-2.0
// The native sample port on the real engine. That it finds and adds up as its twin does is a conformance case: tests/conformance/storage-cases.ts.
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MemoryFlash } from "../../../sdk/storage/memory-flash";
import { portableRing } from "../../../sdk/storage/ring/portable-ring";
import { noHostReason } from "../../xs-host/available";
import { bundle } from "../../xs-host/bundle.mjs";
import { EXIT, runOnXs, type RunOptions } from "../../xs-host/run.mjs";
import { workbench } from "../../xs-host/scripts-for-tests";
import { fill, numbersOf } from "./ring-for-tests";

const here = new URL(".", import.meta.url).pathname;
const sectors = 6;

/** What every script here starts with: a ring over the native ports, whose start is a start of the device. */
const prelude = `
  import { createNativeFlash } from "../flash/flash";
  import { createNativeSamples } from "./samples";
  import { fill, numbersOf, startMs } from "./ring-for-tests";
  import { RingStore } from "../../../sdk/storage/ring/ring-store";
  declare const host: any;
  const native = host.samples, flash = createNativeFlash(host.flash), samples = createNativeSamples(native);
  const attempt = (name, f) => { let r; try { r = String(f()); } catch (e) { r = (e.code ?? e.name) + " " + e.message; } host.print(name + ": " + r); };`;

describe.skipIf(noHostReason !== "")(`native samples on XS${noHostReason && ` (left out: ${noHostReason})`}`, () => {
  const { folder } = workbench();
  let count = 0;

  async function onXs(script: string, image: string, options: Pick<RunOptions, "cutAfter" | "failFlash" | "failReads" | "onLine"> = {}) {
    count += 1;
    const main = await bundle({ contents: prelude + script, resolveDir: here }, { outfile: join(folder, `samples-${count}.js`) });
    return runOnXs({ main, flash: `${join(folder, image)}=${sectors * 4096}`, ...options });
  }
  const flashOf = (image: string) => new MemoryFlash(sectors, new Uint8Array(readFileSync(join(folder, image))));

  it("leaves in flash, byte for byte, what TypeScript leaves, and each reads what the other has written", async () => {
    const twin = new MemoryFlash(sectors);
    fill(portableRing(twin), 0, 1500, () => {});
    const { errors } = await onXs(`fill(new RingStore(flash, samples), 0, 1500, () => {});`, "same");
    expect([errors, Buffer.compare(flashOf("same").bytes, twin.bytes)]).toEqual(["", 0]);
    expect((await onXs(`host.print(JSON.stringify(numbersOf(new RingStore(flash, samples))));`, "same")).lines.map((line) => JSON.parse(line) as unknown)).toEqual([numbersOf(portableRing(twin))]);
  });

  it("CP-6 starts again after power cuts in the middle of writes with all that was acknowledged, and goes on", async () => {
    let from = 0;
    let before = "";
    let oldest = 0;
    for (let round = 0; round < 12; round++) {
      const image = `cut-${round}`;
      if (before) writeFileSync(join(folder, image), readFileSync(join(folder, before)));
      // In heads, erases and records, early and late.
      const cutAfter = 1 + ((round * 7919) % 20_011);
      const { code, lines } = await onXs(`fill(new RingStore(flash, samples), ${from}, 10000, (i) => host.print(String(i)));`, image, { cutAfter });
      expect(code).toBe(EXIT.power);
      const acknowledged = Number(lines.at(-1) ?? from - 1);
      const found = numbersOf(portableRing(flashOf(image)));
      const last = found.at(-1) ?? -1;
      expect([acknowledged, acknowledged + 1]).toContain(last);
      expect(found).toEqual(Array.from({ length: found.length }, (_, i) => last - found.length + 1 + i));
      oldest = found[0] ?? 0;
      from = last + 1;
      before = image;
    }
    // The ring was full, and has overwritten what was oldest.
    expect(oldest).toBeGreaterThan(0);
  }, 60_000);

  it("a survey says where records end, and whether anything stands behind them, to the last byte", async () => {
    const { lines } = await onXs(`
      const found = new Float64Array(37);
      const survey = () => host.print([samples.survey(4096, 8192, found) - 4096, found[36]].join(" "));
      survey();
      samples.writeWhole(4096, 1, 1, startMs, 5); survey();
      flash.program(8191, Uint8Array.of(0x7f), 1); survey();
      flash.erase(1); flash.program(4096, Uint8Array.of(16), 1); survey();`, "survey");
    expect(lines).toEqual(["0 1", "16 1", "16 0", "0 0"]);
  });

  it("takes for a record neither what is longer than any may be, nor what ends beyond the range, though its CRC is right", async () => {
    const { errors, lines } = await onXs(`
      const found = new Float64Array(37), out = new Uint8Array(132), bytesType = 6;
      const look = (at, end) => host.print([samples.find(at, end, 1, out), samples.survey(at, end, found)].map((place) => (place < 0 ? place : place - at)).join(" "));
      const program = (at, length) => {
        const record = new Uint8Array(length);
        record.set([length, bytesType, 1]);
        const crc = samples.crc(record, 0, length - 2);
        record[length - 2] = crc & 255; record[length - 1] = crc >> 8;
        flash.program(at, record, length);
      };
      for (let i = 0; i < 5; i++) program(4096 + i * 132, 132);
      look(4096, 8192); look(4096, 4096 + 131);
      program(8192, 133); look(8192, 12288);
      program(12288, 254); look(12288, 16384);`, "lengths");
    expect([errors, lines]).toEqual(["", ["0 660", "-1 0", "-1 0", "-1 0"]]);
  });

  it("what cannot be read is an error of storage, and no samples that are missing", async () => {
    const script = `
      const store = new RingStore(flash, samples); fill(store, 0, 10, () => {});
      host.print("ready");
      const place = 2 * flash.sectorBytes;
      host.setTimer(5, true, () => {
        try { numbersOf(store); return; } catch (error) { host.print(error.code); }
        attempt("find", () => samples.find(place, place + 100, 0, new Uint8Array(132)));
        attempt("survey", () => samples.survey(place, place + 100, new Float64Array(37)));
        attempt("summarise", () => store.summarise({ series: 0, fromMs: 0, toMs: Infinity, least: 0, greatest: 9, policies: 15 }));
        attempt("append again", () => store.append(0, 9, startMs + 9, 1));
        attempt("append", () => store.append(0, 11, startMs + 11, 1));
        attempt("start", () => numbersOf(new RingStore(flash, samples)).length);
        host.exit(0);
      });`;
    const { lines } = await onXs(script, "gone", { onLine: (line) => line === "ready" && truncateSync(join(folder, "gone"), 100) });
    // The next sector takes what is appended. With the catalogue gone, nothing of it is given after a start.
    expect(lines).toEqual(["ready", "storage-failed", ...["find", "survey", "summarise"].map((what) => expect.stringMatching(`^${what}: storage-failed flash: what stands at \\d+ cannot be read`) as unknown), "append again: failed", "append: kept", "start: 0"]);
  });

  it("CP-6 a sector that cannot be read is passed over at the start, and what it holds is there when it can be read again", async () => {
    const all = Array.from({ length: 600 }, (_, i) => i);
    await onXs(`fill(new RingStore(flash, samples), 0, 600, () => {});`, "part");
    const script = `
      const store = new RingStore(flash, samples);
      host.print(store.trouble?.message ?? "no trouble");
      host.print(JSON.stringify(numbersOf(store)));
      host.print(store.append(0, numbersOf(store).length + 600, startMs + 1_000_000, 1));`;
    const read = async (failReads?: number) => (await onXs(script, "part", failReads === undefined ? {} : { failReads })).lines;
    // 254 samples a sector: the third is in the middle, the fifth the one that is written.
    expect(await read(3)).toEqual([expect.stringContaining("failed"), JSON.stringify([...all.slice(0, 254), ...all.slice(508)]), "kept"]);
    expect(await read()).toEqual(["no trouble", JSON.stringify([...all, 946]), "kept"]);
  });

  it("CP-6 erases that fail are those of a sector that is passed over", async () => {
    const { lines } = await onXs(`
      const store = new RingStore(flash, samples);
      host.print(store.append(0, 1, startMs, 1)); host.print(store.append(0, 2, startMs + 1, 1)); host.print(JSON.stringify(numbersOf(store)));`, "erase", { failFlash: 1 });
    expect(lines).toEqual(["kept", "kept", "[1,2]"]);
  });

  it("SP-1 refuses bad arguments with an error that names the function, and goes on", async () => {
    const { lines, errors } = await onXs(`
      const shouting = { valueOf() { host.print("a script ran"); return 1; } };
      const good = {
        writeWhole: [4096, 1, 1, startMs, 5], crc: [new Uint8Array(8), 0, 8], find: [0, 4096, 1, new Uint8Array(132)],
        survey: [0, 4096, new ArrayBuffer(37 * 8)], summarise: [0, 4096, new ArrayBuffer(48), new ArrayBuffer(120)],
      };
      let tried = 0;
      for (const name in good)
        good[name].forEach((usual, place) => {
          const bad = typeof usual === "number" ? [undefined, null, "1", true, NaN, -1e10, 1e300, Infinity, shouting, {}] : [undefined, null, "bytes", [1, 2], {}, 5, new Uint8Array(7)];
          for (const value of bad) { tried++; attempt(name, () => native[name](...good[name].map((other, i) => (i === place ? value : other)))); }
        });
      attempt("find", () => native.find(4096, 100, 1, new Uint8Array(132)));
      for (const [series, policies] of [[256, 1], [-1, 1], [NaN, 1], [0, -1], [0, 2 ** 32], [0, NaN]])
        attempt("summarise", () => native.summarise(0, 4096, Float64Array.of(series, 0, 1, 0, 1, policies).buffer, new ArrayBuffer(120)));
      attempt("writeWhole", () => native.writeWhole(flash.sectorCount * 4096 - 15, 1, 1, startMs, 5));
      host.print(String(tried)); attempt("after all", () => native.writeWhole(...good.writeWhole));`, "arguments");
    expect([errors, lines.at(-1), lines.length]).toEqual(["", "after all: true", Number(lines.at(-2)) + 6 + 2 + 2]);
    // Out with a buffer that is too small is found when there is something to copy.
    for (const line of lines.slice(0, -2)) if (!line.startsWith("find: -1")) expect(line).toMatch(/^(\w+): (TypeError|RangeError) (\1|this is no buffer)/);
  });
});
