/** A picture that is drawn over itself on a terminal of its own (the alternate screen); what stood there before comes back at the end, with the last picture below it. */

/** Pictures a second: more than a person follows. */
const frameMs = 250;
// No wrapping: a character that is wider than thought must not push the picture up.
const enter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const leave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

export class TerminalScreen {
  /** Lines that stand on the terminal; undefined: nothing is known of it. */
  #shown: readonly string[] | undefined;
  readonly #timer: NodeJS.Timeout;
  #open = false;

  /** @param picture gives at most so many lines of at most so many columns */
  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly picture: (columns: number, rows: number) => readonly string[],
  ) {
    this.#enter();
    this.#timer = setInterval(() => this.#draw(), frameMs);
    stream.on("resize", this.#redraw);
    process.on("SIGTSTP", this.#suspend);
    process.on("SIGCONT", this.#enter);
    process.once("exit", this.#leave);
  }

  /** Gives the terminal back; may be called twice. */
  close(): void {
    clearInterval(this.#timer);
    this.stream.removeListener("resize", this.#redraw);
    process.removeListener("SIGTSTP", this.#suspend);
    process.removeListener("SIGCONT", this.#enter);
    process.removeListener("exit", this.#leave);
    if (!this.#open) return;
    this.#leave();
    // One row is left for the shell.
    this.stream.write(`${this.#current(1).join("\n")}\n`);
  }

  readonly #enter = () => {
    if (!this.#open) this.stream.write(enter);
    this.#open = true;
    this.#redraw();
  };

  readonly #leave = () => {
    if (this.#open) this.stream.write(leave);
    this.#open = false;
  };

  /** Ctrl-Z: the shell finds its terminal as it was. */
  readonly #suspend = () => {
    this.#leave();
    process.kill(process.pid, "SIGSTOP");
  };

  readonly #redraw = () => {
    this.#shown = undefined;
    this.#draw();
  };

  #current(rowsLeft = 0): readonly string[] {
    return this.picture(this.stream.columns || 80, (this.stream.rows || 24) - rowsLeft);
  }

  /** Only what has changed is written. */
  #draw(): void {
    if (!this.#open) return;
    const lines = this.#current();
    const shown = this.#shown;
    const changed = lines.map((line, i) => (line === shown?.[i] ? "" : `\x1b[${i + 1};1H\x1b[K${line}`)).join("");
    // Of a longer picture before.
    const below = lines.length < (shown?.length ?? 0) ? `\x1b[${lines.length + 1};1H\x1b[J` : "";
    this.#shown = lines;
    if (changed || below) this.stream.write(`${shown ? "" : "\x1b[2J"}${changed}${below}`);
  }
}
