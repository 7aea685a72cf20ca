/**
 * A session between two units under a provisioned key: the opening with fresh nonces on both sides, the keys derived from them, sequence
 * numbers and the replay window. It turns bodies into messages and back; it knows nothing of links or requests.
 *
 * Because every opening gives new keys, nothing has to be kept over a restart on either side, and no message of an earlier session verifies in
 * a later one. The opening of a session under certified keys and delegations takes the place of the provisioned key when it is built.
 */
import { sameBytes } from "../model/bytes";
import { badArgument, EbalanceError, malformed } from "../model/errors";
import type { NameId, Names } from "../model/names";
import type { Registry } from "../model/registry";
import type { LinkPort } from "../ports";
import { maxSequence, type Asked, type BodyContext, type SessionBody, type Source } from "../wire/session-body";
import { isAnswer, isOpening, nonceBytes, readOpening, writeOpening } from "../wire/opening";
import { readBody, sequenceRead } from "../wire/read-body";
import { portableSeal, readingTemplate, sealBody, type ReadingSealer, type SealPort, type SealReading } from "../wire/reading-message";
import { encodeScope, macContext, seal, startPayload, type Envelope, type MacContext, type MessageKind, type VerifyContext } from "../wire/session-message";
import type { CryptoPort, KeyHandle } from "./crypto-port";
import { ReplayWindow } from "./replay-window";
import { checkSession, type SessionConfig, type SessionIdentity } from "./session-config";

/** Links over which a responder has answered an opening without having heard from the initiator since. */
const maxCandidates = 8;

/** From here on a session is opened anew. */
const wornSequence = maxSequence - 1024;

/** Why a message was refused. Each is a counter of the unit. */
export type Refusal = "malformed" | "notAuthentic" | "replayed" | "notOpen" | "foreignSource" | "failed";

/** What a received message was. */
export type Received =
  | { readonly kind: "reply"; readonly message: Uint8Array }
  | { readonly kind: "opened" }
  | { readonly kind: "body"; readonly body: SessionBody; readonly reopened: boolean }
  /** Authentic, but not a body of this wire version; sequence 0 where it cannot be answered. */
  | { readonly kind: "malformed"; readonly sequence: number; readonly detail: string }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly detail: string };

interface Directions {
  readonly send: MacContext;
  readonly receive: VerifyContext;
}

/** The keys and counters of one opening. */
interface Epoch extends Directions {
  readonly window: ReplayWindow;
  sent: number;
}

class EpochSealer implements ReadingSealer {
  sequence = 0;

  constructor(
    private readonly epoch: Epoch,
    private readonly sealReading: SealReading,
  ) {}

  seal(timeS: number, variable: number, value: number, offsetMs: number): Uint8Array | undefined {
    const { epoch } = this;
    if (epoch.sent >= wornSequence) return undefined;
    const sequence = epoch.sent + 1;
    const message = this.sealReading(sequence, timeS, variable, value, offsetMs);
    epoch.sent = this.sequence = sequence;
    return message;
  }
}

export class Session implements BodyContext {
  readonly identity: SessionIdentity;
  readonly kid: number;
  readonly peer: NameId;
  readonly isInitiator: boolean;
  readonly nameIds: readonly NameId[];
  readonly #sources: readonly Source[];
  readonly #below: ReadonlySet<NameId> | undefined;
  /** That of the session's protection. */
  readonly #sealPort: SealPort;
  /** The key of openings, from the first that is made or comes until the session is closed; an initiator has it only while it opens, since it takes a device a kilobyte. */
  #opening: Directions | undefined;
  /** The nonce of an `open` that was sent and not answered yet. */
  #nonce: Uint8Array | undefined;
  #epoch: Epoch | undefined;
  /**
   * Derived by the responder, oldest first, one a link; one takes effect with the first message over its link that verifies under it. So a replayed
   * `open` changes nothing, and over another link it does not push out the one that is under way.
   */
  readonly #candidates = new Map<LinkPort, Epoch>();

