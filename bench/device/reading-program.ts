/** Instructions of what a sensor does, on the emulated chip: prints a line of JSON. */
import { createNativeCrypto, createNativeFlash, createNativeSamples, createNativeSeal, openDevice, RingStore } from "./bench-sdk";
import { Parent } from "./parent";

const startMs = 1_790_000_000_000;
const crypto = createNativeCrypto(host.crypto!);
const parent = new Parent(crypto);
let nowMs = 0;
const timers: { at: number; callback: () => void }[] = [];
const device = openDevice({
  clock: { wallMs: () => startMs + nowMs, monotonicMs: () => nowMs, isSet: () => true },
  crypto,
  timers: {
    after: (ms: number, callback: () => void) => {
      const timer = { at: nowMs + ms, callback };
      timers.push(timer);
      return timer;
    },
    cancel: (timer: unknown) => void timers.splice(timers.indexOf(timer as never), 1),
  },
  log: (_level: string, line: string) => host.printError(line),
  keyFile: { name: "bench", text: parent.keyText },
  service: "metering",
  connect: parent.connect,
  store: new RingStore(createNativeFlash(host.flash)!, createNativeSamples(host.samples)),
  seal: createNativeSeal(host.seal!),
});
function tick(ms: number) {
  nowMs += ms;
  for (const timer of timers.slice()) if (timer.at <= nowMs && timers.indexOf(timer) >= 0) { timers.splice(timers.indexOf(timer), 1); timer.callback(); }
}
parent.up();
parent.exchange();
tick(0);
parent.exchange();
const { instructions, profileStart, profilePause, profileStop } = host as Required<Host>;
let least = 1e9, most = 0, over = 0;
let write = 0, hand = 0, later = 0;
const rounds = 256;
const profile = host.args[0] === "profile";
for (let i = -16; i < rounds; i++) {
  if (i === 0) write = hand = later = 0;
  nowMs += 1000;
  if (profile && i >= 0 && !host.args[1]) profileStart(700);
  const a = instructions();
  device.write("activePower", 230 + (i & 7));
  const b = instructions();
  profilePause();
  const answer = parent.answer()!;
  if (profile && i >= 0 && host.args[1]) profileStart(700);
  const c = instructions();
  parent.hand(answer);
  const d = instructions();
  tick(0);
  const e = instructions();
  profilePause();
  write += b - a; hand += d - c; later += e - d;
  if (i >= 0) { least = Math.min(least, b - a); most = Math.max(most, b - a); if (b - a > 100000) over++; }
}
host.collect(); { const a = instructions(); host.collect(); host.print("gc " + (instructions() - a)); }
if (host.args[0] === "profile") host.print(profileStop());
host.print(JSON.stringify({ least, most, over, write: write / rounds, hand: hand / rounds, later: later / rounds, memory: host.memory() }));
host.exit(0);
