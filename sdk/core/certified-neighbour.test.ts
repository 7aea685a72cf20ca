/** Sessions that a handshake has made, at a home with a meter and a supplier below it: what their delegations cover when they ask, and what becomes of an old session. */
import { describe, expect, test } from "vitest";
import { Grid, nodeCrypto, nowS, registry } from "../../tests/scenarios/certified-grid";
import { MemoryStore } from "../storage/memory-store";
import { CertifiedLeafUnit } from "./certified-leaf-unit";
import { resultName } from "./model/result";
import type { LinkPort } from "./ports";
import type { Delegation, StakeholderCredential, UnitCredential } from "./security/credential";
import { heldBy } from "./security/certified-session";
import type { DelegationClaims } from "./security/claims";
import type { SessionConfig } from "./security/session-config";
import { ManagementUnit } from "./unit";
import { Operation, type Request, type WriteRequest } from "./wire/session-body";

interface Member {
  readonly unit: CertifiedLeafUnit;
  readonly credential: UnitCredential;
  readonly stakeholder: StakeholderCredential;
  readonly service: string;
  readonly up: Uint8Array[];
  readonly down: Uint8Array[];
  /** Ends of the present link. */
  ends: { below: LinkPort; above: LinkPort };
}

function street() {
  const grid = new Grid();
  const crypto = nodeCrypto();
  const ports = () => ({ clock: grid.clockPort, crypto, store: new MemoryStore(64), log: () => {}, wake: () => {} });
  const told: string[] = [];
  const home = new ManagementUnit({ id: "home", registry, onSession: (peer, open) => told.push(`${peer} ${open ? "open" : "lost"}`) }, ports());
  const { store } = grid.party(crypto, grid.unit("home"));
  const closed: string[] = [];
  const link = (name: string, queue: Uint8Array[]): LinkPort => ({ name, send: (message) => queue.push(message) > 0, close: (reason) => void closed.push(`${name}: ${reason}`) });
  const members: Member[] = [];
  const ends = (name: string, { up, down }: Pick<Member, "up" | "down">) => ({ below: link(`${name} up`, up), above: link(`${name} down`, down) });

  const join = (name: string, owner: string, service: string): Member => {
    const stakeholder = grid.stakeholder(owner);
    const credential = grid.unit(name, { parents: ["home"], owner });
    for (const one of [stakeholder, credential]) store.add(one.bytes);
    const queues = { up: [] as Uint8Array[], down: [] as Uint8Array[] };
    const unit = new CertifiedLeafUnit({ id: name, registry, parent: "home", onSession: (_peer, open) => told.push(`at ${name} ${open ? "open" : "lost"}`) }, ports());
    const member = { unit, credential, stakeholder, service, ...queues, ends: ends(name, queues) };
    members.push(member);
    return member;
  };
  const run = () => {
    do {
      home.tick();
      for (const { unit, up, down, ends: { above, below } } of members) {
        unit.tick();
        for (const message of up.splice(0)) home.receive(above, message);
        for (const message of down.splice(0)) unit.receive(below, message);
      }
    } while (members.some(({ up, down }) => up.length + down.length > 0));
  };
  /** Gives both ends a session under fresh delegations, and opens it. */
  const provision = (member: Member, kid: number, rights: Partial<DelegationClaims> = {}, more: Partial<SessionConfig> = {}): Delegation => {
    const { unit, credential, stakeholder, service } = member;
    const delegation = store.add(grid.delegation(stakeholder, unit.id, service, rights).bytes) as Delegation;
    const names = ["home", "meter", "supplier-unit", "customer", "supplier", "metering", "billing"];
    const config: SessionConfig = { kid, domain: grid.domain, initiator: unit.id, responder: "home", owner: credential.owner, names, sources: [{ device: unit.id, service, stakeholder: stakeholder.subject }], ...more };
    const secret = () => crypto.importKey(new Uint8Array(32).fill(kid), "derive");
    home.provision(config, secret(), heldBy(store, credential, [delegation], home.names), member.ends.above);
    unit.provision(config, secret(), () => true, member.ends.below);
    unit.linkUp(member.ends.below, "home");
    run();
    return delegation;
  };
  const ask = ({ unit }: Member, request: Request): string[] => {
    const outcomes: string[] = [];
    unit.request(request, (n) => outcomes.push(n.instances.length && request.op !== Operation.write ? `${String(n.instances[0]!.value)}` : resultName(n.result)));
    run();
    return outcomes;
  };
  const sourceOf = ({ unit, service, stakeholder }: Member) => ({ device: unit.names.id(unit.id), service: unit.names.id(service), stakeholder: unit.names.id(stakeholder.subject) });
  const seriesOf = ({ unit }: Member, variable: number) => ({ variable, device: unit.names.id("meter"), owner: unit.names.id("customer") });
  const write = (member: Member, value: number, variable = 3): Request => ({ op: Operation.write, source: sourceOf(member), items: [{ ...seriesOf(member, variable), value, timeMs: grid.clock.now, policy: undefined }] });
  const query = (member: Member, variable = 3): Request => ({ op: Operation.query, source: sourceOf(member), selector: seriesOf(member, variable), condition: [], function: 1 });
  const event = (member: Member): Request => ({ op: Operation.event, source: sourceOf(member), selector: seriesOf(member, 3), condition: [] });

  const [meter, supplier] = [join("meter", "customer", "metering"), join("supplier-unit", "supplier", "billing")];
  home.setDefaultPolicy("customer", { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] });
  return { grid, crypto, store, home, meter, supplier, told, closed, run, provision, ask, write, query, event, renewEnds: (member: Member) => (member.ends = ends(`${member.unit.id} again`, member)) };
}

