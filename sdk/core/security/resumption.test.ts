/** What is kept of sessions over a restart, and who changes it on the disk. */
import { describe, expect, test } from "vitest";
import { Grid, nodeCrypto, nowS } from "../../../tests/scenarios/certified-grid";
import { MemoryState } from "../../storage/memory-state";
import type { LogPort, StateName } from "../ports";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import type { HandshakeParty } from "./certified-handshake";
import { CertifiedInitiator } from "./certified-initiator";
import { CertifiedResponder } from "./certified-responder";
import type { Established } from "./handshake";
import { Resumption } from "./resumption";

const tagBytes = 32;
const record: StateName = "session-7";

/** A home whose sessions with meters are kept, in a state that others can write into. */
function home() {
  const grid = new Grid();
  const [customer, operator] = [grid.stakeholder("customer"), grid.stakeholder("grid-operator")];
  const credential = grid.unit("home");
  const guard = grid.delegation(operator, "home", "guard");
  const state = new MemoryState();
  const lines: string[] = [];
  const log: LogPort = (_level, line) => void lines.push(line);
  const started = (asked: Pick<HandshakeParty, "protection" | "names"> = {}) => {
    const crypto = nodeCrypto();
    const party = grid.party(crypto, credential, [[operator, guard]], asked);
    const resumption = new Resumption({ state, crypto, party, wrapping: crypto.importKey(grid.seed("home wraps"), "wrap"), clock: grid.clockPort, log });
    return { crypto, party, resumption };
  };
  /** A session by a handshake with number 7, kept. */
  const keptWith = ({ party, resumption }: ReturnType<typeof started>, meter: string, services: readonly string[], protection: HandshakeParty["protection"] = "mac", expiresS?: number): Established => {
    const below = grid.party(nodeCrypto(), grid.unit(meter, { role: "device", parents: ["home"] }), services.map((service) => [customer, grid.delegation(customer, meter, service)] as const), { protection });
    const responder = new CertifiedResponder(party, () => true);
    const initiator = new CertifiedInitiator(below, "home", () => true);
    let done: Established | undefined;
    for (let toHome: Uint8Array | undefined = initiator.start(); toHome && !done; ) {
      const step = responder.receive(toHome);
      done = step.done;
      toHome = step.send && initiator.receive(step.send).send;
    }
    const session = { ...done!, config: { ...done!.config, kid: 7 }, expiresS: expiresS ?? done!.expiresS };
    resumption.keep(session);
    return session;
  };
  return { clock: grid.clock, state, lines, started, keptWith };
}

/** What a restart resumes of a changed record: nothing, and no key is left behind. */
function expectNotResumed(world: ReturnType<typeof home>, { crypto, resumption }: ReturnType<ReturnType<typeof home>["started"]>, bytes: Uint8Array): void {
  world.state.keep("sessions", encodeCbor([7]));
  world.state.keep(record, bytes);
  const [held, operations] = [crypto.held.size, crypto.publicKeyOperations];
  expect(resumption.restore()).toEqual([]);
  expect([crypto.held.size, crypto.publicKeyOperations]).toEqual([held, operations]);
  // A new handshake takes its place.
  expect([world.state.load(record), world.lines.pop()]).toEqual([undefined, expect.stringMatching(/^session 7 is not resumed, a new handshake is made: /)]);
}

describe("SP-1 SP-3 the record of a session", () => {
  test("as it was kept is resumed without an operation on key pairs", () => {
    const world = home();
    const { config, peer } = world.keptWith(world.started(), "meter", ["metering"], "encrypt");
    const { crypto, resumption } = world.started();
    const before = crypto.publicKeyOperations;
    const [session] = resumption.restore();
    expect([session!.config, session!.peer.subject, session!.delegations.map(({ service }) => service)]).toEqual([config, peer.subject, ["metering"]]);
    expect([crypto.publicKeyOperations - before, world.lines]).toEqual([0, []]);
  });

  test("is not resumed once its time is over, even where every credential holds longer", () => {
    const world = home();
    world.keptWith(world.started(), "meter", ["metering"], "mac", nowS + 100);
    world.clock.now = (nowS + 100) * 1000 - 1;
    expect(world.started().resumption.restore()).toHaveLength(1);
    world.clock.now++;
    expect([world.started().resumption.restore(), world.lines]).toEqual([[], [expect.stringMatching(/its time is over/)]]);
  });

  test("is not resumed once any byte of it was changed, or it was cut off", { timeout: 60_000 }, () => {
    const world = home();
    world.keptWith(world.started(), "meter", ["metering"]);
    const bytes = world.state.records.get(record)!;
    const restarted = world.started();
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at & 7);
      expectNotResumed(world, restarted, changed);
    }
    for (const length of [1, tagBytes, bytes.length - tagBytes, bytes.length - 1]) expectNotResumed(world, restarted, bytes.slice(0, length));
  });

  test("is not resumed once a part of it is another's, or of its own past: neither the secret, nor who may do what, nor the tag", () => {
    const world = home();
    const [unit, restarted] = [world.started(), world.started()];
    // The meter's session of before had a service more; and another unit, which may less, had the number as well.
    const kept = [["meter", ["metering", "control"]], ["meter", ["metering"]], ["lamp", ["metering"]]] as const;
    const records = kept.map(([meter, services], i) => {
      world.keptWith(unit, meter, services, i ? "encrypt" : "mac");
      return world.state.records.get(record)!.slice();
    });
    const itemsOf = (bytes: Uint8Array) => decodeCbor(bytes.subarray(0, bytes.length - tagBytes)) as CborValue[];
    let swapped = 0;
    for (const to of records)
      for (const from of records) {
        if (to === from) continue;
        const [items, others] = [itemsOf(to), itemsOf(from)];
        items.forEach((item, i) => {
          if (Buffer.from(encodeCbor(item)).equals(encodeCbor(others[i]!))) return;
          const mixed = encodeCbor(items.map((own, at) => (at === i ? others[i]! : own)), new Uint8Array(4096));
          for (const { length, buffer } of [to, from].map((of) => of.slice(-tagBytes))) expectNotResumed(world, restarted, Buffer.concat([mixed, new Uint8Array(buffer, 0, length)]));
          swapped++;
        });
        expectNotResumed(world, restarted, Buffer.concat([to.slice(0, -tagBytes), from.slice(-tagBytes)]));
      }
    expect(swapped).toBeGreaterThan(20);
  });

  test.each<[string, Pick<HandshakeParty, "protection" | "names">, RegExp]>([
    ["encryption that was not asked for before", { protection: "encrypt" }, /it is not encrypted, and is to be from now on/],
    ["a name that it does not carry", { names: ["supplier"] }, /it does not carry all the names/],
  ])("is not resumed where the unit is configured to have %s", (_what, asked, why) => {
    const world = home();
    world.keptWith(world.started(), "meter", ["metering"]);
    const { crypto, resumption } = world.started(asked);
    const held = crypto.held.size;
    expect(resumption.restore()).toEqual([]);
    expect([crypto.held.size, world.lines]).toEqual([held, [expect.stringMatching(why)]]);
  });
});
