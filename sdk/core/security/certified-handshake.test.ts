import { describe, expect, test } from "vitest";
import { CertifiedInitiator } from "./certified-initiator";
import { CertifiedResponder } from "./certified-responder";
import type { HandshakeStep } from "./handshake";
import { Grid, nobleCrypto, nodeCrypto, nowS, type FullCrypto } from "../../../tests/scenarios/certified-grid";
import type { HandshakeParty } from "./certified-handshake";
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