  /**
   * @param self id of this unit: the initiator or the responder
   * @param secret the provisioned key, with use "derive"
   * @throws EbalanceError `bad-argument` naming the field that is wrong
   */
  constructor(
    config: SessionConfig,
    private readonly self: string,
    private readonly secret: KeyHandle,
    readonly registry: Registry,
    private readonly names: Names,
    private readonly crypto: CryptoPort,
    sealPort: SealPort = portableSeal(crypto),
  ) {
    checkSession(config, self);
    const { kid, domain, initiator, responder, protection } = config;
    this.#sealPort = protection !== "encrypt" ? sealPort : (sealPort.encrypting ?? badArgument(`session ${kid}: protection encrypt needs a seal port made by encryptingSeal`));
    this.identity = { kid, domain, initiator, responder };
    this.kid = kid;
    this.isInitiator = self === initiator;
    this.peer = names.id(this.#peerText());
    this.nameIds = config.names.map((name) => names.id(name));
    // Only what the peer may say matters at this end.
    const theirs = config.sources.filter((s) => (s.via ?? s.device) !== self);
    this.#sources = theirs.map((s) => ({ device: names.id(s.device), service: names.id(s.service), stakeholder: names.id(s.stakeholder) }));
    this.#below = config.below && new Set(config.below.map((name) => names.id(name)));
  }

  /** Whether messages can be sealed now. */
  get isOpen(): boolean {
    return this.#epoch !== undefined;
  }

  /** Whether the sequence numbers near their end, so that the initiator must open the session anew. */
  get isWorn(): boolean {
    const epoch = this.#epoch;
    return epoch !== undefined && (epoch.sent >= wornSequence || epoch.window.highest >= wornSequence);
  }

  nameId(index: number): NameId {
    return this.nameIds[index] ?? malformed(`name ${index} is not one of the ${this.nameIds.length} agreed`);
  }

  nameIndex(id: NameId): number {
    const index = this.nameIds.indexOf(id);
    return index >= 0 ? index : badArgument(`${this.names.text(id)} is not in the names of session ${this.kid}; add it to both key files`);
  }

  /** Whether the peer may make this request, or pass it on: by its source, since it never speaks for this end. */
  allows({ source }: Asked): boolean {
    return this.#sources.some((s) => s.device === source.device && s.service === source.service && s.stakeholder === source.stakeholder);
  }

  /** Whether a unit may be reached through the initiator. */
  mayBeBelow(unit: NameId): boolean {
    return this.#below?.has(unit) ?? false;
  }

  /** The message that opens the session anew; the present one goes on until the answer comes. */
  open(): Uint8Array {
    this.#nonce = new Uint8Array(nonceBytes);
    this.crypto.random(this.#nonce);
    return this.#sealOpening(this.#nonce);
  }

  /** Forgets every key of this session; it cannot be used any more. */
  destroy(): void {
    this.close();
    this.crypto.destroyKey(this.secret);
  }

  /** The link is gone: what is under way will not be answered. */
  close(): void {
    this.#endOpening();
    this.#destroy(this.#epoch);
    this.#epoch = undefined;
    this.#dropCandidates();
  }

  /** The sequence that the next sealed message will have. */
  get nextSequence(): number {
    return (this.#epoch?.sent ?? 0) + 1;
  }

  /** Seals a body that has `nextSequence`. The session must be open. */
  seal(body: SessionBody): Uint8Array {
    const epoch = this.#epoch!;
    if (body.sequence !== epoch.sent + 1 || epoch.sent >= maxSequence) badArgument(`sequence ${body.sequence} of session ${this.kid}`);
    const message = this.#sealPort.seal(epoch.send, body, this) ?? sealBody(this.crypto, epoch.send, body, this);
    epoch.sent++;
    return message;
  }

  /** What seals the readings of a service under a policy that the peer knows, until the session is opened anew. The session must be open. */
  readingSealer(source: Source, policy: Uint8Array): ReadingSealer {
    const epoch = this.#epoch!;
    return new EpochSealer(epoch, this.#sealPort.readingSealer(epoch.send, readingTemplate(this, source, policy)));
  }

  /** Checks and takes apart a message whose envelope names this session. */
  receive(envelope: Envelope, link: LinkPort): Received {
    try {
      if (isOpening(envelope)) return this.#receiveOpening(envelope, link);
      const epoch = this.#epochOf(envelope, link);
      if (!epoch) return refused(this.#epoch || this.#candidates.size ? "notAuthentic" : "notOpen", `session ${this.kid}`);
      const body = this.#sealPort.read(envelope, this);
      return body ? this.#receiveBody(body, epoch) : this.#readBody(envelope, epoch);
    } catch (error) {
      const theirs = error instanceof EbalanceError && error.code === "malformed";
      return refused(theirs ? "malformed" : "failed", messageOf(error));
    }
  }

  /** The keys of openings. */
  #openingKeys(): Directions {
    if (this.#opening) return this.#opening;
    const key = this.crypto.deriveKey(this.secret, new Uint8Array(0), this.#info("open", ""), "mac");
    return (this.#opening = { send: this.#context(key, this.#peerText(), "open"), receive: this.#context(key, this.self, "open") });
  }

  #endOpening(): void {
    this.#nonce = undefined;
    if (this.#opening) this.crypto.destroyKey(this.#opening.send.key);
    this.#opening = undefined;
  }

  #receiveOpening(envelope: Envelope, link: LinkPort): Received {
    // Whatever it says: without an opening of its own under way, an initiator waits for none, and derives no key for it.
    if (this.isInitiator && !this.#nonce) return isAnswer(envelope) ? refused("replayed", "answer to another opening") : refused("notOpen", "the responder cannot open a session");
    if (!this.#sealPort.verify(this.#openingKeys().receive, envelope)) return refused("notAuthentic", "opening");
    const { nonce, answered } = readOpening(envelope);
    if (answered === undefined) {
      if (this.isInitiator) return refused("notOpen", "the responder cannot open a session");
      return { kind: "reply", message: this.#answerOpening(nonce, link) };
    }
    if (!this.#nonce || !sameBytes(answered, this.#nonce)) return refused("replayed", "answer to another opening");
    this.#destroy(this.#epoch);
    this.#epoch = undefined;
    this.#epoch = this.#derive(this.#nonce, nonce);
    this.#endOpening();
    return { kind: "opened" };
  }

  #answerOpening(theirs: Uint8Array, link: LinkPort): Uint8Array {
    const ours = new Uint8Array(nonceBytes);
    this.crypto.random(ours);
    this.dropCandidate(link);
    if (this.#candidates.size >= maxCandidates) this.dropCandidate(this.#candidates.keys().next().value as LinkPort);
    this.#candidates.set(link, this.#derive(theirs, ours));
    return this.#sealOpening(ours, theirs);
  }

  /** What the engine's own reader did not take is read here, or refused with a reason. */
  #readBody(envelope: Envelope, epoch: Epoch): Received {
    let body: SessionBody;
    try {
      body = readBody(envelope, this);
    } catch (error) {
      const answerable = epoch === this.#epoch && sequenceRead > 0 && epoch.window.accept(sequenceRead);
      return { kind: "malformed", sequence: answerable ? sequenceRead : 0, detail: messageOf(error) };
    }
    return this.#receiveBody(body, epoch);
  }

  #receiveBody(body: SessionBody, epoch: Epoch): Received {
    const late = body.sequence < epoch.window.highest;
    if (!epoch.window.accept(body.sequence)) return refused("replayed", `sequence ${body.sequence} of session ${this.kid}`);
    // Links keep the order. A request that was held back on the way must not undo what was asked after it.
    if (late && "source" in body) return refused("replayed", `request ${body.sequence} of session ${this.kid} after ${epoch.window.highest}`);
    return { kind: "body", body, reopened: this.#takeInUse(epoch) };
  }

  /** The keys under which an envelope verifies. */
  #epochOf(envelope: Envelope, link: LinkPort): Epoch | undefined {
    if (this.#epoch && this.#sealPort.verify(this.#epoch.receive, envelope)) return this.#epoch;
    const candidate = this.#candidates.get(link);
    return candidate && this.#sealPort.verify(candidate.receive, envelope) ? candidate : undefined;
  }

  /** Takes a candidate in use once a message has come under it. @returns whether it was a candidate */
  #takeInUse(epoch: Epoch): boolean {
    if (epoch === this.#epoch) return false;
    this.#destroy(this.#epoch);
    this.#epoch = epoch;
    this.#dropCandidates();
    return true;
  }

  /** Forgets the opening that came over a link. */
  dropCandidate(link: LinkPort): void {
    this.#destroy(this.#candidates.get(link));
    this.#candidates.delete(link);
  }

  /** Forgets all openings but the one in use. */
  #dropCandidates(): void {
    this.#candidates.forEach((candidate) => candidate !== this.#epoch && this.#destroy(candidate));
    this.#candidates.clear();
  }

  #derive(initiatorNonce: Uint8Array, responderNonce: Uint8Array): Epoch {
    const salt = new Uint8Array(2 * nonceBytes);
    salt.set(initiatorNonce);
    salt.set(responderNonce, nonceBytes);
    const direction = (receiver: string) =>
      this.#sealPort.deriveContext?.(this.secret, salt, this.identity, receiver) ??
      this.#context(this.crypto.deriveKey(this.secret, salt, this.#info("session", receiver), "mac"), receiver, "session");
    const { key, prefix } = direction(this.self);
    return { send: direction(this.#peerText()), receive: { key, prefix }, window: new ReplayWindow(), sent: 0 };
  }

  #destroy(epoch: Epoch | undefined): void {
    if (!epoch) return;
    // Whoever seals readings under it notices.
    epoch.sent = maxSequence;
    this.crypto.destroyKey(epoch.send.key);
    this.crypto.destroyKey(epoch.receive.key);
  }

  #sealOpening(nonce: Uint8Array, answered?: Uint8Array): Uint8Array {
    const { send } = this.#openingKeys();
    startPayload();
    writeOpening(nonce, answered);
    return seal(this.crypto, send);
  }

  #context(key: KeyHandle, receiver: string, kind: MessageKind): MacContext {
    return macContext(key, this.kid, this.identity.domain, receiver, kind);
  }

  #info(kind: MessageKind, receiver: string): Uint8Array {
    return encodeScope(this.identity.domain, kind, receiver);
  }

  #peerText(): string {
    return this.isInitiator ? this.identity.responder : this.identity.initiator;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refused(refusal: Refusal, detail: string): Received {
  return { kind: "refused", refusal, detail };
}