describe("SP-5 a request is held against the delegation when it comes", () => {
  test("what is within its rights, devices and variables is carried out, what is not is denied and counted", () => {
    const { home, meter, supplier, provision, ask, write, query } = street();
    provision(meter, 1, { rights: 2, devices: ["meter"], variables: [3] });
    provision(supplier, 2, { rights: 1 });
    expect([ask(meter, write(meter, 5)), ask(meter, write(meter, 5, 4)), ask(meter, query(meter))]).toEqual([["done"], ["denied"], ["denied"]]);
    expect([ask(supplier, query(supplier)), ask(supplier, write(supplier, 6))]).toEqual([["5"], ["denied"]]);
    expect(home.counters.refused.foreignSource).toBe(3);
  });

  test("a write of several items is within them whole, or it is denied", () => {
    const { meter, provision, ask, write } = street();
    provision(meter, 1, { variables: [3] });
    const items = [...(write(meter, 1) as WriteRequest).items, ...(write(meter, 1, 4) as WriteRequest).items];
    expect(ask(meter, { ...write(meter, 1), items } as Request)).toEqual(["denied"]);
  });

  test("a delegation that has expired is denied from that second on, in an open session", () => {
    const { grid, meter, provision, ask, write } = street();
    provision(meter, 1, { expiresS: nowS + 60 });
    expect(ask(meter, write(meter, 1))).toEqual(["done"]);
    grid.clock.now += 60_000;
    expect(ask(meter, write(meter, 2))).toEqual(["denied"]);
    // A unit whose clock is not set goes by epochs alone.
    grid.clock.set = false;
    expect(ask(meter, write(meter, 3))).toEqual(["done"]);
  });

  test.each(["meter", "customer"])("an epoch of %s that is revoked is denied from then on, in an open session", (subject) => {
    const { store, meter, provision, ask, write } = street();
    provision(meter, 1);
    expect(ask(meter, write(meter, 1))).toEqual(["done"]);
    store.takeRevocations({ issuer: store.root, sequence: 1, entries: [{ subject, leastEpoch: 1 }] });
    expect(ask(meter, write(meter, 2))).toEqual(["denied"]);
  });

  test("a subscription ends with the right to it, whoever made it is told, and others go on", () => {
    const { grid, meter, supplier, provision, ask, write, event, run } = street();
    provision(meter, 1);
    provision(supplier, 2, { expiresS: nowS + 60 });
    ask(meter, write(meter, 0));
    const [told, own] = [ask(supplier, event(supplier)), ask(meter, event(meter))];
    for (const value of [1, 2]) ask(meter, write(meter, value));
    grid.clock.now += 60_000;
    for (const value of [3, 4]) ask(meter, write(meter, value));
    run();
    expect([told, own]).toEqual([["done", "1", "2", "denied"], ["done", "1", "2", "3", "4"]]);
  });

  test("a subscription that is passed on ends with the right to it too", () => {
    const world = street();
    const { grid, home, meter, supplier, provision, ask, event, write } = world;
    // The meter answers for what it measures itself, and its home passes on what asks it.
    provision(meter, 1);
    provision(supplier, 2, { expiresS: nowS + 60 });
    const at = supplier.unit.names.id("meter");
    meter.unit.own.keepCopy(meter.unit.names.id("customer"));
    meter.unit.setDefaultPolicy("customer", { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] });
    const source = { device: "supplier-unit", service: "billing", stakeholder: "supplier", via: "home" };
    provision(meter, 3, {}, { sources: [{ device: "meter", service: "metering", stakeholder: "customer" }, source] });
    const series = meter.unit.own.series(3, meter.unit.names.id("customer"))!;
    meter.unit.own.record(series, 0, grid.clock.now);
    const told = ask(supplier, { ...event(supplier), at } as Request);
    const measure = (value: number) => {
      meter.unit.own.record(series, value, grid.clock.now);
      ask(meter, write(meter, value));
    };
    measure(1);
    grid.clock.now += 60_000;
    measure(2);
    const { received } = home.counters;
    measure(3);
    // After the end nothing of it comes from the meter any more: its own write alone.
    expect([told, home.counters.received - received]).toEqual([["done", "1", "denied"], 1]);
  });
});

