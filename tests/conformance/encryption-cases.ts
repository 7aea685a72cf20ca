/** Encrypted sessions: the same bytes on every engine, and what attackers make of them refused. */
import { Names } from "../../sdk/core/model/names";
import { standardRegistry } from "../../sdk/core/model/standard-variables";
import type { LinkPort } from "../../sdk/core/ports";
import { Session, type Received } from "../../sdk/core/security/session";
import type { SessionConfig } from "../../sdk/core/security/session-config";
import { encryptingSeal } from "../../sdk/core/wire/encrypting-seal";
import type { SealPort } from "../../sdk/core/wire/reading-message";
import { Operation } from "../../sdk/core/wire/session-body";
import { parseEnvelope } from "../../sdk/core/wire/session-message";
import { expectEqual, toHex, type Case, type Platform } from "./case";
import { sessionConfig } from "./world";

const link: LinkPort = { name: "encryption", send: () => true, close: () => {} };
const timeMs = 1_790_000_000_000;

/** One end of a session, as a unit has it. */
class End {
  readonly #names = new Names();
  readonly #seal: SealPort;
  readonly session: Session;

  constructor(self: string, { crypto, seal }: Platform, protection: NonNullable<SessionConfig["protection"]>) {
    this.#seal = encryptingSeal(crypto, seal);
    const secret = crypto.importKey(new Uint8Array(32).fill(9), "derive");
    this.session = new Session({ ...sessionConfig(1, "meter", "customer", "sensor"), protection }, self, secret, standardRegistry, this.#names, crypto, this.#seal);
  }

  take(message: Uint8Array): Received {
    return this.session.receive(this.#seal.parse(message) ?? parseEnvelope(message), link);
  }

  /** How a message is taken: as a body, or why not. */
  outcome(message: Uint8Array): string {
    try {
      const received = this.take(message);
      return received.kind === "refused" ? received.refusal : received.kind;
    } catch (error) {
      return (error as { readonly code: string }).code;
    }
  }

  alive(): Uint8Array {
    return this.session.seal({ op: Operation.alive, sequence: this.session.nextSequence, timeMs });
  }

  write(value: number): Uint8Array {
    const { source, items } = this.#reading(value);
    return this.session.seal({ op: Operation.write, sequence: this.session.nextSequence, timeMs, source, items });
  }

  /** The short way of a device. */
  report(value: number): Uint8Array {
    const { source } = this.#reading(value);
    return this.session.readingSealer(source, new Uint8Array(8).fill(1)).seal(timeMs / 1000, standardRegistry.named("activePower").id, value, 437)!;
  }

  answer(id: number, value: number): Uint8Array {
    const { items } = this.#reading(value);
    return this.session.seal({ op: Operation.notify, sequence: this.session.nextSequence, timeMs, id, result: 0, items, retryAfterMs: 0 });
  }

  #reading(value: number) {
    const [device, service, stakeholder] = [this.#names.id("meter"), this.#names.id("sensor"), this.#names.id("customer")];
    const item = { variable: standardRegistry.named("activePower").id, value, timeMs: timeMs + 437, device, owner: stakeholder, policy: new Uint8Array(8).fill(1) };
    return { source: { device, service, stakeholder }, items: [item] };
  }
}

/** Both ends of an open session, and what was sent until then. */
function opened(platform: Platform, protection: NonNullable<SessionConfig["protection"]> = "encrypt"): { meter: End; home: End; sent: Uint8Array[] } {
  const [meter, home] = [new End("meter", platform, protection), new End("home", platform, protection)];
  const opening = meter.session.open();
  const reply = home.take(opening);
  if (reply.kind !== "reply") throw new Error("the opening was not answered");
  expectEqual(meter.outcome(reply.message), "opened", "answer");
  const first = meter.alive();
  expectEqual(home.outcome(first), "body", "first message");
  return { meter, home, sent: [opening, reply.message, first] };
}

function closing(run: (platform: Platform, ends: End[]) => unknown): Case["run"] {
  return (platform) => {
    const ends: End[] = [];
    try {
      return run(platform, ends);
    } finally {
      for (const end of ends) end.session.destroy();
    }
  };
}

export const encryptionCases: readonly Case[] = [
  {
    name: "SP-1 the messages of an encrypted session are the same bytes on every engine, and are read at the other end",
    run: closing((platform, ends) => {
      const { meter, home, sent } = opened(platform);
      ends.push(meter, home);
      for (const value of [0, 23, 2300, -0x80000000, Number.MAX_SAFE_INTEGER]) {
        for (const message of [meter.write(value), meter.report(value)]) {
          const received = home.take(message);
          expectEqual(received.kind === "body" && received.body.op === Operation.write && received.body.items[0]!.value, value, "value");
          sent.push(message);
        }
        const answer = home.answer(2, value);
        const received = meter.take(answer);
        expectEqual(received.kind === "body" && received.body.op === Operation.notify && received.body.items[0]!.value, value, "answer");
        sent.push(answer);
      }
      return sent.map(toHex);
    }),
  },
  {
    name: "SP-1 a message of an encrypted session is taken once; changed, cut, replayed, reflected or only authenticated it is refused",
    run: closing((platform, ends) => {
      const { meter, home, sent } = opened(platform);
      const plain = opened(platform, "mac");
      ends.push(meter, home, plain.meter, plain.home);
      const message = meter.report(230);
      const outcomes: string[] = [];
      for (let at = 0; at < message.length; at++) {
        const changed = message.slice();
        changed[at]! ^= 1 << at % 8;
        outcomes.push(home.outcome(changed), home.outcome(message.slice(0, at)));
      }
      if (outcomes.includes("body")) throw new Error("a changed message was taken");
      const attacks = [sent[2]!, home.alive(), plain.meter.report(230), plain.meter.alive()].map((attack) => home.outcome(attack));
      expectEqual(attacks, ["replayed", "notAuthentic", "notAuthentic", "notAuthentic"], "attacks");
      expectEqual(plain.home.outcome(message), "notAuthentic", "encrypted, in a session that authenticates");
      expectEqual([home.outcome(message), home.outcome(message)], ["body", "replayed"], "the message itself");
      return outcomes;
    }),
  },
];
