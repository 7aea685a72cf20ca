/**
 * Inverters that are silent, answer nonsense or raise the voltage, on real processes: the inverters on another project's Modbus stack, one bridged by its home, one behind a
 * DER controller on XS; the home; and the low-voltage unit with its voltage guard.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Alarm, ControllerState, type DataInterface } from "ebalance";
import { checkConfig, Gateway, type Plan } from "@ebalance/gateway";
import type { CommandLine } from "../../examples/street/processes";
import { noHostReason } from "../../targets/xs-host/available";
import { noPymodbusReason, SunSpecPeer, type SunSpecPeerCommand } from "../peers/peers";
import { kept, patience, Programs, RealGrid, type GatewayProgram, type Program } from "./real-grid";

const operator = { stakeholder: "operator", service: "grid" };
const plan: Plan = {
  domain: "inverters",
  units: {
    lv: { owner: "operator", services: ["grid"] },
    home: { parent: "lv", owner: "customer" },
    bridged: { parent: "home", owner: "customer", services: ["bridge"], bridged: true },
    other: { parent: "home", owner: "customer", services: ["bridge"], bridged: true },
    der: { parent: "home", owner: "customer", services: ["der"] },
  },
};
const nominalW = 5000;
/** What both controllers hold to where nobody renews a set-point, in %; the example has it so. */
const safeLimitShare = 40;
const inverters = ["bridged", "der"] as const;
type Peers = Record<(typeof inverters)[number], SunSpecPeer>;
const both = async <T>(of: (inverter: (typeof inverters)[number]) => Promise<T> | T): Promise<T[]> => Promise.all(inverters.map(of));

let gateway: CommandLine;
let controller: CommandLine;
beforeAll(async () => {
  const programs = new Programs("inverter-faults");
  gateway = await programs.gateway();
  const entry = "examples/der-controller/main.ts";
  controller = noHostReason ? await programs.deviceOnNode(entry) : await programs.deviceOnXs(entry);
}, 60_000);

/** A home with both inverters, below a unit that listens at a port. */
class Inverters {
  private constructor(
    readonly grid: RealGrid,
    readonly home: GatewayProgram,
    readonly peers: Peers,
    public controller: Program,
  ) {}

  static async start(grid: RealGrid, parentPort: number): Promise<Inverters> {
    const [bridged, der] = await Promise.all([SunSpecPeer.start({ units: [1, 2] }), SunSpecPeer.start()]);
    grid.atEnd(() => Promise.all([bridged.close(), der.close()]));
    const bridge = (device: string, unit: number) => ({ sunspec: { device, owner: "customer", host: "127.0.0.1", port: bridged.port, unit, safeLimitShare } });
    const home = await grid.gateway(gateway, {
      unit: "home",
      store: { folder: grid.store("home") },
      listen: [{ tcp: {} }],
      parent: { keyFile: grid.keyFile("home"), url: `mqtt://127.0.0.1:${parentPort}` },
      units: [{ keyFile: grid.keyFile("der") }],
      policies: { customer: { sequence: 1, entries: [{ rights: "read-write", minDelayS: 0, grantees: [operator] }] } },
      bridges: [bridge("bridged", 1), bridge("other", 2)],
    });
    const made = new Inverters(grid, home, { bridged, der }, Inverters.startController(grid, home, der.port));
    await vi.waitUntil(() => inverters.every((inverter) => String(made.told(inverter)) === String([ControllerState.free, 0, 100])), patience);
    return made;
  }

  private static startController(grid: RealGrid, home: GatewayProgram, inverterPort: number): Program {
    return grid.program("der", controller, grid.keyFile("der"), String(home.port("tcp")), "der", String(inverterPort));
  }

  /** What a controller has reported last: state, alarms, the limit that its inverter has been seen to obey. */
  told(inverter: string): unknown[] {
    return ["controllerState", "alarms", "powerLimitInForce"].map((variable) => this.home.written(inverter, variable).at(-1));
  }

  /** The limit in an inverter's registers, in %. */
  async limitOf(inverter: keyof Peers): Promise<number> {
    const [state] = await this.peers[inverter].state();
    return state!.enabled ? state!.limitShare : 100;
  }

  async powerOf(inverter: keyof Peers): Promise<number> {
    return (await this.peers[inverter].state())[0]!.powerW;
  }

  command(command: SunSpecPeerCommand): Promise<void[]> {
    return both((inverter) => this.peers[inverter].command(command));
  }

