/** Which requests in statements have been accepted, over restarts too: the newest sequences under each credential. */
import { sameBytes } from "../model/bytes";
import { EbalanceError } from "../model/errors";
import type { StatePort } from "../ports";
import { decodeCbor, encodeCbor, type CborValue } from "../wire/cbor-value";

/** Sequences that far behind the highest are refused. */
const windowSize = 32;
const maxWindows = 256;
/** No window of 32 sequences takes more in a record, nor what stands before them. */
const windowBytes = 192;

interface Window {
  readonly signerId: Uint8Array;
  /** The first sequence that was accepted: those before it may have been in a window that was lost or given up. */
  readonly least: number;
  /** The time of the newest request that was accepted. */
  timeS: number;
  /** The sequences among the newest that were accepted. */
  sequences: readonly number[];
  /** The highest of a write that was accepted; 0: of none. */
  write: number;
}

/** A request, as far as it matters here. */
export interface Numbered {
  readonly sequence: number;
  /** When it says that it was made. */
  readonly timeS: number;
  /** Writes take effect in the order in which they were signed: one that was overtaken by a later one, or held back, would undo it. */
  readonly isWrite: boolean;
}

/** What is known of a request: it has not been accepted; it has, or it is too old to tell; it may have been before this unit lost or gave up what it knew. */
export type Freshness = "fresh" | "replayed" | "unknown";

/**
 * A window for each credential under which requests came, the one used last at the end. Each accepted request is kept before it takes effect: requests in statements are rare, and one that is
 * accepted again after a crash could switch something twice. Nothing is lost unseen: what was given up, or lost with the record, was made up to `sinceS`, and requests of that time are unknown.
 * A signer's sequences and times rise together; one whose do not could as well sign the same request again.
 * One of a unit, for its `StatementVerifier`; a window is 32 sequences, and 256 credentials have one.
 * @example
 * const windows = new ReplayWindows(new FileState("state", log));
 * const verifier = new StatementVerifier(store, clock, crypto, windows, { unit: "home", above: ["lv-unit"], registry });
 */
export class ReplayWindows {
  readonly #windows: Window[] = [];
  /** Requests made later have a window here if they were accepted; Infinity until the clock says when the record was lost. */
  #sinceS = Infinity;
  /** Changes when a window is given up: what was told by it cannot be told any more. */
  generation = 0;

  constructor(private readonly state: StatePort) {
    const record = state.load("windows");
    // A damaged one is lost: it is not known what was accepted, as at the first start.
    if (record && record !== "damaged") this.#read(record);
  }

  /**
   * @param latestS the latest time that an accepted request can have by now; undefined where the clock is not set
   */
  judge(signerId: Uint8Array, { sequence, timeS, isWrite }: Numbered, latestS: number | undefined): Freshness {
    if (this.#sinceS === Infinity && latestS !== undefined) this.#sinceS = latestS;
    const window = this.#windows.find((one) => sameBytes(one.signerId, signerId));
    if (window) {
      const isOvertaken = isWrite && sequence < window.write;
      return isOvertaken || window.sequences.includes(sequence) || sequence < window.least || sequence <= highestOf(window) - windowSize ? "replayed" : "fresh";
    }
    return timeS > this.#sinceS ? "fresh" : "unknown";
  }

  /** Takes a request in that has been found to be fresh. @throws EbalanceError `storage-failed`: then it must not take effect */
  accept(signerId: Uint8Array, { sequence, timeS, isWrite }: Numbered): void {
    const place = this.#windows.findIndex((one) => sameBytes(one.signerId, signerId));
    const window = place >= 0 ? this.#windows.splice(place, 1)[0]! : this.#make(signerId, sequence);
    this.#windows.push(window);
    const highest = Math.max(highestOf(window), sequence);
    window.sequences = [...window.sequences, sequence].filter((one) => one > highest - windowSize);
    window.timeS = Math.max(window.timeS, timeS);
    if (isWrite) window.write = Math.max(window.write, sequence);
    this.#keep();
  }

  #make(signerId: Uint8Array, least: number): Window {
    if (this.#windows.length >= maxWindows) {
      this.#sinceS = Math.max(this.#sinceS, this.#windows.shift()!.timeS);
      this.generation++;
    }
    return { signerId: signerId.slice(), least, timeS: 0, sequences: [], write: 0 };
  }

  #keep(): void {
    const windows: CborValue[] = this.#windows.map(({ signerId, least, timeS, sequences, write }) => [signerId, least, timeS, sequences, write]);
    if (this.state.keep("windows", encodeCbor([this.#sinceS, windows], new Uint8Array((1 + windows.length) * windowBytes)))) return;
    throw new EbalanceError("storage-failed", "device", "a request was not accepted: the state record of those accepted could not be kept");
  }

  #read(record: Uint8Array): void {
    const [sinceS, windows] = decodeCbor(record) as [number, [Uint8Array, number, number, number[], number][]];
    this.#sinceS = sinceS;
    for (const [signerId, least, timeS, sequences, write] of windows) this.#windows.push({ signerId, least, timeS, sequences, write });
  }
}

function highestOf({ sequences }: Window): number {
  return sequences.reduce((highest, sequence) => Math.max(highest, sequence), 0);
}
