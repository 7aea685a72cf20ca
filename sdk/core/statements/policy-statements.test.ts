/** Policies that owners sign, handed over to units away from the home of the series, and the attackers on them: three units in memory. */
import { describe, expect, test } from "vitest";
import { crypto, grant, power, registry, ThreeUnits } from "../../../tests/scenarios/three-units";
import { Names } from "../model/names";
import { policyFromText, type PolicyText } from "../model/policy";
import { resultName } from "../model/result";
import { StakeholderModule } from "../security/stakeholder-module";
import type { StakeholderCredential } from "../security/credential";
import { carryOperation } from "../wire/carry-body";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { StatementKind } from "../wire/statement-body";

const copies = [{ device: "meter", owner: "customer", home: "home" }];
const publishing = { publish: [{ variable: power, device: "meter", owner: "customer" }], publishEveryMs: 60_000 };

/** What a stakeholder signs. */
function signed(world: ThreeUnits, policy: PolicyText, { by = "customer", owner = "", device = "meter", variable = 0 } = {}): Uint8Array {
  const { credential, signing } = world.members.get(by)!;
  const module = new StakeholderModule({ crypto, registry }, credential as StakeholderCredential, { signing });
  if (!owner) return module.signPolicy(policy, device, variable);
  const names = new Names();
  const selector = { variable, device: names.id(device), owner: names.id(owner) };
  return module.sign({ kind: StatementKind.policy, names, sequence: policy.sequence, timeMs: undefined, selector, policy: policyFromText(policy, names) });
}

function handIn(world: ThreeUnits, statement: Uint8Array, at: "home" | "station" | "top" = "top"): string {
  let told = "";
  world.unit(at).handInPolicy(statement, ({ result }) => (told = resultName(result)));
  world.run();
  return told;
}

/** What a service of a stakeholder reads at the home. */
const reads = (world: ThreeUnits, stakeholder = "supplier") => world.query("top", "home", { stakeholder }).told;

