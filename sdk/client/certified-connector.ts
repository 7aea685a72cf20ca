/**
 * Links to a parent with which this unit agrees on its session by a handshake: a connector around another. Where there is a session to resume, the unit opens it at once; where there is none, or
 * the parent does not know it any more, the handshake comes first, over the same link, without a person.
 */
import type { CertifiedSessions, CertifiedUnit } from "../core/group/certified-sessions";
import type { ClockPort, LinkConnector, LinkEvents, LinkPort, LogPort } from "../core/ports";
import type { HandshakeParty } from "../core/security/certified-handshake";
import { CertifiedInitiator } from "../core/security/certified-initiator";
import type { HandshakeStep } from "../core/security/handshake";
import { HandshakeKind, isHandshake, readHandshake } from "../core/wire/handshake-message";
import { inParts, PartReader } from "../core/wire/handshake-parts";
import type { TimerHandle, TimerPort } from "./driver";

/** A parent that has not answered by then gets a new link. */
const handshakeMs = 10_000;
/** A session that is not open by then is not resumed any more: the parent holds another key for it, or none and does not say so. */
const resumeMs = 4000;
/** A session is renewed in its last tenth, and no more often than each hour. */
const renewAt = 0.9;
const leastRenewMs = 3_600_000;
const longestTimerMs = 0x7fffffff;

/** The unit that joins, who it is, and whom it joins. */
export interface CertifiedConnectorParts {
  readonly unit: CertifiedUnit;
  readonly party: HandshakeParty;
  readonly sessions: CertifiedSessions;
  /** Id of the unit above, one of the parents in this unit's credential. */
  readonly parent: string;
  readonly timers: TimerPort;
  readonly clock: ClockPort;
  readonly log: LogPort;
}

/**
 * A connector around another. Where there is a session with the unit above it is opened over the link at once; where there is none, or it is not opened within 4 s, a handshake comes first, which
 * has 10 s. A session is renewed in the last tenth of its time. What fails ends the link, and the log says why: whoever has asked for it, an `Uplink`, asks again.
 * @example
 * const connector = certifiedConnector(tcpConnector("lv.example", 4712), { unit: driver.unit, party, sessions, parent: "lv-unit", timers, clock, log });
 * new Uplink(driver, "lv-unit", connector, timers, log);
 */
export function certifiedConnector(connector: LinkConnector, parts: CertifiedConnectorParts): LinkConnector {
  return (events) => {
    const joining = new Joining(parts, events);
    return joining.over(connector(joining));
  };
}

/** One link, until it goes down. */
class Joining implements LinkEvents {
  #link: LinkPort | undefined;
  #handshake: CertifiedInitiator | undefined;
  readonly #parts = new PartReader();
  /** A session is being resumed, and not open yet. */
  #isResuming = false;
  #timer: TimerHandle | undefined;

  constructor(
    private readonly parts: CertifiedConnectorParts,
    private readonly events: LinkEvents,
  ) {}

  over(link: LinkPort): LinkPort {
    this.#link = link;
    return link;
  }

  up(): void {
    if (this.parts.sessions.has(this.parts.parent)) this.#resume();
    else this.#begin();
  }

  message(message: Uint8Array): boolean {
    if (isHandshake(message)) return this.#take(message);
    const taken = this.events.message(message);
    if (taken && this.#isResuming) this.#opened();
    return taken;
  }

  down(reason: string): void {
    this.#stopTimer();
    this.#handshake?.close();
    this.#handshake = undefined;
    this.events.down(reason);
  }

  #after(ms: number, action: () => void): void {
    this.#stopTimer();
    this.#timer = this.parts.timers.after(Math.min(ms, longestTimerMs), () => {
      this.#timer = undefined;
      action();
    });
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.parts.timers.cancel(this.#timer);
    this.#timer = undefined;
  }

  /** Lets the unit open the session that there is. */
  #resume(): void {
    this.#isResuming = true;
    this.#after(resumeMs, () => this.#begin());
    this.events.up();
  }

  #opened(): void {
    const { sessions, parent, clock } = this.parts;
    this.#isResuming = false;
    this.#stopTimer();
    const leftMs = clock.isSet() ? sessions.expiresS(parent) * 1000 - clock.wallMs() : Infinity;
    if (leftMs < Infinity) this.#after(Math.max(leftMs * renewAt, leastRenewMs), () => this.#renew());
  }

  /** The time of a timer may be shorter than that of a session. */
  #renew(): void {
    const { sessions, parent, clock } = this.parts;
    const leftMs = sessions.expiresS(parent) * 1000 - clock.wallMs();
    if (leftMs > longestTimerMs) this.#opened();
    else this.#begin();
  }

  #begin(): void {
    const { party, parent, unit, sessions } = this.parts;
    this.#isResuming = false;
    this.#handshake?.close();
    this.#handshake = new CertifiedInitiator(
      party,
      parent,
      (kid) => unit.isFree(kid),
      (peer, config) => sessions.problem(peer, config),
    );
    this.#after(handshakeMs, () => this.#link!.close(`${parent} has not answered the handshake within ${handshakeMs} ms`));
    this.#send(this.#handshake.start());
  }

  #send(message: Uint8Array): void {
    try {
      for (const part of inParts(message)) if (!this.#link!.send(part)) return this.#link!.close("the link does not take the handshake");
    } catch (error) {
      this.parts.log("error", (error as Error).message);
      this.#link!.close("the handshake cannot be sent");
    }
  }

  /** @returns whether the message belongs to what is under way */
  #take(message: Uint8Array): boolean {
    try {
      const whole = this.#parts.push(message);
      if (!whole) return false;
      const read = this.#isResuming ? readHandshake(whole) : undefined;
      if (read?.kind !== HandshakeKind.unknown) return this.#handshake !== undefined && this.#step(this.#handshake.receive(whole));
      this.parts.log("info", `${this.parts.parent} does not know session ${read.kid} any more: a new handshake is made`);
      this.#begin();
      return true;
    } catch {
      return false;
    }
  }

  #step({ send, done, failed }: HandshakeStep): boolean {
    const { sessions, log } = this.parts;
    if (send) this.#send(send);
    if (failed !== undefined) {
      log("warning", failed);
      this.#link!.close(failed);
    }
    if (done) {
      this.#handshake = undefined;
      if (sessions.take(done, this.#link!)) this.#resume();
      else this.#link!.close("the session that was agreed on cannot be used");
    }
    return send !== undefined || done !== undefined;
  }
}
