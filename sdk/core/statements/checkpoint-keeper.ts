/**
 * Checkpoints of the devices that are at home here (SP-2). Each is verified, compared with what is kept of its time, a few samples a tick, and kept beside it as it was signed: so whoever has changed or
 * taken away samples here is noticed, here at the next checkpoint, and by the owner at any time, who needs nothing of this unit for that but the samples and the statement.
 */
import { notTrusted } from "../model/errors";
import type { NameId, Names } from "../model/names";
import type { Registry } from "../model/registry";
import { Result, type ResultCode } from "../model/result";
import type { ClockPort, LogPort } from "../ports";
import { Rates } from "../rate";
import type { SeriesTable } from "../access/series-table";
import { maxAheadMs } from "../requests/request-processor";
import type { CryptoPort } from "../security/crypto-port";
import type { VerifiedStatement } from "../security/statement-verifier";
import { parseStatement } from "../wire/statement";
import { StatementKind, type CheckpointStatement } from "../wire/statement-body";
import type { StorePort } from "../../storage/store-port";
import { CheckpointCheck, type CheckpointDifference } from "./checkpoint";
import { refusalOf } from "./refusal";
import type { Signatory } from "./signatory";

/** What has come of a checkpoint. */
export interface CheckpointFinding {
  readonly device: string;
  readonly owner: string;
  /** The time that it is about: fromS <= time < toS, in seconds since 1970. */
  readonly fromS: number;
  readonly toS: number;
  /** The series of which this unit holds something else than the device says; none where all is as it says. */
  readonly differences: readonly CheckpointDifference[];
}

export interface CheckpointCounters {
  /** Compared and kept, those that differ too. */
  taken: number;
  /** Of those, the ones of which something else is held here. */
  differing: number;
  refused: number;
}

export interface CheckpointKeeperParts {
  readonly signatory: Signatory;
  readonly names: Names;
  readonly registry: Registry;
  readonly series: SeriesTable;
  readonly store: StorePort;
  readonly crypto: CryptoPort;
  readonly clock: ClockPort;
  readonly log: LogPort;
  readonly wake: (inMs: number) => void;
  readonly onCheckpoint?: ((finding: CheckpointFinding) => void) | undefined;
}

/** Longest time of one. */
const maxStretchS = 86_400;
/** Of one device: what it holds back while its home is out of reach at once, then one a minute. */
const deviceBudget = Object.freeze({ perSecond: 1 / 60, burst: 64 });
/** Groups of 64 samples compared in a tick. */
const groupsPerTick = 16;
/** What is told again and again, whoever makes it come: the first ten times, then one time in a hundred. */
function isTold(before: number): boolean {
  return before < 10 || before % 100 === 0;
}

interface Checking {
  readonly body: CheckpointStatement;
  readonly bytes: Uint8Array;
  readonly device: string;
  readonly owner: string;
  readonly check: CheckpointCheck;
  /** Undefined once nobody waits for it. */
  tell: ((result: ResultCode) => void) | undefined;
}

/** What is known of a device. */
interface Known {
  /** All before this second has been compared. */
  doneS: number;
  /** Checkpoints that differed since the start. */
  differing: number;
}

export class CheckpointKeeper {
  readonly counters: CheckpointCounters = { taken: 0, differing: 0, refused: 0 };
  /** By the device's id: at most those that are enrolled. */
  readonly #known = new Map<string, Known>();
  readonly #budget: Rates;
  /** One a device. */
  readonly #checking: Checking[] = [];

  constructor(private readonly parts: CheckpointKeeperParts) {
    this.#budget = new Rates(parts.clock, deviceBudget);
  }

  /**
   * Takes a checkpoint that a neighbour has brought.
   * @param tell told once: `done` when it was compared and kept, whatever it was found to differ in, and where it was before; else why it was not taken
   */
  take(statement: Uint8Array, from: string, tell: (result: ResultCode) => void): void {
    const result = this.#begin(statement, from, tell);
    if (result === undefined) return;
    if (result !== Result.done) this.counters.refused++;
    tell(result);
  }

