/** The home of a device whose memory is measured: its end of a serial line, which asks and answers as the scenario of `sensor_min_ram_bytes` and `der_min_ram_bytes` says. */
import type { Socket } from "node:net";
import { NodeCrypto } from "@ebalance/gateway";
import type { Term } from "../../sdk/core/model/instance";
import { Names } from "../../sdk/core/model/names";
import { fromPhysical, type Value } from "../../sdk/core/model/registry";
import { standardRegistry } from "../../sdk/core/model/standard-variables";
import { Result } from "../../sdk/core/model/result";
import { Session } from "../../sdk/core/security/session";
import type { Item, NotifyMessage, SessionBody, WriteRequest } from "../../sdk/core/wire/session-body";
import { parseEnvelope } from "../../sdk/core/wire/session-message";
import { serialFrame, SerialFrameReader } from "../../sdk/transports/serial-framing";
import { benchKey, benchKeyFile } from "./key-file";

/** Subscriptions that the device holds. */
const subscriptions = 8;
/** While answers are held back the outbox fills: 64 readings at twenty a second, and some more. */
const holdsFromMs = 2000;
const holdsUntilMs = 6500;
const policyHash = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** What is asked of one kind of device. */
export interface Orders {
  /** What is written for it, in this order. */
  readonly written: readonly { readonly variable: string; readonly value: Value }[];
  /** The report that says that it has obeyed; absent where it tells in another way. */
  readonly obeyed?: { readonly variable: string; readonly value: Value };
  /** The condition on its active power under which samples are counted. */
  readonly counted: Term;
}

export interface Heard {
  /** Subscriptions that the device has accepted. */
  accepted: number;
  /** Readings that came before the answers were held back; and of those measured meanwhile, the ones that came in the end. */
  before: number;
  held: number;
  /** Samples that the device has counted for us. */
  counted: number;
  /** Whether it has obeyed. */
  obeyed: boolean;
}

export class LineParent {
  readonly heard: Heard = { accepted: 0, before: 0, held: 0, counted: 0, obeyed: false };
  readonly #names = new Names();
  readonly #session: Session;
  readonly #link = { name: "line", send: () => true, close: () => {} };
  readonly #asked = new Map<number, "event" | "count">();
  /** Subscriptions of the device, by the number of their variable. */
  readonly #follows = new Map<number, number>();
  #startedMs = 0;

  /** @param socket the end of the serial line, connected to QEMU */
  constructor(
    private readonly socket: Socket,
    private readonly orders: Orders,
  ) {
    const crypto = new NodeCrypto();
    const { kid, domain, initiator, responder, owner, names, sources } = benchKeyFile;
    this.#session = new Session({ kid, domain, initiator, responder, owner, names, sources }, responder, crypto.importKey(benchKey(), "derive"), standardRegistry, this.#names, crypto);
    const reader = new SerialFrameReader((message) => (message.length ? this.#take(message) : undefined));
    this.socket.on("data", (chunk: Buffer) => reader.push(chunk));
    // The chip ends before we do where it has too little memory.
    this.socket.on("error", () => {});
    this.socket.write(serialFrame(new Uint8Array(0)));
  }

  close(): void {
    this.socket.destroy();
  }

  #elapsedMs(): number {
    return this.#startedMs ? Date.now() - this.#startedMs : 0;
  }

  #send(body: Omit<SessionBody, "sequence" | "timeMs">): number {
    const sequence = this.#session.nextSequence;
    this.socket.write(serialFrame(this.#session.seal({ ...body, sequence, timeMs: Math.floor(Date.now() / 1000) * 1000 } as SessionBody)));
    return sequence;
  }

  #take(message: Uint8Array): void {
    const received = this.#session.receive(parseEnvelope(message), this.#link);
    if (received.kind === "reply") this.socket.write(serialFrame(received.message));
    if (received.kind === "body") this.#answer(received.body);
  }

  #answer(body: SessionBody): void {
    if (body.op === 6) this.#begin();
    else if (body.op === 1) this.#write(body, body.sequence);
    else if (body.op === 7) this.#told(body);
    else if (body.op === 3) this.#follows.set(body.selector.variable, this.#notify(body.sequence, Result.done));
    else if (body.op === 2) this.#notify(body.sequence, Result.noData);
  }

