import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TimerPort } from "../../client/driver";
import type { InverterProblem, InverterReading, Nameplate } from "../../services/der/inverter-port";
import type { RegisterPort } from "./register-port";
import { SunSpecInverter } from "./sunspec-inverter";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timers: TimerPort = { after: (ms, callback) => setTimeout(callback, ms), cancel: (timer) => clearTimeout(timer as NodeJS.Timeout) };
const refused = "refused: illegal data address (exception 2)";

/** Registers in memory; a test looks at them, changes them, and sees what is written. */
class Registers implements RegisterPort {
  readonly name = "registers";
  readonly words = new Map<number, number>();
  readonly written: { address: number; values: readonly number[] }[] = [];
  problem: string | undefined;
  reads = 0;
  atOnce = 0;
  onWrite: (() => void) | undefined;

  put(address: number, values: readonly number[]): this {
    values.forEach((value, i) => this.words.set(address + i, value));
    return this;
  }

  read(address: number, count: number, done: (result: { values: Uint16Array } | { problem: string }) => void): void {
    this.reads++;
    this.#later(() => {
      const values = Array.from({ length: count }, (_, i) => this.words.get(address + i));
      if (this.problem !== undefined) done({ problem: this.problem });
      else done(values.includes(undefined) ? { problem: refused } : { values: Uint16Array.from(values as number[]) });
    });
  }

  write(address: number, values: readonly number[], done: (problem: string | undefined) => void): void {
    this.#later(() => {
      if (this.problem === undefined) this.put(address, values);
      this.written.push({ address, values });
      this.onWrite?.();
      done(this.problem);
    });
  }

  close(): void {
    this.problem = "closed: registers";
  }

  #later(action: () => void): void {
    expect(++this.atOnce).toBe(1);
    setTimeout(() => {
      this.atOnce--;
      action();
    }, 1);
  }
}

const text = (value: string, length: number) => Array.from({ length }, (_, i) => ((value.charCodeAt(2 * i) || 0) << 8) | (value.charCodeAt(2 * i + 1) || 0));
const blank = (count: number) => Array<number>(count).fill(0xffff);
const float = (value: number) => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
};
const marker = [0x5375, 0x6e53];
const common = [1, 66, ...text("Maker", 16), ...text("Model 5", 16), ...text("", 8), ...text("", 8), ...text("SN 1", 16), 1, 0];
const end = [0xffff, 0];
const tenths = 0xffff;
const hundredths = 0xfffe;
/** 4.2 kW at 231.5 V, 230 V, 229.8 V. */
const threePhases = [103, 50, ...blank(8), 2315, 2300, 2298, tenths, 420, 1, 4999, hundredths, ...blank(6), 1, 0, 0, ...blank(25)];
const nameplate = [120, 26, 4, 500, 1, ...blank(23)];
const settings = (watts: number) => [121, 30, watts, ...blank(19), 0, ...blank(9)];
const controls = (scale = hundredths) => [123, 24, 0, 0, 1, 10_000, 0, 0, 0xffff, 0, ...blank(13), scale, 0, 0];
const limitedTo = (steps: number, enabled: number) => [...controls().slice(0, 5), steps, ...controls().slice(6, 9), enabled, ...controls().slice(10)];
const derMeasurement = [701, 153, ...blank(8), 300, ...blank(6), 0, 50_000, 0, 0, 0, 77, ...blank(24), 2310, ...blank(22), 2320, ...blank(22), 0xffff, ...blank(20), tenths, 0xfffd, 1, ...blank(3), 0, ...blank(34)];
const derCapacity = [702, 50, 600, ...blank(23), 500, ...blank(18), 1, ...blank(6)];
const derControls = [704, 57, ...blank(12), 0, 1000, 1000, 0, 0, 0, 0, 0, ...blank(32), tenths, ...blank(4)];

const models = (...blocks: number[][]) => [...marker, ...common, ...blocks.flat(), ...end];
const usual = models(threePhases, nameplate, controls());
const limitAddress = 40_000 + usual.length - end.length - 26 + 5;

function inverterOn(words: readonly number[], base = 40_000, obeyWithinMs?: number) {
  const registers = new Registers().put(base, words);
  return { registers, inverter: new SunSpecInverter(registers, timers, obeyWithinMs) };
}

