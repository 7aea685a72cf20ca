/** The sequence numbers of the statements that a unit signs: rising under each credential, over restarts too. */
import { sameBytes } from "../model/bytes";
import { EbalanceError } from "../model/errors";
import type { StatePort } from "../ports";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";
import { maxSequence } from "../wire/session-body";

/** So many numbers are taken with one write of the record; what is left of them at a restart is skipped. */
const reservedAtOnce = 64;
const maxCredentials = 256;
const maxRecordBytes = 8192;

interface Counter {
  readonly credential: Uint8Array;
  last: number;
  /** The last that is reserved. */
  reserved: number;
}

/**
 * Hands out sequence numbers, of which none is handed out again after a restart. Where the record is damaged, none are: the remedy is new delegations, whose numbers begin at 1.
 * @example
 * const sequences = new SequenceReservation(state);
 * signStatement(crypto, key, delegation, domain, { kind: StatementKind.data, sequence: sequences.next(delegation.id), names, timeMs, items }, registry);
 */
export class SequenceReservation {
  readonly #counters: Counter[] = [];
  readonly #isDamaged: boolean;

  constructor(private readonly state: StatePort) {
    const record = state.load("sequences");
    this.#isDamaged = record === "damaged";
    if (record && record !== "damaged") this.#counters = (decodeCbor(record) as [Uint8Array, number][]).map(([credential, reserved]) => ({ credential, last: reserved, reserved }));
  }

  /**
   * The next number under a credential.
   * @param credential its id
   * @throws EbalanceError `storage-failed` where no more could be reserved or the record is damaged, `too-large` where there are none left or no room for another credential
   */
  next(credential: Uint8Array): number {
    if (this.#isDamaged) throw new EbalanceError("storage-failed", "device", "state record sequences is damaged: which numbers have been used is not known; have new delegations made, then remove it");
    const counter = this.#counters.find((one) => sameBytes(one.credential, credential)) ?? this.#add(credential);
    if (counter.last === counter.reserved) this.#reserve(counter);
    return ++counter.last;
  }

  /** Gives up the counters of credentials that are not used any more. @param inUse ids of those that are */
  retain(inUse: readonly Uint8Array[]): void {
    const kept = this.#counters.filter(({ credential }) => inUse.some((id) => sameBytes(id, credential)));
    this.#counters.splice(0, this.#counters.length, ...kept);
  }

  #add(credential: Uint8Array): Counter {
    if (this.#counters.length >= maxCredentials) throw new EbalanceError("too-large", "caller", `statements under more than ${maxCredentials} credentials: retain those in use`);
    const counter = { credential: credential.slice(), last: 0, reserved: 0 };
    this.#counters.push(counter);
    return counter;
  }

  #reserve(counter: Counter): void {
    const before = counter.reserved;
    if (before >= maxSequence) throw new EbalanceError("too-large", "caller", "no sequence numbers left under this credential: sign under a new delegation");
    counter.reserved = Math.min(before + reservedAtOnce, maxSequence);
    const record: CborValue = this.#counters.map(({ credential, reserved }) => [credential, reserved]);
    if (this.state.keep("sequences", encodeCbor(record, new Uint8Array(maxRecordBytes)))) return;
    counter.reserved = before;
    throw new EbalanceError("storage-failed", "device", "sequence numbers could not be reserved: the state record was not kept");
  }
}
