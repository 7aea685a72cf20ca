// SPDX-License-Identifier: Apache-2.0
// The native flash port on the real engine, over the image in a file, against the flash in memory as the model.
import { randomBytes, randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MemoryFlash } from "../../../sdk/storage/memory-flash";
import { noHostReason } from "../../xs-host/available";
import { bundle } from "../../xs-host/bundle.mjs";
import { EXIT, runOnXs } from "../../xs-host/run.mjs";
import { workbench } from "../../xs-host/scripts-for-tests";

const here = new URL(".", import.meta.url).pathname;
const sectorBytes = 4096;

/** What every script here starts with: the port, and bytes from hexadecimal text. */
const prelude = `
  import { createNativeFlash } from "./flash";
  declare const host: any;
  const native = host.flash, flash = createNativeFlash(native);
  const bytes = (text) => { const b = new Uint8Array(text.length / 2); for (let i = 0; i < b.length; i++) b[i] = parseInt(text.substr(2 * i, 2), 16); return b; };
  const text = (b) => { let s = ""; for (let i = 0; i < b.length; i++) s += (b[i] + 256).toString(16).slice(1); return s; };
  const attempt = (name, f) => { let r; try { r = String(f()); } catch (e) { r = (e.code ?? e.name) + " " + e.message; } host.print(name + ": " + r); };
  const input = () => { const b = host.readFile(host.args[0], 60000); let s = ""; for (let i = 0; i < b.length; i++) s += String.fromCharCode(b[i]); return JSON.parse(s); };`;