/** Makes a call and lives on until it has called back. */
function outcome<T>(call: (done: (result: T) => void) => void): T {
  const told: T[] = [];
  call((result) => told.push(result));
  expect(told).toEqual([]);
  vi.runAllTimers();
  expect(told.length).toBe(1);
  return told[0]!;
}
const identify = (inverter: SunSpecInverter) => outcome<Nameplate | InverterProblem>((done) => inverter.identify(done));
const read = (inverter: SunSpecInverter) => outcome<InverterReading | InverterProblem>((done) => inverter.read(done));
const limit = (inverter: SunSpecInverter, share: number) => outcome<InverterProblem | undefined>((done) => inverter.limit(share, done));

function identified(words: readonly number[] = usual, obeyWithinMs?: number) {
  const made = inverterOn(words, 40_000, obeyWithinMs);
  expect(identify(made.inverter)).toHaveProperty("nominalPowerW");
  return made;
}

describe("what an inverter is", () => {
  test.each([40_000, 50_000, 0])("its models are found from register %i on", (base) => {
    expect(identify(inverterOn(usual, base).inverter)).toEqual({ maker: "Maker", model: "Model 5", serialNumber: "SN 1", nominalPowerW: 5000, limitShare: 100 });
  });

  test.each<[string, number[], number]>([
    ["the maximum that was set", models(threePhases, nameplate, settings(4600)), 4600],
    ["the nameplate where none was set", models(threePhases, nameplate, settings(0xffff)), 5000],
    ["the maximum of a DER", models(derMeasurement, derCapacity), 5000],
  ])("its nominal power is %s", (_what, words, nominalPowerW) => expect(identify(inverterOn(words).inverter)).toMatchObject({ nominalPowerW }));

  test.each<[string, number[], number]>([
    ["none that could be", models(threePhases, nameplate), 100],
    ["none that is enabled", models(threePhases, nameplate, limitedTo(1000, 0)), 100],
    ["that of its controls", models(threePhases, nameplate, limitedTo(1050, 1)), 10.5],
    ["off", models(threePhases, nameplate, limitedTo(0, 1)), 0],
    ["one above all", models(threePhases, nameplate, limitedTo(12_000, 1)), 100],
    ["one that is not implemented", models(threePhases, nameplate, limitedTo(0xffff, 1)), 100],
    ["that of a DER", models(derMeasurement, derCapacity, [...derControls.slice(0, 14), 1, 333, ...derControls.slice(16)]), 33.3],
  ])("its present limit is %s", (_what, words, limitShare) => expect(identify(inverterOn(words).inverter)).toMatchObject({ limitShare }));

  test.each<[string, number[], string, string]>([
    ["no marker", [1, 2, 3], "unsupported", "no SunSpec marker"],
    ["no inverter", models(nameplate), "unsupported", "one of 101"],
    ["an inverter model that is too short", models([103, 10, ...blank(10)], nameplate), "unsupported", "in full length"],
    ["no nominal power", models(threePhases), "unsupported", "how much it can feed in"],
    ["a first model that is not common", [...marker, ...threePhases, ...end], "nonsense", "first model is 103"],
    ["nothing after the marker", marker, "nonsense", "first model is missing"],
    ["a nominal power of nothing", models(threePhases, [120, 26, 4, 0, 0, ...blank(23)]), "nonsense", "capacity"],
    ["models without end", [...marker, ...common, ...Array.from({ length: 100 }, () => [64_001, 0]).flat()], "nonsense", "no end marker after 64 models"],
    ["a model that reaches beyond the last register", [...marker, ...common, 64_001, 65_000], "nonsense", "no end marker"],
  ])("%s is told", (_what, words, problem, detail) => {
    const { inverter, registers } = inverterOn(words);
    expect(identify(inverter)).toEqual({ problem, detail: expect.stringContaining(detail) as string });
    expect(registers.reads).toBeLessThan(80);
  });

  test("models without an end marker are taken where nothing more follows", () => {
    expect(identify(inverterOn(usual.slice(0, -2)).inverter)).toMatchObject({ nominalPowerW: 5000 });
  });

  test.each([["silent: no answer within 2000 ms", "silent"], ["nonsense: protocol 7, not 0", "nonsense"]])("%s is passed on, without further questions", (problem, expected) => {
    const { inverter, registers } = inverterOn(usual);
    registers.problem = problem;
    expect(identify(inverter)).toEqual({ problem: expected, detail: problem });
    expect(registers.reads).toBe(1);
  });
});