describe("DI-3 SP-2 a policy that its owner has signed", () => {
  test.each(["home", "station", "top"] as const)("holds at the home from then on, handed over to the %s; what was kept before keeps its own", (at) => {
    const world = new ThreeUnits();
    world.write(1);
    expect(handIn(world, signed(world, grant(2, "advertiser")), at)).toBe("done");
    expect([reads(world), reads(world, "advertiser")]).toEqual([["1"], ["denied"]]);
    world.pass(1000);
    world.write(2);
    expect([reads(world), reads(world, "advertiser")]).toEqual([["1"], ["2"]]);
    expect(world.log).toEqual([]);
  });

  test("of a whole device holds for its series that come later too, and for one variable for that alone", () => {
    const world = new ThreeUnits();
    expect(handIn(world, signed(world, grant(3, "advertiser"), { variable: 2 }))).toBe("done");
    world.write(1);
    expect([reads(world), reads(world, "advertiser")]).toEqual([["1"], ["denied"]]);
    const later = new ThreeUnits();
    expect(handIn(later, signed(later, grant(2, "advertiser")))).toBe("done");
    later.write(1);
    expect([reads(later), reads(later, "advertiser")]).toEqual([["denied"], ["1"]]);
  });

  test("comes as often as anybody likes; an older one, and another of the same sequence, are refused, over restarts too", () => {
    const world = new ThreeUnits();
    world.write(1);
    const older = signed(world, grant(4, "supplier"));
    const newest = signed(world, grant(5, "advertiser"));
    expect([older, newest, newest, older].map((one) => handIn(world, one))).toEqual(["done", "done", "done", "stalePolicy"]);
    world.start("home");
    const again = [newest, older, signed(world, grant(5, "supplier")), signed(world, grant(5, "supplier"), { variable: power }), signed(world, grant(6, "supplier"))];
    expect(again.map((one) => handIn(world, one))).toEqual(["done", "stalePolicy", "stalePolicy", "stalePolicy", "done"]);
  });

  test("leaves alone what has got a newer one by itself", () => {
    const world = new ThreeUnits();
    world.write(1, world.nowMs, grant(7, "advertiser"));
    expect(handIn(world, signed(world, grant(5, "supplier")))).toBe("done");
    world.pass(1000);
    world.write(2);
    expect([reads(world, "advertiser"), reads(world)]).toEqual([["2"], ["denied"]]);
  });

  test("ends a subscription that it does not permit, and copies have it with what is published from then on", () => {
    const world = new ThreeUnits({ home: publishing, station: { copies }, top: { copies } });
    world.write(1);
    world.pass(120_000);
    expect(handIn(world, signed(world, grant(2, "advertiser")))).toBe("done");
    world.write(2);
    world.pass(120_000);
    expect([world.local("top"), world.local("top", { stakeholder: "advertiser" }), world.local("station", { stakeholder: "advertiser" })]).toEqual(["1", "2", "2"]);
  });

  test("is told where no way leads, and where nobody is the home", () => {
    const world = new ThreeUnits();
    expect([handIn(world, signed(world, grant(2), { device: "lamp" }), "home"), handIn(world, signed(world, grant(2), { device: "lamp" }))]).toEqual(["unknownLocation", "unknownLocation"]);
    world.cut(1);
    expect(handIn(world, signed(world, grant(2)))).toBe("linkLost");
    expect(() => world.unit("top").handInPolicy(new Uint8Array(9), () => {})).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});

describe("SP-2 SP-3 whoever changes a policy without the owner", () => {
  /** What the home says to a statement under a delegation to the top. */
  function underDelegation(service: string, rights = 3, device = "meter"): string {
    const world = new ThreeUnits();
    world.delegate("customer", "top", service, rights);
    for (const id of ["home", "top"] as const) world.start(id);
    const signatory = world.signatory("top");
    const { names } = world.unit("top");
    const delegation = signatory.delegation("customer", service, 1, [])!;
    const selector = { variable: 0, device: names.id(device), owner: names.id("customer") };
    const { bytes } = signatory.sign(delegation, { kind: StatementKind.policy, names, timeMs: undefined, selector, policy: { sequence: 2, entries: [] } });
    return handIn(world, bytes);
  }

  test("needs a delegation for policies, with the right to write", () => {
    expect([underDelegation("policy"), underDelegation("policy", 1), underDelegation("metering")]).toEqual(["done", "notTrusted", "notTrusted"]);
  });

  test.each<[string, (world: ThreeUnits) => Uint8Array, string]>([
    ["who is not the owner", (world) => signed(world, grant(9, "supplier"), { by: "supplier" }), "denied"],
    ["who is not the owner, in the owner's name", (world) => signed(world, grant(9, "supplier"), { by: "supplier", owner: "customer" }), "notTrusted"],
    ["the owner, of a device that is at home elsewhere", (world) => signed(world, grant(9, "supplier"), { device: "station" }), "unknownLocation"],
    ["the owner, of a variable that there is not", (world) => signed(world, grant(9, "supplier"), { variable: 9999 }), "unknownVariable"],
    ["a signature with one bit changed", (world) => signed(world, grant(9, "supplier")).map((byte, i, { length }) => (i === length - 9 ? byte ^ 1 : byte)), "notTrusted"],
  ])("%s: refused by the home, and nothing changes", (_what, make, expected) => {
    const world = new ThreeUnits({}, { lies: true });
    world.write(1);
    world.liar!.send("home", { op: carryOperation, statement: make(world) });
    world.run();
    expect(resultName(world.liar!.plain.at(-1) as 0)).toBe(expected);
    world.write(2, world.nowMs + 1);
    expect(world.unit("home").counters.instancesKept).toBe(2);
    expect(world.local("home")).toBe("2");
  });

  test("the policy of a statement cannot be taken out of it: nothing is left that anybody takes", () => {
    const world = new ThreeUnits({}, { lies: true });
    const [header, unprotected, payload, signature] = decodeCbor(signed(world, grant(2, "advertiser"))) as [Uint8Array, CborValue, Uint8Array, Uint8Array];
    const body = decodeCbor(payload) as Map<number, CborValue>;
    expect(body.delete(28)).toBe(true);
    world.liar!.send("home", { op: carryOperation, statement: encodeCbor([header, unprotected, encodeCbor(body), signature]) });
    world.run();
    expect(resultName(world.liar!.plain.at(-1) as 0)).toBe("malformed");
  });
});
