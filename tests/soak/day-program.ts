/** A sensor for a day at a sample a second, on a clock that the program turns, its home in the same machine: prints after each hour what it holds. */
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
const problems: string[] = [];
const device = openDevice({
  clock: { wallMs: () => startMs + nowMs, monotonicMs: () => nowMs, isSet: () => true },
  crypto,
  seal: createNativeSeal(host.seal!),
  store: new RingStore(createNativeFlash(host.flash)!, createNativeSamples(host.samples)),
  timers: timerPort,
  log: (level, line) => void (level !== "info" && problems.push(line)),
  keyFile: { name: "soak", text: parent.keyText },
  service: "metering",
  connect: parent.connect,
});

parent.up();
parent.exchange();
runTimers();
parent.exchange();
for (let i = 0; i < 8; i++) parent.subscribe("grid", 1_000_000 + i);

let value = 0;
device.report("activePower", { everyMs: 1000, read: () => (value = (value + 1) % 5000) });
let most = 0;
for (let second = 1; second <= hours * 3600; second++) {
  nowMs += 1000;
  runTimers();
  if (parent.sent.length > most) most = parent.sent.length;
  parent.exchange();
  runTimers();
  if (second % 3600) continue;
  host.collect();
  const { slotBytes, chunkBytes } = host.memory();
  host.print(JSON.stringify({ hour: second / 3600, slotBytes, chunkBytes, timers: timers.size, most, readings: parent.readings, problems }));
}
host.exit(0);
