/** What a bench is, how its timings are taken and how its figures are shown. */
import { arch, cpus, platform, totalmem } from "node:os";

/** A figure that a bench promises. */
export interface FigureDefinition {
  readonly name: string;
  readonly meaning: string;
  /** The value to reach; without one the figure is only reported. */
  readonly target?: { readonly bound: "≤" | "≥"; readonly value: number };
}

export interface Measured {
  readonly figures: Readonly<Record<string, number>>;
  /** Why a figure could not be measured, by its name. */
  readonly missing: Readonly<Record<string, string>>;
  /** What a reader of the table should know besides. */
  readonly notes: readonly string[];
}

/** Bundles a program of the bench from its source, given from the root of the repository. @returns the path of the bundle */
export type BundleProgram = (entry: string) => Promise<string>;

export interface BenchOptions {
  /** How often each timing is taken. */
  readonly rounds: number;
  readonly bundle: BundleProgram;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  readonly figures: readonly FigureDefinition[];
  readonly defaultRounds: number;
  run(options: BenchOptions): Measured | Promise<Measured>;
}

export interface Machine {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly platform: string;
}

export function machine(): Machine {
  const cores = cpus();
  return {
    node: process.versions.node,
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    platform: `${platform()} ${arch()}`,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Whoever is measured must not be optimised away: results end here. */
let sink: unknown;

function timeOf(action: () => unknown, times: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) sink = action();
  return Number(process.hrtime.bigint() - start) / times;
}

export interface Comparison {
  /** Median over the rounds of (our time / the peer's time in the same round). */
  readonly ratio: number;
  readonly oursNs: number;
  readonly peerNs: number;
}

/** Runs both in turns, so that what disturbs the machine disturbs both; who goes first changes every round. */
export function compare(ours: () => unknown, peer: () => unknown, rounds: number, times: number): Comparison {
  timeOf(ours, times);
  timeOf(peer, times);
  const oursNs: number[] = [];
  const peerNs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2) peerNs.push(timeOf(peer, times));
    oursNs.push(timeOf(ours, times));
    if (round % 2 === 0) peerNs.push(timeOf(peer, times));
  }
  if (sink === undefined) throw new Error("what was measured gave no result");
  return { ratio: median(oursNs.map((ns, i) => ns / peerNs[i]!)), oursNs: median(oursNs), peerNs: median(peerNs) };
}

/** A row a figure: figure, value, target, value / target, whether it is met. Missing figures have no value. */
export function rowsOf(bench: Bench, measured: Measured): string[][] {
  return bench.figures.map(({ name, target }) => {
    const goal = target ? `${target.bound} ${target.value}` : "report";
    const value = measured.figures[name];
    if (value === undefined) return [name, "missing", goal, "", ""];
    const met = target && (target.bound === "≤" ? value <= target.value : value >= target.value);
    return [name, show(value), goal, target ? show(value / target.value) : "", met === undefined ? "" : met ? "yes" : "NO"];
  });
}

export const heads: readonly string[] = ["figure", "value", "target", "value / target", "met"];

/** Three digits after the point for what is below ten, none for what is whole. */
function show(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value < 10 ? value.toFixed(3) : value.toFixed(1);
}
