/** The credentials that a unit trusts: those of its domain whose chain leads to the domain's root. */
import { bytesKey, sameBytes } from "../model/bytes";
import { EbalanceError, malformed, notTrusted } from "../model/errors";
import type { ClockPort, StatePort } from "../ports";
import { readCose, verifySign1 } from "../wire/cose";
import { type CredentialType } from "./claims";
import { algorithmOf, parseCredential, type Credential, type Delegation, type StakeholderCredential, type UnitCredential } from "./credential";
import type { CryptoPort, KeyHandle, PublicKeyPort } from "./crypto-port";
import { readRevocations } from "./revocation-list";
import { Revocations, type RevocationList } from "./revocations";

/** Bounds of a store, so that no issuer fills it but the root. */
export interface CertificateLimits {
  /** Credentials that are kept, the root not counted; each takes one public-key handle. */
  readonly maxCredentials: number;
  /** Of those, issued by one stakeholder. */
  readonly maxOfStakeholder: number;
  /** Bytes of one credential. */
  readonly maxBytes: number;
  /** Names in the revocation lists of the root. */
  readonly maxRevoked: number;
  /** Names in the revocation lists of one stakeholder. */
  readonly maxRevokedOfStakeholder: number;
}

/** For a gateway. */
export const defaultCertificateLimits: CertificateLimits = Object.freeze({ maxCredentials: 1024, maxOfStakeholder: 256, maxBytes: 32_768, maxRevoked: 512, maxRevokedOfStakeholder: 64 });

/** For a device: its own credentials, and those of one unit above with its delegations. */
export const deviceCertificateLimits: CertificateLimits = Object.freeze({ maxCredentials: 40, maxOfStakeholder: 16, maxBytes: 1024, maxRevoked: 64, maxRevokedOfStakeholder: 16 });

/** What all stakeholders together may fill: the rest is for what the root signs, units above all. */
const shareOfStakeholders = 0.75;

/** Clocks of two units may differ by this. */
const clockToleranceS = 300;

/** Whose credentials may sign which: so no chain is longer than root, stakeholder, delegation, and none leads back to itself. */
const issuersOf: Readonly<Record<CredentialType, readonly CredentialType[]>> = Object.freeze({
  root: Object.freeze([]),
  unit: Object.freeze(["root"] as const),
  stakeholder: Object.freeze(["root"] as const),
  service: Object.freeze(["root", "stakeholder"] as const),
  delegation: Object.freeze(["stakeholder"] as const),
});

interface Held {
  readonly credential: Credential;
  readonly key: KeyHandle;
  /** None of the root. */
  readonly issuer: Held | undefined;
}

/**
 * Takes credentials in, checks each up to the root, and says at any time whether it still holds. It owns a public-key handle for each, until {@link close}.
 * @example
 * const store = new CertificateStore(crypto, clock, rootBytes);
 * store.add(stakeholderBytes);
 * const delegation = store.add(delegationBytes);
 * if (store.refusal(delegation) === undefined && store.verify(delegation, data, data.length, signature)) accept(data);
 */
export class CertificateStore {
  /** The operator's own credential, under which all others stand. */
  readonly root: Credential;
  readonly #limits: CertificateLimits;
  readonly #held = new Map<string, Held>();
  #revocations: Revocations;

