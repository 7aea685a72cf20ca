/** Requests over several hops, and the attackers on the way: three units in memory, of which the one in the middle may lie. */
import { describe, expect, test } from "vitest";
import { type Liar, registry, text, ThreeUnits, power, grant } from "../../../tests/scenarios/three-units";
import { Result } from "../model/result";
import { carryOperation, type CarriedBody } from "../wire/carry-body";
import { Operation } from "../wire/session-body";
import { parseStatement } from "../wire/statement";
import { StatementKind } from "../wire/statement-body";

const isCarry = (body: CarriedBody): body is CarriedBody & { readonly op: 9; readonly statement: Uint8Array } => body.op === carryOperation && "statement" in body;
const isProof = (body: CarriedBody): body is CarriedBody & { readonly op: 7; readonly statement: Uint8Array } => body.op === Operation.notify && "statement" in body;

/** A subscription of a service at the top to the meter's power. */
function subscribe(world: ThreeUnits, op: 3 | 4, service = "billing"): { told: string[]; id: number } {
  const top = world.unit("top");
  const { names } = top;
  const told: string[] = [];
  const source = { device: names.id("top"), service: names.id(service), stakeholder: names.id("supplier") };
  const selector = { variable: power, device: names.id("meter"), owner: names.id("customer") };
  const request = op === Operation.event ? ({ op, source, selector, condition: [] } as const) : ({ op, source, selector, periodMs: 60_000 } as const);
  const id = top.requestSigned(request, "home", (n) => told.push(text(n)));
  world.run();
  return { told, id };
}

describe("DI-10 SP-1 a signed request over several hops", () => {
  test("is carried out like any other, and what it brings is proven by its home", () => {
    const world = new ThreeUnits();
    world.write(230);
    expect([world.query("top", "home").told, world.query("station", "home").told, world.query("top", "home", { code: 4 }).told]).toEqual([["230"], ["230"], ["230"]]);
    expect(world.query("top", "home", { stakeholder: "advertiser" }).told).toEqual(["denied"]);
    expect(world.query("top", "nowhere").told).toEqual(["unknownLocation"]);
    expect(world.log).toEqual([]);
  });

  test("is not made without a delegation for the stakeholder and the service", () => {
    const world = new ThreeUnits();
    expect([world.query("top", "home", { stakeholder: "customer" }).told, world.query("top", "home", { service: "marketing" }).told]).toEqual([["notTrusted"], ["notTrusted"]]);
  });

  test("of a series whose owner has not let the home sign is denied, as one of names that it has never heard of: a stranger cannot tell which are known", () => {
    const world = new ThreeUnits({}, { rights: { home: 1 } });
    world.write(230);
    const { names } = world.unit("top");
    const told: string[] = [];
    const source = { device: names.id("top"), service: names.id("billing"), stakeholder: names.id("advertiser") };
    for (const device of ["meter", "never-heard-of"])
      world.unit("top").requestSigned({ op: Operation.query, source, selector: { variable: power, device: names.id(device), owner: names.id("customer") }, condition: [], function: 1 }, "home", (n) => told.push(text(n)));
    world.run();
    expect(told).toEqual(["denied", "denied"]);
    expect(world.log.filter((line) => line.includes("holds no delegation"))).toHaveLength(1);
  });

  test("writes too, and the outcome is the instance as its home has kept it", () => {
    const world = new ThreeUnits();
    const { names } = world.unit("top");
    const source = { device: names.id("top"), service: names.id("billing"), stakeholder: names.id("supplier") };
    const item = { variable: 20, device: names.id("meter"), owner: names.id("customer"), value: 50, timeMs: 0, policy: undefined };
    const told: string[] = [];
    world.unit("top").requestSigned({ op: Operation.write, source, items: [item] }, "home", (n) => told.push(text(n)));
    world.run();
    expect([registry.byId(20)?.write, told]).toEqual(["granted", ["50"]]);
  });

  test.each([
    ["event", Operation.event],
    ["periodic", Operation.periodic],
  ] as const)("a subscription to %s brings every occurrence proven, until it is ended, and nothing is left on the way", (_name, op) => {
    const world = new ThreeUnits();
    world.write(1);
    const { told, id } = subscribe(world, op);
    for (const value of [2, 3]) {
      world.pass(60_000);
      world.write(value);
    }
    world.pass(60_000);
    expect(told).toEqual(op === Operation.event ? ["done", "2", "3"] : ["done", "1", "1", "2", "3"]);
    const { names } = world.unit("top");
    const ended: string[] = [];
    world.unit("top").request({ op: Operation.unsubscribe, source: { device: names.id("top"), service: names.id("billing"), stakeholder: names.id("supplier") }, id }, (n) => ended.push(text(n)));
    world.run();
    const before = told.length;
    world.write(4);
    world.pass(120_000);
    expect([ended, told.length]).toEqual([["done"], before]);
  });

  test.each([1, 2])("a subscription is over for whoever asked and for whoever was asked when the link %i is lost", (kid) => {
    const world = new ThreeUnits();
    world.write(1);
    const { told } = subscribe(world, Operation.event);
    world.cut(kid);
    world.run();
    expect(told.at(-1)).toBe("linkLost");
    world.connect(kid);
    world.write(5);
    world.pass(10_000);
    expect(told.at(-1)).toBe("linkLost");
  });

  test("a policy that changes stops it, and so does the end of the delegation under which it was asked", () => {
    const world = new ThreeUnits();
    world.write(1);
    const { told } = subscribe(world, Operation.event);
    world.write(2);
    world.write(3, world.nowMs, grant(2));
    expect(told).toEqual(["done", "2", "denied"]);
    // Of all delegations, this one alone ends, and a policy still grants what was asked.
    const expiring = new ThreeUnits();
    const expiresS = Math.floor(expiring.nowMs / 1000) + 600;
    expiring.delegate("supplier", "top", "display", 1, { expiresS });
    for (const id of ["home", "top"] as const) expiring.start(id);
    expiring.write(1, expiring.nowMs, { sequence: 2, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "display" }] }] });
    const other = subscribe(expiring, Operation.event, "display");
    expiring.write(2);
    expiring.nowMs = expiresS * 1000;
    expiring.write(3);
    expect(other.told).toEqual(["done", "2", "denied"]);
  });

  test("a receiver that has lost what it had accepted demands the request anew, once, and carries it out once", () => {
    const world = new ThreeUnits();
    world.write(7);
    world.query("top", "home");
    world.state("home").records.delete("windows");
    world.start("home");
    world.write(8);
    expect(world.query("top", "home").told).toEqual(["8"]);
  });
});

