/** Copies on a disk whose proofs outlive the delegation under which they were signed: three units, started anew with the stores that they had. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type GatewayStore } from "@ebalance/gateway";
import { afterEach, describe, expect, test } from "vitest";
import { power, ThreeUnits, type UnitName } from "./three-units";

const copies = [{ device: "meter", owner: "customer", home: "home" }];
const configs = { home: { publish: [{ variable: power, device: "meter", owner: "customer" }], publishEveryMs: 60_000 }, station: { copies }, top: { copies } };
const all = ["home", "station", "top"] as const;

class OnDisk extends ThreeUnits {
  readonly folder = mkdtempSync(join(tmpdir(), "copies-"));
  readonly #stores = new Map<UnitName, GatewayStore>();

  constructor(private readonly engine: "sqlite" | "frames", private readonly samplesPerSeries: number) {
    super(configs, { rights: { home: 1 } });
  }

  async restart(...ids: readonly UnitName[]): Promise<void> {
    for (const id of ids) {
      this.#stores.get(id)?.close();
      const store = await openStore({ folder: join(this.folder, id), engine: this.engine, samplesPerSeries: this.samplesPerSeries, log: () => {} });
      this.#stores.set(id, store);
      this.keepIn(id, store);
      this.start(id);
    }
    this.run();
  }

  end(): void {
    this.units.forEach((unit) => unit.close());
    this.#stores.forEach((store) => store.close());
    rmSync(this.folder, { recursive: true });
  }

  /** As many instances, a second apart. */
  measure(count: number, from = 0): void {
    for (let i = 0; i < count; i++) {
      this.nowMs += 1000;
      this.write(from + i);
    }
    this.pass(120_000);
  }

  count(at: "station" | "top"): string {
    return this.local(at, { stakeholder: "customer", service: "display", code: 5 });
  }

  proofs(at: UnitName) {
    return this.store(at).statements!.of(0, -Infinity, Infinity);
  }
}

let units: OnDisk;
afterEach(() => units.end());

describe.each(["sqlite", "frames"] as const)("SP-1 SP-2 copies on a disk: %s", (engine) => {
  /** Three units with 70 instances published, under a delegation that ends ten minutes later. */
  async function published(samples = 1000, given: object = {}): Promise<number> {
    units = new OnDisk(engine, samples);
    const endS = Math.floor(units.nowMs / 1000) + 600;
    units.delegate("customer", "home", "home", 3, { expiresS: endS, ...given });
    await units.restart(...all);
    units.measure(70);
    expect([units.count("station"), units.count("top")]).toEqual(["70", "70"]);
    return endS;
  }

  test("a copy goes on serving what it has after the delegation was renewed and has expired, and after a restart, with its home away", async () => {
    const endS = await published();
    units.cut(1);
    units.pass(700_000);
    units.delegate("customer", "home", "home", 3, { issuedS: endS + 1 });
    await units.restart("station", "top");
    units.cut(1);
    expect([units.count("station"), units.count("top"), units.local("top"), units.unit("top").statementsOf("meter", power, 0, Infinity).length]).toEqual(["70", "70", "69", 2]);
    const before = units.proofs("home").length;
    await units.restart("home");
    units.measure(1, 100);
    units.pass(1_200_000);
    // Home reads its own as well: it signs the newest anew, which it cannot know to have arrived, and no other.
    expect([units.count("top"), units.local("top"), units.proofs("home").length - before]).toEqual(["71", "100", 2]);
  });

  test("what was signed under a delegation that is revoked is served no more, after a restart either, until its home publishes it under the next", async () => {
    await published();
    units.revoke("customer", "home", 2);
    expect([units.count("top"), units.local("top")]).toEqual(["noData", "noData"]);
    await units.restart("top");
    expect([units.count("top"), units.unit("top").statementsOf("meter", power, 0, Infinity)]).toEqual(["noData", []]);
    const told = units.log.filter((line) => line.includes("is not served"));
    expect([told.length, new Set(told)]).toEqual([2, new Set(["top: a kept statement about activeEnergyImport of meter is not served: the delegation to home is revoked: epoch 1, at least 2 counts"])]);
    units.delegate("customer", "home", "home", 3, { epoch: 2 });
    await units.restart(...all);
    units.pass(1_200_000);
    expect([units.count("station"), units.count("top"), units.local("top", { stakeholder: "advertiser" })]).toEqual(["70", "70", "denied"]);
  });

  test("the credentials of signers are kept once each, and go with the last statement that needs them", async () => {
    const endS = await published(100);
    units.pass(700_000);
    units.delegate("customer", "home", "home", 3, { issuedS: endS + 1 });
    await units.restart(...all);
    const signers = () => new Set(units.proofs("top").map(({ signer }) => signer.join())).size;
    units.measure(40, 100);
    expect(signers()).toBe(2);
    units.measure(100, 200);
    expect([signers(), units.count("top"), units.local("top")]).toEqual([1, "100", "299"]);
  });

  test.each<[string, () => Uint8Array]>([
    ["no", () => new Uint8Array(0)],
    ["another delegate's", () => units.signatory("top").kept.chainOf(units.signatory("top").delegation("supplier", "billing", 1, [])!.id)],
  ])("with %s credentials on the disk in place of its signer's a statement proves nothing", async (_whose, chain) => {
    await published();
    const { statements } = units.store("top");
    const of = statements!.of.bind(statements);
    (statements as { of: typeof of }).of = (...asked) => of(...asked).map((one) => ({ ...one, signer: chain() }));
    units.start("top");
    expect(units.count("top")).toBe("noData");
  });
});
