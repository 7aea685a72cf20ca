/**
 * The checkpoints of a device (SP-2): what it has kept of its readings in each hour, counted, hashed and signed once the hour is over, and handed to its home. Computed a few samples at a time, between
 * the readings; those that the home has not taken yet wait, a few of them, and are handed in after the readings that they are about.
 */
import type { CarryingLeafUnit } from "../core/carrying-leaf-unit";
import { Right } from "../core/model/policy";
import { Result, resultName, type ResultCode } from "../core/model/result";
import { covers } from "../core/security/credential";
import type { HandshakeParty } from "../core/security/certified-handshake";
import type { SequenceReservation } from "../core/security/sequence-reservation";
import { checkpointOf, type CheckpointWork, type Stretch } from "../core/statements/checkpoint";
import { signStatement } from "../core/wire/statement";
import { StatementKind, type CheckpointStatement } from "../core/wire/statement-body";
import type { StorePort } from "../storage/store-port";
import type { ProgramPorts } from "./device-access";
import type { TimerHandle } from "./driver";
import type { ReadingQueue } from "./reading-queue";

/** Checkpoints that wait for the home, each of some hundred bytes; the oldest gives way. */
const maxWaiting = 8;
/** Between two groups of samples. */
const stepMs = 10;
const unsetClockMs = 10_000;
/** How soon it is looked again whether the readings have gone. */
const outboxMs = 2000;
const answerMs = 30_000;
const longestTimerMs = 0x7fffffff;

/** Results after which the same checkpoint may be taken later. */
const passing: readonly ResultCode[] = Object.freeze([Result.linkLost, Result.timeout, Result.busy, Result.tooEarly, Result.badTime, Result.storageFailed]);

export interface CheckpointParts extends ProgramPorts {
  readonly unit: CarryingLeafUnit;
  readonly party: HandshakeParty;
  readonly service: string;
  readonly store: StorePort;
  readonly sequences: SequenceReservation;
  /** Readings that the home has not acknowledged. */
  readonly readings: ReadingQueue;
  readonly everyS: number;
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly stretch: Stretch;
}

export class Checkpoints {
  /** Where the time that is under way began; undefined: not known yet. All of it was seen with a clock that is set. */
  #fromS: number | undefined;
  #work: CheckpointWork | undefined;
  readonly #waiting: Waiting[] = [];
  #open = false;
  /** When the first of them may be sent, on the monotonic clock: later while it is under way. */
  #sendAtMs = 0;
  #timer: TimerHandle | undefined;
  /** What was told to be left out, by variable: once each. */
  readonly #leftOut: number[] = [];

  constructor(private readonly parts: CheckpointParts) {
    this.#lookIn(0);
  }

  /** The session with the home was opened or lost. */
  linkChanged(open: boolean): void {
    this.#open = open;
    this.#sendAtMs = 0;
    if (open) this.#lookIn(0);
  }