describe("what an inverter measures", () => {
  test.each<[string, number[], Partial<InverterReading>]>([
    ["three phases in integers", models(threePhases, nameplate), { powerW: 4200, voltageL1V: 231.5, voltageL2V: 230, voltageL3V: 229.8, frequencyHz: 49.99, energyWh: 65_536 }],
    ["one phase", models([101, ...threePhases.slice(1, 11), 0xffff, 0xffff, ...threePhases.slice(13)], nameplate), { voltageL1V: 231.5, voltageL2V: undefined, voltageL3V: undefined }],
    ["in floats", models([113, 60, ...blank(14), ...float(231.5), ...float(230.25), ...float(NaN), ...float(4200), ...float(50), ...blank(6), ...float(1024), ...blank(28)], nameplate), { powerW: 4200, voltageL1V: 231.5, voltageL2V: 230.25, voltageL3V: undefined, frequencyHz: 50, energyWh: 1024 }],
    ["a DER", models(derMeasurement, derCapacity), { powerW: 3000, voltageL1V: 231, voltageL2V: 232, voltageL3V: undefined, frequencyHz: 50, energyWh: 77 }],
    ["a little drawn at night is no infeed", models([...threePhases.slice(0, 14), 0xffff, ...threePhases.slice(15)], nameplate), { powerW: 0 }],
  ])("%s", (_what, words, expected) => expect(read(identified(words).inverter)).toMatchObject(expected));

  test.each<[string, number, number, string]>([
    ["6000 V", 10, 60_000, "voltage"],
    ["ten times the nominal power", 14, 5000, "power"],
    ["as much power drawn", 14, 0x10000 - 5000, "power"],
    ["150 Hz", 16, 15_000, "frequency"],
    ["a scale factor of 300", 15, 300, "scale factor"],
    ["no power at all", 14, 0x8000, "not implemented"],
    ["another model than before", 0, 104, "model 104"],
  ])("%s is nonsense and no reading", (_what, at, word, detail) => {
    const { inverter, registers } = identified();
    registers.put(40_070 + at, [word]);
    expect(read(inverter)).toEqual({ problem: "nonsense", detail: expect.stringContaining(detail) as string });
  });

  test("an inverter that was not identified is not read", () => {
    expect(read(inverterOn(usual).inverter)).toMatchObject({ problem: "unsupported" });
  });
});

describe("a limit", () => {
  test("is written at once with its switch and never to end by itself, and counts when the registers say so and the power has come down", () => {
    const { inverter, registers } = identified();
    registers.onWrite = () => setTimeout(() => registers.put(40_084, [250]), 3000);
    const told: unknown[] = [];
    inverter.limit(50, (problem) => told.push(problem));
    vi.advanceTimersByTime(2900);
    expect([told, registers.written]).toEqual([[], [{ address: limitAddress, values: [5000, 0, 0, 0xffff, 1] }]]);
    vi.advanceTimersByTime(700);
    expect([told, vi.getTimerCount()]).toEqual([[undefined], 0]);
  });

  test.each([
    [hundredths, 33.339, 3333],
    [0, 57.9, 57],
    [1, 57, 5],
    [tenths, 29.3, 293],
  ])("with the scale factor %i, %d %% becomes %i: never more than was asked", (scale, share, steps) => {
    const { inverter, registers } = identified(models(threePhases, nameplate, controls(scale)));
    registers.onWrite = () => registers.put(40_084, [0]);
    expect(limit(inverter, share)).toBeUndefined();
    expect(registers.written[0]!.values[0]).toBe(steps);
  });

  test("of 100 % lifts it: nothing is watched", () => {
    const { inverter, registers } = identified();
    expect(limit(inverter, 100)).toBeUndefined();
    expect(registers.written).toEqual([{ address: limitAddress, values: [10_000, 0, 0, 0xffff, 0] }]);
  });

  test("on a DER is written into its own model, and never reverts to more", () => {
    const { inverter, registers } = identified(models(derMeasurement, derCapacity, derControls));
    registers.onWrite = () => registers.put(40_080, [100]);
    expect(limit(inverter, 20)).toBeUndefined();
    expect(registers.written).toEqual([{ address: 40_070 + 155 + 52 + 14, values: [1, 200, 200, 1, 0, 0] }]);
  });

  test("ends a time to revert from before", () => {
    const { inverter, registers } = identified();
    registers.put(limitAddress, [3000, 0, 110, 0, 1]).put(40_084, [0]);
    expect(limit(inverter, 30)).toBeUndefined();
    expect(registers.written[0]!.values).toEqual([3000, 0, 0, 0, 1]);
  });

  test.each([["2 % of nominal and noise above it", 260, undefined], ["more above it", 262, "notObeyed"]])("%s", (_what, tensOfW, problem) => {
    const { inverter, registers } = identified(models([...threePhases.slice(0, 14), tensOfW, ...threePhases.slice(15)], nameplate, controls()));
    expect(limit(inverter, 49.8)?.problem).toBe(problem);
    expect(registers.written.length).toBe(1);
  });

  test("that has no effect within the stated time is not obeyed", () => {
    const { inverter } = identified(usual, 4000);
    const before = Date.now();
    expect(limit(inverter, 50)).toEqual({ problem: "notObeyed", detail: "feeds in 4200 W, limited to 2500 W, after 4000 ms" });
    expect(Date.now() - before).toBeLessThan(4600);
  });

  test("that the registers do not keep is not obeyed", () => {
    const { inverter, registers } = identified();
    registers.onWrite = () => registers.put(limitAddress + 4, [0]);
    expect(limit(inverter, 50)).toMatchObject({ problem: "notObeyed", detail: expect.stringContaining("enabled 0") as string });
  });

  test("that is enabled with another value than was written is not obeyed, however little it feeds in now", () => {
    const { inverter, registers } = identified();
    registers.onWrite = () => registers.put(limitAddress, [6000]).put(40_084, [0]);
    expect(limit(inverter, 50)).toMatchObject({ problem: "notObeyed", detail: "limit 6000, enabled 1 where 5000, 1 were written" });
  });

  test.each([[refused, "notObeyed"], ["silent: no answer within 2000 ms", "silent"]])("whose writing ends with %s", (problem, expected) => {
    const { inverter, registers } = identified();
    const write = registers.write.bind(registers);
    registers.write = (address, values, done) => {
      registers.problem = problem;
      write(address, values, done);
    };
    expect(limit(inverter, 50)).toEqual({ problem: expected, detail: problem });
  });

  test("during which the inverter falls silent ends with that", () => {
    const { inverter, registers } = identified();
    registers.onWrite = () => setTimeout(() => (registers.problem = "silent: no answer within 2000 ms"), 1000);
    expect(limit(inverter, 50)).toMatchObject({ problem: "silent" });
  });

  test("is unsupported where there is no model for it", () => {
    expect(limit(identified(models(threePhases, nameplate)).inverter, 50)).toMatchObject({ problem: "unsupported" });
  });

  test.each([-1, 100.5, NaN])("of %d %% is the caller's mistake", (share) => {
    const { inverter } = identified();
    expect(() => inverter.limit(share, () => {})).toThrow(expect.objectContaining({ code: "bad-argument" }));
  });
});

