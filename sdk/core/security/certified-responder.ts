/** The end of the certified handshake that answers: the upper unit. See certified-handshake.ts. */
import { EbalanceError } from "../model/errors";
import { credentialIdBytes, HandshakeKind, handshakeSuite, readHandshake, withTag, writeAnswer, writeRefusal, writeSealed, type HandshakeRefusalName, type Hello, type Sealed } from "../wire/handshake-message";
import { nonceBytes } from "../wire/opening";
import { maxKid, wireVersion } from "../wire/session-message";
import { agreedSession, earliestExpiryS, makeBody, NotAccepted, ownPart, partOf, referTo, takeUnit, transcriptOf, type Brought, type HandshakeParty, type IsFree } from "./certified-handshake";
import type { Credential, UnitCredential } from "./credential";
import type { Handshake, HandshakeStep } from "./handshake";
import { concat, HandshakeKeys, sha256 } from "./handshake-keys";
import type { SessionConfig } from "./session-config";

/** Random numbers that are tried for a session. */
const maxKidTries = 64;

/** What holds between answer and open. */
interface Answered {
  readonly peer: UnitCredential;
  readonly keys: HandshakeKeys;
  readonly kid: number;
  readonly nonce: Uint8Array;
  /** `th` of handshake.cddl. */
  readonly transcript: Uint8Array;
  readonly byValue: boolean;
}

/** Answers one hello. Another one takes its place with a new object. */
export class CertifiedResponder implements Handshake {
  #answered: Answered | undefined;
  #isOver = false;

  /**
   * @param admits whether the public-key work is done that a hello costs; asked with the credential where it is known here, which says nothing of who sends it
   * @param isHeld whether a unit that is there keeps its place for now, whoever else comes with its identity
   * @param problem why there is no room for a session with a unit
   */
  constructor(
    private readonly party: HandshakeParty,
    private readonly isFree: IsFree,
    private readonly admits: (known: Credential | undefined) => boolean = () => true,
    private readonly isHeld: (unit: string) => boolean = () => false,
    private readonly problem: (peer: UnitCredential, config: SessionConfig) => string | undefined = () => undefined,
  ) {}

  /** The number that its session will have; undefined before a hello was answered. */
  get kid(): number | undefined {
    return this.#answered?.kid;
  }

  receive(message: Uint8Array): HandshakeStep {
    if (this.#isOver) return {};
    let nonce: Uint8Array = new Uint8Array(nonceBytes);
    try {
      const read = readHandshake(message);
      if (read.kind === HandshakeKind.hello && !this.#answered) {
        nonce = read.nonce;
        return { send: this.#answer(read, message) };
      }
      if (read.kind !== HandshakeKind.open || !this.#answered) return {};
      nonce = this.#answered.nonce;
      return this.#opened(read, message, this.#answered);
    } catch (error) {
      if (error instanceof NotAccepted) return this.#refuse(error.reason, nonce, error.message);
      // Anybody can send what is malformed; what an authentic peer sends is dealt with where it is read.
      if (error instanceof EbalanceError && error.code === "malformed") return {};
      return this.#refuse("notTrusted", nonce, (error as Error).message);
    }
  }

  close(): void {
    this.#isOver = true;
    this.#answered?.keys.close();
    this.#answered = undefined;
  }

  #refuse(reason: HandshakeRefusalName, nonce: Uint8Array, why: string): HandshakeStep {
    this.close();
    return { send: writeRefusal(reason, nonce), failed: why };
  }

  #answer({ version, suite, nonce, credential }: Hello, hello: Uint8Array): Uint8Array {
    const { crypto, store, credential: own, agreementKey } = this.party;
    if (version !== wireVersion) throw new NotAccepted("version", `it speaks wire version ${version}, this unit ${wireVersion}`);
    if (suite !== handshakeSuite) throw new NotAccepted("suite", `it asks for suite ${suite}, this unit has ${handshakeSuite}`);
    const isById = credential.length === credentialIdBytes;
    const known = store.find(isById ? credential : sha256(crypto, credential).subarray(0, credentialIdBytes));
    if ((known || !isById) && !this.admits(known)) throw new NotAccepted("busy", "more handshakes are begun than this unit answers");
    const peer = takeUnit(store, credential);
    if (peer.subject === own.subject || !peer.parents.includes(own.subject)) throw new NotAccepted("notParent", `${own.subject} is not among the parents of ${peer.subject}`);
    if (this.isHeld(peer.subject)) throw new NotAccepted("held", `${peer.subject} is there, and opens its session too often`);
    const kid = this.#freeKid();
    const ours = new Uint8Array(nonceBytes);
    crypto.random(ours);
    const covered = writeAnswer(ours, kid, referTo(own, !isById));
    const transcript = transcriptOf(crypto, hello, covered, peer, own);
    const greetings = { domain: store.domain, self: own.subject, peer: peer.subject, nonces: concat(nonce, ours), transcript };
    const keys = new HandshakeKeys(crypto, crypto.agree(agreementKey, peer.agreementKey), greetings);
    this.#answered = { peer, keys, kid, nonce, transcript, byValue: !isById };
    return withTag(covered, keys.tag(transcript, covered));
  }

  #freeKid(): number {
    const bytes = new Uint8Array(2);
    for (let i = 0; i < maxKidTries; i++) {
      this.party.crypto.random(bytes);
      const kid = bytes[0]! * 256 + bytes[1]!;
      if (kid >= 1 && kid <= maxKid && this.isFree(kid)) return kid;
    }
    throw new NotAccepted("busy", "no number is free for a session");
  }

  #opened({ kid, body: bytes, covered, tag }: Sealed, open: Uint8Array, { peer, keys, kid: ours, transcript, byValue }: Answered): HandshakeStep {
    const { crypto, store } = this.party;
    if (kid !== ours || !keys.isRight(transcript, covered, tag)) return {};
    let theirs: Brought;
    try {
      theirs = partOf(this.party, peer, transcript, bytes);
    } catch (error) {
      if (error instanceof NotAccepted) throw error;
      throw new NotAccepted("notTrusted", (error as Error).message);
    }
    const own = ownPart(this.party);
    const config = agreedSession(kid, theirs, own);
    const problem = this.problem(peer, config);
    if (problem !== undefined) throw new NotAccepted("busy", problem);
    const accepted = writeSealed(HandshakeKind.accept, kid, makeBody(this.party, peer, transcript, byValue));
    const accept = withTag(accepted, keys.tag(sha256(crypto, transcript, open), accepted));
    const expiresS = earliestExpiryS(store, theirs, own);
    const secret = keys.secret(sha256(crypto, transcript, open, accept));
    this.close();
    return { send: accept, done: { peer, delegations: theirs.delegations, config, secret, expiresS } };
  }
}