  /** The controller loses its power, and is back. */
  async cutController(): Promise<void> {
    await this.controller.kill();
    this.controller = Inverters.startController(this.grid, this.home, this.peers.der.port);
  }
}

const leftOut = noPymodbusReason && ` (left out: ${noPymodbusReason})`;

describe.skipIf(noPymodbusReason)(`IF-2 MU-5 inverters that do not answer as they should${leftOut}`, () => {
  /** Noticed after a period of a second and a timeout of two; half as much again for a busy computer. Of two on one bus the second waits for the first one's timeout. */
  const alarmWithinMs = 4500;
  const otherTimeoutMs = 2000;
  let grid: RealGrid;
  let street: Inverters;
  let data: DataInterface;
  beforeAll(async () => {
    grid = new RealGrid(plan);
    const lv = await Gateway.open(checkConfig({ unit: "lv", listen: [{ mqtt: {} }], units: [{ keyFile: grid.keyFile("home") }] }), { log: () => {} });
    grid.atEnd(() => lv.close());
    data = lv.services(operator.stakeholder, operator.service);
    street = await Inverters.start(grid, lv.listening[0]!.port);
    for (const device of inverters) {
      const series = { device, owner: "customer" };
      const setPoint = [{ ...series, variable: "setPointTimeToLive", value: 600 }, { ...series, variable: "powerLimitShare", value: 30 }];
      await vi.waitUntil(async () => (await data.write(...setPoint)).result === "done", patience);
    }
    await vi.waitUntil(holds, patience);
  }, 60_000);
  afterAll(() => grid.close());

  /** The set-point of both is in force, confirmed, and obeyed. */
  async function holds(): Promise<boolean> {
    const told = await both((inverter) => street.told(inverter));
    const obeyed = await both(async (inverter) => (await street.limitOf(inverter)) === 30 && (await street.powerOf(inverter)) <= 0.3 * nominalW);
    return told.every((one) => String(one) === String([ControllerState.setPoint, 0, 30])) && obeyed.every(Boolean);
  }

  const faults = (alarm: number, timeout = alarmWithinMs) =>
    expect.poll(() => both((inverter) => street.told(inverter).slice(0, 2)), { timeout, interval: 50 }).toEqual(Array(2).fill([ControllerState.fault, alarm]));
  const readings = (device: string) => street.home.written(device, "activePower").length;

  test.each([
    ["are silent", { silent: true }, { silent: true }, Alarm.silent],
    ["say 6000 V, and that nothing is implemented", { garbage: "voltage" }, { garbage: "sentinels" }, Alarm.nonsense],
    ["answer too little, and bytes that are no Modbus", { garbage: "count" }, { garbage: "bytes" }, Alarm.nonsense],
    ["say a scale factor of 300, and ten times their power", { garbage: "scale" }, { garbage: "power" }, Alarm.nonsense],
  ] as const)("%s: the alarm comes in time, the others go on, and when they are well it clears and the set-point is in force again", { timeout: 60_000 }, async (_what, bridged, der, alarm) => {
    await Promise.all([street.peers.bridged.command(bridged), street.peers.der.command(der)]);
    await faults(alarm);
    const [before, others] = [inverters.map(readings), readings("other")];
    await expect.poll(() => readings("other") - others, patience).toBeGreaterThanOrEqual(2);
    expect(inverters.map(readings)).toEqual(before);
    expect(street.told("other")).toEqual([ControllerState.free, 0, 100]);
    await street.command({ silent: false, garbage: null });
    await expect.poll(holds, patience).toBe(true);
  });

  test("whose processes hang are silent, and the home goes on", { timeout: 60_000 }, async () => {
    for (const inverter of inverters) process.kill(street.peers[inverter].pid, "SIGSTOP");
    await faults(Alarm.silent, alarmWithinMs + otherTimeoutMs);
    expect((await data.query({ device: "der", owner: "customer", variable: "alarms" })).readings[0]).toMatchObject({ value: Alarm.silent });
    for (const inverter of inverters) process.kill(street.peers[inverter].pid, "SIGCONT");
    await expect.poll(holds, patience).toBe(true);
  });

  test("leave no nonsense in the store", async () => {
    await street.home.stop();
    for (const device of [...inverters, "other"]) {
      const values = async (variable: string) => (await kept(grid.store("home"), device, variable)).map(({ value }) => value as number);
      const [voltages, powers, frequencies] = [await values("voltageL1"), await values("activePower"), await values("frequency")];
      expect(voltages.length, device).toBeGreaterThan(5);
      expect([Math.min(...voltages), Math.max(...voltages)]).toEqual([230, 230]);
      expect([Math.min(...frequencies), Math.max(...frequencies)]).toEqual([50, 50]);
      expect(Math.min(...powers)).toBeGreaterThanOrEqual(-nominalW);
      expect(Math.max(...powers)).toBeLessThanOrEqual(0);
    }
  });
});

