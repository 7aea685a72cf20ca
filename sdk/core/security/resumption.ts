/**
 * Sessions of handshakes, kept over a restart: then no operation with a key pair is needed to open one again. A record holds what the handshake has left, the secret wrapped by the crypto
 * port, and the credentials of the other end, whose signatures were verified when they came. A tag under a key of the secret ends it: a record that was changed, or put together from others, is
 * none. One that was rolled back whole brings back a session that there was, which the other end has forgotten.
 */
import { sameBytes } from "../model/bytes";
import { EbalanceError, malformed } from "../model/errors";
import type { ClockPort, LogPort, StateName, StatePort } from "../ports";
import { decodeCbor, encodeCbor, encodeRecord, type CborValue } from "../wire/cbor-value";
import { maxKid, wireVersion } from "../wire/session-message";
import type { HandshakeParty } from "./certified-handshake";
import type { Credential, Delegation, UnitCredential } from "./credential";
import type { KeyHandle, KeyWrapPort } from "./crypto-port";
import type { Established } from "./handshake";
import { concat } from "./handshake-keys";
import type { SessionConfig } from "./session-config";

/** Where sessions are kept, and under which key. */
export interface ResumptionParts {
  readonly state: StatePort;
  readonly crypto: KeyWrapPort;
  /** With use "wrap", the same after each start. */
  readonly wrapping: KeyHandle;
  readonly party: HandshakeParty;
  readonly clock: ClockPort;
  readonly log: LogPort;
}

const layout = 1;
const tagBytes = 32;
/** Sessions that are kept at most; of more, the other end makes a new handshake after a restart. */
const maxSessions = 2048;

type RecordItems = readonly [layout: 1, kid: number, domain: string, ends: number[], names: string[], sources: number[][], below: number[] | null, isEncrypted: boolean, expiresS: number | null, wrapped: Uint8Array, own: Uint8Array[], theirs: Uint8Array[]];

/**
 * Sessions over a restart, 2048 at most; handed to `CertifiedSessions`, which calls it. What cannot be read, was changed, or does not fit the credentials of the unit any more is forgotten, and the
 * other end makes a new handshake: nothing throws.
 * @example
 * const wrapping = keys.wrap.importInto(crypto, "wrap"); // the same after each start
 * const resumption = new Resumption({ state: new FileState("state", log), crypto, wrapping, party, clock, log });
 */
export class Resumption {
  /** Numbers of the sessions that are kept, in the order in which they were made. */
  #kids: number[] = [];

  constructor(private readonly parts: ResumptionParts) {}

  /** What was kept and still holds; the secrets are the caller's. What does not is forgotten, and the other end told nothing: it makes a new handshake. */
  restore(): readonly Established[] {
    const kept = new Map<string, Established>();
    this.#kids = this.#listed();
    for (const kid of this.#kids.slice()) {
      const session = this.#restored(kid);
      const before = session && kept.get(session.peer.subject);
      if (before) this.#drop(before);
      if (session) kept.set(session.peer.subject, session);
      else this.forget(kid);
    }
    return [...kept.values()];
  }

