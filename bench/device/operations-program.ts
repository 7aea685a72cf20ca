/**
 * Instructions of what a sensor does, on the emulated chip: a line of JSON for each operation, then the profile of a reading. The home is in the same machine, as little of it
 * as is needed, and what it does is not counted.
 */
import {
  createNativeCrypto, createNativeFlash, createNativeSamples, createNativeSeal, createNativeSerial, Names, openDevice, parseEnvelope, RingStore, Session, standardRegistry,
  type DevicePlatform,
} from "./bench-sdk";
import { decisions } from "./decisions";
import { benchKey, benchKeyFile } from "./key-file";
import { Parent } from "./parent";

const { instructions, profileStart, profilePause, profileStop } = host as Required<Host>;
const startMs = 1_790_000_000_000;
/** On the wire, active power is an integer in tenths of a watt. */
const tenths = 10;
/** One sample in so many instructions. */
const profilePeriod = 700;

let nowMs = 0;
const timers: { readonly atMs: number; readonly callback: () => void }[] = [];

/** Timers of a clock that the bench turns. */
const timerPort: DevicePlatform["timers"] = {
  after: (ms, callback) => {
    const timer = { atMs: nowMs + ms, callback };
    timers.push(timer);
    return timer;
  },
  cancel: (timer) => {
    const index = timers.indexOf(timer as (typeof timers)[number]);
    if (index >= 0) timers.splice(index, 1);
  },
};

function pass(ms: number): void {
  nowMs += ms;
  for (let due = timers.find((timer) => timer.atMs <= nowMs); due; due = timers.find((timer) => timer.atMs <= nowMs)) {
    timerPort.cancel(due);
    due.callback();
  }
}

const crypto = createNativeCrypto(host.crypto!);
// What the device sends goes out on its serial line too, at the other end of which is nobody.
const line = createNativeSerial(host.serial, timerPort, "uart0", 115_200)(() => {});
const parent = new Parent(crypto, (message) => line.send(message));
const device = openDevice({
  clock: { wallMs: () => startMs + nowMs, monotonicMs: () => nowMs, isSet: () => true },
  crypto,
  seal: createNativeSeal(host.seal!),
  store: new RingStore(createNativeFlash(host.flash)!, createNativeSamples(host.samples)),
  timers: timerPort,
  log: (_level, line) => host.printError(line),
  keyFile: { name: "bench", text: parent.keyText },
  service: "metering",
  connect: parent.connect,
});

function tell(operation: string, average: number, ramBytes?: number): void {
  host.print(JSON.stringify({ operation, instructions: Math.round(average), ramBytes }));
}

/** What an action takes of the heap until the next collection, what it keeps included. */
function ramOf(action: () => void): number {
  host.collect();
  const before = host.memory();
  action();
  const after = host.memory();
  return after.slotBytes + after.chunkBytes - before.slotBytes - before.chunkBytes;
}

/** Average over many: what garbage collection takes is in it. */
function average(times: number, action: (index: number) => void): number {
  for (let i = 0; i < 8; i++) action(i);
  const before = instructions();
  for (let i = 0; i < times; i++) action(i);
  return (instructions() - before) / times;
}

function settle(): void {
  parent.exchange();
  pass(0);
  parent.exchange();
}

function open(): void {
  parent.up();
  settle();
  // The first reading makes the series: before it nobody but the owner can subscribe.
  device.write("activePower", 230);
  settle();
  // Of eight subscriptions one matches every reading and waits for its minimum delay; of the others none matches.
  for (let i = 0; i < 8; i++) parent.subscribe(i === 0 ? "billing" : "grid", i === 0 ? 0 : 1_000_000 + i);
  pass(100_000);
  settle();
}

