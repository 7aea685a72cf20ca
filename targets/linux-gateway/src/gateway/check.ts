/**
 * What can be known of a configuration before anything starts, besides its form: whether its files are there and fit one another. `ebalance check` says all of it, and a
 * start begins with it.
 */
import { accessSync, constants } from "node:fs";
import { EbalanceError, type SessionConfig } from "ebalance";
import { UnitFolder } from "../credentials/unit-folder";
import { NodeCrypto } from "../node-crypto";
import { systemClock } from "../node-ports";
import { readKeyFile, readSecretText } from "../read-key-file";
import { checkSerial, serialAddressOf, type SerialAddress } from "../serial";
import { publishProblems, replicaProblems } from "./check-credentials";
import type { GatewayConfig, ListenConfig } from "./configuration";

export interface Checked {
  /** What keeps the gateway from starting, each with its place. */
  readonly errors: readonly string[];
  /** What it starts with, and what is perhaps not meant. */
  readonly warnings: readonly string[];
}

/** Looks, and notes what is wrong with its place. */
type Look = <T>(place: string, look: () => T) => T | undefined;

/** Looks into the files that a configuration names. Opens no port. */
export function checkFiles(config: GatewayConfig): Checked {
  const errors: string[] = [];
  const warnings: string[] = [];
  const at: Look = (place, look) => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof EbalanceError)) throw error;
      errors.push(`${place}: ${error.message}`);
      return undefined;
    }
  };
  const below = config.units.map(({ keyFile }, i) => at(`units.${i}.keyFile`, () => sessionOf(keyFile, config.unit, "responder")));
  const { keyFile } = config.parent ?? {};
  const parent = keyFile === undefined ? undefined : at("parent.keyFile", () => sessionOf(keyFile, config.unit, "initiator"));
  if (config.credentials) checkCredentials(config, at, warnings);
  const sessions = [...below, parent].filter((session) => session !== undefined);
  for (const kid of repeated(sessions.map((session) => session.kid))) errors.push(`units, parent: two key files have kid ${kid}; make them with one plan (ebalance keys)`);
  config.listen.forEach((listen, i) => secretsOf(listen).forEach(({ place, file, isPublic }) => at(`listen.${i}.${place}`, () => (isPublic ? readable(file) : readSecretText(file)))));
  if (config.parent?.passwordFile) at("parent.passwordFile", () => readSecretText(config.parent!.passwordFile!));
  for (const { place, line } of linesOf(config)) at(place, () => checkSerial(line(), (what) => warnings.push(`${place}: ${what}`)));
  for (const address of repeated(config.listen.flatMap(addressOf))) errors.push(`listen: two ways in at ${address}`);
  const bridged = config.bridges.map(({ sunspec }) => sunspec.device);
  for (const device of repeated([...bridged, ...below.flatMap((session) => session?.initiator ?? [])])) errors.push(`bridges, units: ${device} is there twice; each device has an id of its own`);
  if (parent) warnings.push(...unknownAbove(config, parent, bridged));
  return { errors, warnings };
}

/** @throws EbalanceError `bad-configuration` where a gateway could not start with this configuration; warnings go to `warn` */
export function checkStart(config: GatewayConfig, warn: (line: string) => void): void {
  const { errors, warnings } = checkFiles(config);
  if (errors.length) throw new EbalanceError("bad-configuration", "caller", `unit ${config.unit}: ${errors.join("\n  ")}`);
  warnings.forEach(warn);
}

function sessionOf(keyFile: string, unit: string, end: "initiator" | "responder"): SessionConfig {
  const { session, key } = readKeyFile(keyFile);
  key.wipe();
  if (session[end] === unit) return session;
  const what = end === "responder" ? "a unit below" : "the unit above";
  throw new EbalanceError("bad-configuration", "caller", `${keyFile} is for ${session.initiator} below ${session.responder}; here belongs one of ${unit} with ${what}`);
}

