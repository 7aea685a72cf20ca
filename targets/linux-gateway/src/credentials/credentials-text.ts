/** All that stands in the folder of a unit as one text, for a device that keeps its settings in flash: what `certifiedPlatform` reads. Format: `docs/credentials.md`. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { credentialsFileType, deviceCertificateLimits, EbalanceError, type Protection, type UnitKeyName } from "ebalance";
import { readSecretText } from "../read-key-file";
import { unitFiles } from "./file-names";
import { parsePrivateKeys } from "./private-key-file";
import { fewerNames, readIfThere } from "./read-credential";

export interface ProvisionOptions {
  /** Which of the units above is joined. Default: the first that the credential names. */
  readonly parent?: string | undefined;
  /** What the device asks for; its sessions are encrypted where either end asks. Default "mac". */
  readonly protection?: Protection | undefined;
}

const { maxBytes } = deviceCertificateLimits;
const keyNames: readonly UnitKeyName[] = ["es256", "ecdh-p256", "wrap"];

/** @throws EbalanceError `bad-configuration` naming the file that is missing or not usable; never a key */
export function credentialsText(folder: string, { parent, protection }: ProvisionOptions): string {
  const path = (file: string) => join(folder, file);
  const hex = (file: string) => {
    const bytes = readIfThere(path(file)) ?? raise(`${path(file)} is not there; make the unit with ebalance keys`);
    if (file.endsWith(".cwt") && bytes.length > maxBytes) raise(`${path(file)} has ${bytes.length} bytes, a device accepts at most ${maxBytes}; ${fewerNames}`);
    return Buffer.from(bytes).toString("hex");
  };
  const those = (ending: string) => readdirSync(folder).filter((file) => file.endsWith(ending)).sort().map(hex);
  const root = hex(unitFiles.root);
  const credential = hex(unitFiles.credential);
  const has = (file: string) => readIfThere(path(file)) !== undefined;
  const policy = has(unitFiles.policy) ? { policy: JSON.parse(Buffer.from(readIfThere(path(unitFiles.policy))!).toString("utf8")) as unknown } : {};
  const file = {
    type: credentialsFileType,
    version: 1,
    ...(parent === undefined ? {} : { parent }),
    root,
    credential,
    others: [...those(".stakeholder.cwt"), ...those(".delegation.cwt")],
    ...(has(unitFiles.revocations) ? { revocations: hex(unitFiles.revocations) } : {}),
    ...keysOf(path(unitFiles.keys)),
    ...(protection === undefined ? {} : { protection }),
    ...policy,
  };
  return `${JSON.stringify(file)}\n`;
}

/** As the file has them: the port would not give them back. */
function keysOf(path: string): Record<string, unknown> {
  const text = readSecretText(path);
  parsePrivateKeys(text, path);
  const file = JSON.parse(text) as Record<string, unknown>;
  return Object.fromEntries(keyNames.map((name) => [name, file[name] ?? raise(`private key file ${path}: ${name} is missing; make the unit anew with ebalance keys`)]));
}

function raise(what: string): never {
  throw new EbalanceError("bad-configuration", "caller", what);
}