  /**
   * @param root bytes of the root's credential, which came by a way that is trusted
   * @param state where the revocation lists are kept; left out: nowhere, and after a restart an older list is taken again
   * @throws EbalanceError `malformed` or `not-trusted` for a root that is not usable, `storage-failed` where the lists that were kept cannot be read
   */
  constructor(
    private readonly crypto: CryptoPort & PublicKeyPort,
    private readonly clock: ClockPort,
    root: Uint8Array,
    limits: Partial<CertificateLimits> = {},
    state?: StatePort,
  ) {
    this.#limits = { ...defaultCertificateLimits, ...limits };
    this.#revocations = new Revocations(this.#limits, state);
    this.root = parseCredential(root, crypto);
    if (this.root.type !== "root") notTrusted(`the credential of ${this.root.subject} is none of a root`);
    const key = this.#importKey(this.root);
    this.#held.set(bytesKey(this.root.id), { credential: this.root, key, issuer: undefined });
    if (this.#isSignedBy(key, this.root, this.root)) return;
    this.close();
    notTrusted(`the root ${this.root.subject} has not signed itself`);
  }

  /** An empty store of the same root, limits and revocation lists, those that come later too, which judges by another clock. */
  at(clock: ClockPort): CertificateStore {
    const store = new CertificateStore(this.crypto, clock, this.root.bytes, this.#limits);
    store.#revocations = this.#revocations;
    return store;
  }

  /** The grid whose credentials these are. */
  get domain(): string {
    return this.root.domain;
  }

  /** Credentials that are kept, the root among them. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Takes a credential in, whose issuer is here already. One that is here is found.
   * @throws EbalanceError `malformed`, `not-trusted`, or `too-large` where there is no room
   */
  add(bytes: Uint8Array): Credential {
    return this.#take(bytes, false);
  }

  /**
   * Takes a credential back in that was here before a restart, from a record that nobody but this unit can have written: its signature was verified when it came, and is not again.
   * @throws EbalanceError as {@link add}
   */
  restore(bytes: Uint8Array): Credential {
    return this.#take(bytes, true);
  }

  #take(bytes: Uint8Array, isVerified: boolean): Credential {
    if (bytes.length > this.#limits.maxBytes) malformed(`credential of ${bytes.length} bytes, at most ${this.#limits.maxBytes} are accepted`);
    const credential = parseCredential(bytes, this.crypto);
    const known = this.#held.get(bytesKey(credential.id));
    if (known) return sameBytes(known.credential.hash, credential.hash) ? known.credential : notTrusted(`${nameOf(credential)} has the id of another`);
    const issuer = this.#held.get(bytesKey(credential.issuerId)) ?? notTrusted(`${nameOf(credential)} is signed by one that is not known here`);
    this.#checkScope(credential, issuer.credential);
    const problem = this.#problem(credential) ?? this.#chainProblem(issuer);
    if (problem !== undefined) notTrusted(problem);
    this.#makeRoom(issuer.credential);
    if (!isVerified && !this.#isSignedBy(issuer.key, issuer.credential, credential)) notTrusted(`${nameOf(credential)} is not signed by ${credential.issuer}`);
    if (!isVerified && credential.type === "unit") this.#checkPoint(credential);
    this.#held.set(bytesKey(credential.id), { credential, key: this.#importKey(credential), issuer });
    return credential;
  }

  /** A credential that was taken in, whether it still holds or not. @param id its first 8 bytes of SHA-256 */
  find(id: Uint8Array): Credential | undefined {
    return this.#held.get(bytesKey(id))?.credential;
  }

  /** The newest credential of a unit that holds now. */
  unit(name: string): UnitCredential | undefined {
    return this.#newest("unit", name) as UnitCredential | undefined;
  }

  /** The newest credential of a stakeholder that holds now. */
  stakeholder(name: string): StakeholderCredential | undefined {
    return this.#newest("stakeholder", name) as StakeholderCredential | undefined;
  }

  /** The delegations to a unit that hold now. */
  delegations(unit: string): readonly Delegation[] {
    const found: Delegation[] = [];
    this.#held.forEach(({ credential }) => {
      if (credential.type === "delegation" && credential.subject === unit && this.refusal(credential) === undefined) found.push(credential);
    });
    return found;
  }

  /** All that are kept, each after its issuer: what {@link restore} takes back after a restart. */
  forEach(visit: (credential: Credential) => void): void {
    this.#held.forEach(({ credential }) => visit(credential));
  }

  /**
   * Why a credential does not hold now, it or one above it: expired or not valid yet where the clock is set, its epoch revoked, not here any more.
   * @returns undefined if it holds
   */
  refusal(credential: Credential): string | undefined {
    const held = this.#held.get(bytesKey(credential.id));
    if (held && sameBytes(held.credential.hash, credential.hash)) return this.#chainProblem(held);
    // What is revoked has been given up, and is still to be said to be.
    return this.#problem(credential) ?? `${nameOf(credential)} is not known here`;
  }

  /** Whether `signature` is one of data[0..length) by the owner of a credential that is here. Whether that holds, {@link refusal} says. */
  verify(credential: Credential, data: Uint8Array, length: number, signature: Uint8Array): boolean {
    const held = this.#held.get(bytesKey(credential.id));
    return held !== undefined && sameBytes(held.credential.hash, credential.hash) && this.crypto.verify(held.key, data, length, signature);
  }

  /**
   * Takes in a statement of kind "revocation", by the root or a stakeholder and for the whole domain.
   * @throws EbalanceError `malformed`, or as {@link takeRevocations} does
   */
  addRevocations(statement: Uint8Array): void {
    this.takeRevocations(readRevocations(statement, this));
  }

  /**
   * Takes in a revocation list whose signature has been verified, and gives up what it revokes. The list last seen of an issuer may come again; it raises epochs and never lowers one.
   * @throws EbalanceError `not-trusted` for an older one, or one of an issuer that may not revoke; `too-large` where there is no room; `storage-failed` if it counts, but not after a restart
   */
  takeRevocations(list: RevocationList): void {
    const problem = this.refusal(list.issuer);
    if (problem !== undefined) notTrusted(problem);
    try {
      this.#revocations.take(list);
    } finally {
      this.#giveUpRefused();
    }
  }

  /** Destroys all key handles. Nothing is known here from then on. */
  close(): void {
    this.#held.forEach(({ key }) => this.crypto.destroyKey(key));
    this.#held.clear();
  }

  #checkScope(credential: Credential, issuer: Credential): void {
    if (!issuersOf[credential.type].includes(issuer.type)) notTrusted(`${nameOf(credential)} is signed by a ${issuer.type}, which may not`);
    if (credential.domain !== this.domain) notTrusted(`${nameOf(credential)} is of domain ${credential.domain}, not ${this.domain}`);
    if (credential.issuer !== issuer.subject) notTrusted(`${nameOf(credential)} says that its issuer is ${credential.issuer}, it is ${issuer.subject}`);
  }

