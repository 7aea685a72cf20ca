/** A home behind its doorkeeper, meters that join it by their credentials, on cables and a clock of the test: floods, restarts at every step, what is left behind. */
import { describe, expect, test } from "vitest";
import { Grid, nodeCrypto, registry } from "../../../tests/scenarios/certified-grid";
import { certifiedConnector } from "../../client/certified-connector";
import type { TimerPort } from "../../client/driver";
import { MemoryState } from "../../storage/memory-state";
import { MemoryStore } from "../../storage/memory-store";
import { CertifiedLeafUnit } from "../certified-leaf-unit";
import { Result } from "../model/result";
import type { LinkPort, LogPort } from "../ports";
import { CertifiedInitiator } from "../security/certified-initiator";
import type { CryptoPort } from "../security/crypto-port";
import type { HandshakeStep } from "../security/handshake";
import { Resumption } from "../security/resumption";
import { ManagementUnit } from "../unit";
import { HandshakeKind } from "../wire/handshake-message";
import { inParts, PartReader } from "../wire/handshake-parts";
import { toHex } from "../../../tests/conformance/case";
import { CertifiedSessions } from "./certified-sessions";
import { Doorkeeper } from "./doorkeeper";

/** A street whose units are started, stopped and started again; what is kept is in memory, outside of them. */
function street() {
  const grid = new Grid();
  const [customer, operator] = [grid.stakeholder("customer"), grid.stakeholder("grid-operator")];
  const meter = grid.unit("meter", { role: "device", parents: ["home"] });
  const home = grid.unit("home");
  const metering = grid.delegation(customer, "meter", "metering");
  const guard = grid.delegation(operator, "home", "guard");
  const states = { home: new MemoryState(), meter: new MemoryState() };
  const lines: string[] = [];
  const log: LogPort = (level, line) => void lines.push(`${level} ${line}`);
  /** Salts of the keys of sessions that each unit has derived, in all of its lives. */
  const salts: Record<string, string[]> = { home: [], meter: [] };

  const cryptoOf = (id: "home" | "meter") => {
    const crypto = nodeCrypto();
    const derive = crypto.deriveKey.bind(crypto);
    crypto.deriveKey = (secret, salt, info, use) => {
      if (salt.length === 32 && toHex(info).includes(toHex(Uint8Array.from("session", (letter) => letter.charCodeAt(0)))) && use === "mac") salts[id]!.push(toHex(salt) + toHex(info));
      return derive(secret, salt, info, use);
    };
    return crypto;
  };
  const ports = (crypto: CryptoPort) => ({ clock: grid.clockPort, crypto, store: new MemoryStore(16), log, wake: () => {} });
  const resumptionOf = (id: "home" | "meter", crypto: ReturnType<typeof nodeCrypto>, party: ReturnType<Grid["party"]>) =>
    new Resumption({ state: states[id], crypto, wrapping: crypto.importKey(grid.seed(`${id} wraps`), "wrap"), party, clock: grid.clockPort, log });

  const startHome = (names: readonly string[] = []) => {
    const crypto = cryptoOf("home");
    const party = grid.party(crypto, home, [[operator, guard]], { names });
    const unit = new ManagementUnit({ id: "home", registry }, ports(crypto));
    const sessions = new CertifiedSessions({ unit, party, clock: grid.clockPort, log, resumption: resumptionOf("home", crypto, party) });
    return { unit, crypto, party, sessions, door: new Doorkeeper({ unit, party, sessions, clock: grid.clockPort, log }) };
  };
  const due: { atMs: number; action: () => void }[] = [];
  const timers: TimerPort = {
    after: (ms, action) => due[due.push({ atMs: grid.clock.now + ms, action }) - 1],
    cancel: (timer) => void due.splice(due.indexOf(timer as (typeof due)[0]), 1),
  };
  const pass = (ms: number) => {
    grid.clock.now += ms;
    for (const one of due.slice()) if (one.atMs <= grid.clock.now && due.includes(one)) due.splice(due.indexOf(one), 1)[0]!.action();
  };
  const startMeter = () => {
    const crypto = cryptoOf("meter");
    const party = grid.party(crypto, meter, [[customer, metering]]);
    const opened: boolean[] = [];
    const unit = new CertifiedLeafUnit({ id: "meter", registry, parent: "home", onSession: (_peer, open) => opened.push(open) }, ports(crypto));
    const sessions = new CertifiedSessions({ unit, party, clock: grid.clockPort, log, resumption: resumptionOf("meter", crypto, party) });
    const up: Uint8Array[] = [];
    let link!: LinkPort;
    let events!: Parameters<ReturnType<typeof certifiedConnector>>[0];
    const cable: LinkPort = { name: "cable", send: (message) => up.push(message) > 0, close: (reason) => events.down(reason) };
    const connector = certifiedConnector((inner) => ((events = inner), cable), { unit, party, sessions, parent: "home", timers, clock: grid.clockPort, log });
    const connect = () => {
      up.length = 0;
      link = connector({ up: () => unit.linkUp(link, "home"), message: (message) => unit.receive(link, message), down: () => unit.linkLost(link) });
      events.up();
    };
    return { unit, crypto, sessions, up, opened, connect, receive: (message: Uint8Array) => events.message(message), lose: () => events.down("cut") };
  };
  return { grid, meter, lines, salts, states, startHome, startMeter, pass };
}