  #notify(id: number, result: number, items: readonly Item[] = []): number {
    this.#send({ op: 7, id, result, items, retryAfterMs: 0 } as unknown as Omit<SessionBody, "sequence" | "timeMs">);
    return id;
  }

  #begin(): void {
    if (this.#startedMs) return;
    this.#startedMs = Date.now();
    this.#send({ op: 6 });
  }

  /** A series can be subscribed to from its first reading on. */
  #subscribe(): void {
    if (this.#asked.size) return;
    for (let i = 0; i < subscriptions; i++) this.#asked.set(this.#send(this.#request({ op: 3, condition: [{ field: 1, comparison: 3, operand: i === 0 ? 9900 : 1_000_000 + i }] })), "event");
  }

  #request(what: object): Omit<SessionBody, "sequence" | "timeMs"> {
    const id = (name: string) => this.#names.id(name);
    const source = { device: id("home"), service: id("grid"), stakeholder: id("operator") };
    const selector = { variable: standardRegistry.named("activePower").id, device: id("sensor"), owner: id("customer") };
    return { source, selector, at: id("sensor"), ...what } as unknown as Omit<SessionBody, "sequence" | "timeMs">;
  }

  #write(body: WriteRequest, sequence: number): void {
    const elapsedMs = this.#elapsedMs();
    if (body.items.some(({ variable }) => variable === standardRegistry.named("activePower").id)) this.#subscribe();
    this.heard.obeyed ||= this.#saysObeyed(body);
    const items = body.items.filter(({ policy }) => !(policy instanceof Uint8Array)).map((item) => ({ ...item, policy: policyHash }));
    if (elapsedMs < holdsFromMs) this.heard.before += body.items.length;
    if (elapsedMs > holdsUntilMs) for (const { timeMs } of body.items) if (this.#isHeldBack(timeMs)) this.heard.held++;
    if (elapsedMs < holdsFromMs || elapsedMs > holdsUntilMs) this.#notify(sequence, Result.done, items);
    else setTimeout(() => this.#resume(sequence, items), holdsUntilMs - elapsedMs);
  }

  #isHeldBack(timeMs: number): boolean {
    return timeMs >= this.#startedMs + holdsFromMs && timeMs <= this.#startedMs + holdsUntilMs;
  }

  #saysObeyed({ items }: WriteRequest): boolean {
    const { obeyed } = this.orders;
    const expected = obeyed && standardRegistry.named(obeyed.variable);
    return expected !== undefined && items.some(({ variable, value }) => variable === expected.id && value === fromPhysical(expected, obeyed!.value));
  }

  #resume(sequence: number, items: readonly Item[]): void {
    this.#notify(sequence, Result.done, items);
    this.#asked.set(this.#send(this.#request({ op: 2, function: 5, condition: [this.orders.counted] })), "count");
    const id = (name: string) => this.#names.id(name);
    for (const { variable: name, value } of this.orders.written) {
      const variable = standardRegistry.named(name);
      const follows = this.#follows.get(variable.id);
      const item: Item = { variable: variable.id, device: id("sensor"), owner: id("customer"), value: fromPhysical(variable, value), timeMs: Date.now(), policy: policyHash };
      if (follows) this.#notify(follows, Result.done, [item]);
    }
  }

  #told({ id, result, items }: NotifyMessage): void {
    const what = this.#asked.get(id);
    if (what === "event" && result === Result.done && items.length === 0) this.heard.accepted++;
    if (what === "count" && result === Result.done) this.heard.counted = items[0]!.value as number;
  }
}
