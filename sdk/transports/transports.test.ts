import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maxMessageBytes, wireVersion } from "../core/wire/session-message";
import { LocalLinkPair } from "./local-link";
import { frame, FrameReader } from "./stream-framing";
import { StreamLink } from "./stream-link";

const anyMessage = fc.uint8Array({ minLength: 1, maxLength: maxMessageBytes, size: "max" });
const joined = (chunks: readonly Uint8Array[]) => Uint8Array.from(chunks.flatMap((chunk) => Array.from(chunk)));

/** A stream cut at the given places. */
function* cut(stream: Uint8Array, places: readonly number[]): Generator<Uint8Array> {
  const sorted = [...new Set(places.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...sorted, stream.length]) {
    yield stream.subarray(from, to);
    from = to;
  }
}

describe("CP-8 frames", () => {
  test("however a stream is cut, the same messages come out, each with bytes of its own", () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 40 }), (messages, places) => {
        const stream = joined(messages.map(frame));
        const got: Uint8Array[] = [];
        const reader = new FrameReader((message) => got.push(message));
        for (const chunk of cut(stream, places)) reader.push(chunk);
        stream.fill(0);
        expect(got).toEqual(messages);
      }),
    );
  });

  test("whatever comes in, byte by byte or at once, the outcome is the same", () => {
    const noise = fc.array(fc.oneof(fc.constant(wireVersion), fc.nat(5), fc.nat(255)), { maxLength: 60 }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(noise, (stream) => {
        const outcome = (chunks: Iterable<Uint8Array>) => {
          const got: string[] = [];
          const reader = new FrameReader((message) => got.push(String(message)));
          try {
            for (const chunk of chunks) reader.push(chunk);
          } catch (error) {
            got.push((error as Error).message);
          }
          return got;
        };
        expect(outcome([stream])).toEqual(outcome(cut(stream, Array.from(stream.keys()))));
      }),
      { numRuns: 500 },
    );
  });

  test("a message that is empty or too long fits no frame", () => {
    for (const size of [0, maxMessageBytes + 1]) expect(() => frame(new Uint8Array(size))).toThrow(expect.objectContaining({ code: "too-large", fault: "caller" }));
    expect(frame(new Uint8Array(maxMessageBytes)).length).toBe(maxMessageBytes + 3);
  });

  test.each<[string, number[]]>([
    ["another wire version", [wireVersion + 1]],
    ["an empty frame", [wireVersion, 0, 0]],
    ["a frame above the bound", [wireVersion, (maxMessageBytes + 1) >> 8, (maxMessageBytes + 1) & 255]],
  ])("%s is refused as soon as its header is there, and again for whatever follows", (_what, header) => {
    const reader = new FrameReader(() => expect.unreachable());
    expect(() => reader.push(Uint8Array.from(header))).toThrow(expect.objectContaining({ code: "malformed", fault: "peer" }));
    expect(() => reader.push(frame(Uint8Array.of(1)))).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});

describe("a link over a stream", () => {
  function link(takes = true) {
    const written: Uint8Array[] = [];
    const messages: Uint8Array[] = [];
    const reasons: string[] = [];
    const calls = { closes: 0 };
    const stream = {
      name: "test stream",
      write: (bytes: Uint8Array) => takes && written.push(bytes) > 0,
      close: () => void calls.closes++,
    };
    const made: StreamLink = new StreamLink(stream, (message) => messages.push(message) > 0, (_from, reason) => reasons.push(reason));
    return { link: made, written, messages, reasons, calls };
  }

  test("sends whole frames, and says where the stream takes none", () => {
    const { link: open, written } = link();
    expect([open.send(Uint8Array.of(1, 2)), open.name]).toEqual([true, "test stream"]);
    expect(written).toEqual([frame(Uint8Array.of(1, 2))]);
    expect(link(false).link.send(Uint8Array.of(1))).toBe(false);
  });

  test("closes once, for the first reason, and neither sends nor takes anything afterwards", () => {
    const { link: open, written, messages, reasons, calls } = link();
    open.close("first");
    open.close("second");
    open.push(frame(Uint8Array.of(1)));
    open.push(Uint8Array.of(99));
    expect([open.send(Uint8Array.of(1)), written, messages, reasons, calls.closes]).toEqual([false, [], [], ["first"], 1]);
  });

  test("what is no frame closes it with the reason, after the messages before it", () => {
    const { link: open, messages, reasons, calls } = link();
    open.push(joined([frame(Uint8Array.of(7)), Uint8Array.of(9)]));
    expect([messages, calls.closes]).toEqual([[Uint8Array.of(7)], 1]);
    expect(reasons).toEqual([`wire version 9, this unit speaks ${wireVersion}`]);
  });

  test("CP-8 sixteen messages in a row that are not from an open session close it, fewer do not", () => {
    const reasons: string[] = [];
    let accept = false;
    const open = new StreamLink({ name: "", write: () => true, close: () => {} }, () => accept, (_from, reason) => reasons.push(reason));
    const send = (count: number) => {
      for (let i = 0; i < count; i++) open.push(frame(Uint8Array.of(1)));
    };
    send(15);
    accept = true;
    send(1);
    accept = false;
    send(15);
    expect(reasons).toEqual([]);
    send(1);
    expect(reasons).toEqual(["16 messages refused in a row"]);
  });

  test("messages behind the one at which it was closed are not handed over", () => {
    const got: number[] = [];
    const open = new StreamLink({ name: "", write: () => true, close: () => {} }, (message, from) => {
      got.push(message[0]!);
      from.close("enough");
      return true;
    }, () => {});
    open.push(joined([frame(Uint8Array.of(1)), frame(Uint8Array.of(2))]));
    expect(got).toEqual([1]);
  });
});

describe("a pair of local links", () => {
  test("hands over in order, answers included, and takes no more than 64 messages at once", () => {
    const got: string[] = [];
    const pair: LocalLinkPair = new LocalLinkPair(
      { receive: (_link, message) => got.push(`a${message[0]}`) > 0 },
      {
        receive: (link, message) => {
          got.push(`b${message[0]}`);
          return message[0]! < 2 ? link.send(Uint8Array.of(message[0]! + 100)) : true;
        },
      },
    );
    const sent = Array.from({ length: 70 }, (_, i) => pair.a.send(Uint8Array.of(i)));
    expect(sent.map(Number).reduce((sum, taken) => sum + taken, 0)).toBe(64);
    expect(sent.indexOf(false)).toBe(64);
    expect(pair.pump()).toBe(66);
    expect(got.filter((line) => line.startsWith("b"))).toEqual(Array.from({ length: 64 }, (_, i) => `b${i}`));
    expect(got.filter((line) => line.startsWith("a"))).toEqual(["a100", "a101"]);
    expect([pair.pump(), pair.a.send(Uint8Array.of(1))]).toEqual([0, true]);
  });
});
