/** Which epochs of a stakeholder's masked values have been used: none twice for a variable, whatever restarts. */
import { badArgument, EbalanceError } from "../model/errors";
import type { StatePort } from "../ports";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";

/** Variables of which one stakeholder contributes values at one unit. */
const maxVariables = 256;
/** Room for the record: stakeholders of one unit with the last epoch of each. */
const maxRecordBytes = 4096;

type Kept = Map<number | string, CborValue>;

export class MaskEpochs {
  /** The last epoch used before the start: what was done in it is not known any more. */
  readonly #before: number;
  /** The last epoch that is kept. */
  #reserved: number;
  /** By variable the last epoch used. */
  readonly #used = new Map<number, number>();

  constructor(
    private readonly state: StatePort,
    private readonly stakeholder: string,
  ) {
    const last = this.#load().get(stakeholder);
    this.#before = this.#reserved = typeof last === "number" ? last : 0;
  }

  /**
   * Takes an epoch for a variable. Afterwards it is used, whatever becomes of the value.
   * @throws EbalanceError `bad-argument` for one that is not above all before it, `storage-failed` where it could not be kept: then nothing may be masked
   */
  take(variable: number, epoch: number): void {
    if (epoch <= Math.max(this.#before, this.#used.get(variable) ?? 0)) badArgument(`epoch ${epoch} of variable ${variable} has been used, or a later one has: masks are used once`);
    if (!this.#used.has(variable) && this.#used.size >= maxVariables) throw new EbalanceError("too-large", "caller", `masked values of more than ${maxVariables} variables`);
    if (epoch > this.#reserved) this.#keep(epoch);
    this.#used.set(variable, epoch);
  }

  #keep(epoch: number): void {
    const record = this.#load().set(this.stakeholder, epoch);
    if (!this.state.keep("masks", encodeCbor(record, new Uint8Array(maxRecordBytes)))) throw new EbalanceError("storage-failed", "device", `epoch ${epoch} could not be kept: after a restart its masks could be used again`);
    this.#reserved = epoch;
  }

  /** @throws EbalanceError `storage-failed` for a record that is none */
  #load(): Kept {
    const bytes = this.state.load("masks");
    try {
      const record = bytes && bytes !== "damaged" ? decodeCbor(bytes) : new Map();
      if (bytes !== "damaged" && record instanceof Map) return record as Kept;
    } catch {
      // Said below.
    }
    throw new EbalanceError("storage-failed", "device", "state record masks is not one: which masks have been used is not known; make new masking keys, then remove it");
  }
}