describe("calls", () => {
  test("never overlap: the second is the caller's mistake, and the first goes on", () => {
    const { inverter } = identified();
    const told: unknown[] = [];
    inverter.read((result) => told.push(result));
    expect(() => inverter.read(() => {})).toThrow(expect.objectContaining({ code: "bad-argument" }));
    vi.runAllTimers();
    expect(told.length).toBe(1);
  });

  test("the next may be made from inside the callback", () => {
    const { inverter } = identified();
    let told = 0;
    inverter.read(() => inverter.read(() => told++));
    vi.runAllTimers();
    expect(told).toBe(1);
  });

  test.each([0, 1, 2, 3, 4, 700])("whoever waits is told once when it is closed after %i ms, and no timer is left", (ms) => {
    const { inverter, registers } = identified();
    const told: unknown[] = [];
    inverter.limit(50, (problem) => told.push(problem));
    vi.advanceTimersByTime(ms);
    inverter.close();
    inverter.close();
    vi.runAllTimers();
    expect(told).toEqual([{ problem: "silent", detail: "closed" }]);
    expect([vi.getTimerCount(), registers.problem]).toEqual([0, "closed: registers"]);
    expect(read(inverter)).toEqual({ problem: "silent", detail: "closed" });
  });

  test("whatever stands in the registers, every call calls back once and asks a bounded number of times", () => {
    const word = fc.oneof(fc.constantFrom(0, 1, 101, 103, 120, 123, 0x8000, 0xffff), fc.nat(0xffff));
    const change = fc.tuple(fc.nat(usual.length - 1), word);
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.array(change, { maxLength: 5 }), (changes, later) => {
        const { inverter, registers } = inverterOn(usual);
        for (const [at, value] of changes) registers.put(40_000 + at, [value]);
        identify(inverter);
        for (const [at, value] of later) registers.put(40_000 + at, [value]);
        const reading = read(inverter);
        if (!("problem" in reading)) expect(reading.powerW).toBeGreaterThanOrEqual(0);
        limit(inverter, 50);
        expect(registers.reads).toBeLessThan(120);
      }),
      { numRuns: 200 },
    );
  });
});
