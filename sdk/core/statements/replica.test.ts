/** Copies of a home's series at the units above, and the attackers on them: three units in memory, with restarts. */
import { describe, expect, test } from "vitest";
import { grant, power, ThreeUnits } from "../../../tests/scenarios/three-units";
import { otherSignature } from "../../../tests/vectors/second-opinion";
import { Result, resultName } from "../model/result";
import { policyFromText, type PolicyText } from "../model/policy";
import type { Names } from "../model/names";
import { carryOperation, type CarriedBody } from "../wire/carry-body";
import { Operation } from "../wire/session-body";
import { StatementKind, type DataStatement } from "../wire/statement-body";

const copies = [{ device: "meter", owner: "customer", home: "home" }];
const publishing = { publish: [{ variable: power, device: "meter", owner: "customer" }], publishEveryMs: 60_000 };
const world = (lies = false) => new ThreeUnits({ home: publishing, station: { copies }, top: { copies } }, { lies });
const isCarry = (body: CarriedBody): body is CarriedBody & { readonly op: 9; readonly statement: Uint8Array } => body.op === carryOperation && "statement" in body;

/** As many instances, a second apart. */
function measure(units: ThreeUnits, count: number, from = 0): void {
  for (let i = 0; i < count; i++) {
    units.nowMs += 1000;
    units.write(from + i);
  }
}
const countOf = (units: ThreeUnits, at: "station" | "top") => units.local(at, { stakeholder: "customer", service: "display", code: 5 });

