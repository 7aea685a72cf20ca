import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Names } from "../model/names";
import { Registry } from "../model/registry";
import { standardVariables } from "../model/standard-variables";
import type { LinkPort } from "../ports";
import { maxSequence, Operation, type SessionBody } from "../wire/session-body";
import { parseEnvelope, payloadOf } from "../wire/session-message";
import type { CryptoPort, KeyHandle, KeyUse } from "./crypto-port";
import { NobleCrypto } from "./noble-crypto";
import { Session, type Received } from "./session";
import type { SessionConfig } from "./session-config";

const registry = new Registry(standardVariables);
const config: SessionConfig = {
  kid: 1,
  domain: "grid",
  initiator: "meter",
  responder: "home",
  owner: "customer",
  names: ["meter", "home", "customer", "sensor"],
  sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }],
};

/** Counts the keys that are alive. */
class CountingCrypto implements CryptoPort {
  readonly #inner = new NobleCrypto((out) => randomFillSync(out));
  readonly alive = new Set<number>();
  readonly #made = (key: KeyHandle) => (this.alive.add(key.keyId), key);
  importKey = (bytes: Uint8Array, use: KeyUse) => this.#made(this.#inner.importKey(bytes, use));
  deriveKey = (secret: KeyHandle, salt: Uint8Array, info: Uint8Array, use: KeyUse) => this.#made(this.#inner.deriveKey(secret, salt, info, use));
  destroyKey = (key: KeyHandle) => {
    this.#inner.destroyKey(key);
    this.alive.delete(key.keyId);
  };
  mac = (key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array) => this.#inner.mac(key, data, length, tag);
  verifyMac = (key: KeyHandle, data: Uint8Array, length: number, tag: Uint8Array) => this.#inner.verifyMac(key, data, length, tag);
  sha256 = (data: Uint8Array, length: number, out: Uint8Array) => this.#inner.sha256(data, length, out);
  random = (out: Uint8Array) => this.#inner.random(out);
}

function end(self: string, crypto: CryptoPort, change: Partial<SessionConfig> = {}, key = 7): Session {
  return new Session({ ...config, ...change }, self, crypto.importKey(new Uint8Array(32).fill(key), "derive"), registry, new Names(), crypto);
}

function pair(change: Partial<SessionConfig> = {}) {
  const crypto = new CountingCrypto();
  return { crypto, meter: end("meter", crypto), home: end("home", crypto, change) };
}

const link: LinkPort = { name: "test", send: () => true, close: () => {} };
const stranger: LinkPort = { ...link, name: "stranger" };
const give = (session: Session, message: Uint8Array, over = link): Received => session.receive(parseEnvelope(message), over);
const replyTo = (session: Session, opening: Uint8Array, over = link): Uint8Array => {
  const received = give(session, opening, over);
  if (received.kind !== "reply") throw new Error(`not answered: ${JSON.stringify(received)}`);
  return received.message;
};
const alive = (session: Session) => session.seal({ op: Operation.alive, sequence: session.nextSequence, timeMs: undefined } as SessionBody);

/** The whole opening; the responder has heard the first message. */
function openBoth(meter: Session, home: Session): void {
  expect(give(meter, replyTo(home, meter.open())).kind).toBe("opened");
  expect(give(home, alive(meter))).toMatchObject({ kind: "body", reopened: true });
}
const refusal = (received: Received) => (received.kind === "refused" ? received.refusal : received.kind);

