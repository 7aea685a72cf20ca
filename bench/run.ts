/** The command `npm run bench`: runs benches, prints their figures, writes BENCHMARKS.md. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { heads, machine, rowsOf, type Bench, type BundleProgram, type Machine, type Measured } from "./bench";
import { device } from "./device";
import { gateway } from "./gateway";
import { security } from "./security";
import { wire } from "./wire";

const benches: readonly Bench[] = [wire, security, gateway, device];
const noise = "Timings are medians of several runs, ratios medians of the ratios of rounds run in turns. The machine is noisy: a few per cent mean nothing.";

const help = `Measures the figures that ebalance promises.

usage: npm run bench -- NAME [options]

  NAME        ${benches.map((b) => `${b.name.padEnd(10)}${b.about}`).join("\n              ")}
              all       all of them; writes BENCHMARKS.md
              device takes some minutes, says what it does on standard error, and writes docs/sizing.md
  --json      one line {"bench", "figures", "missing", "notes", "machine"} for each bench instead of the table
  --rounds N  how often each timing is taken, 1 to 1000 (${benches.map((b) => `${b.name}: ${b.defaultRounds}`).join(", ")})
  --help      this text

A figure that cannot be measured is named with the reason, never estimated. A missed target is shown; the command does not fail for it.

examples:
  npm run bench -- wire
  npm run -s bench -- wire --json
  npm run bench -- all

exit codes: 0 measured, 2 bad usage`;

interface Options {
  readonly chosen: readonly Bench[];
  readonly all: boolean;
  readonly json: boolean;
  /** Undefined: as each bench has it. */
  readonly rounds: number | undefined;
}

/** @throws Error naming what is wrong with the command line */
function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: "boolean" }, rounds: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) return undefined;
  const known = `benches: ${benches.map((b) => b.name).join(", ")}, all`;
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) throw new Error(`one bench has to be named; ${known}`);
  const chosen = name === "all" ? benches : benches.filter((b) => b.name === name);
  if (chosen.length === 0) throw new Error(`there is no bench ${name}; ${known}`);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1 && rounds <= 1000)) throw new Error(`--rounds ${values.rounds} is not a whole number from 1 to 1000`);
  return { chosen, all: name === "all", json: values.json ?? false, rounds };
}

function table(bench: Bench, measured: Measured): string {
  const rows = [[...heads], ...rowsOf(bench, measured)];
  const widths = heads.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ").trimEnd());
  return [`bench ${bench.name}: ${bench.about}`, "", ...lines, "", ...remarks(measured), ""].join("\n");
}

function remarks({ missing, notes }: Measured): string[] {
  return [...Object.entries(missing).map(([name, why]) => `missing: ${name}: ${why}`), ...notes];
}

function section(bench: Bench, measured: Measured): string {
  const meanings = new Map(bench.figures.map((f) => [f.name, f.meaning]));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rows = rowsOf(bench, measured).map(([name, ...rest]) => line([`\`${name}\``, meanings.get(name!)!, ...rest]));
  const [figure, ...others] = heads;
  const head = [figure!, "meaning", ...others];
  return [
    `## ${bench.name}: ${bench.about}`,
    "",
    `Command: \`npm run bench -- ${bench.name}\``,
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows,
    "",
    ...remarks(measured).map((text) => `- ${text}`),
    "",
  ].join("\n");
}

function report(sections: readonly string[], on: Machine): string {
  const where = `Measured on ${new Date().toISOString().slice(0, 10)} with Node ${on.node} on ${on.cores} cores (${on.cpu}, ${on.memoryMb} MB, ${on.platform}).`;
  return ["# Benchmarks", "", "Written by `npm run bench -- all`.", "", where, noise, "", ...sections].join("\n");
}

/**
 * @param args the command line
 * @param reportPath where `all` writes BENCHMARKS.md
 * @param bundle for benches with programs of their own
 * @returns the exit code
 */
export async function main(args: string[], reportPath: string, bundle: BundleProgram): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\ntry: npm run bench -- --help`);
    return 2;
  }
  if (!options) {
    console.log(help);
    return 0;
  }
  const on = machine();
  const sections: string[] = [];
  for (const bench of options.chosen) {
    const measured = await bench.run({ rounds: options.rounds ?? bench.defaultRounds, bundle });
    const { figures, missing, notes } = measured;
    console.log(options.json ? JSON.stringify({ bench: bench.name, figures, missing, notes, machine: on }) : table(bench, measured));
    sections.push(section(bench, measured));
  }
  if (!options.json) console.log(noise);
  if (options.all) writeFileSync(reportPath, report(sections, on));
  return 0;
}
