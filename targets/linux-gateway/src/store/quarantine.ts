/** Sets files aside that cannot be read, so that nothing is lost that a person could still rescue. */
import { existsSync, renameSync } from "node:fs";

/** What was read is not what was written. */
export class DamagedStore extends Error {}

/** What is added to the name of a file that is set aside now. */
export function asideSuffix(): string {
  return `.damaged-${new Date().toISOString().replace(/[:.]/g, "-")}`;
}

/** Renames those of the files that there are. @returns what was added to each name */
export function quarantine(...paths: readonly string[]): string {
  const suffix = asideSuffix();
  for (const path of paths) if (existsSync(path)) renameSync(path, path + suffix);
  return suffix;
}
