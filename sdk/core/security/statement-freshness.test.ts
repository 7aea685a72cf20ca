import { p256 } from "@noble/curves/nist.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NodeCrypto } from "../../../targets/linux-gateway/src/node-crypto";
import { issuedS } from "../../../tests/conformance/credential-world";
import { registry, StatementWorld } from "../../../tests/conformance/statement-world";
import { MemoryState } from "../../storage/memory-state";
import { StatementKind, type QueryStatement, type WriteStatement } from "../wire/statement-body";
import { ReplayWindows } from "./replay-windows";
import { SequenceReservation } from "./sequence-reservation";
import { StatementVerifier } from "./statement-verifier";

const replayed = expect.objectContaining({ code: "not-trusted", message: expect.stringContaining("replayed") });
const notFresh = expect.objectContaining({ code: "not-fresh" });
const crypto = new NodeCrypto();

/** A home that has accepted a request of the meter: from here on it tells what it has not seen from replays. */
function acquainted(): StatementWorld {
  const world = new StatementWorld(crypto);
  world.verifier.verify(world.sign(requestFor(world)));
  return world;
}

/** A request with the nonce of a receiver. */
function requestFor(world: StatementWorld, verifier = world.verifier, given: Partial<WriteStatement> = {}): WriteStatement {
  return world.write({ nonce: verifier.nonceFor(world.metering.id), ...given });
}

/** A query for what the meter has measured. */
function query(world: StatementWorld, sequence: number): QueryStatement {
  const { names, timeMs } = world;
  const selector = { variable: 3, device: names.id("meter"), owner: names.id("customer") };
  return { kind: StatementKind.query, names, sequence, timeMs, scope: "home", expiresS: issuedS + 7200, selector, condition: [], function: 1 };
}

describe("SP-1 a request in a statement", () => {
  test("is accepted once, and with another signature not again", () => {
    const world = acquainted();
    const request = world.sign(world.write());
    expect(world.verifier.verify(request).body.kind).toBe(StatementKind.write);
    expect(() => world.verifier.verify(request)).toThrow(replayed);
    const other = request.slice();
    const s = BigInt(`0x${Buffer.from(request.slice(-32)).toString("hex")}`);
    other.set(Buffer.from((p256.Point.Fn.ORDER - s).toString(16).padStart(64, "0"), "hex"), request.length - 32);
    expect(() => world.verifier.verify(other)).toThrow(replayed);
  });

  test("for another unit is refused, and so is one for all of a part of the grid", () => {
    const world = acquainted();
    const refused = expect.objectContaining({ code: "not-trusted", message: expect.stringMatching(/not for home/) });
    for (const scope of ["neighbour", "station"]) expect(() => world.verifier.verify(world.sign(world.write({ scope })))).toThrow(refused);
    const neighbour = world.verifierOf({ unit: "neighbour" }, new MemoryState());
    expect(() => neighbour.verify(world.sign(world.write()))).toThrow(expect.objectContaining({ code: "not-trusted", message: expect.stringContaining("for home, not for neighbour") }));
  });

  test("that was accepted is not accepted after a restart, whatever came between", () => {
    const world = acquainted();
    const requests = [1, 2, 3].map(() => world.sign(world.write()));
    for (const request of requests) world.verifier.verify(request);
    const restarted = world.verifierOf();
    for (const request of requests) expect(() => restarted.verify(request)).toThrow(replayed);
    restarted.verify(world.sign(world.write()));
  });

  test("takes effect only once it is kept as accepted: a crash at any moment never accepts it twice", () => {
    const world = acquainted();
    const request = world.sign(world.write());
    world.state.fails = () => true;
    expect(() => world.verifier.verify(request)).toThrow(expect.objectContaining({ code: "storage-failed" }));
    world.state.fails = () => false;
    expect(() => world.verifier.verify(request)).toThrow(replayed);
    // The power went before anything was kept: then nothing has happened yet either.
    world.verifierOf().verify(request);
    expect(() => world.verifierOf().verify(request)).toThrow(replayed);
  });

  test("that is forged moves no window: the genuine one of the same sequence is accepted, and those before it", () => {
    const world = acquainted();
    const genuine = world.write();
    const far = world.write({ sequence: 1_000_000 });
    const kept = world.state.load("windows");
    for (const body of [genuine, far]) expect(() => world.verifier.verify(world.sign(body, world.metering, world.home))).toThrow(expect.objectContaining({ code: "not-trusted" }));
    expect(world.state.load("windows")).toEqual(kept);
    world.verifier.verify(world.sign(genuine));
  });

  test("may come late among the newest 32, not later", () => {
    const world = acquainted();
    const ask = (sequence: number) => world.verifier.verify(world.sign(query(world, sequence)));
    ask(100);
    ask(69);
    expect(() => ask(68)).toThrow(replayed);
    ask(99);
    expect(() => ask(99)).toThrow(replayed);
  });

  test("that writes is refused once a later write was accepted, over restarts too; queries are not in its way", () => {
    const world = acquainted();
    const write = (sequence: number, verifier = world.verifier) => verifier.verify(world.sign(world.write({ sequence })));
    world.verifier.verify(world.sign(query(world, 101)));
    write(98);
    write(100);
    expect(() => write(99)).toThrow(replayed);
    expect(() => write(99, world.verifierOf())).toThrow(replayed);
    world.verifier.verify(world.sign(query(world, 99)));
  });

  test("without an expiry or a time cannot be made, and one that has expired is refused", () => {
    const world = acquainted();
    for (const left of ["expiresS", "timeMs"] as const) expect(() => world.verifier.verify(world.sign(world.write({ [left]: undefined })))).toThrow(expect.objectContaining({ code: "malformed" }));
    const late = world.sign(world.write({ expiresS: issuedS + 120 }));
    world.nowMs += 60_000;
    expect(() => world.verifier.verify(late)).toThrow(expect.objectContaining({ code: "not-trusted", message: expect.stringContaining("expired") }));
  });
});

