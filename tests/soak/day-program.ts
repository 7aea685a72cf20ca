/**
 * A sensor for a day at a sample a second, on a clock that the program turns, its home in the same machine: prints after each hour what it holds. Every ten minutes the home asks what the sensor has kept,
 * and orders its lamp on or off; once an hour the link is gone for 40 seconds, at noon for 300.
 */
import { createNativeCrypto, createNativeFlash, createNativeSamples, createNativeSeal, openDevice, RingStore, type DevicePlatform } from "../../bench/device/bench-sdk";
import { Parent } from "../../bench/device/parent";

const startMs = 1_790_000_000_000;
const hours = Number(host.args[0] ?? 24);
let nowMs = 0;
const timers = new Map<number, { readonly atMs: number; readonly callback: () => void }>();
let lastTimer = 0;

const timerPort: DevicePlatform["timers"] = {
  after: (ms, callback) => {
    timers.set(++lastTimer, { atMs: nowMs + ms, callback });
    return lastTimer;
  },
  cancel: (timer) => void timers.delete(timer as number),
};

function runTimers(): void {
  for (const [id, timer] of [...timers]) {
    if (timer.atMs > nowMs || !timers.delete(id)) continue;
    timer.callback();
  }
}

const crypto = createNativeCrypto(host.crypto!);
const parent = new Parent(crypto);
/** What the log has said, and how often. */
const problems: Record<string, number> = {};
const device = openDevice({
  clock: { wallMs: () => startMs + nowMs, monotonicMs: () => nowMs, isSet: () => true },
  crypto,
  seal: createNativeSeal(host.seal!),
  store: new RingStore(createNativeFlash(host.flash)!, createNativeSamples(host.samples)),
  timers: timerPort,
  log: (level, line) => {
    if (level !== "info") problems[line] = (problems[line] ?? 0) + 1;
  },
  keyFile: { name: "soak", text: parent.keyText },
  service: "metering",
  connect: parent.connect,
});

let obeyed = 0;
device.follow(["switchState"], () => obeyed++);
let value = 0;
device.report("activePower", { everyMs: 1000, read: () => (value = (value + 1) % 5000) });

function exchange(): void {
  runTimers();
  parent.exchange();
  runTimers();
  parent.exchange();
}

/** Opens the session; a series can be subscribed to from its first reading on. Of eight subscriptions one matches one reading in a hundred, until the link is lost. */
function open(): void {
  parent.up();
  exchange();
  nowMs += 1000;
  exchange();
  for (let i = 0; i < 8; i++) parent.subscribe("grid", i === 0 ? 49_500 : 1_000_000 + i);
}

let deviations = 0;
/** What the home does in the second. */
function act(second: number): void {
  if (second % 600 === 300) parent.order(second % 1200 === 300, startMs + nowMs);
  if (second % 600 !== 599) return;
  parent.hand(parent.deviation(startMs + nowMs - 500_000, startMs + nowMs, 10));
  parent.exchange();
  deviations++;
}

function pass(second: number, untilS: number): number {
  for (; second < untilS; second++) {
    nowMs += 1000;
    if (!parent.isConnected) runTimers();
    else exchange();
    if (parent.isConnected) act(second);
  }
  return second;
}

open();
for (let hour = 1; hour <= hours; hour++) {
  let second = pass(0, 1800);
  parent.lose();
  // The device has connected again long before: the line is there, and nobody at its end.
  const lostS = hour === 12 ? 300 : 40;
  for (let i = 0; i < lostS; i++, second++) {
    nowMs += 1000;
    runTimers();
  }
  open();
  pass(second, 3599);
  host.collect();
  const { slotBytes, chunkBytes } = host.memory();
  host.print(JSON.stringify({ hour, slotBytes, chunkBytes, timers: timers.size, seconds: nowMs / 1000, readings: parent.readings, told: parent.told, deviations, obeyed, problems }));
}
host.exit(0);