  close(): void {
    this.parts.timers.cancel(this.#timer);
  }

  #lookIn(ms: number): void {
    const { timers } = this.parts;
    if (this.#timer !== undefined) timers.cancel(this.#timer);
    this.#timer = timers.after(Math.min(ms, longestTimerMs), () => this.#lookIn(Math.min(this.#compute(), this.#send())));
  }

  /** Goes on with what is to be computed. @returns milliseconds until there is more to do */
  #compute(): number {
    const { clock, everyS } = this.parts;
    if (!clock.isSet()) {
      this.#fromS = this.#work = undefined;
      return unsetClockMs;
    }
    if (this.#work) return this.#step(this.#work);
    const nowS = clock.wallMs() / 1000;
    const fromS = this.#fromS ?? Infinity;
    // Of a time whose beginning was not seen, or at whose end the clock was put forward or back, nothing is said.
    if (nowS < fromS - everyS || nowS >= fromS + 2 * everyS) this.#fromS = Math.ceil(nowS / everyS) * everyS;
    else if (nowS >= fromS + everyS) return this.#begin({ fromS, toS: (this.#fromS = fromS + everyS) });
    return Math.max(1, Math.ceil((this.#fromS! + everyS - nowS) * 1000));
  }

  #begin(stretch: Stretch): number {
    const { unit, store, party } = this.parts;
    const series = unit.ownSeries().filter(({ index, variable }) => this.#isWhole(index, variable, stretch));
    if (series.length) this.#work = checkpointOf({ store, crypto: party.crypto, registry: unit.registry }, stretch, series);
    return stepMs;
  }

  /**
   * Whether the store has all of a series in a time, in order: it has older samples, so none of these have given way. A series that is new is left out once, one of which the store has less than that
   * time always.
   */
  #isWhole(index: number, variable: number, { fromS, toS }: Stretch): boolean {
    const { store } = this.parts;
    let isWhole = false;
    store.scan(index, 0, fromS * 1000, () => {
      isWhole = true;
      return false;
    });
    let lastMs = 0;
    const isNext = (timeMs: number) => {
      isWhole = timeMs >= lastMs;
      lastMs = timeMs;
      return isWhole;
    };
    if (isWhole) store.scan(index, fromS * 1000, toS * 1000, (_value, timeMs) => isNext(timeMs));
    if (!isWhole) this.#tellLeftOut(variable, fromS);
    return isWhole;
  }

  #tellLeftOut(variable: number, fromS: number): void {
    if (this.#leftOut.includes(variable)) return;
    this.#leftOut.push(variable);
    this.parts.log("info", `the checkpoint from ${fromS} s says nothing of ${this.parts.unit.registry.byId(variable)!.name}: it is new, the store holds less of it than that time, or its readings did not come in order`);
  }

  #step(work: CheckpointWork): number {
    if (!work.step()) return stepMs;
    this.#work = undefined;
    try {
      this.#sign(work);
    } catch (error) {
      this.#failed(work.stretch, (error as Error).message);
    }
    return stepMs;
  }

  #sign({ stretch, series }: CheckpointWork): void {
    const { unit, party, service, sequences, clock } = this.parts;
    const { store, crypto, registry, credential: { owner, subject } } = party;
    const holds = ({ credential }: HandshakeParty["delegations"][number]) =>
      credential.service === service && credential.issuer === owner && store.refusal(credential) === undefined && series.every(({ variable }) => covers(credential, Right.write, { variable, device: subject }));
    const delegation = party.delegations.find(holds);
    if (!delegation) return this.#failed(stretch, `no delegation of ${owner} that holds covers it`);
    const timeMs = Math.floor(clock.wallMs() / 1000) * 1000;
    const body: CheckpointStatement = { kind: StatementKind.checkpoint, names: unit.names, sequence: sequences.next(delegation.credential.id), timeMs, ...stretch, series };
    if (this.#waiting.length >= maxWaiting) this.#failed(this.#waiting.shift()!.stretch, `${maxWaiting} newer ones wait for the home`);
    this.#waiting.push({ bytes: signStatement(crypto, delegation.key, delegation.credential, store.domain, body, registry), stretch });
  }

  /** Sends the oldest that waits, unless one is under way. @returns milliseconds until there is more to do */
  #send(): number {
    const { clock, unit } = this.parts;
    const [first] = this.#waiting;
    if (!first || !this.#open) return Infinity;
    const inMs = this.#sendAtMs - clock.monotonicMs();
    if (inMs > 0) return inMs;
    if (this.#isAhead(first.stretch)) return outboxMs;
    // Without an answer by then, it is sent again.
    this.#sendAtMs = clock.monotonicMs() + answerMs;
    const result = unit.carry(first.bytes, (answer) => this.#answered(first, answer));
    return result === Result.done ? answerMs : outboxMs;
  }

  /** Whether readings that a checkpoint is about are not at the home yet. */
  #isAhead({ toS }: Stretch): boolean {
    const { readings } = this.parts;
    for (let i = 0; i < readings.length; i++) if (readings.timeMs(i) < toS * 1000) return true;
    return false;
  }

  #answered(one: Waiting, result: ResultCode): void {
    if (passing.includes(result)) return;
    // It may have given way meanwhile.
    if (this.#waiting[0] === one) this.#waiting.shift();
    if (result !== Result.done) this.#failed(one.stretch, `the home refuses it: ${resultName(result)}`);
    this.#sendAtMs = 0;
    this.#lookIn(0);
  }

  #failed({ fromS, toS }: Stretch, why: string): void {
    this.parts.log("warning", `no checkpoint from ${fromS} to ${toS} s: ${why}`);
  }
}