describe("SP-1 SP-2 series that their home publishes", () => {
  test("reach every unit on the way that keeps copies, in batches, once each, and are served there under the owner's policy", () => {
    const units = world();
    measure(units, 150);
    units.pass(120_000);
    expect([countOf(units, "station"), countOf(units, "top")]).toEqual(["150", "150"]);
    expect([units.local("top"), units.local("top", { stakeholder: "advertiser" }), units.local("station", { service: "marketing" })]).toEqual(["149", "denied", "denied"]);
    expect(units.unit("top").statementsOf("meter", power, 0, Infinity).length).toBe(3);
    expect(units.log).toEqual([]);
  });

  test("a policy that changes closes a batch, and holds at the copies from its instance on", () => {
    const units = world();
    measure(units, 3);
    units.write(100, (units.nowMs += 1000), grant(2, "advertiser"));
    units.pass(120_000);
    expect([units.local("top", { stakeholder: "advertiser" }), units.local("top"), countOf(units, "top")]).toEqual(["100", "2", "4"]);
  });

  test("nothing is lost and nothing doubled by lost links and restarts of any unit", () => {
    const units = world();
    for (let round = 0; round < 12; round++) {
      measure(units, 20, round * 20);
      if (round % 4 === 0) units.cut(1 + (round % 2));
      if (round % 3 === 1) units.start((["home", "station", "top"] as const)[round % 3]!);
      if (round % 4 === 2) for (const kid of [1, 2]) units.reconnect(kid);
      units.pass(30_000);
    }
    for (const kid of [1, 2]) units.reconnect(kid);
    units.pass(1_200_000);
    expect([countOf(units, "station"), countOf(units, "top")]).toEqual(["240", "240"]);
  });

  test("a clock that was ahead for a while holds up nothing but what was measured by it", () => {
    const units = world();
    measure(units, 3);
    units.pass(120_000);
    units.homeAheadMs = 6 * 3_600_000;
    for (let i = 0; i < 3; i++) units.write(300 + i, (units.nowMs += 1000) + units.homeAheadMs);
    units.pass(120_000);
    units.homeAheadMs = 0;
    measure(units, 3, 400);
    units.pass(1_200_000);
    expect([countOf(units, "station"), countOf(units, "top"), units.local("top")]).toEqual(["6", "6", "402"]);
    expect(units.log.filter((line) => line.includes("of a time to come and stay at home"))).toHaveLength(1);
    units.start("home");
    measure(units, 3, 500);
    units.pass(1_200_000);
    expect([countOf(units, "top"), units.local("top")]).toEqual(["9", "502"]);
  });

  test("what was signed under a delegation that has ended on the way is signed anew under the next", () => {
    const units = new ThreeUnits({ home: publishing, station: { copies }, top: { copies } }, { rights: { home: 1 } });
    const endS = Math.floor(units.nowMs / 1000) + 600;
    units.delegate("customer", "home", "home", 3, { expiresS: endS });
    for (const id of ["home", "station", "top"] as const) units.start(id);
    units.run();
    measure(units, 3);
    units.pass(120_000);
    units.cut(1);
    measure(units, 3, 100);
    units.pass(700_000);
    units.delegate("customer", "home", "home", 3, { issuedS: endS + 1 });
    for (const id of ["home", "station", "top"] as const) units.start(id);
    measure(units, 3, 200);
    units.pass(1_200_000);
    expect([countOf(units, "station"), countOf(units, "top"), units.local("top")]).toEqual(["9", "9", "202"]);
  });

  test("what nobody may read but its owner stays at home: nothing is published before there is a policy, and nothing of before it ever", () => {
    const units = new ThreeUnits({ home: { ...publishing, publish: [{ variable: power, device: "lamp", owner: "advertiser" }] } });
    units.delegate("advertiser", "home", "home", 3);
    units.start("home");
    const { names } = units.unit("home");
    units.unit("home").enrol("lamp", "advertiser");
    const source = { device: names.id("lamp"), service: names.id("lighting"), stakeholder: names.id("advertiser") };
    const write = (value: number, policy?: PolicyText) => {
      const item = { variable: power, device: source.device, owner: source.stakeholder, value, timeMs: (units.nowMs += 1000), policy: policy && policyFromText(policy, names) };
      units.unit("home").request({ op: Operation.write, source, items: [item] }, () => {});
      units.pass(120_000);
    };
    const signed = () => units.store("home").statements!.of(0, 0, Infinity).map((kept) => (units.signatory("home").kept.tryRead(kept) as DataStatement).items.map(({ value }) => value));
    write(1);
    expect([signed(), units.log]).toEqual([[], []]);
    write(2, grant(1, "supplier"));
    expect(signed()).toEqual([[2]]);
  });

  test("what was measured earlier and comes later is published too", () => {
    const units = world();
    measure(units, 5);
    units.pass(120_000);
    units.write(77, units.nowMs - 200_000);
    units.pass(120_000);
    expect([countOf(units, "top"), countOf(units, "station")]).toEqual(["6", "6"]);
  });

  test("an instance without a statement is not there, whoever asks", () => {
    const units = world();
    measure(units, 3);
    units.pass(120_000);
    units.store("top").append(0, 999, units.nowMs, 1);
    expect([units.local("top", { stakeholder: "customer", service: "display" }), countOf(units, "top")]).toEqual(["2", "3"]);
    // Nor is it when nothing but the samples is left.
    for (const statement of units.store("top").statements!.of(0, 0, Infinity)) statement.bytes.fill(0);
    expect(countOf(units, "top")).toBe("noData");
  });

  test("a kept statement whose bytes were changed is noticed, and nothing of it served", () => {
    const units = world();
    measure(units, 70);
    units.pass(120_000);
    const [first] = units.store("top").statements!.of(0, 0, Infinity);
    first!.bytes[first!.bytes.length - 80]! ^= 1;
    expect([countOf(units, "top"), countOf(units, "station")]).toEqual(["9", "70"]);
    expect(units.log.filter((line) => /^top: a kept statement about \w+ of meter is not served: it is not as home has signed it$/.test(line))).toHaveLength(1);
  });

  test("a sample whose policy was exchanged for a weaker one on the disk is not served", () => {
    const units = world();
    units.write(1, (units.nowMs += 1000), grant(2, "supplier"));
    units.write(2, (units.nowMs += 1000), grant(3));
    units.pass(120_000);
    expect([units.local("top"), countOf(units, "top")]).toEqual(["1", "2"]);
    const store = units.store("top");
    const policies: number[] = [];
    store.scan(0, 0, Infinity, (_value, _timeMs, policy) => policies.push(policy) > 0);
    store.scan = (_series, _from, _to, visit) => void (visit(1, units.nowMs - 121_000, policies[0]!) && visit(2, units.nowMs - 120_000, policies[0]!));
    expect(units.local("top")).toBe("1");
  });

  test("nobody writes into a copy but its home", () => {
    const units = world();
    measure(units, 1);
    units.pass(120_000);
    units.cut(2);
    const { names } = units.unit("top");
    const source = { device: names.id("top"), service: names.id("display"), stakeholder: names.id("customer") };
    const told: string[] = [];
    units.unit("top").request({ op: Operation.write, source, items: [{ variable: power, device: names.id("meter"), owner: names.id("customer"), value: 5, timeMs: 0, policy: undefined }] }, ({ result }) => told.push(resultName(result)));
    units.run();
    expect(told).not.toEqual(["done"]);
    expect(units.local("top", { stakeholder: "customer" })).toBe("0");
  });
});

