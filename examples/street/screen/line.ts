/** Lines of a picture: pieces of text with a style. Colours never carry a meaning alone. */
import { ascii, cut, width } from "./text";

export type Style = "plain" | "strong" | "dim" | "good" | "bad" | "warn" | "value";
export type Piece = readonly [text: string, style: Style];
export type Line = readonly Piece[];

const codes: Readonly<Record<Style, number>> = { plain: 0, strong: 1, dim: 2, good: 32, bad: 31, warn: 33, value: 36 };

export function lineWidth(line: Line): number {
  return line.reduce((sum, [text]) => sum + width(text), 0);
}

/** The line in at most so many columns. */
export function fit(line: Line, columns: number): Piece[] {
  const pieces: Piece[] = [];
  let left = columns;
  for (const [text, style] of line) {
    // Where something follows that will not fit, the cut is shown in this piece.
    const kept = cut(text, left);
    if (kept) pieces.push([kept, style]);
    left -= width(kept);
    if (kept !== text || left <= 0) break;
  }
  return pieces;
}

/** The line in exactly so many columns. */
export function pad(line: Line, columns: number): Piece[] {
  const kept = fit(line, columns);
  return [...kept, [" ".repeat(Math.max(0, columns - lineWidth(kept))), "plain"]];
}

/** Two lines in one: the right one whole as far as it goes, and the left one cut before it. */
export function beside(left: Line, right: Line, columns: number): Piece[] {
  const kept = fit(right, columns);
  return [...fit(left, columns - lineWidth(kept)), ...kept];
}

/** What is written to the terminal. */
export function render(line: Line, options: { readonly colour: boolean; readonly unicode: boolean }): string {
  const parts = line.map(([text, style]) => {
    const shown = options.unicode ? text : ascii(text);
    return options.colour && codes[style] && shown.trim() ? `\x1b[${codes[style]}m${shown}\x1b[0m` : shown;
  });
  return parts.join("").replace(/ +$/, "");
}
