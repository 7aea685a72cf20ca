/**
 * Instructions of what a sensor does, on the emulated chip: a line of JSON for each operation, then the profile of a reading. The home is in the same machine, as little of it
 * as is needed, and what it does is not counted.
 */
import {
  AccessControl, createNativeCrypto, createNativeFlash, createNativeSamples, createNativeSeal, granteeId, Names, openDevice, parseEnvelope, policyFromText, Right, RingStore, SeriesTable, Session,
  standardRegistry, type DevicePlatform,
} from "./bench-sdk";
import { benchKey, benchKeyFile } from "./key-file";
import { Parent } from "./parent";

const { instructions, profileStart, profilePause, profileStop } = host as Required<Host>;
const startMs = 1_790_000_000_000;
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
const parent = new Parent(crypto);
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

function tell(operation: string, average: number): void {
  host.print(JSON.stringify({ operation, instructions: Math.round(average) }));
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
function query(): number {
  for (let i = 0; i < 1100; i++) {
    pass(1000);
    device.write("activePower", 200 + (i % 100));
    settle();
  }
  const message = parent.deviation(startMs + nowMs - 1_000_500, startMs + nowMs - 250, 220);
  const before = instructions();
  parent.hand(message);
  const after = instructions();
  const deviation = parent.told();
  if (!(deviation > 0)) throw new Error(`the device has calculated ${deviation}`);
  return after - before;
}

/** A set-point from the home, opened and decoded: the window, the tag and every byte of the body are checked. */
function opening(): number {
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
  const cost = average(32, (i) => {
    const received = end.receive(seal.parse(messages[opened++]!)!, parent.link);
    if (received.kind !== "body") throw new Error(`message ${i}: ${received.kind}`);
  });
  end.destroy();
  home.destroy();
  return cost;
}

/** Eight policies of two entries, 32 states of last accesses. */
function decision(): number {
  const names = new Names();
  const table = new SeriesTable(8, names);
  const access = new AccessControl({ monotonicMs: () => nowMs }, 32, table);
  const owner = names.id("customer");
  const stakeholders = [0, 1, 2, 3].map((i) => names.id(`stakeholder-${i}`));
  const service = names.id("service");
  const policies = Array.from({ length: 8 }, (_, i) =>
    policyFromText(
      {
        sequence: i + 1,
        entries: [
          { rights: "read", minDelayS: 5 + i, grantees: [0, 1].map((n) => ({ stakeholder: `stakeholder-${n}`, service: "service" })) },
          { rights: "read", minDelayS: 60 + i, grantees: [2, 3].map((n) => ({ stakeholder: `stakeholder-${n}`, service: "service" })) },
        ],
      },
      names,
    ),
  );
  const requesters = stakeholders.map((stakeholder) => ({ stakeholder, grantee: granteeId(stakeholder, service) }));
  const series = policies.map((_, i) => {
    const device = names.id(`device-${i}`);
    table.enrol(device, owner);
    return table.open({ variable: 3, device, owner })!;
  });
  nowMs += 1_000_000;
  series.forEach((one) => requesters.forEach((requester) => access.record(one, Right.read, requester, 60)));
  let refused = 0;
  const cost = average(64, (i) => {
    if (access.decide(series[i & 7]!, policies[i & 7]!, Right.read, requesters[i & 3]!) !== 0) refused++;
  });
  if (refused !== 72) throw new Error(`${refused} of 72 decisions were refused`);
  return cost;
}

open();
host.collect();
const { write, answer } = readings(false);
tell("reading", write);
tell("reading_answer", answer);
tell("query_1000", query());
tell("open", opening());
tell("decision", decision());
const before = instructions();
host.collect();
tell("garbage_collection", instructions() - before);
host.print(JSON.stringify({ memory: host.memory() }));
readings(true);
host.print(profileStop());
host.exit(0);
