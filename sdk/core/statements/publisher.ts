/**
 * Publishes series that are at home here (SP-1): batches what is new of each, signs it under the owner's delegation, and sends it up to whoever keeps copies. A batch is closed when it is full, old enough,
 * or the policy changes. The statements stand in the store beside the samples, and whatever no statement has is published next: so nothing has to be remembered over a restart but what is in the store.
 */
import { sameBytes } from "../model/bytes";
import { sameValue } from "../../storage/same-value";
import type { StatementStore } from "../../storage/statement-store";
import type { StorePort } from "../../storage/store-port";
import { badArgument, EbalanceError } from "../model/errors";
import type { Names, NameTexts } from "../model/names";
import { denyAll, Right, type Policy } from "../model/policy";
import type { Value } from "../model/registry";
import { Result, resultName, type ResultCode } from "../model/result";
import type { ClockPort, LogPort } from "../ports";
import type { PolicyTable } from "../access/policy-table";
import type { Series, SeriesTable } from "../access/series-table";
import type { Delegation } from "../security/credential";
import { maxCarriedBytes } from "../wire/carry-body";
import { parseStatement } from "../wire/statement";
import { maxStatementItems, StatementKind, type DataStatement, type StatementItem } from "../wire/statement-body";
import type { Answer } from "./carrier";
import type { Proof } from "./kept-signers";
import { spanOf } from "./replica";
import type { Signatory } from "./signatory";

/** Which series are published. */
export interface PublishedSeries {
  /** Id of the variable. */
  readonly variable: number;
  readonly device: string;
  readonly owner: string;
}

export interface PublisherParts {
  readonly published: readonly PublishedSeries[];
  /** A batch that is not full is sent once its oldest instance was kept this long ago. */
  readonly everyMs: number;
  readonly signatory: Signatory;
  readonly names: Names;
  readonly clock: ClockPort;
  readonly series: SeriesTable;
  readonly policies: PolicyTable;
  readonly store: StorePort & { readonly statements: StatementStore };
  /** Sends a statement up. @returns `done` where it was sent: then `take` is told the outcome */
  readonly send: (statement: Uint8Array, take: (answer: Answer) => void) => ResultCode;
  readonly wake: (inMs: number) => void;
  readonly log: LogPort;
}

export const defaultPublishMs = 900_000;
export const maxPublished = 1024;
const [firstRetryMs, lastRetryMs] = [5000, 300_000];
/** Samples that are looked at in one go: whoever has many of long ago gets through them tick by tick. */
const maxLooked = 4096;

/** How far a series is published. */
class Progress {
  /** All before this time stands in statements that were acknowledged. */
  doneMs = -Infinity;
  /** Was signed, and waits to be acknowledged. */
  statement: Proof | undefined;
  isUnderWay = false;
  /** When to try again, or to close a batch that is not full; on the monotonic clock. */
  dueMs = -Infinity;
  retryMs = firstRetryMs;
  /** Instances that came since it was looked at. */
  fresh = 0;
  isRestored = false;

  constructor(readonly published: PublishedSeries) {}
}

interface Batch {
  readonly items: StatementItem[];
  /** It will get no more. */
  readonly isClosed: boolean;
  /** All before this time is published once the batch is. */
  readonly nextMs: number;
}

export class Publisher {
  readonly #all: readonly Progress[];
  readonly #bySeries = new Map<number, Progress>();

  constructor(private readonly parts: PublisherParts) {
    const { published, everyMs } = parts;
    if (published.length > maxPublished) badArgument(`${published.length} series to publish, at most ${maxPublished}`);
    if (!(everyMs >= 1000 && everyMs <= 86_400_000)) badArgument(`publishing every ${everyMs} ms is not from 1000 to 86400000`);
    this.#all = published.map((one) => new Progress(one));
  }

  /** An instance was kept. One that is older than what is published is published next. */
  kept({ index }: Series, timeMs: number): void {
    const progress = this.#bySeries.get(index);
    if (!progress) return;
    progress.doneMs = Math.min(progress.doneMs, timeMs);
    if (++progress.fresh === maxStatementItems) this.#dueIn(progress, 0);
  }

  /** The way up is open again. */
  retry(): void {
    for (const progress of this.#all) if (progress.statement) this.#dueIn(progress, 0);
  }

  #dueIn(progress: Progress, ms: number): void {
    progress.dueMs = this.parts.clock.monotonicMs() + ms;
    this.parts.wake(ms);
  }