describe("SP-1 DI-10 a unit on the way that lies", () => {
  function withLiar() {
    const world = new ThreeUnits({}, { lies: true });
    world.write(230);
    world.write(231, world.nowMs + 1);
    return { world, liar: world.liar! };
  }
  const answer = (id: number, statement: Uint8Array) => ({ op: Operation.notify, id, result: Result.done, items: [], retryAfterMs: 0, statement }) as const;
  /** What the top is told while the liar does something to what the home has proven. */
  function toldWhen(lie: (proof: Uint8Array, liar: Liar, id: number) => void): string[] {
    const { world, liar } = withLiar();
    liar.onCarried = (body, to) => (isProof(body) ? lie(body.statement, liar, liar.idOf(body.id)) : liar.passOn(body, to));
    const { told } = world.query("top", "home");
    world.pass(30_000);
    return told;
  }

  test("one that passes on what it should is not noticed", () => {
    expect(toldWhen((proof, liar, id) => void liar.send("top", answer(id, proof)))).toEqual(["231"]);
  });

  test("an answer that does not arrive is a time-out", () => {
    expect(toldWhen(() => {})).toEqual(["timeout"]);
  });

  test("an answer that was changed anywhere is refused", () => {
    let proven: Uint8Array = new Uint8Array(0);
    toldWhen((proof) => void (proven = proof));
    for (let at = 0; at < proven.length; at += 11)
      expect(
        toldWhen((proof, liar, id) => {
          proof[at]! ^= 1;
          liar.send("top", answer(id, proof));
        }),
        `byte ${at}`,
      ).toEqual(["notTrusted"]);
  });

  test("a success without a proof, and values beside a proof, count for nothing", () => {
    const { world, liar } = withLiar();
    liar.onCarried = (body, to) => isCarry(body) && to === "home" && void liar.send("top", { op: Operation.notify, id: body.sequence, result: Result.done, items: [], retryAfterMs: 0 } as never);
    expect([world.query("top", "home").told, subscribe(world, Operation.event).told, subscribe(world, Operation.periodic).told]).toEqual([["notTrusted"], ["notTrusted"], ["notTrusted"]]);
  });

  test.each([["customer", "done"], ["supplier", "notTrusted"]])("the acceptance of a subscription that the home signs for the %s, of a series of the customer's: %s", (stakeholder, expected) => {
    const { world, liar } = withLiar();
    world.delegate("supplier", "home", "home", 3);
    world.start("top");
    world.run();
    const home = world.signatory("home");
    liar.onCarried = (body, to) => {
      if (!isCarry(body) || to !== "home") return;
      const asked = home.kept.tryRead({ bytes: body.statement, signer: home.kept.chainOf(parseStatement(body.statement).signerId) })!;
      const accepted = { kind: StatementKind.answer, names: world.unit("home").names, timeMs: asked.timeMs!, scope: "top", id: (asked as { sequence: number }).sequence, items: [] } as const;
      liar.send("top", answer(body.sequence, home.sign(home.delegation(stakeholder, undefined, 2, [])!, accepted).bytes));
    };
    expect(subscribe(world, Operation.event).told).toEqual([expected]);
  });

  test("the acceptance of a subscription is no answer to another one, nor to a query", () => {
    const { world, liar } = withLiar();
    let acceptance: Uint8Array | undefined;
    liar.onCarried = (body, to) => (isProof(body) ? void liar.send("top", answer(liar.idOf(body.id), (acceptance ??= body.statement))) : liar.passOn(body, to));
    expect([subscribe(world, Operation.event).told, subscribe(world, Operation.event).told, world.query("top", "home").told]).toEqual([["done"], ["notTrusted"], ["notTrusted"]]);
  });

  test("an answer to another request is refused: of another function, of earlier, to another unit", () => {
    const { world, liar } = withLiar();
    let earlier: Uint8Array | undefined;
    liar.onCarried = (body, to) => (isProof(body) ? void liar.send("top", answer(liar.idOf(body.id), (earlier ??= body.statement))) : liar.passOn(body, to));
    expect(world.query("top", "home", { code: 5 }).told).toEqual(["2"]);
    expect(world.query("top", "home").told).toEqual(["notTrusted"]);
    expect(world.query("top", "home", { code: 5 }).told).toEqual(["notTrusted"]);
  });

  test("an occurrence that is brought twice is not told twice", () => {
    const { world, liar } = withLiar();
    const { told } = subscribe(world, Operation.event);
    liar.onCarried = (body, to) => {
      liar.passOn(body, to);
      if (isProof(body)) liar.passOn(body, to);
    };
    world.pass(10_000);
    world.write(9);
    expect(told).toEqual(["done", "9", "notTrusted"]);
  });

  test("a request is carried out once, whatever is sent again, over whichever way; changed, it is not carried out", () => {
    const { world, liar } = withLiar();
    let request: Uint8Array | undefined;
    liar.onCarried = (body, to) => {
      if (isCarry(body)) request = body.statement;
      liar.passOn(body, to);
    };
    const answers = () => liar.seen.filter(isProof).length;
    const refusals = () => world.log.filter((line) => line.startsWith("home: signed request refused")).length;
    expect(world.query("top", "home").told).toEqual(["231"]);
    const before = answers();
    for (let i = 0; i < 3; i++) liar.send("home", { op: carryOperation, statement: request! });
    world.run();
    expect([answers(), refusals()]).toEqual([before, 3]);
    const changed = request!.slice();
    changed[40]! ^= 1;
    liar.send("home", { op: carryOperation, statement: changed });
    world.run();
    expect(answers()).toBe(before);
  });

  /** A service at the top writes the limit of the meter. */
  function limit(world: ThreeUnits, value: number): string[] {
    const { names } = world.unit("top");
    const source = { device: names.id("top"), service: names.id("billing"), stakeholder: names.id("supplier") };
    const told: string[] = [];
    const item = { variable: 20, device: names.id("meter"), owner: names.id("customer"), value, timeMs: 0, policy: undefined };
    world.unit("top").requestSigned({ op: Operation.write, source, items: [item] }, "home", (n) => told.push(text(n)));
    world.run();
    return told;
  }
  /** What the home has: the limit in force, and how many there were. */
  function limits(world: ThreeUnits): string[] {
    const { names } = world.unit("home");
    const source = { device: names.id("home"), service: names.id("home"), stakeholder: names.id("customer") };
    const selector = { variable: 20, device: names.id("meter"), owner: names.id("customer") };
    const told: string[] = [];
    for (const code of [1, 5] as const) world.unit("home").request({ op: Operation.query, source, selector, at: names.id("home"), condition: [], function: code }, (n) => told.push(text(n)));
    world.run();
    return told;
  }
  /** Keeps the first write to the home from arriving. */
  function holding(liar: Liar): () => Uint8Array {
    let held: Uint8Array | undefined;
    liar.onCarried = (body, to) => {
      if (isCarry(body) && to === "home" && !held) held = body.statement;
      else liar.passOn(body, to);
    };
    return () => held!;
  }

  test("a write that was held back does not undo a later one, and after its time-out it takes no effect at all", () => {
    const { world, liar } = withLiar();
    limit(world, 10);
    const held = holding(liar);
    const told = limit(world, 50);
    expect(limit(world, 20)).toEqual(["20"]);
    liar.send("home", { op: carryOperation, statement: held() });
    world.run();
    expect(limits(world)).toEqual(["20", "2"]);
    const alone = withLiar();
    limit(alone.world, 10);
    const late = holding(alone.liar);
    const toldLate = limit(alone.world, 50);
    alone.world.pass(11_000);
    alone.liar.send("home", { op: carryOperation, statement: late() });
    alone.world.run();
    expect([told, toldLate, limits(alone.world)]).toEqual([[], ["timeout"], ["10", "1"]]);
  });

  test.each([["before", false], ["after", true]] as const)("a demand that it made up does not have a write take effect twice, where the first arrives %s the one signed anew", (_name, isAfter) => {
    const { world, liar } = withLiar();
    limit(world, 10);
    const writes: Uint8Array[] = [];
    liar.onCarried = (body, to) => {
      if (!isCarry(body) || to !== "home") return liar.passOn(body, to);
      writes.push(body.statement);
      if (writes.length > 1) return liar.passOn(body, to);
      liar.send("top", { op: Operation.notify, id: body.sequence, result: Result.notTrusted, items: [], retryAfterMs: 0, nonce: new Uint8Array(8).fill(7) } as never);
      if (!isAfter) liar.send("home", { op: carryOperation, statement: body.statement });
    };
    limit(world, 50);
    if (isAfter) liar.send("home", { op: carryOperation, statement: writes[0]! });
    world.run();
    expect([writes.length, limits(world)]).toEqual([2, ["50", "2"]]);
  });

  test("a unit on the way asks nothing in the name of a service behind it", () => {
    const { world, liar } = withLiar();
    // Past the time of which the home does not know any more what it has accepted.
    world.query("top", "home");
    world.pass(400_000);
    liar.seen.length = 0;
    // It has a delegation of its own, of the supplier to the station, and the home sees that.
    const mine = world.signatory("station");
    const { names } = world.unit("top");
    const delegation = mine.delegation("supplier", "billing", 1, [])!;
    const selector = { variable: power, device: names.id("meter"), owner: names.id("customer") };
    const timeMs = Math.floor(world.nowMs / 1000) * 1000;
    const head = { kind: StatementKind.query, names, timeMs, expiresS: timeMs / 1000 + 60, scope: "home", selector, at: undefined, condition: [], function: 1 } as const;
    const theirs = world.signatory("top").delegation("supplier", "billing", 1, [])!;
    liar.send("home", { op: carryOperation, statement: mine.sign(theirs, head).bytes });
    world.run();
    expect(liar.seen.filter(isProof)).toEqual([]);
    liar.send("home", { op: carryOperation, statement: mine.sign(delegation, head).bytes });
    world.run();
    const proofs = liar.seen.filter(isProof);
    expect(proofs.map(({ statement }) => world.signatory("station").verify(statement).body.scope)).toEqual(["station"]);
    // What it got that way is of no use for a request of the top.
    liar.onCarried = (body) => isCarry(body) && void liar.send("top", answer(body.sequence, proofs[0]!.statement));
    expect(world.query("top", "home").told).toEqual(["notTrusted"]);
  });

  test("a request that seven units have passed on goes no further, and none goes back to where it came from", () => {
    const world = new ThreeUnits();
    const statement = requestOf(world);
    const told = (hops: number) => {
      const { world: lied, liar } = withLiar();
      liar.send("top", { op: carryOperation, statement, hops });
      lied.run();
      return liar.plain;
    };
    expect([told(7), told(3)]).toEqual([[Result.unknownLocation], [Result.unknownLocation]]);
  });
  function requestOf(world: ThreeUnits): Uint8Array {
    const { names } = world.unit("top");
    const top = world.signatory("top");
    const selector = { variable: power, device: names.id("meter"), owner: names.id("customer") };
    const timeMs = Math.floor(world.nowMs / 1000) * 1000;
    const head = { kind: StatementKind.query, names, timeMs, expiresS: timeMs / 1000 + 60, scope: "home", selector, at: undefined, condition: [], function: 1 } as const;
    return top.sign(top.delegation("supplier", "billing", 1, [])!, head).bytes;
  }
});
