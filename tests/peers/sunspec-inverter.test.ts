/** The SunSpec inverter and both Modbus clients against another project's stack, in a process of its own. */
import { ModbusTcp, SunSpecInverter, type InverterPort, type InverterProblem, type InverterReading, type Nameplate, type RegisterPort } from "ebalance";
import { ModbusBus, nodeTimers, tcpStreams } from "@ebalance/gateway";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { noPymodbusReason, SunSpecPeer, type SunSpecPeerCommand, type SunSpecPeerOptions } from "./peers";

const leftOut = noPymodbusReason && ` (left out: ${noPymodbusReason})`;
const timeoutMs = 300;
vi.setConfig({ testTimeout: 20_000, hookTimeout: 20_000 });

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

const clients: Record<string, (port: number) => RegisterPort> = {
  "the SDK's own client": (port) => new ModbusTcp(tcpStreams("127.0.0.1", port), nodeTimers, 1, timeoutMs),
  jsmodbus: (port) => {
    const bus = new ModbusBus({ port, timeoutMs });
    cleanUp.push(() => bus.close());
    return bus.unit(1);
  },
};

async function peer(options?: SunSpecPeerOptions) {
  const made = await SunSpecPeer.start(options);
  cleanUp.push(() => made.close());
  return made;
}

const identify = (inverter: InverterPort) => new Promise<Nameplate | InverterProblem>((done) => inverter.identify(done));
const read = (inverter: InverterPort) => new Promise<InverterReading | InverterProblem>((done) => inverter.read(done));
const limit = (inverter: InverterPort, share: number) => new Promise<InverterProblem | undefined>((done) => inverter.limit(share, done));
const readRegisters = (registers: RegisterPort, address = 40_000, count = 2) => new Promise<{ values: Uint16Array } | { problem: string }>((done) => registers.read(address, count, done));
const works = (inverter: InverterPort) => expect.poll(async () => read(inverter), { timeout: 5000 }).toHaveProperty("powerW");

