/** The live picture on small terminals: it is drawn over itself, and never wider or higher than the terminal. */
import { expect, test, vi } from "vitest";
import { liveScreen } from "./screen";
import type { Story } from "./story";

const story = {
  kept: 12345,
  loads: Array.from({ length: 60 }, (_unused, i) => i),
  newest: new Map(["processorLoad", "temperature", "humidity"].map((variable) => [variable, { variable, value: 12.34, unit: "%", timeMs: Date.now(), device: "sensor", owner: "customer" }])),
  steps: ["one", "two", "three", "four", "five", "six"].map((step) => ({ step, ok: true, seen: "much that was seen, more than there is room for on a narrow terminal" })),
} as unknown as Story;

test.each([
  [80, 24],
  [60, 12],
  [30, 5],
])("a terminal of %d columns and %d rows shows one picture, whatever is said above it", (columns, rows) => {
  vi.useFakeTimers();
  let written = "";
  const screen = liveScreen({ columns, rows, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream, "an engine with a name that is long enough to be cut somewhere, on every terminal");
  screen.update(story);
  let height = 0;
  for (const said of [undefined, undefined, "a line", undefined]) {
    written = "";
    if (said) screen.line(said);
    else vi.advanceTimersByTime(250);
    // eslint-disable-next-line no-control-regex -- the codes that move the cursor
    expect([...written.matchAll(/\x1b\[(\d+)A/g)].map((match) => Number(match[1]))).toEqual(height ? [height] : []);
    // eslint-disable-next-line no-control-regex -- what remains is what is seen
    const lines = written.replace(/\x1b\[\?*[\d;]*[A-Za-z]/g, "").split("\n").slice(said ? 1 : 0, -1);
    height = lines.length;
    expect(height).toBeLessThan(rows);
    expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThan(columns);
  }
  screen.close();
  vi.useRealTimers();
});
