import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { issuedS } from "../../../tests/conformance/credential-world";
import { registry, StatementWorld } from "../../../tests/conformance/statement-world";
import type { Value } from "../model/registry";
import { StatementKind, type CheckpointStatement } from "../wire/statement-body";
import { MemoryStore } from "../../storage/memory-store";
import type { StorePort } from "../../storage/store-port";
import { checkCheckpoint, checkpointOf } from "./checkpoint";

const crypto = new NodeCrypto();
const stretch = { fromS: issuedS - 3600, toS: issuedS };
const fromMs = stretch.fromS * 1000;

/** Samples of one series, from the start of the hour on. */
type Samples = readonly (readonly [offsetMs: number, value: Value])[];
const energy: Samples = Array.from({ length: 200 }, (_, i) => [i * 18_000 + (i % 7), 1_408_146 + i * 3]);
const notes: Samples = [[5000, "grün"], [6000, "x".repeat(120)]];

function storeOf(...series: Samples[]): MemoryStore {
  const store = new MemoryStore(1000);
  series.forEach((samples, index) => {
    for (const [offsetMs, value] of samples) store.append(index, value, fromMs + offsetMs, 0);
  });
  return store;
}

/** What the meter says of what it has: series 0 is energy, series 1 texts. */
function statementOf(store: StorePort): { body: CheckpointStatement; steps: number } {
  const world = new StatementWorld(crypto);
  const device = world.names.id("meter");
  const work = checkpointOf({ store, crypto, registry }, stretch, [{ variable: 3, device, index: 0 }, { variable: 64, device, index: 1 }]);
  let steps = 1;
  while (!work.step()) steps++;
  const { names, timeMs } = world;
  const verified = world.verifier.verify(world.sign({ kind: StatementKind.checkpoint, names, sequence: 1, timeMs, ...stretch, series: work.series }));
  if (verified.body.kind !== StatementKind.checkpoint) throw new Error("no checkpoint");
  return { body: verified.body, steps };
}

const differences = (said: StorePort, held: StorePort, indexOf = (variable: number): number | undefined => (variable === 3 ? 0 : 1)) => checkCheckpoint(statementOf(said).body, { store: held, crypto, registry }, indexOf);

describe("SP-2 a device's checkpoint of an hour", () => {
  test("agrees with what holds the same samples, whatever there is before and after them", () => {
    const more: Samples = [[-1, 1], ...energy, [3_600_000, 9]];
    expect(differences(storeOf(energy, notes), storeOf(more, notes))).toEqual([]);
  });

  test("takes steps of 64 samples at most", () => {
    const store = storeOf(energy, notes);
    let most = 0;
    const scan = store.scan.bind(store);
    store.scan = (series, from, to, visit) => {
      let visited = 0;
      scan(series, from, to, (...sample) => (visited++, visit(...sample)));
      most = Math.max(most, visited);
    };
    expect(statementOf(store).steps).toBe(5);
    expect(most).toBe(65);
  });

  test.each<[string, Samples, number]>([
    ["a value changed", energy.map(([at, value], i) => [at, i === 150 ? 1 : value]), 200],
    ["a time changed", energy.map(([at, value], i) => [i === 199 ? at + 1 : at, value]), 200],
    ["a sample missing", energy.filter((_, i) => i !== 64), 199],
    ["a sample more", [...energy, [3_599_000, 7]], 201],
    ["all missing", [], 0],
  ])("names the series with %s", (_what, samples, held) => {
    expect(differences(storeOf(energy, notes), storeOf(samples, notes))).toEqual([{ variable: 3, device: "meter", said: 200, held }]);
  });

  test("names a series that is not held at all, and one of which something is held though the device has nothing", () => {
    expect(differences(storeOf(energy, notes), storeOf(energy), (variable) => (variable === 3 ? 0 : undefined))).toEqual([{ variable: 64, device: "meter", said: 2, held: 0 }]);
    expect(differences(storeOf(energy, []), storeOf(energy, notes))).toEqual([{ variable: 64, device: "meter", said: 0, held: 2 }]);
  });

  test("counts samples of one time each, also where a group ends among them", () => {
    const same: Samples = Array.from({ length: 150 }, (_, i) => [i < 10 ? i : 5000, i]);
    const body = statementOf(storeOf(same, notes)).body;
    expect(body.series.find(({ variable }) => variable === 3)?.count).toBe(150);
    expect(differences(storeOf(same, notes), storeOf(same.slice(0, -1), notes))).toEqual([{ variable: 3, device: "meter", said: 150, held: 149 }]);
  });

  test("of no series, or of 65, cannot be made", () => {
    const one = { variable: 3, device: 0, index: 0 };
    for (const series of [[], Array<typeof one>(65).fill(one)]) expect(() => checkpointOf({ store: storeOf(), crypto, registry }, stretch, series)).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});