describe("SP-1 a receiver that cannot tell a request from a replay demands a nonce", () => {
  test("after its windows were lost, also of requests that it had accepted", () => {
    const world = acquainted();
    const accepted = world.sign(world.write());
    world.verifier.verify(accepted);
    const lost = world.verifierOf({}, new MemoryState());
    expect(() => lost.verify(accepted)).toThrow(notFresh);
    expect(() => lost.verify(world.sign(world.write()))).toThrow(notFresh);
    const withNonce = world.sign(requestFor(world, lost));
    lost.verify(withNonce);
    expect(() => lost.verify(withNonce)).toThrow(replayed);
    lost.verify(world.sign(world.write()));
    expect(() => lost.verify(accepted)).toThrow(replayed);
  });

  test("after the record of its windows was damaged, over one restart and the next", () => {
    const world = acquainted();
    const accepted = world.sign(world.write());
    world.verifier.verify(accepted);
    world.state.damaged.add("windows");
    for (let start = 0; start < 2; start++) {
      const restarted = world.verifierOf();
      for (const request of [accepted, world.sign(world.write())]) expect(() => restarted.verify(request)).toThrow(notFresh);
    }
    const restarted = world.verifierOf();
    restarted.verify(world.sign(requestFor(world, restarted)));
    expect(() => world.verifierOf().verify(accepted)).toThrow(replayed);
  });

  test("not of a signer whose first request was made after all that were lost", () => {
    const world = new StatementWorld(crypto);
    const verifier = world.verifierOf();
    expect(() => verifier.verify(world.sign(world.write()))).toThrow(notFresh);
    world.nowMs += 301_000;
    verifier.verify(world.sign(world.write()));
  });

  test("while its clock is not set, of every request", () => {
    const world = acquainted();
    world.isSet = false;
    expect(() => world.verifier.verify(world.sign(world.write()))).toThrow(notFresh);
    const request = world.sign(requestFor(world));
    world.verifier.verify(request);
    expect(() => world.verifier.verify(request)).toThrow(replayed);
  });

  test("which somebody else may have made up: of a request and the same with a nonce, at most one is accepted, in whichever order", () => {
    const world = acquainted();
    const made = [world.write(), world.write()].map((body) => [body, { ...body, nonce: new Uint8Array(8).fill(7) }].map((each) => world.sign(each)));
    for (const [first, second] of [made[0]!, made[1]!.reverse()]) {
      world.verifier.verify(first!);
      expect(() => world.verifier.verify(second!)).toThrow(replayed);
    }
  });

  test("only of genuine ones: what is forged is refused as such", () => {
    const world = new StatementWorld(crypto);
    expect(() => world.verifier.verify(world.sign(world.write(), world.metering, world.home))).toThrow(expect.objectContaining({ code: "not-trusted" }));
  });

  test("which is for one signer, one start, and a minute or two", () => {
    const world = new StatementWorld(crypto);
    const { verifier } = world;
    const other = world.sign(world.write({ nonce: verifier.nonceFor(world.customer.credential.id) }));
    const otherStart = world.sign(world.write({ nonce: world.verifierOf().nonceFor(world.metering.id) }));
    for (const request of [other, otherStart]) expect(() => verifier.verify(request)).toThrow(notFresh);
    world.monotonic = 59_000;
    const early = world.sign(requestFor(world));
    const old = world.sign(requestFor(world));
    world.monotonic = 119_000;
    verifier.verify(early);
    world.monotonic = 180_000;
    world.isSet = false;
    expect(() => verifier.verify(old)).toThrow(notFresh);
  });
});