/** What a reading takes of the heap, and what the answer to it takes. */
function ramOfReading(): { readonly write: number; readonly answer: number } {
  const rounds = 8;
  let write = 0;
  let answered = 0;
  for (let i = 0; i < rounds; i++) {
    pass(1000);
    parent.exchange();
    write += ramOf(() => device.write("activePower", 230 + i));
    const answer = parent.nextAnswer();
    answered += ramOf(() => parent.hand(answer));
  }
  return { write: Math.round(write / rounds), answer: Math.round(answered / rounds) };
}

/** What a reading takes, and apart from it what the answer to it takes. */
function readings(profiled: boolean): { readonly write: number; readonly answer: number } {
  const rounds = 256;
  let write = 0;
  let answered = 0;
  for (let i = -32; i < rounds; i++) {
    pass(1000);
    parent.exchange();
    if (profiled) profileStart(profilePeriod);
    const a = instructions();
    device.write("activePower", 230 + (i & 7));
    const b = instructions();
    profilePause();
    const answer = parent.nextAnswer();
    const c = instructions();
    parent.hand(answer);
    const d = instructions();
    if (i < 0) continue;
    write += b - a;
    answered += d - c;
  }
  return { write: write / rounds, answer: answered / rounds };
}

/** A query over a thousand samples with a condition on the value, a deviation and bounds that cut frames: opened, decided, carried out, answered. */
function query(): void {
  for (let i = 0; i < 1100; i++) {
    pass(1000);
    device.write("activePower", 200 + (i % 100));
    settle();
  }
  const ask = () => parent.deviation(startMs + nowMs - 1_000_500, startMs + nowMs - 250, 220 * tenths);
  const message = ask();
  const before = instructions();
  parent.hand(message);
  const cost = instructions() - before;
  // Of each hundred values, 221 to 299: other samples have another deviation.
  const deviation = parent.lastTold();
  if (Math.round(Math.sqrt((79 * 79 - 1) / 12) * tenths) !== deviation) throw new Error(`the device has calculated ${deviation}`);
  const again = ask();
  tell("query_1000", cost, ramOf(() => parent.hand(again)));
  parent.lastTold();
}

/** A set-point from the home, opened and decoded: the window, the tag and every byte of the body are checked. */
function opening(): void {
  const names = new Names();
  const config = { ...benchKeyFile, kid: 2 };
  const seal = createNativeSeal(host.seal!);
  const end = new Session(config, "sensor", crypto.importKey(benchKey(), "derive"), standardRegistry, names, crypto, seal);
  const home = new Session(config, "home", crypto.importKey(benchKey(), "derive"), standardRegistry, names, crypto);
  const reply = home.receive(parseEnvelope(end.open()), parent.link);
  if (reply.kind !== "reply") throw new Error("no reply");
  end.receive(parseEnvelope(reply.message), parent.link);
  home.receive(parseEnvelope(end.seal({ op: 6, sequence: 1, timeMs: undefined })), parent.link);
  const messages = Array.from({ length: 40 }, (_, i) => home.seal(parent.setPoint(names, i + 1, startMs)));
  let opened = 0;
  const openNext = () => {
    const received = end.receive(seal.parse(messages[opened++]!)!, parent.link);
    if (received.kind !== "body") throw new Error(`message ${opened}: ${received.kind}`);
  };
  // Garbage of before is not its own.
  host.collect();
  tell("open", average(31, openNext), ramOf(openNext));
  end.destroy();
  home.destroy();
}

open();
host.collect();
const { write, answer } = readings(false);
const ram = ramOfReading();
tell("reading", write, ram.write);
tell("reading_answer", answer, ram.answer);
query();
opening();
const { decision, early, anew, denied } = decisions(instructions, host.collect);
tell("decision", decision);
tell("decision_early", early);
tell("decision_anew", anew);
tell("decision_denied", denied);
const before = instructions();
host.collect();
tell("garbage_collection", instructions() - before);
host.print(JSON.stringify({ memory: host.memory() }));
readings(true);
host.print(profileStop());
host.exit(0);
