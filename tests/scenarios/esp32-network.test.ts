/** What the board of an ESP32 makes of the vendor's network, with stand-ins for the vendor's modules that do as the test says. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/bundles.mjs";
import { bundle } from "../../targets/xs-host/bundle.mjs";
import { temporaryFolder } from "../repository/run";

type Network = typeof import("../../targets/esp32/network");
const folder = temporaryFolder();
let network: Network;

/** What the vendor's modules were last asked to do. */
interface Vendor {
  tcp?: { onWritable(bytes: number): void; onError(): void; onReadable(): void };
  /** Bytes that were written, -1 where the stream was closed. */
  readonly written: number[];
  readonly asked: ((message: number, seconds?: number) => void)[];
  /** Why nothing can be opened or asked. */
  fails?: string;
  seconds?: number;
}
const vendor: Vendor = { written: [], asked: [] };
(globalThis as { vendor?: Vendor }).vendor = vendor;

const standIns = {
  "embedded:io/socket/tcp": "class TCP { constructor(options) { if (vendor.fails) throw new Error(vendor.fails); vendor.tcp = options; } read() { return new ArrayBuffer(3); } write(bytes) { vendor.written.push(bytes.length); } close() { vendor.written.push(-1); } }",
  "embedded:network/interface/wifi": "class WiFi {}",
  sntp: "class SNTP { static time = 1; static error = -1; constructor(options, callback) { if (vendor.fails) throw new Error(vendor.fails); vendor.asked.push(callback); } }",
  time: "class Time { static set(seconds) { vendor.seconds = seconds; } }",
};

beforeAll(async () => {
  const alias = Object.fromEntries(
    Object.entries(standIns).map(([specifier, code], i) => {
      writeFileSync(join(folder, `${i}.js`), `export default ${code};`);
      return [specifier, join(folder, `${i}.js`)];
    }),
  );
  const outfile = await bundle(root("targets/esp32/network.ts"), { outfile: join(folder, "network.mjs"), alias });
  network = (await import(pathToFileURL(outfile).href)) as Network;
});

/** Timers that run when the test says so. */
class Timers {
  readonly waiting: { ms: number; callback: () => void }[] = [];
  after = (ms: number, callback: () => void) => this.waiting.push({ ms, callback });
  cancel = () => {};
  /** Runs what is due next. @returns after how long it was to run */
  next(): number {
    const { ms, callback } = this.waiting.shift()!;
    callback();
    return ms;
  }
}

describe("a stream over the vendor's TCP", () => {
  function open() {
    vendor.written.length = 0;
    const heard: unknown[] = [];
    const timers = new Timers();
    const stream = network.tcpStreams("192.168.1.10", 4712, timers)(
      () => heard.push("open"),
      (chunk, why) => heard.push(chunk?.length ?? why),
    );
    return { heard, timers, stream, write: (bytes: number) => stream.write(new Uint8Array(bytes)) };
  }

  test("CP-8 takes what fits the send buffer and nothing beyond it, and nothing before it is open", () => {
    const { heard, write } = open();
    expect(write(1)).toBe(false);
    vendor.tcp!.onWritable(100);
    expect([write(60), write(41), write(40), write(1)]).toEqual([true, false, true, false]);
    vendor.tcp!.onWritable(10);
    expect([write(11), write(10)]).toEqual([false, true]);
    vendor.tcp!.onReadable();
    expect([heard, vendor.written]).toEqual([["open", 3], [60, 40, 10]]);
  });

  test("gives the socket back when it is closed or has failed, once, and takes nothing any more", () => {
    const { heard, stream, write } = open();
    vendor.tcp!.onWritable(100);
    vendor.tcp!.onError();
    stream.close();
    expect([write(1), heard, vendor.written]).toEqual([false, ["open", "ended"], [-1]]);
    const other = open();
    other.stream.close();
    expect([other.write(1), other.heard, vendor.written]).toEqual([false, [], [-1]]);
    const refused = open();
    vendor.tcp!.onError();
    expect([refused.heard, vendor.written]).toEqual([["no connection"], [-1]]);
  });

  test("says why it cannot be opened, after the connector has returned", () => {
    vendor.fails = "no network";
    const { heard, timers } = open();
    delete vendor.fails;
    expect(heard).toEqual([]);
    expect([timers.next(), heard]).toEqual([0, ["no network"]]);
  });
});

test("the clock is set when a time server has answered: it is asked every minute until then, and every day after", () => {
  vendor.asked.length = 0;
  const timers = new Timers();
  const warnings: string[] = [];
  const clock = new network.NetworkClock(() => 0, timers, (_level, text) => warnings.push(text));
  clock.start("time.example");
  clock.start("time.example");
  expect(vendor.asked.length).toBe(1);
  vendor.asked.pop()!(-1);
  vendor.fails = "no address";
  expect(timers.next()).toBe(60_000);
  delete vendor.fails;
  expect(timers.next()).toBe(60_000);
  expect([warnings, clock.isSet()]).toEqual([["no answer", "no address"].map((why) => `time server time.example: ${why}; asking again in 60000 ms`), false]);
  vendor.asked.pop()!(1, 1_790_000_000);
  expect([vendor.seconds, clock.isSet(), timers.next(), vendor.asked.length, timers.waiting.length]).toEqual([1_790_000_000, true, 86_400_000, 1, 0]);
});