describe("SP-1 windows of many signers", () => {
  const idOf = (n: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, n >> 8, n);

  test("that push one out end its nonces: a request that came with one is not accepted a second time", () => {
    const world = new StatementWorld(crypto);
    const windows = new ReplayWindows(new MemoryState());
    const verifier = new StatementVerifier(world.store, world.clock, crypto, windows, { unit: "home", above: [], registry });
    const request = world.sign(requestFor(world, verifier));
    verifier.verify(request);
    for (let n = 0; n < 256; n++) windows.accept(idOf(n), { sequence: 1, timeS: issuedS, isWrite: false });
    expect(() => verifier.verify(request)).toThrow(notFresh);
    verifier.verify(world.sign(requestFor(world, verifier)));
  });

  test("are bounded; a signer whose window was given up is unknown for all that may have been accepted, and nonces of before are not taken", () => {
    const windows = new ReplayWindows(new MemoryState());
    expect(windows.judge(idOf(0), { sequence: 1, timeS: 5000, isWrite: false }, 1000)).toBe("fresh");
    for (let n = 0; n < 256; n++) windows.accept(idOf(n), { sequence: 1, timeS: 5000 + n, isWrite: false });
    expect(windows.generation).toBe(0);
    expect(windows.judge(idOf(0), { sequence: 1, timeS: 5000, isWrite: false }, 1000)).toBe("replayed");
    windows.accept(idOf(256), { sequence: 1, timeS: 6000, isWrite: false });
    expect(windows.generation).toBe(1);
    expect(windows.judge(idOf(0), { sequence: 1, timeS: 5000, isWrite: false }, 1000)).toBe("unknown");
    expect(windows.judge(idOf(0), { sequence: 2, timeS: 5001, isWrite: false }, 1000)).toBe("fresh");
    expect(windows.judge(idOf(1), { sequence: 1, timeS: 5001, isWrite: false }, 1000)).toBe("replayed");
  });

  test("never find a request fresh that was accepted, over restarts and whatever is given up", () => {
    // Each signer's requests, in the order in which it signed them, come in any order and any number of times.
    const signers = fc.array(fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(3)), { minLength: 1, maxLength: 4 }), { minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(signers, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(9)), { minLength: 1500, maxLength: 1500 }), (steps, arrivals) => {
        const requests = steps.map((of) => of.map((_, i) => of.slice(0, i + 1).reduce(([seq, at], [by, later]) => [seq + by, at + later] as const, [0, 1000] as const)));
        const state = new MemoryState();
        let windows = new ReplayWindows(state);
        windows.judge(idOf(0), { sequence: 1, timeS: 1000, isWrite: false }, 999);
        const accepted = new Set<string>();
        for (const [who, which, restart] of arrivals) {
          const signer = who % requests.length;
          const place = which % requests[signer]!.length;
          const [sequence, timeS] = requests[signer]![place]!;
          if (windows.judge(idOf(signer), { sequence, timeS, isWrite: false }, 2000) === "fresh") {
            expect(accepted.has(`${signer}/${place}`)).toBe(false);
            accepted.add(`${signer}/${place}`);
            windows.accept(idOf(signer), { sequence, timeS, isWrite: false });
          }
          if (restart === 0 && accepted.size) windows = new ReplayWindows(state);
        }
        expect(accepted.size).toBeGreaterThan(250);
      }),
      { numRuns: 10 },
    );
  });
});

