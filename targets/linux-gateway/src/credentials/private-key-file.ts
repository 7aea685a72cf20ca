/** Files with private keys: JSON, readable by their owner alone. Format: `docs/credentials.md`. */
import { randomBytes } from "node:crypto";
import { EbalanceError, isPrivateKey, Secret } from "ebalance";
import { readSecretText } from "../read-key-file";

/** What a key of a file is for: it signs; it agrees on the secrets of sessions; it wraps the session keys that a unit keeps over a restart. The last two are a unit's alone. */
export type PrivateKeyName = "es256" | "ecdh-p256" | "wrap";

const names: readonly PrivateKeyName[] = ["es256", "ecdh-p256", "wrap"];
const signing: readonly PrivateKeyName[] = ["es256"];
const keyBytes = 32;

export interface PrivateKeys {
  /** Unit, stakeholder, service or operator whose keys these are. */
  readonly of: string;
  readonly keys: Readonly<Partial<Record<PrivateKeyName, Secret>>>;
}

/** The text of a file with fresh keys. @param forUnit with those that only a unit has */
export function freshPrivateKeys(of: string, forUnit: boolean): string {
  const keys = (forUnit ? names : signing).map((name) => [name, freshKey(name).toString("hex")]);
  return `${JSON.stringify({ type: "ebalance-private-key", version: 1, of, ...Object.fromEntries(keys) }, null, 2)}\n`;
}

function freshKey(name: PrivateKeyName): Buffer {
  const bytes = randomBytes(keyBytes);
  // One of 2^32 is no scalar of the curve.
  return name === "wrap" || isPrivateKey(bytes, name) ? bytes : freshKey(name);
}

/**
 * Reads a file of private keys that nobody but its owner can read.
 * @throws EbalanceError `bad-configuration` naming file, field and remedy; never a key
 */
export function readPrivateKeys(path: string): PrivateKeys {
  return parsePrivateKeys(readSecretText(path), path);
}

export function parsePrivateKeys(text: string, path: string): PrivateKeys {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    // The engine's own message would quote the text, and with it the keys.
    return wrong(path, "is not JSON");
  }
  const { type, version, of, ...fields } = (typeof file === "object" && file !== null ? file : {}) as Record<string, unknown>;
  if (type !== "ebalance-private-key") return wrong(path, 'type is not "ebalance-private-key"');
  if (version !== 1) return wrong(path, "version is not 1");
  if (typeof of !== "string" || of.length < 1 || of.length > 64) return wrong(path, "of is not a name of 1 to 64 characters");
  const keys: Partial<Record<PrivateKeyName, Secret>> = {};
  for (const [field, hex] of Object.entries(fields)) {
    const name = names.find((one) => one === field) ?? wrong(path, `${field} is not a field; there are type, version, of, ${names.join(", ")}`);
    if (typeof hex !== "string" || !/^[0-9a-f]{64}$/i.test(hex)) return wrong(path, `${field} is not ${2 * keyBytes} hexadecimal digits`);
    const bytes = Buffer.from(hex, "hex");
    if (name !== "wrap" && !isPrivateKey(bytes, name)) return wrong(path, `${field} is no private key of the curve P-256`);
    keys[name] = new Secret(new Uint8Array(bytes));
    bytes.fill(0);
  }
  if (!keys.es256) return wrong(path, "es256 is missing: the key that signs");
  return { of, keys };
}

function wrong(path: string, what: string): never {
  throw new EbalanceError("bad-configuration", "caller", `private key file ${path}: ${what}`);
}
