/** The folder of a unit: its credential and keys, the delegations that it acts under, and the units that it speaks with. Format: `docs/credentials.md`. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { CertificateStore, deviceCertificateLimits, EbalanceError, mqttPassword, readRevocations, Registry, standardVariables, type ClockPort, type Credential, type Delegation, type HandshakeParty, type KeyHandle, type PolicyText, type RevocationList, type StatePort, type UnitCredential } from "ebalance";
import { policyText } from "../gateway/forms";
import { issuesOf } from "../gateway/issues";
import type { MqttAccount, MqttClientText } from "../mqtt/credentials";
import type { NodeCrypto } from "../node-crypto";
import { folderProblem, idOf, refusalOf, remedy, soonS } from "./explain";
import { unitCopy, unitFiles } from "./file-names";
import { readPrivateKeys, type PrivateKeyName } from "./private-key-file";
import { credentialOf, fewerNames, readCredential, readIfThere } from "./read-credential";
import { dateTime } from "./show";

const { maxBytes } = deviceCertificateLimits;
/** So many delegations are opened in a session. */
const maxDelegations = 8;

/** What signs before what it has signed. */
const order: readonly Credential["type"][] = ["stakeholder", "service", "unit", "delegation"];

export interface UnitFolderPorts {
  readonly crypto: NodeCrypto;
  readonly clock: ClockPort;
  /** Opens where the revocation lists that were seen are kept: once it is known that the folder is the unit's, or another would get a folder for state. */
  readonly openState?: (() => StatePort) | undefined;
}

export class UnitFolder {
  readonly credential: UnitCredential;
  /** Holds what the unit itself acts under, and what others act under whose statements it takes. */
  readonly store: CertificateStore;
  /** Holds the units that it speaks with, apart: whoever has spoken with one sends ids in place of credentials. */
  readonly #neighbours: CertificateStore;
  /** What is wrong with the rest, each with its file and the remedy. */
  readonly warnings: string[] = [];
  /** The policy that the owner gives what the unit measures. */
  readonly policy: PolicyText | undefined;
  readonly #keys = new Map<PrivateKeyName, KeyHandle>();
  /** By the id of a credential the file that holds it and does not count. */
  readonly #refused = new Map<string, string>();

  /** @throws EbalanceError `bad-configuration` where the unit could not prove who it is, naming the file and the remedy */
  constructor(
    readonly path: string,
    unit: string,
    private readonly ports: UnitFolderPorts,
  ) {
    const { crypto, clock, openState } = ports;
    const problem = folderProblem(path, unit);
    if (problem !== undefined) raise(problem);
    const root = this.#needed(unitFiles.root);
    const own = this.#needed(unitFiles.credential);
    if (own.type !== "unit" || own.subject !== unit) raise(`${this.#path(unitFiles.credential)} is of ${own.subject}, not of the unit ${unit}; the folder of ${unit} belongs here`);
    this.#readKeys(own);
    this.store = this.#trusted(unitFiles.root, () => new CertificateStore(crypto, clock, root.bytes, {}, openState?.()));
    this.#neighbours = new CertificateStore(crypto, clock, root.bytes);
    this.takeRevocations();
    this.credential = this.#take(unitFiles.credential, own, this.store) as UnitCredential;
    this.#warnOfEnd(unitFiles.root, root);
    this.#warnOfEnd(unitFiles.credential, this.credential);
    this.#addOthers();
    this.#warnOfSizes();
    this.policy = this.#readPolicy();
  }

  /** The delegations that the unit acts under and that hold now. */
  get delegations(): readonly Delegation[] {
    return this.store.delegations(this.credential.subject).slice(0, maxDelegations);
  }

  /** A private key of the unit's. */
  key(name: PrivateKeyName): KeyHandle {
    return this.#keys.get(name)!;
  }

  /** The credential of this unit or a neighbour, where it is here and counts. */
  unit(name: string): UnitCredential | undefined {
    return name === this.credential.subject ? this.credential : this.#neighbours.unit(name);
  }

