/** Encrypted sessions, and who attacks them. */
import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Names } from "../model/names";
import { Registry } from "../model/registry";
import { standardVariables } from "../model/standard-variables";
import type { LinkPort } from "../ports";
import * as cbor from "../wire/cbor";
import { encrypt, startPlaintext } from "../wire/encrypted-message";
import { encryptingSeal } from "../wire/encrypting-seal";
import { readOpening } from "../wire/opening";
import { portableSeal, type ReadingSealer, type SealPort } from "../wire/reading-message";
import { maxSequence, Operation, type SessionBody } from "../wire/session-body";
import { maxPayloadBytes, parseEnvelope } from "../wire/session-message";
import { writeBody } from "../wire/write-body";
import type { KeyHandle } from "./crypto-port";
import { NobleFullCrypto } from "./noble-full-crypto";
import { Session, type Received } from "./session";
import type { SessionConfig } from "./session-config";

const registry = new Registry({ ...standardVariables, note: { id: 2000, unit: "1", type: "text", max: 120, write: "device", about: "Any text" } });
const config: SessionConfig = {
  kid: 300,
  domain: "grid",
  initiator: "meter",
  responder: "home",
  owner: "customer",
  names: ["meter", "home", "customer", "sensor"],
  sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }],
  protection: "encrypt",
};
const link: LinkPort = { name: "test", send: () => true, close: () => {} };

/** Notes every nonce that a key encrypts under. */
class NotingCrypto extends NobleFullCrypto {
  readonly used: string[] = [];
  readonly alive = new Set<number>();

  constructor() {
    super((out) => randomFillSync(out));
  }

  protected override keep(bytes: Uint8Array, use: string): KeyHandle {
    const handle = super.keep(bytes, use);
    this.alive.add(handle.keyId);
    return handle;
  }

  override destroyKey(key: KeyHandle): void {
    super.destroyKey(key);
    this.alive.delete(key.keyId);
  }

  override encrypt(key: KeyHandle, nonce: Uint8Array, ...rest: [Uint8Array, Uint8Array, number, Uint8Array]): void {
    this.used.push(`${key.keyId} ${nonce.join(",")}`);
    super.encrypt(key, nonce, ...rest);
  }
}

/** One end of a session, with what its unit has of it. */
class End {
  readonly names = new Names();
  readonly seal: SealPort;
  readonly session: Session;

  constructor(self: string, crypto: NobleFullCrypto, change: Partial<SessionConfig> = {}, key = 7) {
    this.seal = encryptingSeal(crypto, portableSeal(crypto));
    this.session = new Session({ ...config, ...change }, self, crypto.importKey(new Uint8Array(32).fill(key), "derive"), registry, this.names, crypto, this.seal);
  }

  /** As a unit does: with its own parser, and with the other's reason for what that does not take. */
  give(message: Uint8Array): Received {
    return this.session.receive(this.seal.parse(message) ?? parseEnvelope(message), link);
  }

  alive(): Uint8Array {
    return this.session.seal({ op: Operation.alive, sequence: this.session.nextSequence, timeMs: undefined });
  }

  /** A write of one value. */
  write(variable: string, value: number | string): Uint8Array {
    const [device, service, stakeholder] = ["meter", "sensor", "customer"].map((name) => this.names.id(name)) as [number, number, number];
    const item = { variable: registry.named(variable).id, value, timeMs: 1_790_000_000_000, device, owner: stakeholder, policy: undefined };
    return this.session.seal({ op: Operation.write, source: { device, service, stakeholder }, sequence: this.session.nextSequence, timeMs: 1_790_000_000_000, items: [item] });
  }
}

function pair(meterChange: Partial<SessionConfig> = {}, homeChange: Partial<SessionConfig> = meterChange) {
  const crypto = new NotingCrypto();
  return { crypto, meter: new End("meter", crypto, meterChange), home: new End("home", crypto, homeChange) };
}

