/** The screen on terminals and pipes: drawn over itself, given back as it was; a line for each new thing where there is no terminal. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openScreen, type Screen } from "./screen";

let written = "";
let screen: Screen | undefined;
beforeEach(() => {
  written = "";
  vi.useFakeTimers();
});
afterEach(() => {
  screen?.close();
  screen = undefined;
  vi.useRealTimers();
});

function open(size: { columns: number; rows: number } | undefined, environment: NodeJS.ProcessEnv = { LANG: "C.UTF-8", TERM: "xterm" }) {
  let onResize = () => {};
  const stream = {
    isTTY: size !== undefined,
    ...size,
    write: (text: string) => (written += text),
    on: (event: string, listener: () => void) => event === "resize" && (onResize = listener),
    removeListener: () => (onResize = () => {}),
  };
  screen = openScreen(stream as unknown as NodeJS.WriteStream, environment);
  const taken = () => [written, (written = "")][0]!;
  return { events: screen.events, close: () => screen!.close(), stream, resize: () => onResize(), taken };
}

describe("on a terminal", () => {
  test("it draws over itself only what has changed, and gives the terminal back with the last picture", () => {
    const listeners = () => ["SIGTSTP", "SIGCONT", "exit"].map((event) => process.listenerCount(event));
    const before = listeners();
    const { events, close, taken } = open({ columns: 60, rows: 12 });
    expect(taken()).toMatch(/^\x1b\[\?1049h\x1b\[\?25l\x1b\[\?7l\x1b\[2J/); // eslint-disable-line no-control-regex -- what a terminal obeys
    events.note("hello");
    events.unit({ id: "home-1", kind: "home" });
    vi.advanceTimersByTime(250);
    expect(taken()).toContain("hello");
    events.note("again");
    vi.advanceTimersByTime(250);
    const frame = taken();
    expect(frame).toContain("again");
    expect(frame).not.toContain("hello");
    expect(frame).not.toContain("\x1b[2J");
    vi.advanceTimersByTime(250);
    expect(taken()).toBe("");
    close();
    close();
    const end = taken();
    expect(end.startsWith("\x1b[?7h\x1b[?25h\x1b[?1049l")).toBe(true);
    expect(end).toContain("hello");
    vi.advanceTimersByTime(5000);
    expect([taken(), vi.getTimerCount(), listeners()]).toEqual(["", 0, before]);
  });

  test("when it is resized the whole picture is drawn anew, at its new size", () => {
    const { events, stream, resize, taken } = open({ columns: 80, rows: 24 });
    for (let i = 0; i < 30; i++) events.note(`note ${i} ${"x".repeat(90)}`);
    vi.advanceTimersByTime(250);
    taken();
    Object.assign(stream, { columns: 30, rows: 5 });
    resize();
    const frame = taken();
    expect(frame).toContain("\x1b[2J");
    // eslint-disable-next-line no-control-regex -- rows that are written to
    const rows = [...frame.matchAll(/\x1b\[(\d+);1H/g)].map((match) => Number(match[1]));
    expect(Math.max(...rows)).toBeLessThanOrEqual(5);
  });

  test.each([
    ["colours and Unicode", { LANG: "en_US.UTF-8" }, /\x1b\[1mebalance/, /▲/], // eslint-disable-line no-control-regex -- the code of bold
    ["no colour with NO_COLOR", { LANG: "C.UTF-8", NO_COLOR: "1" }, /\x1b\[Kebalance/, /▲/], // eslint-disable-line no-control-regex -- no code before it
    ["ASCII where the locale is not UTF-8", { LANG: "en_US.UTF-8", LC_ALL: "C" }, /ebalance/, /! 1 alarm/],
  ])("%s", (_what, environment, title, alarm) => {
    const { events, taken } = open({ columns: 80, rows: 24 }, environment);
    events.alarm({ unit: "der-1", name: "over-voltage", stands: true });
    vi.advanceTimersByTime(250);
    const frame = taken();
    expect(frame).toMatch(title);
    expect(frame).toMatch(alarm);
  });
});

describe("without a terminal", () => {
  test.each([
    ["a pipe", undefined, {}],
    ["a terminal that cannot move its cursor", { columns: 80, rows: 24 }, { TERM: "dumb" }],
  ])("%s gets a line for each new thing, once, and nothing that a terminal obeys", (_what, size, environment) => {
    const { events, close, taken } = open(size, environment);
    for (let i = 0; i < 3; i++) {
      events.unit({ id: "der-1", parent: "home-1", kind: "DER controller", engine: "XS" });
      events.link("der-1", true);
      events.reading({ unit: "der-1", variable: "activePower", value: 3.5 + i, unitOfMeasure: "W", timeMs: 0 });
      events.asked({ by: { stakeholder: "s", service: "b", device: "lv" }, what: "last", target: "der-1 activePower", result: "tooEarly", detail: `${5 - i} s are left`, timeMs: 0 });
      events.alarm({ unit: "der-1", name: "no gateway", stands: false });
      events.alarm({ unit: "der-1", name: "over\x1b[2J\nvoltage", stands: true });
      events.setPoint("der-1", "limit 60 %");
      events.counters("der-1", { received: i, kept: i, refused: 0 });
      events.step({ name: "joined", ok: i > 0, seen: "1 of 1" });
    }
    events.alarm({ unit: "der-1", name: "over\x1b[2J\nvoltage", stands: false });
    events.setPoint("der-1", undefined);
    events.note("warning");
    vi.advanceTimersByTime(1000);
    close();
    expect(taken().trimEnd().split("\n")).toEqual([
      "unit      der-1 DER controller, XS below home-1",
      "link      der-1 is open",
      "reading   der-1 activePower 3.5 W",
      "asked     s/b asked for der-1 activePower last: tooEarly, 5 s are left",
      "alarm     der-1: over [2J voltage stands",
      "set-point der-1: limit 60 %",
      "ok        joined: 1 of 1",
      "alarm     der-1: over [2J voltage has cleared",
      "set-point der-1: none any more",
      "warning",
    ]);
  });
});