  /** The units below whose credentials are here. */
  get children(): readonly UnitCredential[] {
    const found: UnitCredential[] = [];
    this.#neighbours.forEach((one) => {
      if (one.type === "unit" && one.parents.includes(this.credential.subject) && this.#neighbours.unit(one.subject) === one) found.push(one);
    });
    return found;
  }

  /**
   * The unit above that is to be joined.
   * @param wanted default: the first that the credential names
   * @throws EbalanceError `bad-configuration` where the credential names another, or none
   */
  parent(wanted: string | undefined): string {
    const { subject, parents } = this.credential;
    const parent = wanted ?? parents[0];
    if (parent !== undefined && parents.includes(parent)) return parent;
    const named = parents.length ? `only ${parents.join(", ")}` : "no unit above";
    return raise(`the credential of ${subject} in ${this.path} names ${named}${parent === undefined ? "" : `, not ${parent}`}; correct the plan, and ${remedy}`);
  }

  /** A unit above and those above that one, as far as their credentials are here. */
  above(parent: string | undefined): string[] {
    const found: string[] = [];
    for (let next = parent; next !== undefined && !found.includes(next); next = this.#neighbours.unit(next)?.parents[0]) found.push(next);
    return found;
  }

  /** Who the unit is at the broker of a unit above. Its password needs that one's credential in the folder, and throws `bad-configuration` without. */
  accountAt(parent: string): MqttAccount {
    const self = this.credential.subject;
    const above = () => this.#neighbours.unit(parent) ?? raise(`${this.#path(unitCopy(parent))} is not there, or does not hold: without it ${self} has no password at the broker of ${parent}; ${remedy}`);
    return { self, parent, password: () => this.#passwordWith(above(), self, parent) };
  }

  /** Who the units below are at the broker of this one, as far as their credentials are here. */
  get clients(): readonly MqttClientText[] {
    return this.children.map((child) => ({ id: child.subject, password: this.#passwordWith(child, child.subject, this.credential.subject) }));
  }

  /** From what the agreement keys of both give, without a word being spoken. */
  #passwordWith(other: UnitCredential, initiator: string, responder: string): string {
    const { crypto } = this.ports;
    const secret = crypto.agree(this.key("ecdh-p256"), other.agreementKey);
    const password = mqttPassword(crypto, secret, { domain: this.store.domain, initiator, responder });
    crypto.destroyKey(secret);
    return password;
  }

  /** The unit as an end of handshakes. @param names those of grantees, which its sessions are to carry */
  party(names: readonly string[], protection: "mac" | "encrypt" = "mac"): HandshakeParty {
    const { store, credential } = this;
    const signingKey = this.key("es256");
    const delegations = this.delegations.map((one) => ({ credential: one, key: signingKey }));
    return { crypto: this.ports.crypto, store, registry: new Registry(standardVariables), credential, signingKey, agreementKey: this.key("ecdh-p256"), delegations, names, protection };
  }

  /**
   * Takes in the revocation list of the folder.
   * @returns it; undefined where there is none
   * @throws EbalanceError `bad-configuration` for one that is none, or that is older than one that was seen
   */
  takeRevocations(): RevocationList | undefined {
    const bytes = readIfThere(this.#path(unitFiles.revocations));
    if (!bytes) return undefined;
    return this.#trusted(unitFiles.revocations, () => {
      const list = readRevocations(bytes, this.store);
      this.store.takeRevocations(list);
      if (list.issuer.type === "root") this.#neighbours.takeRevocations({ ...list, issuer: this.#neighbours.root });
      return list;
    });
  }

  /** Forgets every key. */
  close(): void {
    this.store.close();
    this.#neighbours.close();
    this.#keys.forEach((key) => this.ports.crypto.destroyKey(key));
  }

  #path(file: string): string {
    return join(this.path, file);
  }

  #needed(file: string): Credential {
    return readCredential(this.#path(file), this.ports.crypto) ?? raise(`${this.#path(file)} is not there; ${remedy}`);
  }

  #readKeys(own: UnitCredential): void {
    const { crypto } = this.ports;
    const path = this.#path(unitFiles.keys);
    const { of, keys } = readPrivateKeys(path);
    if (of !== own.subject) raise(`private key file ${path}: of is ${of}, not ${own.subject}; the folder of ${own.subject} belongs here`);
    for (const name of ["es256", "ecdh-p256", "wrap"] as const) {
      const secret = keys[name] ?? raise(`private key file ${path}: ${name} is missing; ${remedy}`);
      this.#keys.set(name, name === "wrap" ? secret.importInto(crypto, name) : secret.importPrivateInto(crypto, name));
      secret.wipe();
    }
    const isOwn = (name: PrivateKeyName, key: Uint8Array) => Buffer.compare(crypto.publicKey(this.key(name)), key) === 0;
    if (!isOwn("es256", own.key.bytes) || !isOwn("ecdh-p256", own.agreementKey)) raise(`${path} and ${this.#path(unitFiles.credential)} do not belong together; copy the folder of the unit again, all of it`);
  }

  /** Takes in what the unit can do without, and says what cannot be used. */
  #addOthers(): void {
    const files = readdirSync(this.path).filter((file) => file.endsWith(".cwt") && file !== unitFiles.root && file !== unitFiles.credential).sort();
    const read = files.flatMap((file) => this.#attempt(() => [{ file, credential: credentialOf(readIfThere(this.#path(file))!, this.#path(file), this.ports.crypto) }]) ?? []);
    for (const type of order)
      for (const { file, credential } of read.filter((one) => one.credential.type === type)) {
        const store = type === "unit" ? this.#neighbours : this.store;
        if (!this.#attempt(() => this.#take(file, credential, store))) continue;
        if (credential.type !== "unit") this.#warnOfEnd(file, credential);
      }
    const count = this.store.delegations(this.credential.subject).length;
    if (count > maxDelegations) this.warnings.push(`${this.path} holds ${count} delegations: ${maxDelegations} of them are opened in a session; let one stakeholder's services share one`);
  }

  /** A device joins with what it accepts: that is less than what a gateway does. */
  #warnOfSizes(): void {
    if (!this.children.some(({ role }) => role === "device")) return;
    for (const { type, bytes } of [this.credential, ...this.delegations])
      if (bytes.length > maxBytes) this.warnings.push(`a ${type === "unit" ? "credential" : "delegation"} in ${this.path} has ${bytes.length} bytes: devices below that accept at most ${maxBytes} cannot join; ${fewerNames}`);
  }

  #attempt<Result>(act: () => Result): Result | undefined {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      this.warnings.push(error.message);
      return undefined;
    }
  }

  /** Takes a credential in, or says what has become of it. */
  #take(file: string, credential: Credential, store: CertificateStore): Credential {
    try {
      return store.add(credential.bytes);
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      const why = refusalOf(credential, store.root, this.ports.clock, this.#refused, error.message);
      this.#refused.set(idOf(credential.id), file);
      return raise(`${this.#path(file)} ${why}`);
    }
  }

  /** Says of what file it is that something is not trusted. */
  #trusted<Result>(file: string, act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof EbalanceError) || error.code === "bad-configuration") throw error;
      // That names a remedy of its own, and the file is in order.
      if (error.code === "storage-failed") return raise(error.message);
      return raise(`${this.#path(file)}: ${error.message}; ${remedy}`);
    }
  }

  #warnOfEnd(file: string, { expiresS }: Credential): void {
    const leftS = expiresS - this.ports.clock.wallMs() / 1000;
    const days = Math.ceil(leftS / 86_400);
    if (leftS < soonS) this.warnings.push(`${this.#path(file)} expires at ${dateTime(expiresS)}, in ${days === 1 ? "a day" : `${days} days`}; ${remedy}`);
  }

  #readPolicy(): PolicyText | undefined {
    const path = this.#path(unitFiles.policy);
    const bytes = readIfThere(path);
    if (!bytes) return undefined;
    let text: unknown;
    try {
      text = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch {
      return raise(`${path} is not JSON; ${remedy}`);
    }
    const checked = policyText.safeParse(text);
    return checked.success ? checked.data : raise(`${path}: ${issuesOf(checked.error)}`);
  }
}

function raise(what: string): never {
  throw new EbalanceError("bad-configuration", "caller", what);
}
