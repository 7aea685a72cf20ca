/**
 * Checkpoints: what a device says, once an hour and under its signature, of all the samples that it took in it. So it shows whether the home unit, or a copy, holds what the device has measured, no
 * more and no less, although no reading costs the device a signature. The digest is described in statement.cddl.
 */
import { sameBytes } from "../model/bytes";
import { badArgument } from "../model/errors";
import type { NameId } from "../model/names";
import type { Registry, Value } from "../model/registry";
import type { CryptoPort } from "../security/crypto-port";
import * as cbor from "../wire/cbor";
import { digestBytes, maxStatementItems, type CheckpointStatement, type SeriesDigest } from "../wire/statement-body";
import { writeValue } from "../wire/write-body";
import type { StorePort } from "../../storage/store-port";

/** Samples that are hashed at once, and so in one step. */
const groupSize = 64;
const firstBytes = 512;
/** The longest text or bytes and its time, for each. */
const maxGroupBytes = digestBytes + groupSize * 272;

/** Where the samples are. */
export interface CheckpointSource {
  readonly store: StorePort;
  readonly crypto: CryptoPort;
  readonly registry: Pick<Registry, "byId">;
}

export interface CheckpointSeries {
  readonly variable: number;
  readonly device: NameId;
  /** Its number in the store; undefined: it has no samples there. */
  readonly index: number | undefined;
}

/** The time of a checkpoint in seconds since 1970: fromS <= time < toS, of an hour that has passed. */
export type Stretch = Pick<CheckpointStatement, "fromS" | "toS">;

/**
 * Computes a checkpoint in steps of 64 samples at most, so that a device can do so between its readings.
 * @example
 * const work = checkpointOf({ store, crypto, registry }, { fromS, toS }, series);
 * // at each tick, until it is done:
 * if (work.step()) send(signStatement(crypto, key, delegation, domain, { kind: StatementKind.checkpoint, names, sequence, timeMs, ...work.stretch, series: work.series }, registry));
 * @param series 1 to 64 of them
 * @throws EbalanceError `bad-argument`
 */
export function checkpointOf(source: CheckpointSource, stretch: Stretch, series: readonly CheckpointSeries[]): CheckpointWork {
  if (series.length === 0 || series.length > maxStatementItems) badArgument(`checkpoint of ${series.length} series, from 1 to ${maxStatementItems}`);
  return new CheckpointWork(source, stretch, series);
}

/** A checkpoint that is being computed. */
export class CheckpointWork {
  /** Those that are finished; all of them once {@link step} has said so. */
  readonly series: SeriesDigest[] = [];
  #digest = new Uint8Array(digestBytes);
  #count = 0;
  /** Where the next group begins: at this time, after so many samples of it. */
  #nextMs: number;
  #skip = 0;
  /** Holds the digest so far, then the group. */
  #buffer = new Uint8Array(firstBytes);

  constructor(
    private readonly source: CheckpointSource,
    readonly stretch: Stretch,
    private readonly asked: readonly CheckpointSeries[],
  ) {
    this.#nextMs = stretch.fromS * 1000;
  }

  /** Takes the next group of samples in. @returns whether that was all */
  step(): boolean {
    const asked = this.asked[this.series.length];
    if (!asked) return true;
    const { values, times } = this.#nextGroup(asked.index);
    if (values.length > 0) this.#add(values, times, asked.variable);
    if (values.length < groupSize) this.#finish(asked);
    return this.series.length === this.asked.length;
  }

  /** The group is read before it is written: the store may use the CBOR codec too. */
  #nextGroup(index: number | undefined): { values: Value[]; times: number[] } {
    const values: Value[] = [];
    const times: number[] = [];
    if (index === undefined) return { values, times };
    let skip = this.#skip;
    this.source.store.scan(index, this.#nextMs, this.stretch.toS * 1000, (value, timeMs) => {
      if (skip > 0 && timeMs === this.#nextMs) {
        skip--;
        return true;
      }
      values.push(value);
      return times.push(timeMs) < groupSize;
    });
    return { values, times };
  }

  #add(values: readonly Value[], times: readonly number[], variable: number): void {
    const isFloat = this.source.registry.byId(variable)?.type === "float";
    this.#buffer.set(this.#digest);
    cbor.startWriting(this.#buffer, digestBytes, maxGroupBytes);
    for (let i = 0; i < values.length; i++) {
      writeValue(values[i]!, isFloat);
      cbor.writeInteger(times[i]! - this.stretch.fromS * 1000);
    }
    this.#buffer = cbor.writtenBuffer() as Uint8Array<ArrayBuffer>;
    this.source.crypto.sha256(this.#buffer, cbor.writePosition(), this.#digest);
    this.#count += values.length;
    const lastMs = times[times.length - 1]!;
    const ofLast = times.filter((timeMs) => timeMs === lastMs).length;
    this.#skip = lastMs === this.#nextMs ? this.#skip + ofLast : ofLast;
    this.#nextMs = lastMs;
  }

  #finish({ variable, device }: CheckpointSeries): void {
    this.series.push({ variable, device, count: this.#count, digest: this.#digest });
    this.#digest = new Uint8Array(digestBytes);
    this.#count = 0;
    this.#nextMs = this.stretch.fromS * 1000;
    this.#skip = 0;
  }
}

/** A series of which another unit holds something else than its device says. */
export interface CheckpointDifference {
  readonly variable: number;
  readonly device: string;
  /** Samples that the device has. */
  readonly said: number;
  /** Samples that are held; as many as said where some are other ones. */
  readonly held: number;
}

/**
 * Compares what a device says with what is held here, in steps of 64 samples at most.
 * @example
 * const check = new CheckpointCheck(body, { store, crypto, registry }, indexOf);
 * // at each tick, until it is done:
 * if (check.step()) tell(check.differences());
 */
export class CheckpointCheck {
  readonly #work: CheckpointWork;

  /**
   * @param body of a statement that has been verified
   * @param indexOf the number of a series of the statement's stakeholder in the store, undefined where there is none
   */
  constructor(
    private readonly body: CheckpointStatement,
    source: CheckpointSource,
    indexOf: (variable: number, device: string) => number | undefined,
  ) {
    this.#work = checkpointOf(source, body, body.series.map(({ variable, device }) => ({ variable, device, index: indexOf(variable, body.names.text(device)) })));
  }

  /** Takes the next group of samples in. @returns whether that was all */
  step(): boolean {
    return this.#work.step();
  }

  /** The series that differ, once all was taken in; none where all is as the device says. */
  differences(): readonly CheckpointDifference[] {
    const { names, series } = this.body;
    const differences: CheckpointDifference[] = [];
    series.forEach(({ variable, device, count, digest }, i) => {
      const held = this.#work.series[i]!;
      if (held.count !== count || !sameBytes(held.digest, digest)) differences.push({ variable, device: names.text(device), said: count, held: held.count });
    });
    return differences;
  }
}

/** As {@link CheckpointCheck}, in one go. */
export function checkCheckpoint(...what: ConstructorParameters<typeof CheckpointCheck>): readonly CheckpointDifference[] {
  const check = new CheckpointCheck(...what);
  while (!check.step());
  return check.differences();
}
