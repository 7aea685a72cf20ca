/** The command `ebalance`. Exit codes: 0 done, 1 a configuration or the start failed, 2 bad usage, 3 a credential has expired or soon will. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { EbalanceError, type LogLevel } from "ebalance";
import { z } from "zod";
import { replaceFile } from "../files";
import { stderrLog } from "../node-ports";
import { brokerFiles } from "./broker-files";
import { checkFiles, type Checked } from "./check";
import { expiriesIn, type Expiries } from "./check-credentials";
import { gatewayForm, readConfig } from "./config";
import type { GatewayConfig } from "./configuration";
import { Gateway } from "./gateway";
import { addKeysCommand } from "./keys-command";
import { planForm } from "./plan";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const expiringCode = 3;
const nothingExpires: Expiries = { first: undefined, soon: [] };
const levels: readonly LogLevel[] = ["debug", "info", "warning", "error"];

/** Runs a gateway until a signal comes. */
async function run(file: string, options: { events?: boolean; log: string }): Promise<void> {
  const config = readConfig(file);
  const level = levels.find((one) => one === options.log);
  if (!level) throw new EbalanceError("bad-argument", "caller", `--log ${options.log} is not one of ${levels.join(", ")}`);
  const stopped = new Promise<void>((resolve) => signals.forEach((signal) => process.once(signal, () => resolve())));
  const tell = options.events ? { onEvent: (event: object) => void process.stdout.write(`${JSON.stringify(event)}\n`) } : {};
  // Whatever becomes of the events: the gateway goes on.
  process.stdout.off("error", endOfOutput).on("error", () => {});
  const gateway = await Gateway.open(config, { log: stderrLog(config.unit, level), ...tell });
  await stopped;
  await gateway.close();
}

/** @returns the exit code */
function check(file: string, { json }: { readonly json?: boolean }): number {
  const found = checked(file);
  const { config, errors, warnings, expires } = found;
  if (json) {
    const { first = null, soon } = expires;
    process.stdout.write(`${JSON.stringify({ file, unit: config?.unit ?? null, errors, warnings, expires: first, expiring: soon })}\n`);
  } else {
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    if (errors.length) process.stderr.write(`${config ? `unit ${config.unit}: ` : ""}${errors.join("\n  ")}\n`);
    else if (config) process.stdout.write(`${file}: unit ${config.unit}, ${config.listen.length} ways in, ${config.units.length} units below, ${config.bridges.length} bridges, ${config.services.length} services${expires.first === undefined ? "" : `, credentials until ${expires.first}`}\n`);
  }
  return expires.soon.length ? expiringCode : errors.length ? 1 : 0;
}

function checked(file: string): Checked & { readonly config?: GatewayConfig; readonly expires: Expiries } {
  try {
    const config = readConfig(file);
    return { config, ...checkFiles(config), expires: config.credentials ? expiriesIn(config.credentials.folder, Date.now() / 1000) : nothingExpires };
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    return { errors: [error.message], warnings: [], expires: nothingExpires };
  }
}

/** Writes what an external mosquitto broker needs to know of a gateway. */
function mosquitto(file: string, options: { out: string }): void {
  const files = brokerFiles(readConfig(file), options.out);
  mkdirSync(options.out, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) replaceFile(join(options.out, name), text as string);
  process.stdout.write(`${join(options.out, "mosquitto.conf")}: start it with mosquitto -c; its user must be able to read the folder\n`);
}

/** @param done is told the exit code of a command that has one of its own */
function program(done: (code: number) => void): Command {
  const ebalance = new Command("ebalance").description("Gateways of ebalance: units of a smart grid on Linux").exitOverride().showHelpAfterError("try: ebalance --help");
  ebalance
    .command("run")
    .description("run a gateway until Ctrl-C or SIGTERM")
    .argument("<config>", "its YAML file")
    .option("--events", "one line of JSON on standard output for whatever happens: sessions, decisions, counters")
    .option("--log <level>", `least level of the log on standard error: ${levels.join(", ")}`, "info")
    .addHelpText("after", "\nexample:\n  ebalance run home.yaml --log warning")
    .action(run);
  ebalance
    .command("check")
    .description("check a configuration, its files and credentials, and end")
    .argument("<config>", "its YAML file")
    .option("--json", "one line of JSON: errors, warnings, when the first credential expires, and those that soon do")
    .addHelpText(
      "after",
      "\nexit codes:\n  0  a gateway can start with it; warnings may have been printed\n  1  it cannot start\n  2  the command was not used as it is meant to be\n  3  a credential in its folder has expired or will within 30 days (whatever else is wrong is printed too): run ebalance keys again\n\nexample, once a day:\n  ebalance check home.yaml --json",
    )
    .action((file: string, options: { json?: boolean }) => done(check(file, options)));
  addKeysCommand(ebalance);
  ebalance
    .command("mosquitto")
    .description("write configuration, access list and passwords of an external mosquitto broker for a gateway")
    .argument("<config>", "the gateway's YAML file, with a broker under listen")
    .requiredOption("--out <folder>", "where the files go")
    .action(mosquitto);
  ebalance
    .command("schema")
    .description("print the JSON Schema of a configuration or plan, for editors")
    .argument("<what>", "gateway or plan")
    .action((what: string) => {
      const form = what === "gateway" ? gatewayForm : what === "plan" ? planForm : undefined;
      if (!form) throw new EbalanceError("bad-argument", "caller", `${what} is not gateway or plan`);
      process.stdout.write(`${JSON.stringify(z.toJSONSchema(form, { io: "input" }), null, 2)}\n`);
    });
  return ebalance;
}

/** Whoever read the output has seen enough, as `head` does: that is no error. */
function endOfOutput(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** @param args without the program's name. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  process.stdout.on("error", endOfOutput);
  try {
    let code = 0;
    await program((own) => (code = own)).parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof EbalanceError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.code === "bad-argument" ? 2 : 1;
  }
}
