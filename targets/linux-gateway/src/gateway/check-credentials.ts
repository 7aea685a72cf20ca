/** What a configuration asks of the unit's credentials: whether its folder holds what publishing and copies need, and when something in it expires. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { covers, standardVariables, type Delegation, type UnitCredential } from "ebalance";
import { soonS } from "../credentials/explain";
import { neighbourEnd } from "../credentials/file-names";
import { readCredential } from "../credentials/read-credential";
import { dateTime } from "../credentials/show";
import type { UnitFolder } from "../credentials/unit-folder";
import { NodeCrypto } from "../node-crypto";
import type { GatewayConfig } from "./configuration";

const write = 2;

/** What publishing lacks in the folder of the unit, each with its place. */
export function publishProblems({ unit, publish, bridges, units }: GatewayConfig, folder: UnitFolder): string[] {
  const { below } = folder.credential;
  return publish.flatMap(({ variable, device, owner }, i) => {
    const at = `publish.${i}`;
    const bridged = bridges.find(({ sunspec }) => sunspec.device === device)?.sunspec;
    // Of what is below under session key files the folder says nothing.
    const isKnown = device === unit || bridged !== undefined || below.includes(device) || units.length > 0;
    if (!isKnown) return [`${at}.device: ${device} is neither ${unit} nor a unit below it; a slip, or add it to the plan and make the credentials anew (ebalance keys)`];
    const known = bridged?.owner ?? folder.unit(device)?.owner;
    if (known !== undefined && known !== owner) return [`${at}.owner: ${device} belongs to ${known}, not to ${owner}`];
    const { id } = standardVariables[variable]!;
    const held = folder.store.delegations(unit).filter(({ issuer }) => issuer === owner);
    if (held.some((one) => covers(one, write, { variable: id, device }))) return [];
    return [`${at}: ${lacking(held, owner, unit)} covers writing ${variable} of ${device}, so it is not published; see ebalance keys delegate --stakeholder ${owner} --unit ${unit} --rights write`];
  });
}

/** What copies lack in the folder of the unit, each with its place. */
export function replicaProblems({ unit, replicas }: GatewayConfig, folder: UnitFolder): string[] {
  const { below } = folder.credential;
  const isKnown = (name: string) => below.includes(name) || folder.unit(name) !== undefined;
  return replicas.flatMap(({ device, owner, home }, i) => {
    const at = `replicas.${i}`;
    if (home === unit) return [`${at}.home: ${home} is this unit itself; what is at home here needs no copy`];
    const stranger = Object.entries({ home, device }).find(([, name]) => !isKnown(name));
    if (stranger) return [`${at}.${stranger[0]}: ${stranger[1]} is no unit below ${unit}, and none whose credential is in ${folder.path}; a slip, or add it to the plan and make the credentials anew (ebalance keys)`];
    const known = folder.unit(device)?.owner;
    if (known !== undefined && known !== owner) return [`${at}.owner: ${device} belongs to ${known}, not to ${owner}`];
    if (!folder.store.stakeholder(owner)) return [`${at}.owner: no credential of ${owner} that counts is in ${folder.path}: what ${home} publishes is refused; copy ${owner}'s stakeholder.cwt and the delegation to ${home} there`];
    const held = folder.store.delegations(home).filter(({ issuer }) => issuer === owner);
    if (held.some(({ rights, devices }) => (rights & write) !== 0 && (!devices || devices.includes(device)))) return [];
    return [`${at}.home: ${lacking(held, owner, home)} in ${folder.path} covers writing for ${device}: until it is there, or comes with a session, what ${home} publishes is refused`];
  });
}

function lacking(held: readonly Delegation[], owner: string, unit: string): string {
  return held.length ? `none of the delegations of ${owner} to ${unit}` : `no delegation of ${owner} to ${unit}`;
}

/** When the credentials in the folder of a unit expire. */
export interface Expiries {
  /** The first of them; undefined: none does. */
  readonly first: string | undefined;
  /** Those that have expired or will within {@link soonS}: ISO 8601. */
  readonly soon: readonly { readonly file: string; readonly expires: string }[];
}

/** @param path of the folder of a unit. Credentials of neighbours are left out: fresh ones come with their sessions */
export function expiriesIn(path: string, nowS: number): Expiries {
  const crypto = new NodeCrypto();
  const files = namesIn(path).filter((name) => name.endsWith(".cwt") && !name.endsWith(neighbourEnd)).sort().map((name) => join(path, name));
  const ends = files.flatMap((file) => {
    const expiresS = expiryOf(file, crypto);
    return expiresS === undefined || expiresS === Infinity ? [] : [{ file, expiresS }];
  });
  const soon = ends.filter(({ expiresS }) => expiresS - nowS < soonS).map(({ file, expiresS }) => ({ file, expires: dateTime(expiresS) }));
  return { first: ends.length ? dateTime(Math.min(...ends.map(({ expiresS }) => expiresS))) : undefined, soon };
}

/** What cannot be read is said by whoever opens the folder. */
function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function expiryOf(file: string, crypto: NodeCrypto): UnitCredential["expiresS"] | undefined {
  try {
    return readCredential(file, crypto)?.expiresS;
  } catch {
    return undefined;
  }
}
