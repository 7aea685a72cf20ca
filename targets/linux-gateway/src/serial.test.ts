/** Serial lines of a gateway: what is there, what is not, and who else has it open. */
import { readdirSync, readlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serialFrame, SerialFrameReader, type LinkPort, type UnitDriver } from "ebalance";
import { noSocatReason, SerialEnd } from "../../../tests/peers/serial-cable";
import { serialAddressOf, serialConnector, SerialListener } from "./serial";
import type { Durability } from "./store/durability";

const patience = { timeout: 10_000, interval: 20 };
const log: string[] = [];
const note = (level: string, text: string) => void log.push(`${level} ${text}`);

/** A unit that notes what comes in, and answers each message with the same. */
function unit() {
  const received: Uint8Array[] = [];
  const lost: string[] = [];
  const receive = (link: LinkPort, message: Uint8Array) => {
    received.push(message);
    return link.send(message);
  };
  const driver = { receive, unit: { linkLost: (link: LinkPort) => void lost.push(link.name) } } as unknown as UnitDriver;
  return { driver, received, lost };
}

const openDevices = () => readdirSync("/proc/self/fd").map((fd) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}).filter((target) => target.startsWith("/dev/pts/") || target.includes("tty")).length;

describe.skipIf(noSocatReason)(`a serial line of a gateway${noSocatReason && ` (left out: ${noSocatReason})`}`, () => {
  let heard: Uint8Array[];
  let end: SerialEnd;
  let listener: SerialListener | undefined;
  const address = () => ({ path: end.path, baudRate: 115_200 });

  beforeEach(() => {
    log.length = 0;
    heard = [];
    const reader = new SerialFrameReader((message) => heard.push(message));
    end = new SerialEnd((bytes) => reader.push(bytes));
  });
  afterEach(async () => {
    listener?.close();
    await end.close();
  });

  function listen(driver: UnitDriver, durability?: Durability): void {
    listener = new SerialListener(driver, note, address(), durability);
    listener.listen();
  }

  test("brings messages to the unit and takes its answers", async () => {
    await end.plugIn();
    const { driver, received, lost } = unit();
    listen(driver);
    await expect.poll(() => heard.length, patience).toBe(1);
    end.write(serialFrame(Uint8Array.of(1, 0, 2)));
    await expect.poll(() => heard.map(({ length }) => length), patience).toEqual([0, 0, 3]);
    expect([received, lost, log]).toEqual([[Uint8Array.of(1, 0, 2)], [], [`info serial ${end.path}: a unit is at the other end`]]);
  });

  test("that is plugged in later, pulled out and plugged in again is taken up each time, and each loss is said once", async () => {
    const { driver, received, lost } = unit();
    listen(driver);
    await expect.poll(() => lost.length, patience).toBeGreaterThan(1);
    expect(log).toEqual([`warning serial ${end.path}: not there: is it plugged in?; opened again until it is there`]);
    const before = lost.length;
    for (let i = 1; i < 3; i++) {
      await end.plugIn();
      await expect.poll(() => heard.length, patience).toBeGreaterThan(0);
      end.write(serialFrame(Uint8Array.of(i)));
      await expect.poll(() => received.length, patience).toBe(i);
      await end.unplug();
      await expect.poll(() => lost.length, patience).toBeGreaterThan(before + i);
      heard.length = 0;
    }
    expect(log.filter((text) => text.includes("unplugged"))).toHaveLength(2);
  });

  test("that another program has open is waited for", async () => {
    await end.plugIn();
    const told: string[] = [];
    const other = serialConnector(address(), note)({ up: () => {}, message: () => true, down: (reason) => void told.push(reason) });
    await expect.poll(() => heard.length, patience).toBe(1);
    const { driver, received } = unit();
    listen(driver);
    await expect.poll(() => log.join("\n"), patience).toContain(`serial ${end.path}: another program has it open; opened again until it is there`);
    other.close("done");
    await expect.poll(() => (end.write(serialFrame(Uint8Array.of(7))), received.length), patience).toBeGreaterThan(0);
    expect(told).toEqual(["done"]);
  });

  test("is let go when it is closed, also before it is open, and when it could not be opened", async () => {
    await end.plugIn();
    const before = openDevices();
    const connect = serialConnector(address(), note);
    const told: string[] = [];
    const events = { up: () => {}, message: () => true, down: (reason: string) => void told.push(reason) };
    for (let i = 0; i < 3; i++) connect(events).close("at once");
    const { driver, received } = unit();
    listen(driver);
    await expect.poll(() => (end.write(serialFrame(Uint8Array.of(1))), received.length), patience).toBeGreaterThan(0);
    for (let i = 0; i < 3; i++) connect(events);
    await expect.poll(() => told, patience).toEqual([...Array<string>(3).fill("at once"), ...Array<string>(3).fill("another program has it open")]);
    listener!.close();
    await expect.poll(openDevices, patience).toBe(before);
  });

  test("DI-4 holds an answer back until what it acknowledges is on disk, and is down where that failed", async () => {
    await end.plugIn();
    const waiting: ((kept: boolean) => void)[] = [];
    const { driver, received, lost } = unit();
    listen(driver, { afterCommit: (action) => void waiting.push(action) });
    const commit = (kept: boolean) => waiting.splice(0).forEach((action) => action(kept));
    // What comes before the line is open is lost.
    await expect.poll(() => (end.write(serialFrame(Uint8Array.of(5))), received.length), patience).toBeGreaterThan(0);
    expect(heard).toEqual([]);
    commit(true);
    await expect.poll(() => heard.at(-1), patience).toEqual(Uint8Array.of(5));
    end.write(serialFrame(Uint8Array.of(6)));
    await expect.poll(() => waiting.length, patience).toBeGreaterThan(0);
    commit(false);
    await expect.poll(() => lost, patience).toEqual([`serial ${end.path}`]);
    expect(heard.at(-1)).toEqual(Uint8Array.of(5));
  });

  test("whose queue is full takes no more, and goes on when there is room", async () => {
    await end.plugIn();
    const link = serialConnector(address(), note)({ up: () => {}, message: () => true, down: () => {} });
    const sent = Array.from({ length: 20 }, () => link.send(new Uint8Array(1000).fill(7)));
    const taken = sent.filter((one) => one).length;
    expect([sent.indexOf(false), taken]).toEqual([taken, 8]);
    await expect.poll(() => heard.filter(({ length }) => length === 1000).length, patience).toBe(taken);
    await expect.poll(() => link.send(Uint8Array.of(1)), patience).toBe(true);
    link.close("done");
  });
});

test.each([
  ["serial:///dev/ttyUSB0", { path: "/dev/ttyUSB0", baudRate: 115_200 }],
  ["serial:/dev/serial/by-id/usb-a%20b?baudRate=9600", { path: "/dev/serial/by-id/usb-a b", baudRate: 9600 }],
  ["tcp://127.0.0.1:4712", undefined],
  ["serial", undefined],
])("%s names a line: %j", (url, expected) => expect(serialAddressOf(url)).toEqual(expected));

test.each([
  ["serial:ttyUSB0", /names no device file/],
  ["serial://dev/ttyUSB0", /names no device file: .* three slashes/],
  ["serial:///", /names no device file/],
  ["serial:///dev/ttyUSB0?baudRate=fast", /baudRate is not from 300 to 4000000/],
])("%s is refused", (url, message) => expect(() => serialAddressOf(url)).toThrow(message));
