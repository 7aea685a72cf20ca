/** A sensor that keeps what it measures answers those who ask it itself (`at`), as its owner's policy says; without `at` the home is asked, as ever. */
import { Comparison, Field } from "../../sdk/core/model/instance";
import type { LeafUnit } from "../../sdk/core/leaf-unit";
import type { FlashPort } from "../../sdk/storage/flash-port";
import { Operation, type Request } from "../../sdk/core/wire/session-body";
import { EbalanceError } from "../../sdk/core/model/errors";
import { MemoryFlash } from "../../sdk/storage/memory-flash";
import { PortableSamples } from "../../sdk/storage/ring/portable-samples";
import { RingStore } from "../../sdk/storage/ring/ring-store";
import type { StorePort } from "../../sdk/storage/store-port";
import { expectEqual, type Case, type Platform } from "./case";
import { readPolicy, type Told, type World } from "./world";

/** What the home may pass on to the meter. */
const asked = [
  { device: "supplier-unit", service: "billing", stakeholder: "supplier", via: "home" },
  { device: "operator-unit", service: "grid", stakeholder: "operator", via: "home" },
] as const;

/** A world whose meter keeps a copy of what it measures. */
function keeping({ open }: Platform, store?: StorePort): World {
  const world = open({}, [...asked], undefined, store);
  world.meter.own.keepCopy(world.meter.names.id("customer"));
  world.meter.setDefaultPolicy("customer", readPolicy);
  world.pass(100_000);
  return world;
}

const selector = ({ names, registry }: LeafUnit) => ({ variable: registry.named("activePower").id, device: names.id("meter"), owner: names.id("customer") });

function measure(world: World, ...values: number[]): void {
  for (const value of values) {
    world.pass(1000);
    const { variable, owner } = selector(world.meter);
    expectEqual(world.meter.own.record(world.meter.own.series(variable, owner)!, value, world.nowMs), 0, `value ${value} is kept`);
  }
  world.run();
}

/** The supplier's billing may read, the operator's grid service may not. */
function ask(world: World, what: { op: 2 | 3 | 4; above?: number; function?: 1 | 2 | 3 | 4 | 5; periodMs?: number }, at: string | undefined = "meter", as: "supplier" | "operator" = "supplier"): Told[] {
  const unit = world[as];
  const source = world.source(unit, as === "supplier" ? "billing" : "grid", as);
  const condition = what.above === undefined ? [] : [{ field: Field.value, comparison: Comparison.above, operand: what.above }];
  const request = { op: what.op, source, selector: selector(unit), condition, at: at === undefined ? undefined : unit.names.id(at), function: what.function ?? 1, periodMs: what.periodMs };
  return world.ask(unit, request as Request);
}

const told = (list: readonly Told[]) => list.map((one) => one.value ?? one.result);

