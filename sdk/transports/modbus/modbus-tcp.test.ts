import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TimerPort } from "../../client/driver";
import type { StreamConnector } from "../stream-link";
import { ModbusTcp } from "./modbus-tcp";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timers: TimerPort = { after: (ms, callback) => setTimeout(callback, ms), cancel: (timer) => clearTimeout(timer as NodeJS.Timeout) };

/** What was sent, and the ends of the streams that the client made. */
function network(options: { readonly opens?: boolean; readonly takes?: () => boolean; readonly answer?: (request: number[]) => number[] } = {}) {
  const sent: number[][] = [];
  const streams: { open: () => void; data: (bytes: Uint8Array | null, reason?: string) => void; closed: boolean }[] = [];
  const connect: StreamConnector = (onOpen, onData) => {
    const stream = { open: onOpen, data: onData, closed: false };
    streams.push(stream);
    if (options.opens ?? true) setTimeout(onOpen, 0);
    return {
      name: "tcp test:502",
      write(bytes) {
        if (options.takes && !options.takes()) return false;
        sent.push(Array.from(bytes));
        const answer = options.answer?.(Array.from(bytes));
        if (answer) setTimeout(() => onData(Uint8Array.from(answer)), 1);
        return true;
      },
      close: () => void (stream.closed = true),
    };
  };
  return { connect, sent, streams, last: () => streams.at(-1)! };
}

/** What a unit with registers 0, 1, 2 … would answer. */
function answerTo(request: number[]): number[] {
  const [t0, t1, , , , , unit, functionCode, a0, a1, , count] = request as [number, number, number, number, number, number, number, number, number, number, number, number];
  const registers = Array.from({ length: count }, (_, i) => [a0, a1 + i]).flat();
  const pdu = functionCode === 3 ? [3, 2 * count, ...registers] : request.slice(7, 12);
  return [t0, t1, 0, 0, 0, pdu.length + 1, unit, ...pdu];
}

function changed(bytes: readonly number[], at: number, value: number): number[] {
  return bytes.map((byte, i) => (i === at ? value : byte));
}

/** A read whose outcome is recorded: how often it called back, and with what. */
function reading(client: ModbusTcp, address = 5, count = 2) {
  const told: unknown[] = [];
  client.read(address, count, (result) => told.push("values" in result ? Array.from(result.values) : result.problem));
  return told;
}

