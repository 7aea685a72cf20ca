/** The readings of a device that its parent has not acknowledged yet: bounded, in order, sent again until they are taken or refused for good. */
import type { Policy } from "../core/model/policy";
import type { Value, Variable } from "../core/model/registry";
import { Result, resultName, type ResultCode } from "../core/model/result";
import type { Reporter } from "../core/requests/reporter";
import type { Notification } from "../core/requests/request-processor";
import type { LeafUnit } from "../core/leaf-unit";
import { Operation, type Item, type Source } from "../core/wire/session-body";
import type { ProgramPorts } from "./device-access";
import type { TimerHandle } from "./driver";
import { ReadingQueue } from "./reading-queue";
import type { Uplink } from "./uplink";

/** Readings that a device keeps. */
const deviceCapacity = 64;
/** Readings in one message: half of what fits, since all of them stand in RAM once as they go out and once as they are answered. */
const batch = 8;
const answerMs = 10_000;
const retryMs = 1000;
/** A parent may ask for a pause, but not silence a device. */
const longestPauseMs = 60_000;
/** Times that a reading is tried again whose time the parent does not accept yet: clocks drift apart and come together. */
const maxBadTimes = 30;
/** One whose time is not reached in this time by the device's own clock is of a clock that was ahead: to wait for it would hold back all others. */
const longestAheadMs = maxBadTimes * retryMs;

/** Results after which the same message may be taken later. */
const passing: readonly ResultCode[] = Object.freeze([Result.linkLost, Result.timeout, Result.busy, Result.tooEarly]);

export class Outbox {
  /** Those that were not acknowledged. */
  readonly readings: ReadingQueue;
  readonly #source: Source;
  readonly #owner: number;
  /** The hash under which the parent knows the policy, once it has said so. */
  #policyHash: Uint8Array | undefined;
  /** Variables for whose readings the parent has a later policy of the owner's in force. */
  #overruled: number[] | undefined;
  #reporter: Reporter | undefined;
  /** Readings at the head of the queue that are under way. */
  #underWay = 0;
  /** One at a time, after a batch was refused: the others are not lost for the bad one. */
  #oneByOne = 0;
  #open = false;
  #pause: TimerHandle | undefined;
  #badTimes = 0;
  #lost = 0;
  /** One for all messages. */
  readonly #onAnswer = ({ result, instances, retryAfterMs }: Notification) => {
    const hash = instances[0]?.policy;
    if (this.policy && !this.#policyHash && hash instanceof Uint8Array && !this.#isOverruled(0)) this.#learn(hash);
    this.answered(result, retryAfterMs);
  };

  /**
   * @param uplink made anew when the parent does not answer; undefined on the parent itself
   * @param capacity readings kept; the oldest gives way to the newest
   */
  constructor(
    private readonly unit: LeafUnit,
    source: { readonly service: string; readonly stakeholder: string; readonly device?: string },
    private readonly ports: ProgramPorts,
    private readonly policy: Policy | undefined,
    private readonly uplink: Pick<Uplink, "reconnect"> | undefined,
    capacity = deviceCapacity,
  ) {
    this.readings = new ReadingQueue(capacity);
    const { names } = unit;
    this.#owner = names.id(source.stakeholder);
    this.#source = { device: names.id(source.device ?? unit.id), service: names.id(source.service), stakeholder: this.#owner };
  }