export const copyCases: readonly Case[] = [
  {
    name: "DI-4 MU-1 a query reaches the sensor itself through its home, which has no sample; without `at` the home answers",
    run: (platform) => {
      const world = keeping(platform);
      measure(world, 10, 20, 30);
      expectEqual(told(ask(world, { op: Operation.query, function: 5, above: 5 })), [1], "one in each interval of the delay is seen");
      world.pass(5000);
      return [told(ask(world, { op: Operation.query, function: 3 })), told(ask(world, { op: Operation.query }, undefined))];
    },
  },
  {
    name: "SP-1 SP-2 the sensor decides by its owner's policy: no grant is denied, a delay holds",
    run: (platform) => {
      const world = keeping(platform);
      measure(world, 10);
      const first = ask(world, { op: Operation.query });
      const second = ask(world, { op: Operation.query });
      world.pass(5000);
      const all = [first, second, ask(world, { op: Operation.query }), ask(world, { op: Operation.query }, "meter", "operator")].map(told);
      expectEqual(all, [[10], ["tooEarly"], [10], ["denied"]], "answers");
      return second[0]!.retryAfterMs;
    },
  },
  {
    name: "DI-5 DI-8 an event at the sensor tells what it measures from then on, and ends with the session",
    run: (platform) => {
      const world = keeping(platform);
      measure(world, 10);
      const seen = ask(world, { op: Operation.event, above: 15 });
      measure(world, 10, 20);
      world.pass(5000);
      measure(world, 30);
      expectEqual(told(seen), ["done", 20, 30], "occurrences");
      world.meter.linkLost(world.unitLink(0));
      world.home.linkLost(world.homeLink(0));
      world.run();
      expectEqual(told(seen).at(-1), "linkLost", "end");
      measure(world, 40);
      return told(seen);
    },
  },
  {
    name: "CP-6 DI-4 flash that cannot be read is an answer: a query is told, a periodic subscription ends, and the sensor goes on",
    run: (platform) => {
      const flash = platform.storage?.flash ?? new MemoryFlash(8);
      for (let sector = 0; sector < flash.sectorCount; sector++) flash.erase(sector);
      let isUnreadable = false;
      const failing: FlashPort = {
        sectorBytes: flash.sectorBytes,
        sectorCount: flash.sectorCount,
        read(offset, out, length) {
          if (isUnreadable) throw new EbalanceError("storage-failed", "device", "flash: read failed");
          flash.read(offset, out, length);
        },
        program: (offset, bytes, length) => flash.program(offset, bytes, length),
        erase: (sector) => flash.erase(sector),
      };
      const world = keeping(platform, new RingStore(failing, new PortableSamples(failing)));
      measure(world, 10);
      const seen = ask(world, { op: Operation.periodic, periodMs: 5000 });
      isUnreadable = true;
      measure(world, 20);
      world.pass(5000);
      expectEqual(told(seen), ["done", 10, "storageFailed"], "occurrences");
      const answers = [3, 1].map((code) => told(ask(world, { op: Operation.query, function: code as 1 | 3 }))[0]);
      expectEqual([...answers, ...told(ask(world, { op: Operation.query }, "meter", "operator"))], ["storageFailed", "storageFailed", "denied"], "answers");
      isUnreadable = false;
      measure(world, 30);
      return told(ask(world, { op: Operation.query }));
    },
  },
  {
    name: "DI-4 MU-1 a clock that was a day ahead leaves samples which no answer has once it is right again",
    run: (platform) => {
      const flash = platform.storage?.flash ?? new MemoryFlash(8);
      for (let sector = 0; sector < flash.sectorCount; sector++) flash.erase(sector);
      const answers = [undefined, new RingStore(flash, platform.storage?.samples ?? new PortableSamples(flash))].map((store) => {
        const world = keeping(platform, store);
        measure(world, 10);
        const dayMs = 86_400_000;
        world.nowMs += dayMs;
        measure(world, 99, 98);
        world.nowMs -= dayMs;
        world.pass(5000);
        measure(world, 20);
        const asked = [1, 5, 3].map((code) => {
          world.pass(5000);
          return told(ask(world, { op: Operation.query, function: code as 1 | 3 | 5 }))[0];
        });
        world.pass(5000);
        return [...asked, ...told(ask(world, { op: Operation.periodic, periodMs: 5000 }))];
      });
      expectEqual(answers, Array(2).fill([20, 2, 20, "done", 20]), "last, count, maximum, and what is told each period");
      return answers;
    },
  },
  {
    name: "DI-10 a unit that keeps no copy denies, and one that nobody knows leads nowhere",
    run: (platform) => {
      const world = platform.open({}, [...asked]);
      world.write("activePower", 10);
      const at = (unit: string) => told(ask(world, { op: Operation.query }, unit))[0];
      expectEqual([at("meter"), at("aggregator")], ["denied", "unknownLocation"], "answers");
      return at("home");
    },
  },
  {
    name: "DI-2 what the sensor writes goes to its home all the same, and nobody writes to its copy from outside",
    run: (platform) => {
      const world = keeping(platform);
      measure(world, 10);
      world.write("activePower", 11);
      expectEqual([world.home.counters.instancesKept, world.meter.counters.instancesKept], [1, 1], "kept");
      return told(ask(world, { op: Operation.query }));
    },
  },
];