describe("a Modbus TCP client", () => {
  test("asks for registers as the specification says, and gives what was answered", () => {
    const { connect, sent } = network({ answer: answerTo });
    const client = new ModbusTcp(connect, timers, 17);
    const told = reading(client, 0x1234, 3);
    expect(told).toEqual([]);
    vi.runAllTimers();
    expect(sent).toEqual([[0, 1, 0, 0, 0, 6, 17, 3, 0x12, 0x34, 0, 3]]);
    expect(told).toEqual([[0x1234, 0x1235, 0x1236]]);
    expect(client.name).toBe("modbus tcp test:502 unit 17");
  });

  test("writes registers, and takes nothing but their echo for success", () => {
    const { connect, sent, last } = network();
    const client = new ModbusTcp(connect, timers);
    const told: unknown[] = [];
    client.write(40_155, [10_000, 1], (problem) => told.push(problem));
    vi.advanceTimersByTime(1);
    expect(sent).toEqual([[0, 1, 0, 0, 0, 11, 1, 16, 156, 219, 0, 2, 4, 39, 16, 0, 1]]);
    last().data(Uint8Array.of(0, 1, 0, 0, 0, 6, 1, 16, 156, 219, 0, 1));
    vi.advanceTimersByTime(0);
    expect(told).toEqual(["nonsense: 1 registers written at 40155, not 2 at 40155"]);
    vi.advanceTimersByTime(500);
    client.write(40_155, [10_000, 1], (problem) => told.push(problem));
    vi.advanceTimersByTime(1);
    last().data(Uint8Array.of(0, 2, 0, 0, 0, 6, 1, 16, 156, 219, 0, 2));
    expect(told[1]).toBeUndefined();
  });

  test("an answer may come byte by byte", () => {
    const { connect, sent, last } = network();
    const told = reading(new ModbusTcp(connect, timers));
    vi.advanceTimersByTime(1);
    for (const byte of answerTo(sent[0]!)) last().data(Uint8Array.of(byte));
    expect(told).toEqual([[5, 6]]);
  });

  test("one request is under way at a time, the others follow in order, each with a transaction of its own", () => {
    const { connect, sent, last } = network();
    const client = new ModbusTcp(connect, timers);
    const outcomes = [1, 2, 3].map((address) => reading(client, address, 1));
    vi.advanceTimersByTime(1);
    for (let i = 0; i < 3; i++) {
      expect(sent.length).toBe(i + 1);
      last().data(Uint8Array.from(answerTo(sent[i]!)));
    }
    expect(outcomes).toEqual([[[1]], [[2]], [[3]]]);
    expect(sent.map((frame) => frame[1])).toEqual([1, 2, 3]);
  });

  test("the ninth that waits is told that it is busy, after the call has returned", () => {
    const { connect } = network({ answer: answerTo });
    const client = new ModbusTcp(connect, timers);
    const outcomes = Array.from({ length: 9 }, () => reading(client));
    expect(outcomes.flat()).toEqual([]);
    vi.runAllTimers();
    expect(outcomes).toEqual([...Array<unknown>(8).fill([[5, 6]]), ["busy: 8 requests wait"]]);
  });

  test.each([
    [2, "refused: illegal data address (exception 2)"],
    [6, "refused: server device busy (exception 6)"],
    [11, "silent: gateway target device failed to respond (exception 11)"],
    [99, "refused: unknown exception (exception 99)"],
  ])("exception %i is told by its name, and the connection stays", (code, problem) => {
    const { connect, streams } = network({ answer: ([t0, t1, , , , , unit, functionCode]) => [t0!, t1!, 0, 0, 0, 3, unit!, functionCode! | 0x80, code] });
    const told = reading(new ModbusTcp(connect, timers));
    vi.runAllTimers();
    expect([told, streams.length, streams[0]!.closed]).toEqual([[problem], 1, false]);
  });

  test("without an answer within 2 s the connection is given up, all who wait are told, and a late answer is nobody's", () => {
    const { connect, sent, streams } = network();
    const client = new ModbusTcp(connect, timers);
    const outcomes = [reading(client), reading(client)];
    vi.advanceTimersByTime(1999);
    expect(outcomes).toEqual([[], []]);
    vi.advanceTimersByTime(2);
    expect(outcomes).toEqual([["silent: no answer within 2000 ms"], ["silent: no answer within 2000 ms"]]);
    expect(streams[0]!.closed).toBe(true);
    vi.advanceTimersByTime(500);
    const third = reading(client, 7, 1);
    vi.advanceTimersByTime(1);
    streams[0]!.data(Uint8Array.from(answerTo(sent[0]!)));
    expect(third).toEqual([]);
    streams[1]!.data(Uint8Array.from(answerTo(sent.at(-1)!)));
    expect(third).toEqual([[7]]);
  });

  test("a connection that cannot be made is tried again when asked, after a pause that doubles up to 10 s, and anew after success", () => {
    const { connect, streams, last, sent } = network({ opens: false });
    const client = new ModbusTcp(connect, timers);
    for (const pauseMs of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      const made = streams.length;
      const told = reading(client);
      expect(streams.length).toBe(made + 1);
      last().data(null, "ECONNREFUSED");
      vi.advanceTimersByTime(0);
      expect(told).toEqual(["silent: connection not made: ECONNREFUSED"]);
      vi.advanceTimersByTime(pauseMs - 1);
      const during = reading(client);
      vi.advanceTimersByTime(0);
      expect([during.length, streams.length]).toEqual([1, made + 1]);
      vi.advanceTimersByTime(1);
    }
    const told = reading(client);
    last().open();
    last().data(Uint8Array.from(answerTo(sent[0]!)));
    expect(told).toEqual([[5, 6]]);
    reading(client);
    last().data(null, "ended");
    vi.advanceTimersByTime(500);
    const made = streams.length;
    reading(client);
    expect(streams.length).toBe(made + 1);
  });

  test("a connection that the peer closes while nobody waits is made again at once", () => {
    const { connect, streams } = network({ answer: answerTo });
    const client = new ModbusTcp(connect, timers);
    reading(client);
    vi.runAllTimers();
    streams[0]!.data(null, "ended by the peer");
    const told = reading(client);
    vi.runAllTimers();
    expect([told, streams.length]).toEqual([[[5, 6]], 2]);
  });

  test("a connector that throws, and a stream that takes nothing, are told like any other loss", () => {
    const throwing = reading(new ModbusTcp(() => { throw new RangeError("4 connections are open"); }, timers));
    const { connect } = network({ takes: () => false });
    const full = reading(new ModbusTcp(connect, timers));
    expect(throwing).toEqual([]);
    vi.advanceTimersByTime(1);
    expect([throwing, full]).toEqual([["silent: 4 connections are open"], ["silent: the connection takes nothing"]]);
  });

  test.each<[string, (good: number[]) => number[]]>([
    ["another transaction", (good) => changed(good, 1, 9)],
    ["another protocol", (good) => changed(good, 3, 1)],
    ["another unit", (good) => changed(good, 6, 2)],
    ["another function", (good) => changed(good, 7, 4)],
    ["a length that does not fit", (good) => changed(good, 5, 9)],
    ["another count of bytes", (good) => changed(good, 8, 2)],
    ["a byte too many", (good) => [...good, 0]],
    ["an exception of another function", (good) => [...good.slice(0, 5), 3, 1, 0x90, 2]],
    ["no Modbus at all", () => Array.from("HTTP/1.1 400 Bad Request\r\n", (c) => c.charCodeAt(0))],
    ["more than any answer has", () => Array<number>(300).fill(0)],
  ])("%s is nonsense, and ends the connection", (_what, spoil) => {
    const { connect, streams } = network({ answer: (request) => spoil(answerTo(request)) });
    const told = reading(new ModbusTcp(connect, timers));
    vi.advanceTimersByTime(2);
    expect(told).toEqual([expect.stringMatching(/^nonsense: /)]);
    expect(streams[0]!.closed).toBe(true);
  });

  test("bytes that nobody asked for end the connection", () => {
    const { connect, streams } = network({ answer: answerTo });
    reading(new ModbusTcp(connect, timers));
    vi.runAllTimers();
    streams[0]!.data(Uint8Array.of(0, 1));
    expect(streams[0]!.closed).toBe(true);
  });

  test("closing tells whoever waits, once, leaves no timer, may be done twice, and nothing is sent afterwards", () => {
    const { connect, sent } = network();
    const client = new ModbusTcp(connect, timers);
    const told = reading(client);
    vi.advanceTimersByTime(1);
    client.close();
    client.close();
    const late = reading(client);
    expect([told, late]).toEqual([[], []]);
    vi.runAllTimers();
    expect([told, late]).toEqual([["closed: modbus tcp test:502 unit 1"], ["closed: modbus tcp test:502 unit 1"]]);
    expect([vi.getTimerCount(), sent.length]).toEqual([0, 1]);
  });

  test("a callback may ask again, and is answered in its turn", () => {
    const { connect } = network({ answer: answerTo });
    const client = new ModbusTcp(connect, timers);
    const told: number[] = [];
    const next = (address: number) =>
      client.read(address, 1, (result) => {
        if ("values" in result) told.push(result.values[0]!);
        if (address < 5) next(address + 1);
      });
    next(1);
    vi.runAllTimers();
    expect(told).toEqual([1, 2, 3, 4, 5]);
  });

  test.each<[string, (client: ModbusTcp) => void]>([
    ["126 registers", (client) => client.read(0, 126, () => {})],
    ["no register", (client) => client.read(0, 0, () => {})],
    ["registers beyond the last", (client) => client.read(65_535, 2, () => {})],
    ["a negative address", (client) => client.read(-1, 1, () => {})],
    ["124 values", (client) => client.write(0, Array<number>(124).fill(0), () => {})],
    ["a value that no register holds", (client) => client.write(0, [65_536], () => {})],
  ])("%s is the caller's mistake", (_what, call) => {
    const { connect, streams } = network();
    expect(() => call(new ModbusTcp(connect, timers))).toThrow(expect.objectContaining({ code: "bad-argument" }));
    expect(streams.length).toBe(0);
  });

  test("whatever bytes come and however a stream behaves, nothing is thrown and every call calls back exactly once", () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom<"good" | "half" | "end">("good", "half", "end"), fc.nat(3000));
    fc.assert(
      fc.property(fc.array(fc.oneof(bytes, fc.constant("ask" as const)), { maxLength: 40 }), fc.boolean(), (script, opens) => {
        const { connect, sent, streams } = network({ opens });
        const client = new ModbusTcp(connect, timers);
        const outcomes: unknown[][] = [];
        for (const step of ["ask" as const, ...script]) {
          const good = sent.length ? answerTo(sent.at(-1)!) : [];
          const stream = streams.at(-1);
          if (step === "ask") outcomes.push(reading(client));
          else if (step === "end") stream?.data(null, "ended");
          else if (typeof step === "number") vi.advanceTimersByTime(step);
          else if (stream && !stream.closed) stream.data(step === "good" ? Uint8Array.from(good) : step === "half" ? Uint8Array.from(good.slice(0, 6)) : step);
        }
        client.close();
        vi.runAllTimers();
        expect(outcomes.map((told) => told.length)).toEqual(outcomes.map(() => 1));
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
