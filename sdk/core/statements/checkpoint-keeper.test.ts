import { beforeEach, describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { issuedS } from "../../../tests/conformance/credential-world";
import { energy, registry, StatementWorld } from "../../../tests/conformance/statement-world";
import { SeriesTable } from "../access/series-table";
import { resultName } from "../model/result";
import type { Credential } from "../security/credential";
import { SequenceReservation } from "../security/sequence-reservation";
import { StatementKind, type CheckpointStatement } from "../wire/statement-body";
import { MemoryStore } from "../../storage/memory-store";
import { checkpointOf } from "./checkpoint";
import { CheckpointKeeper, type CheckpointFinding } from "./checkpoint-keeper";
import { Signatory } from "./signatory";

const crypto = new NodeCrypto();
const hourS = 3600;
/** The clock stands a minute after `issuedS`. */
const hour = { fromS: issuedS - hourS, toS: issuedS };

let world: StatementWorld;
let store: MemoryStore;
let keeper: CheckpointKeeper;
let found: CheckpointFinding[];
let log: string[];
let sequence = 0;

/** The home's part: the meter of the customer is enrolled, and has 150 samples of energy in each of two hours. */
beforeEach(() => {
  world = new StatementWorld(crypto);
  store = new MemoryStore(1000);
  found = [];
  log = [];
  for (let i = 0; i < 300; i++) store.append(0, 7 * i, (issuedS - 2 * hourS + i * 24) * 1000, 0);
  keeper = keeperOf();
});

function keeperOf(): CheckpointKeeper {
  const { names, verifier, store: credentials, clock } = world;
  const series = new SeriesTable(16, names);
  series.enrol(names.id("meter"), names.id("customer"));
  series.open({ variable: energy, device: names.id("meter"), owner: names.id("customer") });
  const signatory = new Signatory({ unit: "home", key: world.home.signing, crypto, store: credentials, verifier, sequences: new SequenceReservation(world.state), registry });
  return new CheckpointKeeper({ signatory, names, registry, series, store, crypto, clock, log: (level, line) => log.push(`${level} ${line}`), wake: () => {}, onCheckpoint: (finding) => found.push(finding) });
}

/** What the meter says of the samples that the store has now. */
function bodyOf(given: Partial<CheckpointStatement> = {}, device = "meter"): CheckpointStatement {
  const { names, timeMs } = world;
  const stretch = { ...hour, ...given };
  const work = checkpointOf({ store, crypto, registry }, stretch, [{ variable: energy, device: names.id(device), index: 0 }]);
  while (!work.step());
  return { kind: StatementKind.checkpoint, names, sequence: ++sequence, timeMs, series: work.series, ...stretch, ...given };
}

/** Hands a checkpoint in, and lets it be compared. */
function take(statement: Uint8Array, from = "meter", at = keeper): string {
  let told = "nothing";
  at.take(statement, from, (result) => (told = resultName(result)));
  while (at.tick() === -Infinity);
  return told;
}

const handIn = (given: Partial<CheckpointStatement> = {}) => take(world.sign(bodyOf(given)));

describe("SP-2 a home takes the checkpoints of its devices", () => {
  test("which agree with what it holds, keeps them as they were signed, and gives them to whoever asks for that time", () => {
    const statement = world.sign(bodyOf());
    expect(take(statement)).toBe("done");
    expect(found).toEqual([{ device: "meter", owner: "customer", ...hour, differences: [] }]);
    expect(keeper.counters).toEqual({ taken: 1, differing: 0, refused: 0 });
    expect(log).toEqual([]);
    expect(keeper.of("meter", hour.fromS * 1000, hour.toS * 1000)).toEqual([statement]);
    expect(keeper.of("meter", hour.toS * 1000, Infinity)).toEqual([]);
    expect(keeper.of("lamp", 0, Infinity)).toEqual([]);
  });

  test.each<[string, (samples: MemoryStore) => MemoryStore, number]>([
    ["dropped", (all) => copyOf(all, (value, i) => (i === 200 ? undefined : value)), 149],
    ["changed", (all) => copyOf(all, (value, i) => (i === 200 ? 1 : value)), 150],
  ])("a home that has %s a reading is found, by device, variable and hour", (_what, tamper, held) => {
    const statement = world.sign(bodyOf());
    store = tamper(store);
    keeper = keeperOf();
    expect(take(statement)).toBe("done");
    expect(found[0]!.differences).toEqual([{ variable: energy, device: "meter", said: 150, held }]);
    expect(keeper.counters).toEqual({ taken: 1, differing: 1, refused: 0 });
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(/^error what is kept of meter from 2027-01-15T07:00:00Z to 2027-01-15T08:00:00Z is not what it has measured .*has 150 samples, here are (149|as many, not the same)$/);
    // And it is evidence for the owner all the same.
    expect(keeper.of("meter", 0, Infinity)).toEqual([statement]);
  });

  test("a replayed or older one changes nothing, over a restart too, also where the samples have gone since", () => {
    const [first, second] = [world.sign(bodyOf({ fromS: issuedS - 2 * hourS, toS: issuedS - hourS })), world.sign(bodyOf())];
    expect([take(first), take(second), take(first), take(second)]).toEqual(["done", "done", "done", "done"]);
    expect(found).toHaveLength(2);
    const kept = store.statements;
    store = copyOf(store, () => undefined);
    for (const one of kept.all()) store.statements.keep(one);
    // What was changed on the disk says nothing.
    store.statements.keep({ ...kept.all()[0]!, bytes: Uint8Array.of(1, 2, 3) });
    const restarted = keeperOf();
    expect([take(first, "meter", restarted), take(second, "meter", restarted)]).toEqual(["done", "done"]);
    expect(found).toHaveLength(2);
    expect(restarted.counters.taken).toBe(0);
  });

  test("one that another device has signed, or brings, is refused before a signature is verified", () => {
    const delegation = (subject: string) => world.store.add(world.customer.signs({ type: "delegation", subject, key: world.home.key })) as Credential;
    expect(take(world.sign(bodyOf(), delegation("lamp"), world.home))).toBe("notTrusted");
    const own = world.sign(bodyOf());
    const forged = own.slice();
    forged[forged.length - 1]! ^= 1;
    expect([take(own, "lamp"), take(forged, "lamp"), take(forged)]).toEqual(["notTrusted", "notTrusted", "notTrusted"]);
    expect(log.join("\n")).toMatch(/of lamp, brought by meter\n.*of meter, brought by lamp\n.*of meter, brought by lamp\n.*not signed by meter/);
    expect([found, keeper.counters.refused]).toEqual([[], 4]);
  });

  test("one about series of another device, of another owner, or of a device that is not at home here, is refused", () => {
    expect(take(world.sign(bodyOf({}, "lamp")))).toBe("notTrusted");
    world.names.id("lamp");
    const lamps = world.store.add(world.customer.signs({ type: "delegation", subject: "lamp", key: world.meter.key }));
    expect(take(world.sign(bodyOf({}, "lamp"), lamps), "lamp")).toBe("denied");
    const suppliers = world.store.add(world.supplier.signs({ type: "delegation", subject: "meter", key: world.meter.key }));
    expect(take(world.sign(bodyOf(), suppliers))).toBe("notTrusted");
    expect(found).toEqual([]);
  });

  test("one of a time that is not over, of more than a day, or under a delegation that does not cover its series, is refused", () => {
    expect(handIn({ toS: issuedS + 61 })).toBe("badTime");
    world.nowMs += 60_000;
    expect(handIn({ toS: issuedS + 61, timeMs: world.timeMs - 60_000 })).toBe("badTime");
    expect(handIn({ fromS: issuedS - 86_401 })).toBe("unsupported");
    for (const limits of [{ variables: [energy + 1] }, { rights: 1 }, { devices: ["lamp"] }]) {
      const narrow = world.store.add(world.customer.signs({ type: "delegation", subject: "meter", key: world.meter.key, service: "narrow", ...limits }));
      expect(take(world.sign(bodyOf(), narrow))).toBe("notTrusted");
    }
    world.isSet = false;
    expect(handIn()).toBe("badTime");
  });

  test("a device that floods it has one compared at a time, and a budget; what is refused is told sparingly", () => {
    const results: string[] = [];
    const minute = (i: number) => world.sign(bodyOf({ fromS: hour.fromS + i, toS: hour.fromS + i + 1 }));
    keeper.take(minute(0), "meter", (result) => results.push(resultName(result)));
    keeper.take(minute(1), "meter", (result) => results.push(resultName(result)));
    expect(results).toEqual(["busy"]);
    while (keeper.tick() === -Infinity);
    expect(results).toEqual(["busy", "done"]);
    const told = Array.from({ length: 100 }, (_, i) => take(minute(i + 1)));
    expect([told.filter((one) => one === "done").length, told.at(-1)]).toEqual([63, "busy"]);
    world.monotonic += 60_000;
    expect([take(minute(200)), take(minute(201))]).toEqual(["done", "busy"]);
    for (let i = 0; i < 200; i++) take(minute(300), "lamp");
    expect(log.length).toBeLessThan(20);
  });

  test("nobody is told once the link is gone, and it is compared and kept all the same", () => {
    const told: string[] = [];
    keeper.take(world.sign(bodyOf()), "meter", (result) => told.push(resultName(result)));
    keeper.lost("meter");
    while (keeper.tick() === -Infinity);
    expect([told, found.length]).toEqual([[], 1]);
  });

  test("a store that cannot keep it says so: it comes again", () => {
    store.statements.keep = () => "failed";
    expect(handIn()).toBe("storageFailed");
    expect(found).toEqual([]);
  });

  test("many samples are compared over several ticks", () => {
    store = new MemoryStore(10_000);
    for (let i = 0; i < 3000; i++) store.append(0, i, hour.fromS * 1000 + i * 1000, 0);
    keeper = keeperOf();
    let told = "";
    keeper.take(world.sign(bodyOf()), "meter", (result) => (told = resultName(result)));
    let ticks = 1;
    while (keeper.tick() === -Infinity) ticks++;
    expect([told, ticks]).toEqual(["done", 3]);
  });
});

/** A store with other values of its samples: undefined leaves one out. */
function copyOf(all: MemoryStore, valueOf: (value: number, i: number) => number | undefined): MemoryStore {
  const copy = new MemoryStore(1000);
  let i = 0;
  all.scan(0, 0, Infinity, (value, timeMs, policy) => {
    const given = valueOf(value as number, i++);
    if (given !== undefined) copy.append(0, given, timeMs, policy);
    return true;
  });
  return copy;
}