/** The opening without the first message under it. @returns what was sent */
function openHalf(meter: End, home: End): Uint8Array[] {
  const opening = meter.session.open();
  const reply = home.give(opening);
  if (reply.kind !== "reply") throw new Error(`not answered: ${JSON.stringify(reply)}`);
  expect(meter.give(reply.message).kind).toBe("opened");
  return [opening, reply.message];
}

function open(meter: End, home: End): Uint8Array[] {
  const sent = [...openHalf(meter, home), meter.alive()];
  expect(home.give(sent[2]!)).toMatchObject({ kind: "body", reopened: true });
  return sent;
}

/** Lets a session have sent that many messages. */
function skipTo(sealer: ReadingSealer, sent: number): void {
  (sealer as unknown as { readonly epoch: { sent: number } }).epoch.sent = sent;
}

const refusal = (received: Received) => (received.kind === "refused" ? received.refusal : received.kind);
/** Why a message is not taken, by its envelope or by the session. */
function refusalOf(end: End, message: Uint8Array): string {
  try {
    return refusal(end.give(message));
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function opened(change: Partial<SessionConfig> = {}) {
  const ends = pair(change);
  const sent = open(ends.meter, ends.home);
  return { ...ends, sent };
}

describe("SP-1 an encrypted session", () => {
  test("brings bodies of every length in both directions, each once", () => {
    const { meter, home } = opened();
    for (const length of [0, 1, 7, 8, 9, 100, 120]) {
      const message = meter.write("note", "v".repeat(length));
      expect(home.give(message)).toMatchObject({ kind: "body", reopened: false, body: { op: Operation.write, items: [{ value: "v".repeat(length) }] } });
      expect(refusalOf(home, message)).toBe("replayed");
    }
    const down = home.alive();
    expect([refusalOf(meter, down), refusalOf(meter, down)]).toEqual(["body", "replayed"]);
  });

  test("its readings by the short way are the same messages as those that are sealed whole", () => {
    const { meter, home } = opened();
    const [device, service, stakeholder] = ["meter", "sensor", "customer"].map((name) => meter.names.id(name)) as [number, number, number];
    const sealer = meter.session.readingSealer({ device, service, stakeholder }, new Uint8Array(8).fill(3));
    const message = sealer.seal(1_790_000_000, 5, -1532, 437)!;
    expect(home.give(message)).toMatchObject({ kind: "body", body: { sequence: 2, items: [{ variable: 5, value: -1532, timeMs: 1_790_000_000_437 }] } });
    expect(sealer.sequence).toBe(2);
  });

  test("shows nobody on the way what is said, of what, by whom", () => {
    const { meter, home, sent } = opened();
    const readings = Array.from({ length: 50 }, () => meter.write("note", "a-value-in-clear"));
    sent.push(...readings, meter.write("activePower", 0x1234567), home.alive());
    const wire = Buffer.concat(sent).toString("latin1");
    for (const word of ["a-value-in-clear", "\x01\x23\x45\x67", "meter", "customer", "sensor", "home", "grid"]) expect(wire).not.toContain(word);
    // The same reading never looks the same: no 8 bytes after the header stand in two messages.
    const windows = new Set<string>();
    for (const message of readings) for (let at = 14; at + 8 <= message.length; at++) windows.add(Buffer.from(message.subarray(at, at + 8)).toString("hex"));
    expect(windows.size).toBe(readings.reduce((sum, { length }) => sum + length - 14 - 7, 0));
  });

  test("is not opened later with what was recorded, unless one has the key", () => {
    const { sent, meter } = opened();
    sent.push(meter.write("activePower", 1));
    const other = new End("home", new NotingCrypto(), {}, 8);
    expect(sent.map((message) => refusalOf(other, message))).toEqual(["notAuthentic", "notAuthentic", "notOpen", "notOpen"]);
    // Not with the key either, where the nonces were drawn anew.
    const restarted = new End("home", new NotingCrypto());
    expect(refusalOf(restarted, sent[0]!)).toBe("reply");
    expect([refusalOf(restarted, sent[2]!), refusalOf(restarted, sent[3]!)]).toEqual(["notAuthentic", "notAuthentic"]);
  });

  test("leaves no key behind", () => {
    const { crypto, meter, home } = opened();
    const before = crypto.alive.size;
    for (let i = 0; i < 10; i++) open(meter, home);
    expect(crypto.alive.size).toBe(before);
    meter.session.destroy();
    home.session.destroy();
    expect(crypto.alive.size).toBe(0);
  });
});

describe("SP-1 downgrade", () => {
  const mac = { protection: "mac" } as const;

  test("a message that is authenticated alone is refused in an encrypted session, and one that is encrypted in the other, under the same key and nonces", () => {
    const { meter, home } = pair({}, mac);
    openHalf(meter, home);
    expect([refusalOf(home, meter.alive()), home.session.isOpen]).toEqual(["notAuthentic", false]);
    const other = pair(mac, {});
    openHalf(other.meter, other.home);
    expect([refusalOf(other.home, other.meter.alive()), other.home.session.isOpen]).toEqual(["notAuthentic", false]);
  });

  test("both stay what they are after the opening, whatever of the other kind comes", () => {
    const encrypted = opened();
    const plain = opened(mac);
    for (const [one, other] of [[encrypted, plain], [plain, encrypted]] as const) {
      const [up, down] = [other.meter.write("activePower", 1), other.home.alive()];
      expect([refusalOf(one.home, up), refusalOf(one.meter, down)]).toEqual(["notAuthentic", "notAuthentic"]);
    }
  });

  test("a ciphertext in the envelope of a Mac0, and a Mac0 in that of a ciphertext, are refused", () => {
    const { meter, home } = opened();
    const message = meter.write("activePower", 1);
    const { sealedAt } = home.seal.parse(message) as unknown as { sealedAt: number };
    const sealed = message.subarray(sealedAt);
    const asMac = Uint8Array.of(0x84, 0x45, 0xa1, 4, 0x42, 1, 44, 0xa0, 0x58, sealed.length - 8, ...sealed.subarray(0, -8), 0x48, ...sealed.subarray(-8));
    expect(refusalOf(home, asMac)).toBe("notAuthentic");
    const plain = opened(mac);
    const { start, end, message: whole } = plain.home.seal.parse(plain.meter.write("activePower", 1))!;
    const payload = Uint8Array.of(...whole.subarray(start, end), ...whole.subarray(-8));
    const asSealed = Uint8Array.of(0x83, 0x48, 0xa2, 4, 0x42, 1, 44, 6, 0x41, 2, 0xa0, 0x58, payload.length, ...payload);
    for (const each of [plain.home, home]) expect(refusalOf(each, asSealed)).toBe("notAuthentic");
  });

  test("a unit whose seal port does not encrypt refuses the session and names the remedy; it refuses such messages by name", () => {
    const crypto = new NotingCrypto();
    const without = () => new Session(config, "meter", crypto.importKey(new Uint8Array(32), "derive"), registry, new Names(), crypto, portableSeal(crypto));
    expect(without).toThrow(expect.objectContaining({ code: "bad-argument", message: expect.stringMatching(/session 300: protection encrypt.*encryptingSeal/) as string }));
    expect(() => parseEnvelope(opened().meter.alive())).toThrow(/not an array of four/);
  });

  test.each(["", "Encrypt", "none", 1, null])("a protection that is none is refused: %s", (protection) => {
    expect(() => pair({ protection: protection as "mac" })).toThrow(expect.objectContaining({ code: "bad-argument", message: expect.stringContaining("protection") as string }));
  });
});

describe("SP-1 attacks on a message of an encrypted session", () => {
  test("any bit changed, any length cut or added is refused; the message is taken in its place", () => {
    const { meter, home } = opened();
    const message = meter.write("activePower", 1);
    for (let i = 0; i < 8 * message.length; i++) {
      const changed = message.slice();
      changed[i >> 3]! ^= 1 << (i & 7);
      // A changed kid names another session.
      expect(["notAuthentic", "malformed"], `bit ${i}`).toContain(refusalOf(home, changed));
    }
    for (let length = 0; length < message.length; length++) expect(refusalOf(home, message.subarray(0, length))).toBe("malformed");
    for (const more of [[0], [0x40], [0xa0], Array.from({ length: 8 }, () => 0)]) expect(refusalOf(home, Uint8Array.of(...message, ...more))).toBe("malformed");
    expect(refusalOf(home, message)).toBe("body");
  });

  test("a tag cut short or left out is refused, also where lengths agree", () => {
    const { meter, home } = opened();
    const message = meter.alive();
    const { sealedAt } = home.seal.parse(message) as unknown as { sealedAt: number };
    for (let cut = 1; cut <= message.length - sealedAt; cut++) {
      const shorter = message.slice(0, message.length - cut);
      shorter[sealedAt - 1] = 0x40 | (shorter.length - sealedAt);
      expect(["notAuthentic", "malformed"]).toContain(refusalOf(home, shorter));
    }
    expect(refusalOf(home, message)).toBe("body");
  });

  test("a header in another form is refused before any cryptography", () => {
    const { crypto, meter, home } = opened();
    const message = meter.alive();
    const rest = message.subarray(11);
    const headers: [string, number[]][] = [
      ["longer partial IV", [0x49, 0xa2, 4, 0x42, 1, 44, 6, 0x42, 0, 2]],
      ["no partial IV", [0x46, 0xa2, 4, 0x42, 1, 44, 6]],
      ["empty partial IV", [0x47, 0xa2, 4, 0x42, 1, 44, 6, 0x40]],
      ["partial IV of five bytes", [0x4c, 0xa2, 4, 0x42, 1, 44, 6, 0x45, 1, 0, 0, 0, 2]],
      ["partial IV beyond the last sequence", [0x4b, 0xa2, 4, 0x42, 1, 44, 6, 0x44, 0x40, 0, 0, 0]],
      ["an algorithm", [0x4a, 0xa3, 1, 10, 4, 0x42, 1, 44, 6, 0x41, 2]],
      ["a whole IV", [0x48, 0xa2, 4, 0x42, 1, 44, 5, 0x41, 2]],
      ["kid and IV swapped", [0x48, 0xa2, 6, 0x41, 2, 4, 0x42, 1, 44]],
      ["kid of zero", [0x47, 0xa2, 4, 0x41, 0, 6, 0x41, 2]],
      ["kid in text", [0x48, 0xa2, 4, 0x62, 1, 44, 6, 0x41, 2]],
      ["something after it", [0x49, 0xa2, 4, 0x42, 1, 44, 6, 0x41, 2, 0]],
    ];
    crypto.used.length = 0;
    for (const [what, header] of headers) expect(refusalOf(home, Uint8Array.of(0x83, ...header, ...rest)), what).toBe("malformed");
    expect(home.seal.parse(Uint8Array.of(0x83, ...message.subarray(1, 10), 0xa1, 1, 10, ...rest))).toBeUndefined();
    expect(refusalOf(home, message)).toBe("body");
  });

  test("what a peer with the right key encrypts under another sequence than that of its body, or around no body, is refused", () => {
    const { crypto, meter, home, sent } = opened();
    const salt = Uint8Array.of(...readOpening(parseEnvelope(sent[0]!)).nonce, ...readOpening(parseEnvelope(sent[1]!)).nonce);
    const context = meter.seal.encrypting!.deriveContext!(crypto.importKey(new Uint8Array(32).fill(7), "derive"), salt, config, "home");
    const encrypted = (sequence: number, write: () => void): Uint8Array => {
      startPlaintext();
      write();
      return encrypt(crypto, context, sequence);
    };
    const body: SessionBody = { op: Operation.alive, sequence: 5, timeMs: undefined };
    for (const sequence of [4, 6, 5 + 256, maxSequence]) expect(refusalOf(home, encrypted(sequence, () => writeBody(body, meter.session)))).toBe("notAuthentic");
    const noBodies: number[][] = [[], [0xa0], [0x80], [0xa1, 1, 6], [0xa1, 3, 5], [0xa2, 1, 6, 4, 5], [0xa2, 0, 6, 3, 5], [0xff]];
    for (const bytes of noBodies) expect(refusalOf(home, encrypted(5, () => cbor.writeRaw(Uint8Array.from(bytes))))).toBe("notAuthentic");
    // With its sequence it is authentic, and answered as malformed.
    expect(home.give(encrypted(7, () => cbor.writeRaw(Uint8Array.of(0xa3, 1, 6, 3, 7, 9, 1))))).toMatchObject({ kind: "malformed", sequence: 7 });
    expect(refusalOf(home, encrypted(8, () => writeBody({ ...body, sequence: 8 }, meter.session)))).toBe("body");
  });

  test("a message of one direction, of another opening, receiver, domain or session is refused", () => {
    const { crypto, meter, home } = opened();
    expect([refusalOf(meter, meter.alive()), refusalOf(home, home.alive())]).toEqual(["notAuthentic", "notAuthentic"]);
    const before = meter.alive();
    open(meter, home);
    expect(refusalOf(home, before)).toBe("notAuthentic");
    for (const change of [{ domain: "another-grid" }, { kid: 301 }, { responder: "office", names: [...config.names, "office"] }]) {
      const other = { meter: new End("meter", crypto, change), home: new End(change.responder ?? "home", crypto, change) };
      open(other.meter, other.home);
      expect(refusalOf(other.home, meter.alive()), JSON.stringify(change)).toBe("notAuthentic");
    }
  });

  test("whatever bytes come, nothing throws and nothing but a refusal comes of it", () => {
    const { meter, home } = opened();
    const start = Array.from(meter.alive().subarray(0, 11));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, withHeader) => {
        expect(["malformed", "notAuthentic"]).toContain(refusalOf(home, Uint8Array.of(...(withHeader ? [...start, 0x58, bytes.length] : [0x83]), ...bytes)));
      }),
    );
  });
});

