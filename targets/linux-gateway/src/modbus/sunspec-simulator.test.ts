import { once } from "node:events";
import { connect } from "node:net";
import { SunSpecInverter, type InverterPort, type InverterProblem, type InverterReading, type Nameplate, type RegisterPort } from "ebalance";
import { afterEach, describe, expect, test } from "vitest";
import { nodeTimers } from "../node-ports";
import { ModbusBus } from "./jsmodbus-registers";
import { SunSpecSimulator, type SunSpecSimulatorOptions } from "./sunspec-simulator";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

const ratings = { nominalW: 5000, rampMs: 0, riseVPerKw: 2 };

/** A simulator with units 1 and 2 on a clock that only the test moves. */
async function simulated(options: SunSpecSimulatorOptions = {}) {
  const time = { ms: 0 };
  const clock = { wallMs: () => time.ms, monotonicMs: () => time.ms, isSet: () => true };
  const simulator = new SunSpecSimulator({ clock, ...options });
  for (const unit of [1, 2]) simulator.add(unit, ratings);
  const port = await simulator.listen();
  const bus = new ModbusBus({ port, timeoutMs: 200 });
  cleanUp.push(() => simulator.close(), () => bus.close());
  return { time, simulator, port, bus, inverter: (unit: number) => new SunSpecInverter(bus.unit(unit), nodeTimers) };
}

const identify = (inverter: InverterPort) => new Promise<Nameplate | InverterProblem>((done) => inverter.identify(done));
const read = (inverter: InverterPort) => new Promise<InverterReading | InverterProblem>((done) => inverter.read(done));
const limit = (inverter: InverterPort, share: number) => new Promise<InverterProblem | undefined>((done) => inverter.limit(share, done));
const write = (registers: RegisterPort, address: number, values: number[]) => new Promise<string | undefined>((done) => registers.write(address, values, done));
const readRegisters = (registers: RegisterPort, address: number, count: number) => new Promise<unknown>((done) => registers.read(address, count, done));

describe("the simulated inverters", () => {
  test("are SunSpec inverters, each with a power of its own on a feeder that all share", async () => {
    const { time, simulator, inverter } = await simulated({ baseV: 235 });
    simulator.inverter(1).availableW = 4000;
    simulator.inverter(2).availableW = 1500;
    time.ms += 1;
    const [first, second] = [inverter(1), inverter(2)];
    expect(await identify(first)).toEqual({ maker: "ebalance", model: "simulator", serialNumber: "SIM-1", nominalPowerW: 5000, limitShare: 100 });
    expect(await identify(second)).toMatchObject({ serialNumber: "SIM-2" });
    expect(await read(first)).toMatchObject({ powerW: 4000, voltageL1V: 246, frequencyHz: 50 });
    expect(await read(second)).toMatchObject({ powerW: 1500, voltageL1V: 246 });
    time.ms += 3_600_000;
    expect(await read(first)).toMatchObject({ energyWh: 4000 });
  });

  test("obey a limit, which lowers the voltage, for as long as it takes until it is lifted", async () => {
    const { time, simulator, inverter } = await simulated();
    simulator.inverter(1).availableW = 5000;
    time.ms += 1;
    const first = inverter(1);
    await identify(first);
    const limited = limit(first, 40);
    await expect.poll(() => simulator.states()[0]!.limitShare).toBe(40);
    time.ms += 1;
    expect(await limited).toBeUndefined();
    expect(simulator.states()).toEqual([
      { unit: 1, powerW: 2000, voltageV: 234, limitShare: 40 },
      { unit: 2, powerW: 0, voltageV: 234, limitShare: undefined },
    ]);
    expect(await identify(first)).toMatchObject({ limitShare: 40 });
    time.ms += 24 * 3_600_000;
    expect(await read(first)).toMatchObject({ powerW: 2000, voltageL1V: 234 });
    expect(await limit(first, 100)).toBeUndefined();
    time.ms += 1;
    expect(await read(first)).toMatchObject({ powerW: 5000, voltageL1V: 240 });
  });

  test("large ones measure in tens of watts", async () => {
    const { time, simulator, inverter } = await simulated();
    simulator.add(3, { nominalW: 100_000, rampMs: 0, riseVPerKw: 0 }).availableW = 98_760;
    time.ms += 1;
    const third = inverter(3);
    expect(await identify(third)).toMatchObject({ nominalPowerW: 100_000 });
    expect(await read(third)).toMatchObject({ powerW: 98_760 });
  });

  test("have no other registers, and let nothing but the limit be written", async () => {
    const { bus } = await simulated();
    const registers = bus.unit(1);
    const illegal = "refused: illegal data address (exception 2)";
    expect(await readRegisters(registers, 40_177, 2)).toEqual({ problem: illegal });
    expect(await readRegisters(registers, 39_999, 2)).toEqual({ problem: illegal });
    expect(await write(registers, 40_084, [1])).toBe(illegal);
    expect(await write(registers, 40_159, [1, 1])).toBe(illegal);
    expect(await write(registers, 40_155, [5000, 0, 0, 0, 1])).toBeUndefined();
  });

  test("can be silent, or answer with garbage, and are good again", async () => {
    const { simulator, bus } = await simulated();
    const registers = bus.unit(1);
    simulator.behave(1, "silent");
    expect(await readRegisters(registers, 40_000, 2)).toEqual({ problem: "silent: no answer within 200 ms" });
    simulator.behave(1, "garbage");
    expect(await readRegisters(registers, 40_000, 2)).toEqual({ problem: expect.stringMatching(/^nonsense: /) as string });
    simulator.behave(1, "good");
    expect(await readRegisters(registers, 40_000, 2)).toEqual({ values: Uint16Array.of(0x5375, 0x6e53) });
  });

  test("live through bytes that are no Modbus and requests for too much", async () => {
    const { port, bus } = await simulated();
    const socket = connect({ host: "127.0.0.1", port });
    cleanUp.push(() => socket.destroy());
    await once(socket, "connect");
    socket.write(Uint8Array.of(0, 1, 0, 0, 0, 6, 1, 3, 156, 64, 3, 232));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(Array.from(answer)).toEqual([0, 1, 0, 0, 0, 3, 1, 0x83, 3]);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    socket.resetAndDestroy();
    expect(await readRegisters(bus.unit(1), 40_000, 2)).toHaveProperty("values");
  });

  test("a unit that is none, and a port that is taken, are named", async () => {
    const { simulator, port } = await simulated();
    expect(() => simulator.inverter(9)).toThrow("there is no unit 9, only 1, 2");
    expect(() => simulator.add(248, ratings)).toThrow("unit 248");
    await expect(new SunSpecSimulator({ port }).listen()).rejects.toMatchObject({ code: "bad-configuration", message: `cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)` });
  });
});