describe.skipIf(noPymodbusReason)(`GR-13 IF-1 IF-3 the voltage guard and the inverters of a home${leftOut}`, () => {
  let grid: RealGrid;
  let lv: GatewayProgram;
  let street: Inverters;
  beforeAll(async () => {
    grid = new RealGrid(plan);
    const devices = inverters.map((device) => ({ device, owner: "customer" }));
    lv = await grid.gateway(gateway, {
      unit: "lv",
      listen: [{ mqtt: {} }],
      units: [{ keyFile: grid.keyFile("home") }],
      services: [{ voltageGuard: { ...operator, devices, limitV: 253, releaseV: 250, leastShare: 60, raiseShare: 20, settleS: 1, holdS: 0.5, timeToLiveS: 5 } }],
    });
    street = await Inverters.start(grid, lv.port("mqtt"));
  }, 60_000);
  afterAll(() => grid.close());

  const done = (kind: string) => [...new Set(lv.of("guard").filter((event) => event.kind === kind && event.result === "done").map(({ device }) => device))].sort();
  const limits = () => both((inverter) => street.limitOf(inverter));
  const states = () => inverters.map((inverter) => street.told(inverter)[0]);

  test("over-voltage leads to a set-point, it is obeyed and so the voltage falls, and it is released once the grid is better", { timeout: 60_000 }, async () => {
    await expect.poll(() => both((inverter) => street.powerOf(inverter)), patience).toEqual([nominalW, nominalW]);
    // 256 V at full power; 3.5 kW leave 253 V.
    await street.command({ voltageV: 246, riseVPerKw: 2 });
    await expect.poll(() => done("lower"), patience).toEqual([...inverters]);
    await expect.poll(() => both(async (inverter) => (await street.powerOf(inverter)) <= 0.8 * nominalW), patience).toEqual([true, true]);
    await expect.poll(() => inverters.map((inverter) => street.told(inverter)), patience).toEqual(Array(2).fill([ControllerState.setPoint, Alarm.overVoltage, 70]));
    await expect.poll(() => inverters.map((inverter) => street.home.written(inverter, "voltageL1").at(-1)), patience).toEqual([253, 253]);
    await street.command({ voltageV: 238 });
    await expect.poll(() => done("release"), patience).toEqual([...inverters]);
    await expect.poll(limits, patience).toEqual([100, 100]);
    await expect.poll(() => inverters.map((inverter) => street.told(inverter)), patience).toEqual(Array(2).fill([ControllerState.free, 0, 100]));
    await expect.poll(() => both((inverter) => street.powerOf(inverter)), patience).toEqual([nominalW, nominalW]);
  });

  test("a controller that loses its power takes the set-point up again", { timeout: 60_000 }, async () => {
    await street.command({ voltageV: 256 });
    await expect.poll(limits, patience).toEqual([60, 60]);
    const before = street.home.written("der", "controllerState").length;
    await street.cutController();
    await expect.poll(() => street.home.written("der", "controllerState").slice(before).at(-1), patience).toBe(ControllerState.setPoint);
    await expect.poll(() => street.limitOf("der"), patience).toBe(60);
  });

  test("a low-voltage unit that is killed with set-points in force leaves the inverters in their safe state; back, it takes them up and releases them", { timeout: 60_000 }, async () => {
    await expect.poll(limits, patience).toEqual([60, 60]);
    await lv.kill();
    await expect.poll(limits, patience).toEqual([safeLimitShare, safeLimitShare]);
    await expect.poll(states, patience).toEqual([ControllerState.safe, ControllerState.safe]);
    await expect.poll(() => both((inverter) => street.powerOf(inverter)), patience).toEqual(Array(2).fill((safeLimitShare / 100) * nominalW));
    await street.command({ voltageV: 238 });
    lv.events.length = 0;
    await lv.start();
    await expect.poll(() => done("release"), patience).toEqual([...inverters]);
    await expect.poll(limits, patience).toEqual([100, 100]);
    await expect.poll(states, patience).toEqual([ControllerState.free, ControllerState.free]);
  });
});
