// SPDX-License-Identifier: Apache-2.0
// The native serial line on the real engine, over a terminal device, against its TypeScript twin at the other end.
import { randomBytes, randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { serialFrame, SerialFrameReader } from "ebalance";
import { crc16 } from "../../../sdk/core/wire/crc-16";
import { noSocatReason, SerialEnd } from "../../../tests/peers/serial-cable";
import { noHostReason } from "../../xs-host/available";
import { bundle } from "../../xs-host/bundle.mjs";
import { EXIT, startOnXs } from "../../xs-host/run.mjs";
import { workbench } from "../../xs-host/scripts-for-tests";

const here = new URL(".", import.meta.url).pathname;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const reason = noHostReason || noSocatReason;

/** What every script here starts with: a line at the path of the first argument. */
const prelude = `
  import { createNativeSerial } from "./serial";
  declare const host: any;
  const timers = { after: (ms, callback) => host.setTimer(ms, false, callback), cancel: (timer) => host.clearTimer(timer) };
  const connect = (onMessage, path = host.args[0], baudRate = 115200) => createNativeSerial(host.serial, timers, path, baudRate)(onMessage);
  const text = (b) => { let s = ""; for (let i = 0; i < b.length; i++) s += (b[i] + 256).toString(16).slice(1); return s; };
  const attempt = (name, f) => { let r; try { r = String(f()); } catch (e) { r = e.name + " " + e.message; } host.print(name + ": " + r); };
`;

/** Messages of every length at which the framing does something else, and others. */
const messages = [0, 1, 2, 250, 251, 252, 253, 254, 255, 505, 508, 1023, 1024]
  .flatMap((length) => [0x00, 0x01, 0xff].map((byte) => new Uint8Array(length).fill(byte)))
  .concat(Array.from({ length: 40 }, () => randomBytes(randomInt(0, 200)).map((byte) => (byte < 64 ? 0 : byte))));

/** A frame of another wire version that is right in all else; the message is such that no byte of the content is 0x00. */
function frameOfVersion(version: number): Uint8Array {
  const content = Uint8Array.of(version, 7, 7);
  const crc = crc16(content, 0, content.length);
  return Uint8Array.of(0, content.length + 3, ...content, crc >> 8, crc & 0xff, 0);
}

describe.skipIf(reason !== "")(`a native serial line on XS${reason && ` (left out: ${reason})`}`, () => {
  const { folder } = workbench();
  const file = (name: string, content: Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  let raw: number[] = [];
  let heard: Uint8Array[] = [];
  const reader = new SerialFrameReader((message) => heard.push(message));
  const end = new SerialEnd((bytes) => {
    raw.push(...bytes);
    reader.push(bytes);
  });
  let count = 0;

  beforeAll(() => end.plugIn());
  afterAll(() => end.close());

  /** Starts a script, and waits until it has printed "ready". */
  async function start(script: string, ...args: string[]) {
    raw = [];
    heard = [];
    const main = await bundle({ contents: `${prelude}${script}\nhost.print("ready");`, resolveDir: here }, { outfile: join(folder, `serial-${++count}.js`) });
    const lines: string[] = [];
    const { child, result } = await startOnXs({ main, args: [end.path, ...args], onLine: (line) => lines.push(line) });
    await vi.waitUntil(() => lines.includes("ready") || child.exitCode !== null, { timeout: 10_000, interval: 5 });
    const finish = async () => {
      child.kill("SIGTERM");
      const { code, errors } = await result;
      expect([code, errors]).toEqual([EXIT.ok, ""]);
      return lines.filter((line) => line !== "ready");
    };
    return { lines, result, finish };
  }

  it("CP-8 hears what the twin frames, however noise comes between, and counts what it drops", async () => {
    const { lines, finish } = await start(`const line = connect((message, why) => host.print(message ? text(message) + "." + line.dropped : "gone " + why));`);
    for (const message of messages) end.write(serialFrame(message));
    await expect.poll(() => lines.length - 1, { timeout: 10_000 }).toBe(messages.length);
    end.write(Uint8Array.of(9, 9, 9));
    end.write(serialFrame(Uint8Array.of(1)).subarray(0, 4));
    end.write(new Uint8Array(3000).fill(7));
    const changed = serialFrame(Uint8Array.of(1, 2, 3));
    changed[4]! ^= 16;
    end.write(changed);
    for (const version of [0x02, 0xff]) end.write(frameOfVersion(version));
    end.write(frameOfVersion(0x01));
    end.write(serialFrame(Uint8Array.of(4)));
    await expect.poll(() => lines.length - 1).toBe(messages.length + 2);
    // The end of a frame that broke off runs into the noise behind it.
    expect(await finish()).toEqual([...messages.map((message) => `${hex(message)}.0`), "0707.5", "04.5"]);
  });

  it("CP-8 frames as the twin does, byte for byte, and says where the line takes no more", async () => {
    const { lines, finish } = await start(`
      const all = host.readFile(host.args[1], 60000), line = connect(() => {});
      let at = 0;
      const more = () => {
        for (; at < all.length; at += 2 + length) { var length = all[at] << 8 | all[at + 1]; if (!line.send(all.subarray(at + 2, at + 2 + length))) return host.setTimer(5, false, more); }
        host.print("all sent");
      };
      more();`, file("messages", Buffer.concat(messages.map((message) => Buffer.from([message.length >> 8, message.length, ...message])))));
    await expect.poll(() => lines, { timeout: 10_000 }).toContain("all sent");
    const expected = messages.flatMap((message) => [...serialFrame(message)]);
    await expect.poll(() => raw.length).toBe(expected.length);
    expect([raw, heard.map(hex)]).toEqual([expected, messages.map(hex)]);
    await finish();
  });

  it("keeps one frame while the line takes nothing, and sends it whole afterwards", async () => {
    const { lines, finish } = await start(`
      const line = connect(() => { host.serial.send(new Uint8Array(3)); host.print("sent"); });
      let taken = 0; while (line.send(new Uint8Array(1000).fill(5))) taken++;
      host.print("taken " + taken);`);
    const taken = Number(/taken (\d+)/.exec(lines[0]!)![1]);
    expect(taken).toBeGreaterThan(0);
    await expect.poll(() => heard.length).toBe(taken);
    end.write(serialFrame(new Uint8Array(0)));
    await expect.poll(() => heard.map(({ length }) => length)).toEqual([...Array.from({ length: taken }, () => 1000), 3]);
    await finish();
  });

  it("tells that the line is gone, once, and can open it again", async () => {
    const { lines, finish } = await start(`
      let line; const open = () => { line = connect((message, why) => { if (message) return host.print("heard " + text(message)); host.print("gone: " + why); host.setTimer(20, false, open); }); };
      open();`);
    await end.unplug();
    await expect.poll(() => lines[1]).toBe("gone: the line is gone");
    await end.plugIn();
    await expect.poll(() => {
      end.write(serialFrame(Uint8Array.of(8)));
      return lines.at(-1);
    }).toBe("heard 08");
    const said = await finish();
    expect(said[0]).toBe("gone: the line is gone");
    expect(said.slice(1).filter((line) => !/^(gone: open: .*: No such file or directory|heard 08)$/.test(line))).toEqual([]);
  });

  it("says why a line cannot be opened, after the connector has returned", async () => {
    const holder = await start(`connect(() => {});`);
    const { lines, finish } = await start(`
      const told = (message, why) => host.print("told: " + why);
      connect(told, "/nowhere/tty"); connect(told); connect(told, host.args[0], 31250); connect(told, host.args[0], 100); host.print("returned");
      host.setTimer(100000, false, () => {});`);
    await expect.poll(() => lines.length).toBe(6);
    expect(await finish()).toEqual([
      "returned",
      "told: open: /nowhere/tty: No such file or directory",
      `told: open: ${end.path}: another program has it open`,
      `told: open: ${end.path}: not a baud rate of this platform`,
      "told: open: baud rate is no whole number from 300 to 4000000",
    ]);
    await holder.finish();
  });

  it("refuses bad arguments with an error that names the function, and ends when nothing waits for the line", async () => {
    const { lines, result } = await start(`
      const { serial } = host, path = host.args[0];
      attempt("not open", () => serial.send(new Uint8Array(1))); attempt("not open", () => serial.read()); attempt("not open", () => serial.dropped());
      attempt("path", () => serial.open(5, 9600)); attempt("nothing", () => serial.open()); attempt("rate", () => serial.open(path, "fast")); attempt("long", () => serial.open("/" + "a".repeat(5000), 9600));
      serial.open(path, 9600);
      attempt("twice", () => serial.open(path, 9600));
      attempt("text", () => serial.send("text")); attempt("too long", () => serial.send(new Uint8Array(1025))); attempt("none", () => serial.send());
      attempt("callback", () => serial.onInput(5));
      attempt("closes", () => { serial.close(); serial.close(); });`);
    expect((await result).code).toBe(EXIT.ok);
    for (const line of lines.slice(0, -2)) expect(line).toMatch(/: \w*Error ((open|send|read|dropped|onInput)[:])|: RangeError/);
    expect(lines.slice(-2)).toEqual(["closes: undefined", "ready"]);
  });
});
