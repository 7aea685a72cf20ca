/** Files that are there whole or not at all. */
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";

/** Puts a file in place of the one before, at once and on disk. @param mode default 0600: its owner alone can read it */
export function replaceFile(path: string, content: string | Uint8Array, mode = 0o600): void {
  const file = openSync(`${path}.new`, "w", mode);
  try {
    // One that was left over has a mode of its own.
    fchmodSync(file, mode);
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
