/**
 * Stands in front of a unit where units below it join by their credentials: takes the messages of handshakes, and hands all others on. Whoever floods it costs little: each link has a budget, and
 * so many handshakes wait at once, of which the oldest gives way.
 */
import { refused } from "../counters";
import type { ClockPort, LinkPort, LogPort } from "../ports";
import type { HandshakeParty } from "../security/certified-handshake";
import { CertifiedResponder } from "../security/certified-responder";
import type { Established } from "../security/handshake";
import { isHandshake, writeUnknown } from "../wire/handshake-message";
import { inParts, PartReader } from "../wire/handshake-parts";
import { isOpening } from "../wire/opening";
import { parseEnvelope } from "../wire/session-message";
import type { CertifiedSessions, CertifiedUnit } from "./certified-sessions";

/** A handshake whose end has not come by then is given up. */
const timeoutMs = 10_000;
/** Handshakes that wait for their end at once, each for a kilobyte and three keys: whoever floods a unit has to send so many in the time of a round trip to disturb another. */
const maxPending = 256;
/** What each link may make this unit do: at once, and again in a second. A handshake takes two of these. */
const burst = 8;
const perS = 1;
const reviewMs = 60_000;

export interface DoorkeeperParts {
  readonly unit: CertifiedUnit;
  readonly party: HandshakeParty;
  readonly sessions: CertifiedSessions;
  readonly clock: ClockPort;
  readonly log: LogPort;
}

interface Pending {
  readonly responder: CertifiedResponder;
  readonly untilMs: number;
}

/** What is known of a link, as long as somebody holds it. */
interface Visitor {
  readonly parts: PartReader;
  /** When what it has asked for will have taken its time, on the monotonic clock. */
  paidMs: number;
}

/** The number of a session whose opening a message may be; 0 for what is none. */
function kidOf(message: Uint8Array): number {
  try {
    const envelope = parseEnvelope(message);
    return isOpening(envelope) ? envelope.kid : 0;
  } catch {
    return 0;
  }
}

/**
 * @example
 * const sessions = new CertifiedSessions({ unit: driver.unit, party, clock, log, resumption });
 * driver.door = new Doorkeeper({ unit: driver.unit, party, sessions, clock, log });
 */
export class Doorkeeper {
  readonly #pending = new Map<LinkPort, Pending>();
  readonly #visitors = new WeakMap<LinkPort, Visitor>();
  #reviewAtMs = -Infinity;

  constructor(private readonly parts: DoorkeeperParts) {}

  /** Takes one message. Nothing that it holds makes this throw. @returns as `LeafUnit.receive`: an authentic end of a handshake counts too */
  receive(link: LinkPort, message: Uint8Array): boolean {
    const { unit, sessions, clock } = this.parts;
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#reviewAtMs) {
      this.#reviewAtMs = nowMs + reviewMs;
      this.#expire(nowMs);
      sessions.review();
    }
    if (isHandshake(message)) return this.#handshake(link, message, nowMs);
    const { refused: counts } = unit.counters;
    const before = counts.unknownKey + counts.notAuthentic;
    const taken = unit.receive(link, message);
    if (counts.unknownKey + counts.notAuthentic > before) this.#tellUnknown(link, message, nowMs);
    return taken;
  }

  /** Gives up every handshake that waits. */
  close(): void {
    this.#pending.forEach((_pending, link) => this.#drop(link));
  }

  /** Whoever comes with a session that is not known here makes a new handshake, once told. */
  #tellUnknown(link: LinkPort, message: Uint8Array, nowMs: number): void {
    const kid = kidOf(message);
    if (kid && this.#mayAsk(link, nowMs)) link.send(writeUnknown(kid));
  }

  #visitor(link: LinkPort): Visitor {
    let visitor = this.#visitors.get(link);
    if (!visitor) this.#visitors.set(link, (visitor = { parts: new PartReader(), paidMs: -Infinity }));
    return visitor;
  }

  #mayAsk(link: LinkPort, nowMs: number): boolean {
    const visitor = this.#visitor(link);
    const paidMs = Math.max(visitor.paidMs, nowMs - (burst * 1000) / perS) + 1000 / perS;
    if (paidMs > nowMs) return false;
    visitor.paidMs = paidMs;
    return true;
  }

  #handshake(link: LinkPort, message: Uint8Array, nowMs: number): boolean {
    let whole: Uint8Array | undefined;
    try {
      whole = this.#visitor(link).parts.push(message);
    } catch (error) {
      return this.#refuse("malformed", link, (error as Error).message);
    }
    if (!whole) return false;
    if (!this.#mayAsk(link, nowMs)) return this.#refuse("failed", link, "more handshakes than a link may make");
    try {
      return this.#step(link, whole, nowMs);
    } catch (error) {
      this.#drop(link);
      return this.#refuse("failed", link, (error as Error).message);
    }
  }

  #step(link: LinkPort, message: Uint8Array, nowMs: number): boolean {
    const { sessions } = this.parts;
    this.#expire(nowMs);
    const begins = message[1] === 1;
    const responder = begins ? this.#answering(link, nowMs) : this.#pending.get(link)?.responder;
    if (!responder) return this.#refuse("notOpen", link, "no handshake waits for it");
    const { send, done, failed } = responder.receive(message);
    if (!send) {
      if (begins) this.#drop(link);
      return this.#refuse("notAuthentic", link, "a message that does not belong to the handshake");
    }
    if (failed !== undefined || done) this.#pending.delete(link);
    const parts = this.#inParts(send, done);
    const taken = !done || sessions.take(done, link);
    if (taken) for (const part of parts) link.send(part);
    return failed === undefined ? taken && done !== undefined : this.#refuse("notAuthentic", link, failed);
  }

  /** @throws EbalanceError `bad-argument` for what is too long to be sent; then there is no session */
  #inParts(message: Uint8Array, done: Established | undefined): Uint8Array[] {
    try {
      return inParts(message);
    } catch (error) {
      if (done) this.parts.party.crypto.destroyKey(done.secret);
      throw error;
    }
  }

  /** A new hello over a link takes the place of the handshake before. */
  #answering(link: LinkPort, nowMs: number): CertifiedResponder {
    const { party, unit, sessions } = this.parts;
    this.#drop(link);
    if (this.#pending.size >= maxPending) this.#drop(this.#pending.keys().next().value as LinkPort);
    const responder = new CertifiedResponder(party, (kid) => unit.isFree(kid) && !this.#isPending(kid), (peer) => unit.isHeld?.(peer) ?? false, (peer, config) => sessions.problem(peer, config));
    this.#pending.set(link, { responder, untilMs: nowMs + timeoutMs });
    return responder;
  }

  #isPending(kid: number): boolean {
    let found = false;
    this.#pending.forEach(({ responder }) => (found ||= responder.kid === kid));
    return found;
  }

  #expire(nowMs: number): void {
    this.#pending.forEach(({ untilMs }, link) => nowMs >= untilMs && this.#drop(link));
  }

  #drop(link: LinkPort): void {
    this.#pending.get(link)?.responder.close();
    this.#pending.delete(link);
  }

  #refuse(refusal: "malformed" | "notOpen" | "notAuthentic" | "failed", link: LinkPort, detail: string): false {
    return refused(this.parts.unit.counters, refusal, `handshake from ${link.name}`, detail, this.parts.log);
  }
}
