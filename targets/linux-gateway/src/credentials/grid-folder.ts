/**
 * The folder of a grid as its operator keeps it: root, stakeholders and services with their private keys, and for each unit a folder that goes to the unit as it is. Layout and forms of the files:
 * `docs/credentials.md`. Whatever is asked for can be asked for again: what is there and right is kept, what is to be different is issued anew, what expires soon is renewed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CertificateStore, decodeCbor, defaultCertificateLimits, deviceCertificateLimits, EbalanceError, encodeCbor, issuerOf, makeCredential, readRevocations, signRevocations, type CborValue, type Claims, type Credential, type KeyHandle, type StakeholderModule } from "ebalance";
import { NodeCrypto } from "../node-crypto";
import { systemClock } from "../node-ports";
import { credentialsText, type ProvisionOptions } from "./credentials-text";
import { clockProblem } from "./explain";
import { delegationEnd, delegationFile, filesOfUnit, rootFiles, serviceFiles, stakeholderCopy, stakeholderFiles, stakeholderFolder, unitCopy, unitFiles, unitFolder, type Files } from "./file-names";
import { FolderFiles, type FileAction, type Noted, type PublicKeys } from "./folder-files";
import type { PlannedCredentials, PlannedDelegation, PlannedUnitCredential } from "./planned-credentials";
import { fewerNames } from "./read-credential";
import { openStakeholder, signingKey } from "./stakeholder-folder";

const daySeconds = 86_400;
/** A root whose end is nearer than this is warned of: everything has to be made anew under another. */
const rootWarningS = 365 * daySeconds;
export const rootDays = 3650;
export const defaultDays = 365;
export const defaultRenewDays = 30;

/** When and for how long credentials are issued. */
export interface GridFolderOptions {
  /** The time, in seconds since 1970-01-01 UTC. */
  readonly nowS: number;
  /** How long what is issued holds, but for a root, in days; default: {@link defaultDays}. */
  readonly days?: number;
  /** What expires within so many days is issued anew; default: {@link defaultRenewDays}. */
  readonly renewDays?: number;
}

/** Who signs what is issued. */
interface Issuer {
  readonly credential: Credential;
  issue(claims: IssuedClaims): Uint8Array;
}

type IssuedClaims = Exclude<Claims, { readonly type: "root" }>;

/** What the newest revocation list says. */
interface Revoked {
  sequence: number;
  readonly epochs: Map<string, number>;
}

/** What a credential says, but for where and when it counts. */
type Wanted = Claims extends infer One ? (One extends Claims ? Omit<One, "domain" | "issuedS" | "expiresS"> : never) : never;

/**
 * What `ebalance keys` does, for programs: errors are `EbalanceError`s `bad-configuration` that name the file and the remedy, never a key.
 * @example
 * const grid = new GridFolder("grid", { nowS: Math.floor(Date.now() / 1000), days: 365 });
 * grid.plan(plannedCredentials({ domain: "elm-street", units: { home: { owner: "customer", services: ["display"] } } }));
 * for (const { file, action } of grid.noted) console.log(file, action);
 * grid.close();
 */
export class GridFolder {
  /** What is to be looked at by a person, each with its remedy. */
  readonly warnings: string[] = [];
  readonly #files: FolderFiles;
  readonly #crypto = new NodeCrypto();
  readonly #stakeholders = new Map<string, StakeholderModule>();
  #rootKey: KeyHandle | undefined;
  #revokedBefore: Revoked | undefined;

  constructor(
    folder: string,
    private readonly options: GridFolderOptions,
  ) {
    this.#files = new FolderFiles(folder, this.#crypto);
  }

  /** What was done to each file, in order. */
  get noted(): readonly Noted[] {
    return this.#files.noted;
  }

