import { describe, expect, test } from "vitest";
import type { Outcome, Reading, Requested } from "./data-interface";
import { EventStream } from "./event-stream";

const reading = (value: number): Reading => ({ variable: "activePower", value, unit: "W", timeMs: 0, device: "meter", owner: "customer" });
const done = (...values: number[]): Outcome => ({ result: "done", readings: values.map(reading), retryAfterMs: 0 });
const outcome = (result: Outcome["result"]): Outcome => ({ result, readings: [], retryAfterMs: 0 });

function stream() {
  const unsubscribed: number[] = [];
  let notify: (outcome: Outcome) => void = () => {};
  const made = new EventStream(
    (to) => {
      notify = to;
      return 7;
    },
    (id) => {
      unsubscribed.push(id);
      return Object.assign(Promise.resolve(outcome("done")), { id: 8 }) as Requested<Outcome>;
    },
  );
  return { stream: made, notify: (o: Outcome) => notify(o), unsubscribed };
}
const valueOf = (result: IteratorResult<Reading>) => (result.done ? "end" : result.value.value);

describe("DI-5 an event stream", () => {
  test("says how the subscription was taken, under its id", async () => {
    const { stream: events, notify } = stream();
    expect(events.id).toBe(7);
    notify(done());
    expect((await events.accepted).result).toBe("done");
    expect(events.endedWith).toBeUndefined();
  });

  test("ends at once where the subscription is refused, and says why", async () => {
    const { stream: events, notify, unsubscribed } = stream();
    const next = events.next();
    notify(outcome("denied"));
    expect(valueOf(await next)).toBe("end");
    expect([(await events.accepted).result, events.endedWith?.result, unsubscribed]).toEqual(["denied", "denied", []]);
  });

  test("gives occurrences in order, to a reader that waits and to one that comes later", async () => {
    const { stream: events, notify } = stream();
    notify(done());
    const waiting = events.next();
    notify(done(1));
    notify(done(2, 3));
    expect([await waiting, await events.next(), await events.next()].map(valueOf)).toEqual([1, 2, 3]);
  });

  test("gives what came before its end, then ends, and stays ended", async () => {
    const { stream: events, notify } = stream();
    notify(done());
    notify(done(1));
    notify(outcome("linkLost"));
    notify(done(2));
    expect([await events.next(), await events.next(), await events.next()].map(valueOf)).toEqual([1, "end", "end"]);
    expect([(await events.accepted).result, events.endedWith?.result]).toEqual(["done", "linkLost"]);
  });

  test("keeps 256 occurrences for a slow reader; older ones give way and are counted", async () => {
    const { stream: events, notify } = stream();
    notify(done());
    for (let i = 0; i < 256; i++) notify(done(i));
    expect(events.missed).toBe(0);
    for (let i = 256; i < 300; i++) notify(done(i));
    expect(events.missed).toBe(44);
    const got: unknown[] = [];
    for (let i = 0; i < 256; i++) got.push(valueOf(await events.next()));
    expect([got[0], got[255]]).toEqual([44, 299]);
  });

  test("leaving the loop unsubscribes once, and nothing is given afterwards", async () => {
    const { stream: events, notify, unsubscribed } = stream();
    notify(done());
    notify(done(1));
    notify(done(2));
    const got: unknown[] = [];
    for await (const one of events) {
      got.push(one.value);
      break;
    }
    await events.return();
    notify(done(3));
    expect([got, unsubscribed, valueOf(await events.next())]).toEqual([[1], [7], "end"]);
  });

  test("returning while a reader waits ends that reader's wait", async () => {
    const { stream: events } = stream();
    const waiting = events.next();
    await events.return();
    expect(valueOf(await waiting)).toBe("end");
  });

  test("several readers at once each get an occurrence of their own, in the order in which they asked", async () => {
    const { stream: events, notify } = stream();
    notify(done());
    const [first, second] = [events.next(), events.next()];
    notify(done(1));
    notify(done(2));
    expect([await first, await second].map(valueOf)).toEqual([1, 2]);
  });
});