describe("SP-1 a session that a new handshake replaces", () => {
  test("who waits in the old one is told that the link is lost, and all goes on in the new one under another number", () => {
    const { meter, provision, ask, write, event, told, closed, home } = street();
    provision(meter, 1);
    const subscribed = ask(meter, event(meter));
    provision(meter, 77);
    expect(subscribed).toEqual(["done", "linkLost"]);
    expect([ask(meter, write(meter, 3)), home.isFree(1), home.isFree(77), meter.unit.isFree(1)]).toEqual([["done"], true, false, true]);
    expect(told).toEqual(["at meter open", "meter open", "meter lost", "at meter lost", "at meter open", "meter open"]);
    expect(closed).toEqual([]);
  });

  test("another link that the old one was open over is closed, and a message of the old session means nothing", () => {
    const { meter, provision, ask, write, closed, home, renewEnds, run } = street();
    provision(meter, 1);
    meter.unit.request(write(meter, 9), () => {});
    const old = meter.up.splice(0);
    meter.unit.linkLost(meter.ends.below);
    const before = meter.ends.above;
    renewEnds(meter);
    provision(meter, 2);
    expect(closed).toEqual(["meter down: its unit has agreed on a new session over another link"]);
    for (const message of old) expect(home.receive(before, message)).toBe(false);
    run();
    expect([home.counters.refused.unknownKey, home.counters.instancesKept, ask(meter, write(meter, 1))]).toEqual([1, 0, ["done"]]);
  });

  test("no key of the old one is left, and none of one that is withdrawn", () => {
    const { crypto, home, meter, provision, closed, told } = street();
    provision(meter, 1);
    const held = crypto.held.size;
    for (let kid = 2; kid < 30; kid++) provision(meter, kid);
    // What was added are the delegations that the store holds.
    expect(crypto.held.size - held).toBeLessThanOrEqual(28);
    home.withdraw("meter");
    home.withdraw("meter");
    expect([home.isFree(29), closed.at(-1), told.at(-1)]).toEqual([true, "meter down: the session with meter has ended", "meter lost"]);
    home.close();
    meter.unit.close();
  });

  test("a number that another neighbour has is refused, and all is as before", () => {
    const { meter, supplier, provision, ask, write } = street();
    provision(meter, 1);
    expect(() => provision(supplier, 1)).toThrow("unit home has a session with kid 1 already");
    expect(ask(meter, write(meter, 1))).toEqual(["done"]);
    expect(() => provision(meter, 2, {}, { below: ["supplier-unit"] })).toThrow(/meter passes nothing on/);
  });

  test("one that opens again and again does not get free by new sessions", () => {
    const { home, meter, provision, renewEnds } = street();
    for (let kid = 1; kid < 12; kid++) {
      renewEnds(meter);
      provision(meter, kid);
    }
    expect(home.isHeld("meter")).toBe(true);
  });
});
