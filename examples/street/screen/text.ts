/** Text that comes from others, made safe for a terminal, and its width there in columns. */

/** Longer texts are cut when they come in, where nothing else is said. */
const usualChars = 120;

/** Two columns wide on a terminal: East Asian wide and full-width characters, and pictures. */
const wide =
  /[\u1100-\u115f\u231a\u231b\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** One line without anything that a terminal obeys: no control characters, nothing invisible, nothing that joins its neighbours. */
export function clean(text: string, maxChars = usualChars): string {
  const short = Array.from(text.slice(0, 8 * maxChars).normalize("NFC").replace(/[\p{Cf}\p{M}]/gu, ""));
  const cut = short.length > maxChars ? [...short.slice(0, maxChars - 1), "…"] : short;
  return cut.join("").replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ").replace(/[\p{Cs}\p{Co}\p{Cn}]/gu, "?");
}

function columnsOf(char: string): number {
  return wide.test(char) ? 2 : 1;
}

/** Columns of a clean text. */
export function width(text: string): number {
  let columns = 0;
  for (const char of text) columns += columnsOf(char);
  return columns;
}

/** The text in at most so many columns; where it is cut, that is shown. */
export function cut(text: string, columns: number): string {
  const over = width(text) - columns;
  if (over <= 0) return text;
  if (text.endsWith(" ".repeat(over))) return text.slice(0, -over);
  let kept = "";
  let left = columns - 1;
  for (const char of text) {
    left -= columnsOf(char);
    if (left < 0) break;
    kept += char;
  }
  return columns > 0 ? `${kept}…` : "";
}

/** What this program draws, where a terminal knows ASCII only: one column for one. */
const asciiFor: Readonly<Record<string, string>> = {
  "├": "|", "└": "`", "│": "|", "─": "-", "●": "*", "○": "o", "✓": "+", "✗": "x", "⋯": "~", "▲": "!", "△": "-", "◆": "#", "→": ">", "×": "x", "…": "~", "·": ".", "–": "-",
  "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "#", "█": "@", "°": " ", "µ": "u",
};

/** The same number of columns in ASCII. */
export function ascii(text: string): string {
  return Array.from(text, (char) => {
    if (char < "\x7f") return char;
    const plain = asciiFor[char] ?? char.normalize("NFKD").replace(/\p{M}/gu, "");
    return /^[ -~]$/.test(plain) ? plain : "?".repeat(columnsOf(char));
  }).join("");
}