describe("SP-3 nonces of encrypted sessions", () => {
  test("two messages never have key and nonce in common, whatever restarts, is lost, is too large or comes twice", () => {
    const deeds = fc.array(fc.constantFrom("up", "down", "reopen", "restart", "lose", "tooLarge", "replay"), { minLength: 5, maxLength: 40 });
    fc.assert(
      fc.property(deeds, (all) => {
        const crypto = new NotingCrypto();
        let [meter, home] = [new End("meter", crypto), new End("home", crypto)];
        let last = open(meter, home)[0]!;
        const ensure = () => void (meter.session.isOpen && home.session.isOpen ? 0 : open(meter, home));
        const act: Record<string, () => void> = {
          up: () => home.give((last = meter.write("activePower", 5))),
          down: () => meter.give(home.alive()),
          reopen: () => open(meter, home),
          restart: () => ([meter, home] = [new End("meter", crypto), new End("home", crypto)]),
          lose: () => (meter.session.close(), home.session.close()),
          tooLarge: () => expect(() => meter.write("note", "v".repeat(maxPayloadBytes))).toThrow(expect.objectContaining({ code: "too-large" })),
          replay: () => refusalOf(home, last),
        };
        for (const deed of all) {
          ensure();
          act[deed]!();
        }
        expect(new Set(crypto.used).size).toBe(crypto.used.length);
      }),
      { numRuns: 30 },
    );
  });

  test("near the end of the sequences the session asks to be opened anew, and never seals beyond", () => {
    const { crypto, meter, home } = opened();
    const [device, service, stakeholder] = ["meter", "sensor", "customer"].map((name) => meter.names.id(name)) as [number, number, number];
    const sealer = meter.session.readingSealer({ device, service, stakeholder }, new Uint8Array(8));
    skipTo(sealer, maxSequence - 1024);
    expect([meter.session.isWorn, sealer.seal(1, 5, 1, 0)]).toEqual([true, undefined]);
    skipTo(sealer, maxSequence - 1);
    const last = meter.alive();
    expect(home.give(last)).toMatchObject({ kind: "body", body: { sequence: maxSequence } });
    expect(home.session.isWorn).toBe(true);
    const used = crypto.used.length;
    expect(() => meter.alive()).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(crypto.used.length).toBe(used);
    open(meter, home);
    expect([meter.session.isWorn, refusalOf(home, meter.alive())]).toEqual([false, "body"]);
  });
});