type World = ReturnType<typeof street>;

/** One link between a home and a meter; a message a step. */
function cableOf(home: ReturnType<World["startHome"]>, meter: ReturnType<World["startMeter"]>) {
  const down: Uint8Array[] = [];
  const link: LinkPort = { name: "cable", send: (message) => down.push(message) > 0, close: () => {} };
  /** Hands over one message. @returns whether there was one */
  const step = (): boolean => {
    meter.unit.tick();
    home.unit.tick();
    const message = meter.up.shift();
    if (message) return home.door.receive(link, message) || true;
    const answer = down.shift();
    return answer ? meter.receive(answer) || true : false;
  };
  const run = () => {
    while (step());
  };
  return { link, step, run, down };
}

describe("SP-1 a restart at every step", () => {
  test("of either end or of both: the session opens in the end by itself, and no key of a session comes twice", { timeout: 60_000 }, () => {
    // Handshake, opening and first messages are 8 at most.
    for (const who of ["home", "meter", "both"])
      for (let steps = 0; steps <= 9; steps++) {
        const world = street();
        let [home, meter] = [world.startHome(), world.startMeter()];
        meter.connect();
        const first = cableOf(home, meter);
        for (let i = 0; i < steps; i++) first.step();
        if (who !== "meter") home = world.startHome();
        if (who !== "home") meter = world.startMeter();
        else meter.lose();
        for (let tries = 0; tries < 3 && meter.opened.at(-1) !== true; tries++) {
          meter.connect();
          const again = cableOf(home, meter);
          again.run();
          world.pass(5000);
          again.run();
        }
        expect([who, steps, meter.opened.at(-1), home.sessions.has("meter")]).toEqual([who, steps, true, true]);
        for (const derived of Object.values(world.salts)) expect(new Set(derived).size).toBe(derived.length);
        // One session is kept at each end, whatever was begun.
        for (const state of Object.values(world.states)) expect([...state.records.keys()].filter((name) => name.startsWith("session-")).length).toBe(1);
      }
  });
});

