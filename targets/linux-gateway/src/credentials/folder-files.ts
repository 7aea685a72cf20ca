/** The files of a grid's folder: reads what is there, writes what is to be, and notes what became of each. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { EbalanceError, type Credential, type KeyHandle } from "ebalance";
import { replaceFile } from "../files";
import type { NodeCrypto } from "../node-crypto";
import { freshPrivateKeys, readPrivateKeys } from "./private-key-file";
import { readCredential, readIfThere } from "./read-credential";

const publicMode = 0o644;

/** What became of a file. */
export type FileAction = "new" | "kept" | "changed" | "renewed";

export interface Noted {
  /** Within the folder. */
  readonly file: string;
  readonly action: FileAction;
  /** What it is, in words. */
  readonly what: string;
  /** Seconds since 1970 from which on it does not count, Infinity: never; undefined: a key or a copy. */
  readonly expiresS?: number;
}

type KeyName = "es256" | "ecdh-p256";
/** Takes a key of a file into the crypto port. */
export type Keys = (name: KeyName) => KeyHandle;
/** What a credential says of a key of a file. */
export type PublicKeys = (name: KeyName) => Uint8Array;

export class FolderFiles {
  readonly noted: Noted[] = [];

  constructor(
    readonly folder: string,
    readonly crypto: NodeCrypto,
  ) {}

  path(file: string): string {
    return join(this.folder, file);
  }

  bytes(file: string): Uint8Array | undefined {
    return readIfThere(this.path(file));
  }

  credential(file: string): Credential | undefined {
    return readCredential(this.path(file), this.crypto);
  }

  /** The folders in a folder. */
  foldersIn(folder: string): string[] {
    if (!existsSync(this.path(folder))) return [];
    return readdirSync(this.path(folder), { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(folder, entry.name)] : []));
  }

  /** The names of the files in a folder that end so. */
  filesIn(folder: string, end: string): string[] {
    return readdirSync(this.path(folder)).filter((name) => name.endsWith(end));
  }

  /** Notes a file that stays as it is. */
  keep({ file, what, expiresS }: Omit<Noted, "action">): void {
    this.noted.push({ file, action: "kept", what, ...(expiresS === undefined ? {} : { expiresS }) });
  }

  put(noted: Noted, content: string | Uint8Array, mode = publicMode): void {
    mkdirSync(dirname(this.path(noted.file)), { recursive: true, mode: 0o700 });
    replaceFile(this.path(noted.file), content, mode);
    this.noted.push(noted);
  }

  /** Puts the content of one file into another, where it is there and different. */
  copy(from: string, file: string, what: string): void {
    const bytes = this.bytes(from);
    if (bytes) this.putIfDifferent(file, bytes, what);
  }

  putIfDifferent(file: string, bytes: Uint8Array, what: string): void {
    const before = this.bytes(file);
    if (before && Buffer.compare(bytes, before) === 0) this.keep({ file, what });
    else this.put({ file, action: before ? "changed" : "new", what }, bytes);
  }

  /**
   * The public keys of a file of private ones, fresh ones where there is none.
   * @param anew fresh ones in any case
   * @throws EbalanceError `bad-configuration` for a file that others can read, or that is somebody else's
   */
  keys(file: string, of: string, kind: "unit" | "signer", anew = false): PublicKeys {
    const there = existsSync(this.path(file));
    const what = `private keys of ${of}`;
    if (!there || anew) this.put({ file, action: there ? "changed" : "new", what }, freshPrivateKeys(of, kind === "unit"), 0o600);
    else this.keep({ file, what });
    const known = this.knownKeys(file, of);
    return (name) => {
      const key = known(name);
      const bytes = this.crypto.publicKey(key);
      this.crypto.destroyKey(key);
      return bytes;
    };
  }

  /** The private keys of a file that has to be there. */
  knownKeys(file: string, of: string): Keys {
    const read = readPrivateKeys(this.path(file));
    if (read.of !== of) throw new EbalanceError("bad-configuration", "caller", `private key file ${this.path(file)}: of is ${read.of}, not ${of}; put it back where it belongs`);
    return (name) => {
      const key = read.keys[name];
      if (!key) throw new EbalanceError("bad-configuration", "caller", `private key file ${this.path(file)}: ${name} is missing`);
      return key.importPrivateInto(this.crypto, name);
    };
  }
}
