/** The story on a terminal: a live picture where there is one, lines where there is not. */
import type { Story } from "./story";

const bars = "▁▂▃▄▅▆▇█";
const frameMs = 250;

export interface Screen {
  update(story: Story): void;
  line(text: string): void;
  close(): void;
}

/** One line for each step that is seen for the first time, and for what else there is to say. */
export function linesTo(stream: NodeJS.WritableStream): Screen {
  const shown = new Set<string>();
  return {
    update(story) {
      for (const { step, ok, seen } of story.steps) {
        if (!ok || shown.has(step)) continue;
        shown.add(step);
        stream.write(`ok  ${step}: ${seen}\n`);
      }
    },
    line: (text) => void stream.write(`${text}\n`),
    close() {},
  };
}

/** A picture that is drawn in place. Colours are used where the terminal wants them. */
export function liveScreen(stream: NodeJS.WriteStream, engine: string): Screen {
  const colour = process.env["NO_COLOR"] ? (_code: number, text: string) => text : (code: number, text: string) => `\x1b[${code}m${text}\x1b[0m`;
  let lines: string[] = [];
  let height = 0;
  let latest: Story | undefined;
  const draw = () => {
    if (!latest) return;
    const picture = [...lines.slice(-3), ...render(latest, engine, stream.columns || 80, colour)].map((line) => `\x1b[2K${line}`);
    stream.write((height ? `\x1b[${height}A` : "") + picture.join("\n") + "\n");
    height = picture.length;
  };
  const timer = setInterval(draw, frameMs);
  stream.write("\x1b[?25l");
  return {
    update: (story) => void (latest = story),
    line(text) {
      lines = [...lines, colour(33, text)];
      height = 0;
    },
    close() {
      clearInterval(timer);
      draw();
      stream.write("\x1b[?25h");
    },
  };
}

function render(story: Story, engine: string, columns: number, colour: (code: number, text: string) => string): string[] {
  const load = story.newest.get("processorLoad");
  const heat = story.newest.get("temperature");
  const curve = story.loads.map((value) => bars[Math.min(7, Math.floor(value / 12.5))]).join("");
  const value = (reading: typeof load) => (reading ? `${(reading.value as number).toFixed(2)} ${reading.unit}` : "–");
  return [
    "",
    `  ${colour(1, "home")}            customer unit, Node ${process.versions.node}, ${story.arrived} readings kept`,
    `  ├─ ${colour(1, "sensor")}       ${engine}`,
    `  │    load        ${colour(36, value(load).padStart(9))}  ${colour(36, curve.slice(-Math.max(10, columns - 32)))}`,
    `  │    temperature ${heat ? colour(36, value(heat).padStart(9)) : "this computer has no sensor for it"}`,
    `  ├─ ${colour(1, "supplier")}     may read every 5 s`,
    `  └─ ${colour(1, "operator")}     has no grant`,
    "",
    ...story.steps.map(({ step, ok, seen }) => `  ${ok ? colour(32, "✓") : "·"} ${step.padEnd(42)} ${seen.slice(0, Math.max(10, columns - 48))}`),
    "",
    "  Ctrl-C ends it",
  ];
}