describe("SP-1 opening a session", () => {
  test("after the opening each side takes the messages of the other, each once", () => {
    const { meter, home } = pair();
    openBoth(meter, home);
    const [up, down] = [alive(meter), alive(home)];
    expect([give(home, up), give(meter, down)]).toMatchObject([{ kind: "body", reopened: false }, { kind: "body", reopened: false }]);
    expect([refusal(give(home, up)), refusal(give(meter, down))]).toEqual(["replayed", "replayed"]);
  });

  test("a message reflected to its sender is refused, openings and their answers too", () => {
    const { meter, home } = pair();
    const opening = meter.open();
    const reply = replyTo(home, opening);
    expect([refusal(give(meter, opening)), refusal(give(home, reply))]).toEqual(["notAuthentic", "notAuthentic"]);
    give(meter, reply);
    give(home, alive(meter));
    expect([refusal(give(meter, alive(meter))), refusal(give(home, alive(home)))]).toEqual(["notAuthentic", "notAuthentic"]);
  });

  test("an answer counts once, and only for the opening that is under way", () => {
    const { meter, home } = pair();
    const old = replyTo(home, meter.open());
    const current = replyTo(home, meter.open());
    expect(refusal(give(meter, old))).toBe("replayed");
    expect(give(meter, current).kind).toBe("opened");
    expect([refusal(give(meter, current)), refusal(give(meter, old))]).toEqual(["replayed", "replayed"]);
    expect(refusal(give(home, alive(meter)))).toBe("body");
  });

  test("an answer that comes after the link was lost opens nothing", () => {
    const { meter, home } = pair();
    const reply = replyTo(home, meter.open());
    meter.close();
    expect(refusal(give(meter, reply))).toBe("replayed");
    expect(meter.isOpen).toBe(false);
  });

  test("the answer to another device's opening, with the nonces swapped, opens nothing", () => {
    const { meter, home } = pair();
    const reply = replyTo(home, meter.open());
    const swapped = reply.slice();
    const payload = payloadOf(parseEnvelope(reply));
    const at = reply.indexOf(payload[0]!, 8);
    const [ours, theirs] = [at + 5, at + 5 + 16 + 2];
    swapped.set(reply.subarray(theirs, theirs + 16), ours);
    swapped.set(reply.subarray(ours, ours + 16), theirs);
    expect(swapped).not.toEqual(reply);
    expect(refusal(give(meter, swapped))).toBe("notAuthentic");
    expect(give(meter, reply).kind).toBe("opened");
  });

  test.each<[string, Partial<SessionConfig>]>([
    ["domain", { domain: "another-grid" }],
    ["kid", { kid: 2 }],
  ])("an opening of another %s is refused under the same key", (_what, change) => {
    const { meter, home } = pair(change);
    expect(refusal(give(home, meter.open()))).toBe("notAuthentic");
  });

  test("an opening for another receiver, or under another key, is refused", () => {
    const crypto = new CountingCrypto();
    const other = end("office", crypto, { responder: "office", names: ["meter", "office", "customer", "sensor"] });
    expect(refusal(give(other, end("meter", crypto).open()))).toBe("notAuthentic");
    expect(refusal(give(end("home", crypto), end("meter", crypto, {}, 8).open()))).toBe("notAuthentic");
  });

  test("a responder cannot open a session with its initiator", () => {
    const { meter, home } = pair();
    expect(refusal(give(meter, home.open()))).toBe("notOpen");
  });

  test("a session that is not open takes no message, and a replayed opening does not open it", () => {
    const { meter, home } = pair();
    const opening = meter.open();
    give(meter, replyTo(home, opening));
    const old = alive(meter);
    give(home, old);
    home.close();
    expect(refusal(give(home, old))).toBe("notOpen");
    replyTo(home, opening);
    expect([refusal(give(home, old)), home.isOpen]).toEqual(["notAuthentic", false]);
  });

  test("a recorded opening, replayed while a new one is under way, does not stop the new one", () => {
    const { meter, home } = pair();
    const recorded = meter.open();
    replyTo(home, recorded);
    const reply = replyTo(home, meter.open());
    for (let i = 0; i < 100; i++) replyTo(home, recorded, stranger);
    give(meter, reply);
    expect(refusal(give(home, alive(meter)))).toBe("body");
  });

  test("openings that are sent again over ever new links take a bounded number of keys, and none is left at the end", () => {
    const { crypto, meter, home } = pair();
    const recorded = meter.open();
    const before = crypto.alive.size;
    for (let i = 0; i < 1000; i++) replyTo(home, recorded, { ...link, name: String(i) });
    // With that of openings.
    expect(crypto.alive.size - before).toBe(17);
    const reply = replyTo(home, meter.open());
    give(meter, reply);
    expect(refusal(give(home, alive(meter)))).toBe("body");
    expect(crypto.alive.size - before).toBe(4);
    meter.destroy();
    home.destroy();
    expect(crypto.alive.size).toBe(0);
  });

  test("the old keys hold until a message comes under the new ones, and no longer", () => {
    const { meter, home } = pair();
    openBoth(meter, home);
    const before = alive(meter);
    const late = alive(meter);
    const reply = replyTo(home, meter.open());
    expect(refusal(give(home, before))).toBe("body");
    give(meter, reply);
    expect(give(home, alive(meter))).toMatchObject({ kind: "body", reopened: true });
    expect(refusal(give(home, late))).toBe("notAuthentic");
  });

  test("whatever bytes stand in the payload of an authentic-looking opening, nothing throws", () => {
    const { meter, home } = pair();
    const opening = meter.open();
    fc.assert(
      fc.property(fc.nat(opening.length - 1), fc.nat(255), (place, byte) => {
        const changed = opening.slice();
        changed[place] = byte;
        let envelope;
        try {
          envelope = parseEnvelope(changed);
        } catch {
          return;
        }
        if (envelope.kid !== config.kid) return; // goes to another session, or to none
        const received = home.receive(envelope, link);
        expect(received.kind === "reply").toBe(changed[place] === opening[place]);
      }),
    );
  });
});

