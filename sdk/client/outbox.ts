/** The readings of a device that its parent has not acknowledged yet: bounded, in order, sent again until they are taken or refused for good. */
import { badArgument } from "../core/model/errors";
import { policyFromText, type Policy, type PolicyText } from "../core/model/policy";
import { checkValue, fromPhysical, type Value } from "../core/model/registry";
import { Result, resultName, type ResultCode } from "../core/model/result";
import type { LogPort } from "../core/ports";
import type { Notification } from "../core/requests/request-processor";
import type { ManagementUnit } from "../core/unit";
import { maxItems, Operation, type Item, type Source } from "../core/wire/session-body";
import type { TimerHandle, TimerPort } from "./driver";

/** Readings that a device keeps. */
const deviceCapacity = 64;
const answerMs = 10_000;
const retryMs = 1000;
/** A parent may ask for a pause, but not silence a device. */
const longestPauseMs = 60_000;
/** Times that a reading is tried again whose time the parent does not accept yet: clocks drift apart and come together. */
const maxBadTimes = 30;

/** Results after which the same message may be taken later. */
const passing: readonly ResultCode[] = Object.freeze([Result.linkLost, Result.timeout, Result.busy, Result.tooEarly]);

export class Outbox {
  readonly #items: Item[] = [];
  readonly #source: Source;
  readonly #owner: number;
  readonly #policy: Policy | undefined;
  /** The hash under which the parent knows the policy, once it has said so. */
  #policyHash: Uint8Array | undefined;
  /** Readings at the head of the queue that are under way. */
  #underWay = 0;
  /** One at a time, after a batch was refused: the others are not lost for the bad one. */
  #oneByOne = 0;
  #open = false;
  #pause: TimerHandle | undefined;
  #badTimes = 0;
  #lost = 0;

  /**
   * @param onSilence called when the parent does not answer
   * @param capacity readings kept; the oldest gives way to the newest
   */
  constructor(
    private readonly unit: ManagementUnit,
    source: { readonly service: string; readonly stakeholder: string; readonly device?: string },
    private readonly timers: TimerPort,
    private readonly log: LogPort,
    policy: PolicyText | undefined,
    private readonly onSilence: () => void,
    private readonly capacity = deviceCapacity,
  ) {
    const { names } = unit;
    this.#owner = names.id(source.stakeholder);
    this.#source = { device: names.id(source.device ?? unit.id), service: names.id(source.service), stakeholder: this.#owner };
    this.#policy = policy && policyFromText(policy, names);
  }

  /** @throws EbalanceError `bad-argument` */
  add(variableName: string, physical: Value, timeMs: number): void {
    const variable = this.unit.registry.named(variableName);
    const value = fromPhysical(variable, physical);
    const checked = checkValue(variable, value);
    if (checked !== Result.done) badArgument(`${variableName} ${String(physical)} is ${resultName(checked)}`);
    if (this.#items.length >= this.capacity) this.#giveUpOldest();
    this.#items.push({ variable: variable.id, value, timeMs, device: this.#source.device, owner: this.#owner, policy: undefined });
    this.#send();
  }

  /** The session with the parent was opened or lost. */
  linkChanged(open: boolean): void {
    this.#open = open;
    this.#policyHash = undefined;
    if (open) this.#endPause();
    this.#send();
  }

  #giveUpOldest(): void {
    this.#items.splice(this.#underWay, 1);
    if (++this.#lost === 1 || this.#lost % 100 === 0) this.log("warning", `outbox is full: ${this.#lost} readings given up`);
  }

  #send(): void {
    if (!this.#open || this.#underWay || this.#pause !== undefined || !this.#items.length) return;
    const policy = this.#policyHash ?? this.#policy;
    // A policy that the parent has not acknowledged travels with one reading alone; those that follow name it by its hash.
    const alone = this.#oneByOne > 0 || (policy !== undefined && !this.#policyHash);
    this.#underWay = Math.min(this.#items.length, alone ? 1 : maxItems);
    const items = this.#items.slice(0, this.#underWay).map((item) => ({ ...item, policy }));
    this.unit.request({ op: Operation.write, source: this.#source, items }, (notification) => this.#answered(notification), answerMs);
  }

  #answered(notification: Notification): void {
    const { result, instances, retryAfterMs } = notification;
    const count = this.#underWay;
    this.#underWay = 0;
    if (result === Result.done) {
      this.#badTimes = 0;
      this.#items.splice(0, count);
      this.#oneByOne = Math.max(0, this.#oneByOne - count);
      const hash = instances[0]?.policy;
      if (this.#policy && hash instanceof Uint8Array) this.#policyHash = hash;
    } else if (result === Result.unknownPolicy && this.#policyHash) {
      this.#policyHash = undefined;
    } else if (passing.includes(result) || (result === Result.badTime && ++this.#badTimes <= maxBadTimes)) {
      // Perhaps it was the batch that could not be answered.
      if (result === Result.timeout) this.#oneByOne = count;
      if (result === Result.timeout) this.onSilence();
      return this.#pauseFor(Math.min(Math.max(retryMs, retryAfterMs), longestPauseMs));
    } else if (count > 1) {
      this.#oneByOne = count;
    } else {
      const [refused] = this.#items.splice(0, 1);
      this.#badTimes = 0;
      this.#oneByOne = Math.max(0, this.#oneByOne - 1);
      this.log("error", `${this.unit.registry.byId(refused!.variable)!.name} was refused for good: ${resultName(result)}`);
    }
    this.#send();
  }

  /** No reading is sent any more. */
  close(): void {
    this.#open = false;
    this.#endPause();
  }

  #pauseFor(ms: number): void {
    this.#pause = this.timers.after(ms, () => {
      this.#pause = undefined;
      this.#send();
    });
  }

  #endPause(): void {
    if (this.#pause !== undefined) this.timers.cancel(this.#pause);
    this.#pause = undefined;
  }
}
