/** Where the time of this process goes, by V8's sampling profiler. */
import { readFileSync } from "node:fs";
import { Session, type Profiler } from "node:inspector/promises";

export interface Place {
  readonly where: string;
  /** Share of the time in which the process was not idle. */
  readonly share: number;
}

const idle = ["(idle)", "(program)", "(root)"];

export class Profile {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.setSamplingInterval", { interval: 500 });
    await this.#session.post("Profiler.start");
  }

  /** @returns the dearest functions by self time */
  async stop(): Promise<Place[]> {
    const { profile } = await this.#session.post("Profiler.stop");
    this.#session.disconnect();
    return dearest(profile);
  }
}

type Node = Profiler.ProfileNode;

function dearest({ nodes, samples = [] }: Profiler.Profile): Place[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map<Node, Node>();
  for (const node of nodes) for (const child of node.children ?? []) callers.set(byId.get(child)!, node);
  const counts = new Map<string, number>();
  let busy = 0;
  for (const id of samples) {
    const node = byId.get(id)!;
    if (idle.includes(node.callFrame.functionName)) continue;
    busy++;
    const where = placeOf(node, callers);
    counts.set(where, (counts.get(where) ?? 0) + 1);
  }
  return [...counts].map(([where, count]) => ({ where, share: count / busy })).sort((a, b) => b.share - a.share);
}

/** Function and source file; of one of the engine's or of native code, also for whom it works. */
function placeOf(node: Node, callers: ReadonlyMap<Node, Node>): string {
  const { functionName, url } = node.callFrame;
  const name = functionName || "(anonymous)";
  if (isOurs(node)) return `${name} in ${fileOf(node)}`;
  let caller = callers.get(node);
  while (caller && !isOurs(caller)) caller = callers.get(caller);
  return [name, url && `in ${url}`, caller && `for ${placeOf(caller, callers)}`].filter(Boolean).join(" ");
}

function isOurs({ callFrame: { url } }: Node): boolean {
  return url.startsWith("file:");
}

let lines: readonly string[] | undefined;

/** The bundle says before each file which one follows. */
function fileOf({ callFrame }: Node): string {
  lines ??= readFileSync(new URL(import.meta.url), "utf8").split("\n");
  for (let i = callFrame.lineNumber; i >= 0; i--) {
    const file = /^\s*\/\/ (\S+\.[cm]?[jt]s)$/.exec(lines[i] ?? "")?.[1];
    if (file) return file.replace(/^.*node_modules\//, "");
  }
  return "the bundle";
}
