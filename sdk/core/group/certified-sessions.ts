/** The sessions of a unit that handshakes have made: given to the unit, kept over a restart, and ended when their time is over or the other end's credential does not hold any more. */
import type { Counters } from "../counters";
import type { Names } from "../model/names";
import type { ClockPort, LinkPort, LogPort } from "../ports";
import type { HandshakeParty } from "../security/certified-handshake";
import { heldBy, type Holds } from "../security/certified-session";
import type { UnitCredential } from "../security/credential";
import type { KeyHandle } from "../security/crypto-port";
import type { Established } from "../security/handshake";
import type { Resumption } from "../security/resumption";
import type { SessionConfig } from "../security/session-config";

/** What is asked of a unit: `ManagementUnit` and `CertifiedLeafUnit` have it. */
export interface CertifiedUnit {
  readonly id: string;
  readonly names: Names;
  readonly counters: Counters;
  receive(link: LinkPort, message: Uint8Array): boolean;
  provision(config: SessionConfig, secret: KeyHandle, holds: Holds, link?: LinkPort): void;
  isFree(kid: number): boolean;
  /** Where units are below. */
  withdraw?(neighbour: string): void;
  isHeld?(neighbour: string): boolean;
  isOpenOver?(link: LinkPort): boolean;
}

/** What the sessions are made for and kept with. */
export interface CertifiedSessionsParts {
  readonly unit: CertifiedUnit;
  readonly party: HandshakeParty;
  readonly clock: ClockPort;
  readonly log: LogPort;
  /** Left out: after a restart each session takes a new handshake. */
  readonly resumption?: Resumption | undefined;
}

/** No session is resumed for longer than this, in seconds: 30 days. */
const longestS = 30 * 86_400;

/** Names that no root has signed and that one unit has brought into this unit's table, which forgets none: those of its policies and services, over all of its sessions. */
const maxNamesOfPeer = 256;

interface Current {
  readonly peer: UnitCredential;
  readonly kid: number;
  readonly expiresS: number;
}

/**
 * Gives a unit the sessions that handshakes have made, at most one a peer, each for 30 days and no longer than the credentials of both ends hold. One for all ways up and down of a unit.
 * @example
 * const resumption = new Resumption({ state, crypto, wrapping, party, clock, log });
 * const sessions = new CertifiedSessions({ unit: driver.unit, party, clock, log, resumption });
 * driver.door = new Doorkeeper({ unit: driver.unit, party, sessions, clock, log });
 */
export class CertifiedSessions {
  readonly #current = new Map<string, Current>();
  /** How many names each unit has brought. */
  readonly #brought = new Map<string, number>();

  /** Gives the unit what was kept over the restart and still holds. */
  constructor(private readonly parts: CertifiedSessionsParts) {
    for (const session of parts.resumption?.restore() ?? []) this.#give(session, undefined);
  }

  /**
   * Gives the unit what a handshake has made, in place of any session with the same peer.
   * @param link the one over which the handshake came
   * @returns false where the unit cannot take it, which the log says
   */
  take(session: Established, link: LinkPort): boolean {
    const { clock, resumption, log } = this.parts;
    const { peer, config } = session;
    const before = this.#current.get(peer.subject);
    // Without a clock the other end's says when it is over.
    const expiresS = clock.isSet() ? Math.min(session.expiresS, Math.floor(clock.wallMs() / 1000) + longestS) : session.expiresS;
    const bounded = { ...session, expiresS };
    if (!this.#give(bounded, link)) return false;
    resumption?.keep(bounded);
    if (before) resumption?.forget(before.kid);
    log("info", `session ${config.kid} with ${peer.subject} is agreed on, for ${session.delegations.length} delegations of theirs`);
    return true;
  }

  #give({ peer, delegations, config, secret, expiresS }: Established, link: LinkPort | undefined): boolean {
    const { unit, party, log, resumption } = this.parts;
    this.#brought.set(peer.subject, this.#countBrought(peer, config));
    try {
      unit.provision(config, secret, heldBy(party.store, peer, delegations, unit.names), link);
    } catch (error) {
      party.crypto.destroyKey(secret);
      resumption?.forget(config.kid);
      log("error", `session with ${peer.subject}: ${(error as Error).message}`);
      return false;
    }
    this.#current.set(peer.subject, { peer, kid: config.kid, expiresS });
    return true;
  }

  /** Why there is no room for a session with a unit: it brings more names than one may. Those that are known here already, and those in its credential, are free. */
  problem(peer: UnitCredential, config: SessionConfig): string | undefined {
    const count = this.#countBrought(peer, config);
    return count > maxNamesOfPeer ? `${peer.subject} brings ${count} names into its sessions, at most ${maxNamesOfPeer} are taken until this unit is started again` : undefined;
  }

  /** The names that a unit has brought, with those of a session. */
  #countBrought({ subject, parents }: UnitCredential, { owner, names, below = [] }: SessionConfig): number {
    const signed = new Set([subject, owner, ...parents, ...below]);
    return (this.#brought.get(subject) ?? 0) + names.filter((name) => !signed.has(name) && this.parts.unit.names.find(name) === undefined).length;
  }

  /** Whether there is a session with a unit that can be resumed now. */
  has(peer: string): boolean {
    const current = this.#current.get(peer);
    return current !== undefined && this.#problem(current) === undefined;
  }

  /** When the session with a unit is over, in seconds since 1970; Infinity where there is none, or no end to it. */
  expiresS(peer: string): number {
    return this.#current.get(peer)?.expiresS ?? Infinity;
  }

  /** Ends the sessions whose time is over, or whose unit's credential does not hold any more. Call it after new revocations, and each minute. */
  review(): void {
    this.#current.forEach((current, peer) => {
      const problem = this.#problem(current);
      if (problem === undefined) return;
      this.parts.log("info", `session ${current.kid} with ${peer} ends: ${problem}`);
      this.#current.delete(peer);
      this.parts.resumption?.forget(current.kid);
      this.parts.unit.withdraw?.(peer);
    });
  }

  #problem({ peer, expiresS }: Current): string | undefined {
    const { clock, party } = this.parts;
    if (clock.isSet() && clock.wallMs() / 1000 >= expiresS) return "its time is over";
    return party.store.refusal(peer);
  }
}
