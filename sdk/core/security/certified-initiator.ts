/** The end of the certified handshake that begins: the lower unit. See certified-handshake.ts. */
import { EbalanceError } from "../model/errors";
import { HandshakeKind, handshakeSuite, readHandshake, withTag, writeHello, writeSealed, type Answer, type HandshakeRefused, type Sealed } from "../wire/handshake-message";
import { nonceBytes } from "../wire/opening";
import { wireVersion } from "../wire/session-message";
import { agreedSession, earliestExpiryS, makeBody, NotAccepted, ownPart, partOf, referTo, takeUnit, transcriptOf, type Brought, type HandshakeParty, type IsFree } from "./certified-handshake";
import type { UnitCredential } from "./credential";
import type { Handshake, HandshakeStep } from "./handshake";
import { concat, HandshakeKeys, sha256 } from "./handshake-keys";
import type { SessionConfig } from "./session-config";

/** How often it begins anew by itself: because the other end lacks a credential, or offers a number that this end has in use. */
const maxBegun = 8;
/** Answers of others' handshakes that are passed over, each for the price of an agreement. */
const maxWrongTags = 4;

/** What holds between open and accept. */
interface Opened {
  readonly peer: UnitCredential;
  readonly keys: HandshakeKeys;
  readonly kid: number;
  /** `th` of handshake.cddl. */
  readonly transcript: Uint8Array;
  readonly open: Uint8Array;
}

/**
 * @example
 * const handshake = new CertifiedInitiator(party, "home-1", (kid) => unit.isFree(kid));
 * link.send(handshake.start());
 * const { send, done } = handshake.receive(message);
 */
export class CertifiedInitiator implements Handshake {
  #byValue: boolean;
  #nonce: Uint8Array = new Uint8Array(nonceBytes);
  #hello: Uint8Array = new Uint8Array(0);
  #opened: Opened | undefined;
  #begun = 0;
  #wrongTags = 0;
  #isOver = false;

  /**
   * @param responder id of the unit that is to answer, one of the parents in this unit's credential
   * @param problem why there is no room for the session that it answers with
   */
  constructor(
    private readonly party: HandshakeParty,
    private readonly responder: string,
    private readonly isFree: IsFree,
    private readonly problem: (peer: UnitCredential, config: SessionConfig) => string | undefined = () => undefined,
  ) {
    // Who has not met the other end has not been met by it.
    this.#byValue = party.store.unit(responder) === undefined;
  }

  start(): Uint8Array {
    this.#dropKeys();
    this.#begun++;
    this.#nonce = new Uint8Array(nonceBytes);
    this.party.crypto.random(this.#nonce);
    return (this.#hello = writeHello(this.#nonce, referTo(this.party.credential, this.#byValue)));
  }

  receive(message: Uint8Array): HandshakeStep {
    if (this.#isOver) return {};
    try {
      const read = readHandshake(message);
      if (read.kind === HandshakeKind.refusal) return this.#refused(read);
      if (read.kind === HandshakeKind.answer && !this.#opened) return this.#answered(read);
      if (read.kind === HandshakeKind.accept && this.#opened) return this.#accepted(read, this.#opened);
      return {};
    } catch (error) {
      if (error instanceof NotAccepted) return error.reason === "unknownCredential" ? this.#again(error.message) : this.#fail(error.message);
      // Anybody can send what is malformed; what an authentic peer sends is dealt with where it is read.
      return error instanceof EbalanceError && error.code === "malformed" ? {} : this.#fail((error as Error).message);
    }
  }

  close(): void {
    this.#isOver = true;
    this.#dropKeys();
  }

  #dropKeys(): void {
    this.#opened?.keys.close();
    this.#opened = undefined;
  }

  #fail(reason: string): HandshakeStep {
    this.close();
    return { failed: `handshake with ${this.responder}: ${reason}` };
  }

  /** Begins anew, with all credentials whole if one was missing. */
  #again(reason: string, byValue = true): HandshakeStep {
    if (this.#begun >= maxBegun || (byValue && this.#byValue)) return this.#fail(reason);
    this.#byValue ||= byValue;
    return { send: this.start() };
  }

  #refused({ reason, nonce }: HandshakeRefused): HandshakeStep {
    if (!nonce.every((byte, i) => byte === this.#nonce[i])) return {};
    return reason === "unknownCredential" ? this.#again("it does not take the credential") : this.#fail(`refused: ${reason}`);
  }

  #answered({ version, suite, nonce, kid, credential, covered, tag }: Answer): HandshakeStep {
    const { crypto, store, agreementKey, credential: own } = this.party;
    if (version !== wireVersion || suite !== handshakeSuite) return this.#fail(`it answers with version ${version} and suite ${suite}, which were not asked for`);
    const peer = takeUnit(store, credential);
    if (peer.subject !== this.responder || !own.parents.includes(peer.subject)) return this.#fail(`${peer.subject} answers, which is not the parent that was called`);
    const transcript = transcriptOf(crypto, this.#hello, covered, own, peer);
    const greetings = { domain: store.domain, self: own.subject, peer: peer.subject, nonces: concat(this.#nonce, nonce), transcript };
    const keys = new HandshakeKeys(crypto, crypto.agree(agreementKey, peer.agreementKey), greetings);
    if (!keys.isRight(transcript, covered, tag)) {
      keys.close();
      return ++this.#wrongTags >= maxWrongTags ? this.#fail("answers that do not belong to it") : {};
    }
    if (!this.isFree(kid)) {
      keys.close();
      return this.#again(`number ${kid} is in use here`, false);
    }
    return { send: this.#open(peer, keys, kid, transcript) };
  }

  #open(peer: UnitCredential, keys: HandshakeKeys, kid: number, transcript: Uint8Array): Uint8Array {
    try {
      const covered = writeSealed(HandshakeKind.open, kid, makeBody(this.party, peer, transcript, this.#byValue));
      const open = withTag(covered, keys.tag(transcript, covered));
      this.#opened = { peer, keys, kid, transcript, open };
      return open;
    } catch (error) {
      keys.close();
      throw error;
    }
  }

  #accepted({ kid, body: bytes, covered, tag }: Sealed, { peer, keys, kid: ours, transcript, open }: Opened): HandshakeStep {
    const { crypto, store } = this.party;
    const accepted = sha256(crypto, transcript, open);
    if (kid !== ours || !keys.isRight(accepted, covered, tag)) return {};
    let theirs: Brought;
    try {
      theirs = partOf(this.party, peer, transcript, bytes);
    } catch (error) {
      if (error instanceof NotAccepted) throw error;
      return this.#fail((error as Error).message);
    }
    const own = ownPart(this.party);
    const config = agreedSession(kid, own, theirs);
    const problem = this.problem(peer, config);
    if (problem !== undefined) return this.#fail(problem);
    const expiresS = earliestExpiryS(store, own, theirs);
    const secret = keys.secret(sha256(crypto, transcript, open, withTag(covered, tag)));
    this.close();
    return { done: { peer, delegations: theirs.delegations, config, secret, expiresS } };
  }
}