describe("SP-3 keys of a session", () => {
  test("a reopening leaves no key behind, however often, finished or not", () => {
    const { crypto, meter, home } = pair();
    openBoth(meter, home);
    const open = crypto.alive.size;
    for (let i = 0; i < 20; i++) {
      meter.open();
      replyTo(home, meter.open());
      openBoth(meter, home);
      expect(crypto.alive.size).toBe(open);
    }
  });

  test("a lost link leaves the provisioned key; destroying leaves nothing", () => {
    const { crypto, meter, home } = pair();
    const fresh = crypto.alive.size;
    openBoth(meter, home);
    replyTo(home, meter.open());
    meter.close();
    home.close();
    expect(crypto.alive.size).toBe(fresh);
    openBoth(meter, home);
    meter.destroy();
    home.destroy();
    expect([...crypto.alive]).toEqual([]);
  });

  test("two openings never give the same keys", () => {
    const { meter, home } = pair();
    const messages = new Set<string>();
    for (let i = 0; i < 10; i++) {
      openBoth(meter, home);
      messages.add(String(alive(meter)));
    }
    expect(messages.size).toBe(10);
  });
});

describe("a session's configuration", () => {
  test.each<[string, Partial<SessionConfig>]>([
    ["kid 0", { kid: 0 }],
    ["kid 65536", { kid: 65536 }],
    ["kid 1.5", { kid: 1.5 }],
    ["are both meter", { responder: "meter" }],
    ["not for meter", { initiator: "pump" }],
    ["names has one twice", { names: [...config.names, "sensor"] }],
    ["owner customer is not in names", { names: ["meter", "home", "sensor"] }],
    ["source device pump", { sources: [{ device: "pump", service: "sensor", stakeholder: "customer" }] }],
    ["service billing is not in names", { sources: [{ device: "meter", service: "billing", stakeholder: "customer" }] }],
    ["stakeholder nobody is not in names", { sources: [{ device: "meter", service: "sensor", stakeholder: "nobody" }] }],
    ["device meter is not in names", { names: ["home", "customer", "sensor"] }],
    ["domain", { domain: "" }],
    ["domain", { domain: "d".repeat(65) }],
    ["domain", { domain: "d".repeat(300) }],
  ])("is refused by what is wrong: %s", (part, change) => {
    expect(() => end("meter", new CountingCrypto(), change)).toThrow(
      expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(part) as string }),
    );
  });

  test("a sequence that is not the next one, or beyond the last, is not sealed", () => {
    const { meter, home } = pair();
    openBoth(meter, home);
    const body = { op: Operation.alive, timeMs: undefined };
    for (const sequence of [0, 1, 3, maxSequence])
      expect(() => meter.seal({ ...body, sequence } as SessionBody)).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(refusal(give(home, alive(meter)))).toBe("body");
  });
});
