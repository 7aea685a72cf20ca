/** What is wrong with the folder of a unit, in words that lead to what is to be done: about the folder whole, and about a credential in it that does not count. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ClockPort, Credential } from "ebalance";
import { rootFiles, stakeholderNames, unitFiles, unitFolder } from "./file-names";
import { isOfAnotherRoot } from "./read-credential";
import { dateTime } from "./show";

export const remedy = "make it anew with ebalance keys, and copy the folder of the unit again";

/** What expires within this time is warned of, in seconds: as long before it ebalance keys issues it anew. */
export const soonS = 30 * 86_400;

/** As the clocks of two units may differ: before that a store takes no credential. */
const clockToleranceS = 300;

/** Why a path is not that of the folder of a unit; undefined where it may be. */
export function folderProblem(path: string, unit: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) return `${path} is not there; ebalance keys makes the folder of ${unit} as ${unitFolder(unit)} in the folder of the grid`;
  if (!status.isDirectory()) return `${path} is no folder; ${unitFolder(unit)} in the folder of the grid belongs here`;
  if (existsSync(join(path, unitFiles.credential))) return undefined;
  if (existsSync(join(path, rootFiles.credential))) return `${path} is the folder of a whole grid; ${join(path, unitFolder(unit))} belongs here`;
  if (existsSync(join(path, stakeholderNames.credential))) return `${path} is the folder of a stakeholder, whose key is on no unit; ${unitFolder(unit)} in the folder of the grid belongs here`;
  return undefined;
}

/** Whether a credential was issued later than it is now: it is the clock that is to be mended, and no credential. */
export function clockProblem(credential: Credential, clock: ClockPort): string | undefined {
  const nowS = clock.wallMs() / 1000;
  if (!clock.isSet() || credential.issuedS <= nowS + clockToleranceS) return undefined;
  return `was issued at ${dateTime(credential.issuedS)}, and the clock of this machine says ${dateTime(nowS)}: set the clock`;
}

/**
 * Why a credential of the folder does not count, with the remedy.
 * @param refused the files that do not count either, by the id of what they hold, in hexadecimal digits
 * @param reason what the store of the unit says
 */
export function refusalOf(credential: Credential, root: Credential, clock: ClockPort, refused: ReadonlyMap<string, string>, reason: string): string {
  const issuerFile = refused.get(idOf(credential.issuerId));
  if (issuerFile !== undefined) return `stands under ${issuerFile}, which does not count itself`;
  if (isOfAnotherRoot(credential, root)) return `is signed by another root than that of ${root.domain} in ${unitFiles.root}: a folder is of one grid; copy it again, all of it`;
  const problem = clockProblem(credential, clock);
  if (problem !== undefined) return problem;
  if (clock.isSet() && credential.expiresS <= clock.wallMs() / 1000) return `expired at ${dateTime(credential.expiresS)}; ${remedy}`;
  return `does not count: ${reason}; ${remedy}`;
}

export function idOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
