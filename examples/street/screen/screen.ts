/** The screen of the street: a live picture on a terminal, lines everywhere else. */
import type { StreetEvents } from "./events";
import { Lines } from "./lines";
import { picture } from "./picture";
import { TerminalScreen } from "./terminal";
import { ViewModel } from "./view-model";

export interface Screen {
  /** Where the street tells what happens. */
  readonly events: StreetEvents;
  /** Gives the terminal back; may be called twice. */
  close(): void;
}

/** Colours unless NO_COLOR is set; Unicode where the locale says so; no picture on a terminal that cannot move its cursor. */
export function openScreen(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Screen {
  if (!stream.isTTY || environment["TERM"] === "dumb") {
    const lines = new Lines(stream);
    return { events: lines, close: () => {} };
  }
  const model = new ViewModel(() => Date.now());
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  const options = { colour: !environment["NO_COLOR"], unicode: /utf-?8/i.test(locale) };
  const terminal = new TerminalScreen(stream, (columns, rows) => picture(model, columns, rows, options));
  return { events: model, close: () => terminal.close() };
}
