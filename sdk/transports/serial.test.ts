import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc16 } from "../core/wire/crc-16";
import { maxMessageBytes, wireVersion } from "../core/wire/session-message";
import { serialFrame, SerialFrameReader } from "./serial-framing";
import { framed, overSerial, type SerialConnector } from "./serial-link";

const anyByte = fc.oneof(fc.constantFrom(0, 1, 255), fc.nat(255));
const bytes = (constraints: { minLength?: number; maxLength: number }) => fc.array(anyByte, { size: "max", ...constraints }).map((list) => Uint8Array.from(list));
const anyMessage = fc.oneof(bytes({ maxLength: 40 }), bytes({ maxLength: maxMessageBytes }), fc.uint8Array({ minLength: 250, maxLength: 260, min: 1 }));
const joined = (chunks: readonly Uint8Array[]) => Uint8Array.from(chunks.flatMap((chunk) => Array.from(chunk)));
/** Damage is found by a CRC, so with other damage in each run one in 65,536 would be missed. */
const sameEachTime = { seed: 4, numRuns: 2000 };

function read(chunks: Iterable<Uint8Array>): { messages: Uint8Array[]; dropped: number } {
  const messages: Uint8Array[] = [];
  const reader = new SerialFrameReader((message) => messages.push(message));
  for (const chunk of chunks) reader.push(chunk);
  return { messages, dropped: reader.dropped };
}

describe("CP-8 frames on a serial line", () => {
  test("have the CRC that others compute too", () => expect(crc16(new TextEncoder().encode("123456789"), 0, 9)).toBe(0x29b1));

  test("are as they are written down", () => {
    expect([...serialFrame(new Uint8Array(0))]).toEqual([0, 4, 1, 0xf1, 0xd1, 0]);
    expect([...serialFrame(Uint8Array.of(7, 0, 9))].slice(0, 6)).toEqual([0, 3, wireVersion, 7, 4, 9]);
  });

  test("however a line is cut into pieces, the same messages come out, each with bytes of its own", () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 6 }), fc.integer({ min: 1, max: 300 }), (messages, size) => {
        const line = joined(messages.map(serialFrame));
        const pieces = Array.from({ length: Math.ceil(line.length / size) }, (_unused, i) => line.slice(i * size, (i + 1) * size));
        expect(read(pieces)).toEqual({ messages, dropped: 0 });
      }),
    );
  });

  test("hold no delimiter inside, and are at most one in 254 longer than what they carry", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const frame = serialFrame(message);
        expect([frame.indexOf(0, 1), frame[0]]).toEqual([frame.length - 1, 0]);
        expect(frame.length - message.length - 3).toBeLessThanOrEqual(Math.floor((message.length + 3) / 254) + 3);
      }),
    );
  });

  test("noise between frames takes none of them", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(bytes({ maxLength: 60 }), anyMessage), { maxLength: 6 }), (parts) => {
        const { messages } = read([joined(parts.flatMap(([noise, message]) => [noise, serialFrame(message)]))]);
        expect(messages).toEqual(parts.map(([, message]) => message));
      }),
      sameEachTime,
    );
  });

  test("of frames that are damaged each is dropped and counted, and those around them arrive", () => {
    const damage = fc.record({ at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }), drop: fc.boolean() });
    fc.assert(
      fc.property(bytes({ minLength: 1, maxLength: 100 }), fc.array(damage, { minLength: 1, maxLength: 4 }), (message, damages) => {
        const frame = [...serialFrame(message)];
        for (const { at, bits, drop } of damages) {
          const place = 1 + (at % (frame.length - 2));
          frame.splice(place, 1, ...(drop ? [] : [frame[place]! ^ bits]));
        }
        const [before, after] = [Uint8Array.of(1, 0, 1), Uint8Array.of(2)];
        const { messages, dropped } = read([serialFrame(before), Uint8Array.from(frame), serialFrame(after)]);
        const isWhole = String(frame) === String([...serialFrame(message)]);
        expect(messages).toEqual(isWhole ? [before, message, after] : [before, after]);
        if (!isWhole) expect(dropped).toBeGreaterThan(0);
      }),
      sameEachTime,
    );
  });

  test("a frame that breaks off costs itself alone", () => {
    const [cut, next] = [serialFrame(Uint8Array.of(1, 2, 3)), Uint8Array.of(4)];
    for (let end = 2; end < cut.length; end++) expect(read([cut.subarray(0, end), serialFrame(next)]).messages.slice(end === cut.length - 1 ? 1 : 0)).toEqual([next]);
  });

  test("what is longer than a frame, without a delimiter or of another wire version is dropped", () => {
    const long = read([new Uint8Array(5000).fill(3), Uint8Array.of(0), serialFrame(Uint8Array.of(5))]);
    expect(long).toEqual({ messages: [Uint8Array.of(5)], dropped: 1 });
    const content = Uint8Array.of(wireVersion + 1, 7, 0, 0);
    const crc = crc16(content, 0, 2);
    expect(read([Uint8Array.of(0, 5, wireVersion + 1, 7, crc >> 8, crc & 255, 0)])).toEqual({ messages: [], dropped: 1 });
    expect(() => serialFrame(new Uint8Array(maxMessageBytes + 1))).toThrow(expect.objectContaining({ code: "too-large", fault: "caller" }));
  });
});

/** Timers that fire when the test says so. */
class Clock {
  readonly #timers = new Map<number, { readonly dueMs: number; readonly callback: () => void }>();
  #nowMs = 0;
  #last = 0;

