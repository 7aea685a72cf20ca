/** Reads the key files of a unit from disk. */
import { constants, fstatSync, openSync, readFileSync, closeSync } from "node:fs";
import { EbalanceError, parseKeyFile, type KeyFile } from "ebalance";

/** A home with a thousand units below it names them all: some 160 kB. */
const maxBytes = 1_048_576;

/**
 * Reads a key file that nobody but its owner can read.
 * @throws EbalanceError `bad-configuration` naming the file and what is wrong with it; never the key
 */
export function readKeyFile(path: string): KeyFile {
  return parseKeyFile(readSecretText(path), path);
}

/** The text of a file with mode 0600 or stricter. */
export function readSecretText(path: string): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw wrong(path, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw wrong(path, "is not a file");
    if ((status.mode & 0o077) !== 0) throw wrong(path, `has mode ${(status.mode & 0o777).toString(8)}: others can read it; chmod 600 it`);
    if (status.size > maxBytes) throw wrong(path, `has ${status.size} bytes, at most ${maxBytes} are read`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

function wrong(path: string, what: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", `key file ${path} ${what}`);
}