describe("SP-1 sessions that are resumed", () => {
  test("damaged state, or another key to unwrap it, makes a new handshake and nothing worse", { timeout: 60_000 }, () => {
    const world = street();
    const { states, startHome, startMeter, lines } = world;
    const join = () => {
      const [home, meter] = [startHome(), startMeter()];
      meter.connect();
      cableOf(home, meter).run();
      return meter.opened.at(-1);
    };
    expect(join()).toBe(true);
    const record = [...states.meter.records].find(([name]) => name.startsWith("session-"))!;
    for (const damaged of [record[1].slice(0, 40), new Uint8Array(10), Uint8Array.of(...record[1], 0), record[1].map((byte, i) => (i === record[1].length - 700 ? byte ^ 1 : byte))]) {
      const name = [...states.meter.records.keys()].find((one) => one.startsWith("session-"))!;
      states.meter.records.set(name, damaged);
      expect(join()).toBe(true);
    }
    states.home.records.set("sessions", new Uint8Array(3));
    expect(join()).toBe(true);
    expect(lines.filter((line) => line.includes("is not resumed") || line.includes("the list of sessions")).length).toBeGreaterThan(3);
  });

  test("a session whose record cannot be kept goes on, and the log says that it ends with a restart", () => {
    const { states, startHome, startMeter, lines } = street();
    states.home.fails = () => true;
    const [home, meter] = [startHome(), startMeter()];
    meter.connect();
    cableOf(home, meter).run();
    expect([meter.opened, lines.join("\n")]).toEqual([[true], expect.stringMatching(/warning session \d+ is not kept over a restart/)]);
  });

  test("a session is renewed over its link before its time is over: whoever waits in it is told, and the next one lasts as long again", () => {
    const { startHome, startMeter, pass, grid } = street();
    const [home, meter] = [startHome(), startMeter()];
    meter.connect();
    const cable = cableOf(home, meter);
    cable.run();
    const before = home.sessions.expiresS("meter");
    pass(24 * 86_400_000);
    cable.run();
    expect(home.sessions.expiresS("meter")).toBe(before);
    pass(3 * 86_400_000);
    cable.run();
    expect([home.sessions.expiresS("meter"), meter.opened]).toEqual([grid.clock.now / 1000 + 30 * 86_400, [true, false, true]]);
  });

  test("a meter that has not joined yet is told that the link is lost, as one whose link is down", () => {
    const { startMeter } = street();
    const { unit } = startMeter();
    const { names } = unit;
    const results: number[] = [];
    const source = { device: names.id("meter"), service: names.id("metering"), stakeholder: names.id("customer") };
    unit.request({ op: 2, source, selector: { variable: 3, device: names.id("meter"), owner: names.id("customer") }, condition: [], function: 1 }, ({ result }) => results.push(result));
    unit.tick();
    expect(results).toEqual([Result.linkLost]);
  });

  test("a unit whose credential is revoked loses its session at the next review, open or kept", () => {
    const { states, startHome, startMeter } = street();
    const [home, meter] = [startHome(), startMeter()];
    meter.connect();
    const cable = cableOf(home, meter);
    cable.run();
    home.party.store.takeRevocations({ issuer: home.party.store.root, sequence: 1, entries: [{ subject: "meter", leastEpoch: 1 }] });
    home.sessions.review();
    expect([home.sessions.has("meter"), states.home.records.get("sessions")]).toEqual([false, Uint8Array.of(0x80)]);
    meter.lose();
    meter.connect();
    cable.run();
    expect(meter.opened.at(-1)).toBe(false);
  });
});

describe("SP-1 nothing is thrown out of a doorkeeper", () => {
  test("where its own delegations are too long to be sent: the log says why, and no key is left", { timeout: 60_000 }, () => {
    const { grid, meter, startHome, lines } = street();
    const home = startHome();
    const stakeholder = grid.stakeholder("grid-operator");
    const devices = Array.from({ length: 900 }, (_, i) => `a-device-of-the-street-${1000 + i}`);
    const delegations = ["a", "b"].map((service) => [stakeholder, grid.delegation(stakeholder, "home", service, { devices })] as [typeof stakeholder, ReturnType<Grid["delegation"]>]);
    const party = grid.party(home.crypto, grid.unit("home"), delegations);
    const door = new Doorkeeper({ ...home, party, clock: grid.clockPort, log: (level, line) => void lines.push(`${level} ${line}`) });
    const before = home.crypto.held.size;
    const down: Uint8Array[] = [];
    const link: LinkPort = { name: "cable", send: (message) => down.push(message) > 0, close: () => {} };
    const initiator = new CertifiedInitiator(grid.party(nodeCrypto(), meter), "home", () => true);
    for (const part of inParts(initiator.start())) door.receive(link, part);
    for (const part of inParts(initiator.receive(down.pop()!).send!)) expect(door.receive(link, part)).toBe(false);
    expect(lines.join("\n")).toMatch(/handshake message of \d+ bytes, at most 40000: fewer delegations/);
    expect([home.sessions.has("meter"), home.crypto.held.size - before]).toEqual([false, 1]);
  });
});

