/** The story on a terminal: a live picture where there is one, lines where there is not. */
import type { Reading } from "ebalance";
import type { Story } from "./story";

const bars = "▁▂▃▄▅▆▇█";
const frameMs = 250;
/** A reading older than this is shown as stale. */
const staleMs = 15_000;

export interface Screen {
  update(story: Story): void;
  line(text: string): void;
  close(): void;
}

/** A line of the picture: pieces of text with the code of their colour, 0 for none. */
type Line = readonly (readonly [text: string, colour: number])[];

/** One line for each step and each variable that is seen for the first time, and for what else there is to say. */
export function linesTo(stream: NodeJS.WritableStream): Screen {
  const shown = new Set<string>();
  const once = (key: string, text: string) => {
    if (shown.has(key)) return;
    shown.add(key);
    stream.write(`${text}\n`);
  };
  return {
    update(story) {
      for (const reading of story.newest.values()) once(reading.variable, `reading ${reading.variable}: ${valueOf(reading)}`);
      for (const { step, ok, seen } of story.steps) if (ok) once(step, `ok  ${step}: ${seen}`);
    },
    line: (text) => void stream.write(`${text}\n`),
    close() {},
  };
}

/** A picture that is drawn in place. Colours are used where the terminal wants them. */
export function liveScreen(stream: NodeJS.WriteStream, engine: string): Screen {
  let height = 0;
  let latest: Story | undefined;
  const draw = () => {
    if (!latest) return;
    const lines = picture(latest, engine).slice(0, Math.max(1, (stream.rows || 24) - 2));
    const text = lines.map((line) => `\x1b[2K${fit(line, (stream.columns || 80) - 1)}\n`).join("");
    stream.write(`${height ? `\x1b[${height}A` : ""}\x1b[0J${text}`);
    height = lines.length;
  };
  const timer = setInterval(draw, frameMs);
  stream.write("\x1b[?25l");
  return {
    update: (story) => void (latest = story),
    line(text) {
      // Above the picture, which is drawn anew below it.
      stream.write(`${height ? `\x1b[${height}A\x1b[0J` : ""}${text}\n`);
      height = 0;
      draw();
    },
    close() {
      clearInterval(timer);
      draw();
      stream.write("\x1b[?25h");
    },
  };
}

/** Cuts a line to what fits, before the colours, which take no room. */
function fit(line: Line, columns: number): string {
  const coloured = !process.env["NO_COLOR"];
  let left = columns;
  let text = "";
  for (const [piece, colour] of line) {
    const cut = Array.from(piece).slice(0, left).join("");
    left -= Array.from(cut).length;
    text += colour && coloured ? `\x1b[${colour}m${cut}\x1b[0m` : cut;
  }
  return text;
}

function picture(story: Story, engine: string): Line[] {
  const bold = (text: string) => [text, 1] as const;
  const plain = (text: string) => [text, 0] as const;
  return [
    [plain("")],
    [plain("  "), bold("home"), plain(`            customer unit, Node ${process.versions.node}, ${story.kept} readings kept`)],
    [plain("  ├─ "), bold("sensor"), plain(`       ${engine}`)],
    ...[...story.newest.values()].map((reading) => rowOf(reading, story)),
    [plain("  ├─ "), bold("supplier"), plain("     may read every 5 s")],
    [plain("  └─ "), bold("operator"), plain("     has no grant")],
    [plain("")],
    ...story.steps.map(({ step, ok, seen }): Line => [[ok ? "  ✓ " : "  · ", ok ? 32 : 0], plain(`${step.padEnd(42)} ${seen}`)]),
    [plain("")],
    [plain("  Ctrl-C ends it")],
  ];
}

function rowOf(reading: Reading, story: Story): Line {
  const ageMs = Date.now() - reading.timeMs;
  const stale = ageMs > staleMs ? `  nothing new for ${Math.round(ageMs / 1000)} s` : "";
  const curve = reading.variable === "processorLoad" ? story.loads.map((value) => bars[Math.min(7, Math.floor(value / 12.5))]).join("") : "";
  return [[`  │    ${reading.variable.padEnd(16)}`, 0], [valueOf(reading).padStart(12), stale ? 2 : 36], [stale, 33], [`  ${curve}`, 36]];
}

function valueOf(reading: Reading): string {
  const { value, unit } = reading;
  return `${typeof value === "number" ? value : String(value)} ${unit}`.trim();
}
