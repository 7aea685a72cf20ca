import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readHandshake, withTag, writeAnswer, writeHello, writeRefusal, type Hello } from "../wire/handshake-message";
import { checkBody, decodeBody, encodeBody, makeBody, transcriptOf, type HandshakeParty } from "./certified-handshake";
import { CertifiedInitiator } from "./certified-initiator";
import { CertifiedResponder } from "./certified-responder";
import type { HandshakeStep } from "./handshake";
import { concat, HandshakeKeys } from "./handshake-keys";
import { Grid, nobleCrypto, nodeCrypto, nowS, type FullCrypto } from "../../../tests/scenarios/certified-grid";
import type { KeyHandle } from "./crypto-port";

const ports: [string, () => ReturnType<typeof nodeCrypto>, () => ReturnType<typeof nodeCrypto>][] = [
  ["node to node", nodeCrypto, nodeCrypto],
  ["node to noble", nodeCrypto, nobleCrypto],
  ["noble to node", nobleCrypto, nodeCrypto],
];

const free = () => true;

/** A tag that a secret makes: equal secrets make equal tags. */
function tagUnder(crypto: FullCrypto, secret: KeyHandle): Uint8Array {
  const key = crypto.deriveKey(secret, new Uint8Array(0), new Uint8Array(0), "mac");
  const tag = new Uint8Array(32);
  crypto.mac(key, tag, 1, tag);
  crypto.destroyKey(key);
  return tag;
}

/** Lets both ends talk until one of them has nothing more to say. @returns their last steps and all messages */
function run(initiator: CertifiedInitiator, respond: () => CertifiedResponder) {
  const messages: Uint8Array[] = [];
  let atInitiator: HandshakeStep = { send: initiator.start() };
  let atResponder: HandshakeStep = {};
  let responder: CertifiedResponder | undefined;
  let established: HandshakeStep["done"];
  while (atInitiator.send) {
    messages.push(atInitiator.send);
    if (atInitiator.send[1] === 1) {
      responder?.close();
      responder = respond();
    }
    atResponder = responder!.receive(atInitiator.send);
    established ??= atResponder.done;
    if (!atResponder.send) break;
    messages.push(atResponder.send);
    atInitiator = initiator.receive(atResponder.send);
  }
  return { initiated: atInitiator.done, responded: established, messages, failed: [atInitiator.failed, atResponder.failed] };
}

function street(cryptoOf: () => FullCrypto = nodeCrypto, cryptoAbove: () => FullCrypto = cryptoOf) {
  const grid = new Grid();
  const [customer, operator] = [grid.stakeholder("customer"), grid.stakeholder("grid-operator")];
  const meter = grid.unit("meter", { role: "device", parents: ["home"] });
  const home = grid.unit("home", { parents: ["lv"] });
  const metering = grid.delegation(customer, "meter", "metering", { rights: 2, devices: ["meter"] });
  const guard = grid.delegation(operator, "home", "guard");
  const below = (more: Partial<HandshakeParty> = {}) => grid.party(cryptoOf(), meter, [[customer, metering]], more);
  const above = (more: Partial<HandshakeParty> = {}) => grid.party(cryptoAbove(), home, [[operator, guard]], more);
  return { grid, customer, operator, meter, home, metering, guard, below, above };
}