  /** @returns when it has to be called again, on the monotonic clock */
  tick(): number {
    const nowMs = this.parts.clock.monotonicMs();
    let nextMs = Infinity;
    for (const progress of this.#all) {
      if (progress.isUnderWay) continue;
      if (progress.dueMs <= nowMs) this.#publish(progress);
      if (!progress.isUnderWay) nextMs = Math.min(nextMs, progress.dueMs);
    }
    return nextMs;
  }

  #publish(progress: Progress): void {
    const series = this.#seriesOf(progress);
    if (!series || !this.parts.clock.isSet()) return this.#dueIn(progress, firstRetryMs);
    progress.fresh = 0;
    if (!progress.statement) {
      const batch = this.#nextBatch(progress, series);
      progress.doneMs = batch.nextMs;
      const waitMs = batch.isClosed ? 0 : this.#waitMs(batch);
      if (waitMs > 0 || !batch.items.length) return this.#dueIn(progress, waitMs);
      progress.statement = this.#sign(progress, series, batch.items);
    }
    if (progress.statement) this.#send(progress);
    else this.#dueIn(progress, progress.retryMs);
  }

  /** How long a batch that is not closed may still wait for more. */
  #waitMs({ items }: Batch): number {
    const { clock, everyMs } = this.parts;
    return items.length ? Math.min(everyMs, items[0]!.timeMs + everyMs - clock.wallMs()) : everyMs;
  }

  #seriesOf(progress: Progress): Series | undefined {
    const { names, series: table } = this.parts;
    const { variable, device, owner } = progress.published;
    const series = table.find({ variable, device: names.id(device), owner: names.id(owner) });
    if (!series || progress.isRestored) return series;
    this.#bySeries.set(series.index, progress);
    progress.isRestored = true;
    progress.statement = this.#lastSigned(series);
    return series;
  }

  /** The statement that was signed last may not have been acknowledged before a restart: it is sent again as it is. */
  #lastSigned({ index }: Series): Proof | undefined {
    let last: { sequence: number; proof: Proof } | undefined;
    for (const proof of this.parts.store.statements.of(index, -Infinity, Infinity)) {
      const body = this.parts.signatory.kept.tryRead(proof);
      if (body?.kind === StatementKind.data && body.sequence > (last?.sequence ?? 0)) last = { sequence: body.sequence, proof };
    }
    return last?.proof;
  }

  /**
   * The oldest instances that no statement has, of one policy. Where they were kept under several, that of the lowest sequence comes first, for an older one is not taken any more then. What nobody may
   * read but the owner stays at home: instances without a policy.
   */
  #nextBatch(progress: Progress, { index, variable, device, owner }: Series): Batch {
    const { store, policies, clock } = this.parts;
    const isPublished = this.#publishedFrom(index, progress.doneMs);
    const waiting: StatementItem[] = [];
    let [looked, nextMs] = [0, progress.doneMs];
    store.scan(index, progress.doneMs, Math.floor(clock.wallMs()) + 1, (value, timeMs, policyIndex) => {
      const policy = policies.get(policyIndex);
      if (policy !== denyAll && !isPublished(value, timeMs)) waiting.push({ variable, device, owner, value, timeMs: Math.round(timeMs), policy });
      if (!waiting.length) nextMs = timeMs;
      return ++looked < maxLooked;
    });
    const sequenceOf = ({ policy }: StatementItem) => (policy as Policy).sequence;
    const least = waiting.reduce((lowest, item) => Math.min(lowest, sequenceOf(item)), Infinity);
    const first = waiting.find((item) => sequenceOf(item) === least);
    const items = waiting.filter(({ policy }) => policy === first!.policy);
    return { items: items.slice(0, maxStatementItems), isClosed: items.length >= maxStatementItems || items.length < waiting.length || looked === maxLooked, nextMs };
  }

  /** Whether an instance stands in a statement that is kept. */
  #publishedFrom(index: number, fromMs: number): (value: Value, timeMs: number) => boolean {
    const kept = this.parts.store.statements.of(index, fromMs - 1, Infinity).map((one) => ({ ...one, body: undefined as DataStatement | null | undefined }));
    return (value, exactMs) => {
      const timeMs = Math.round(exactMs);
      return kept.some((one) => {
        if (timeMs < one.fromMs || timeMs >= one.toMs) return false;
        one.body ??= this.#dataOf(one) ?? null;
        return one.body?.items.some((item) => item.timeMs === timeMs && sameValue(item.value, value)) ?? false;
      });
    };
  }

  /** What a kept statement says, where it is one of data: checkpoints stand beside them. */
  #dataOf(proof: Proof): DataStatement | undefined {
    const body = this.parts.signatory.kept.tryRead(proof);
    return body?.kind === StatementKind.data ? body : undefined;
  }

  /** Signs a batch, of fewer instances where it would not fit into a message, and keeps it. @returns undefined where that is not possible now */
  #sign(progress: Progress, series: Series, items: readonly StatementItem[], names: NameTexts = this.parts.names): Proof | undefined {
    const { signatory, clock, store } = this.parts;
    const { owner } = progress.published;
    const delegation = this.#delegationOf(progress);
    if (!delegation) return this.#failed(progress, `no delegation of ${owner} to this unit covers it`);
    const timeMs = Math.floor(clock.wallMs() / 1000) * 1000;
    try {
      for (let count = items.length; count > 0; count = Math.floor(count / 2)) {
        const batch = items.slice(0, count);
        const { bytes } = signatory.sign(delegation, { kind: StatementKind.data, names, timeMs, items: batch } as Omit<DataStatement, "sequence">);
        if (bytes.length > maxCarriedBytes) continue;
        const proof = { bytes, signer: signatory.kept.chainOf(delegation.id) };
        return store.statements.keep({ series: series.index, ...spanOf(batch), ...proof }) === "failed" ? this.#failed(progress, "the store does not keep its statement") : proof;
      }
      return this.#failed(progress, `one instance with its policy takes more than ${maxCarriedBytes} bytes`);
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      return this.#failed(progress, error.message);
    }
  }

  #delegationOf({ published: { variable, device, owner } }: Progress): Delegation | undefined {
    return this.parts.signatory.delegation(owner, undefined, Right.write, [{ variable, device }]);
  }

  /**
   * What was not taken for a reason that has gone since is signed anew: the delegation has been renewed, or the clock of this unit was ahead, and what was measured at a time to come stays at home.
   * The statement of before stays where it is: it does no harm.
   */
  #signAnew(progress: Progress): void {
    const { signatory, clock, log } = this.parts;
    const nowMs = clock.wallMs();
    const body = signatory.kept.tryRead(progress.statement!) as DataStatement | undefined;
    const delegation = this.#delegationOf(progress);
    const isRenewed = delegation !== undefined && !sameBytes(parseStatement(progress.statement!.bytes).signerId, delegation.id);
    if (body && !isRenewed && body.timeMs <= nowMs) return;
    const items = body?.items.filter(({ timeMs }) => timeMs <= nowMs) ?? [];
    if (body && items.length < body.items.length) log("warning", `${body.items.length - items.length} instances of ${progress.published.device} are of a time to come and stay at home: the clock of this unit was ahead`);
    const series = this.#seriesOf(progress)!;
    progress.statement = items.length ? this.#sign(progress, series, items, body!.names) : undefined;
    // Where nothing can be read of it any more, its instances stand in no statement.
    if (!progress.statement) progress.doneMs = body ? Math.min(progress.doneMs, nowMs) : -Infinity;
  }

  #send(progress: Progress): void {
    progress.isUnderWay = true;
    const result = this.parts.send(progress.statement!.bytes, (answer) => this.#answered(progress, answer.result));
    if (result !== Result.done) this.#answered(progress, result);
  }

  #answered(progress: Progress, result: ResultCode): void {
    progress.isUnderWay = false;
    // What whoever keeps copies will never take must not hold up what comes after it.
    const isOver = result === Result.done || result === Result.stalePolicy || result === Result.outOfRange || result === Result.wrongType;
    if (result !== Result.done) this.#failed(progress, resultName(result));
    if (result === Result.notTrusted || result === Result.badTime) this.#signAnew(progress);
    if (!isOver) return this.#dueIn(progress, progress.retryMs);
    progress.statement = undefined;
    if (result === Result.done) progress.retryMs = firstRetryMs;
    this.#dueIn(progress, 0);
  }

  #failed(progress: Progress, why: string): undefined {
    const { variable, device, owner } = progress.published;
    this.parts.log("warning", `variable ${variable} of ${device} (${owner}) is not published: ${why}; tried again in ${progress.retryMs / 1000} s`);
    progress.retryMs = Math.min(2 * progress.retryMs, lastRetryMs);
    return undefined;
  }
}