/** The unit's own folder, and whether it fits what the gateway is to do. */
function checkCredentials(config: GatewayConfig, at: Look, warnings: string[]): void {
  const path = config.credentials!.folder;
  const folder = at("credentials.folder", () => new UnitFolder(path, config.unit, { crypto: new NodeCrypto(), clock: systemClock }));
  if (!folder) return;
  const { credential, delegations } = folder;
  warnings.push(...folder.warnings.map((line) => `credentials.folder: ${line}`));
  if (config.parent && config.parent.keyFile === undefined) {
    const { unit, url, passwordFile } = config.parent;
    const account = at("parent", () => folder.accountAt(folder.parent(unit)));
    if (account && url.startsWith("mqtt") && passwordFile === undefined) at("parent.url", account.password);
    const unknown = config.bridges.map(({ sunspec }) => sunspec.device).filter((device) => !credential.below.includes(device));
    warnings.push(...unknown.map((device) => `bridges: the unit above will not hear of ${device}, which the credential of ${config.unit} does not name under below; add it to the plan and make the credentials anew (ebalance keys)`));
  }
  config.services.forEach((one, i) => {
    const { stakeholder, service } = "totals" in one ? one.totals : one.voltageGuard;
    const isDelegated = delegations.some((delegation) => delegation.issuer === stakeholder && delegation.service === service);
    if (!isDelegated) warnings.push(`services.${i}: nothing in ${path} lets ${config.unit} act for ${stakeholder} as ${service} at other units; see ebalance keys delegate`);
  });
  warnings.push(...publishProblems(config, folder), ...replicaProblems(config, folder));
  folder.close();
}

/** What the unit above cannot know, because the key file that both have does not name it. */
function unknownAbove(config: GatewayConfig, parent: SessionConfig, bridged: readonly string[]): string[] {
  const remedy = "add it to the plan and make the key files anew (ebalance keys)";
  const devices = bridged.filter((device) => !parent.below?.includes(device)).map((device) => `bridges: ${parent.responder} will not hear of ${device}, which ${config.parent!.keyFile} does not name under below; ${remedy}`);
  const grantees = Object.entries(config.policies).flatMap(([owner, { entries }]) => entries.flatMap((entry) => entry.grantees).map((grantee) => ({ owner, ...grantee })));
  const strangers = grantees.filter(({ stakeholder, service }) => ![stakeholder, service].every((name) => parent.names.includes(name)));
  return [...devices, ...strangers.map(({ owner, stakeholder, service }) => `policies.${owner}: nobody above is ${stakeholder}/${service}, as ${config.parent!.keyFile} names them; a slip, or ${remedy}`)];
}

function secretsOf(listen: ListenConfig): { place: string; file: string; isPublic: boolean }[] {
  if ("broker" in listen) return [{ place: "broker.passwordFile", file: listen.broker.passwordFile, isPublic: false }];
  if (!("mqtt" in listen) || !listen.mqtt.tls) return [];
  const { keyFile, certFile } = listen.mqtt.tls;
  return [{ place: "mqtt.tls.keyFile", file: keyFile, isPublic: false }, { place: "mqtt.tls.certFile", file: certFile, isPublic: true }];
}

function readable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new EbalanceError("bad-configuration", "caller", `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The serial lines of a configuration, with their places. */
function linesOf({ listen, parent }: GatewayConfig): { place: string; line: () => SerialAddress | undefined }[] {
  const below = listen.map((way, i) => ({ place: `listen.${i}.serial`, line: () => ("serial" in way ? way.serial : undefined) }));
  return parent ? [...below, { place: "parent.url", line: () => serialAddressOf(parent.url) }] : below;
}

function addressOf(listen: ListenConfig): string[] {
  if ("serial" in listen) return [listen.serial.path];
  const address = "tcp" in listen ? listen.tcp : "mqtt" in listen ? listen.mqtt : undefined;
  return address?.port ? [`${address.host}:${address.port}`] : [];
}

function repeated<T>(values: readonly T[]): T[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) < i))];
}
