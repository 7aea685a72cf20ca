/** `ebalance keys`: session key files, and the credentials of a grid. */
import { existsSync, mkdirSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { styleText } from "node:util";
import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { EbalanceError, standardVariables } from "ebalance";
import { unitFiles } from "../credentials/file-names";
import type { Noted } from "../credentials/folder-files";
import { defaultDays, defaultRenewDays, GridFolder, rootDays } from "../credentials/grid-folder";
import { plannedCredentials, rightsOf } from "../credentials/planned-credentials";
import { dateTime, shownFile, type Shown } from "../credentials/show";
import { replaceFile } from "../files";
import { NodeCrypto } from "../node-crypto";
import { readSecretText } from "../read-key-file";
import { readYaml } from "./config";
import { name as nameForm } from "./forms";
import { keyFilesOf, type Plan } from "./plan";

interface FolderOptions {
  readonly out: string;
  readonly json?: boolean;
  readonly days?: number;
  readonly renewDays?: number;
}

const outHelp = "folder of the grid: files that are there keep their keys";

/** Adds the command and its subcommands. Without one of their names it is `keys plan`. */
export function addKeysCommand(ebalance: Command): void {
  const keys = ebalance
    .command("keys")
    .description("make keys and credentials: of a whole grid from a plan, or one by one")
    .addHelpText("after", "\nexamples:\n  ebalance keys plan.yaml --out keys\n  ebalance keys plan.yaml --credentials --out grid\n  ebalance keys show grid/units/home/*.cwt\n\nA word that is no command is the plan. docs/credentials.md says what the files are.");
  keys.hook("preSubcommand", () => checkWord(keys));
  addPlan(keys);
  addSingle(keys);
  keys
    .command("show")
    .description("print what a credential, revocation list or key file says; never a key")
    .argument("<files...>", "files that ebalance keys has made")
    .option("--json", "one line of JSON a file")
    .addHelpText("after", "\nexample:\n  ebalance keys show grid/units/home/*.cwt")
    .action(show);
}

/** A slip in the name of a command would be taken for a plan. */
function checkWord({ args: [word], commands }: Command): void {
  const names = commands.map((command) => command.name());
  if (word === undefined || word.startsWith("-") || names.includes(word) || existsSync(word) || /[./\\]/.test(word)) return;
  const meant = names.find((name) => isNear(word, name));
  throw new EbalanceError("bad-argument", "caller", `${word} is no command of keys, and no file${meant === undefined ? `; the commands are ${names.join(", ")}` : `; did you mean ebalance keys ${meant}?`}`);
}

/** Whether a word is another one but for a letter or two. */
function isNear(word: string, other: string): boolean {
  let row = [...other, ""].map((_, i) => i);
  for (const [i, letter] of [...word].entries()) {
    const next = [i + 1];
    for (const [j, wanted] of [...other].entries()) next.push(Math.min(row[j]! + (letter === wanted ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    row = next;
  }
  return row.at(-1)! <= 2;
}

function addPlan(keys: Command): void {
  keys
    .command("plan", { isDefault: true })
    .description("make what a plan names: session key files, or with --credentials root, units, stakeholders and delegations (this is what keys does by itself)")
    .argument("<plan>", "YAML file that names units, owners and services")
    .requiredOption("--out <folder>", "where the files go; files that are there keep their keys")
    .option("--credentials", "credentials in place of session key files")
    .addOption(days(defaultDays))
    .addOption(renewDays())
    .option("--json", "one line of JSON that names every file")
    .addHelpText("after", "\nexamples:\n  ebalance keys plan.yaml --out keys                 a file a session, for both of its ends\n  ebalance keys plan.yaml --credentials --out grid   then copy grid/units/NAME to each unit, as it is\n\nRun it again when the plan has changed, or every month: what is right is kept, what has changed or expires soon is issued anew.")
    .action(fromPlan);
}

function fromPlan(file: string, options: FolderOptions & { readonly credentials?: boolean }): void {
  const plan = readYaml(file) as Plan;
  if (!options.credentials) return sessionKeys(plan, file, options);
  const planned = plannedCredentials(plan, file);
  inFolder(options, (grid) => grid.plan(planned));
}

/** Writes the key files of a plan; those that are there keep their keys. */
function sessionKeys(plan: Plan, file: string, { out, json }: FolderOptions): void {
  const place = (fileName: string) => join(out, fileName);
  const existing = (fileName: string) => (existsSync(place(fileName)) ? readSecretText(place(fileName)) : undefined);
  const files = keyFilesOf(plan, existing, file).map((one) => ({ ...one, known: existing(one.fileName) !== undefined }));
  mkdirSync(out, { recursive: true, mode: 0o700 });
  for (const { fileName, text } of files) replaceFile(place(fileName), text);
  if (json) return print(JSON.stringify({ folder: out, files: files.map(({ fileName, known, session }) => ({ file: fileName, key: known ? "kept" : "new", initiator: session.initiator, responder: session.responder })) }));
  for (const { fileName, known, session } of files) print(`${place(fileName)}: ${known ? "kept its key" : "new key"}, for ${session.initiator} and ${session.responder}`);
}

function addSingle(keys: Command): void {
  const example = (command: string) => `\nexample:\n  ebalance keys ${command}`;
  const single = (name: string, description: string, initialDays = defaultDays) =>
    keys.command(name).description(description).requiredOption("--out <folder>", outHelp).addOption(days(initialDays)).addOption(renewDays()).option("--json", "one line of JSON that names every file");
  single("root", "make the operator's root, which everything else in a domain is signed under", rootDays)
    .requiredOption("--domain <name>", "name of the grid", named)
    .option("--operator <name>", "who runs it; default: the domain", named)
    .addHelpText("after", example("root --domain elm-street --out grid"))
    .action((options: FolderOptions & { domain: string; operator?: string }) => inFolder(options, (grid) => void grid.root(options.domain, options.operator, options.days)));
  single("stakeholder", "make a stakeholder's keys and credential")
    .argument("<name>", "of the stakeholder", named)
    .addHelpText("after", example("stakeholder customer --out grid"))
    .action((name: string, options: FolderOptions) => inFolder(options, (grid) => void grid.stakeholder(name)));
  single("service", "make the keys and the credential of a service that signs with a key of its own")
    .argument("<name>", "of the service", named)
    .option("--stakeholder <name>", "who certifies it; default: the operator", named)
    .addHelpText("after", example("service billing --stakeholder supplier --out grid"))
    .action((name: string, options: FolderOptions & { stakeholder?: string }) => inFolder(options, (grid) => void grid.service(name, options.stakeholder)));
  single("unit", "make the keys and the credential of a unit, in a folder that goes to it as it is")
    .argument("<name>", "id of the unit", named)
    .requiredOption("--owner <stakeholder>", "who owns it and what it measures", named)
    .addOption(new Option("--role <role>", "what it is").choices(["device", "gateway"]).default("device"))
    .option("--parent <units>", "the units above, separated by commas", list, [])
    .option("--below <units>", "the units that may be reached through it, separated by commas", list, [])
    .addHelpText("after", example("unit home --owner customer --role gateway --parent lv-unit --below meter --out grid"))
    .action((unit: string, options: FolderOptions & { owner: string; role: "device" | "gateway"; parent: string[]; below: string[] }) =>
      inFolder(options, (grid) => void grid.unit({ unit, owner: options.owner, role: options.role, parents: options.parent, below: options.below })),
    );
  single("delegate", "let a unit act for a stakeholder as a service")
    .requiredOption("--stakeholder <name>", "for whom", named)
    .requiredOption("--unit <name>", "which unit", named)
    .requiredOption("--service <name>", "as which service", named)
    .addOption(new Option("--rights <rights>", "what it may do").choices(Object.keys(rightsOf)).default("read-write"))
    .option("--devices <units>", "whose series, separated by commas; default: all, as the owners' policies grant", list)
    .option("--variables <names>", "which variables, separated by commas; default: all", variableList)
    .addHelpText("after", example("delegate --stakeholder supplier --unit lv-unit --service billing --rights read --days 90 --out grid"))
    .action((options: FolderOptions & { stakeholder: string; unit: string; service: string; rights: keyof typeof rightsOf; devices?: string[]; variables?: number[] }) => {
      const { stakeholder, unit, service, rights, devices, variables } = options;
      inFolder(options, (grid) => grid.delegate({ stakeholder, unit, service, rights: rightsOf[rights], ...(devices ? { devices } : {}), ...(variables ? { variables } : {}) }));
    });
  keys
    .command("provision")
    .description("write what the folder of a unit holds into one file, for a device that keeps its settings in flash")
    .argument("<unit>", "id of the unit", named)
    .requiredOption("--out <folder>", "folder of the grid")
    .option("--parent <unit>", "which of the units above it joins; default: the first", named)
    .option("--encrypt", "have its sessions encrypted")
    .option("--json", "one line of JSON that names every file")
    .addHelpText("after", example("provision meter --out grid      then bring grid/units/meter/credentials.json to the device"))
    .action((unit: string, { parent, encrypt, ...options }: FolderOptions & { parent?: string; encrypt?: boolean }) =>
      inFolder(options, (grid) => grid.provision(unit, { parent, ...(encrypt ? { protection: "encrypt" as const } : {}) })),
    );
  keys
    .command("revoke")
    .description("declare the credentials of units or stakeholders worthless: raises their epoch in a new revocation list")
    .addArgument(new Argument("<names...>", "units and stakeholders").argParser((text: string, before: string[] | undefined) => [...(before ?? []), named(text)]))
    .requiredOption("--out <folder>", "folder of the grid")
    .option("--json", "one line of JSON that names every file")
    .addHelpText("after", "\nexample:\n  ebalance keys revoke meter --out grid      then copy grid/root/revocations.cbor into the folder of every gateway\n\nWho is to go on gets fresh keys the next time that keys makes its credential.")
    .action((names: string[], options: FolderOptions) => inFolder(options, (grid) => grid.revoke(names)));
}

function days(initial: number): Option {
  return new Option("--days <count>", "how long what is issued holds").default(initial).argParser(dayCount);
}

function renewDays(): Option {
  return new Option("--renew-days <count>", "what expires within this time is issued anew").default(defaultRenewDays).argParser(dayCount);
}

function dayCount(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("It is not a whole number of days, 0 to 99999.");
  return Number(text);
}

function named(text: string): string {
  if (!nameForm.safeParse(text).success) throw new InvalidArgumentError("It is not a name of 1 to 64 characters.");
  return text;
}

function list(text: string): string[] {
  return [...new Set(text.split(",").map(named))].sort();
}

function variableList(text: string): number[] {
  const known = new Map(Object.entries(standardVariables).map(([name, { id }]) => [name, id]));
  return list(text).map((name) => {
    const id = known.get(name);
    if (id === undefined) throw new InvalidArgumentError(`${name} is no variable; sdk/core/model/variables.json lists them.`);
    return id;
  });
}

/** Does something in the folder of a grid, and says what became of every file. */
function inFolder({ out, json, days, renewDays }: FolderOptions, act: (grid: GridFolder) => void): void {
  if (days !== undefined && renewDays !== undefined && days <= renewDays)
    throw new EbalanceError("bad-argument", "caller", `--days ${days} is not above --renew-days ${renewDays}: what is issued would be renewed at once`);
  const grid = new GridFolder(out, { nowS: Math.floor(Date.now() / 1000), ...(days === undefined ? {} : { days }), ...(renewDays === undefined ? {} : { renewDays }) });
  try {
    act(grid);
  } finally {
    grid.close();
  }
  for (const file of staleFiles(out, grid.noted)) grid.warnings.push(`${file} is a copy of what was there before: write it anew with ebalance keys provision, and bring it to its device again`);
  if (json) print(JSON.stringify({ folder: out, files: grid.noted.map(inJson), warnings: grid.warnings }));
  else tell(out, grid.noted);
  for (const warning of grid.warnings) process.stderr.write(`warning: ${warning}\n`);
}

function inJson({ expiresS, ...noted }: Noted): object {
  return { ...noted, ...(expiresS === undefined || expiresS === Infinity ? {} : { expires: dateTime(expiresS) }) };
}

/** What was done, what was left, and what has to be copied. */
function tell(out: string, noted: readonly Noted[]): void {
  const done = noted.filter(({ action }) => action !== "kept");
  for (const { file, action, what, expiresS } of done) {
    const until = expiresS === undefined || expiresS === Infinity ? "" : `, until ${dateTime(expiresS).slice(0, 10)}`;
    print(`${join(out, file)}: ${painted("green", action)}, ${what}${until}`);
  }
  if (noted.length > done.length) print(painted("dim", `kept as it is: ${noted.length - done.length} of ${noted.length} files`));
  const provisioned = done.filter(({ file }) => basename(file) === unitFiles.provision);
  for (const { file } of provisioned) print(`to be brought to its device: ${join(out, file)}`);
  const units = changedUnits(done).map((unit) => join(out, unit));
  if (units.length) print(`to be copied to ${units.length === 1 ? "its unit" : "their units"}: ${units.join(", ")}`);
}

/** The folders of units in which something has changed, within that of the grid. */
function changedUnits(noted: readonly Noted[]): string[] {
  const changed = noted.filter(({ file, action }) => action !== "kept" && basename(file) !== unitFiles.provision);
  return [...new Set(changed.map(({ file }) => file.split(sep)).flatMap(([kind, unit]) => (kind === "units" ? [join(kind, unit!)] : [])))];
}

/** Files for devices that say what counted before. */
function staleFiles(out: string, noted: readonly Noted[]): string[] {
  return changedUnits(noted).map((unit) => join(out, unit, unitFiles.provision)).filter((file) => existsSync(file));
}

function painted(colour: "dim" | "green", text: string): string {
  return process.stdout.isTTY && process.stdout.hasColors() ? styleText(colour, text) : text;
}

function show(files: readonly string[], { json }: { readonly json?: boolean }): void {
  const crypto = new NodeCrypto();
  const nowS = Date.now() / 1000;
  files.forEach((file, i) => {
    const shown = { file, ...shownFile(file, crypto, nowS) };
    print(json ? JSON.stringify(shown) : `${i ? "\n" : ""}${inLines(shown)}`);
  });
}

function inLines({ file, ...rest }: Shown): string {
  const said = Object.entries(rest).filter(([, value]) => value !== undefined && value.toString() !== "");
  const width = Math.max(...said.map(([name]) => name.length));
  return [file, ...said.map(([name, value]) => `  ${name.padEnd(width)}  ${Array.isArray(value) ? value.join(", ") : value}`)].join("\n");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