  /** Forgets every key. */
  close(): void {
    this.#stakeholders.forEach((module) => module.close());
    this.#stakeholders.clear();
    if (this.#rootKey) this.#crypto.destroyKey(this.#rootKey);
    this.#rootKey = undefined;
  }

  /** Everything that a plan asks for. */
  plan({ domain, stakeholders, units, delegations, warnings }: PlannedCredentials): void {
    this.root(domain);
    for (const stakeholder of stakeholders) this.stakeholder(stakeholder);
    for (const unit of units) this.#certifyUnit(unit);
    for (const { unit, parents } of units) for (const parent of parents) this.#introduce(unit, parent);
    for (const delegation of delegations) this.delegate(delegation);
    this.warnings.push(...warnings);
    for (const { unit } of units) this.#warnOfSizes(unit);
    for (const folder of this.#files.foldersIn("units")) this.#warnOfUnplanned(folder);
  }

  /** A device joins with what it accepts: its own and what the unit above brings. */
  #warnOfSizes(unit: string): void {
    const folder = unitFolder(unit);
    const files = [unitFiles.credential, ...this.#files.filesIn(folder, delegationEnd)].map((name) => join(folder, name));
    for (const file of files) {
      const { length } = this.#known(file).bytes;
      if (length <= deviceCertificateLimits.maxBytes) continue;
      const device = [unit, ...this.#belowOf(unit)].find((one) => this.#isDevice(one));
      const warning = `${this.#files.path(file)} has ${length} bytes, a device as ${device} accepts at most ${deviceCertificateLimits.maxBytes}, and does not join unless it runs a gateway; ${fewerNames}`;
      if (device !== undefined && !this.warnings.includes(warning)) this.warnings.push(warning);
    }
  }

  #belowOf(unit: string): readonly string[] {
    const credential = this.#known(filesOfUnit(unit).credential);
    return credential.type === "unit" ? credential.below.filter((one) => this.#parentsOf(one).includes(unit)) : [];
  }

  #isDevice(unit: string): boolean {
    const credential = this.#files.credential(filesOfUnit(unit).credential);
    return credential?.type === "unit" && credential.role === "device";
  }

  /** What was issued before goes on to count wherever it has been copied, whatever a plan says now. */
  #warnOfUnplanned(folder: string): void {
    for (const file of [unitFiles.credential, ...this.#files.filesIn(folder, delegationEnd)].map((name) => join(folder, name))) {
      const credential = this.noted.some((noted) => noted.file === file) ? undefined : this.#files.credential(file);
      if (!credential) continue;
      this.warnings.push(`${this.#files.path(file)} is not in the plan, and counts wherever it is: delete it there and here, or revoke ${credential.subject} with all that was issued to it`);
    }
  }

  /** The operator's root. One that is there is kept, whatever its end: under another everything would have to be made anew. */
  root(domain: string, operator = domain, days = rootDays): void {
    const { nowS } = this.options;
    const file = rootFiles.credential;
    const there = this.#files.credential(file);
    if (there && there.domain !== domain) raise(`${this.#files.path(file)} is of the domain ${there.domain}, not of ${domain}; each grid has a folder of its own`);
    const what = `root of ${domain}`;
    if (there) {
      this.#files.keep({ file, what, expiresS: there.expiresS });
      // Its keys are not asked for: they may be somewhere else.
      if (there.expiresS - nowS < rootWarningS) this.warnings.push(`${this.#files.path(file)} expires soon, and everything under it: begin a new grid in a folder of its own in good time`);
      return;
    }
    const publicKeys = this.#files.keys(rootFiles.keys, operator, "signer");
    const key = (this.#rootKey = this.#files.knownKeys(rootFiles.keys, operator)("es256"));
    const claims: Claims = { type: "root", subject: operator, domain, key: signingPart(publicKeys), epoch: 0, issuedS: nowS, expiresS: nowS + days * daySeconds };
    this.#files.put({ file, action: "new", what, expiresS: claims.expiresS }, makeCredential(this.#crypto, key, { use: "es256", name: operator }, claims));
  }

  stakeholder(name: string): void {
    const files = stakeholderFiles(name);
    // First: without it no key is made.
    const operator = this.#operator;
    const { epoch, keys } = this.#subject(files, name, "signer");
    this.#certify(files.credential, operator, { type: "stakeholder", subject: name, key: signingPart(keys), epoch }, `stakeholder ${name}`);
  }

  /** A service that signs with a key of its own. @param stakeholder who certifies it; undefined: the operator */
  service(name: string, stakeholder?: string): void {
    const files = serviceFiles(name, stakeholder);
    const issuer = stakeholder === undefined ? this.#operator : this.#issuerFor(stakeholder);
    const { epoch, keys } = this.#subject(files, name, "signer");
    this.#certify(files.credential, issuer, { type: "service", subject: name, key: signingPart(keys), epoch }, `service ${name}`);
  }

  /** A unit, in a folder that goes to it as it is. */
  unit(planned: PlannedUnitCredential): void {
    this.#certifyUnit(planned);
    for (const parent of planned.parents) {
      this.#introduce(planned.unit, parent);
      const above = this.#files.credential(filesOfUnit(parent).credential);
      if (above?.type === "unit" && !above.below.includes(planned.unit)) this.warnings.push(`the credential of ${parent} does not name ${planned.unit} among the units below: make it anew, with --below`);
      if (above) this.#warnOfSizes(parent);
    }
    for (const below of planned.below) if (this.#parentsOf(below).includes(planned.unit)) this.#introduce(below, planned.unit);
    this.#warnOfSizes(planned.unit);
  }

  #certifyUnit({ unit, policy, ...claims }: PlannedUnitCredential): void {
    const files = filesOfUnit(unit);
    const operator = this.#operator;
    const { epoch, keys } = this.#subject(files, unit, "unit");
    const agreementKey = keys("ecdh-p256");
    this.#certify(files.credential, operator, { type: "unit", subject: unit, key: signingPart(keys), epoch, agreementKey, ...claims }, `unit ${unit}`);
    const within = (file: string) => join(unitFolder(unit), file);
    this.#files.copy(rootFiles.credential, within(unitFiles.root), "copy of the root");
    this.#files.copy(rootFiles.revocations, within(unitFiles.revocations), "copy of the revocation list");
    if (policy) this.#files.putIfDifferent(within(unitFiles.policy), Buffer.from(`${JSON.stringify(policy, null, 2)}\n`), `policy of ${claims.owner} for ${unit}`);
  }

  /** A unit and one above it get each other's credentials: over a broker they need them before they have spoken. */
  #introduce(unit: string, parent: string): void {
    this.#files.copy(filesOfUnit(parent).credential, join(unitFolder(unit), unitCopy(parent)), `copy of ${parent}`);
    if (existsSync(this.#files.path(unitFolder(parent)))) this.#files.copy(filesOfUnit(unit).credential, join(unitFolder(parent), unitCopy(unit)), `copy of ${unit}`);
  }

  #parentsOf(unit: string): readonly string[] {
    const credential = this.#files.credential(filesOfUnit(unit).credential);
    return credential?.type === "unit" ? credential.parents : [];
  }

  /** Lets a unit act for a stakeholder as a service; the delegation goes into the unit's folder. */
  delegate({ stakeholder, unit, service, ...scope }: PlannedDelegation): void {
    const certified = this.#known(filesOfUnit(unit).credential);
    const claims: Wanted = { type: "delegation", subject: unit, key: certified.key, epoch: certified.epoch, service, ...scope };
    this.#certify(join(unitFolder(unit), delegationFile(stakeholder, service)), this.#issuerFor(stakeholder), claims, `delegation of ${stakeholder}: ${unit} as ${service}`);
    this.#files.copy(stakeholderFiles(stakeholder).credential, join(unitFolder(unit), stakeholderCopy(stakeholder)), `copy of ${stakeholder}`);
    this.#warnOfSizes(unit);
  }

  /**
   * Writes what a unit's folder holds into one file, for a device that keeps its settings in flash. Once something in the folder is issued anew it has to be written anew.
   * @throws EbalanceError `bad-configuration` where the folder does not hold what a unit needs
   */
  provision(unit: string, options: ProvisionOptions = {}): void {
    this.#known(filesOfUnit(unit).credential);
    const parents = this.#parentsOf(unit);
    const { parent } = options;
    if (parent !== undefined && !parents.includes(parent)) raise(`the credential of ${unit} names ${parents.join(", ") || "no unit above"}, not ${parent}`);
    const file = join(unitFolder(unit), unitFiles.provision);
    const text = credentialsText(this.#files.path(unitFolder(unit)), options);
    const action = existsSync(this.#files.path(file)) ? "changed" : "new";
    this.#files.put({ file, action, what: `credentials file of ${unit}, ${text.length} bytes, with its private keys` }, text, 0o600);
  }

  /**
   * Raises the epochs of units, stakeholders or services: what was issued for them does not count any more wherever the list arrives.
   * @throws EbalanceError `bad-configuration` for a name of which nothing is here
   */
  revoke(names: readonly string[]): void {
    const { credential: issuer } = this.#operator;
    const { epochs } = this.#revoked;
    for (const name of names) {
      const issued = this.#issuedTo(name);
      if (!issued.length) raise(`nothing in ${this.#files.path("")} is issued to ${name}`);
      epochs.set(name, Math.max(epochs.get(name) ?? 0, ...issued.map(({ epoch }) => epoch + 1)));
    }
    const sequence = ++this.#revoked.sequence;
    const entries = [...epochs].map(([subject, leastEpoch]) => ({ subject, leastEpoch }));
    const list = signRevocations(this.#crypto, this.#openRoot(issuer), { issuer, sequence, entries }, this.options.nowS * 1000);
    this.#files.put({ file: rootFiles.revocations, action: sequence === 1 ? "new" : "changed", what: `revocation list ${sequence}: ${entries.map(({ subject }) => subject).join(", ")}` }, list);
    for (const folder of this.#files.foldersIn("units")) this.#files.copy(rootFiles.revocations, join(folder, unitFiles.revocations), "copy of the revocation list");
  }

  /** Credentials of a unit or stakeholder, or of services of that name. */
  #issuedTo(name: string): Credential[] {
    const services = this.#files.foldersIn("services").map((folder) => join(folder, "service.cwt"));
    const files = [filesOfUnit(name).credential, stakeholderFiles(name).credential, ...services];
    return files.map((file) => this.#files.credential(file)).filter((one) => one !== undefined && one.subject === name) as Credential[];
  }

  get #revoked(): Revoked {
    return (this.#revokedBefore ??= this.#readRevoked());
  }

  #readRevoked(): Revoked {
    const bytes = this.#files.bytes(rootFiles.revocations);
    if (!bytes) return { sequence: 0, epochs: new Map() };
    const store = new CertificateStore(this.#crypto, systemClock, this.#known(rootFiles.credential).bytes);
    try {
      const { sequence, entries } = readRevocations(bytes, store);
      return { sequence, epochs: new Map(entries.map(({ subject, leastEpoch }) => [subject, leastEpoch])) };
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      return raise(`${this.#files.path(rootFiles.revocations)}: ${error.message}; put the newest list back from the folder of a unit`);
    } finally {
      store.close();
    }
  }

  // ---- issuing --------------------------------------------------------------------------------------------------------------------------

  /** Keys and epoch of what is to be certified. Who was revoked gets fresh keys: the old ones are somebody else's. */
  #subject(files: Files, name: string, kind: "unit" | "signer"): { readonly epoch: number; readonly keys: PublicKeys } {
    const epoch = this.#revoked.epochs.get(name) ?? 0;
    const there = this.#files.credential(files.credential);
    return { epoch, keys: this.#files.keys(files.keys, name, kind, there !== undefined && there.epoch < epoch) };
  }

  #known(file: string): Credential {
    const { folder } = this.#files;
    if (!existsSync(this.#files.path(rootFiles.credential))) raise(`${this.#files.path(rootFiles.credential)} is not there: make it first, with ebalance keys root, or name the folder of the grid in place of ${folder}`);
    return this.#files.credential(file) ?? raise(`${this.#files.path(file)} is not there: make it first, see ebalance keys --help`);
  }

  get #operator(): Issuer {
    const credential = this.#known(rootFiles.credential);
    const problem = clockProblem(credential, { ...systemClock, wallMs: () => this.options.nowS * 1000, isSet: () => true });
    if (problem !== undefined) raise(`${this.#files.path(rootFiles.credential)} ${problem}`);
    return { credential, issue: (claims) => makeCredential(this.#crypto, this.#openRoot(credential), issuerOf(credential), claims) };
  }

  #openRoot(root: Credential): KeyHandle {
    return (this.#rootKey ??= signingKey(this.#files.path(rootFiles.keys), this.#files.path(rootFiles.credential), root, this.#crypto));
  }

  /** A stakeholder's key goes into its module, and into nothing else. */
  #issuerFor(stakeholder: string): Issuer {
    const module = this.#stakeholders.get(stakeholder) ?? openStakeholder(this.#files.path(stakeholderFolder(stakeholder)), { crypto: this.#crypto });
    this.#stakeholders.set(stakeholder, module);
    const issue = (claims: IssuedClaims) => (claims.type === "delegation" ? module.delegate(claims) : claims.type === "service" ? module.certify(claims) : raise(`${stakeholder} signs no ${claims.type}`));
    return { credential: module.credential, issue };
  }

  /** Issues a credential, or keeps the one that says the same and holds long enough. */
  #certify(file: string, { credential, issue }: Issuer, wanted: Wanted, what: string): void {
    const { nowS, days = defaultDays } = this.options;
    const expiresS = Math.min(nowS + days * daySeconds, credential.expiresS);
    const make = (issuedS: number, expiresS: number) => {
      try {
        return issue({ ...wanted, domain: credential.domain, issuedS, expiresS } as IssuedClaims);
      } catch (error) {
        if ((error as EbalanceError).code !== "too-large") throw error;
        return raise(`${what}: a credential of more than ${defaultCertificateLimits.maxBytes} bytes, which nobody accepts; ${fewerNames}`);
      }
    };
    const there = this.#files.credential(file);
    const action = this.#actionFor(there, expiresS, (one) => saysTheSame(one.bytes, make(one.issuedS, one.expiresS)));
    if (action === "kept") this.#files.keep({ file, what, expiresS: there!.expiresS });
    else this.#files.put({ file, action, what, expiresS }, make(nowS, expiresS));
  }

  /** What is to be done about a credential that is there, or not. */
  #actionFor(there: Credential | undefined, expiresS: number, isRight: (there: Credential) => boolean): FileAction {
    const { nowS, renewDays = defaultRenewDays } = this.options;
    if (!there) return "new";
    if (!isRight(there)) return "changed";
    return there.expiresS - nowS < renewDays * daySeconds && there.expiresS < expiresS ? "renewed" : "kept";
  }
}

function signingPart(keys: PublicKeys): Credential["key"] {
  return { use: "es256", bytes: keys("es256") };
}

/** Whether two credentials differ in nothing but their signature. */
function saysTheSame(one: Uint8Array, other: Uint8Array): boolean {
  const signed = (bytes: Uint8Array) => encodeCbor((decodeCbor(bytes) as readonly CborValue[]).slice(0, 3), new Uint8Array(bytes.length));
  return Buffer.compare(signed(one), signed(other)) === 0;
}

function raise(what: string): never {
  throw new EbalanceError("bad-configuration", "caller", what);
}
