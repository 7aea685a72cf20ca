import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { feederVoltageV, SimulatedInverter } from "./inverter-physics";

function inverter(availableW: number, rampMs = 1000) {
  const made = new SimulatedInverter({ nominalW: 5000, rampMs, riseVPerKw: 2 }, 0);
  made.availableW = availableW;
  return made;
}

describe("a simulated inverter", () => {
  test("goes to what the sun gives at the speed of its ramp, and never above nominal", () => {
    const sunny = inverter(9000);
    sunny.advance(400);
    expect(sunny.powerW).toBe(2000);
    sunny.advance(5000);
    expect(sunny.powerW).toBe(5000);
    sunny.availableW = 0;
    sunny.advance(5100);
    expect(sunny.powerW).toBe(4500);
  });

  test("without a ramp it is there at once", () => {
    const quick = inverter(4000, 0);
    quick.advance(1);
    expect(quick.powerW).toBe(4000);
  });

  test("obeys a limit while it is in force, and comes back when its time has run out, wherever the steps lie", () => {
    const limited = inverter(5000);
    limited.advance(1000);
    limited.limit(30, true, 10);
    limited.advance(3000);
    expect([limited.powerW, limited.limited]).toEqual([1500, true]);
    limited.advance(11_100);
    expect([limited.powerW, limited.limited]).toEqual([2000, false]);
    limited.advance(12_000);
    expect(limited.powerW).toBe(5000);
  });

  test("a limit without a time to revert stays until it is lifted", () => {
    const limited = inverter(5000);
    limited.limit(0, true, 0);
    limited.advance(1e9);
    expect(limited.powerW).toBe(0);
    limited.limit(0, false, 0);
    limited.advance(1e9 + 1000);
    expect(limited.powerW).toBe(5000);
  });

  test("counts what it feeds in", () => {
    const counted = inverter(3600, 0);
    counted.advance(1);
    const before = counted.energyWh;
    counted.advance(1 + 60_000);
    expect(counted.energyWh - before).toBeCloseTo(60, 6);
  });

  test("whatever it is told, its power is from 0 to nominal and its energy never falls", () => {
    const step = fc.record({ ms: fc.nat(5000), availableW: fc.nat(10_000), share: fc.nat(100), limited: fc.boolean(), revertS: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const any = inverter(0);
        let [atMs, energyWh] = [0, 0];
        for (const { ms, availableW, share, limited, revertS } of steps) {
          any.availableW = availableW;
          any.limit(share, limited, revertS);
          any.advance((atMs += ms));
          expect(any.powerW >= 0 && any.powerW <= 5000 && any.energyWh >= energyWh).toBe(true);
          energyWh = any.energyWh;
        }
      }),
    );
  });
});

test("what each inverter feeds in raises the voltage of the feeder", () => {
  const [one, other] = [inverter(5000, 0), inverter(2000, 0)];
  expect(feederVoltageV(231, [one, other])).toBe(231);
  for (const fed of [one, other]) fed.advance(1);
  expect(feederVoltageV(231, [one, other])).toBe(245);
});