  #drop({ config, secret }: Established): void {
    this.parts.party.crypto.destroyKey(secret);
    this.forget(config.kid);
  }

  /** Keeps a session. Where that fails it goes on all the same, and ends with a restart. */
  keep(session: Established): void {
    const { state, log } = this.parts;
    const { kid } = session.config;
    if (this.#kids.length >= maxSessions) return log("warning", `session ${kid} is not kept over a restart: ${maxSessions} are`);
    // In this order: a record that no list names would stay for ever.
    this.#kids.push(kid);
    try {
      if (this.#keepList() && state.keep(nameOf(kid), this.#recordOf(session))) return;
      log("warning", `session ${kid} is not kept over a restart: its state cannot be written`);
    } catch (error) {
      log("warning", `session ${kid} is not kept over a restart: ${(error as Error).message}`);
    }
  }

  /** Gives up what is kept of a session; of one that is not kept, nothing happens. */
  forget(kid: number): void {
    this.parts.state.keep(nameOf(kid), new Uint8Array(0));
    this.#kids = this.#kids.filter((known) => known !== kid);
    this.#keepList();
  }

  #keepList(): boolean {
    return this.parts.state.keep("sessions", encodeRecord(this.#kids));
  }

  #listed(): number[] {
    const bytes = this.parts.state.load("sessions");
    try {
      const list: unknown = bytes === "damaged" ? undefined : bytes ? decodeCbor(bytes) : [];
      if (Array.isArray(list) && list.length <= maxSessions && list.every((kid) => Number.isInteger(kid) && kid >= 1 && kid <= maxKid)) return list as number[];
    } catch {
      // As one that is not a list.
    }
    this.parts.log("error", "the list of sessions is of another release or damaged: each makes a new handshake");
    return [];
  }

  /** Names as indexes: in the names of the session, which hold them all. */
  #recordOf({ config, secret, peer, delegations, expiresS }: Established): Uint8Array {
    const { party, crypto, wrapping } = this.parts;
    const { kid, domain, initiator, responder, owner, names, sources, below, protection } = config;
    const index = (name: string) => names.indexOf(name);
    const theirs: Credential[] = [];
    for (const delegation of delegations) for (const one of [party.store.find(delegation.issuerId), delegation]) if (one && !theirs.includes(one)) theirs.push(one);
    const items: CborValue = [
      layout,
      kid,
      domain,
      [initiator, responder, owner].map(index),
      names,
      sources.map(({ device, service, stakeholder }) => [device, service, stakeholder].map(index)),
      below ? below.map(index) : null,
      protection === "encrypt",
      expiresS === Infinity ? null : expiresS,
      crypto.wrap(wrapping, secret),
      this.#ownIds(),
      [peer, ...theirs].map(({ bytes }) => bytes),
    ];
    const bytes = encodeRecord(items);
    const tag = new Uint8Array(tagBytes);
    this.#underKeyOf(secret, (key) => party.crypto.mac(key, bytes, bytes.length, tag));
    return concat(bytes, tag);
  }

  /** Does something with the key that makes the tags of records, which is no other's: whoever changes records has not got the secret. */
  #underKeyOf<Outcome>(secret: KeyHandle, act: (key: KeyHandle) => Outcome): Outcome {
    const { crypto } = this.parts.party;
    const key = crypto.deriveKey(secret, new Uint8Array(0), encodeCbor(["ebalance", wireVersion, "resumption"]), "mac");
    try {
      return act(key);
    } finally {
      crypto.destroyKey(key);
    }
  }

  /** What a session was agreed on with: once it is another, there is another session to be agreed on. */
  #ownIds(): Uint8Array[] {
    const { credential, delegations } = this.parts.party;
    return [credential.id, ...delegations.map((one) => one.credential.id)];
  }

  #restored(kid: number): Established | undefined {
    try {
      return this.#read(kid);
    } catch (error) {
      const why = error instanceof EbalanceError ? error.message : "its record is damaged";
      this.parts.log("warning", `session ${kid} is not resumed, a new handshake is made: ${why}`);
      return undefined;
    }
  }

  #read(kid: number): Established {
    const { state, party, crypto, wrapping } = this.parts;
    const bytes = state.load(nameOf(kid)) ?? malformed("its record is missing");
    if (bytes === "damaged") return malformed("its record is damaged");
    const length = Math.max(0, bytes.length - tagBytes);
    const record = decodeCbor(bytes.subarray(0, length));
    if (!Array.isArray(record) || record[0] !== layout || record.length !== 12 || record[1] !== kid) return malformed("its record is of another release");
    const items = record as unknown as RecordItems;
    const secret = crypto.unwrap(wrapping, items[9], "derive");
    try {
      const isWhole = this.#underKeyOf(secret, (key) => party.crypto.verifyMac(key, bytes, length, bytes.subarray(length)));
      return { ...(isWhole ? this.#restoredFrom(items) : malformed("its record was changed")), secret };
    } catch (error) {
      party.crypto.destroyKey(secret);
      throw error;
    }
  }

  /** This unit has written it: what is read is what was. */
  #restoredFrom([, kid, domain, ends, names, sources, below, isEncrypted, expires, , own, theirs]: RecordItems): Omit<Established, "secret"> {
    const { party, clock } = this.parts;
    const ownIds = this.#ownIds();
    if (own.length !== ownIds.length || !own.every((id, i) => sameBytes(id, ownIds[i]!))) return malformed("the credentials of this unit have changed");
    if (party.protection === "encrypt" && !isEncrypted) return malformed("it is not encrypted, and is to be from now on");
    if (party.names?.some((one) => !names.includes(one))) return malformed("it does not carry all the names that it is to carry from now on");
    const expiresS = expires ?? Infinity;
    if (clock.isSet() && clock.wallMs() / 1000 >= expiresS) return malformed("its time is over");
    const [peer, ...issued] = theirs.map((bytes) => party.store.restore(bytes)) as [UnitCredential, ...Credential[]];
    const problem = party.store.refusal(peer);
    if (problem !== undefined) return malformed(problem);
    const delegations = issued.filter((one): one is Delegation => one.type === "delegation");
    const name = (index: number) => names[index]!;
    const [initiator, responder, owner] = ends.map(name) as [string, string, string];
    const config: SessionConfig = {
      kid,
      domain,
      initiator,
      responder,
      owner,
      names,
      sources: sources.map(([device, service, stakeholder]) => ({ device: name(device!), service: name(service!), stakeholder: name(stakeholder!) })),
      ...(below ? { below: below.map(name) } : {}),
      ...(isEncrypted ? { protection: "encrypt" as const } : {}),
    };
    return { peer, delegations, config, expiresS };
  }
}

function nameOf(kid: number): StateName {
  return `session-${kid}`;
}
