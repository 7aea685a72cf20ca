import { describe, expect, test } from "vitest";
import { Names } from "../core/model/names";
import { policyFromText } from "../core/model/policy";
import type { PolicyText } from "../core/model/policy";
import { Registry } from "../core/model/registry";
import { standardRegistry, standardVariables } from "../core/model/standard-variables";
import { Result, type ResultCode } from "../core/model/result";
import type { Notify } from "../core/requests/subscriptions";
import type { ManagementUnit } from "../core/unit";
import type { Item, Request, WriteRequest } from "../core/wire/session-body";
import { Outbox } from "./outbox";

const owned: PolicyText = { sequence: 1, entries: [{ rights: "read", minDelayS: 0, grantees: [{ stakeholder: "supplier", service: "billing" }] }] };
const activePower = standardRegistry.named("activePower");
const hash = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** An outbox at a unit that only notes what it is asked; the test answers. */
function outbox(policy?: PolicyText) {
  const sent: { items: readonly Item[]; notify: Notify; answered: boolean }[] = [];
  const unit = {
    id: "meter",
    names: new Names(),
    registry: new Registry(standardVariables),
    own: { reporter: () => undefined },
    request(request: Request, notify: Notify) {
      sent.push({ items: (request as WriteRequest).items, notify, answered: false });
      return sent.length;
    },
  };
  const log: string[] = [];
  const pauses: { ms: number; callback: () => void }[] = [];
  const timers = { after: (ms: number, callback: () => void) => pauses.push({ ms, callback }), cancel: () => {} };
  const time = { ms: 100_000 };
  const ports = { timers, clock: { wallMs: () => time.ms, monotonicMs: () => time.ms, isSet: () => true }, log: (level: string, line: string) => void log.push(`${level} ${line}`) };
  const silences = { count: 0 };
  const box = new Outbox(unit as unknown as ManagementUnit, { service: "sensor", stakeholder: "customer" }, ports, policy && policyFromText(policy, unit.names), { reconnect: () => void silences.count++ });
  const last = () => sent[sent.length - 1]!;
  const answer = (result: ResultCode, retryAfterMs = 0) => {
    const request = last();
    if (request.answered) throw new Error("answered twice");
    request.answered = true;
    const instances = result === Result.done ? request.items.map((item) => ({ ...item, policy: hash })) : [];
    request.notify({ result, instances, retryAfterMs });
  };
  const values = () => last().items.map((item) => item.value);
  const add = (...list: number[]) => list.forEach((value) => box.add(activePower, value, 1000 + value));
  /** Lets the pause end that was begun last. */
  const wait = () => pauses[pauses.length - 1]!.callback();
  /** Answers `done` until nothing is under way; gives all values in the order in which they were taken. */
  const drain = () => {
    const taken: unknown[] = [];
    while (!last().answered) {
      taken.push(...values());
      answer(Result.done);
    }
    return taken;
  };
  return { box, time, sent, log, pauses, silences, answer, values, add, wait, drain };
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("DI-9 the outbox of a device", () => {
  test("sends nothing before the session is open, then in order, 8 at a time, one message at a time", () => {
    const { box, sent, add, values, answer } = outbox();
    add(...range(0, 12));
    expect(sent.length).toBe(0);
    box.linkChanged(true);
    expect([sent.length, values()]).toEqual([1, range(0, 8)]);
    add(12);
    expect(sent.length).toBe(1);
    answer(Result.done);
    expect(values()).toEqual([8, 9, 10, 11, 12]);
    answer(Result.done);
    expect(sent.length).toBe(2);
  });

  test("keeps the time at which each reading was measured", () => {
    const { box, sent, add } = outbox();
    add(5, 6);
    box.linkChanged(true);
    expect(sent[0]!.items.map((item) => item.timeMs)).toEqual([1005, 1006]);
  });

  test("keeps the newest 64 readings, counts what it gave up, and never gives up what is under way", () => {
    const { box, log, add, drain } = outbox();
    box.linkChanged(true);
    add(0);
    add(...range(1, 70));
    expect(log).toEqual(["warning outbox is full: 1 readings given up"]);
    expect(drain()).toEqual([0, ...range(7, 70)]);
  });

  test.each([
    ["the link was lost", Result.linkLost, 0],
    ["nobody answered", Result.timeout, 1],
    ["the parent is busy", Result.busy, 0],
  ])("sends again in the same order after a second when %s", (_what, result, silences) => {
    const { box, sent, pauses, silences: told, answer, add, values, wait } = outbox();
    box.linkChanged(true);
    add(1, 2, 3);
    answer(Result.done);
    expect(values()).toEqual([2, 3]);
    answer(result);
    add(4);
    expect([sent.length, pauses.map((p) => p.ms), told.count]).toEqual([2, [1000], silences]);
    wait();
    // Nobody answered a batch: perhaps for its size, so it goes on one by one.
    expect(values()).toEqual(result === Result.timeout ? [2] : [2, 3, 4]);
  });

  test("a pause that the parent asked for ends when the session is opened again", () => {
    const { box, sent, answer, add } = outbox();
    box.linkChanged(true);
    add(1);
    answer(Result.tooEarly, 2 ** 40);
    box.linkChanged(false);
    expect(sent.length).toBe(1);
    box.linkChanged(true);
    expect(sent.length).toBe(2);
  });

  test("a reading whose time the parent does not accept yet is tried again, and given up after 30 times", () => {
    const { box, sent, answer, add, wait, log } = outbox();
    box.linkChanged(true);
    add(1);
    for (let i = 0; i < 30; i++) {
      answer(Result.badTime);
      wait();
    }
    expect([sent.length, log]).toEqual([31, []]);
    answer(Result.badTime);
    expect(log).toEqual(["error activePower was refused for good: badTime"]);
  });

  test("readings of a clock that was a day ahead do not hold back those that are right, once it is right again", () => {
    const { box, time, sent, answer, add, pauses, log } = outbox();
    box.linkChanged(true);
    for (let i = 0; i < 10; i++) box.add(activePower, i, time.ms + 86_400_000 + 1000 * i);
    answer(Result.badTime);
    add(...range(10, 30));
    const taken: unknown[] = [];
    for (let i = 0; i < 60 && !sent[sent.length - 1]!.answered; i++) {
      const { items } = sent[sent.length - 1]!;
      const isRight = items.every((item) => item.timeMs <= time.ms + 2000);
      if (isRight) taken.push(...items.map(({ value }) => value));
      answer(isRight ? Result.done : Result.badTime);
    }
    expect([taken, pauses.length]).toEqual([range(10, 30), 0]);
    expect(log).toEqual(Array(10).fill("error activePower was refused for good: badTime"));
  });

  test("a reading whose time comes within half a minute is waited for", () => {
    const { box, time, answer, wait, values, log } = outbox();
    box.linkChanged(true);
    box.add(activePower, 7, time.ms + 29_000);
    for (let i = 0; i < 27; i++) {
      time.ms += 1000;
      answer(Result.badTime);
      wait();
    }
    answer(Result.done);
    expect([values(), log]).toEqual([[7], []]);
  });

  test("waits as long as the parent says, and never longer than a minute", () => {
    const { box, pauses, answer, add, wait } = outbox();
    box.linkChanged(true);
    add(1);
    answer(Result.tooEarly, 30_000);
    wait();
    answer(Result.tooEarly, 2 ** 40);
    expect(pauses[0]!.ms).toBe(30_000);
    expect(pauses[1]!.ms).toBe(60_000);
  });

  test("waits for the session when it is lost during a pause", () => {
    const { box, sent, answer, add, values, wait } = outbox();
    box.linkChanged(true);
    add(1);
    answer(Result.linkLost);
    box.linkChanged(false);
    wait();
    expect(sent.length).toBe(1);
    box.linkChanged(true);
    expect(values()).toEqual([1]);
  });

  test("a reading that is refused for good is dropped alone, and named in the log", () => {
    const { box, sent, log, answer, add, values } = outbox();
    add(...range(0, 20));
    box.linkChanged(true);
    const taken: unknown[] = [];
    for (let i = 0; i < 40 && !sent[sent.length - 1]!.answered; i++) {
      const poisoned = values().includes(5);
      if (!poisoned) taken.push(...values());
      answer(poisoned ? Result.outOfRange : Result.done);
    }
    expect(taken).toEqual(range(0, 20).filter((value) => value !== 5));
    expect(log).toEqual(["error activePower was refused for good: outOfRange"]);
    add(21, 22, 23);
    expect(values()).toEqual([21]);
    answer(Result.done);
    expect(values()).toEqual([22, 23]);
  });
});

describe("SP-2 DI-3 the policy of a device's readings", () => {
  const formOf = (item: Item) => (item.policy === undefined ? "none" : item.policy instanceof Uint8Array ? "hash" : "inline");
  const forms = (items: readonly Item[]) => items.map(formOf);

  test("goes inline until the parent has told its hash, then by hash with every reading", () => {
    const { box, sent, answer, add } = outbox(owned);
    box.linkChanged(true);
    add(1);
    expect(forms(sent[0]!.items)).toEqual(["inline"]);
    add(2, 3);
    answer(Result.done);
    expect(forms(sent[1]!.items)).toEqual(["hash", "hash"]);
    expect(sent[1]!.items[0]!.policy).toEqual(hash);
  });

  test("goes inline again when the parent does not know the hash any more, and no reading is lost", () => {
    const { box, sent, log, answer, add, values } = outbox(owned);
    box.linkChanged(true);
    add(1, 2);
    answer(Result.done);
    answer(Result.unknownPolicy);
    expect([values(), forms(sent[sent.length - 1]!.items)[0], log]).toEqual([[2], "inline", []]);
    answer(Result.done);
    add(3);
    expect(forms(sent[sent.length - 1]!.items)).toEqual(["hash"]);
  });

  test("goes inline again after the session was opened anew", () => {
    const { box, sent, answer, add } = outbox(owned);
    box.linkChanged(true);
    add(1);
    answer(Result.done);
    box.linkChanged(false);
    box.linkChanged(true);
    add(2);
    expect(forms(sent[sent.length - 1]!.items)).toEqual(["inline"]);
  });

  test("holds for the first reading of every variable, not only for the first of a message", () => {
    const { box, sent, answer } = outbox(owned);
    box.add(activePower, 1, 1);
    box.add(standardRegistry.named("temperature"), 20, 2);
    box.add(standardRegistry.named("humidity"), 50, 3);
    box.linkChanged(true);
    const first = new Map<number, string>();
    for (let i = 0; i < 10 && !sent[sent.length - 1]!.answered; i++) {
      for (const item of sent[sent.length - 1]!.items) if (!first.has(item.variable)) first.set(item.variable, formOf(item));
      answer(Result.done);
    }
    expect([first.size, [...first.values()]]).toEqual([3, expect.not.arrayContaining(["none"])]);
  });

  test("gives way to a later one at the parent, for the variable that has it and until the next session: no reading is lost", () => {
    const { box, sent, log, answer, add, values } = outbox(owned);
    const temperature = standardRegistry.named("temperature");
    const now = () => [values(), forms(sent[sent.length - 1]!.items)];
    box.linkChanged(true);
    add(1);
    answer(Result.done);
    add(2, 3);
    box.add(temperature, 20, 4);
    answer(Result.done);
    expect(now()).toEqual([[3, 20], ["hash", "hash"]]);
    answer(Result.stalePolicy);
    expect(now()).toEqual([[3], ["hash"]]);
    answer(Result.stalePolicy);
    expect(now()).toEqual([[3], ["none"]]);
    answer(Result.done);
    expect(now()).toEqual([[20], ["hash"]]);
    answer(Result.done);
    add(5);
    expect([now(), log]).toEqual([[[5], ["none"]], []]);
    answer(Result.done);
    box.linkChanged(false);
    box.linkChanged(true);
    add(6);
    expect(now()).toEqual([[6], ["inline"]]);
  });

  test("that is older than the parent's at the first reading: that one's hash is not taken for the device's", () => {
    const { box, sent, log, answer, add, values } = outbox(owned);
    box.linkChanged(true);
    add(1);
    answer(Result.stalePolicy);
    answer(Result.done);
    add(2);
    box.add(standardRegistry.named("temperature"), 20, 4);
    answer(Result.done);
    expect([values(), forms(sent[sent.length - 1]!.items), log]).toEqual([[20], ["inline"], []]);
  });

  test("is left to the parent where the device has none", () => {
    const { box, sent, answer, add } = outbox();
    box.linkChanged(true);
    add(1, 2);
    answer(Result.done);
    expect(sent.flatMap((s) => forms(s.items))).toEqual(["none", "none"]);
  });
});
