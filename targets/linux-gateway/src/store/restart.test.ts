/** A unit on a store goes on after a power cut: with its series, policies and samples, and with the minimum delays that it owes. */
import { DataInterface, Registry, standardVariables, UnitDriver, type PolicyText, type ServiceText } from "ebalance";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { NodeCrypto } from "../node-crypto";
import { nodeTimers } from "../node-ports";
import { copyOf, engines, newFolder, removeFolders, type Engine, type Opened } from "./test-stores";

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const end of cleanUp.splice(0).reverse()) end();
});
afterAll(removeFolders);

const grant = (sequence: number, ...stakeholders: string[]): PolicyText => ({
  sequence,
  entries: [{ rights: "read", minDelayS: 5, grantees: stakeholders.map((stakeholder) => ({ stakeholder, service: "reading" })) }],
});
const power = { variable: "activePower", device: "meter", owner: "customer" };
let nowMs = 1_790_000_000_000;

/** A home with one meter, on the clock of the test. */
function home(engine: Engine, folder: string) {
  const opened: Opened = engine.open(folder);
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs, isSet: () => true };
  const driver = new UnitDriver({ id: "home", registry: new Registry(standardVariables) }, { clock, crypto: new NodeCrypto(), store: opened.store, log: () => {} }, nodeTimers);
  driver.unit.enrol("meter", "customer");
  driver.unit.setDefaultPolicy("customer", { sequence: 1, entries: [] });
  cleanUp.push(() => opened.store.close(), () => driver.close());
  const as = (source: ServiceText) => new DataInterface(driver.unit, source);
  return {
    opened,
    meter: as({ service: "metering", stakeholder: "customer", device: "meter" }),
    supplier: as({ service: "reading", stakeholder: "supplier" }),
    operator: as({ service: "reading", stakeholder: "operator" }),
    customer: as({ service: "display", stakeholder: "customer" }),
    /** The same home after a power cut at this moment. */
    afterPowerCut: () => {
      driver.close();
      opened.store.close();
      return home(engine, copyOf(folder));
    },
  };
}

for (const engine of engines)
  describe.skipIf(engine.reason)(`CP-6 a unit on a store: ${engine.name}${engine.reason && ` (left out: ${engine.reason})`}`, () => {
    test("goes on with what was kept: newest values, policies in force and before, their sequence", async () => {
      const before = home(engine, newFolder());
      await before.meter.write({ ...power, value: 100, policy: grant(3, "supplier", "operator") });
      nowMs += 10_000;
      await before.meter.write({ ...power, value: 200, policy: grant(4, "supplier") });
      before.opened.timers.fire();
      const { meter, supplier, operator, customer } = before.afterPowerCut();
      const [last] = (await customer.query(power)).readings;
      expect([last?.value, last?.timeMs]).toEqual([200, nowMs]);
      nowMs += 5000;
      expect((await supplier.query(power)).readings.map((reading) => reading.value)).toEqual([200]);
      // What the operator was granted of the past still is; of what came after, nothing.
      expect((await operator.query(power)).readings.map((reading) => reading.value)).toEqual([100]);
      expect((await meter.write({ ...power, value: 300, policy: grant(2, "operator") })).result).toBe("stalePolicy");
      expect((await meter.write({ ...power, value: 300 })).readings[0]?.policyHash).toEqual(last?.policyHash);
    });

    test("SP-2 a restart gives nobody a second access within the minimum delay", async () => {
      const before = home(engine, newFolder());
      await before.meter.write({ ...power, value: 100, policy: grant(3, "supplier") });
      nowMs += 5000;
      expect((await before.supplier.query(power)).result).toBe("done");
      before.opened.timers.fire();
      nowMs += 1000;
      const { supplier } = before.afterPowerCut();
      expect(await supplier.query(power)).toMatchObject({ result: "tooEarly", retryAfterMs: 5000 });
      nowMs += 5000;
      expect((await supplier.query(power)).readings[0]?.value).toBe(100);
    });

    test("the same instance again, because its acknowledgement was lost in the power cut, is kept once", async () => {
      const before = home(engine, newFolder());
      const instance = { ...power, value: 100, timeMs: nowMs - 500, policy: grant(3, "supplier") };
      await before.meter.write(instance);
      before.opened.timers.fire();
      const after = before.afterPowerCut();
      expect((await after.meter.write(instance)).result).toBe("done");
      expect((await after.customer.query({ ...power, function: "count" })).readings[0]?.value).toBe(1);
    });

    test("a series that nothing was written to yet keeps its place: those made after it have theirs", async () => {
      const before = home(engine, newFolder());
      const switchState = { ...power, variable: "switchState" };
      expect((await before.customer.event(switchState).accepted).result).toBe("done");
      await before.meter.write({ ...power, value: 100 });
      before.opened.timers.fire();
      const after = before.afterPowerCut();
      expect(after.opened.log).toEqual([]);
      expect((await after.customer.query(power)).readings[0]?.value).toBe(100);
      expect((await after.customer.query(switchState)).result).toBe("noData");
    });

    test("any number of restarts adds no policy and no series", async () => {
      let unit = home(engine, newFolder());
      for (let i = 0; i < 5; i++) {
        expect((await unit.meter.write({ ...power, value: i, timeMs: nowMs - 100 + i, policy: grant(3, "supplier") })).result).toBe("done");
        unit.opened.timers.fire();
        unit = unit.afterPowerCut();
      }
      const { series, policies } = unit.opened.store.catalogue.restore();
      expect([series.length, policies.filter((one) => one).length]).toEqual([1, 2]);
    });
  });