describe.skipIf(noHostReason !== "")(`native flash on XS${noHostReason && ` (left out: ${noHostReason})`}`, () => {
  const { folder, file } = workbench();
  let count = 0;

  /** Runs a script over the image of that name. */
  async function onXs(script: string, { image, sectors = 4, input = null, cutAfter }: { image?: string; sectors?: number; input?: unknown; cutAfter?: number }) {
    count += 1;
    const main = await bundle({ contents: prelude + script, resolveDir: here }, { outfile: join(folder, `flash-${count}.js`) });
    const flash = image === undefined ? {} : { flash: `${join(folder, image)}=${sectors * sectorBytes}` };
    const cut = cutAfter === undefined ? {} : { cutAfter };
    return runOnXs({ main, ...flash, ...cut, args: [file(`input-${count}.json`, JSON.stringify(input))], staticBytes: 400_000 });
  }
  const bytesOf = (image: string) => new Uint8Array(readFileSync(join(folder, image)));

  it("a file of another size is refused, and left as it is", async () => {
    const image = file("precious", "precious");
    const { code, errors } = await onXs("", { image: "precious" });
    expect([code, errors]).toEqual([EXIT.usage, expect.stringContaining("precious has 8 bytes, not 16384: it is left as it is")]);
    expect(readFileSync(image, "utf8")).toBe("precious");
  });

  it("is erased when it is new, and keeps what was programmed over a restart, as the flash in memory does", async () => {
    const model = new MemoryFlash(4);
    const steps: (["program", number, string] | ["erase", number])[] = [];
    let place = 0;
    for (let i = 0; i < 60; i++) {
      const part = randomBytes(randomInt(1, 300));
      if (place + part.length > model.bytes.length) {
        steps.push(["erase", randomInt(4)]);
        model.erase(steps.at(-1)![1]);
        continue;
      }
      steps.push(["program", place, part.toString("hex")]);
      model.program(place, part, part.length);
      place += part.length + randomInt(40);
    }
    const first = await onXs(`
      host.print([flash.sectorBytes, flash.sectorCount].join(" "));
      for (const [what, place, hex] of input()) if (what === "erase") flash.erase(place); else { const b = bytes(hex); flash.program(place, b, b.length); }`, { image: "steps", input: steps });
    expect([first.errors, first.lines]).toEqual(["", ["4096 4"]]);
    expect(Buffer.compare(bytesOf("steps"), model.bytes)).toBe(0);
    const again = await onXs(`const out = new Uint8Array(300).subarray(40); flash.read(5, out, 200); host.print(text(out.subarray(0, 200)));`, { image: "steps" });
    expect(again.lines).toEqual([Buffer.from(model.bytes.subarray(5, 205)).toString("hex")]);
  });

  it("programming turns ones into zeros and nothing back: what the flash does not hold afterwards has failed", async () => {
    const { lines } = await onXs(`
      const out = new Uint8Array(1);
      attempt("first", () => flash.program(10, Uint8Array.of(0x0f), 1));
      attempt("zeros", () => flash.program(10, Uint8Array.of(0x0a), 1));
      attempt("ones", () => flash.program(10, Uint8Array.of(0x1a), 1));
      flash.read(10, out, 1); host.print(String(out[0]));
      attempt("far", () => flash.program(300, Uint8Array.of(0x0f), 1));
      attempt("far ones", () => flash.program(100, new Uint8Array(201).fill(0xff), 201));
      flash.erase(0); attempt("erased", () => flash.program(10, Uint8Array.of(0x1a), 1));`, { image: "nor" });
    expect(lines).toEqual(["first: undefined", "zeros: undefined", "ones: storage-failed flash: program of 1 bytes at 10 failed (-1)", "10", "far: undefined", "far ones: storage-failed flash: program of 201 bytes at 100 failed (-1)", "erased: undefined"]);
  });

  it("CP-6 a power cut ends the run where it was asked for, and leaves in the image what a chip would have", async () => {
    const script = `flash.program(4090, bytes("000102030405060708090a0b0c0d0e0f"), 16); flash.erase(0); host.print("done");`;
    for (const cutAfter of [0, 1, 7, 15, 16, 17, 16 + 4089, 16 + 4095]) {
      const image = `cut-${cutAfter}`;
      const { code, lines } = await onXs(script, { image, cutAfter });
      expect([code, lines]).toEqual([EXIT.power, []]);
      const model = new MemoryFlash(4);
      const programmed = Math.min(16, cutAfter);
      model.bytes.set(Array.from({ length: programmed }, (_, i) => i), 4090);
      model.bytes.fill(0xff, 0, Math.max(0, cutAfter - 16));
      expect(Buffer.compare(bytesOf(image), model.bytes)).toBe(0);
    }
    expect((await onXs(script, { image: "whole", cutAfter: 16 + 4096 })).lines).toEqual(["done"]);
  });

  it("there is none without a partition", async () => {
    const { lines } = await onXs(`host.print(String(flash)); attempt("read", () => native.read(0, new Uint8Array(4), 4)); attempt("erase", () => native.erase(0));`, {});
    expect(lines).toEqual(["undefined", expect.stringMatching(/^read: RangeError/), "erase: -1"]);
  });

  it("SP-1 refuses bad arguments with an error that names the function, and goes on", async () => {
    const { lines, errors } = await onXs(`
      const shouting = { valueOf() { host.print("a script ran"); return 1; } };
      const numbers = [undefined, null, "1", true, NaN, -1, 1e300, Infinity, shouting, 4 * 4096 + 1];
      for (const f of ["read", "program"]) {
        for (const number of numbers) { attempt("offset", () => native[f](number, new Uint8Array(8), 4)); attempt("length", () => native[f](0, new Uint8Array(8), number)); }
        for (const buffer of [undefined, null, "bytes", [1, 2], {}, 5]) attempt("buffer", () => native[f](0, buffer, 2));
        attempt("beyond the buffer", () => native[f](0, new Uint8Array(8), 9));
        attempt("beyond the flash", () => native[f](4 * 4096 - 4, new Uint8Array(8), 5));
        attempt("nothing", () => native[f]());
      }
      for (const number of [...numbers, 4]) attempt("erase", () => native.erase(number));
      attempt("after all", () => native.read(4 * 4096 - 4, new Uint8Array(8), 4));`, { image: "arguments" });
    expect([errors, lines.at(-1), lines.length]).toEqual(["", "after all: 0", 2 * (20 + 6 + 3) + 11 + 1]);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/: (TypeError|RangeError) (read|program|erase|this is no buffer)/);
    expect(bytesOf("arguments").every((byte) => byte === 0xff)).toBe(true);
  });
});