  /** Refuses where there is no room, after giving up what does not hold any more. */
  #makeRoom({ type, subject }: Credential): void {
    const { maxCredentials, maxOfStakeholder } = this.#limits;
    const isShareFull = () => this.#countOf(subject) >= maxOfStakeholder || this.#countOf(undefined) >= maxCredentials * shareOfStakeholders;
    const isFull = () => this.#held.size > maxCredentials || (type === "stakeholder" && isShareFull());
    if (isFull()) this.#giveUpRefused();
    if (isFull()) throw new EbalanceError("too-large", "peer", `no room for another credential signed by ${subject}: ${this.#held.size - 1} are kept`);
  }

  /** Credentials issued by a stakeholder; undefined: by any. */
  #countOf(stakeholder: string | undefined): number {
    let count = 0;
    this.#held.forEach(({ issuer }) => {
      if (issuer?.credential.type === "stakeholder" && (stakeholder === undefined || issuer.credential.subject === stakeholder)) count++;
    });
    return count;
  }

  /** Issuers stand before what they have issued: so all of a chain goes. */
  #giveUpRefused(): void {
    this.#held.forEach((held, id) => {
      if (held.credential === this.root || this.#chainProblem(held) === undefined) return;
      this.crypto.destroyKey(held.key);
      this.#held.delete(id);
    });
  }

  #chainProblem(from: Held): string | undefined {
    for (let held: Held | undefined = from; held; held = held.issuer) {
      const problem = this.#problem(held.credential);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** Why a credential does not hold, whatever is above it. */
  #problem(credential: Credential): string | undefined {
    const { epoch, issuedS, expiresS } = credential;
    const least = this.#revocations.leastEpoch(credential, sameBytes(credential.issuerId, this.root.id));
    if (epoch < least) return `${nameOf(credential)} is revoked: epoch ${epoch}, at least ${least} counts`;
    // Without a clock the epoch alone counts.
    if (!this.clock.isSet()) return undefined;
    const nowS = this.clock.wallMs() / 1000;
    if (nowS >= expiresS) return `${nameOf(credential)} expired at ${expiresS} s`;
    return issuedS > nowS + clockToleranceS ? `${nameOf(credential)} does not hold before ${issuedS} s` : undefined;
  }

  #newest(type: CredentialType, name: string): Credential | undefined {
    let newest: Credential | undefined;
    this.#held.forEach(({ credential }) => {
      if (credential.type !== type || credential.subject !== name || this.refusal(credential) !== undefined) return;
      if (!newest || credential.epoch > newest.epoch || (credential.epoch === newest.epoch && credential.issuedS > newest.issuedS)) newest = credential;
    });
    return newest;
  }

  #isSignedBy(key: KeyHandle, { key: { use } }: Credential, { bytes }: Credential): boolean {
    return verifySign1(this.crypto, key, algorithmOf(use), readCose(bytes, "sign1"), new Uint8Array(0));
  }

  /** Refuses an agreement key that is no point of the curve. */
  #checkPoint({ agreementKey, ...credential }: UnitCredential): void {
    this.crypto.destroyKey(this.#importKey({ ...credential, key: { use: "es256", bytes: agreementKey } } as Credential));
  }

  #importKey(credential: Credential): KeyHandle {
    const { bytes, use } = credential.key;
    try {
      return this.crypto.importPublicKey(bytes, use);
    } catch {
      return notTrusted(`${nameOf(credential)} has a key that is no valid one for ${use} here`);
    }
  }
}

function nameOf({ type, subject }: Credential): string {
  return `the ${type === "delegation" ? "delegation to" : `credential of ${type}`} ${subject}`;
}