describe("SP-2 a unit between a home and its copies that lies", () => {
  /** What the top makes of a statement that somebody else than the home has made, or the home itself. */
  function takes(change: (data: Omit<DataStatement, "sequence">, names: Names, units: ThreeUnits) => Omit<DataStatement, "sequence">, signer: "home" | "station" = "home", bytes?: (signed: Uint8Array) => Uint8Array): string | undefined {
    const units = world(true);
    const liar = units.liar!;
    const { names } = units.unit("home");
    const policy = policyFromText(grant(5, "supplier"), names);
    const timeMs = Math.floor(units.nowMs / 1000) * 1000;
    const item = { variable: power, value: 42, timeMs, device: names.id("meter"), owner: names.id("customer"), policy };
    const signatory = units.signatory(signer);
    const delegation = units.signatory("home").delegation("customer", undefined, 2, [])!;
    const sign = (data: Omit<DataStatement, "sequence">) => signatory.sign(delegation, data).bytes;
    const data: Omit<DataStatement, "sequence"> = { kind: StatementKind.data, names, timeMs, scope: undefined, items: [item] } as never;
    const before = sign(data);
    const signed = sign(change({ ...data, items: [{ ...item, value: 43, timeMs: timeMs - 1 }] }, names, units));
    for (const statement of [before, bytes ? bytes(signed) : signed]) liar.send("top", { op: carryOperation, statement });
    units.run();
    const served = units.local("top", { stakeholder: "customer", code: 5 });
    return `${resultName(liar.plain.at(-1) as 0)} ${served}`;
  }
  test("SP-2 a delegate that may write a series puts nothing into a copy: no value, no time, no policy", () => {
    const units = world(true);
    units.delegate("customer", "station", "heating", 2);
    units.start("top");
    units.run();
    const { names } = units.unit("home");
    const timeMs = Math.floor(units.nowMs / 1000) * 1000;
    const item = { variable: power, value: 666, timeMs: timeMs - 86_400_000, device: names.id("meter"), owner: names.id("customer"), policy: policyFromText(grant(1_000_000, "advertiser"), names) };
    const signatory = units.signatory("station");
    const { bytes } = signatory.sign(signatory.delegation("customer", "heating", 2, [])!, { kind: StatementKind.data, names, timeMs, scope: undefined, items: [item] } as never);
    units.liar!.send("top", { op: carryOperation, statement: bytes });
    units.run();
    expect(resultName(units.liar!.plain.at(-1) as 0)).toBe("denied");
    expect([units.local("top", { stakeholder: "advertiser", code: 5 }), units.local("top", { stakeholder: "customer", code: 5 })]).toEqual(["denied", expect.not.stringMatching(/^[1-9]/)]);
  });

  test("SP-2 a stakeholder puts nothing into the copy of another's device, whose home acts for both", () => {
    const units = world(true);
    units.delegate("supplier", "home", "home", 2);
    units.start("top");
    units.run();
    const { names } = units.unit("home");
    const timeMs = Math.floor(units.nowMs / 1000) * 1000;
    const item = { variable: power, value: 666, timeMs, device: names.id("meter"), owner: names.id("supplier"), policy: policyFromText(grant(1, "supplier"), names) };
    const signatory = units.signatory("home");
    const { bytes } = signatory.sign(signatory.delegation("supplier", undefined, 2, [])!, { kind: StatementKind.data, names, timeMs, scope: undefined, items: [item] } as never);
    units.liar!.send("top", { op: carryOperation, statement: bytes });
    units.run();
    expect(resultName(units.liar!.plain.at(-1) as 0)).toBe("denied");
  });

  const withPolicy = (policy: PolicyText) => (data: Omit<DataStatement, "sequence">, names: Names) => ({ ...data, items: data.items.map((item) => ({ ...item, policy: policyFromText(policy, names) })) });

  test("an owner fills its share of a copy's names and no more, and with what is refused none of it", () => {
    const units = world(true);
    const liar = units.liar!;
    const { names } = units.unit("home");
    const known = units.unit("top").names;
    const send = (sequence: number, ...stakeholders: string[]) => {
      const timeMs = Math.floor(units.nowMs / 1000) * 1000;
      const item = { variable: power, value: sequence, timeMs, device: names.id("meter"), owner: names.id("customer"), policy: policyFromText(grant(sequence, ...stakeholders), names) };
      const signatory = units.signatory("home");
      const { bytes } = signatory.sign(signatory.delegation("customer", undefined, 2, [])!, { kind: StatementKind.data, names, timeMs, scope: undefined, items: [item] } as never);
      liar.send("top", { op: carryOperation, statement: bytes });
      units.pass(1000);
      return resultName(liar.plain.at(-1) as 0);
    };
    expect(send(10, "first")).toBe("done");
    expect([send(9, "never"), known.find("never")]).toEqual(["stalePolicy", undefined]);
    const told = Array.from({ length: 20 }, (_, i) => send(11 + i, ...Array.from({ length: 16 }, (_each, n) => `stranger-${16 * i + n}`)));
    expect([told.filter((result) => result === "done").length, told.at(-1)]).toEqual([15, "busy"]);
  });

  test.each([[64, 21], [32, 16]])("owners that make policies until they are refused leave the others of a copy their share: of %i policies %i each", (maxPolicies, share) => {
    const devices = { meter: "customer", car: "advertiser", plant: "supplier" };
    const units = new ThreeUnits({ top: { copies: Object.entries(devices).map(([device, owner]) => ({ device, owner, home: "home" })), limits: { maxPolicies } } }, { lies: true });
    for (const owner of ["advertiser", "supplier"]) units.delegate(owner, "home", "home", 2);
    units.start("top");
    units.run();
    const liar = units.liar!;
    const { names } = units.unit("home");
    const signatory = units.signatory("home");
    const send = (device: string, owner: string, sequence: number) => {
      const timeMs = Math.floor(units.nowMs / 1000) * 1000;
      const item = { variable: power, value: sequence, timeMs, device: names.id(device), owner: names.id(owner), policy: policyFromText({ sequence, entries: [{ rights: "read", minDelayS: sequence, grantees: [{ stakeholder: owner, service: "billing" }] }] }, names) };
      const { bytes } = signatory.sign(signatory.delegation(owner, undefined, 2, [])!, { kind: StatementKind.data, names, timeMs, scope: undefined, items: [item] } as never);
      liar.send("top", { op: carryOperation, statement: bytes });
      units.pass(1000);
      return resultName(liar.plain.at(-1) as 0);
    };
    const taken = Object.entries(devices).map(([device, owner]) => Array.from({ length: 40 }, (_, i) => send(device, owner, i + 1)));
    expect(taken.map((told) => [told.filter((result) => result === "done").length, told.at(-1)])).toEqual(Array(3).fill([share, "busy"]));
  });

  test("is told apart from an honest one", () => {
    expect(takes((data) => data)).toBe("done 2");
    expect(takes((data) => data, "station")).toMatch(/^notTrusted/);
    expect(takes((data) => data, "home", (signed) => signed.fill(signed.at(-70)! ^ 1, -70, -69))).toMatch(/^notTrusted/);
  });

  test.each<[string, (data: Omit<DataStatement, "sequence">, names: Names, units: ThreeUnits) => Omit<DataStatement, "sequence">, string]>([
    ["a policy older than that in force", withPolicy(grant(4, "advertiser")), "stalePolicy 1"],
    ["another policy of the same sequence", withPolicy(grant(5, "advertiser")), "stalePolicy 1"],
    ["the hash of a policy that is not known", (data) => ({ ...data, items: data.items.map((item) => ({ ...item, policy: new Uint8Array(8) })) }), "unknownPolicy 1"],
    ["another owner", (data, names) => ({ ...data, items: data.items.map((item) => ({ ...item, owner: names.id("supplier") })) }), "notTrusted 1"],
    ["a device of which no copy is kept", (data, names) => ({ ...data, items: data.items.map((item) => ({ ...item, device: names.id("lamp") })) }), "unknownLocation 1"],
    ["a time to come", (data, _names, units) => ({ ...data, timeMs: data.timeMs + 100_000, items: data.items.map((item) => ({ ...item, timeMs: units.nowMs + 50_000 })) }), "badTime 1"],
    ["a scope that is not the domain", (data) => ({ ...data, scope: "top" }), "unsupported 1"],
  ])("%s is refused", (_what, change, expected) => {
    expect(takes(change)).toBe(expected);
  });

  test("a statement comes again with the other signature that ECDSA has: it is taken, and kept once", () => {
    const units = world(true);
    const liar = units.liar!;
    const store = units.store("top");
    const append = store.append.bind(store);
    const taken: Uint8Array[] = [];
    liar.onCarried = (body) => isCarry(body) && taken.push(body.statement);
    measure(units, 3);
    units.pass(120_000);
    const send = (statement: Uint8Array) => {
      liar.send("top", { op: carryOperation, statement });
      units.run();
      return resultName(liar.plain.at(-1) as 0);
    };
    // The statement is kept, and the disk full before its samples are.
    store.append = () => "failed";
    expect(send(taken[0]!)).toBe("storageFailed");
    store.append = append;
    expect([send(Uint8Array.of(...taken[0]!.subarray(0, -64), ...otherSignature(taken[0]!.subarray(-64)))), countOf(units, "top"), store.statements!.of(0, 0, Infinity).length]).toEqual(["done", "3", 1]);
  });

  test("an answer is no datum of which a copy could be made, whoever sends it on", () => {
    const units = world(true);
    measure(units, 1);
    const liar = units.liar!;
    const proofs: Uint8Array[] = [];
    liar.onCarried = (body, to) => {
      if (!isCarry(body) && "statement" in body) proofs.push(body.statement);
      if (!isCarry(body) || to === "home") liar.passOn(body, to);
    };
    units.query("top", "home");
    liar.send("top", { op: carryOperation, statement: proofs[0]! });
    units.run();
    expect([proofs.length, liar.plain.at(-1)]).toEqual([1, Result.unsupported]);
  });
});