describe("SP-1 a unit that brings names into its sessions", () => {
  /** Joins with these names over a link of its own. @returns why it does not */
  function joins({ grid, meter, pass }: World, door: Doorkeeper, names: readonly string[]): string | undefined {
    pass(10_000);
    const customer = grid.stakeholder("customer");
    const initiator = new CertifiedInitiator(grid.party(nodeCrypto(), meter, [[customer, grid.delegation(customer, "meter", "metering")]], { names }), "home", () => true);
    const down: Uint8Array[] = [];
    const link: LinkPort = { name: "cable", send: (message) => down.push(message) > 0, close: () => {} };
    let message: Uint8Array | undefined = initiator.start();
    let failed: string | undefined;
    while (message) {
      for (const part of inParts(message)) door.receive(link, part);
      const reader = new PartReader();
      const whole = down.splice(0).map((part) => reader.push(part)).at(-1);
      const step: HandshakeStep = whole ? initiator.receive(whole) : {};
      failed = step.failed ?? failed;
      message = step.send;
    }
    return failed;
  }
  const names = (from: number) => Array.from({ length: 64 }, (_, i) => `name-${from + i}`);

  test("fills no table of this unit's: it is told that there is no room for more, and joins with those that are known", { timeout: 60_000 }, () => {
    const world = street();
    const { unit, door } = world.startHome();
    const told = Array.from({ length: 10 }, (_, round) => joins(world, door, names(round * 64)));
    expect(told.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(told.slice(4)).toEqual(Array(6).fill("handshake with home: refused: busy"));
    expect([unit.names.find("name-191") !== undefined, unit.names.find("name-320")]).toEqual([true, undefined]);
    expect([joins(world, door, names(64)), world.lines.join("\n")]).toEqual([undefined, expect.stringMatching(/meter brings \d+ names into its sessions, at most 256 are taken/)]);
  });
});

describe("SP-1 a parent that brings names into the sessions of units below", () => {
  test("fills no table of theirs: the unit goes on with what it has, and does not take the session", { timeout: 60_000 }, () => {
    const world = street();
    const meter = world.startMeter();
    const brought = (round: number) => Array.from({ length: 64 }, (_, i) => `name-${round * 64 + i}`);
    for (let round = 0; round < 7; round++) {
      // As a parent that has lost everything, and says so.
      world.states.home.records.clear();
      meter.connect();
      cableOf(world.startHome(brought(round)), meter).run();
      world.pass(60_000);
    }
    expect([0, 1, 2, 3, 4, 5, 6].map((round) => brought(round).filter((name) => meter.unit.names.find(name) !== undefined).length)).toEqual([64, 64, 64, 0, 0, 0, 0]);
    expect(world.lines.at(-1)).toMatch(/warning handshake with home: home brings \d+ names into its sessions, at most 256 are taken/);
    world.states.home.records.clear();
    meter.connect();
    cableOf(world.startHome(brought(1)), meter).run();
    expect(meter.opened.at(-1)).toBe(true);
  });
});

describe("SP-1 who floods a doorkeeper", () => {
  const stranger = (name: string): LinkPort & { readonly got: Uint8Array[] } => {
    const got: Uint8Array[] = [];
    return { name, got, send: (message) => got.push(message) > 0, close: () => {} };
  };

  test("with hellos over one link is answered a few times and then no more, and again after a while", () => {
    const { startHome, meter, grid } = street();
    const home = startHome();
    const hello = new CertifiedInitiator(grid.party(nodeCrypto(), meter), "home", () => true).start();
    const link = stranger("flood");
    for (let i = 0; i < 500; i++) expect(home.door.receive(link, hello)).toBe(false);
    expect([link.got.length, home.unit.counters.refused.failed]).toEqual([8, 492]);
    grid.clock.now += 2000;
    for (let i = 0; i < 10; i++) home.door.receive(link, hello);
    expect(link.got.length).toBe(10);
  });

  /** A hello over each of a thousand new links at once. @returns how many were answered with more than a refusal */
  const floods = (door: Doorkeeper, helloOf: (i: number) => Uint8Array): number => {
    const links = Array.from({ length: 1000 }, (_, i) => stranger(`flood ${i}`));
    links.forEach((link, i) => door.receive(link, helloOf(i)));
    return links.filter(({ got }) => got.some(([, kind]) => kind === HandshakeKind.answer)).length;
  };
  const helloOf = (grid: Grid, unit: ReturnType<Grid["unit"]>) => new CertifiedInitiator(grid.party(nodeCrypto(), unit), "home", () => true).start();

  test("over a thousand links costs bounded work, whoever is known joins and resumes meanwhile, and a newcomer soon after", { timeout: 60_000 }, () => {
    const { startHome, startMeter, meter: credential, grid, states, lines } = street();
    const home = startHome();
    const joins = (meter: ReturnType<typeof startMeter>) => {
      meter.connect();
      cableOf(home, meter).run();
      return meter.opened.at(-1);
    };
    const work = (action: () => void) => {
      const before = home.crypto.publicKeyOperations;
      action();
      return home.crypto.publicKeyOperations - before;
    };
    expect(joins(startMeter())).toBe(true);
    const hello = helloOf(grid, grid.unit("stranger", { role: "device", parents: ["home"] }));
    // Each with a credential of its own, as if the operator had signed it.
    const forged = (i: number) => hello.map((byte, at) => (at === hello.length - 5 ? i & 0xff : at === hello.length - 6 ? i >> 8 : byte));
    expect(work(() => expect(floods(home.door, forged)).toBe(0))).toBeLessThanOrEqual(100);
    expect(lines.at(-1)).toMatch(/more handshakes are begun than this unit answers/);

    const resumes = startMeter();
    expect([work(() => expect(joins(resumes)).toBe(true)), home.sessions.has("meter")]).toEqual([0, true]);
    states.meter.records.clear();
    const fresh = startMeter();
    expect(joins(fresh)).toBe(true);

    // In the name of a unit that is known the flood has that unit's share, and its session is resumed all the same.
    const named = helloOf(grid, credential);
    expect(floods(home.door, () => named)).toBeLessThanOrEqual(4);
    expect(joins(startMeter())).toBe(true);

    grid.clock.now += 1000;
    expect(floods(home.door, () => hello)).toBeLessThanOrEqual(50 + 4);
    grid.clock.now += 1000;
    const newcomer = stranger("newcomer");
    home.door.receive(newcomer, helloOf(grid, grid.unit("newcomer", { role: "device", parents: ["home"] })));
    expect(newcomer.got[0]![1]).toBe(HandshakeKind.answer);
  });

  test("leaves the unit whose session is open the renewal of it over its link", { timeout: 60_000 }, () => {
    const { startHome, startMeter, meter: credential, grid, pass } = street();
    const [home, meter] = [startHome(), startMeter()];
    meter.connect();
    const cable = cableOf(home, meter);
    cable.run();
    pass(27.1 * 86_400_000);
    const named = helloOf(grid, credential);
    expect(floods(home.door, () => named)).toBeGreaterThan(0);
    cable.run();
    expect([home.sessions.expiresS("meter"), meter.opened]).toEqual([grid.clock.now / 1000 + 30 * 86_400, [true, false, true]]);
  });

  test("with handshakes that never end takes bounded memory, and in the end nothing is left", { timeout: 60_000 }, () => {
    const { startHome, meter: credential, grid } = street();
    const home = startHome();
    const before = home.crypto.held.size;
    const hello = helloOf(grid, credential);
    for (let second = 0; second < 9; second++) {
      floods(home.door, () => hello);
      grid.clock.now += 1000;
    }
    // Three keys a handshake, 256 at once, and that of the credential.
    expect(home.crypto.held.size - before).toBeGreaterThan(200 * 3);
    expect(home.crypto.held.size - before).toBeLessThanOrEqual(256 * 3 + 1);
    grid.clock.now += 60_000;
    home.door.receive(stranger("late"), new Uint8Array(30));
    expect(home.crypto.held.size - before).toBe(1);
    home.door.close();
    home.unit.close();
    expect(home.crypto.held.size - before).toBeLessThanOrEqual(1);
  });

  test("with sessions that nobody knows is told so a few times, and messages of any form throw nothing", { timeout: 60_000 }, () => {
    const { startHome } = street();
    const home = startHome();
    const link = stranger("flood");
    const opening = Uint8Array.of(0x84, 0x44, 0xa1, 4, 0x41, 9, 0xa0, 0x55, 0xa2, 1, 16, 13, 0x50, ...new Uint8Array(16), 0x48, ...new Uint8Array(8));
    for (let i = 0; i < 100; i++) expect(home.door.receive(link, opening)).toBe(false);
    expect(link.got.map(toHex)).toEqual(Array(8).fill("820609"));
    for (let first = 0; first < 256; first++) for (let second = 0; second < 256; second += 5) expect(home.door.receive(link, Uint8Array.of(first, second, 1, 2, 3))).toBe(false);
    for (const bytes of [[], [0x84], [0x83, 0]]) expect(home.door.receive(link, Uint8Array.from(bytes))).toBe(false);
  });
});