  /** Adds a reading whose value is in the unit's form, and checked; whole milliseconds since 1970. */
  add(variable: Variable, value: Value, timeMs: number): void {
    const readings = this.readings;
    if (readings.length >= readings.capacity) this.#giveUpOldest();
    readings.push(variable.id, value, timeMs);
    // The short way, which the readings of a sensor take all day.
    const isShort = readings.length === 1 && this.#reporter && ((value as number) | 0) === value && variable.type === "integer" && this.#pause === undefined;
    if (isShort && this.#reporter!.send(variable.id, value as number, timeMs)) this.#underWay = 1;
    else this.#send();
  }

  /** The session with the parent was opened or lost. */
  linkChanged(open: boolean): void {
    this.#open = open;
    this.#policyHash = undefined;
    this.#overruled = undefined;
    this.#reporter = undefined;
    if (open) this.#endPause();
    this.#send();
  }

  #giveUpOldest(): void {
    this.readings.dropAt(this.#underWay);
    if (++this.#lost === 1 || this.#lost % 100 === 0) this.ports.log("warning", `outbox is full: ${this.#lost} readings given up`);
  }

  #send(): void {
    if (!this.#open || this.#underWay || this.#pause !== undefined || !this.readings.length) return;
    const policy = this.#policyHash ?? this.policy;
    // A policy that the parent has not acknowledged travels with one reading alone; those that follow name it by its hash.
    const alone = this.#oneByOne > 0 || (policy !== undefined && !this.#policyHash);
    this.#underWay = Math.min(this.readings.length, alone ? 1 : batch);
    const items: Item[] = [];
    for (let i = 0; i < this.#underWay; i++) items.push(this.#item(i, policy));
    this.unit.request({ op: Operation.write, source: this.#source, items }, this.#onAnswer, answerMs);
  }

  #item(index: number, policy: Item["policy"]): Item {
    const readings = this.readings;
    return { variable: readings.variable(index), value: readings.value(index), timeMs: readings.timeMs(index), device: this.#source.device, owner: this.#owner, policy: this.#isOverruled(index) ? undefined : policy };
  }

  #isOverruled(index: number): boolean {
    return this.#overruled !== undefined && this.#overruled.includes(this.readings.variable(index));
  }

  /** What is under way has its outcome. */
  answered(result: ResultCode, retryAfterMs: number): void {
    const count = this.#underWay;
    this.#underWay = 0;
    if (result === Result.done) {
      this.#badTimes = 0;
      this.readings.drop(count);
      this.#oneByOne = Math.max(0, this.#oneByOne - count);
    } else if (result === Result.unknownPolicy && this.#policyHash) {
      this.#policyHash = undefined;
      this.#reporter = undefined;
    } else if (passing.includes(result) || (result === Result.badTime && this.#mayBeRight(count))) {
      // Perhaps it was the batch that could not be answered.
      if (result === Result.timeout) this.#oneByOne = count;
      if (result === Result.timeout) this.uplink?.reconnect("no answer");
      return this.#pauseFor(Math.min(Math.max(retryMs, retryAfterMs), longestPauseMs));
    } else if (count > 1) {
      this.#oneByOne = count;
    } else if (result === Result.stalePolicy && !this.#isOverruled(0)) {
      // That one holds, for this variable and for this session. The short way would bring the device's own.
      (this.#overruled ??= []).push(this.readings.variable(0));
      this.#reporter = undefined;
    } else {
      const { name } = this.unit.registry.byId(this.readings.variable(0))!;
      this.readings.drop(1);
      this.#badTimes = 0;
      this.#oneByOne = Math.max(0, this.#oneByOne - 1);
      this.ports.log("error", `${name} was refused for good: ${resultName(result)}`);
    }
    this.#send();
  }

  /** Whether the time of what was refused for it may be accepted soon. */
  #mayBeRight(count: number): boolean {
    const readings = this.readings;
    const latestMs = this.ports.clock.wallMs() + longestAheadMs;
    for (let i = 0; i < count; i++) if (readings.timeMs(i) > latestMs) return false;
    return ++this.#badTimes <= maxBadTimes;
  }

  /** The parent has said under which hash it knows the policy. */
  #learn(policyHash: Uint8Array): void {
    this.#policyHash = policyHash;
    if (!this.#overruled) this.#reporter = this.unit.own.reporter(this.#source, policyHash, this);
  }

  /** No reading is sent any more. */
  close(): void {
    this.#open = false;
    this.#endPause();
  }

  #pauseFor(ms: number): void {
    this.#pause = this.ports.timers.after(ms, () => {
      this.#pause = undefined;
      this.#send();
    });
  }

  #endPause(): void {
    if (this.#pause !== undefined) this.ports.timers.cancel(this.#pause);
    this.#pause = undefined;
  }
}