describe.each(ports)("SP-1 a certified handshake, %s", (_name, lower, upper) => {
  test("leaves the same session at both ends, under a secret that both have and no other handshake", () => {
    const { below, above } = street(lower, upper);
    const [meter, home] = [below(), above({ names: ["supplier", "billing"] })];
    const held = [meter, home].map(({ crypto }) => (crypto as ReturnType<typeof nodeCrypto>).held.size);
    const once = run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(home, free));
    expect(once.initiated!.config).toEqual({
      kid: expect.any(Number) as number,
      domain: "elm-street",
      initiator: "meter",
      responder: "home",
      owner: "customer",
      names: ["meter", "home", "customer", "metering", "guard", "grid-operator", "supplier", "billing"],
      sources: [{ device: "meter", service: "metering", stakeholder: "customer" }, { device: "home", service: "guard", stakeholder: "grid-operator" }],
    });
    expect(once.responded!.config).toEqual(once.initiated!.config);
    expect([once.initiated!.peer.subject, once.responded!.peer.subject]).toEqual(["home", "meter"]);
    expect([once.initiated!.delegations.map((one) => one.service), once.responded!.delegations.map((one) => one.service)]).toEqual([["guard"], ["metering"]]);
    expect(once.responded!.expiresS).toBe(nowS + 90 * 86_400);
    const tag = tagUnder(meter.crypto as FullCrypto, once.initiated!.secret);
    expect(tagUnder(home.crypto as FullCrypto, once.responded!.secret)).toEqual(tag);
    const again = run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(home, free));
    expect(tagUnder(home.crypto as FullCrypto, again.responded!.secret)).not.toEqual(tag);
    // The first brings the credentials, the second names them.
    expect([once.messages.length, again.messages.length]).toEqual([4, 4]);
    expect(again.messages[0]!.length).toBeLessThan(40);
    for (const { initiated, responded } of [once, again]) {
      meter.crypto.destroyKey(initiated!.secret);
      home.crypto.destroyKey(responded!.secret);
    }
    // What is held more are the credentials of the other.
    expect([meter, home].map(({ crypto, store }, i) => (crypto as ReturnType<typeof nodeCrypto>).held.size - held[i]! - (store.size - 4))).toEqual([0, 0]);
  });
});

/** Both ends after hello and answer: what each has sent so far. */
function greeted(world = street()) {
  const [meter, home] = [world.below(), world.above()];
  const initiator = new CertifiedInitiator(meter, "home", free);
  const responder = new CertifiedResponder(home, free);
  const hello = initiator.start();
  const answer = responder.receive(hello).send!;
  return { ...world, parties: { meter, home }, initiator, responder, hello, answer };
}

/** Takes a party's place at the price of its agreement key alone: it signs with a key of its own. */
function withoutSigningKey(party: HandshakeParty): HandshakeParty {
  const forged = party.crypto.generateKey("es256");
  return { ...party, signingKey: forged, delegations: party.delegations.map(({ credential }) => ({ credential, key: forged })) };
}

const reasonOf = (refusal: Uint8Array | undefined) => (refusal && readHandshake(refusal) as { reason?: string })?.reason;

