/** What a relay keeps of requests that it has passed on, and when it lets go of it. */
import { expect, test } from "vitest";
import { Result, type ResultCode } from "../model/result";
import type { Neighbour } from "../neighbour";
import { maxHops, Operation, type Request, type Source, type UnsubscribeRequest } from "../wire/session-body";
import { Relay } from "./relay";
import { outcome } from "./request-processor";
import type { Notify } from "./subscriptions";

/** Stands for a unit one session away: the test sees what was asked of it, and answers. */
class Asked {
  readonly requests: { readonly request: Request; readonly id: number; readonly notify: Notify }[] = [];
  readonly neighbour = {
    request: (request: Request, id: number, notify: Notify) => {
      this.requests.push({ request, id, notify });
      return Result.done;
    },
  } as unknown as Neighbour;

  /** Answers the request that came last. */
  answer(result: ResultCode = Result.done): void {
    this.requests.at(-1)!.notify(outcome(result));
  }
}

const asker = () => ({}) as Neighbour;
const source: Source = { device: 1, service: 2, stakeholder: 3 };
const selector = { variable: 3, device: 4, owner: 5 };
const query: Request = { op: Operation.query, source, selector, condition: [], function: 1 };
const event: Request = { op: Operation.event, source, selector, condition: [] };
const unsubscribe = (id: number, stakeholder = source.stakeholder): UnsubscribeRequest => ({ op: Operation.unsubscribe, source: { ...source, stakeholder }, id });

function relayTo(asked: Asked, maxPending = 16) {
  let lastId = 100;
  const relay = new Relay(() => ++lastId, maxPending);
  const told: ResultCode[] = [];
  const reply: Notify = ({ result }) => told.push(result);
  const forward = (request: Request, sequence: number, from: Neighbour) => relay.forward(request, sequence, from, asked.neighbour, reply);
  return { relay, told, reply, forward };
}

test("DI-10 a subscription that was ended leaves nothing over: after 200 there is room as at first", () => {
  const asked = new Asked();
  const from = asker();
  const { relay, told, reply, forward } = relayTo(asked);
  for (let i = 0; i < 200; i++) {
    forward(event, 2 * i, from);
    const { id } = asked.requests.at(-1)!;
    asked.answer();
    expect(relay.unsubscribe(unsubscribe(2 * i), 2 * i + 1, from, reply)).toBe(true);
    expect(asked.requests.at(-1)!.request).toMatchObject({ op: Operation.unsubscribe, id });
    asked.answer();
    expect(relay.unsubscribe(unsubscribe(2 * i), 2 * i + 1, from, reply)).toBe(false);
  }
  expect([asked.requests.length, new Set(told)]).toEqual([400, new Set([Result.done])]);
  relay.lost(from);
  expect(asked.requests.length).toBe(400);
});

test("DI-10 a subscription whose end was not taken stays, and can be ended again", () => {
  const asked = new Asked();
  const from = asker();
  const { relay, told, reply, forward } = relayTo(asked);
  forward(event, 1, from);
  asked.answer();
  for (const result of [Result.busy, Result.done]) {
    expect(relay.unsubscribe(unsubscribe(1), 2, from, reply)).toBe(true);
    asked.answer(result);
  }
  expect(told).toEqual([Result.done, Result.busy, Result.done]);
});

test.each([
  [16, 8],
  [2, 4],
])("DI-10 where %i may wait, who asks takes no more than %i, and another still gets through", (maxPending, most) => {
  const asked = new Asked();
  const from = asker();
  const { told, forward } = relayTo(asked, maxPending);
  for (let i = 0; i < most; i++) forward(query, i, from);
  expect(told).toEqual([]);
  forward(query, most, from);
  expect([told, asked.requests.length]).toEqual([[Result.busy], most]);
  forward(query, 0, asker());
  expect(asked.requests.length).toBe(most + 1);
  asked.requests[0]!.notify(outcome(Result.noData));
  forward(query, most + 1, from);
  expect([told, asked.requests.length]).toEqual([[Result.busy, Result.noData], most + 2]);
});

test("DI-9 an answer from before the asker opened its session anew is for nobody, also where its id is used again", () => {
  const asked = new Asked();
  const from = asker();
  const { relay, told, forward } = relayTo(asked);
  forward(query, 1, from);
  relay.lost(from);
  asked.answer(Result.denied);
  expect(told).toEqual([]);
  forward(query, 1, from);
  asked.requests[0]!.notify(outcome(Result.denied));
  expect(told).toEqual([]);
  asked.answer(Result.noData);
  expect(told).toEqual([Result.noData]);
});

test("DI-10 subscriptions of an asker that is gone are ended, and nothing else", () => {
  const asked = new Asked();
  const from = asker();
  const { relay, forward } = relayTo(asked);
  forward(event, 1, from);
  forward(query, 2, from);
  forward(event, 3, asker());
  relay.lost(from);
  relay.lost(from);
  expect(asked.requests.slice(3).map(({ request }) => request)).toEqual([unsubscribe(asked.requests[0]!.id)]);
});

test("DI-10 seven units pass a request on; for the next it leads nowhere", () => {
  const asked = new Asked();
  const { told, forward } = relayTo(asked);
  expect(maxHops).toBe(7);
  forward(query, 1, asker());
  forward({ ...query, hops: 6 }, 2, asker());
  expect([asked.requests.map(({ request }) => request.hops), told]).toEqual([[1, 7], []]);
  forward({ ...query, hops: 7 }, 3, asker());
  expect([asked.requests.length, told]).toEqual([2, [Result.unknownLocation]]);
});

test("SP-2 nobody ends another stakeholder's subscription: nothing is passed on, and it goes on", () => {
  const asked = new Asked();
  const from = asker();
  const { relay, told, reply, forward } = relayTo(asked);
  forward(event, 1, from);
  asked.answer();
  expect(relay.unsubscribe(unsubscribe(1, 9), 2, from, reply)).toBe(true);
  expect([asked.requests.length, told]).toEqual([1, [Result.done, Result.unknownSubscription]]);
  asked.answer();
  expect(told.at(-1)).toBe(Result.done);
});

test("DI-7 who has taken all of its places can still end what it has, and not without bound", () => {
  const asked = new Asked();
  const from = asker();
  const { relay, told, reply, forward } = relayTo(asked);
  for (let i = 0; i < 8; i++) {
    forward(event, i, from);
    asked.answer();
  }
  forward(query, 8, from);
  expect(told.at(-1)).toBe(Result.busy);
  relay.unsubscribe(unsubscribe(0), 9, from, reply);
  asked.answer();
  expect(told.at(-1)).toBe(Result.done);
  forward(query, 10, from);
  expect(asked.requests.at(-1)!.request.op).toBe(Operation.query);
  // Ends that nobody answers take places too, sixteen at the most.
  const before = asked.requests.length;
  for (let i = 0; i < 20; i++) relay.unsubscribe(unsubscribe(1), 20 + i, from, reply);
  expect(asked.requests.length - before).toBe(8);
  expect(told.at(-1)).toBe(Result.busy);
});
