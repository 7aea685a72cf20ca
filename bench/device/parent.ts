/** The parent of a device that is measured, in the same machine: its end of the session and nothing else, so that it takes little of the memory. */
import { Names, parseEnvelope, Session, standardRegistry, type CryptoPort, type LinkConnector, type LinkEvents, type LinkPort } from "./bench-sdk";

const key = new Uint8Array(32).fill(7);
const policyHash = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const names = ["sensor", "home", "metering", "customer", "supplier", "billing", "grid", "operator"];

const keyFile = {
  type: "ebalance-session-key",
  version: 1,
  kid: 1,
  key: "07".repeat(32),
  domain: "bench",
  initiator: "sensor",
  responder: "home",
  owner: "customer",
  names,
  sources: [
    { device: "sensor", service: "metering", stakeholder: "customer" },
    { device: "home", service: "billing", stakeholder: "supplier" },
    { device: "home", service: "grid", stakeholder: "operator" },
  ],
  policy: {
    sequence: 1,
    entries: [
      { rights: "read", minDelayS: 60, grantees: [{ stakeholder: "supplier", service: "billing" }] },
      { rights: "read-write", minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] },
    ],
  },
};

/** What the device has sent and was not taken yet; and how the device hears. */
export class Parent {
  readonly keyText = JSON.stringify(keyFile);
  readonly names = new Names();
  readonly sent: Uint8Array[] = [];
  readonly session: Session;
  readonly link: LinkPort = { name: "bench", send: () => true, close: () => {} };
  #events: LinkEvents | undefined;

  constructor(crypto: CryptoPort) {
    const { kid, domain, initiator, responder, owner, sources } = keyFile;
    this.session = new Session({ kid, domain, initiator, responder, owner, names, sources }, "home", crypto.importKey(key, "derive"), standardRegistry, this.names, crypto);
  }

  /** Takes the device's link. */
  readonly connect: LinkConnector = (events) => {
    this.#events = events;
    return {
      name: "bench",
      send: (message) => {
        this.sent.push(message);
        return true;
      },
      close: () => {},
    };
  };

  up(): void {
    this.#events!.up();
  }

  hand(message: Uint8Array): void {
    this.#events!.message(message);
  }

  /** Takes the oldest message of the device and gives the answer to it, if there is one. */
  answer(): Uint8Array | undefined {
    const message = this.sent.shift();
    if (!message) return undefined;
    const received = this.session.receive(parseEnvelope(message), this.link);
    if (received.kind === "reply") return received.message;
    if (received.kind !== "body") throw new Error(`the parent refused: ${JSON.stringify(received)}`);
    const { body } = received;
    if (body.op === 6) return this.session.seal({ op: 6, sequence: this.session.nextSequence, timeMs: undefined });
    if (body.op !== 1) return undefined;
    // As a home answers: who names the policy by its hash is told nothing that it knows.
    const items = body.items.filter(({ policy }) => !(policy instanceof Uint8Array)).map((item) => ({ ...item, policy: policyHash }));
    return this.session.seal({ op: 7, sequence: this.session.nextSequence, timeMs: body.timeMs, id: body.sequence, result: 0, items, retryAfterMs: 0 });
  }

  /** Lets the device and the parent exchange all that is due. */
  exchange(): void {
    for (let answer = this.answer(); answer || this.sent.length; answer = this.answer()) if (answer) this.hand(answer);
  }
}