describe.skipIf(noPymodbusReason).each(Object.entries(clients))(`CP-10 a SunSpec inverter on pymodbus, through %s${leftOut}`, (_name, client) => {
  // It takes its time to start.
  let running: SunSpecPeer;
  beforeAll(async () => void (running = await SunSpecPeer.start()));
  afterAll(() => running.close());

  async function identified(on = running, obeyWithinMs?: number) {
    const inverter = new SunSpecInverter(client(on.port), nodeTimers, obeyWithinMs);
    cleanUp.push(() => inverter.close());
    expect(await identify(inverter)).toEqual({ maker: "Other Maker", model: "PY 5000", serialNumber: "SN-1", nominalPowerW: 5000, limitShare: 100 });
    return inverter;
  }

  /** An inverter of which nothing is left of what was done before. */
  async function fresh(command: SunSpecPeerCommand = {}, obeyWithinMs?: number) {
    await running.command({ reset: true, ...command });
    return identified(running, obeyWithinMs);
  }

  test.each([40_000, 50_000, 0])("is found from register %i on", async (base) => {
    await identified(await peer({ base }));
  });

  test("has its readings read", async () => {
    const inverter = await fresh({ availableW: 3210, voltageV: 241.3 });
    await expect.poll(() => read(inverter)).toEqual({ powerW: 3210, voltageL1V: 241.3, voltageL2V: 241.3, voltageL3V: 241.3, frequencyHz: 50, energyWh: expect.any(Number) as number });
  });

  test("obeys a limit, which is confirmed when its power has come down and not before, and lifts it", async () => {
    const inverter = await fresh({ rampS: 1 });
    await expect.poll(() => read(inverter), { timeout: 5000 }).toMatchObject({ powerW: 5000 });
    expect(await limit(inverter, 42.5)).toBeUndefined();
    const [state] = await running.state();
    expect(state).toMatchObject({ limitShare: 42.5, enabled: true });
    expect(state!.powerW).toBeLessThanOrEqual(2125 + 100 + 10);
    expect(await limit(inverter, 100)).toBeUndefined();
    expect(await running.state()).toMatchObject([{ enabled: false }]);
    await expect.poll(() => read(inverter), { timeout: 5000 }).toMatchObject({ powerW: 5000 });
  });

  test.each<[string, SunSpecPeerCommand, RegExp]>([
    ["takes a limit and goes on as before", { ignore: true }, /feeds in 5000 W, limited to 1500 W, after 1000 ms/],
    ["drops what is written", { deaf: true }, /enabled 0/],
  ])("that %s does not obey", async (_what, command, detail) => {
    const inverter = await fresh({ rampS: 0, ...command }, 1000);
    expect(await limit(inverter, 30)).toEqual({ problem: "notObeyed", detail: expect.stringMatching(detail) as string });
  });

  test("that is silent is told so within the stated time, and read again once it is back", async () => {
    const inverter = await fresh();
    await running.command({ silent: true });
    const before = performance.now();
    expect(await read(inverter)).toMatchObject({ problem: "silent" });
    expect(performance.now() - before).toBeLessThan(timeoutMs + 1000);
    await running.command({ silent: false });
    await works(inverter);
  });

  test("that loses its power is silent, and read again once it is back", async () => {
    const failing = await peer();
    const inverter = await identified(failing);
    await failing.close();
    expect(await read(inverter)).toMatchObject({ problem: "silent" });
    await peer({ port: failing.port });
    await works(inverter);
  });

  test.each(["voltage", "power", "frequency", "scale", "sentinels", "count", "transaction", "bytes"] as const)("that answers nonsense (%s) gives no reading, and one again once it is sane", async (garbage) => {
    const inverter = await fresh();
    await running.command({ garbage });
    expect(await read(inverter)).toEqual({ problem: "nonsense", detail: expect.any(String) as string });
    await running.command({ garbage: null });
    await works(inverter);
  });

  test.each(["unit", "half"] as const)("that answers in the wrong way (%s) gives no reading, and one again once it is sane", async (garbage) => {
    const inverter = await fresh();
    await running.command({ garbage });
    expect(await read(inverter)).toHaveProperty("problem");
    await running.command({ garbage: null });
    await works(inverter);
  });
});