describe("SP-1 SP-5 who attacks a handshake", () => {
  test("replays of each message of another handshake, at either end, lead to nothing, and the handshake under way goes on", () => {
    const world = street();
    const [meter, home] = [world.below(), world.above()];
    const recorded = run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(home, free)).messages;
    const initiator = new CertifiedInitiator(meter, "home", free);
    const responder = new CertifiedResponder(home, free);
    const answer = responder.receive(initiator.start()).send!;
    for (const message of recorded) expect(responder.receive(message)).toEqual({});
    for (const message of recorded) expect(initiator.receive(message)).toEqual({});
    const open = initiator.receive(answer).send!;
    for (const message of recorded) expect([initiator.receive(message), responder.receive(message)]).toEqual([{}, {}]);
    const { send, done } = responder.receive(open);
    expect([done?.peer.subject, initiator.receive(send!).done?.peer.subject]).toEqual(["meter", "home"]);
    // Once it is over, nothing of it counts again.
    for (const message of [answer, open, send!]) expect([initiator.receive(message), responder.receive(message)]).toEqual([{}, {}]);
  });

  test("a hello that is sent again is answered, and opens nothing: the open to it cannot be made", () => {
    const { hello, parties } = greeted();
    const responder = new CertifiedResponder(parties.home, free);
    expect(responder.receive(hello).send).toBeDefined();
    const { messages } = run(new CertifiedInitiator(parties.meter, "home", free), () => new CertifiedResponder(parties.home, free));
    expect(responder.receive(messages[2]!)).toEqual({});
  });

  test("SP-1 a unit that was sold does not come back with its credential of before, neither the same epoch nor another", () => {
    const { grid, home, guard, operator } = street();
    const above = grid.party(nodeCrypto(), home, [[operator, guard]]);
    const issuedS = grid.clock.now / 1000 - 1000;
    const joins = (owner: string, epoch: number, ageS: number) => {
      const meter = grid.unit("meter", { role: "device", parents: ["home"], owner, epoch, issuedS: issuedS - ageS });
      return run(new CertifiedInitiator(grid.party(nodeCrypto(), meter), "home", free), () => new CertifiedResponder(above, free));
    };
    expect(joins("first", 0, 900).responded?.config.owner).toBe("first");
    expect(joins("second", 1, 500).responded?.config.owner).toBe("second");
    expect(joins("first", 0, 900).failed).toContainEqual(expect.stringMatching(/older than another of its that was seen/));
    expect(joins("third", 1, 100).responded?.config.owner).toBe("third");
    for (const [owner, epoch, ageS] of [["second", 1, 500], ["first", 0, 0]] as const) expect(joins(owner, epoch, ageS).responded).toBe(undefined);
    expect(joins("third", 1, 100).responded?.config.owner).toBe("third");
  });

  test("messages of two handshakes that are mixed lead to nothing", () => {
    const world = street();
    const [meter, home] = [world.below(), world.above()];
    const [a, b] = [0, 1].map(() => {
      const [initiator, responder] = [new CertifiedInitiator(meter, "home", free), new CertifiedResponder(home, () => true)];
      return { initiator, responder, answer: responder.receive(initiator.start()).send! };
    }) as [ReturnType<typeof greeted>, ReturnType<typeof greeted>];
    expect([a.initiator.receive(b.answer), b.initiator.receive(a.answer)]).toEqual([{}, {}]);
    const [openA, openB] = [a.initiator.receive(a.answer).send!, b.initiator.receive(b.answer).send!];
    expect([a.responder.receive(openB), b.responder.receive(openA)]).toEqual([{}, {}]);
    const [acceptA, acceptB] = [a.responder.receive(openA).send!, b.responder.receive(openB).send!];
    expect([a.initiator.receive(acceptB), b.initiator.receive(acceptA)]).toEqual([{}, {}]);
    expect([a.initiator.receive(acceptA).done, b.initiator.receive(acceptB).done]).not.toContain(undefined);
  });

  test("each bit of each message is covered: with one changed on the way there is no session that both have", () => {
    const world = street();
    const [meter, home] = [world.below(), world.above()];
    run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(home, free));
    for (let number = 0; number < 4; number++) {
      const size = run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(home, free)).messages[number]!.length;
      for (let at = 0; at < size; at += 1 + Math.floor(size / 40)) {
        const [initiator, responder] = [new CertifiedInitiator(meter, "home", free), new CertifiedResponder(home, free)];
        const change = (message: Uint8Array | undefined, at_: number) => {
          const changed = message?.slice();
          if (changed && at_ === number) changed[at % changed.length]! ^= 1 << (at & 7);
          return changed ?? new Uint8Array(1);
        };
        const answer = responder.receive(change(initiator.start(), 0)).send;
        const open = initiator.receive(change(answer, 1)).send;
        const accepted = responder.receive(change(open, 2));
        const { done } = initiator.receive(change(accepted.send, 3));
        expect(done).toBeUndefined();
        if (accepted.done) home.crypto.destroyKey(accepted.done.secret);
        initiator.close();
        responder.close();
      }
    }
  });

  test("another version or suite is refused by name, and no answer that says another one is taken: nothing is lowered", () => {
    const { hello, parties } = greeted();
    for (const [at, value, reason] of [[2, 2, "version"], [2, 0, "version"], [3, 1, "suite"], [3, 3, "suite"]] as const) {
      const changed = hello.slice();
      changed[at] = value;
      const step = new CertifiedResponder(parties.home, free).receive(changed);
      expect([reasonOf(step.send), step.done]).toEqual([reason, undefined]);
    }
    for (const [at, value, said] of [[2, 2, "version 2 and suite 2"], [3, 1, "version 1 and suite 1"]] as const) {
      const { answer, initiator } = greeted();
      answer[at] = value;
      expect(initiator.receive(answer).failed).toBe(`handshake with home: it answers with ${said}, which were not asked for`);
    }
  });

  test("a session is encrypted where either end asks for it, and nobody on the way can take that back", () => {
    const world = street();
    for (const [lower, upper, protection] of [["mac", "mac", undefined], ["mac", "encrypt", "encrypt"], ["encrypt", "mac", "encrypt"], ["encrypt", "encrypt", "encrypt"]] as const) {
      const { initiated, responded } = run(new CertifiedInitiator(world.below({ protection: lower }), "home", free), () => new CertifiedResponder(world.above({ protection: upper }), free));
      expect([initiated!.config.protection, responded!.config.protection]).toEqual([protection, protection]);
    }
  });

  test("a unit with a valid credential that poses as another does not get through: it lacks the key", () => {
    const { grid, customer, below, above } = street();
    const thief = grid.unit("thief", { parents: ["home"] });
    const stolen = grid.party(nodeCrypto(), thief, [[customer, grid.delegation(customer, "thief", "metering")]]);
    // With the meter's credential and its own keys, no tag comes out right.
    const posing = { ...stolen, credential: below().credential };
    posing.store.add(posing.credential.bytes);
    expect(run(new CertifiedInitiator(posing, "home", free), () => new CertifiedResponder(above(), free))).toMatchObject({ initiated: undefined, responded: undefined });
    // With its own credential it comes in as itself, and opens no delegation of the meter's.
    const meters = below();
    const lying = { ...stolen, delegations: meters.delegations.map(({ credential }) => ({ credential, key: stolen.signingKey })) };
    for (const { credential } of meters.delegations) lying.store.add(credential.bytes);
    const { responded, failed } = run(new CertifiedInitiator(lying, "home", free), () => new CertifiedResponder(above(), free));
    expect([responded, failed[1]]).toEqual([undefined, "thief opens a session in the name of meter"]);
  });

  test("a parent that the credential does not name is refused, and so is one that was not called", () => {
    const { grid, operator, guard, meter, below, above } = street();
    const stray = grid.party(nodeCrypto(), grid.unit("meter", { parents: ["other-home"] }));
    const refused = run(new CertifiedInitiator(stray, "home", free), () => new CertifiedResponder(above(), free));
    expect([refused.responded, refused.failed]).toEqual([undefined, ["handshake with home: refused: notParent", "home is not among the parents of meter"]]);
    // Two parents in the credential: the one that was called has to answer.
    const both = grid.party(nodeCrypto(), grid.unit("meter", { parents: ["other-home", "home"] }));
    expect(run(new CertifiedInitiator(both, "other-home", free), () => new CertifiedResponder(above(), free)).failed[0]).toMatch(/home answers, which is not the parent that was called/);
    // A home that was renamed by somebody else's root is of another domain.
    const foreign = new Grid();
    expect(run(new CertifiedInitiator(below(), "home", free), () => new CertifiedResponder(foreign.party(nodeCrypto(), foreign.unit("home")), free)).initiated).toBeUndefined();
    expect([operator.subject, guard.subject, meter.subject]).toEqual(["grid-operator", "home", "meter"]);
  });

  test("a unit is not its own parent, and one whose place is held is told so", () => {
    const { grid, above } = street();
    const itself = grid.party(nodeCrypto(), grid.unit("home", { parents: ["home"] }));
    expect(run(new CertifiedInitiator(itself, "home", free), () => new CertifiedResponder(above(), free)).failed[1]).toBe("home is not among the parents of home");
    const { hello, parties } = greeted();
    expect(reasonOf(new CertifiedResponder(parties.home, free, () => true, (unit) => unit === "meter").receive(hello).send)).toBe("held");
  });

  test("a unit that was called, and has a credential, answers in vain where that of the caller does not name it", () => {
    const { grid, meter, below } = street();
    const crypto = nodeCrypto();
    const other = grid.unit("other-home");
    const initiator = new CertifiedInitiator(below(), "other-home", free);
    const hello = initiator.start();
    // It does all that the protocol asks of it, but for looking whether it may.
    const nonce = new Uint8Array(16);
    const covered = writeAnswer(nonce, 7, other.bytes);
    const transcript = transcriptOf(crypto, hello, covered, meter, other);
    const { nonce: theirs } = readHandshake(hello) as Hello;
    const agreeing = crypto.importPrivateKey(grid.seed("other-home agrees"), "ecdh-p256");
    const keys = new HandshakeKeys(crypto, crypto.agree(agreeing, meter.agreementKey), { domain: grid.domain, self: "other-home", peer: "meter", nonces: concat(theirs, nonce), transcript });
    expect(initiator.receive(withTag(covered, keys.tag(transcript, covered))).failed).toMatch(/other-home answers, which is not the parent that was called/);
  });

  test("what a stranger answers or refuses in between is passed over, and after four wrong answers the handshake is over", () => {
    const { initiator, answer } = greeted();
    const wrong = answer.slice();
    wrong[wrong.length - 1]! ^= 1;
    expect([initiator.receive(writeRefusal("notTrusted", new Uint8Array(16))), initiator.receive(wrong)]).toEqual([{}, {}]);
    expect(initiator.receive(answer).send?.[1]).toBe(3);
    const flooded = greeted();
    const forged = flooded.answer.slice();
    forged[forged.length - 1]! ^= 1;
    expect([1, 2, 3, 4].map(() => flooded.initiator.receive(forged).failed)).toEqual([undefined, undefined, undefined, "handshake with home: answers that do not belong to it"]);
    expect(flooded.initiator.receive(flooded.answer)).toEqual({});
  });

  test("a delegation that has expired since it was seen opens nothing, though it is named by its id", () => {
    const { grid, customer, meter, above } = street();
    const short = grid.delegation(customer, "meter", "metering", { expiresS: nowS + 100 });
    const [lower, upper] = [grid.party(nodeCrypto(), meter, [[customer, short]]), above()];
    const again = () => run(new CertifiedInitiator(lower, "home", free), () => new CertifiedResponder(upper, free));
    expect(again().responded?.expiresS).toBe(nowS + 100);
    grid.clock.now = (nowS + 100) * 1000;
    expect([again().responded, again().failed[1]]).toEqual([undefined, expect.stringMatching(/the delegation to meter expired/)]);
  });

  test("a stolen agreement key alone opens no session: not in the name of whom it was stolen from, and not towards it", () => {
    const { below, above } = street();
    const [meter, home] = [below(), above()];
    // The meter's key: nobody comes to the home as the meter.
    const towards = run(new CertifiedInitiator(withoutSigningKey(meter), "home", free), () => new CertifiedResponder(home, free));
    expect([towards.responded, towards.failed]).toEqual([undefined, ["handshake with home: refused: notTrusted", "a statement is not signed by meter"]]);
    // The same key, which gives the agreed secret: nobody comes to the meter as its home.
    const back = run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(withoutSigningKey(home), free));
    expect([back.initiated, back.failed[0]]).toEqual([undefined, "handshake with home: a statement is not signed by home"]);
    // A unit that opens no delegation signs under its own credential, and that is held against it too.
    const alone = run(new CertifiedInitiator({ ...withoutSigningKey(meter), delegations: [] }, "home", free), () => new CertifiedResponder(home, free));
    expect(alone.failed[1]).toBe("a statement is not signed by meter");
    expect(run(new CertifiedInitiator({ ...meter, delegations: [] }, "home", free), () => new CertifiedResponder(home, free)).responded!.delegations).toEqual([]);
  });

  test("an open statement of another handshake, for another unit, of another kind or of somebody else is not taken", () => {
    const { parties, grid, customer, home, meter } = greeted();
    const transcript = new Uint8Array(32).fill(7);
    const right = makeBody(parties.meter, home, transcript, true);
    const judge = (body: Uint8Array, th = transcript) => () => checkBody(parties.home, meter, th, decodeBody(body));
    expect(judge(right)().map(({ service }) => service)).toEqual(["metering"]);
    expect(judge(right, new Uint8Array(32).fill(8))).toThrow("a statement of meter is not of kind open for home in this handshake");
    expect(judge(makeBody(parties.meter, grid.unit("other-home"), transcript, true))).toThrow("is not of kind open for home");
    // Twice the same, and one of the responder itself.
    const { statements, credentials } = decodeBody(right);
    const encode = (more: object) => encodeBody({ names: [], statements, credentials, protection: "mac", ...more });
    expect(judge(encode({ statements: [...statements, ...statements] }))).toThrow("a delegation is opened twice");
    const own = decodeBody(makeBody(parties.home, meter, transcript, true));
    expect(judge(encode({ statements: own.statements }))).toThrow("meter opens a session in the name of home");
    expect(judge(encode({ statements: [new Uint8Array(20)] }))).toThrow("major type 0 at 0, expected 4");
    const revoked = grid.delegation(customer, "meter", "metering", { expiresS: nowS - 1, issuedS: nowS - 50 });
    expect(judge(encode({ credentials: [...credentials, revoked.bytes] }))).toThrow(/expired/);
    expect(judge(encode({ credentials: [new Uint8Array(8).fill(1)] }))).toThrow("a credential that is not known here is named by its id");
  });

  test("agreement keys that are no points do not come in, and credentials of a revoked epoch do not greet", () => {
    const { grid, above } = street();
    for (const point of [new Uint8Array(65).fill(4), Uint8Array.of(4, ...new Uint8Array(64))]) {
      const step = new CertifiedResponder(above(), free).receive(writeHello(new Uint8Array(16), grid.unit("meter", { parents: ["home"], agreementKey: point }).bytes));
      expect([reasonOf(step.send), step.failed]).toEqual(["notTrusted", expect.stringMatching(/key/)]);
    }
    const home = above();
    home.store.takeRevocations({ issuer: home.store.root, sequence: 1, entries: [{ subject: "meter", leastEpoch: 1 }] });
    const refused = new CertifiedResponder(home, free).receive(writeHello(new Uint8Array(16), grid.unit("meter", { parents: ["home"] }).bytes));
    expect(refused.failed).toMatch(/revoked/);
  });

  test("a credential that one end has not is asked for, in whole, and the handshake is made all the same", () => {
    const { below, above, home, meter } = street();
    const [lower, upper] = [below(), above()];
    // Each has met another home or meter of that name before, so the first hello has ids alone.
    lower.store.add(home.bytes);
    const { initiated, responded, messages } = run(new CertifiedInitiator(lower, "home", free), () => new CertifiedResponder(upper, free));
    expect(messages.map((message) => message[1])).toEqual([1, 5, 1, 2, 3, 4]);
    expect([initiated!.peer.subject, responded!.peer.subject, meter.subject]).toEqual(["home", "meter", "meter"]);
    // The other way round: the home knows the meter, the meter does not know what the home opens.
    const again = run(new CertifiedInitiator({ ...lower, store: below().store }, "home", free), () => new CertifiedResponder(upper, free));
    expect(again.responded).toBeDefined();
  });

  test("a number that the initiator has in use makes it begin anew, and not for ever", () => {
    const { below, above } = street();
    let offers = 0;
    const clash = run(new CertifiedInitiator(below(), "home", () => ++offers > 2), () => new CertifiedResponder(above(), free));
    expect([clash.initiated?.peer.subject, clash.messages.map((message) => message[1])]).toEqual(["home", [1, 2, 1, 2, 1, 2, 3, 4]]);
    const never = run(new CertifiedInitiator(below(), "home", () => false), () => new CertifiedResponder(above(), free));
    expect(never.failed[0]).toMatch(/^handshake with home: number \d+ is in use here$/);
    const full = run(new CertifiedInitiator(below(), "home", free), () => new CertifiedResponder(above(), () => false));
    expect(full.failed).toEqual(["handshake with home: refused: busy", "no number is free for a session"]);
  });

  test("whatever comes, nothing throws, nothing is established, and no handle is left", { timeout: 60_000 }, () => {
    const world = street();
    const [meter, home] = [world.below(), world.above()];
    const good = run(new CertifiedInitiator(meter, "home", free), () => new CertifiedResponder(home, free));
    for (const [party, { secret }] of [[meter, good.initiated!], [home, good.responded!]] as const) party.crypto.destroyKey(secret);
    const held = () => [meter, home].map(({ crypto }) => (crypto as ReturnType<typeof nodeCrypto>).held.size);
    const before = held();
    const mutated = fc.tuple(fc.constantFrom(...good.messages), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat(), fc.uint8Array({ maxLength: 12 })).map(([message, changes, cut, tail]) => {
      const bytes = Uint8Array.of(...message.subarray(0, cut % 5 ? message.length : cut % message.length), ...(cut % 3 ? [] : tail));
      for (const [at, byte] of changes) if (bytes.length) bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), { maxLength: 6 }), (messages) => {
        const ends = [new CertifiedInitiator(meter, "home", free), new CertifiedResponder(home, free)];
        const answer = ends[1]!.receive((ends[0] as CertifiedInitiator).start()).send!;
        for (const [i, message] of messages.entries()) {
          if (i === 2) ends[0]!.receive(answer);
          for (const end of ends) expect(end.receive(message).done).toBeUndefined();
        }
        for (const end of ends) end.close();
      }),
      { numRuns: 300 },
    );
    expect(held()).toEqual(before);
  });
});
