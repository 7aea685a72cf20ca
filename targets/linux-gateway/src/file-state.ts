/**
 * State records as files of a folder that nobody but its owner can read. Each is written aside, is on disk, and takes the place of the one before by its name, so a power cut
 * leaves one of the two. File: "EBS1", CRC-32 of the rest, the record.
 */
import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { checkState, EbalanceError, type LogPort, type StateName, type StatePort } from "ebalance";
import { syncFolder } from "./store/frame-file";
import { asideSuffix } from "./store/quarantine";

const mark = Buffer.from("EBS1");
const headBytes = 8;
const newSuffix = ".new";

/**
 * One process a folder: whoever keeps a store locks its folder.
 * @example
 * const state = new FileState("state", stderrLog("home"));
 */
export class FileState implements StatePort {
  /** Records that could not be read: the file stays as it is until it is replaced, and then a copy of it. */
  readonly #damaged = new Set<StateName>();

  /** @throws EbalanceError `bad-configuration` where the folder cannot be made or used */
  constructor(
    private readonly folder: string,
    private readonly log: LogPort,
  ) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      chmodSync(folder, 0o700);
      // Cut off while they were written: what they were to replace is there.
      for (const name of readdirSync(folder)) if (name.endsWith(newSuffix)) rmSync(join(folder, name));
    } catch (error) {
      throw new EbalanceError("bad-configuration", "caller", `cannot keep state in ${folder}: ${codeOf(error)}`);
    }
  }

  load(name: StateName): Uint8Array | "damaged" | undefined {
    checkState(name, new Uint8Array(0));
    const path = join(this.folder, name);
    try {
      const file = readFileSync(path);
      const record = file.subarray(headBytes);
      if (file.length > headBytes && file.subarray(0, 4).equals(mark) && file.readUInt32LE(4) === crc32(record)) return new Uint8Array(record);
      this.log("error", `state ${path} is damaged`);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      this.log("error", `state ${path} cannot be read (${codeOf(error)})`);
    }
    this.#damaged.add(name);
    return "damaged";
  }

  keep(name: StateName, bytes: Uint8Array): boolean {
    checkState(name, bytes);
    const path = join(this.folder, name);
    try {
      if (this.#damaged.has(name) && existsSync(path)) copyFileSync(path, path + asideSuffix());
      if (bytes.length) replace(path, bytes);
      else rmSync(path, { force: true });
      syncFolder(this.folder);
      this.#damaged.delete(name);
      return true;
    } catch (error) {
      this.log("error", `state ${path} cannot be kept (${codeOf(error)})`);
      return false;
    }
  }
}

function replace(path: string, bytes: Uint8Array): void {
  const head = Buffer.alloc(headBytes);
  head.set(mark);
  head.writeUInt32LE(crc32(bytes), 4);
  const file = Buffer.concat([head, bytes]);
  const aside = path + newSuffix;
  const fd = openSync(aside, "w", 0o600);
  try {
    for (let written = 0; written < file.length; ) written += writeSync(fd, file, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(aside, path);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