  readonly timers = {
    after: (ms: number, callback: () => void) => (this.#timers.set(++this.#last, { dueMs: this.#nowMs + ms, callback }), this.#last),
    cancel: (timer: unknown) => void this.#timers.delete(timer as number),
  };

  get waiting(): number {
    return this.#timers.size;
  }

  pass(ms: number): void {
    for (const endMs = (this.#nowMs += ms); ; ) {
      const [next] = [...this.#timers].filter(([, { dueMs }]) => dueMs <= endMs).sort(([, a], [, b]) => a.dueMs - b.dueMs);
      if (!next) return;
      this.#timers.delete(next[0]);
      next[1].callback();
    }
  }
}

/** One end of a line: what it was told, and what it has sent. */
function end(clock: Clock, takes = true) {
  const told: string[] = [];
  const sent: string[] = [];
  const log: string[] = [];
  const line = { name: "serial test", dropped: 0, send: (message: Uint8Array) => takes && sent.push(`${message}`) > 0, close: () => void told.push("line closed") };
  let hear: Parameters<SerialConnector>[0] = () => {};
  const connect: SerialConnector = (onMessage) => ((hear = onMessage), line);
  const events = { up: () => void told.push("up"), down: (reason: string) => void told.push(`down: ${reason}`), message: (message: Uint8Array) => told.push(`message ${message}`) > 0 };
  const link = overSerial(connect, clock.timers, (level, text) => void log.push(`${level} ${text}`))(events);
  return { link, told, sent, log, line, hear: (...data: number[]) => hear(Uint8Array.from(data)), lose: (reason?: string) => hear(null, reason) };
}

describe("a link over a serial line", () => {
  test("is up when the other end is heard, and not before; it answers at once that it is there", () => {
    const { told, sent, hear, link } = end(new Clock());
    expect([told, sent, link.name]).toEqual([[], [""], "serial test"]);
    hear();
    expect([told, sent]).toEqual([["up"], ["", ""]]);
    hear(1, 2);
    expect([told, sent.length]).toEqual([["up", "message 1,2"], 2]);
  });

  test("the first that is heard may be a message", () => {
    const { told, hear } = end(new Clock());
    hear(9);
    expect(told).toEqual(["up", "message 9"]);
  });

  test("says every 2 s that it is there, unless it has sent something", () => {
    const clock = new Clock();
    const { link, sent } = end(clock);
    clock.pass(2000);
    expect(sent).toEqual(["", ""]);
    expect(link.send(Uint8Array.of(3))).toBe(true);
    clock.pass(2000);
    expect(sent).toEqual(["", "", "3"]);
    clock.pass(2000);
    expect(sent).toEqual(["", "", "3", ""]);
  });

  test("is down, once, when the other end is silent; three frames in a row may be lost", () => {
    const clock = new Clock();
    const { told, hear, link, sent } = end(clock);
    hear();
    for (let i = 0; i < 4; i++) clock.pass(2000);
    hear();
    for (let i = 0; i < 4; i++) clock.pass(2000);
    expect(told).toEqual(["up"]);
    clock.pass(2000);
    expect([told, clock.waiting]).toEqual([["up", "line closed", "down: silent for 8 s"], 0]);
    const before = sent.length;
    hear(1);
    link.close("again");
    expect([told.length, link.send(Uint8Array.of(1)), sent.length]).toEqual([3, false, before]);
  });

  test("waits for the other end as long as it takes, and says once why that may be", () => {
    const clock = new Clock();
    const { told, hear, log } = end(clock);
    for (let i = 0; i < 100; i++) clock.pass(2000);
    expect([told, log]).toEqual([[], [expect.stringMatching(/^warning serial test: nothing heard for 30 s: /)]]);
    hear();
    expect(told).toEqual(["up"]);
  });

  test.each([["unplugged", "down: unplugged"], [undefined, "down: ended"]])("is down when the line is gone (%s)", (reason, said) => {
    const clock = new Clock();
    const { told, lose } = end(clock);
    lose(reason);
    expect([told, clock.waiting]).toEqual([["line closed", said], 0]);
  });

  test("a noisy line is told of at 1, 10, 100 … dropped frames", () => {
    const clock = new Clock();
    const { line, log } = end(clock);
    for (line.dropped = 0; line.dropped < 2000; line.dropped += 3) clock.pass(2000);
    expect(log.filter((text) => text.includes("dropped")).map((text) => /: (\d+) frames/.exec(text)![1])).toEqual(["3", "12", "102", "1002"]);
  });

  test("says where the line takes no more", () => expect(end(new Clock(), false).link.send(Uint8Array.of(1))).toBe(false));
});

test("a line of bytes carries messages in frames, counts what is damaged and says when it is gone", () => {
  const written: Uint8Array[] = [];
  const heard: unknown[] = [];
  let arrive: (chunk: Uint8Array | null, reason?: string) => void = () => {};
  const stream = { name: "bytes", write: (data: Uint8Array) => written.push(data) > 0, close: () => void heard.push("closed") };
  const line = framed((_onOpen, onData) => ((arrive = onData), stream))((message, reason) => heard.push(message ?? reason));
  line.send(Uint8Array.of(1));
  arrive(Uint8Array.of(0, 9, 9, 9));
  arrive(written[0]!);
  arrive(null, "unplugged");
  line.close();
  expect([line.name, line.dropped, heard]).toEqual(["bytes", 1, [Uint8Array.of(1), "unplugged", "closed"]]);
});
