/**
 * Stands in front of a unit where units below it join by their credentials: takes the messages of handshakes, and hands all others on. Whoever floods it costs little: each link has a budget,
 * all strangers together have one, each unit that is known has a share apart from theirs, and so many handshakes wait at once, of which the oldest gives way.
 */
import { refused } from "../counters";
import { bytesKey } from "../model/bytes";
import type { ClockPort, LinkPort, LogPort } from "../ports";
import { Rate, Rates, type RateSettings } from "../rate";
import type { HandshakeParty } from "../security/certified-handshake";
import { CertifiedResponder } from "../security/certified-responder";
import type { Credential } from "../security/credential";
import type { Established } from "../security/handshake";
import { HandshakeKind, isHandshake, writeUnknown } from "../wire/handshake-message";
import { inParts, PartReader } from "../wire/handshake-parts";
import { isOpening } from "../wire/opening";
import { parseEnvelope } from "../wire/session-message";
import type { CertifiedSessions, CertifiedUnit } from "./certified-sessions";

/** A handshake whose end has not come by then is given up. */
const timeoutMs = 10_000;
/** Handshakes that wait for their end at once, each for a kilobyte and three keys: whoever floods a unit has to send so many in the time of a round trip to disturb another. */
const maxPending = 256;
/** What each link may make this unit do: at once, and again in a second. A handshake takes two of these. */
const rateOfLink: RateSettings = Object.freeze({ perSecond: 1, burst: 8 });
/** Hellos that are answered over all links, each for some verifications and an agreement: of those whose credential is not known here, all together. */
const rateOfStrangers: RateSettings = Object.freeze({ perSecond: 50, burst: 100 });
/** And of each credential that is known here, before it takes from what strangers have: whoever else shows it takes from this unit alone. */
const rateOfKnown: RateSettings = Object.freeze({ perSecond: 0.2, burst: 4 });
const reviewMs = 60_000;

/** The unit behind the door, and who it is to those that knock. */
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
  readonly rate: Rate;
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
  readonly #strangers: Rate;
  readonly #known: Rates;
  #reviewAtMs = -Infinity;

  constructor(private readonly parts: DoorkeeperParts) {
    this.#strangers = new Rate(parts.clock, rateOfStrangers);
    this.#known = new Rates(parts.clock, rateOfKnown);
  }

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
    if (counts.unknownKey + counts.notAuthentic > before) this.#tellUnknown(link, message);
    return taken;
  }

  /** Gives up every handshake that waits. */
  close(): void {
    this.#pending.forEach((_pending, link) => this.#drop(link));
  }

  /** Whoever comes with a session that is not known here makes a new handshake, once told. */
  #tellUnknown(link: LinkPort, message: Uint8Array): void {
    const kid = kidOf(message);
    if (kid && this.#visitor(link).rate.take()) link.send(writeUnknown(kid));
  }

  #visitor(link: LinkPort): Visitor {
    let visitor = this.#visitors.get(link);
    if (!visitor) this.#visitors.set(link, (visitor = { parts: new PartReader(), rate: new Rate(this.parts.clock, rateOfLink) }));
    return visitor;
  }

  /** Whether a hello over a link is answered. A unit whose session is open there begins anew whatever others do, and resuming one is no handshake at all. */
  #admits(link: LinkPort, known: Credential | undefined): boolean {
    if (this.parts.unit.isOpenOver?.(link)) return true;
    return (known !== undefined && this.#known.take(bytesKey(known.id))) || this.#strangers.take();
  }

  #handshake(link: LinkPort, message: Uint8Array, nowMs: number): boolean {
    let whole: Uint8Array | undefined;
    try {
      whole = this.#visitor(link).parts.push(message);
    } catch (error) {
      return this.#refuse("malformed", link, (error as Error).message);
    }
    if (!whole) return false;
    if (!this.#visitor(link).rate.take()) return this.#refuse("failed", link, "more handshakes than a link may make");
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
    const begins = message[1] === HandshakeKind.hello;
    if (begins) this.#drop(link);
    const responder = begins ? this.#responder(link) : this.#pending.get(link)?.responder;
    if (!responder) return this.#refuse("notOpen", link, "no handshake waits for it");
    const { send, done, failed } = responder.receive(message);
    if (!send) return this.#refuse("notAuthentic", link, "a message that does not belong to the handshake");
    if (begins && failed === undefined) this.#wait(link, { responder, untilMs: nowMs + timeoutMs });
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

  #responder(link: LinkPort): CertifiedResponder {
    const { party, unit, sessions } = this.parts;
    return new CertifiedResponder(
      party,
      (kid) => unit.isFree(kid) && !this.#isPending(kid),
      (known) => this.#admits(link, known),
      (peer) => unit.isHeld?.(peer) ?? false,
      (peer, config) => sessions.problem(peer, config),
    );
  }

  /** Has a handshake wait for its end, in the place of the oldest where there are too many. */
  #wait(link: LinkPort, pending: Pending): void {
    if (this.#pending.size >= maxPending) this.#drop(this.#pending.keys().next().value as LinkPort);
    this.#pending.set(link, pending);
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