  /** @returns undefined where it is being compared */
  #begin(statement: Uint8Array, from: string, tell: (result: ResultCode) => void): ResultCode | undefined {
    const { signatory } = this.parts;
    if (this.#checking.some(({ device }) => device === from)) return Result.busy;
    try {
      const { signerId } = parseStatement(statement);
      // Before any signature is verified: a device speaks for itself, and it brings that itself.
      const device = signatory.impliedNames(signerId)?.[1];
      if (device !== from) return notTrusted(`of ${device ?? "a signer that is not known here"}, brought by ${from}`);
      if (!this.#budget.take(from)) return Result.busy;
      const verified = signatory.verify(statement, from);
      return verified.body.kind === StatementKind.checkpoint ? this.#accept(verified, verified.body, tell) : Result.unsupported;
    } catch (error) {
      return refusalOf(error, "checkpoint", isTold(this.counters.refused) ? this.parts.log : () => {});
    }
  }

  #accept({ source, bytes }: VerifiedStatement, body: CheckpointStatement, tell: (result: ResultCode) => void): ResultCode | undefined {
    const { names, series, clock } = this.parts;
    const { device, stakeholder: owner } = source!;
    const id = names.find(device) ?? -1;
    const ownerId = names.find(owner) ?? -1;
    if (!series.isHomeOf(id) || series.ownerOf(id) !== ownerId) return Result.denied;
    if (body.series.some((one) => body.names.text(one.device) !== device)) return notTrusted(`of ${device} about series of another device`);
    const { fromS, toS, timeMs } = body;
    if (!clock.isSet() || toS * 1000 > Math.min(timeMs, clock.wallMs() + maxAheadMs)) return Result.badTime;
    if (toS - fromS > maxStretchS) return Result.unsupported;
    // What was compared once is not compared again: by now samples may be gone as they should.
    if (fromS < this.#knownOf(device, id, ownerId, fromS).doneS) return Result.done;
    const indexOf = (variable: number) => series.find({ variable, device: id, owner: ownerId })?.index;
    this.#checking.push({ body, bytes, device, owner, tell, check: new CheckpointCheck(body, this.parts, indexOf) });
    this.parts.wake(0);
    return undefined;
  }

  /** What was kept before a restart says how far it had come. */
  #knownOf(device: string, id: NameId, owner: NameId, fromS: number): Known {
    const known = this.#known.get(device);
    if (known) return known;
    const kept = this.#kept(id, owner, fromS * 1000, Infinity);
    const made = { doneS: kept.reduce((doneS, { body }) => Math.max(doneS, body.toS), 0), differing: 0 };
    this.#known.set(device, made);
    return made;
  }

  /** The checkpoints of a device that are kept here with time in fromMs <= time < toMs, as it has signed them. */
  of(device: string, fromMs: number, toMs: number): readonly Uint8Array[] {
    const { names, series } = this.parts;
    const id = names.find(device) ?? -1;
    return this.#kept(id, series.ownerOf(id) ?? -1, fromMs, toMs).map(({ bytes }) => bytes);
  }

  /** Each stands beside the first of its series that there is here. */
  #kept(device: NameId, owner: NameId, fromMs: number, toMs: number): { readonly body: CheckpointStatement; readonly bytes: Uint8Array }[] {
    const { series, store, signatory } = this.parts;
    const kept: { readonly body: CheckpointStatement; readonly bytes: Uint8Array }[] = [];
    for (const one of series.all()) {
      if (one.device !== device || one.owner !== owner) continue;
      for (const proof of store.statements?.of(one.index, fromMs, toMs) ?? []) {
        const body = signatory.kept.tryRead(proof);
        if (body?.kind === StatementKind.checkpoint) kept.push({ body, bytes: proof.bytes });
      }
    }
    return kept;
  }

  /** Nobody at a neighbour waits any more. */
  lost(neighbour: string): void {
    for (const one of this.#checking) if (one.device === neighbour) one.tell = undefined;
  }

  /** Goes on comparing. @returns when it has to be called again, on the monotonic clock */
  tick(): number {
    const [first] = this.#checking;
    if (!first) return Infinity;
    for (let group = 0; group < groupsPerTick; group++) {
      if (!first.check.step()) continue;
      this.#checking.shift();
      const result = this.#finish(first);
      first.tell?.(result);
      break;
    }
    return this.#checking.length ? -Infinity : Infinity;
  }

  #finish(checking: Checking): ResultCode {
    const { body: { fromS, toS }, device, owner, check } = checking;
    if (!this.#keep(checking)) return Result.storageFailed;
    const known = this.#known.get(device)!;
    known.doneS = toS;
    const differences = check.differences();
    this.counters.taken++;
    if (differences.length) this.#tell(checking, differences, ++known.differing);
    this.parts.onCheckpoint?.({ device, owner, fromS, toS, differences });
    return Result.done;
  }

  /** Where nothing of it is held here, there is nothing that it could be kept with. */
  #keep({ body: { fromS, toS, series }, bytes, device, owner }: Checking): boolean {
    const { names, series: table, store, signatory } = this.parts;
    const [id, ownerId] = [names.find(device)!, names.find(owner)!];
    const held = series.map(({ variable }) => table.find({ variable, device: id, owner: ownerId })).find((one) => one !== undefined);
    if (!held || !store.statements) return true;
    const signer = signatory.kept.chainOf(parseStatement(bytes).signerId);
    return store.statements.keep({ series: held.index, fromMs: fromS * 1000, toMs: toS * 1000, bytes, signer }) !== "failed";
  }

  #tell({ body: { fromS, toS }, device }: Checking, differences: readonly CheckpointDifference[], count: number): void {
    this.counters.differing++;
    if (!isTold(count - 1)) return;
    const named = differences.map(({ variable, said, held }) => `${this.parts.registry.byId(variable)?.name ?? variable}: it has ${said} samples, here are ${said === held ? `as many, not the same` : held}`);
    this.parts.log("error", `what is kept of ${device} from ${timeText(fromS)} to ${timeText(toS)} is not what it has measured (checkpoint number ${count} that differs): ${named.join("; ")}`);
  }
}

function timeText(timeS: number): string {
  return new Date(timeS * 1000).toISOString().replace(".000", "");
}
