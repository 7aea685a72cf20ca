/** The parent of a device that is measured, in the same machine: its end of the session and nothing else, so that it takes little of the memory. */
import { Names, parseEnvelope, Result, Session, standardRegistry, type CryptoPort, type LinkConnector, type LinkEvents, type LinkPort, type ResultCode } from "./bench-sdk";
import type { SessionBody } from "../../sdk/core/wire/session-body";
import { benchKey, benchKeyFile } from "./key-file";

const policyHash = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** What the device has sent and was not taken yet; and how the device hears. */
export class Parent {
  readonly keyText = JSON.stringify(benchKeyFile);
  readonly names = new Names();
  readonly sent: Uint8Array[] = [];
  /** Readings that have come. */
  readings = 0;
  /** Occurrences of its subscriptions that have come, and answers to its queries. */
  told = 0;
  /** The device's own subscriptions, which set-points go to. */
  readonly follows: number[] = [];
  /** Whether the device has connected since the link was lost. */
  isConnected = false;
  readonly session: Session;
  readonly link: LinkPort = { name: "bench", send: () => true, close: () => {} };
  #events: LinkEvents | undefined;

  /** @param frame sends each message of the device on, in a frame */
  constructor(
    crypto: CryptoPort,
    private readonly frame: (message: Uint8Array) => boolean = () => true,
  ) {
    const { kid, domain, initiator, responder, owner, names, sources } = benchKeyFile;
    this.session = new Session({ kid, domain, initiator, responder, owner, names, sources }, "home", crypto.importKey(benchKey(), "derive"), standardRegistry, this.names, crypto);
  }

  /** Takes the device's link. */
  readonly connect: LinkConnector = (events) => {
    this.#events = events;
    this.isConnected = true;
    return {
      name: "bench",
      send: (message) => {
        this.sent.push(message);
        if (!this.frame(message)) throw new Error("the frame before has not left yet");
        return true;
      },
      close: () => {},
    };
  };

  up(): void {
    this.#events!.up();
  }

  /** The link ends, with what is under way on it. */
  lose(): void {
    this.isConnected = false;
    this.sent.length = 0;
    this.follows.length = 0;
    this.session.close();
    this.#events!.down("lost");
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
    if (body.op === 7) this.told++;
    if (body.op === 3) this.follows.push(body.sequence);
    if (body.op === 3) return this.#notify(body.sequence, []);
    // Nothing was ordered yet.
    if (body.op === 2) return this.#notify(body.sequence, [], Result.noData);
    if (body.op !== 1) return undefined;
    this.readings += body.items.length;
    // As a home answers: who names the policy by its hash is told nothing that it knows.
    const items = body.items.filter(({ policy }) => !(policy instanceof Uint8Array)).map((item) => ({ ...item, policy: policyHash }));
    return this.session.seal({ op: 7, sequence: this.session.nextSequence, timeMs: body.timeMs, id: body.sequence, result: 0, items, retryAfterMs: 0 });
  }

  /** The answer to the oldest message that asks for one. */
  nextAnswer(): Uint8Array {
    while (this.sent.length) {
      const answer = this.answer();
      if (answer) return answer;
    }
    throw new Error("the device has sent nothing that asks for an answer");
  }

  /** Lets the device and the parent exchange all that is due. */
  exchange(): void {
    for (let answer = this.answer(); answer || this.sent.length; answer = this.answer()) if (answer) this.hand(answer);
  }

  #seal(body: object): Uint8Array {
    return this.session.seal({ sequence: this.session.nextSequence, timeMs: undefined, ...body } as SessionBody);
  }

  #request(service: string, what: object): Uint8Array {
    const id = (name: string) => this.names.id(name);
    const source = { device: id("home"), service: id(service), stakeholder: id(service === "grid" ? "operator" : "supplier") };
    const selector = { variable: standardRegistry.named("activePower").id, device: id("sensor"), owner: id("customer") };
    return this.#seal({ source, selector, at: id("sensor"), ...what });
  }

  /** Subscribes a service to the device's own copy, above a value. */
  subscribe(service: string, above: number): void {
    this.hand(this.#request(service, { op: 3, condition: [{ field: 1, comparison: 3, operand: above }] }));
    const answer = this.lastTold();
    if (answer < 0) throw new Error(`the device has refused a subscription with ${-answer}`);
  }

  /** Asks for the deviation of the values above one in a range of time. */
  deviation(fromMs: number, toMs: number, above: number): Uint8Array {
    const condition = [
      { field: 1, comparison: 3, operand: above },
      { field: 2, comparison: 4, operand: fromMs },
      { field: 2, comparison: 1, operand: toMs },
    ];
    return this.#request("grid", { op: 2, function: 6, condition });
  }

  /** Tells the device's subscriptions of a set-point: on or off. */
  order(value: boolean, timeMs: number): void {
    const id = (name: string) => this.names.id(name);
    const item = { variable: standardRegistry.named("switchState").id, device: id("sensor"), owner: id("customer"), value, timeMs, policy: policyHash };
    for (const follow of this.follows) this.hand(this.#notify(follow, [item]));
  }

  #notify(id: number, items: readonly object[], result: ResultCode = Result.done): Uint8Array {
    return this.#seal({ op: 7, id, result, items, retryAfterMs: 0 });
  }

  /** A set-point of the grid service in a session of other names. */
  setPoint(names: Names, sequence: number, timeMs: number): SessionBody {
    const id = (name: string) => names.id(name);
    const source = { device: id("home"), service: id("grid"), stakeholder: id("operator") };
    const item = { variable: standardRegistry.named("powerLimit").id, device: id("sensor"), owner: id("customer"), value: 5000, timeMs, policy: policyHash };
    return { op: 1, source, sequence, timeMs, items: [item] };
  }

  /** The value that the device has told last, or its result where it is not `done`: then negative. */
  lastTold(): number {
    const message = this.sent.pop();
    if (!message) throw new Error("the device has sent nothing");
    const received = this.session.receive(parseEnvelope(message), this.link);
    if (received.kind !== "body" || received.body.op !== 7) throw new Error(`the parent refused: ${JSON.stringify(received)}`);
    if (received.body.result) return -received.body.result;
    return Number(received.body.items[0]?.value ?? 0);
  }
}