describe.skipIf(noPymodbusReason)(`CP-10 several units behind one address${leftOut}`, () => {
  test("a dead unit costs the others three timeouts, then nothing, and is asked again after its pause", async () => {
    const running = await peer({ units: [1, 2, 3] });
    const time = { ms: 0 };
    const bus = new ModbusBus({ port: running.port, timeoutMs, clock: { wallMs: () => time.ms, monotonicMs: () => time.ms, isSet: () => true } });
    cleanUp.push(() => bus.close());
    await running.command({ unit: 2, silent: true });
    const round = () => Promise.all([1, 2, 3].map((unit) => readRegisters(bus.unit(unit))));
    const good = { values: Uint16Array.of(0x5375, 0x6e53) };
    for (let i = 0; i < 3; i++) expect(await round()).toEqual([good, { problem: `silent: no answer within ${timeoutMs} ms` }, good]);
    const before = performance.now();
    for (let i = 0; i < 20; i++) {
      const [first, dead, third] = await round();
      expect([first, third]).toEqual([good, good]);
      expect(dead).toEqual({ problem: expect.stringContaining("unit 2 has been silent and is asked again in 5000 ms") as string });
    }
    expect(performance.now() - before).toBeLessThan((20 * timeoutMs) / 2);
    await running.command({ unit: 2, silent: false });
    time.ms += 5000;
    expect(await round()).toEqual([good, good, good]);
  });

  test("what a dead unit still waits for is given up with it: the others wait for three timeouts only", async () => {
    const running = await peer({ units: [1, 2] });
    const bus = new ModbusBus({ port: running.port, timeoutMs });
    cleanUp.push(() => bus.close());
    await running.command({ unit: 2, silent: true });
    const before = performance.now();
    const dead = Array.from({ length: 9 }, () => readRegisters(bus.unit(2)));
    const other = await readRegisters(bus.unit(1));
    expect(other).toHaveProperty("values");
    expect(performance.now() - before).toBeLessThan(3 * timeoutMs + 1000);
    const problems = (await Promise.all(dead)).map((result) => ("problem" in result ? result.problem : ""));
    expect(problems.every((problem) => problem.startsWith("silent: ") || problem.startsWith("busy: "))).toBe(true);
    expect(problems.filter((problem) => problem.startsWith("busy: ")).length).toBe(1);
  });

  test("a unit that answers nonsense does not disturb the others", async () => {
    const running = await peer({ units: [1, 2] });
    const bus = new ModbusBus({ port: running.port, timeoutMs });
    cleanUp.push(() => bus.close());
    await running.command({ unit: 2, garbage: "bytes" });
    for (let i = 0; i < 5; i++) {
      const [good, bad] = await Promise.all([readRegisters(bus.unit(1)), readRegisters(bus.unit(2))]);
      expect([good, bad]).toEqual([{ values: Uint16Array.of(0x5375, 0x6e53) }, { problem: expect.stringMatching(/^nonsense: /) as string }]);
    }
  });

  test("a unit that is asked for later is served too", async () => {
    const running = await peer({ units: [1, 2] });
    const bus = new ModbusBus({ port: running.port, timeoutMs });
    cleanUp.push(() => bus.close());
    expect(await readRegisters(bus.unit(1))).toHaveProperty("values");
    expect(await readRegisters(bus.unit(2))).toHaveProperty("values");
    expect(bus.unit(1)).toBe(bus.unit(1));
  });

  test("closing a unit tells whoever waits for it, closing the bus everybody, each once", async () => {
    const running = await peer({ units: [1, 2] });
    const bus = new ModbusBus({ port: running.port, timeoutMs });
    await running.command({ unit: 1, silent: true });
    const first = bus.unit(1);
    const waiting = [readRegisters(first), readRegisters(first)];
    const others = [readRegisters(bus.unit(2)), readRegisters(bus.unit(2))];
    first.close();
    first.close();
    for (const result of await Promise.all(waiting)) expect(result).toEqual({ problem: `closed: modbus 127.0.0.1:${running.port} unit 1` });
    bus.close();
    for (const result of await Promise.all([...others, readRegisters(bus.unit(2)), readRegisters(first)])) expect(result).toEqual({ problem: expect.stringMatching(/^closed: /) as string });
  });

  test("closing while it connects tells whoever waits, once", async () => {
    const bus = new ModbusBus({ timeoutMs });
    const waiting = readRegisters(bus.unit(1));
    bus.close();
    expect(await waiting).toEqual({ problem: "closed: modbus 127.0.0.1:502" });
  });

  test("nobody at the port is told at once, and while the connection is not tried again", async () => {
    const running = await peer();
    await running.close();
    const bus = new ModbusBus({ port: running.port, timeoutMs });
    cleanUp.push(() => bus.close());
    expect(await readRegisters(bus.unit(1))).toEqual({ problem: `silent: no connection to 127.0.0.1:${running.port}: ECONNREFUSED` });
    expect(await readRegisters(bus.unit(1))).toEqual({ problem: "silent: the connection failed a moment ago and is not tried again yet" });
  });

  test("what no register or unit can be is the caller's mistake", () => {
    const bus = new ModbusBus();
    cleanUp.push(() => bus.close());
    for (const call of [() => bus.unit(256), () => bus.unit(1).read(0, 126, () => {}), () => bus.unit(1).write(0, Array<number>(121).fill(0), () => {})])
      expect(call).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(() => new ModbusBus({ port: 0 })).toThrow(expect.objectContaining({ code: "bad-configuration" }));
  });
});