describe("SP-1 sequences of what a unit signs", () => {
  const id = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const other = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9);

  test("rise by one under each credential, are written once in 64, and go on above after a restart", () => {
    const state = new MemoryState();
    let written = 0;
    state.fails = () => (written++, false);
    const sequences = new SequenceReservation(state);
    expect([sequences.next(id), sequences.next(id), sequences.next(other), sequences.next(id)]).toEqual([1, 2, 1, 3]);
    for (let n = 4; n <= 64; n++) expect(sequences.next(id)).toBe(n);
    expect(written).toBe(2);
    expect(sequences.next(id)).toBe(65);
    expect(written).toBe(3);
    const restarted = new SequenceReservation(state);
    expect([restarted.next(id), restarted.next(other)]).toEqual([129, 65]);
  });

  test("are not handed out where none could be reserved", () => {
    const state = new MemoryState();
    const sequences = new SequenceReservation(state);
    state.fails = () => true;
    for (let i = 0; i < 2; i++) expect(() => sequences.next(id)).toThrow(expect.objectContaining({ code: "storage-failed" }));
    state.fails = () => false;
    expect(sequences.next(id)).toBe(1);
  });

  test("are not handed out after their record was damaged: none that was used is used again", () => {
    const state = new MemoryState();
    new SequenceReservation(state).next(id);
    state.damaged.add("sequences");
    for (let start = 0; start < 2; start++) expect(() => new SequenceReservation(state).next(id)).toThrow(expect.objectContaining({ code: "storage-failed", message: expect.stringContaining("have new delegations made, then remove it") as string }));
    state.keep("sequences", new Uint8Array(0));
    expect(new SequenceReservation(state).next(other)).toBe(1);
  });

  test("of credentials that are not used any more make room for others", () => {
    const sequences = new SequenceReservation(new MemoryState());
    for (let n = 0; n < 256; n++) sequences.next(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, n));
    expect(() => sequences.next(id)).toThrow(expect.objectContaining({ code: "too-large" }));
    sequences.retain([Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7)]);
    expect([sequences.next(id), sequences.next(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 7))]).toEqual([1, 2]);
  });

  test("end, and then a new delegation is needed", () => {
    const state = new MemoryState();
    const sequences = new SequenceReservation(state);
    sequences.next(id);
    const record = state.records.get("sequences")!;
    // [[id, 64]] with 2^30 - 1 in place of 64
    state.keep("sequences", Uint8Array.of(...record.slice(0, -2), 0x1a, 0x3f, 0xff, 0xff, 0xff));
    expect(() => new SequenceReservation(state).next(id)).toThrow(expect.objectContaining({ code: "too-large", message: expect.stringContaining("new delegation") }));
  });
});
