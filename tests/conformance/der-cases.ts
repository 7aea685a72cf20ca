/** A device that hears of what is written for it, and the DER controller on it (MU-5, IF-1 to IF-3). */
import { Alarm, ControllerState } from "../../sdk/services/der/der-decision";
import { expectEqual, type Case, type Platform } from "./case";
import { DerWorld } from "./der-world";

function inDerWorld(run: (world: DerWorld) => unknown, limits = {}): (platform: Platform) => unknown {
  return (platform) => {
    const world = new DerWorld(platform, limits);
    try {
      return run(world);
    } finally {
      world.close();
    }
  };
}

const { off, free, setPoint, safe, fault } = ControllerState;

/** Follows on a device; the list goes on growing. */
function followed(world: DerWorld, ...variables: string[]): unknown[] {
  const told: unknown[] = [];
  const device = world.device ?? world.openDevice();
  device.follow(variables, ({ variable, value, ageMs }) => told.push([variable, value, ageMs]), (there) => told.push(there));
  world.pass(100);
  return told;
}

export const derCases: readonly Case[] = [
  {
    name: "MU-1 DI-5 a device hears of what is written for it, each once, in the order of the write",
    run: inDerWorld((world) => {
      const told = followed(world, "setPointTimeToLive", "powerLimitShare");
      expectEqual(told, [true], "there is nothing yet");
      world.setPoint(50, 60);
      world.setPoint(50, 60);
      expectEqual(told.length, 3, "the same value at the same time is one instance");
      world.pass(1000);
      world.setPoint(50, 60);
      expectEqual(told.slice(1), [["setPointTimeToLive", 60, 0], ["powerLimitShare", 50, 0], ["setPointTimeToLive", 60, 0], ["powerLimitShare", 50, 0]], "told");
      return told;
    }),
  },
  {
    name: "MU-1 DI-9 what was written while the device was away is told when it is back, the newest of each variable, in the order in which they are followed, with its age",
    run: inDerWorld((world) => {
      const told = followed(world, "setPointTimeToLive", "powerLimitShare", "switchState");
      world.write(["switchState", true]);
      world.cut();
      world.setPoint(50, 60);
      world.pass(1000);
      world.setPoint(60, 60);
      world.pass(1000);
      world.write(["setPointTimeToLive", 0]);
      world.reachable = true;
      world.pass(10_000);
      expectEqual(told.slice(0, 5).map((one) => (Array.isArray(one) ? (one as unknown[]).slice(0, 2) : one)), [true, ["switchState", true], false, ["setPointTimeToLive", 0], ["powerLimitShare", 60]], "told");
      world.cut();
      world.reachable = true;
      world.pass(60_000);
      expectEqual(told.slice(5), [true, false, true], "nothing twice");
      return told;
    }),
  },
  {
    name: "MU-1 DI-12 a home that has no room for a subscription is asked again, without haste",
    run: inDerWorld(
      (world) => {
        const told = followed(world, "powerLimitShare");
        world.pass(60_000);
        expectEqual([told, world.log.filter((line) => line.includes("following powerLimitShare: busy")).length], [[], 1], "said once");
        return world.home.counters.results;
      },
      { maxSubscriptions: 0 },
    ),
  },
  {
    name: "MU-1 DI-7 following ends with close",
    run: inDerWorld((world) => {
      const told: unknown[] = [];
      const following = world.openDevice().follow(["powerLimitShare"], ({ value }) => told.push(value));
      world.pass(100);
      world.write(["powerLimitShare", 10]);
      following.close();
      world.pass(100);
      world.write(["powerLimitShare", 20]);
      expectEqual(told, [10], "told");
      return told;
    }),
  },
  {
    name: "MU-5 IF-1 IF-2 nominal values, limits, measurements, alarms and state arrive at the home",
    run: inDerWorld((world) => {
      world.control();
      world.pass(2000);
      const values = ["nominalPower", "voltageLimitHigh", "voltageLimitLow", "activePower", "voltageL1", "voltageL2", "frequency", "activeEnergyExport", "alarms", "controllerState", "powerLimitInForce"];
      const seen = values.map((name) => world.last(name));
      expectEqual(seen, [5000, 253, 207, -4000, 230, "noData", 50, 1000, 0, free, 100], "values");
      return seen;
    }),
  },
  {
    name: "MU-5 IF-3 a set-point is obeyed and confirmed, asked of the inverter once, and runs out into the safe state; a release frees",
    run: inDerWorld((world) => {
      world.control();
      expectEqual(world.setPoint(30, 60), "done", "write");
      world.pass(2000);
      expectEqual(world.status, [setPoint, 0, 30, 30], "in force");
      expectEqual(world.last("activePower"), -1500, "obeyed");
      const limits = world.inverter.limits;
      world.pass(41_000);
      expectEqual(world.inverter.limits - limits, 0, "holds without renewal");
      world.pass(16_500);
      expectEqual(world.status, [setPoint, 0, 30, 30], "until the last second");
      world.pass(1000);
      expectEqual(world.status, [safe, 0, 40, 40], "run out");
      world.write(["setPointTimeToLive", 0]);
      world.pass(1000);
      expectEqual(world.status, [free, 0, 100, 100], "released");
      return world.inverter.limits;
    }),
  },
  {
    name: "MU-5 a renewed set-point goes on, whatever the wall clock of the device does",
    run: inDerWorld((world) => {
      world.control();
      for (let i = 0; i < 5; i++) {
        world.setPoint(30, 60);
        world.deviceJumpMs = i % 2 ? 3_600_000 : -3_600_000;
        world.pass(50_000);
        expectEqual(world.inverter.share, 30, `renewal ${i}`);
      }
      world.pass(20_000);
      expectEqual(world.inverter.share, 40, "run out");
      return world.inverter.share;
    }),
  },
  {
    name: "MU-5 a gateway that is gone ends a set-point in the safe state, not the freedom without one; both are alarms",
    run: inDerWorld((world) => {
      world.control();
      world.cut();
      world.pass(31_000);
      expectEqual([world.inverter.share, world.inverter.limits], [100, 1], "free");
      world.reachable = true;
      world.pass(60_000);
      expectEqual(world.status, [free, 0, 100, 100], "free again");
      world.setPoint(60, 600);
      world.pass(1000);
      world.cut();
      world.pass(29_000);
      expectEqual(world.inverter.share, 60, "not yet");
      world.pass(2000);
      expectEqual(world.inverter.share, 40, "safe");
      world.reachable = true;
      world.pass(60_000);
      expectEqual(world.status, [safe, 0, 40, 40], "only a new set-point ends it");
      world.setPoint(70, 600);
      world.pass(1000);
      expectEqual(world.status, [setPoint, 0, 70, 70], "a new set-point");
      return world.status;
    }),
  },
  {
    name: "MU-5 the safe state permits no more than a set-point that still lives",
    run: inDerWorld((world) => {
      world.control();
      world.setPoint(10, 120);
      world.pass(1000);
      world.cut();
      world.pass(60_000);
      expectEqual(world.inverter.share, 10, "still lives");
      world.pass(60_000);
      expectEqual(world.inverter.share, 40, "run out");
      return world.inverter.share;
    }),
  },
  {
    name: "MU-5 after a power cut the controller begins safe, and takes up the set-point for the time that is left",
    run: inDerWorld((world) => {
      world.control();
      world.setPoint(70, 60);
      world.pass(10_000);
      for (const one of [world.controller!, world.device!]) one.close();
      world.reachable = false;
      world.control();
      expectEqual(world.inverter.share, 40, "safe until the gateway is heard");
      world.reachable = true;
      world.pass(10_000);
      expectEqual(world.status, [setPoint, 0, 70, 70], "taken up");
      world.pass(40_000);
      expectEqual(world.status, [safe, 0, 40, 40], "run out a minute after it was written");
      for (const one of [world.controller!, world.device!]) one.close();
      world.control();
      world.pass(1000);
      expectEqual(world.status, [safe, 0, 40, 40], "still run out after another power cut");
      return world.status;
    }),
  },
  {
    name: "MU-5 a restart takes up a set-point whose time to live was renewed alone, and leaves one free that was released",
    run: inDerWorld((world) => {
      const restart = () => {
        for (const one of [world.controller!, world.device!]) one.close();
        world.control();
        world.pass(1000);
        return world.status;
      };
      world.control();
      world.setPoint(30, 60);
      for (let i = 0; i < 4; i++) {
        world.pass(40_000);
        world.write(["setPointTimeToLive", 60]);
        expectEqual(world.status, [setPoint, 0, 30, 30], `renewal ${i}`);
      }
      world.pass(20_000);
      expectEqual(restart(), [setPoint, 0, 30, 30], "taken up");
      world.pass(35_000);
      expectEqual(world.status, [setPoint, 0, 30, 30], "for the time that is left");
      world.pass(5000);
      expectEqual(world.status, [safe, 0, 40, 40], "run out");
      expectEqual(restart(), [safe, 0, 40, 40], "still run out");
      world.write(["setPointTimeToLive", 0]);
      world.pass(1000);
      expectEqual(restart(), [free, 0, 100, 100], "released, without an alarm");
      return world.status;
    }),
  },
  {
    name: "MU-5 a power cut while the home is away raises no limit that the inverter has",
    run: inDerWorld((world) => {
      world.control();
      const seen = [];
      for (const ask of [() => world.setPoint(10, 3600), () => world.write(["switchState", false])]) {
        ask();
        world.pass(2000);
        for (const one of [world.controller!, world.device!]) one.close();
        world.reachable = false;
        world.control();
        world.pass(60_000);
        seen.push(world.inverter.share);
        world.reachable = true;
        world.pass(60_000);
      }
      expectEqual([seen, world.status], [[10, 0], [off, 0, 0, 0]], "as before the power cut");
      world.write(["switchState", true]);
      world.write(["setPointTimeToLive", 0]);
      world.pass(1000);
      expectEqual(world.status, [free, 0, 100, 100], "released");
      return seen;
    }),
  },
  {
    name: "MU-5 a set-point that the inverter does not obey is an alarm, and tried again",
    run: inDerWorld((world) => {
      world.control();
      world.inverter.ignores = true;
      world.setPoint(30, 600);
      world.pass(2000);
      expectEqual(world.status, [setPoint, Alarm.notObeyed, 100, 30], "not obeyed");
      world.inverter.ignores = false;
      world.pass(30_000);
      expectEqual(world.status, [setPoint, 0, 30, 30], "obeyed");
      return world.status;
    }),
  },
  {
    name: "MU-5 an inverter that forgets its limit without a word gets it again, and an alarm where it does not keep it",
    run: inDerWorld((world) => {
      world.control();
      const forgotten = [];
      for (const [share, state, ask] of [[10, setPoint, () => world.setPoint(10, 600)], [0, off, () => world.write(["switchState", false])]] as const) {
        ask();
        world.pass(5000);
        const { limits } = world.inverter;
        world.pass(10_000);
        expectEqual(world.inverter.limits, limits, "not written again while it is obeyed");
        world.inverter.share = 100;
        world.pass(1000);
        expectEqual(world.inverter.share, 100, "one reading is not enough");
        world.pass(1500);
        expectEqual([world.status, world.inverter.limits], [[state, 0, share, share], limits + 1], "obeyed again");
        forgotten.push(world.last("activePower"));
      }
      world.write(["switchState", true]);
      world.setPoint(10, 3600);
      world.pass(1000);
      const claimed = world.reports("powerLimitInForce");
      world.inverter.ignores = true;
      world.pass(302_000);
      expectEqual([world.status, world.reports("powerLimitInForce")], [[setPoint, Alarm.notObeyed, 10, 10], claimed], "it stays, and is not claimed again");
      world.inverter.ignores = false;
      world.pass(31_000);
      expectEqual([world.status, world.reports("powerLimitInForce")], [[setPoint, 0, 10, 10], claimed + 1], "obeyed at last");
      return forgotten;
    }),
  },
  {
    name: "MU-5 IF-2 an inverter that is silent or answers nonsense is an alarm; when it is back it gets its set-point again",
    run: inDerWorld((world) => {
      world.control();
      world.setPoint(30, 600);
      world.pass(2000);
      const seen = [];
      for (const problem of ["silent", "nonsense"] as const) {
        world.inverter.fault = problem;
        world.pass(70_000);
        seen.push(world.status);
        Object.assign(world.inverter, { fault: undefined, share: 100 });
        world.pass(61_000);
        expectEqual(world.status, [setPoint, 0, 30, 30], `back from ${problem}`);
      }
      expectEqual(seen, [[fault, Alarm.silent, 30, 30], [fault, Alarm.nonsense, 30, 30]], "faults");
      return world.log.filter((line) => line.includes("inverter ")).length;
    }),
  },
  {
    name: "MU-5 a set-point out of limits or without a time to live is an alarm, and what held before goes on",
    run: inDerWorld((world) => {
      world.control(world.openDevice(), { leastLimitShare: 20 });
      expectEqual(world.write(["powerLimitShare", 60]), "done", "without a time");
      world.pass(1000);
      expectEqual(world.status, [free, Alarm.outOfLimits, 100, 100], "without a time");
      world.setPoint(50, 60);
      world.pass(1000);
      expectEqual(world.status, [setPoint, 0, 50, 50], "as it should be");
      world.setPoint(10, 60);
      world.pass(1000);
      expectEqual(world.status, [setPoint, Alarm.outOfLimits, 50, 50], "too low");
      expectEqual(world.setPoint(101, 60), "outOfRange", "above 100 %");
      world.write(["setPointTimeToLive", 0]);
      world.pass(1000);
      expectEqual(world.status, [free, 0, 100, 100], "released");
      return world.status;
    }),
  },
  {
    name: "MU-5 switched off it feeds in nothing, until it is switched on, a power cut and a set-point in between",
    run: inDerWorld((world) => {
      world.control();
      world.write(["switchState", false]);
      world.pass(1000);
      expectEqual(world.status, [off, 0, 0, 0], "off");
      world.setPoint(50, 60);
      world.pass(1000);
      for (const one of [world.controller!, world.device!]) one.close();
      world.control();
      world.pass(1000);
      expectEqual(world.status, [off, 0, 0, 0], "still off");
      world.write(["switchState", true]);
      world.pass(1000);
      expectEqual(world.status, [setPoint, 0, 50, 50], "on");
      return world.status;
    }),
  },
  {
    name: "MU-5 voltages out of range are alarms, which clear when the voltage has come back far enough",
    run: inDerWorld((world) => {
      world.control();
      const seen = [];
      for (const voltageV of [253, 253.5, 251.5, 250.5, 206, 208.5, 210]) {
        world.inverter.voltageV = voltageV;
        world.pass(1100);
        seen.push(world.last("alarms"));
      }
      expectEqual(seen, [0, 1, 1, 0, 2, 2, 0], "alarms");
      return seen;
    }),
  },
  {
    name: "MU-3 MU-5 on the gateway itself the same controller serves a bridged device",
    run: inDerWorld((world) => {
      world.control(world.openLocal());
      world.setPoint(30, 60);
      world.pass(2000);
      expectEqual([...world.status, world.last("activePower")], [setPoint, 0, 30, 30, -1500], "in force");
      world.pass(60_000);
      expectEqual(world.status, [safe, 0, 40, 40], "run out");
      return world.status;
    }),
  },
];
