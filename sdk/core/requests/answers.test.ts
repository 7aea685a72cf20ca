/** Lies that a unit in the middle might tell. */
import { describe, expect, test } from "vitest";
import { QueryFunction } from "../model/instance";
import { Registry } from "../model/registry";
import { Result } from "../model/result";
import { standardVariables } from "../model/standard-variables";
import { Operation, type Item, type Request } from "../wire/session-body";
import { fits } from "./answers";

const registry = new Registry(standardVariables);
const source = { device: 1, service: 2, stakeholder: 3 };
const selector = { variable: registry.named("activePower").id, device: 7, owner: 8 };
const item = (change: Partial<Item> = {}): Item => ({ ...selector, value: 50, timeMs: 0, policy: undefined, ...change });
const query = (code: number): Request => ({ op: Operation.query, source, selector, condition: [], function: code as 1 });
const event: Request = { op: Operation.event, source, selector, condition: [] };
const periodic: Request = { op: Operation.periodic, source, selector, periodMs: 1000 };
const write: Request = { op: Operation.write, source, items: [item(), item({ variable: 5 })] };
const unsubscribe: Request = { op: Operation.unsubscribe, source, id: 4 };
const { last, average, count } = QueryFunction;

describe("DI-8 an answer fits what was asked", () => {
  test.each<[string, Request, Item[]]>([
    ["the value of a query", query(last), [item()]],
    ["an average between two steps", query(average), [item({ value: 0.5 })]],
    ["a count that no value of the variable could be", query(count), [item({ value: 1e15 })]],
    ["the acceptance of a subscription", event, []],
    ["an occurrence", event, [item()]],
    ["a period", periodic, [item()]],
    ["what was written", write, [item(), item({ variable: 5 })]],
    ["what was written, where it was too much for one message", write, []],
    ["an end", unsubscribe, []],
  ])("%s", (_what, request, items) => expect(fits(request, { result: Result.done, items }, registry)).toBe(true));

  test.each<[string, Request, Item[]]>([
    ["another variable", query(last), [item({ variable: 5 })]],
    ["another device", event, [item({ device: 9 })]],
    ["another owner", periodic, [item({ owner: 9 })]],
    ["text for a number", query(last), [item({ value: "50" })]],
    ["a value that the variable cannot have", event, [item({ value: 1e12 })]],
    ["text for an average", query(average), [item({ value: "50" })]],
    ["no number for a count", query(count), [item({ value: NaN })]],
    ["nothing for a query", query(last), []],
    ["two for one", query(last), [item(), item()]],
    ["two occurrences at once", event, [item(), item()]],
    ["more than was written", write, [item(), item({ variable: 5 }), item()]],
    ["what was written in another order", write, [item({ variable: 5 }), item()]],
    ["an instance for an end", unsubscribe, [item()]],
  ])("and %s does not", (_what, request, items) => expect(fits(request, { result: Result.done, items }, registry)).toBe(false));

  test("a refusal brings nothing", () => {
    expect(fits(query(last), { result: Result.denied, items: [] }, registry)).toBe(true);
    expect(fits(query(last), { result: Result.denied, items: [item()] }, registry)).toBe(false);
  });
});
