/**
 * Which epochs still count. An issuer's list names subjects with the least epoch of theirs that counts. Lists of the root are about all credentials of the subjects, those of a stakeholder about
 * the ones that it has issued itself. Epochs only rise, and the sequence of each issuer's newest list survives a restart.
 */
import { EbalanceError, notTrusted } from "../model/errors";
import type { StatePort } from "../ports";
import { decodeCbor, encodeRecord, type CborValue } from "../wire/cbor-value";
import { list as asList, maxEpoch, text, uint } from "./claims";
import type { Credential } from "./credential";

/** The body of a statement of kind "revocation". */
export interface RevocationList {
  /** The credential under which it is signed. */
  readonly issuer: Credential;
  /** 1 to 2^30 - 1; rises with each list of the issuer. */
  readonly sequence: number;
  readonly entries: readonly { readonly subject: string; readonly leastEpoch: number }[];
}

interface RevocationLimits {
  readonly maxRevoked: number;
  readonly maxRevokedOfStakeholder: number;
}

/** What is known of an issuer's lists. */
interface Known {
  /** Of the newest list. */
  sequence: number;
  readonly least: Map<string, number>;
}

const maxSequence = 0x3fff_ffff;
/** Stakeholders with lists and names in them, together: 75 bytes each at most, so that those and 512 names of the root, 71 bytes each, fit the state record. */
const maxOfStakeholders = 384;
/** The root is not known by its name here: a stakeholder may have the same. */
const root = "";

export class Revocations {
  readonly #issuers = new Map<string, Known>();
  #isKept = true;

  /** @throws EbalanceError `storage-failed` where what was kept cannot be read: starting without it would trust what is revoked */
  constructor(
    private readonly limits: RevocationLimits,
    private readonly state: StatePort | undefined,
  ) {
    const record = state?.load("revocations");
    if (record) this.#read(record === "damaged" ? new Uint8Array(0) : record);
  }

  /** The least epoch with which a credential counts. The root's own credential cannot be revoked by a list. */
  leastEpoch({ type, subject, issuer }: Credential, isOfRoot: boolean): number {
    if (type === "root") return 0;
    const least = (name: string) => this.#issuers.get(name)?.least.get(subject) ?? 0;
    return Math.max(least(root), isOfRoot ? 0 : least(issuer));
  }

  /** @throws EbalanceError `not-trusted`, `too-large` or `storage-failed`, as {@link CertificateStore.takeRevocations} says */
  take({ issuer, sequence, entries }: RevocationList): void {
    if (issuer.type !== "root" && issuer.type !== "stakeholder") notTrusted(`a ${issuer.type} cannot revoke`);
    const name = issuer.type === "root" ? root : issuer.subject;
    const known = this.#issuers.get(name) ?? { sequence: 0, least: new Map<string, number>() };
    if (sequence < known.sequence) notTrusted(`revocation list ${sequence} of ${issuer.subject} is older than ${known.sequence}, which was seen`);
    if (sequence === known.sequence && entries.some(({ subject, leastEpoch }) => (known.least.get(subject) ?? -1) < leastEpoch))
      notTrusted(`revocation list ${sequence} of ${issuer.subject} is another than the one of this sequence that was seen: sign it again with sequence ${sequence + 1} or more`);
    if (sequence > known.sequence) {
      this.#checkRoom(known, issuer, entries);
      for (const { subject, leastEpoch } of entries) known.least.set(subject, Math.max(leastEpoch, known.least.get(subject) ?? 0));
      known.sequence = sequence;
      this.#issuers.set(name, known);
      this.#isKept = false;
    }
    if (!this.#isKept) this.#keep();
  }

  #checkRoom({ least }: Known, { type, subject }: Credential, entries: RevocationList["entries"]): void {
    const most = type === "root" ? this.limits.maxRevoked : this.limits.maxRevokedOfStakeholder;
    const count = least.size + entries.filter((entry) => !least.has(entry.subject)).length;
    if (count > most) throw new EbalanceError("too-large", "peer", `revocation lists of ${subject} name ${count} subjects, at most ${most} are kept`);
    if (type !== "root" && this.#ofStakeholders() - least.size + count + (this.#issuers.has(subject) ? 0 : 1) > maxOfStakeholders)
      throw new EbalanceError("too-large", "peer", `no room for the revocation list of ${subject}: the lists of all stakeholders name ${maxOfStakeholders} at most; have the root revoke it`);
  }

  #ofStakeholders(): number {
    let count = 0;
    this.#issuers.forEach(({ least }, name) => (count += name === root ? 0 : least.size + 1));
    return count;
  }

  #keep(): void {
    if (!this.state) return;
    const issuers: CborValue[] = [];
    this.#issuers.forEach(({ sequence, least }, name) => issuers.push([name, sequence, new Map(least)]));
    let isKept = false;
    try {
      isKept = this.state.keep("revocations", encodeRecord(issuers));
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
    }
    this.#isKept = isKept;
    if (!isKept) throw new EbalanceError("storage-failed", "device", "the revocation list counts from now on, but it could not be kept: after a restart an older one would be taken");
  }

  #read(record: Uint8Array): void {
    try {
      for (const entry of asList(decodeCbor(record), "revocations")) {
        const [name, sequence, least] = asList(entry, "revocations");
        const known: Known = { sequence: uint(sequence, maxSequence, "sequence"), least: new Map() };
        (least as ReadonlyMap<unknown, unknown>).forEach((epoch, subject) => known.least.set(text(subject, "subject"), uint(epoch, maxEpoch, "epoch")));
        this.#issuers.set(name === root ? root : text(name, "issuer"), known);
      }
    } catch {
      throw new EbalanceError("storage-failed", "device", "state record revocations is not one: what is revoked is not known; restore it, or remove it and have the newest lists sent again");
    }
  }
}
